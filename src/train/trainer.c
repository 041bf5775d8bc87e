/* Building a trainer and taking it down again. Every stage that can fail on one rank alone ends in an agreement, so
   that no rank goes on into a collective call that another will never reach. */
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "config/relevance.h"
#include "kernels/precision.h"
#include "store/picture.h"
#include "train/accumulation.h"
#include "train/internal.h"
#include "train/optimization.h"
#include "train/regularisers.h"
#include "train/step.h"

/* Set in other threads and in handlers, which may only touch what needs no lock. */
static atomic_bool stop_requested;
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "a handler may ask to stop");

void gan_request_stop(void) { atomic_store(&stop_requested, true); }
bool gan_stop_requested(void) { return atomic_load(&stop_requested); }

void gan_notice(gan_trainer *trainer, const char *format, ...) {
  if (!trainer->observer.notice) return;
  char text[PATH_MAX + 256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  trainer->observer.notice(trainer->observer.context, text);
}

/* The data source takes its memory through the world. */
static gan_status share_memory(void *context, size_t bytes, gan_fill fill, void *fill_context, void **memory) {
  return gan_world_share(context, bytes, fill, fill_context, memory);
}
static void unshare_memory(void *context, void *memory) { gan_world_unshare(context, memory); }
static gan_status agree(void *context, gan_status mine) { return gan_world_agree(context, mine); }

/* Rank 0 finds out whether files of others can be opened at all; the program has done so before MPI started. Here,
   since no child process may begin in the midst of the loader's reading. */
static gan_status try_files(gan_trainer *trainer, bool resumes) {
  char path[PATH_MAX + 32];
  const gan_data_options *data = &trainer->config->data;
  const bool tries = gan_world_rank(trainer->world) == 0;
  snprintf(path, sizeof path, "%s/metrics.h5", trainer->folder);
  if (tries && resumes && gan_metrics_probe(path) != GAN_OK)
    gan_error_set(""); /* remembered: it will be put aside when it is its turn */
  if (!gan_source_is_fragile(data)) return GAN_OK;
  return gan_world_agree(trainer->world, tries ? gan_source_probe(data) : GAN_OK);
}

static gan_status open_source(gan_trainer *trainer) {
  const gan_data_share share = {
      .share = share_memory, .unshare = unshare_memory, .agree = agree, .context = trainer->world};
  const gan_status mine =
      gan_source_open(&trainer->config->data, (uint64_t)trainer->config->run.seed, &share, &trainer->source);
  GAN_TRY(gan_world_agree(trainer->world, mine));
  gan_difference odd;
  if (gan_world_same_hash(trainer->world, trainer->source->fingerprint, &odd)) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "data.path: rank %d (host %s) reads other data than rank %d (host %s): %s differs",
                  odd.rank, odd.host, odd.reference, odd.reference_host, trainer->config->data.path);
}

/* Real samples number first .. first+count-1 of the evaluation's. Where the data have no end they come from far beyond
   what training reads. */
static gan_status read_real_samples(gan_trainer *trainer, int64_t first, int64_t count, int64_t *indices,
                                    float *samples) {
  const gan_source *source = trainer->source;
  const uint64_t seed = ~(uint64_t)trainer->config->run.seed;
  const int64_t beyond = source->count ? 0 : (int64_t)1 << 48;
  for (int64_t i = 0; i < count; i++) indices[i] = beyond + gan_sampler_index(seed, source->count, first + i);
  return gan_source_read(trainer->source, indices, count, samples, NULL);
}

static void note_range(gan_trainer *trainer, bool first, int64_t count, const float *values) {
  if (first) trainer->real_lowest = trainer->real_highest = values[0];
  for (int64_t i = 0; i < count; i++) {
    if (values[i] < trainer->real_lowest) trainer->real_lowest = values[i];
    if (values[i] > trainer->real_highest) trainer->real_highest = values[i];
  }
}

