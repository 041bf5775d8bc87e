/* The training's state as a checkpoint: saving it, finding it, and going on from it.

   Rank 0 reads and writes; the others get the bytes from it. What is not in the file is a pure function of what is:
   random numbers are addressed by step, the order of the data by the number of critic steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "gan_dist/version.h"
#include "kernels/precision.h"
#include "train/internal.h"
#include "train/optimization.h"
#include "train/step.h"

enum { OWN_TENSORS = 2 }; /* of list_own, at most */

/* The trainer's own numbers: those that the run has, and that a checkpoint which is read has, too. */
static size_t list_own(gan_trainer *trainer, bool writing, gan_tensor *tensors) {
  const gan_config *config = trainer->config;
  const struct {
    bool used;
    gan_tensor tensor;
  } own[OWN_TENSORS] = {
      {config->critic.lecam > 0,
       {.path = "/trainer/lecam", .shape = {.rank = 1, .size = {GAN_LECAM_STATES}}, .data = trainer->lecam}},
      {config->augment.adaptive, {.path = "/trainer/augmentation", .data = &trainer->augment_strength}}};
  size_t count = 0;
  for (int i = 0; i < OWN_TENSORS; i++)
    if (own[i].used && (writing || gan_checkpoint_has(trainer->resumed, own[i].tensor.path)))
      tensors[count++] = own[i].tensor;
  return count;
}

/* Every tensor of the state, as the file names it. `writing`: with the numbers that are there for other programs, and
   follow from the steps: a step moves the running statistics once for each part. */
static gan_status list_tensors(gan_trainer *trainer, bool writing, bool average, gan_tensor **list, size_t *count) {
  gan_player *players[] = {&trainer->generator, &trainer->critic};
  const size_t room = (gan_model_tensor_count(players[0]->network) + gan_model_tensor_count(players[1]->network)) *
                          (2 + GAN_OPTIMIZER_STATES) +
                      OWN_TENSORS;
  gan_tensor *tensors = NULL;
  GAN_TRY(gan_allocate(room, sizeof *tensors, "the list of tensors", &tensors));
  size_t used = 0;
  for (int i = 0; i < 2; i++) {
    char folder[64];
    const int64_t batches = writing ? players[i]->steps * players[i]->pass->most_parts : -1;
    snprintf(folder, sizeof folder, "/%s", players[i]->name);
    used += gan_model_tensors(folder, players[i]->network, players[i]->parameters, players[i]->buffers, batches,
                              tensors + used);
    for (int j = 0; j < players[i]->states_used; j++) {
      snprintf(folder, sizeof folder, "/optimizer/%s/%s", players[i]->name, players[i]->optimizer->state_names[j]);
      used += gan_model_tensors(folder, players[i]->network, players[i]->states[j], NULL, -1, tensors + used);
    }
  }
  if (average)
    used += gan_model_tensors("/ema", trainer->generator.network, trainer->generator.ema,
                              trainer->generator.ema_buffers, writing ? trainer->generator.steps : -1, tensors + used);
  used += list_own(trainer, writing, tensors + used);
  *list = tensors;
  *count = used;
  return GAN_OK;
}

/* A state with a NaN is not worth keeping, and must not push out a good one; with an infinite moment, it would go on
   and learn nothing more. */
static gan_status check_finite(const gan_trainer *trainer, size_t count, const gan_tensor *tensors) {
  const gan_tensor *odd = gan_model_not_finite(count, tensors);
  if (!odd) return GAN_OK;
  return gan_fail(GAN_FAILED, "the numbers of %s are no longer finite in iteration %lld: use a lower learning rate%s",
                  odd->path, (long long)trainer->iteration, gan_weights_hint(trainer));
}

const char *gan_state_backend(const gan_trainer *trainer, size_t size, char *name) {
  const gan_backend *backend = trainer->model.critic->options.backend;
  const bool usual = backend->precision == GAN_FLOAT32;
  snprintf(name, size, "%s%s%s", backend->name, usual ? "" : " --precision ",
           usual ? "" : gan_precision_name(backend->precision));
  return name;
}

