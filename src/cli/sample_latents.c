#include "cli/sample_latents.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/number.h"

/* Addresses of random numbers have 32 bits for the sample (base/random.h). */
static const int64_t COUNT_MOST = INT64_C(1) << 32;

gan_status gan_sample_latents_of(const gan_arguments *arguments, const gan_config *config, int64_t count,
                                 gan_sample_latents *of) {
  const char *bound = gan_argument(arguments, "--truncation");
  *of = (gan_sample_latents){.latents = gan_latents_of(config, GAN_STREAM_LATENT_SAMPLES),
                             .latent = config->generator.latent,
                             .interpolates = gan_argument(arguments, "--interpolate") != NULL};
  if (bound && (gan_parse_real(bound, &of->latents.truncation) != GAN_OK || of->latents.truncation < 0.1))
    return gan_fail(GAN_BAD_USAGE, "--truncation has to be a number of at least 0.1, not \"%s\"", bound);
  if (bound && of->latents.uniform)
    return gan_fail(GAN_BAD_USAGE, "--truncation is for normal latents; this generator's are uniform");
  if (count > COUNT_MOST)
    return gan_fail(GAN_BAD_USAGE, "-n: there are %lld samples with latents of their own; more with another --seed",
                    (long long)COUNT_MOST);
  return GAN_OK;
}

/* z (steps, latent): from ends[0] to ends[1], ends (2, latent); on the sphere for normal latents, whose length all lies
   near sqrt(latent) (White 2016, arXiv 1609.04468), on the straight line for uniform ones. */
static void interpolate(bool uniform, int64_t latent, const float *ends, int64_t steps, float *z) {
  double dot = 0, square_a = 0, square_b = 0;
  for (int64_t j = 0; j < latent; j++) {
    dot += (double)ends[j] * ends[latent + j];
    square_a += (double)ends[j] * ends[j];
    square_b += (double)ends[latent + j] * ends[latent + j];
  }
  const double angle = acos(fmax(-1, fmin(1, dot / sqrt(square_a * square_b))));
  const bool straight = uniform || sin(angle) < 1e-6;
  for (int64_t i = 0; i < steps; i++) {
    const double t = (double)i / (GAN_INTERPOLATION_STEPS - 1);
    const double a = straight ? 1 - t : sin((1 - t) * angle) / sin(angle);
    const double b = straight ? t : sin(t * angle) / sin(angle);
    for (int64_t j = 0; j < latent; j++) z[i * latent + j] = (float)(a * ends[j] + b * ends[latent + j]);
  }
}

/* Way number w goes from the latent of sample 2 w to that of sample 2 w + 1. */
gan_status gan_sample_latents_make(const gan_sample_latents *of, int64_t first, int64_t rows, float *z) {
  gan_latents latents = of->latents;
  float *ends = NULL;
  if (!of->interpolates) {
    latents.address.sample += (uint64_t)first;
    gan_draw_latents(&latents, rows, of->latent, z);
    return GAN_OK;
  }
  GAN_TRY(gan_allocate(2 * (size_t)of->latent, sizeof *ends, "latents", &ends));
  latents.address.sample += 2 * ((uint64_t)first / GAN_INTERPOLATION_STEPS);
  for (int64_t row = 0; row < rows; row += GAN_INTERPOLATION_STEPS, latents.address.sample += 2) {
    const int64_t steps = rows - row < GAN_INTERPOLATION_STEPS ? rows - row : GAN_INTERPOLATION_STEPS;
    gan_draw_latents(&latents, 2, of->latent, ends);
    interpolate(latents.uniform, of->latent, ends, steps, z + row * of->latent);
  }
  free(ends);
  return GAN_OK;
}