/* All of them, some at a time, and what is kept of them. */
static gan_status project_real_samples(gan_trainer *trainer, int64_t *indices, float *samples) {
  const int64_t count = trainer->evaluation_count, elements = gan_shape_count(&trainer->source->shape);
  const bool points = gan_picture_kind_of(&trainer->source->shape) == GAN_PICTURE_SCATTER;
  if (points)
    GAN_TRY(gan_allocate((size_t)(count * elements), sizeof(float), "samples to evaluate against",
                         &trainer->evaluation_points));
  for (int64_t first = 0; first < count; first += GAN_EVALUATION_ROWS) {
    const int64_t rows = count - first < GAN_EVALUATION_ROWS ? count - first : GAN_EVALUATION_ROWS;
    GAN_TRY(read_real_samples(trainer, first, rows, indices, samples));
    note_range(trainer, first == 0, rows * elements, samples);
    gan_projected_set(trainer->evaluation_real, first, rows, samples);
    if (points)
      memcpy(trainer->evaluation_points + first * elements, samples, (size_t)(rows * elements) * sizeof *samples);
  }
  return GAN_OK;
}

/* Read by rank 0 before the loader's thread begins to use the source. */
static gan_status read_evaluation_samples(gan_trainer *trainer) {
  const gan_source *source = trainer->source;
  const gan_config *config = trainer->config;
  const int64_t elements = gan_shape_count(&source->shape);
  float *samples = NULL;
  int64_t *indices = NULL;
  trainer->evaluation_count = (int64_t)gan_trainer_measure(config, &trainer->model, source).evaluation;
  GAN_TRY(gan_projected_create(trainer->evaluation_count, elements, (int)config->eval.projections,
                               (uint64_t)config->run.seed, &trainer->evaluation_real));
  gan_status status = gan_allocate(GAN_EVALUATION_ROWS, (size_t)elements * sizeof *samples, "samples", &samples);
  if (status == GAN_OK) status = gan_allocate(GAN_EVALUATION_ROWS, sizeof *indices, "sample indices", &indices);
  if (status == GAN_OK) status = project_real_samples(trainer, indices, samples);
  free(samples);
  free(indices);
  GAN_TRY(status);
  return gan_source_modes(source, &trainer->mode_count, &trainer->modes);
}

/* Latents of the sample grid, the same at every iteration. */
static gan_status draw_fixed_latents(gan_trainer *trainer) {
  const gan_latents latents = gan_latents_of(trainer->config, GAN_STREAM_LATENT_SAMPLES);
  const int64_t count = trainer->config->samples.count, latent = trainer->config->generator.latent;
  GAN_TRY(gan_allocate((size_t)count * (size_t)latent, sizeof(float), "latents", &trainer->fixed_latents));
  gan_draw_latents(&latents, count, latent, trainer->fixed_latents);
  return GAN_OK;
}

static void sum_in_pass(void *context, const double *per_shard, size_t count, double *total) {
  gan_trainer *trainer = context;
  const double start = gan_begin_exchange(trainer);
  gan_world_sum(trainer->world, &trainer->shards, per_shard, count, total);
  gan_end_exchange(trainer, start);
}

/* Gradients of a network's last layers set out for other hosts while the layers before them are still at work. */
static void announce_gradients(void *context, size_t offset) {
  const gan_player *player = context;
  const gan_trainer *trainer = player->trainer;
  if (trainer->group + 1 < trainer->groups.count) return; /* sums are the step's after its last group */
  const double start = gan_begin_exchange(player->trainer);
  gan_reduction_filled(player->reduction, offset);
  gan_end_exchange(player->trainer, start);
}