gan_backend_name gan_state_backend_parts(const char *text) {
  static const char between[] = " --precision ";
  const char *precision = strstr(text, between);
  gan_backend_name parts;
  snprintf(parts.backend, sizeof parts.backend, "%.*s", precision ? (int)(precision - text) : (int)strlen(text), text);
  snprintf(parts.precision, sizeof parts.precision, "%s",
           precision ? precision + sizeof between - 1 : gan_precision_name(GAN_FLOAT32));
  return parts;
}

static gan_status write_state(gan_trainer *trainer) {
  gan_tensor *tensors = NULL;
  size_t count = 0;
  char path[PATH_MAX];
  gan_checkpoint checkpoint = {.iteration = trainer->iteration,
                               .critic_steps = trainer->critic.steps,
                               .generator_steps = trainer->generator.steps,
                               .seed = (uint64_t)trainer->config->run.seed,
                               .shards = trainer->shards.count,
                               .data_fingerprint = trainer->source->fingerprint,
                               .data_shape = trainer->source->shape,
                               .best = trainer->best,
                               .program_version = GAN_DIST_VERSION};
  gan_state_backend(trainer, sizeof checkpoint.backend, checkpoint.backend);
  gan_checkpoint_path(trainer->folder, trainer->iteration, path);
  GAN_TRY(gan_config_print_run(trainer->config, &checkpoint.config));
  gan_status status = list_tensors(trainer, true, trainer->generator.ema, &tensors, &count);
  if (status == GAN_OK) status = check_finite(trainer, count, tensors);
  if (status == GAN_OK) status = gan_checkpoint_write(path, &checkpoint, count, tensors);
  if (status == GAN_OK) status = gan_checkpoint_link(trainer->folder, "latest.h5", path);
  gan_checkpoint_release(&checkpoint);
  free(tensors);
  GAN_TRY(status);
  if (trainer->observer.file) trainer->observer.file(trainer->observer.context, "checkpoint", path);
  return GAN_OK;
}

void gan_state_collect(gan_trainer *trainer) {
  gan_reduction_collect(trainer->generator.reduction);
  gan_reduction_collect(trainer->critic.reduction);
}

gan_status gan_state_save(gan_trainer *trainer) {
  GAN_TRY(gan_folder_claim(trainer));
  gan_state_collect(trainer);
  const bool writer = gan_world_rank(trainer->world) == 0;
  const gan_status mine = writer ? gan_folder_explain(trainer, write_state(trainer)) : GAN_OK;
  GAN_TRY(gan_world_agree(trainer->world, mine));
  gan_checkpoint_path(trainer->folder, trainer->iteration, trainer->last_checkpoint);
  return GAN_OK;
}

/* What the run cannot change without becoming another one; all else it may, and history.c says so. The fingerprint of a
   large file is of a selection of its samples (docs/data.md): equal ones do not prove that all are as before. */
static gan_status check_header(const gan_trainer *trainer, const char *path, const gan_checkpoint *checkpoint) {
  const gan_config *config = trainer->config;
  if (checkpoint->seed != (uint64_t)config->run.seed)
    return gan_fail(GAN_BAD_USAGE, "%s was made with seed %llu, not %lld: use --seed %llu", path,
                    (unsigned long long)checkpoint->seed, (long long)config->run.seed,
                    (unsigned long long)checkpoint->seed);
  if (checkpoint->data_fingerprint != trainer->source->fingerprint &&
      checkpoint->data_fingerprint != trainer->source->earlier_fingerprint)
    return gan_fail(
        GAN_BAD_USAGE,
        "%s was made with other data: the run goes on only with the data (sections data and shower) that it began with",
        path);
  return GAN_OK;
}

/* Backends add up in different orders: going on with another one is fine, but not what the first would have come to. */
static void notice_other_backend(gan_trainer *trainer, const gan_checkpoint *checkpoint) {
  char now[sizeof checkpoint->backend];
  gan_state_backend(trainer, sizeof now, now);
  if (!checkpoint->backend[0] || strcmp(checkpoint->backend, now) == 0 || gan_trains_nothing(trainer)) return;
  const gan_backend_name before = gan_state_backend_parts(checkpoint->backend), after = gan_state_backend_parts(now);
  const bool backend = strcmp(before.backend, after.backend) != 0;
  const bool precision = strcmp(before.precision, after.precision) != 0;
  gan_notice(trainer,
             "so far computed by %s, from here on by %s, which rounds otherwise: the end will not be that of an "
             "uninterrupted run bit for bit; %s%s%s%s%s keeps to it",
             checkpoint->backend, now, backend ? "--backend " : "", backend ? before.backend : "",
             backend && precision ? " " : "", precision ? "--precision " : "", precision ? before.precision : "");
}

