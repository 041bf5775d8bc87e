/* The real samples that evaluations compare generated ones with: read once, before the loader's thread begins to use
   the source, and kept as their projections. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "eval/spread.h"
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

/* Those of samples number first .. first+rows-1 that are to be drawn. */
static void keep_shown(gan_trainer *trainer, int64_t shown, int64_t first, int64_t rows, const float *samples) {
  const int64_t elements = gan_shape_count(&trainer->source->shape), left = shown - first;
  if (left <= 0) return;
  memcpy(trainer->real_shown + first * elements, samples,
         (size_t)((left < rows ? left : rows) * elements) * sizeof *samples);
}

/* All of them, some at a time, and what is kept of them. */
static gan_status project_real_samples(gan_trainer *trainer, int64_t shown, int64_t *indices, float *samples,
                                       gan_spread *spread) {
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
    gan_spread_add(spread, rows, samples);
    keep_shown(trainer, shown, first, rows, samples);
    if (points)
      memcpy(trainer->evaluation_points + first * elements, samples, (size_t)(rows * elements) * sizeof *samples);
  }
  return GAN_OK;
}

gan_status gan_read_real_samples(gan_trainer *trainer) {
  const gan_source *source = trainer->source;
  const gan_config *config = trainer->config;
  const int64_t elements = gan_shape_count(&source->shape);
  const gan_trainer_sizes sizes = gan_trainer_measure(config, &trainer->model, source);
  float *samples = NULL;
  int64_t *indices = NULL;
  gan_spread spread = {0};
  GAN_TRY(gan_projected_create(trainer->evaluation_count, elements, (int)config->eval.projections,
                               (uint64_t)config->run.seed, &trainer->evaluation_real));
  gan_status status = gan_allocate(GAN_EVALUATION_ROWS, (size_t)elements * sizeof *samples, "samples", &samples);
  if (status == GAN_OK) status = gan_allocate(GAN_EVALUATION_ROWS, sizeof *indices, "sample indices", &indices);
  if (status == GAN_OK && sizes.shown)
    status = gan_allocate(sizes.shown, (size_t)elements * sizeof *samples, "samples to show", &trainer->real_shown);
  if (status == GAN_OK) status = gan_spread_begin(elements, &spread);
  if (status == GAN_OK) status = project_real_samples(trainer, (int64_t)sizes.shown, indices, samples, &spread);
  if (status == GAN_OK) trainer->real_variance = gan_spread_variance(&spread);
  gan_spread_release(&spread);
  free(samples);
  free(indices);
  GAN_TRY(status);
  return gan_source_modes(source, &trainer->mode_count, &trainer->modes);
}

gan_status gan_draw_real_samples(gan_trainer *trainer) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/real.png", trainer->folder);
  gan_status status = GAN_OK;
  if (trainer->real_shown && !(trainer->iteration && access(path, F_OK) == 0)) {
    const gan_trainer_sizes sizes = gan_trainer_measure(trainer->config, &trainer->model, trainer->source);
    status = gan_picture_grid(path, &trainer->source->shape, (int64_t)sizes.shown, trainer->real_shown, 0);
    if (status == GAN_OK && trainer->observer.file) trainer->observer.file(trainer->observer.context, "real", path);
  }
  free(trainer->real_shown);
  trainer->real_shown = NULL;
  return gan_folder_explain(trainer, status);
}