gan_status gan_player_create_pass(gan_player *player, int parts, gan_keep keep, const gan_pass_memory *memory,
                                  gan_pass **pass) {
  gan_trainer *trainer = player->trainer;
  GAN_TRY(gan_pass_create_in(player->network, &trainer->groups.largest, parts, keep, memory, pass));
  gan_pass_set_shards(*pass, &trainer->groups.group[0]);
  (*pass)->parameters = gan_prepared(player->preparation, player->parameters);
  (*pass)->buffers = player->buffers;
  (*pass)->spectral_sums = player->spectral_sums;
  (*pass)->training = true;
  (*pass)->listener = (gan_pass_listener){.filled = announce_gradients, .context = player};
  if (trainer->config->batch_norm.sync) (*pass)->shard_sum = (gan_shard_sum){.sum = sum_in_pass, .context = trainer};
  return GAN_OK;
}

static gan_status create_player(gan_trainer *trainer, const char *name, const gan_network *network,
                                const gan_network_config *config, int parts, const gan_pass_memory *memory,
                                gan_player *player) {
  *player = (gan_player){.name = name,
                         .trainer = trainer,
                         .network = network,
                         .reduction = player->reduction,
                         .optimizer = gan_optimizer_find(trainer->config->optimizer.name),
                         .options = gan_optimizer_options_of(trainer->config, config),
                         .gradient_clip = config->gradient_clip,
                         .settled = true};
  player->states_used = gan_optimizer_states_used(player->optimizer, &player->options);
  gan_reduction_bound_norm(player->reduction, player->gradient_clip);
  player->parameters = gan_reduction_parameters(player->reduction);
  for (int i = 0; i < player->states_used; i++) player->states[i] = gan_reduction_state(player->reduction, i);
  GAN_TRY(gan_allocate(network->buffer_count, sizeof(float), "running statistics", &player->buffers));
  GAN_TRY(gan_preparation_create(network, &player->preparation));
  const size_t weights = (size_t)network->spectral_count, local = (size_t)trainer->shards.local;
  GAN_TRY(gan_allocate((local + 1) * weights, sizeof(double), "sums over shards", &player->spectral_sums));
  player->spectral_totals = player->spectral_sums + local * weights;
  return gan_player_create_pass(player, parts, GAN_KEEP_FOR_BACKWARD, memory, &player->pass);
}

static void destroy_player(gan_player *player) {
  gan_pass_destroy(player->pass);
  gan_reduction_destroy(player->reduction);
  gan_preparation_destroy(player->preparation);
  free(player->spectral_sums);
  free(player->buffers);
  free(player->ema_buffers);
}

static void initialise_player(gan_trainer *trainer, gan_player *player, const gan_network_config *config,
                              gan_random_stream stream) {
  const gan_random_address address = {.seed = (uint64_t)trainer->config->run.seed, .stream = stream};
  gan_network_initialise(player->network, gan_initialisation_find(config->init), config->init_scale, address,
                         player->parameters, player->buffers);
}

static gan_status create_networks(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  const int shards = (int)config->train.shards;
  GAN_TRY(gan_shards_plan(shards, config->train.batch, gan_world_size(trainer->world), gan_world_rank(trainer->world),
                          &trainer->shards));
  GAN_TRY(gan_accumulation_plan(config, &trainer->shards, &trainer->groups));
  GAN_TRY(gan_model_create(config, &trainer->source->shape, &trainer->model));
  gan_settle_clipping(trainer->config, trainer->model.critic);
  GAN_TRY(gan_regularisers_check(config, trainer->model.critic));
  GAN_TRY(gan_accumulation_check(config, &trainer->model));
  return gan_model_check_batch(&trainer->model, shards, config->train.batch);
}

static gan_status create_reduction(gan_trainer *trainer, const gan_network *network, bool average,
                                   gan_reduction **reduction) {
  const int states = gan_state_count(trainer->config, average);
  GAN_TRY(gan_reduction_create(trainer->world, &trainer->shards, trainer->config->dist.reduction,
                               network->parameter_count, states, reduction));
  const char *reason = gan_reduction_reason(*reduction);
  if (reason[0]) gan_notice(trainer, "%s, which is slower: %s", gan_reduction_name(*reduction), reason);
  return GAN_OK;
}

