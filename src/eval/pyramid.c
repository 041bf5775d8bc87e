/* Sliced Wasserstein distance of patches (Karras et al. 2018, arXiv 1710.10196, section 5), after TF-GAN's definition:
   a level of the Laplacian pyramid of Burt and Adelson (1983) with the binomial filter 1 4 6 4 1 and reflected borders;
   64 patches of 7 x 7 from each image at random places; each patch normalised by its own mean and deviation over all
   channels; then, along 147 random directions, the mean difference of sorted projections.

   What differs from TF-GAN, and why:
   - Places and directions are addressed by the seed, the level and the image's number or the direction's: the same
     images give the same number, at any number of ranks, and both sets have their patches at the same places.
   - TF-GAN divides by zero where a patch is constant, as most are in the corners of drawings. Here it becomes zeroes. A
     patch counts as constant when its deviation is below 2^-11 of the largest value of the reference set: of images in
     [-1, 1] with 8 bits, one pixel of the patch that is a step of 2/255 off makes it more than that. Without such a
     bound a generator's background, constant but for its last bits, would be blown up to full contrast.
   - Images of any shape from 16 x 16, of 1 channel too; an odd side is halved upwards.
   - Sets may have different sizes.

   Ranks share the images (levels, places, means and deviations are tables that all fill), then the directions. A
   projection is (sum of x u - mean * sum of u) / deviation, so that normalised patches are never kept: with 64 of them
   for each image they would take more memory than all the rest. */
#include "eval/pyramid.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/multiversion.h"
#include "base/random.h"
#include "base/sort.h"
#include "dist/rows.h"
#include "eval/finite.h"
#include "eval/metric_rows.h"
#include "eval/transport.h"

enum {
  SIDE_LEAST = 16,
  PATCH = 7,
  PATCHES = 64, /* of an image and level */
  DIMENSIONS_MOST = 3 * PATCH * PATCH,
  DIRECTIONS = 147,
  TOGETHER = 8, /* directions that are projected on at a time */
  ABREAST = 4,  /* patches that are projected at a time: their sums fit into registers */
  IMAGES = 8    /* of a block that a rank takes */
};

/* The steps of this metric in GAN_STREAM_EVALUATION: "swd", then the level, then what for. */
enum { PLACES, DIRECTION };
static gan_random_address address_of(uint64_t seed, int level, int purpose, int64_t number) {
  return (gan_random_address){.seed = seed,
                              .stream = GAN_STREAM_EVALUATION,
                              .step = UINT64_C(0x737764) << 24 | (uint64_t)level << 8 | (uint64_t)purpose,
                              .sample = (uint64_t)number};
}

int gan_pyramid_levels(const gan_shape *shape) {
  if (shape->rank != 3 || (shape->size[0] != 1 && shape->size[0] != 3)) return 0;
  int levels = 0;
  for (int64_t side = shape->size[1] < shape->size[2] ? shape->size[1] : shape->size[2]; side >= SIDE_LEAST; side /= 2)
    levels++;
  return levels;
}

/* --- The pyramid of one channel --- */

/* Values of one channel, and room to change them; all (height, width) at most. */
typedef struct pyramid_space {
  double *image, *blurred, *smaller, *across;
  double *line; /* (width + 4) */
} pyramid_space;

static int64_t halved(int64_t n) { return (n + 1) / 2; }