/* Earlier versions wrote moments that were infinite. */
static gan_status check_read(const char *path, const gan_tensor *odd) {
  if (!odd) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s: %s holds numbers that are not finite: go on from an earlier one, by --resume=FILE",
                  path, odd->path);
}

/* Whether an optimizer of the checkpoint's configuration has left a state of that name. */
static bool had_state(const gan_optimizer_options *options, const char *name) {
  const gan_optimizer *optimizer = gan_optimizer_find(options->name);
  for (int i = 0; i < gan_optimizer_states_used(optimizer, options); i++)
    if (strcmp(optimizer->state_names[i], name) == 0) return true;
  return false;
}

/* An optimizer cannot begin in the midst of a run. */
static gan_status check_optimizer(const gan_trainer *trainer, const char *path) {
  if (!trainer->before) return GAN_OK;
  const gan_optimizer_options *before = &trainer->before->optimizer, *now = &trainer->config->optimizer;
  const gan_player *player = &trainer->generator;
  for (int i = 0; i < player->states_used; i++) {
    const char *name = player->optimizer->state_names[i];
    if (had_state(before, name)) continue;
    if (strcmp(before->name, now->name) != 0)
      return gan_fail(GAN_BAD_USAGE,
                      "%s does not hold the optimizer's state %s (optimizer.name: %s -> %s): go on with "
                      "--optimizer.name %s, or begin a new run in another folder",
                      path, name, before->name, now->name, before->name);
    return gan_fail(GAN_BAD_USAGE,
                    "%s does not hold the optimizer's state %s (optimizer.momentum: %g -> %g): go on with "
                    "--optimizer.momentum=%g, or begin a new run in another folder",
                    path, name, before->momentum, now->momentum, before->momentum);
  }
  return GAN_OK;
}

/* The first layer whose weight the checkpoint has normalised where the network has not, or the other way round. */
static const gan_layer *find_other_norm(const gan_trainer *trainer, const gan_player *player) {
  for (int i = 0; i < player->network->layer_count; i++) {
    const gan_layer *layer = &player->network->layers[i];
    const bool normalised = layer->spectral.rows > 0;
    char path[sizeof((gan_tensor *)NULL)->path];
    if (!layer->type->has_matrix) continue;
    snprintf(path, sizeof path, "/%s/%s.%s", player->name, layer->path, normalised ? "weight" : "weight_orig");
    if (gan_checkpoint_has(trainer->resumed, path)) return layer;
  }
  return NULL;
}

/* Nor can a normalisation: its vectors belong to a weight of which they have followed each update. */
static gan_status check_normalisation(const gan_trainer *trainer, const char *path) {
  const gan_player *players[] = {&trainer->generator, &trainer->critic};
  for (int i = 0; i < 2; i++) {
    const gan_layer *layer = find_other_norm(trainer, players[i]);
    if (!layer) continue;
    const bool now = layer->spectral.rows > 0,
               everywhere = i == 1 && trainer->before &&
                            trainer->before->critic.spectral_norm != trainer->config->critic.spectral_norm;
    char remedy[64];
    snprintf(remedy, sizeof remedy, everywhere ? "--critic.spectral_norm=%s" : "the %s.layers that it had",
             everywhere ? now ? "no" : "yes" : players[i]->name);
    return gan_fail(
        GAN_BAD_USAGE,
        "%s was made %s spectral normalisation of layer %d (\"%s\") of %s.layers, which cannot begin or end in "
        "the midst of a run: go on with %s, or begin a new run in another folder",
        path, now ? "without" : "with", layer->line + 1, layer->type->name, players[i]->name, remedy);
  }
  return GAN_OK;
}

void gan_begin_average(gan_player *generator) {
  memcpy(generator->ema, generator->parameters, generator->network->parameter_count * sizeof(float));
  memcpy(generator->ema_buffers, generator->buffers, generator->network->buffer_count * sizeof(float));
}