/* Both networks' passes, in one block of memory as planned. */
static gan_status create_players(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  gan_player *generator = &trainer->generator, *critic = &trainer->critic;
  gan_passes_memory *plan = &trainer->passes;
  gan_pass_memory of_generator, of_critic;
  GAN_TRY(gan_passes_plan(&trainer->model, &trainer->groups.largest, config->train.n_critic.critic,
                          trainer->loss->generator_needs_real, gan_penalties_sites(&config->critic.penalty), plan));
  GAN_TRY(gan_allocate(plan->values, sizeof(float), "the outputs of the networks' layers", &trainer->values));
  GAN_TRY(gan_allocate(plan->workspace, sizeof(float), "a layer's columns", &trainer->workspace));
  gan_passes_place(plan, trainer->values, trainer->workspace, &of_generator, &of_critic);
  GAN_TRY(create_player(trainer, "generator", trainer->model.generator, &config->generator.network, 1, &of_generator,
                        generator));
  GAN_TRY(create_player(trainer, "critic", trainer->model.critic, &config->critic.network, 2, &of_critic, critic));
  critic->clip = config->critic.clip;
  critic->clip_norm = config->critic.clip_norm;
  critic->clip_rows = strcmp(config->critic.clip_norm_of, "row") == 0;
  GAN_TRY(gan_penalty_create(trainer));
  trainer->sampling = generator->pass;
  if (plan->steps_ahead == 1) return GAN_OK;
  const size_t kept = gan_accumulation_kept(&trainer->model, &trainer->shards, &trainer->groups, plan->steps_ahead);
  if (kept > 0) GAN_TRY(gan_allocate(kept, sizeof(float), "samples for several critic steps", &trainer->kept));
  trainer->sampling = NULL;
  return gan_player_create_pass(generator, plan->steps_ahead, GAN_KEEP_NOTHING, NULL, &trainer->sampling);
}

static gan_status create_memory(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  gan_player *generator = &trainer->generator;
  GAN_TRY(create_players(trainer));
  const gan_trainer_sizes sizes = gan_trainer_measure(config, &trainer->model, trainer->source);
  const size_t local = (size_t)trainer->shards.local, samples = (size_t)gan_shards_samples(&trainer->shards);
  GAN_TRY(gan_allocate(local * sizes.sums, sizeof(double), "sums over shards", &trainer->shard_sums));
  GAN_TRY(gan_allocate(sizes.sums, sizeof(double), "sums over shards", &trainer->sums));
  GAN_TRY(gan_allocate(local * GAN_LOSS_STATISTICS, sizeof(double), "the loss's statistics", &trainer->loss_sums));
  GAN_TRY(gan_allocate(2 * samples, sizeof(float), "scores", &trainer->scores));
  if (sizes.flips) GAN_TRY(gan_allocate(samples * sizes.flips, sizeof(bool), "label flips", &trainer->label_flips));
  if (gan_averages(config)) {
    generator->ema = gan_reduction_state(generator->reduction, generator->states_used);
    GAN_TRY(gan_allocate(generator->network->buffer_count, sizeof(float), "averages", &generator->ema_buffers));
  }
  GAN_TRY(draw_fixed_latents(trainer));
  return gan_world_rank(trainer->world) == 0 ? read_evaluation_samples(trainer) : GAN_OK;
}

/* The state of a new run: rank 0's, for all. */
static void initialise(gan_trainer *trainer) {
  gan_player *generator = &trainer->generator;
  if (gan_world_rank(trainer->world) != 0) return;
  initialise_player(trainer, generator, &trainer->config->generator.network, GAN_STREAM_INITIALISE_GENERATOR);
  initialise_player(trainer, &trainer->critic, &trainer->config->critic.network, GAN_STREAM_INITIALISE_CRITIC);
  if (generator->ema) gan_begin_average(generator);
}

