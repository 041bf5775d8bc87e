/* Makers of sets (eval/sample_sets.h) of samples that a saved generator makes. */
#ifndef GAN_CLI_EVALUATE_SOURCES_H
#define GAN_CLI_EVALUATE_SOURCES_H

#include "cli/sample_latents.h"
#include "cli/saved_generator.h"
#include "eval/sample_sets.h"

/* Samples as `gan_dist sample` draws them: sample i of both has the same latent. */
typedef struct gan_generated_rows {
  const gan_saved_generator *saved; /* borrowed */
  gan_sample_latents latents;
  float *z; /* (GAN_SET_BLOCK, latent). Owned */
} gan_generated_rows;

/* Errors of gan_sample_latents_of, and GAN_FAILED for want of memory. */
gan_status gan_generated_rows_create(const gan_arguments *arguments, const gan_saved_generator *saved, int64_t count,
                                     gan_generated_rows *rows) GAN_CHECKED;
void gan_generated_rows_release(gan_generated_rows *rows);
gan_set_maker gan_generated_rows_maker(gan_generated_rows *rows, int64_t count);

#endif