/* The best so far counts as long as it is judged by the same. */
static void take_best(gan_trainer *trainer, double best) {
  trainer->best = best;
  if (!trainer->before || !gan_judge_changes(trainer->before, trainer->config)) return;
  trainer->other_measure = true;
  trainer->best = NAN;
  if (isnan(best)) return;
  gan_notice(trainer,
             "best.h5 is kept by %s from the next evaluation on; what it was kept by so far, %s, has another measure",
             trainer->config->eval.best, trainer->before->eval.best);
}

static gan_status read_state(gan_trainer *trainer, const char *path) {
  gan_checkpoint checkpoint = {0};
  gan_tensor *tensors = NULL;
  size_t count = 0;
  /* An average that is switched on begins with the weights that the checkpoint has. */
  const bool averages_now = trainer->generator.ema && trainer->before && !gan_averages(trainer->before);
  GAN_TRY(gan_checkpoint_header(trainer->resumed, &checkpoint));
  gan_status status = check_header(trainer, path, &checkpoint);
  if (status == GAN_OK) status = check_optimizer(trainer, path);
  if (status == GAN_OK) status = check_normalisation(trainer, path);
  if (status == GAN_OK) status = list_tensors(trainer, false, !averages_now, &tensors, &count);
  if (status == GAN_OK) status = gan_checkpoint_tensors(trainer->resumed, count, tensors);
  if (status == GAN_OK) status = check_read(path, gan_model_not_finite(count, tensors));
  if (status == GAN_OK) {
    if (averages_now) gan_begin_average(&trainer->generator);
    trainer->iteration = trainer->resumed_at = checkpoint.iteration;
    trainer->critic.steps = checkpoint.critic_steps;
    trainer->generator.steps = checkpoint.generator_steps;
    take_best(trainer, checkpoint.best);
    gan_notice(trainer, "goes on from %s (iteration %lld)", path, (long long)trainer->iteration);
    status = gan_history_compare(trainer, &checkpoint);
  }
  if (status == GAN_OK) notice_other_backend(trainer, &checkpoint);
  free(tensors);
  gan_checkpoint_release(&checkpoint);
  return status;
}

void gan_player_distribute(gan_trainer *trainer, gan_player *player) {
  const size_t bytes = player->network->buffer_count * sizeof(float);
  gan_reduction_distribute(player->reduction);
  gan_world_broadcast(trainer->world, player->buffers, bytes);
  if (player->ema_buffers) gan_world_broadcast(trainer->world, player->ema_buffers, bytes);
  gan_world_broadcast(trainer->world, &player->steps, sizeof player->steps);
}

void gan_state_distribute(gan_trainer *trainer) {
  gan_player_distribute(trainer, &trainer->generator);
  gan_player_distribute(trainer, &trainer->critic);
  gan_world_broadcast(trainer->world, &trainer->iteration, sizeof trainer->iteration);
  gan_world_broadcast(trainer->world, &trainer->best, sizeof trainer->best);
  gan_world_broadcast(trainer->world, trainer->lecam, sizeof trainer->lecam);
  gan_world_broadcast(trainer->world, &trainer->augment_strength, sizeof trainer->augment_strength);
}

/* By the name that the run itself gives it, where it is the run's own: latest.h5 may point elsewhere tomorrow. */
static void name_last_checkpoint(gan_trainer *trainer, const char *path) {
  char *name = trainer->last_checkpoint;
  gan_checkpoint_path(trainer->folder, trainer->iteration, name);
  if (gan_world_rank(trainer->world) == 0 && !gan_same_file(name, path)) snprintf(name, PATH_MAX, "%s", path);
  gan_world_broadcast(trainer->world, name, PATH_MAX);
}

gan_status gan_state_load(gan_trainer *trainer, const char *path) {
  const gan_status mine = gan_world_rank(trainer->world) == 0 ? read_state(trainer, path) : GAN_OK;
  gan_checkpoint_close(trainer->resumed);
  trainer->resumed = NULL;
  GAN_TRY(gan_world_agree(trainer->world, mine));
  gan_state_distribute(trainer);
  name_last_checkpoint(trainer, path);
  trainer->resumed_at = trainer->iteration;
  return GAN_OK;
}