/* The configuration's hash, without the places of files, which may be others on each host. */
static gan_status hash_configuration(const gan_config *config, uint64_t *hash) {
  static const char *const places[] = {"data.path", "data.labels", "data.weights", "run.dir"};
  gan_config *copy = NULL;
  char *text = NULL;
  GAN_TRY(gan_config_copy(config, &copy));
  gan_status status = GAN_OK;
  for (size_t i = 0; i < sizeof places / sizeof *places && status == GAN_OK; i++)
    status = gan_config_set(copy, places[i], "");
  if (status == GAN_OK) status = gan_config_print(copy, &text);
  if (status == GAN_OK) *hash = gan_hash(text, strlen(text), 0);
  free(text);
  gan_config_destroy(copy);
  return status;
}

/* Ranks that were started with different options, INI files or environments would wait for each other for ever, or
   train something that no configuration describes. */
static gan_status compare_configurations(gan_world *world, const gan_config *config) {
  uint64_t hash = 0;
  gan_difference odd;
  GAN_TRY(gan_world_agree(world, hash_configuration(config, &hash)));
  if (gan_world_same_hash(world, hash, &odd)) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "rank %d (host %s) was started with another configuration than rank %d (host %s): give all the same "
                  "options, INI file and GAN_DIST_ variables (which mpirun takes to other hosts with -x NAME)",
                  odd.rank, odd.host, odd.reference, odd.reference_host);
}

/* Who asks for bfloat16 wants speed, which not every CPU that has it gives. Nothing is said where nothing was measured.
 */
static void compare_precisions(gan_trainer *trainer) {
  gan_precision_speeds speeds;
  if (gan_precision_find(trainer->config->run.precision) != GAN_BFLOAT16 || !trainer->observer.notice) return;
  if (gan_precision_measure(trainer->config->run.backend, &speeds) != GAN_OK) return;
  if (gan_bfloat16_is_slower(&speeds))
    gan_notice(trainer,
               "bf16 is slower than float32 on this CPU: its products reach %.0f GF/s, those of float32 %.0f; "
               "--precision float32 takes less time",
               speeds.bfloat16, speeds.float32);
}

/* What was given in vain is an error; what a preset or the run so far brought in vain is said. */
static gan_status settle_configuration(gan_trainer *trainer) {
  char *idle;
  GAN_TRY(gan_config_settle(trainer->config, &idle));
  if (*idle) gan_notice(trainer, "without effect, and therefore at their defaults: %s", idle);
  free(idle);
  return GAN_OK;
}

static gan_status create(gan_trainer *trainer, const gan_config *config) {
  gan_world *world = trainer->world;
  char resume_from[PATH_MAX];
  GAN_TRY(compare_configurations(world, config));
  GAN_TRY(gan_world_agree(world, gan_config_copy(config, &trainer->config)));
  GAN_TRY(gan_watchdog_start(world, config->dist.timeout, &trainer->started_watchdog));
  GAN_TRY(gan_state_find(trainer, resume_from));
  /* Ranks that were given the same by other ways, a default or an option, have taken over other things. */
  if (trainer->resume != GAN_RESUME_NOT) GAN_TRY(compare_configurations(world, trainer->config));
  GAN_TRY(gan_world_agree(world, settle_configuration(trainer)));
  GAN_TRY(gan_world_agree(world, gan_check_optimization(trainer->config)));
  GAN_TRY(gan_world_agree(world, gan_settle_shards(trainer)));
  GAN_TRY(gan_world_agree(world, gan_loss_check(&trainer->config->loss)));
  trainer->loss = gan_loss_find(trainer->config->loss.name);
  GAN_TRY(try_files(trainer, resume_from[0] != '\0'));
  GAN_TRY(open_source(trainer));
  GAN_TRY(gan_world_agree(world, create_networks(trainer)));
  gan_notice_shards(trainer);
  gan_accumulation_notice(trainer);
  compare_precisions(trainer);
  GAN_TRY(create_reduction(trainer, trainer->model.generator, true, &trainer->generator.reduction));
  GAN_TRY(create_reduction(trainer, trainer->model.critic, false, &trainer->critic.reduction));
  GAN_TRY(gan_world_agree(world, create_memory(trainer)));
  gan_advise(trainer);
  gan_tell_scaling(trainer);
  initialise(trainer);
  if (resume_from[0])
    GAN_TRY(gan_state_load(trainer, resume_from));
  else
    gan_state_distribute(trainer);
  gan_player_prepare(&trainer->generator, !resume_from[0]);
  gan_player_prepare(&trainer->critic, !resume_from[0]);
  GAN_TRY(
      gan_world_agree(world, gan_loader_create(trainer->source, &trainer->shards, (uint64_t)trainer->config->run.seed,
                                               trainer->critic.steps, &trainer->loader)));
  return gan_trace_begin(trainer);
}

