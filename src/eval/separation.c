/* Separation power of the observables of showers. Energies are the cells' values, moved and scaled so that the
   reference set's smallest value is 0 and its largest 1, to the power that undoes the data's own (gan_comparison): in
   units of the largest cell of the reference. That is all the physics that is needed: separation does not change when
   an observable is multiplied by a number. Values below the reference's smallest count as empty cells.

   Ranks share the showers; the histograms of a few dozens of observables are nothing beside them. */
#include "eval/separation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dist/rows.h"
#include "eval/finite.h"
#include "eval/metric_rows.h"

enum { SHOWERS = 8, BINS = GAN_SEPARATION_BINS };
static const double OCCUPIED = 1e-3;

/* --- Histograms --- */

/* 0: below, BINS + 1: above; the largest value belongs to the last bin. */
static int bin_of(double value, double least, double most) {
  if (value < least) return 0;
  if (value > most) return BINS + 1;
  const double place = most > least ? (value - least) / (most - least) * BINS : 0;
  return place < BINS ? 1 + (int)place : BINS;
}

static void fill_histogram(int64_t count, const double *values, int64_t stride, double least, double most,
                           int64_t *histogram) {
  memset(histogram, 0, (BINS + 2) * sizeof *histogram);
  for (int64_t i = 0; i < count; i++) histogram[bin_of(values[i * stride], least, most)]++;
}

double gan_separation_power(int64_t n, const double *real, int64_t m, const double *fake, int64_t stride) {
  int64_t of_real[BINS + 2], of_fake[BINS + 2];
  double least = real[0], most = real[0], sum = 0;
  for (int64_t i = 1; i < n; i++) {
    least = fmin(least, real[i * stride]);
    most = fmax(most, real[i * stride]);
  }
  fill_histogram(n, real, stride, least, most, of_real);
  fill_histogram(m, fake, stride, least, most, of_fake);
  for (int bin = 0; bin < BINS + 2; bin++) {
    const double a = (double)of_real[bin] / (double)n, b = (double)of_fake[bin] / (double)m;
    if (a + b > 0) sum += (a - b) * (a - b) / (a + b);
  }
  return sum / 2;
}

/* --- A shower --- */

/* Mean place and standard deviation of a profile along an axis (count). */
static void observe_profile(int64_t count, const double *profile, double total, double *centre, double *width) {
  *centre = *width = 0;
  if (!(total > 0)) return;
  for (int64_t i = 0; i < count; i++) *centre += (double)i * profile[i];
  *centre /= total;
  for (int64_t i = 0; i < count; i++) *width += ((double)i - *centre) * ((double)i - *centre) * profile[i];
  *width = sqrt(*width / total);
}

static double first_of_largest(int64_t count, const double *profile) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; i++)
    if (profile[i] > profile[best]) best = i;
  return (double)best;
}

void gan_observe_shower(int64_t depth, int64_t height, int64_t width, const double *cells, double *room,
                        double *observables) {
  double *along_depth = observables + GAN_OBSERVABLES, *along_height = room, *along_width = room + height, total = 0;
  int64_t occupied = 0;
  memset(along_depth, 0, (size_t)depth * sizeof *along_depth);
  memset(room, 0, (size_t)(height + width) * sizeof *room);
  for (int64_t z = 0; z < depth; z++)
    for (int64_t y = 0; y < height; y++)
      for (int64_t x = 0; x < width; x++) {
        const double energy = *cells++;
        along_depth[z] += energy;
        along_height[y] += energy;
        along_width[x] += energy;
        occupied += energy > OCCUPIED;
      }
  for (int64_t z = 0; z < depth; z++) total += along_depth[z];
  observables[GAN_ENERGY] = total;
  observables[GAN_DEPTH_MAXIMUM] = first_of_largest(depth, along_depth);
  observe_profile(depth, along_depth, total, &observables[GAN_CENTRE_DEPTH], &observables[GAN_WIDTH_DEPTH]);
  observe_profile(height, along_height, total, &observables[GAN_CENTRE_HEIGHT], &observables[GAN_WIDTH_HEIGHT]);
  observe_profile(width, along_width, total, &observables[GAN_CENTRE_WIDTH], &observables[GAN_WIDTH_WIDTH]);
  observables[GAN_OCCUPANCY] = (double)occupied / (double)(depth * height * width);
}

/* --- A set --- */

/* How values become energies. */
typedef struct energy_scale {
  double least, most, exponent;
} energy_scale;

static energy_scale scale_of(const gan_comparison *comparison) {
  const gan_sample_set *real = comparison->real;
  const int64_t count = real->count * gan_shape_count(&real->shape);
  float least = real->samples[0], most = real->samples[0];
  for (int64_t i = 1; i < count; i++) {
    least = fminf(least, real->samples[i]);
    most = fmaxf(most, real->samples[i]);
  }
  return (energy_scale){(double)least, (double)most, comparison->power > 0 ? 1 / comparison->power : 1};
}