/* Opens the newest checkpoint of the run's folder, if there is one. */
static gan_status open_newest(gan_trainer *trainer, char *path) {
  int damaged = 0;
  GAN_TRY(gan_folder_take(trainer));
  GAN_TRY(gan_checkpoint_open_newest(trainer->folder, -1, path, &damaged, &trainer->resumed));
  if (!path[0] && damaged)
    return gan_fail(GAN_BAD_FILE,
                    "%s; no checkpoint in %s can be used: resume from another by --resume=FILE, or begin anew in "
                    "another folder (--run.dir)",
                    gan_error_message(), trainer->folder);
  if (damaged)
    gan_notice(trainer, "%d damaged checkpoint%s in %s passed over", damaged, damaged == 1 ? "" : "s", trainer->folder);
  char left[PATH_MAX + 16];
  snprintf(left, sizeof left, "%s/config.ini", trainer->folder);
  if (!path[0])
    gan_notice(trainer, "no checkpoint in %s: a new run begins%s", trainer->folder,
               access(left, F_OK) == 0 ? ", with what its config.ini says" : "");
  return GAN_OK;
}

/* Opens the checkpoint that was named; where no folder is, the run goes on in the checkpoint's. */
static gan_status open_named(gan_trainer *trainer, char *path) {
  snprintf(path, PATH_MAX, "%s", trainer->config->run.resume);
  if (!trainer->config->run.dir[0]) {
    snprintf(trainer->folder, sizeof trainer->folder, "%s", path);
    char *slash = strrchr(trainer->folder, '/');
    snprintf(slash ? slash : trainer->folder, 2, "%s", slash ? "" : ".");
  }
  return gan_checkpoint_open(path, &trainer->resumed);
}

/* Whether the checkpoint lies in the run's own folder. */
static bool lies_in_folder(const gan_trainer *trainer, const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash > path ? (int)(slash - path) : 1, slash ? path : ".");
  return gan_same_file(folder, trainer->folder);
}

static gan_status find_state(gan_trainer *trainer, char *path) {
  gan_config *config = trainer->config;
  const bool resume = strcmp(config->run.resume, "no") != 0, newest = strcmp(config->run.resume, "yes") == 0;
  GAN_TRY(gan_folder_choose(trainer->config, trainer->folder));
  if (!resume) return GAN_OK;
  trainer->resume = newest ? GAN_RESUME_NEWEST : GAN_RESUME_FILE;
  GAN_TRY(newest ? open_newest(trainer, path) : open_named(trainer, path));
  trainer->goes_on_there = newest || lies_in_folder(trainer, path);
  return GAN_OK;
}

gan_status gan_state_find(gan_trainer *trainer, char *path) {
  memset(path, 0, PATH_MAX);
  gan_status mine = gan_world_rank(trainer->world) == 0 ? find_state(trainer, path) : GAN_OK;
  if (mine == GAN_OK && gan_world_rank(trainer->world) == 0) mine = gan_folder_check_files(trainer, path[0] != '\0');
  GAN_TRY(gan_world_agree(trainer->world, mine));
  gan_world_broadcast(trainer->world, path, PATH_MAX);
  gan_world_broadcast(trainer->world, trainer->folder, sizeof trainer->folder);
  gan_world_broadcast(trainer->world, &trainer->resume, sizeof trainer->resume);
  return trainer->resume == GAN_RESUME_NOT ? GAN_OK : gan_resume_configuration(trainer, path);
}

static uint64_t hash_player(const gan_player *player, uint64_t hash) {
  hash = gan_hash(player->parameters, player->network->parameter_count * sizeof(float), hash);
  return gan_hash(player->buffers, player->network->buffer_count * sizeof(float), hash);
}

gan_status gan_state_verify(gan_trainer *trainer) {
  gan_difference odd;
  const long long iteration = trainer->iteration;
  gan_reduction_await(trainer->generator.reduction);
  gan_reduction_await(trainer->critic.reduction);
  const uint64_t hash = hash_player(&trainer->critic, hash_player(&trainer->generator, 0));
  if (gan_world_same_hash(trainer->world, hash, &odd)) return GAN_OK;
  if (odd.certain)
    return gan_fail(GAN_FAILED,
                    "rank %d (host %s): the parameters there are not those of the other ranks in iteration %lld: a "
                    "fault of its memory or processor",
                    odd.rank, odd.host, iteration);
  return gan_fail(
      GAN_FAILED,
      "the parameters of rank %d (host %s) and rank %d (host %s) differ in iteration %lld: a fault of memory "
      "or processor of one of them, and there is no third to tell of which",
      odd.reference, odd.reference_host, odd.rank, odd.host, iteration);
}
