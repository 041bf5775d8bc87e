/* Gradient penalties in a critic step: samples to look at, the critic's gradient there, what it costs, and the way back
   through it (nn/tangent.h), beside the critic's own.

   All penalties share one pass, with a part for each place that some of them look at. Its samples are made of those
   that the critic has just seen. Its batch statistics are of no use to anybody. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/moving.h"
#include "nn/tangent.h"
#include "train/step.h"

enum { SUM, SQUARES, SQUARE_SUMS };

/* --- Memory --- */

size_t gan_penalty_bytes(const gan_shards *shards, int sites) {
  if (sites == 0) return 0;
  return (size_t)gan_shards_samples(shards) * sizeof(float) + (size_t)shards->local * SQUARE_SUMS * sizeof(double);
}

/* Deals out the parts. */
static int find_parts(const gan_penalty_options *options, int *part) {
  int parts = 0;
  for (int site = 0; site < GAN_SITES; site++)
    part[site] = gan_penalties_at(options, (gan_penalty_site)site) ? parts++ : -1;
  return parts;
}

gan_status gan_penalty_create(gan_trainer *trainer) {
  gan_penalty_work *work = &trainer->penalty;
  const gan_passes_memory *plan = &trainer->passes;
  const int parts = find_parts(&trainer->config->critic.penalty, work->part);
  if (parts == 0) return GAN_OK;
  GAN_TRY(gan_allocate(plan->penalty.workspace, sizeof(float), "a layer's columns", &work->workspace));
  GAN_TRY(gan_allocate((size_t)gan_shards_samples(&trainer->shards), sizeof(float), "places of interpolation",
                       &work->interpolation));
  GAN_TRY(gan_allocate((size_t)trainer->shards.local * SQUARE_SUMS, sizeof(double), "sums over shards",
                       &work->square_sums));
  const gan_pass_memory memory = gan_passes_place_penalty(plan, trainer->values, work->workspace);
  GAN_TRY(gan_player_create_pass(&trainer->critic, parts, GAN_KEEP_ALL, &memory, &work->pass));
  work->pass->listener = (gan_pass_listener){0}; /* it fills no slots */
  return gan_pass_take_tangents(work->pass);
}

void gan_penalty_destroy(gan_trainer *trainer) {
  gan_penalty_work *work = &trainer->penalty;
  gan_pass_destroy(work->pass);
  free(work->workspace);
  free(work->interpolation);
  free(work->square_sums);
}

const float *gan_penalty_interpolation(const gan_trainer *trainer) {
  const gan_penalty_work *work = &trainer->penalty;
  return work->pass && work->due && work->part[GAN_SITE_INTERPOLATES] >= 0 ? work->interpolation : NULL;
}

/* --- Samples --- */

/* Real samples are in the first part of the critic's input, generated ones in the second. */
enum { REAL, GENERATED };

/* A local shard's rows in one part of a pass's input. */
static float *rows_of(const gan_pass *pass, int shard, int part) {
  return gan_pass_input(pass) + gan_pass_first_row(pass, shard, part) * gan_shape_count(&pass->network->input);
}

static gan_random_address address_of(const gan_trainer *trainer, gan_random_stream stream, int shard) {
  const gan_shards *shards = trainer->penalty.pass->shards;
  return (gan_random_address){.seed = (uint64_t)trainer->config->run.seed,
                              .stream = stream,
                              .step = (uint64_t)trainer->critic.steps,
                              .sample = (uint64_t)gan_shard_begin(shards, shards->first + shard)};
}

/* out = real + place (generated - real), each (elements). */
static void interpolate(size_t elements, float place, const float *real, const float *generated, float *out) {
  for (size_t i = 0; i < elements; i++) out[i] = real[i] + place * (generated[i] - real[i]);
}

/* One place a sample. */
static void place_interpolates(gan_trainer *trainer, int shard) {
  const gan_penalty_work *work = &trainer->penalty;
  const gan_pass *seen = trainer->critic.pass;
  const size_t samples = (size_t)gan_shard_samples(seen->shards, shard);
  const size_t elements = (size_t)gan_shape_count(&seen->network->input);
  float *place = work->interpolation + gan_pass_first_row(seen, shard, 0) / seen->parts;
  float *out = rows_of(work->pass, shard, work->part[GAN_SITE_INTERPOLATES]);
  const float *real = rows_of(seen, shard, REAL), *generated = rows_of(seen, shard, GENERATED);
  gan_random_uniform_rows(address_of(trainer, GAN_STREAM_INTERPOLATION, shard), samples, 1, place);
  for (size_t i = 0; i < samples; i++)
    interpolate(elements, place[i], real + i * elements, generated + i * elements, out + i * elements);
}

/* Of all values of the global batch's real samples. */
static double find_deviation(gan_trainer *trainer) {
  double *sums = trainer->penalty.square_sums, total[SQUARE_SUMS];
  const gan_pass *seen = trainer->critic.pass;
  const int64_t elements = gan_shape_count(&seen->network->input);
  for (int shard = 0; shard < trainer->shards.local; shard++, sums += SQUARE_SUMS) {
    const float *real = rows_of(seen, shard, REAL);
    const int64_t count = gan_shard_samples(seen->shards, shard) * elements;
    sums[SUM] = 0;
    for (int64_t i = 0; i < count; i++) sums[SUM] += (double)real[i];
    sums[SQUARES] = gan_square_sum((size_t)count, real);
  }
  const double start = gan_begin_exchange(trainer);
  gan_world_sum(trainer->world, &trainer->shards, trainer->penalty.square_sums, SQUARE_SUMS, total);
  gan_end_exchange(trainer, start);
  const double count = (double)trainer->shards.batch * (double)elements, mean = total[SUM] / count;
  return sqrt(fmax(total[SQUARES] / count - mean * mean, 0));
}

