/* Makers of sets (eval/sample_sets.h): real samples of a data source, and a generator's. */
#ifndef GAN_CLI_EVALUATE_SOURCES_H
#define GAN_CLI_EVALUATE_SOURCES_H

#include "cli/sample_latents.h"
#include "cli/saved_generator.h"
#include "data/source.h"
#include "eval/sample_sets.h"

/* Samples of a source, in an order of their own, or in that of the file. */
typedef struct gan_source_rows {
  gan_source *source; /* borrowed */
  int64_t first;      /* of the samples in the source that may be taken */
  int64_t span;       /* how many these are; 0: without end */
  int64_t skip;       /* how many of these, in the order, others have taken */
  bool in_order;      /* as they are in the file; else mixed, always in the same way */
} gan_source_rows;

/* `count` of them; labels where the source has any. `rows` is borrowed. */
gan_set_maker gan_source_rows_maker(gan_source_rows *rows, int64_t count);

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
