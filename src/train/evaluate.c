/* Evaluations in training. All ranks share the work: each generates some of the samples, which all then see, and
   projects all of them on some of the random directions of the sliced Wasserstein distance; what is left, sums in an
   order of their own, is rank 0's. So every value has the bits that it has on one rank. Metrics of eval.metrics share
   their work likewise (eval/metric.h).

   Without eval.metrics the samples come some at a time, as many as gan_evaluation_rows says, since nothing is kept of
   them but where they lie along the directions. With them, all are there together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dist/rows.h"
#include "eval/quality.h"
#include "eval/spread.h"
#include "train/internal.h"

gan_status gan_draw_samples(gan_trainer *trainer, int64_t first, int64_t count, float *samples) {
  gan_latents latents = gan_latents_of(trainer->config, GAN_STREAM_LATENT_SAMPLES);
  const int64_t latent = trainer->config->generator.latent;
  const gan_pass_memory free_memory = {{trainer->values, NULL}, trainer->workspace};
  gan_pass_sizes sizes;
  float *z = NULL;
  GAN_TRY(gan_generate_measure(trainer->model.generator, &sizes));
  GAN_TRY(gan_allocate((size_t)(count * latent), sizeof *z, "latents", &z));
  latents.address.sample += (uint64_t)first;
  gan_draw_latents(&latents, count, latent, z);
  const gan_status status =
      gan_generate(trainer->model.generator, gan_sample_parameters(trainer), gan_sample_buffers(trainer), count, z,
                   gan_passes_lend(&trainer->passes, &sizes) ? &free_memory : NULL, samples);
  free(z);
  return status;
}

/* What an evaluation makes of the samples that are drawn for it. */
typedef struct drawn_samples {
  gan_trainer *trainer;
  int64_t first;      /* of those that are there now */
  gan_filled_set set; /* these */
  gan_rows *table;    /* (projections, evaluation_count) of double: each direction is a rank's */
  gan_projected *projected;
  /* Rank 0. */
  gan_spread spread;
  float *points; /* (evaluation_count, 2): those that are points stay; NULL */
} drawn_samples;

static gan_status make_samples(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  (void)labels; /* generators have no classes */
  const drawn_samples *drawn = context;
  return gan_draw_samples(drawn->trainer, drawn->first + first, count, samples);
}

/* Samples first .. first + count - 1 to all ranks. */
static gan_status fill(drawn_samples *drawn, int64_t first, int64_t count) {
  static const gan_evaluation_watch nobody;
  gan_trainer *trainer = drawn->trainer;
  const gan_set_maker maker = {.make = make_samples, .context = drawn, .count = count, .shape = trainer->source->shape};
  drawn->first = first;
  return gan_set_fill(trainer->world, &maker, NULL, "generated samples", &nobody, &drawn->set);
}

/* What is kept of the samples that are there. */
static void take_in(drawn_samples *drawn) {
  const gan_row_range mine = gan_rows_mine(drawn->table);
  const gan_sample_set *set = &drawn->set.set;
  const int64_t elements = gan_shape_count(&set->shape);
  gan_projected_set_along(drawn->projected, (int)mine.first, (int)mine.end, drawn->first, set->count, set->samples);
  if (gan_world_rank(drawn->trainer->world) != 0) return;
  gan_spread_add(&drawn->spread, set->count, set->samples);
  if (drawn->points)
    memcpy(drawn->points + drawn->first * elements, set->samples,
           (size_t)(set->count * elements) * sizeof *set->samples);
}

/* All samples, as many as there are real ones; the last that were there together stay. */
static gan_status draw_all(drawn_samples *drawn) {
  gan_trainer *trainer = drawn->trainer;
  const int64_t count = trainer->evaluation_count,
                most = gan_evaluation_rows(trainer->config, &trainer->source->shape, count);
  for (int64_t first = 0; first < count; first += most) {
    gan_set_release(&drawn->set);
    GAN_TRY(fill(drawn, first, count - first < most ? count - first : most));
    take_in(drawn);
  }
  const gan_row_range mine = gan_rows_mine(drawn->table);
  gan_projected_sort_along(drawn->projected, (int)mine.first, (int)mine.end);
  gan_rows_complete(drawn->table);
  drawn->projected->sorted = true;
  return GAN_OK;
}

