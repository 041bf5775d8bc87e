/* Particle showers in a calorimeter: a photon enters a cube of cells and leaves its energy there. What detector
   simulations take minutes for is sampled here from the mean shape of such showers in closed form (shower_profile.h),
   with random energy, start, place, direction and sampling fluctuations: data in three dimensions that need no files,
   whose totals and profiles are known exactly.

   Sample i is a pure function of (seed, i): step 256 (i / 2^32) of its address serves the shower, the steps behind it
   one layer of cells each. The cost of a sample is bounded: two evaluations of the radial form for each corner of a
   cell, and a loop of at most COUNT_MOST for each cell.

   A voxel is (e / full scale)^power, from [0, 1] to [-1, 1]. With the power 1/2, fluctuations of a Poisson law are of
   one width whatever the energy. docs/showers.md tells all of it. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "data/shower_profile.h"
#include "data/source_types.h"

enum { CELLS_LEAST = 4, CELLS_MOST = GAN_SHOWER_LINES_MOST - 1, STEPS_PER_SAMPLE = 256 };
static const double radians = 3.14159265358979323846 / 180;

/* Work space of one sample. */
typedef struct shower_space {
  double *corners; /* (cells + 1, cells + 1) */
  double *layer;   /* (cells, cells): GeV */
  uint32_t *words; /* (cells, cells, 2) */
} shower_space;

/* What is drawn for a sample. Depths in radiation lengths from the front face, lengths across in Moliere radii from the
   middle. */
typedef struct shower {
  gan_shower_profile profile;
  double start;            /* depth along its axis at which it begins */
  double cosine;           /* of the angle between its axis and the depth's */
  double x, y;             /* where its axis crosses the front face */
  double slope_x, slope_y; /* its way across, Moliere radii for each radiation length of depth */
} shower;

/* --- Opening --- */

/* The ranges of the option table, for programs that do not go through it. */
static gan_status check_range(const char *key, double value, double least, double most) {
  if (value >= least && value <= most) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "shower.%s: %g is not between %g and %g", key, value, least, most);
}

static gan_status check_options(const gan_shower_options *options) {
  GAN_TRY(check_range("cells", options->cells, CELLS_LEAST, CELLS_MOST));
  GAN_TRY(check_range("cell_depth", options->cell_depth, 0.01, 10));
  GAN_TRY(check_range("cell_width", options->cell_width, 0.01, 10));
  GAN_TRY(check_range("energy_minimum", options->energy_minimum, 0.1, 1e4));
  GAN_TRY(check_range("energy_maximum", options->energy_maximum, options->energy_minimum, 1e4));
  GAN_TRY(check_range("start", options->start, 0, 100));
  GAN_TRY(check_range("angle", options->angle, 0, 60));
  GAN_TRY(check_range("impact", options->impact, 0, CELLS_MOST / 2));
  GAN_TRY(check_range("resolution", options->resolution, 0, 1));
  GAN_TRY(check_range("full_scale", options->full_scale, 1e-6, 1));
  return check_range("power", options->power, 0.1, 1);
}

/* Equal texts: equal samples. */
static uint64_t fingerprint(const gan_source *source) {
  const gan_shower_options *options = &source->options.shower;
  char text[512];
  const int used =
      gan_print_plain(text, sizeof text,
                      "%s cells=%d depth=%a width=%a energy=%a..%a start=%a angle=%a impact=%a resolution=%a "
                      "full_scale=%a power=%a samples=%" PRId64 " seed=%" PRIu64,
                      source->type->name, options->cells, options->cell_depth, options->cell_width,
                      options->energy_minimum, options->energy_maximum, options->start, options->angle, options->impact,
                      options->resolution, options->full_scale, options->power, source->options.samples, source->seed);
  return XXH3_64bits(text, (size_t)used);
}

static gan_status open_showers(gan_source *source) {
  const gan_shower_options *options = &source->options.shower;
  shower_space *space = NULL;
  GAN_TRY(check_options(options));
  const size_t cells = (size_t)options->cells, area = cells * cells;
  GAN_TRY(gan_allocate(1, sizeof *space, "a shower", &space));
  source->state = space;
  GAN_TRY(gan_allocate((cells + 1) * (cells + 1), sizeof *space->corners, "a shower", &space->corners));
  GAN_TRY(gan_allocate(area, sizeof *space->layer, "a shower", &space->layer));
  GAN_TRY(gan_allocate(area, 2 * sizeof *space->words, "a shower", &space->words));
  source->shape = (gan_shape){.rank = 4, .size = {1, options->cells, options->cells, options->cells}};
  source->count = source->options.samples;
  source->fingerprint = fingerprint(source);
  return GAN_OK;
}

static void close_showers(gan_source *source) {
  shower_space *space = source->state;
  if (!space) return;
  free(space->corners);
  free(space->layer);
  free(space->words);
  free(space);
  source->state = NULL;
}

/* --- A shower --- */

static shower draw_shower(const gan_shower_options *options, gan_random_address address) {
  enum { ENERGY, START, IMPACT_X, IMPACT_Y, POLAR, AZIMUTH, DRAWS };
  float u[DRAWS];
  gan_random_uniform(address, DRAWS, u);
  const double energy =
      options->energy_minimum + (options->energy_maximum - options->energy_minimum) * (double)u[ENERGY];
  /* Evenly over the cone's share of the sphere. */
  const double cosine = 1 - (double)u[POLAR] * (1 - cos(options->angle * radians));
  const double azimuth = 360 * radians * (double)u[AZIMUTH];
  const double slope = sqrt(1 - cosine * cosine) / cosine / gan_shower_moliere_radius;
  const double reach = options->impact * options->cell_width;
  return (shower){.profile = gan_shower_profile_of(energy),
                  .start = -options->start * log((double)u[START]),
                  .cosine = cosine,
                  .x = reach * (2 * (double)u[IMPACT_X] - 1),
                  .y = reach * (2 * (double)u[IMPACT_Y] - 1),
                  .slope_x = slope * cos(azimuth),
                  .slope_y = slope * sin(azimuth)};
}