gan_status gan_trainer_create(gan_world *world, const gan_config *config, const gan_observer *observer,
                              gan_trainer **result) {
  gan_trainer *trainer = NULL;
  *result = NULL;
  gan_status status = gan_world_agree(world, gan_allocate(1, sizeof *trainer, "the trainer", &trainer));
  if (status != GAN_OK) {
    free(trainer);
    return status;
  }
  trainer->world = world;
  trainer->best = NAN;
  trainer->started = gan_seconds();
  if (observer && gan_world_rank(world) == 0) trainer->observer = *observer;
  status = create(trainer, config);
  if (status != GAN_OK)
    gan_trainer_destroy(trainer);
  else
    *result = trainer;
  return status;
}

void gan_trainer_destroy(gan_trainer *trainer) {
  if (!trainer) return;
  /* gan_trainer_run leaves none open; who iterates without it learns of what a trace's end cannot write from the file.
   */
  const gan_status closed = gan_record_close(trainer) | gan_trace_end(trainer);
  (void)closed;
  gan_checkpoint_close(trainer->resumed);
  gan_folder_lock_release(trainer->lock);
  gan_loader_destroy(trainer->loader);
  if (trainer->sampling != trainer->generator.pass) gan_pass_destroy(trainer->sampling);
  gan_penalty_destroy(trainer);
  destroy_player(&trainer->generator);
  destroy_player(&trainer->critic);
  gan_model_release(&trainer->model);
  gan_source_close(trainer->source);
  gan_shard_groups_release(&trainer->groups);
  gan_shards_release(&trainer->shards);
  gan_config_destroy(trainer->config);
  gan_config_destroy(trainer->before);
  free(trainer->changes);
  if (trainer->started_watchdog) gan_watchdog_stop(trainer->world);
  free(trainer->values);
  free(trainer->workspace);
  free(trainer->kept);
  free(trainer->shard_sums);
  free(trainer->sums);
  free(trainer->loss_sums);
  free(trainer->scores);
  free(trainer->label_flips);
  free(trainer->fixed_latents);
  gan_projected_destroy(trainer->evaluation_real);
  free(trainer->evaluation_points);
  free(trainer->modes);
  gan_trace_release(trainer);
  free(trainer);
}

const char *gan_trainer_folder(const gan_trainer *trainer) { return trainer->folder; }
int64_t gan_trainer_iteration(const gan_trainer *trainer) { return trainer->iteration; }
int64_t gan_trainer_iterations(const gan_trainer *trainer) { return trainer->config->run.iterations; }
const char *gan_trainer_checkpoint(const gan_trainer *trainer) { return trainer->last_checkpoint; }
int64_t gan_trainer_sample_size(const gan_trainer *trainer) { return gan_shape_count(&trainer->source->shape); }

const float *gan_sample_parameters(const gan_trainer *trainer) {
  return trainer->generator.ema && trainer->config->samples.ema ? trainer->generator.ema
                                                                : trainer->generator.parameters;
}

const float *gan_sample_buffers(const gan_trainer *trainer) {
  return trainer->generator.ema && trainer->config->samples.ema ? trainer->generator.ema_buffers
                                                                : trainer->generator.buffers;
}