static gan_status take_memory(drawn_samples *drawn) {
  gan_trainer *trainer = drawn->trainer;
  const gan_config *config = trainer->config;
  const int64_t count = trainer->evaluation_count, elements = gan_trainer_sample_size(trainer);
  GAN_TRY(gan_projected_create_in(count, elements, (int)config->eval.projections, (uint64_t)config->run.seed,
                                  gan_rows_memory(drawn->table), &drawn->projected));
  if (gan_world_rank(trainer->world) != 0) return GAN_OK;
  GAN_TRY(gan_spread_begin(elements, &drawn->spread));
  if (!trainer->mode_count) return GAN_OK;
  return gan_allocate((size_t)count, (size_t)elements * sizeof(float), "samples", &drawn->points);
}

/* The generator that samples are drawn from is there on every rank. */
static void show_generator(gan_trainer *trainer) {
  gan_player *generator = &trainer->generator;
  gan_reduction_await(generator->reduction);
  if (gan_sample_parameters(trainer) == generator->ema)
    gan_reduction_show(generator->reduction, generator->states_used);
}

static void count_modes(const gan_trainer *trainer, const float *points, gan_evaluation *values) {
  const gan_mode_coverage found = gan_count_modes(trainer->evaluation_count, points, trainer->mode_count,
                                                  trainer->modes, trainer->config->data.sigma);
  values->modes = found.modes;
  values->modes_covered = found.covered;
  values->high_quality_share = found.high_quality_share;
}

/* Rank 0's values to all. */
static void tell_values(drawn_samples *drawn, gan_evaluation *values, double *variance) {
  gan_trainer *trainer = drawn->trainer;
  *values = (gan_evaluation){.iteration = trainer->iteration,
                             .sliced_wasserstein = NAN,
                             .modes = NAN,
                             .modes_covered = NAN,
                             .high_quality_share = NAN,
                             .before = trainer->quality_before,
                             .best = trainer->best,
                             .best_iteration = trainer->best_iteration};
  *variance = NAN;
  if (gan_world_rank(trainer->world) == 0) {
    values->sliced_wasserstein = gan_projected_distance(trainer->evaluation_real, drawn->projected);
    *variance = gan_spread_variance(&drawn->spread);
    if (drawn->points) count_modes(trainer, drawn->points, values);
  }
  gan_world_broadcast(trainer->world, values, sizeof *values);
}

static gan_status compute_metrics(drawn_samples *drawn, gan_evaluation *values) {
  gan_trainer *trainer = drawn->trainer;
  gan_evaluator *evaluator = &trainer->evaluator;
  const gan_backend *backend = trainer->model.generator->options.backend;
  GAN_TRY(gan_evaluator_compute(evaluator, trainer->world, backend, &drawn->set.set));
  if (evaluator->why[0] && !evaluator->told)
    gan_notice(trainer, "iteration %lld: a metric is not defined: %s", (long long)trainer->iteration, evaluator->why);
  evaluator->told = evaluator->told || evaluator->why[0];
  values->value_count = evaluator->value_count;
  values->values = evaluator->values;
  return GAN_OK;
}

static gan_status evaluate(drawn_samples *drawn, gan_evaluation *values, double *variance) {
  gan_trainer *trainer = drawn->trainer;
  GAN_TRY(gan_rows_create(trainer->world, trainer->config->eval.projections,
                          (size_t)trainer->evaluation_count * sizeof(double), 1, "projected samples", &drawn->table));
  GAN_TRY(gan_world_agree(trainer->world, take_memory(drawn)));
  GAN_TRY(draw_all(drawn));
  tell_values(drawn, values, variance);
  GAN_TRY(compute_metrics(drawn, values));
  values->judged = gan_judged_value(trainer->config, values);
  return GAN_OK;
}

gan_status gan_evaluate(gan_trainer *trainer, gan_evaluation *values, double *variance) {
  drawn_samples drawn = {.trainer = trainer};
  gan_watchdog_beat(trainer->world, GAN_AT_COMPUTATION);
  show_generator(trainer);
  const gan_status status = evaluate(&drawn, values, variance);
  gan_set_release(&drawn.set);
  gan_projected_destroy(drawn.projected);
  gan_rows_destroy(drawn.table);
  gan_spread_release(&drawn.spread);
  free(drawn.points);
  gan_watchdog_beat(trainer->world, gan_world_rank(trainer->world) == 0 ? GAN_AT_FILES : GAN_AT_EXCHANGE);
  return status;
}

gan_status gan_trainer_evaluate(gan_trainer *trainer, gan_evaluation *values) {
  GAN_TRY(gan_refuse_after_failure(trainer));
  double variance;
  return gan_note_failure(trainer, gan_evaluate(trainer, values, &variance));
}
