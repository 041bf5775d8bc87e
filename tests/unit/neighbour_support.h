/* Sets of points for the tests of metrics by nearest neighbours, as tests/reference/neighbours.py makes them. */
#ifndef GAN_TESTS_NEIGHBOUR_SUPPORT_H
#define GAN_TESTS_NEIGHBOUR_SUPPORT_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval/metric.h"

typedef struct point_cloud {
  uint64_t seed;
  int64_t count, differ, clusters; /* point i is equal to point i - differ */
  float spread, scale, offset, grid;
} point_cloud;

typedef struct neighbour_case {
  const char *name;
  int64_t width;
  int neighbours;
  point_cloud sets[3]; /* real, generated, held out */
  double prdc[4];      /* precision, recall, density, coverage */
  double memorisation;
} neighbour_case;

/* Between -0.5 and 0.5, of 24 bits. */
static inline float mixed(uint64_t seed, uint64_t place) {
  uint64_t bits = seed * UINT64_C(0x9e3779b97f4a7c15) + (place + 1) * UINT64_C(0xd1b54a32d192ed03);
  bits = (bits ^ bits >> 30) * UINT64_C(0x94d049bb133111eb);
  bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
  bits ^= bits >> 31;
  return (float)(bits >> 40) * 0x1p-24f - 0.5f;
}

/* values (count, width). */
static inline void fill_cloud(const point_cloud *of, int64_t width, float *values) {
  for (int64_t i = 0; i < of->count; i++)
    for (int64_t j = 0; j < width; j++) {
      const int64_t row = i % of->differ;
      const float centre = mixed(1000, (uint64_t)(row % of->clusters * width + j));
      float value = mixed(of->seed, (uint64_t)(row * width + j)) * of->scale;
      value = value + centre * of->spread;
      value = value + of->offset;
      values[i * width + j] = of->grid > 0 ? rintf(value / of->grid) * of->grid : value;
    }
}

/* A comparison of points as features; released by free_points. */
typedef struct point_sets {
  gan_sample_set sets[3];
  float *values[3];
  gan_comparison comparison;
} point_sets;

static inline void make_points(const neighbour_case *of, gan_world *world, const gan_backend *backend,
                               point_sets *made) {
  for (int set = 0; set < 3; set++) {
    made->values[set] = malloc((size_t)(of->sets[set].count * of->width) * sizeof(float));
    if (!made->values[set]) abort();
    fill_cloud(&of->sets[set], of->width, made->values[set]);
    made->sets[set] = (gan_sample_set){.count = of->sets[set].count,
                                       .shape = {.rank = 1, .size = {of->width}},
                                       .samples = made->values[set],
                                       .feature_count = of->width,
                                       .features = made->values[set]};
  }
  made->comparison = (gan_comparison){.world = world,
                                      .backend = backend,
                                      .real = &made->sets[0],
                                      .fake = &made->sets[1],
                                      .held_out = &made->sets[2],
                                      .neighbours = of->neighbours};
}

static inline void free_points(point_sets *made) {
  for (int set = 0; set < 3; set++) free(made->values[set]);
}

#endif
