/* Addressed randomness: every random number is a pure function of where it is used.

   Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, as in Random123) maps a 128-bit
   counter and a 64-bit key to 128 random bits. The key is the run's seed; the counter is made of stream, step, sample
   and index. So there is no state to save in a checkpoint, and no number depends on which rank asks, or when. */
#ifndef GAN_BASE_RANDOM_H
#define GAN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a number is for; the values are part of the checkpoint format's promise and must not change. */
typedef enum gan_random_stream {
  GAN_STREAM_INITIALISE_GENERATOR = 1, /* step: tensor's place in the network */
  GAN_STREAM_INITIALISE_CRITIC = 2,
  GAN_STREAM_LATENT_CRITIC = 3,    /* z of critic steps; sample: place in the global batch */
  GAN_STREAM_LATENT_GENERATOR = 4, /* z of generator steps */
  GAN_STREAM_LATENT_SAMPLES = 5,   /* z of sample grids and evaluation; step 0 for fixed latents */
  GAN_STREAM_SHUFFLE = 6,          /* order of the data set; step: epoch */
  GAN_STREAM_SYNTHETIC = 7,        /* synthetic data; sample: index in the data set */
  GAN_STREAM_EVALUATION = 8,       /* random projections and the like */
  GAN_STREAM_LABELS = 9,
  GAN_STREAM_INTERPOLATION = 10,     /* of gradient penalties; step: of the critic, sample: place in the global batch */
  GAN_STREAM_DROPOUT_GENERATOR = 11, /* step: of update, layer and part (src/nn/dropout.c) */
  GAN_STREAM_DROPOUT_CRITIC = 12,
  GAN_STREAM_DROPOUT_PENALTY = 13, /* in the critic's pass of gradient penalties */
  GAN_STREAM_DRAGAN = 14,          /* noise around real samples; step and sample as of INTERPOLATION */
  GAN_STREAM_AUGMENT = 15,         /* step: four for each update of a network (src/train/augmentation.c) */
  GAN_STREAM_DATA_FLIP = 16,       /* step: of the critic; sample: place in the global batch */
  GAN_STREAM_LABEL_FLIP = 17,      /* which samples count as of the other class; step: of the critic; index: class */
  GAN_STREAM_SPECTRAL = 18 /* first singular vectors; step: tensor's place, sample: the network's stream above */
} gan_random_stream;

typedef struct gan_random_address {
  uint64_t seed;
  gan_random_stream stream;
  uint64_t step;   /* below 2^56 */
  uint64_t sample; /* below 2^32 */
} gan_random_address;

/* count 32-bit words at indices 0..count-1 of the address. */
void gan_random_bits(gan_random_address address, size_t count, uint32_t *out);

/* Uniform on (0, 1): (word + 1/2) / 2^32, rounded to float32 and kept below 1. */
void gan_random_uniform(gan_random_address address, size_t count, float *out);

/* Standard normal, by Box and Muller's transform of two words each. */
void gan_random_normal(gan_random_address address, size_t count, float *out);

/* The same for `rows` consecutive samples (address.sample, address.sample + 1, ...): out (rows, count), row-major. */
void gan_random_normal_rows(gan_random_address address, size_t rows, size_t count, float *out);
void gan_random_uniform_rows(gan_random_address address, size_t rows, size_t count, float *out);

#endif