/* real + deviation / 2 * U(0, 1), a number for each value. */
static void place_around_real(gan_trainer *trainer, int shard, double deviation) {
  const gan_penalty_work *work = &trainer->penalty;
  const gan_pass *seen = trainer->critic.pass;
  const size_t samples = (size_t)gan_shard_samples(seen->shards, shard);
  const size_t elements = (size_t)gan_shape_count(&seen->network->input);
  const float *real = rows_of(seen, shard, REAL);
  const float half = (float)(deviation / 2);
  float *out = rows_of(work->pass, shard, work->part[GAN_SITE_AROUND_REAL]);
  gan_random_uniform_rows(address_of(trainer, GAN_STREAM_DRAGAN, shard), samples, elements, out);
  for (size_t i = 0; i < samples * elements; i++) out[i] = real[i] + half * out[i];
}

static void place_copies(gan_trainer *trainer, gan_penalty_site site, int seen_part) {
  const gan_penalty_work *work = &trainer->penalty;
  const gan_pass *seen = trainer->critic.pass;
  if (work->part[site] < 0) return;
  gan_pass_copy_between(seen, seen_part, (size_t)gan_shape_count(&seen->network->input), gan_pass_input(seen),
                        work->pass, work->part[site], gan_pass_input(work->pass));
}

static void place_samples(gan_trainer *trainer) {
  const int *part = trainer->penalty.part;
  const double deviation = part[GAN_SITE_AROUND_REAL] >= 0 ? find_deviation(trainer) : 0;
  for (int shard = 0; shard < trainer->penalty.pass->shards->local; shard++) {
    if (part[GAN_SITE_INTERPOLATES] >= 0) place_interpolates(trainer, shard);
    if (part[GAN_SITE_AROUND_REAL] >= 0) place_around_real(trainer, shard, deviation);
  }
  place_copies(trainer, GAN_SITE_REAL, REAL);
  place_copies(trainer, GAN_SITE_GENERATED, GENERATED);
}

/* --- What they cost --- */

/* R1 and R2 are about the critic as a function of the samples before augmentation: g = A^T g', with g' of what it saw,
   and it is A u that goes into it. */
static bool is_before_augmentation(const gan_trainer *trainer, gan_penalty_site site) {
  return trainer->model.augmentation.count > 0 && (site == GAN_SITE_REAL || site == GAN_SITE_GENERATED);
}

static void augment_site(gan_trainer *trainer, gan_penalty_site site, gan_augmentation_way way, float *rows) {
  const gan_penalty_work *work = &trainer->penalty;
  gan_augment_part(trainer, &trainer->critic, site == GAN_SITE_REAL, way, work->pass, work->part[site], rows);
}

/* The g that the penalties of a site look at, rows as of the pass; in the place of the tangent where it is made. */
static const float *find_g(gan_trainer *trainer, gan_penalty_site site, const float *g) {
  const gan_penalty_work *work = &trainer->penalty;
  const gan_pass *pass = work->pass;
  if (work->part[site] < 0 || !is_before_augmentation(trainer, site)) return g;
  float *made = gan_pass_input_tangent(work->pass);
  gan_pass_copy_between(pass, work->part[site], (size_t)gan_shape_count(&pass->network->input), g, pass,
                        work->part[site], made);
  augment_site(trainer, site, GAN_AUGMENT_TRANSPOSE, made);
  return made;
}

/* From g the step's values, and u. */
static void penalise(gan_trainer *trainer, const float *g) {
  const gan_penalty_options *options = &trainer->config->critic.penalty;
  gan_pass *pass = trainer->penalty.pass;
  const int64_t elements = gan_shape_count(&pass->network->input);
  double weights[GAN_PENALTY_KINDS];
  gan_penalties_weights(options, gan_run_progress(trainer->iteration, trainer->config->run.iterations), weights);
  for (int i = 0; i < GAN_PENALTY_KINDS; i++) weights[i] *= (double)options->every;
  const float *g_of[GAN_SITES];
  for (int site = 0; site < GAN_SITES; site++) g_of[site] = find_g(trainer, (gan_penalty_site)site, g);
  for (int shard = 0; shard < pass->shards->local; shard++) {
    double *sums = gan_scores_sums(trainer, &trainer->critic, shard);
    for (int site = 0; site < GAN_SITES; site++) {
      const int part = trainer->penalty.part[site];
      if (part < 0) continue;
      const int64_t place = gan_pass_first_row(pass, shard, part) * elements;
      sums[GAN_SUM_PENALTY] += gan_penalties_apply(options, weights, (gan_penalty_site)site, trainer->shards.batch,
                                                   gan_pass_row_count(pass, shard, part), elements, g_of[site] + place,
                                                   gan_pass_input_tangent(pass) + place);
    }
    sums[GAN_SUM_LOSS] += sums[GAN_SUM_PENALTY];
  }
  for (int site = 0; site < GAN_SITES; site++)
    if (g_of[site] != g)
      augment_site(trainer, (gan_penalty_site)site, GAN_AUGMENT_LINEAR, gan_pass_input_tangent(pass));
}

gan_status gan_penalty_backward(gan_trainer *trainer) {
  gan_penalty_work *work = &trainer->penalty;
  gan_player *critic = &trainer->critic;
  work->due = work->pass && critic->steps % trainer->config->critic.penalty.every == 0;
  if (!work->due) {
    gan_pass_backward(critic->pass, false);
    return GAN_OK;
  }
  place_samples(trainer);
  GAN_TRY(gan_player_forward(trainer, critic, work->pass));
  penalise(trainer, gan_pass_score_gradient(work->pass));
  gan_pass_gradient_product(work->pass, critic->pass);
  return GAN_OK;
}
