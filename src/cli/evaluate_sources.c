#include "cli/evaluate_sources.h"

#include <stdlib.h>

#include "base/memory.h"
#include "data/loader.h"

/* Another order than any training's; the same in every evaluation, so that numbers compare. */
static const uint64_t ORDER_SEED = ~(uint64_t)0;

static int64_t index_of(const gan_source_rows *rows, int64_t row) {
  const int64_t place = rows->skip + row;
  if (rows->in_order || !rows->span) return rows->first + place;
  return rows->first + gan_sampler_index(ORDER_SEED, rows->span, place);
}

static gan_status read_rows(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  const gan_source_rows *rows = context;
  int64_t indices[GAN_SET_BLOCK];
  for (int64_t i = 0; i < count; i++) indices[i] = index_of(rows, first + i);
  return gan_source_read(rows->source, indices, count, samples, labels);
}

gan_set_maker gan_source_rows_maker(gan_source_rows *rows, int64_t count) {
  return (gan_set_maker){.make = read_rows,
                         .context = rows,
                         .count = count,
                         .shape = rows->source->shape,
                         .label_count = rows->source->label_count};
}

gan_status gan_generated_rows_create(const gan_arguments *arguments, const gan_saved_generator *saved, int64_t count,
                                     gan_generated_rows *rows) {
  *rows = (gan_generated_rows){.saved = saved};
  GAN_TRY(gan_sample_latents_of(arguments, saved->config, count, &rows->latents));
  return gan_allocate(GAN_SET_BLOCK, (size_t)rows->latents.latent * sizeof *rows->z, "latents", &rows->z);
}

void gan_generated_rows_release(gan_generated_rows *rows) {
  free(rows->z);
  rows->z = NULL;
}

static gan_status generate_rows(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  (void)labels; /* generators have no classes */
  const gan_generated_rows *rows = context;
  const gan_saved_generator *saved = rows->saved;
  GAN_TRY(gan_sample_latents_make(&rows->latents, first, count, rows->z));
  return gan_generate(saved->model.generator, saved->parameters, saved->buffers, count, rows->z, NULL, samples);
}

gan_set_maker gan_generated_rows_maker(gan_generated_rows *rows, int64_t count) {
  return (gan_set_maker){.make = generate_rows, .context = rows, .count = count, .shape = rows->saved->data_shape};
}
