#include "cli/evaluate_sources.h"

#include <stdlib.h>

#include "base/memory.h"

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
