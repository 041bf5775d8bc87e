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

/* Latents of the sample grid, the same at every iteration. */
static gan_status draw_fixed_latents(gan_trainer *trainer) {
  const gan_latents latents = gan_latents_of(trainer->config, GAN_STREAM_LATENT_SAMPLES);
  const int64_t count = trainer->config->samples.count, latent = trainer->config->generator.latent;
  GAN_TRY(gan_allocate((size_t)count * (size_t)latent, sizeof(float), "latents", &trainer->fixed_latents));
  gan_draw_latents(&latents, count, latent, trainer->fixed_latents);
  return GAN_OK;
}

static gan_status create_networks(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  const int shards = (int)config->train.shards;
  GAN_TRY(gan_shards_plan(shards, config->train.batch, gan_world_size(trainer->world), gan_world_rank(trainer->world),
                          &trainer->shards));
  GAN_TRY(gan_accumulation_plan(config, &trainer->shards, &trainer->groups));
  GAN_TRY(gan_model_create(config, &trainer->source->shape, &trainer->model));
  gan_settle_clipping(trainer);
  GAN_TRY(gan_regularisers_check(config, trainer->model.critic));
  GAN_TRY(gan_accumulation_check(config, &trainer->model));
  return gan_model_check_batch(&trainer->model, shards, config->train.batch);
}

static gan_status create_memory(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  gan_player *generator = &trainer->generator;
  GAN_TRY(gan_players_create(trainer));
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
  trainer->evaluation_count = (int64_t)sizes.evaluation;
  return gan_world_rank(trainer->world) == 0 ? gan_read_real_samples(trainer) : GAN_OK;
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
gan_status gan_compare_configurations(gan_world *world, const gan_config *config) {
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

gan_status gan_settle_configuration(gan_trainer *trainer) {
  char *idle;
  GAN_TRY(gan_config_settle(trainer->config, &idle));
  if (*idle) gan_notice(trainer, "without effect, and therefore at their defaults: %s", idle);
  free(idle);
  return GAN_OK;
}

static gan_status create(gan_trainer *trainer, const gan_config *config) {
  gan_world *world = trainer->world;
  char resume_from[PATH_MAX];
  GAN_TRY(gan_compare_configurations(world, config));
  GAN_TRY(gan_world_agree(world, gan_config_copy(config, &trainer->config)));
  GAN_TRY(gan_watchdog_start(world, config->dist.timeout, &trainer->started_watchdog));
  GAN_TRY(gan_state_find(trainer, resume_from));
  /* Ranks that were given the same by other ways, a default or an option, have taken over other things. */
  if (trainer->resume != GAN_RESUME_NOT) GAN_TRY(gan_compare_configurations(world, trainer->config));
  GAN_TRY(gan_world_agree(world, gan_settle_configuration(trainer)));
  GAN_TRY(gan_world_agree(world, gan_check_optimization(trainer->config)));
  GAN_TRY(gan_world_agree(world, gan_settle_shards(trainer)));
  GAN_TRY(gan_world_agree(world, gan_loss_check(&trainer->config->loss)));
  GAN_TRY(gan_world_agree(world, gan_evaluator_check(trainer->config)));
  trainer->loss = gan_loss_find(trainer->config->loss.name);
  GAN_TRY(try_files(trainer, resume_from[0] != '\0'));
  GAN_TRY(gan_open_source(world, &trainer->config->data, (uint64_t)trainer->config->run.seed, &trainer->source));
  GAN_TRY(gan_world_agree(world, create_networks(trainer)));
  gan_notice_shards(trainer);
  gan_accumulation_notice(trainer);
  compare_precisions(trainer);
  GAN_TRY(gan_players_reduce(trainer));
  GAN_TRY(gan_world_agree(world, create_memory(trainer)));
  GAN_TRY(gan_evaluator_create(world, trainer->config, trainer->source, trainer->model.generator->options.backend,
                               trainer->evaluation_count, &trainer->evaluator));
  gan_advise(trainer);
  gan_tell_scaling(trainer);
  gan_players_initialise(trainer);
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
  trainer->best = trainer->quality_before = NAN;
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
  gan_player_destroy(&trainer->generator);
  gan_player_destroy(&trainer->critic);
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
  gan_evaluator_release(&trainer->evaluator);
  free(trainer->evaluation_names);
  gan_projected_destroy(trainer->evaluation_real);
  free(trainer->evaluation_points);
  free(trainer->real_shown);
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
