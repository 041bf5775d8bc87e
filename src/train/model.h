/* The model: the two networks of a configuration, and drawing samples from the generator. */
#ifndef GAN_TRAIN_MODEL_H
#define GAN_TRAIN_MODEL_H

#include "config/config.h"
#include "nn/pass.h"
#include "store/tensors.h"

typedef struct gan_model {
  gan_network *generator;
  gan_network *critic;
  gan_augmentation augmentation; /* of what the critic sees */
} gan_model;

/* Builds both networks for data of one sample's shape. Errors (GAN_BAD_USAGE) say which network and layer does not fit,
   or which augmentation. Released with gan_model_release. */
gan_status gan_model_create(const gan_config *config, const gan_shape *data_shape, gan_model *model) GAN_CHECKED;
void gan_model_release(gan_model *model);
/* GAN_BAD_USAGE when the smallest of so many shards is too small for batch statistics. */
gan_status gan_model_check_batch(const gan_model *model, int shards, int64_t batch) GAN_CHECKED;

/* augmentation.c: the operations that the configuration asks for. GAN_BAD_USAGE when they make no sense for samples of
   this shape, or the section's keys none together. */
gan_status gan_augment_choose(const gan_config *config, const gan_shape *sample,
                              gan_augmentation *augmentation) GAN_CHECKED;

/* How latents are drawn: row i of a batch is sample address.sample + i. */
typedef struct gan_latents {
  gan_random_address address;
  bool uniform;      /* U(-1, 1) instead of N(0, 1) */
  double truncation; /* values beyond +-truncation are drawn again (Brock et al. 2019, section 3.1); 0: none */
} gan_latents;

/* As the configuration says: its seed and distribution, from step 0 and sample 0 of `stream`, without truncation. */
gan_latents gan_latents_of(const gan_config *config, gan_random_stream stream);

/* z (rows, latent). */
void gan_draw_latents(const gan_latents *latents, int64_t rows, int64_t latent, float *z);

/* samples (count, output elements) = generator(z), z (count, latent), with running statistics, in batches of fixed
   size, so that a sample's bits do not depend on how many are asked for together. `memory`: for the pass; NULL: it
   takes its own. GAN_FAILED when they are not finite. */
gan_status gan_generate(const gan_network *generator, const float *parameters, const float *buffers, int64_t count,
                        const float *z, const gan_pass_memory *memory, float *samples) GAN_CHECKED;

/* The pass that gan_generate takes meanwhile. */
gan_status gan_generate_measure(const gan_network *generator, gan_pass_sizes *sizes) GAN_CHECKED;

/* Whether a run of this configuration keeps a moving average of the generator. */
bool gan_averages(const gan_config *config);

#endif