/* Place i, up to two beyond the ends, reflected about the first and the last. */
static int64_t reflected(int64_t i, int64_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

GAN_INLINE double binomial(double a, double b, double c, double d, double e) {
  return (a + e + 4 * (b + d) + 6 * c) / 16;
}

/* blurred = gain * image (height, width) filtered by 1 4 6 4 1 along both axes. */
GAN_MULTIVERSION static void blur(int64_t height, int64_t width, double gain, const double *image, pyramid_space *space,
                                  double *blurred) {
  double *line = space->line + 2;
  for (int64_t y = 0; y < height; y++) {
    memcpy(line, image + y * width, (size_t)width * sizeof *line);
    for (int64_t beyond = 1; beyond <= 2; beyond++) {
      line[-beyond] = line[reflected(-beyond, width)];
      line[width - 1 + beyond] = line[reflected(width - 1 + beyond, width)];
    }
    double *out = space->across + y * width;
    for (int64_t x = 0; x < width; x++) out[x] = binomial(line[x - 2], line[x - 1], line[x], line[x + 1], line[x + 2]);
  }
  for (int64_t y = 0; y < height; y++) {
    const double *rows[5];
    for (int64_t i = 0; i < 5; i++) rows[i] = space->across + reflected(y - 2 + i, height) * width;
    double *out = blurred + y * width;
    for (int64_t x = 0; x < width; x++)
      out[x] = gain * binomial(rows[0][x], rows[1][x], rows[2][x], rows[3][x], rows[4][x]);
  }
}

/* smaller (halved height, halved width): every second pixel of the blurred image. */
static void halve(int64_t height, int64_t width, const double *image, pyramid_space *space, double *smaller) {
  blur(height, width, 1, image, space, space->blurred);
  for (int64_t y = 0; y < height; y += 2)
    for (int64_t x = 0; x < width; x += 2) *smaller++ = space->blurred[y * width + x];
}

/* blurred (height, width): the smaller image's pixels at every second place, zeroes between them, filtered; the
   filter's weights that fall on a pixel sum up to a quarter, hence the gain. */
static void double_up(int64_t height, int64_t width, const double *smaller, pyramid_space *space, double *blurred) {
  memset(blurred, 0, (size_t)(height * width) * sizeof *blurred);
  for (int64_t y = 0; y < height; y += 2)
    for (int64_t x = 0; x < width; x += 2) blurred[y * width + x] = *smaller++;
  blur(height, width, 4, blurred, space, blurred);
}

/* out: the level of a channel (height, width), which is the last one of a pyramid or not. */
static void make_level(int64_t height, int64_t width, int level, bool last, const float *channel, pyramid_space *space,
                       float *out) {
  for (int64_t i = 0; i < height * width; i++) space->image[i] = (double)channel[i];
  for (int i = 0; i < level; i++) {
    halve(height, width, space->image, space, space->smaller);
    height = halved(height);
    width = halved(width);
    memcpy(space->image, space->smaller, (size_t)(height * width) * sizeof *space->image);
  }
  if (!last) {
    halve(height, width, space->image, space, space->smaller);
    double_up(height, width, space->smaller, space, space->blurred);
    for (int64_t i = 0; i < height * width; i++) space->image[i] -= space->blurred[i];
  }
  for (int64_t i = 0; i < height * width; i++) out[i] = (float)space->image[i];
}

/* --- The images of a set at a level --- */

typedef struct patch {
  int32_t y, x;         /* its first pixel */
  double mean, inverse; /* of its values; 1 / deviation, 0 for a constant one */
} patch;

typedef struct image_patches {
  patch patches[PATCHES];
} image_patches;

/* Images of a set at a level, and the patches of each. */
typedef struct level_set {
  int64_t count, channels, height, width;
  gan_rows *images;  /* (count, channels, height, width) float */
  gan_rows *patches; /* (count) image_patches */
} level_set;

static const float *image_of(const level_set *set, int64_t i) {
  return (const float *)gan_rows_memory(set->images) + i * set->channels * set->height * set->width;
}

static image_patches *patches_of(const level_set *set, int64_t i) {
  return (image_patches *)gan_rows_memory(set->patches) + i;
}

/* values (channels, 7, 7) of a patch; how many they are. */
static size_t gather(const level_set *set, const float *image, const patch *at, double *values) {
  double *next = values;
  for (int64_t channel = 0; channel < set->channels; channel++)
    for (int64_t y = 0; y < PATCH; y++) {
      const float *row = image + (channel * set->height + at->y + y) * set->width + at->x;
      for (int64_t x = 0; x < PATCH; x++) *next++ = (double)row[x];
    }
  return (size_t)(next - values);
}

static void measure(const level_set *set, const float *image, double least_deviation, patch *at) {
  double values[DIMENSIONS_MOST], sum = 0, squares = 0;
  const size_t n = gather(set, image, at, values);
  for (size_t i = 0; i < n; i++) sum += values[i];
  at->mean = sum / (double)n;
  for (size_t i = 0; i < n; i++) squares += (values[i] - at->mean) * (values[i] - at->mean);
  const double deviation = sqrt(squares / (double)n);
  at->inverse = deviation > 0 && deviation >= least_deviation ? 1 / deviation : 0;
}

/* Chooses an image's patches, every place within it as likely, and measures them. */
static void choose_patches(const level_set *set, int64_t number, gan_random_address address, double least_deviation) {
  uint32_t words[2 * PATCHES];
  patch *patches = patches_of(set, number)->patches;
  gan_random_bits(address, 2 * PATCHES, words);
  for (int i = 0; i < PATCHES; i++) {
    patches[i].y = (int32_t)((uint64_t)words[2 * i] * (uint64_t)(set->height - PATCH + 1) >> 32);
    patches[i].x = (int32_t)((uint64_t)words[2 * i + 1] * (uint64_t)(set->width - PATCH + 1) >> 32);
    measure(set, image_of(set, number), least_deviation, &patches[i]);
  }
}

static gan_status allocate_space(const gan_shape *shape, pyramid_space *space) {
  const size_t pixels = (size_t)(shape->size[1] * shape->size[2]);
  GAN_TRY(gan_allocate(pixels, sizeof(double), "a pyramid", &space->image));
  GAN_TRY(gan_allocate(pixels, sizeof(double), "a pyramid", &space->blurred));
  GAN_TRY(gan_allocate(pixels, sizeof(double), "a pyramid", &space->smaller));
  GAN_TRY(gan_allocate(pixels, sizeof(double), "a pyramid", &space->across));
  return gan_allocate((size_t)shape->size[2] + 4, sizeof(double), "a pyramid", &space->line);
}

static void release_space(pyramid_space *space) {
  free(space->image);
  free(space->blurred);
  free(space->smaller);
  free(space->across);
  free(space->line);
}

/* This rank's images. */
static void fill_level(const gan_comparison *comparison, const gan_sample_set *samples, int level,
                       double least_deviation, pyramid_space *space, level_set *set) {
  const int64_t height = samples->shape.size[1], width = samples->shape.size[2], pixels = set->height * set->width;
  const bool last = level + 1 == gan_pyramid_levels(&samples->shape);
  const gan_row_range mine = gan_rows_mine(set->images);
  float *images = gan_rows_memory(set->images);
  for (int64_t i = mine.first; i < mine.end; i++) {
    for (int64_t channel = i * set->channels; channel < (i + 1) * set->channels; channel++)
      make_level(height, width, level, last, samples->samples + channel * height * width, space,
                 images + channel * pixels);
    choose_patches(set, i, address_of(comparison->seed, level, PLACES, i), least_deviation);
  }
}

static void release_level(level_set *set) {
  gan_rows_destroy(set->images);
  gan_rows_destroy(set->patches);
}

/* Collective; errors are agreed on, and what is in *set is released by the caller in any case. */
static gan_status open_level(const gan_comparison *comparison, const gan_sample_set *samples, int level,
                             double least_deviation, level_set *set) {
  pyramid_space space = {0};
  *set = (level_set){.count = samples->count,
                     .channels = samples->shape.size[0],
                     .height = samples->shape.size[1],
                     .width = samples->shape.size[2]};
  for (int i = 0; i < level; i++) {
    set->height = halved(set->height);
    set->width = halved(set->width);
  }
  const size_t bytes = (size_t)(set->channels * set->height * set->width) * sizeof(float);
  GAN_TRY(gan_rows_create(comparison->world, set->count, bytes, IMAGES, "images of a pyramid", &set->images));
  GAN_TRY(gan_rows_create(comparison->world, set->count, sizeof(image_patches), IMAGES, "patches of images",
                          &set->patches));
  const gan_status status = gan_world_agree(comparison->world, allocate_space(&samples->shape, &space));
  if (status == GAN_OK) {
    fill_level(comparison, samples, level, least_deviation, &space, set);
    gan_rows_complete(set->images);
    gan_rows_complete(set->patches);
  }
  release_space(&space);
  return status;
}

/* --- Projections --- */

/* Directions that are projected on together: unit vectors. */
typedef struct direction_group {
  int count;
  double along[DIMENSIONS_MOST][TOGETHER]; /* those from count on are zeroes */
  double sums[TOGETHER];
} direction_group;

static void draw_group(uint64_t seed, int level, int64_t first, int count, size_t dimensions, direction_group *group) {
  float direction[DIMENSIONS_MOST];
  memset(group, 0, sizeof *group);
  group->count = count;
  for (int k = 0; k < count; k++) {
    const double length = gan_draw_direction(address_of(seed, level, DIRECTION, first + k), dimensions, direction);
    for (size_t i = 0; i < dimensions; i++) {
      group->along[i][k] = (double)direction[i] / length;
      group->sums[k] += group->along[i][k];
    }
  }
}

/* Of one patch: what it has of each direction. As a vector, since compilers otherwise look for theirs across patches.
 */
typedef double lanes __attribute__((vector_size(TOGETHER * sizeof(double)), aligned(sizeof(double)), may_alias));

/* products[patch] of patches (ABREAST, dimensions): each sum in rising order of the dimensions. */
GAN_MULTIVERSION static void multiply(size_t dimensions, const double (*values)[DIMENSIONS_MOST],
                                      const double (*along)[TOGETHER], double (*products)[TOGETHER]) {
  lanes sums[ABREAST] = {{0}};
  for (size_t i = 0; i < dimensions; i++) {
    const lanes directions = *(const lanes *)along[i];
    for (int p = 0; p < ABREAST; p++) sums[p] += values[p][i] * directions;
  }
  memcpy(products, sums, sizeof sums);
}

/* projections[k] (count * PATCHES) of the set's patches on the group's directions, at projections + k * stride. */
static void project(const level_set *set, const direction_group *group, int64_t stride, double *projections) {
  double values[ABREAST][DIMENSIONS_MOST], products[ABREAST][TOGETHER];
  for (int64_t i = 0; i < set->count; i++) {
    const patch *patches = patches_of(set, i)->patches;
    for (int first = 0; first < PATCHES; first += ABREAST) {
      size_t dimensions = 0;
      for (int p = 0; p < ABREAST; p++) dimensions = gather(set, image_of(set, i), &patches[first + p], values[p]);
      multiply(dimensions, (const double(*)[DIMENSIONS_MOST])values, group->along, products);
      for (int p = 0; p < ABREAST; p++)
        for (int k = 0; k < group->count; k++)
          projections[k * stride + i * PATCHES + first + p] =
              (products[p][k] - patches[first + p].mean * group->sums[k]) * patches[first + p].inverse;
    }
  }
}

/* What a rank needs for its directions. */
typedef struct projection_space {
  direction_group *group;
  double *real, *fake; /* (TOGETHER, patches of the set) */
  double *scratch;     /* (patches of the larger set) */
} projection_space;

static gan_status allocate_projections(int64_t real, int64_t fake, projection_space *space) {
  const int64_t most = real > fake ? real : fake;
  GAN_TRY(gan_allocate(1, sizeof *space->group, "directions", &space->group));
  GAN_TRY(gan_allocate((size_t)real, TOGETHER * sizeof(double), "projections of patches", &space->real));
  GAN_TRY(gan_allocate((size_t)fake, TOGETHER * sizeof(double), "projections of patches", &space->fake));
  return gan_allocate((size_t)most, sizeof(double), "projections of patches", &space->scratch);
}

/* distances[direction] of this rank's directions. */
static void fill_distances(const gan_comparison *comparison, int level, const level_set *real, const level_set *fake,
                           projection_space *space, gan_row_range mine, double *distances) {
  const int64_t n = real->count * PATCHES, m = fake->count * PATCHES;
  const size_t dimensions = (size_t)real->channels * PATCH * PATCH;
  for (int64_t first = mine.first; first < mine.end; first += TOGETHER) {
    const int count = mine.end - first < TOGETHER ? (int)(mine.end - first) : TOGETHER;
    draw_group(comparison->seed, level, first, count, dimensions, space->group);
    project(real, space->group, n, space->real);
    project(fake, space->group, m, space->fake);
    for (int k = 0; k < count; k++) {
      double *a = space->real + k * n, *b = space->fake + k * m;
      gan_sort_doubles((size_t)n, a, space->scratch);
      gan_sort_doubles((size_t)m, b, space->scratch);
      distances[first + k] = gan_wasserstein_sorted(n, a, m, b);
    }
  }
}

/* Collective; errors are agreed on. */
static gan_status compare_levels(const gan_comparison *comparison, int level, const level_set *real,
                                 const level_set *fake, double *distance) {
  projection_space space = {0};
  gan_rows *rows = NULL;
  GAN_TRY(gan_rows_create(comparison->world, DIRECTIONS, sizeof(double), 1, "distances along directions", &rows));
  const gan_status status =
      gan_world_agree(comparison->world, allocate_projections(real->count * PATCHES, fake->count * PATCHES, &space));
  if (status == GAN_OK) {
    double *distances = gan_rows_memory(rows), sum = 0;
    fill_distances(comparison, level, real, fake, &space, gan_rows_mine(rows), distances);
    gan_rows_complete(rows);
    for (int i = 0; i < DIRECTIONS; i++) sum += distances[i];
    *distance = sum / DIRECTIONS;
  }
  free(space.group);
  free(space.real);
  free(space.fake);
  free(space.scratch);
  gan_rows_destroy(rows);
  return status;
}

/* --- The metric --- */

static double largest_value(const gan_sample_set *set) {
  const int64_t count = set->count * gan_shape_count(&set->shape);
  float largest = 0;
  for (int64_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(set->samples[i]));
  return (double)largest;
}

gan_status gan_pyramid_distance(const gan_comparison *comparison, int level, double *distance) {
  level_set real = {0}, fake = {0};
  assert(level >= 0 && level < gan_pyramid_levels(&comparison->real->shape));
  const double least_deviation = largest_value(comparison->real) * 0x1p-11;
  gan_status status = open_level(comparison, comparison->real, level, least_deviation, &real);
  if (status == GAN_OK) status = open_level(comparison, comparison->fake, level, least_deviation, &fake);
  if (status == GAN_OK) status = compare_levels(comparison, level, &real, &fake, distance);
  release_level(&real);
  release_level(&fake);
  return status;
}

static const char *unable(const gan_comparison *comparison) {
  if (gan_pyramid_levels(&comparison->real->shape) == 0)
    return "needs images of 1 or 3 channels with at least 16 x 16 pixels";
  return comparison->real->count > 0 && comparison->fake->count > 0 ? NULL : "needs at least one sample of each set";
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  const int levels = gan_pyramid_levels(&comparison->real->shape);
  double sum = 0;
  GAN_TRY(gan_check_samples(comparison));
  for (int level = 0; level < levels; level++) {
    double distance = 0;
    GAN_TRY(gan_pyramid_distance(comparison, level, &distance));
    sum += distance;
  }
  values[0] = sum / levels;
  return GAN_OK;
}

const gan_metric gan_metric_swd = {
    .name = "swd",
    .help = "sliced Wasserstein distance of image patches, over the scales of a Laplacian pyramid",
    .source = "Karras et al. 2018, arXiv 1710.10196, section 5, with the patches and normalisation of TF-GAN",
    .values = {{"swd", "in deviations of a patch, mean over the pyramid's levels; TF-GAN gives each level by itself",
                -1}},
    .unable = unable,
    .compute = compute};
