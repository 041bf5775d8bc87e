/* Points in the plane drawn from known distributions: what needs no files, and shows at a glance whether a generator
   covers its data. Sample i is a pure function of (seed, i), so ranks need not talk and a set may be without end.

   One Philox block serves a sample: word 0 chooses the mode (or the place along the roll), words 2 and 3 are the noise.
   An index above 2^32 has its high part in the address's step. */
#include <inttypes.h>
#include <math.h>
#include <xxhash.h>

#include "base/number.h"
#include "base/random.h"
#include "data/source_types.h"

enum { MODES_MAX = 1 << 20 };
static const double LENGTH_MAX = 1e30; /* no point leaves the range of float32 */
static const double pi = 3.14159265358979323846;

int gan_synthetic_modes(const gan_source *source) {
  const int modes = source->options.modes;
  if (source->type == &gan_source_ring) return modes;
  if (source->type == &gan_source_grid) return modes * modes;
  return 0;
}

void gan_synthetic_mode_centre(const gan_source *source, int mode, double centre[2]) {
  const double radius = source->options.radius;
  const int modes = source->options.modes;
  if (source->type == &gan_source_ring) {
    const double angle = 2 * pi * mode / modes;
    centre[0] = radius * cos(angle);
    centre[1] = radius * sin(angle);
  } else {
    /* A grid of one mode has it in the middle. */
    centre[0] = modes > 1 ? radius * (2.0 * (mode % modes) / (modes - 1) - 1) : 0;
    centre[1] = modes > 1 ? radius * (2.0 * (mode / modes) / (modes - 1) - 1) : 0;
  }
}

/* Equal texts: equal samples. Hexadecimal floating point tells apart what decimals would round together. */
static uint64_t fingerprint(const gan_source *source) {
  const gan_data_options *options = &source->options;
  char text[256];
  const int used = gan_print_plain(
      text, sizeof text, "%s modes=%d radius=%a sigma=%a samples=%" PRId64 " seed=%" PRIu64, source->type->name,
      gan_synthetic_modes(source), options->radius, options->sigma, options->samples, source->seed);
  return XXH3_64bits(text, (size_t)used);
}

static gan_status open_points(gan_source *source) {
  const gan_data_options *options = &source->options;
  if (!(options->radius > 0 && options->radius <= LENGTH_MAX))
    return gan_fail(GAN_BAD_USAGE, "data.radius: %g is not above 0 and at most %g", options->radius, LENGTH_MAX);
  if (!(options->sigma >= 0 && options->sigma <= LENGTH_MAX))
    return gan_fail(GAN_BAD_USAGE, "data.sigma: %g is not between 0 and %g", options->sigma, LENGTH_MAX);
  source->shape = (gan_shape){.rank = 1, .size = {2}};
  source->count = options->samples;
  source->fingerprint = fingerprint(source);
  return GAN_OK;
}

static gan_status check_modes(const gan_source *source, int most) {
  if (source->options.modes >= 1 && source->options.modes <= most) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "data.modes: %d is not between 1 and %d for data.source %s", source->options.modes,
                  most, source->type->name);
}

static gan_status open_ring(gan_source *source) {
  GAN_TRY(check_modes(source, MODES_MAX));
  return open_points(source);
}

static gan_status open_grid(gan_source *source) {
  GAN_TRY(check_modes(source, 1 << 10)); /* its square is MODES_MAX */
  return open_points(source);
}

/* The random word that places sample `index`, and its noise: two independent standard normals. */
static uint32_t draw(const gan_source *source, int64_t index, const float **noise, float normal[4]) {
  const gan_random_address address = {.seed = source->seed,
                                      .stream = GAN_STREAM_SYNTHETIC,
                                      .step = (uint64_t)index >> 32,
                                      .sample = (uint64_t)index & 0xffffffffu};
  uint32_t word;
  gan_random_bits(address, 1, &word);
  gan_random_normal(address, 4, normal);
  *noise = normal + 2;
  return word;
}

static gan_status read_modes(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  (void)labels; /* label_count is 0 */
  const uint64_t modes = (uint64_t)gan_synthetic_modes(source);
  const double sigma = source->options.sigma;
  for (int64_t i = 0; i < n; i++) {
    float normal[4];
    const float *noise;
    double centre[2];
    const uint32_t word = draw(source, indices[i], &noise, normal);
    gan_synthetic_mode_centre(source, (int)(word * modes >> 32), centre);
    out[2 * i] = (float)(centre[0] + sigma * noise[0]);
    out[2 * i + 1] = (float)(centre[1] + sigma * noise[1]);
  }
  return GAN_OK;
}

/* t runs from 1.5 pi to 4.5 pi; the spiral (t cos t, t sin t) is scaled so that its outer end is `radius` from 0. */
static gan_status read_swiss_roll(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  (void)labels; /* label_count is 0 */
  const double scale = source->options.radius / (4.5 * pi);
  const double sigma = source->options.sigma;
  for (int64_t i = 0; i < n; i++) {
    float normal[4];
    const float *noise;
    const uint32_t word = draw(source, indices[i], &noise, normal);
    const double t = 1.5 * pi * (1 + 2 * ((word + 0.5) * 0x1p-32));
    out[2 * i] = (float)(scale * t * cos(t) + sigma * noise[0]);
    out[2 * i + 1] = (float)(scale * t * sin(t) + sigma * noise[1]);
  }
  return GAN_OK;
}

static void close_points(gan_source *source) { (void)source; /* owns nothing */ }

const gan_source_type gan_source_ring = {
    .name = "ring",
    .help = "data.modes Gaussians of standard deviation data.sigma on a circle of data.radius",
    .keys = "data.modes data.radius data.sigma data.samples",
    .open = open_ring,
    .read = read_modes,
    .close = close_points,
};

const gan_source_type gan_source_grid = {
    .name = "grid",
    .help = "data.modes x data.modes Gaussians of standard deviation data.sigma on a square of half side data.radius",
    .keys = "data.modes data.radius data.sigma data.samples",
    .open = open_grid,
    .read = read_modes,
    .close = close_points,
};

const gan_source_type gan_source_swiss_roll = {
    .name = "swiss_roll",
    .help = "a spiral in the plane with its outer end at data.radius and noise of standard deviation data.sigma",
    .keys = "data.radius data.sigma data.samples",
    .open = open_points,
    .read = read_swiss_roll,
    .close = close_points,
};