static double energy_of(const energy_scale *scale, float value) {
  const double above = (double)value - scale->least, range = scale->most - scale->least;
  if (!(above > 0)) return 0;
  const double share = range > 0 ? above / range : above;
  return scale->exponent == 2 ? share * share : scale->exponent == 1 ? share : pow(share, scale->exponent);
}

/* cells (depth, height, width): the energies of a sample, added over its channels. */
static void take_energies(const gan_shape *shape, const float *sample, const energy_scale *scale, double *cells) {
  const int64_t count = gan_shape_count(shape) / shape->size[0];
  for (int64_t i = 0; i < count; i++) cells[i] = energy_of(scale, sample[i]);
  for (int64_t channel = 1; channel < shape->size[0]; channel++)
    for (int64_t i = 0; i < count; i++) cells[i] += energy_of(scale, sample[channel * count + i]);
}

static int64_t observable_count(const gan_shape *shape) { return GAN_OBSERVABLES + shape->size[1]; }

typedef struct shower_space {
  double *cells, *room;
} shower_space;

/* A table (count) of the set's observables. Collective; errors are agreed on. */
static gan_status observe_set(gan_world *world, const gan_sample_set *set, const energy_scale *scale, gan_rows **rows) {
  const gan_shape *shape = &set->shape;
  const int64_t elements = gan_shape_count(shape), width = observable_count(shape);
  shower_space space = {0};
  GAN_TRY(gan_rows_create(world, set->count, (size_t)width * sizeof(double), SHOWERS, "observables of showers", rows));
  gan_status status =
      gan_allocate((size_t)(elements / shape->size[0]), sizeof(double), "energies of cells", &space.cells);
  if (status == GAN_OK)
    status =
        gan_allocate((size_t)(shape->size[2] + shape->size[3]), sizeof(double), "profiles of showers", &space.room);
  status = gan_world_agree(world, status);
  if (status == GAN_OK) {
    const gan_row_range mine = gan_rows_mine(*rows);
    double *observables = gan_rows_memory(*rows);
    for (int64_t i = mine.first; i < mine.end; i++) {
      take_energies(shape, set->samples + i * elements, scale, space.cells);
      gan_observe_shower(shape->size[1], shape->size[2], shape->size[3], space.cells, space.room,
                         observables + i * width);
    }
    gan_rows_complete(*rows);
  }
  free(space.cells);
  free(space.room);
  return status;
}

/* --- The metric --- */

/* Layers' energies count as one observable together in the mean, each by itself for the worst. */
static void compare_sets(const gan_comparison *comparison, const double *real, const double *fake, double *values) {
  const int64_t layers = comparison->real->shape.size[1], width = observable_count(&comparison->real->shape);
  double sum = 0, sum_of_layers = 0, worst = 0;
  for (int64_t i = 0; i < width; i++) {
    const double power =
        gan_separation_power(comparison->real->count, real + i, comparison->fake->count, fake + i, width);
    if (i < GAN_OBSERVABLES)
      sum += power;
    else
      sum_of_layers += power;
    worst = fmax(worst, power);
  }
  values[0] = (sum + sum_of_layers / (double)layers) / (GAN_OBSERVABLES + 1);
  values[1] = worst;
}

static const char *unable(const gan_comparison *comparison) {
  if (comparison->real->shape.rank != 4) return "needs volumes (channels, depth, height, width)";
  return comparison->real->count > 0 && comparison->fake->count > 0 ? NULL : "needs at least one sample of each set";
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  gan_rows *real = NULL, *fake = NULL;
  GAN_TRY(gan_check_samples(comparison));
  const energy_scale scale = scale_of(comparison);
  gan_status status = observe_set(comparison->world, comparison->real, &scale, &real);
  if (status == GAN_OK) status = observe_set(comparison->world, comparison->fake, &scale, &fake);
  if (status == GAN_OK) compare_sets(comparison, gan_rows_memory(real), gan_rows_memory(fake), values);
  gan_rows_destroy(real);
  gan_rows_destroy(fake);
  return status;
}

const gan_metric gan_metric_separation = {
    .name = "separation",
    .help = "how far apart the histograms of energy, depth, place, width and occupancy of showers are",
    .source = "Diefenbacher et al. 2020, arXiv 2009.03796, equation 15, of observables as in the CaloChallenge",
    .values = {{"separation", "separation power from 0 to 1, mean over observables", -1},
               {"separation_worst", "that of the observable that has the largest", -1}},
    .unable = unable,
    .compute = compute};