/* Where the lines between cells are, from the shower's axis. */
static void place_lines(const gan_shower_options *options, double axis, double *lines) {
  for (int i = 0; i <= options->cells; i++) lines[i] = (i - 0.5 * options->cells) * options->cell_width - axis;
}

/* The mean energy of each cell of layer k, in GeV. The radial form is taken at the middle of the layer, across the
   layer rather than across the axis. */
static void fill_layer(const gan_shower_options *options, const shower *drawn, int k, shower_space *space) {
  const int cells = options->cells, lines = cells + 1;
  const double top = k * options->cell_depth, bottom = (k + 1) * options->cell_depth, middle = 0.5 * (top + bottom);
  const gan_shower_profile *profile = &drawn->profile;
  const double deposited = profile->energy * (gan_shower_share_before(profile, bottom / drawn->cosine - drawn->start) -
                                              gan_shower_share_before(profile, top / drawn->cosine - drawn->start));
  memset(space->layer, 0, (size_t)cells * (size_t)cells * sizeof *space->layer);
  if (deposited <= 0) return;
  double x[GAN_SHOWER_LINES_MOST], y[GAN_SHOWER_LINES_MOST];
  place_lines(options, drawn->x + middle * drawn->slope_x, x);
  place_lines(options, drawn->y + middle * drawn->slope_y, y);
  const gan_shower_radial radial = gan_shower_radial_at(profile, fmax(0, middle / drawn->cosine - drawn->start));
  double *corners = space->corners;
  memset(corners, 0, (size_t)lines * (size_t)lines * sizeof *corners);
  gan_shower_add_corners(lines, x, y, radial.core, deposited * radial.core_share, corners);
  gan_shower_add_corners(lines, x, y, radial.tail, deposited * (1 - radial.core_share), corners);
  for (int i = 0; i < cells; i++)
    for (int j = 0; j < cells; j++) {
      const double *corner = corners + i * lines + j;
      /* Not below 0 by rounding. */
      space->layer[i * cells + j] = fmax(0, corner[lines + 1] - corner[lines] - corner[1] + corner[0]);
    }
}

/* --- Fluctuations --- */

static double unit(uint32_t word) { return (word + 0.5) * 0x1p-32; }

/* A number with Poisson's law: by inversion where the mean is small, else the nearest whole number to a normal variable
   of that mean and variance. */
static double poisson(double mean, const uint32_t words[2]) {
  enum { COUNT_MOST = 100 };
  const double u = unit(words[0]);
  if (mean > 16) {
    const double normal = sqrt(-2 * log(u)) * cos(360 * radians * unit(words[1]));
    return fmax(0, rint(mean + sqrt(mean) * normal));
  }
  if (u <= 1 - mean) return 0; /* below e^-mean, which is not needed then */
  int count = 0;
  double probability = exp(-mean);
  for (double below = probability; u > below && count < COUNT_MOST; below += probability) probability *= mean / ++count;
  return count;
}

/* A layer's cells count quanta of resolution^2 GeV, so that the total of an energy E varies by resolution sqrt(E). */
static void fluctuate(const gan_shower_options *options, gan_random_address address, shower_space *space) {
  const double quantum = options->resolution * options->resolution;
  const size_t area = (size_t)options->cells * (size_t)options->cells;
  if (quantum <= 0) return;
  gan_random_bits(address, 2 * area, space->words);
  for (size_t i = 0; i < area; i++)
    space->layer[i] = quantum * poisson(space->layer[i] / quantum, space->words + 2 * i);
}

/* --- Samples --- */

static void map_layer(const gan_shower_options *options, const double *energies, float *out) {
  const double inverse_scale = 1 / (options->full_scale * options->energy_maximum);
  for (int i = 0; i < options->cells * options->cells; i++) {
    const double share = fmin(1, energies[i] * inverse_scale);
    const double value = options->power == 0.5 ? sqrt(share) : share > 0 ? pow(share, options->power) : 0;
    out[i] = (float)(2 * value - 1);
  }
}

static gan_status read_showers(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  (void)labels; /* label_count is 0 */
  const gan_shower_options *options = &source->options.shower;
  shower_space *space = source->state;
  for (int64_t i = 0; i < n; i++) {
    gan_random_address address = {.seed = source->seed,
                                  .stream = GAN_STREAM_SYNTHETIC,
                                  .step = ((uint64_t)indices[i] >> 32) * STEPS_PER_SAMPLE,
                                  .sample = (uint64_t)indices[i] & 0xffffffffu};
    const shower drawn = draw_shower(options, address);
    for (int k = 0; k < options->cells; k++, out += options->cells * options->cells) {
      fill_layer(options, &drawn, k, space);
      address.step++;
      fluctuate(options, address, space);
      map_layer(options, space->layer, out);
    }
  }
  return GAN_OK;
}

const gan_source_type gan_source_showers = {
    .name = "showers",
    .help = "particle showers in a calorimeter of shower.cells^3 cells, by formulas (docs/showers.md)",
    .keys = "data.samples data.flip shower",
    .open = open_showers,
    .read = read_showers,
    .close = close_showers,
};
