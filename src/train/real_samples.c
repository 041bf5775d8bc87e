/* The real samples that evaluations compare generated ones with: read once, before the loader's thread begins to use
   the source, and kept as their projections. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/picture.h"
#include "train/internal.h"

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

gan_status gan_read_real_samples(gan_trainer *trainer) {
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
