/* Features and logits made up by a formula, the same here and in tests/reference/feature_metrics.py. */
#ifndef GAN_TESTS_FEATURE_SUPPORT_H
#define GAN_TESTS_FEATURE_SUPPORT_H

#include <stdint.h>

#include "base/memory.h"

/* A set of samples: `distinct` of them are different, in turn (0: all). */
typedef struct feature_set {
  uint32_t seed;
  int64_t count, distinct;
  float mix, shift;
} feature_set;

/* Two sets, and how features differ: feature j is smaller by 2^(step * j), and each `constant`-th is always the same
   (0: none). What metrics make of them. */
typedef struct feature_case {
  const char *name;
  int64_t dimension;
  int step, constant;
  feature_set real, fake;
  double fcd, fcd_mean_only, fcd_diagonal_only, kid, kid_error;
} feature_case;

/* Logits are features whose `shift` is a factor. */
typedef struct score_case {
  const char *name;
  int64_t classes;
  feature_set set;
  double score;
} score_case;

/* In [-1, 1), in steps of 2^-23. */
static inline float made_up(uint32_t sample, uint32_t feature, uint32_t seed) {
  uint32_t bits = sample * 0x9e3779b1u + feature * 0x85ebca77u + seed * 0xc2b2ae3du;
  bits = (bits ^ bits >> 15) * 0x2c1b3c6du;
  bits = (bits ^ bits >> 12) * 0x297a2d39u;
  bits ^= bits >> 15;
  return (float)(bits >> 8) / 8388608.0f - 1.0f;
}

static inline float mixed(const feature_set *set, int64_t i, int64_t j, int64_t dimension) {
  const uint32_t sample = (uint32_t)(set->distinct ? i % set->distinct : i);
  const float next = set->mix * made_up(sample, (uint32_t)((j + 1) % dimension), set->seed);
  return made_up(sample, (uint32_t)j, set->seed) + next;
}

/* (count, dimension); NULL without memory. Owned by the caller. */
static inline float *make_features(const feature_case *of, const feature_set *set) {
  float *features = NULL;
  if (gan_allocate((size_t)(set->count * of->dimension), sizeof *features, "features", &features) != GAN_OK)
    return NULL;
  for (int64_t i = 0; i < set->count; i++) {
    float scale = 1;
    for (int64_t j = 0; j < of->dimension; j++) {
      const float value = of->constant && j % of->constant == 0 ? 1.5f : mixed(set, i, j, of->dimension) * scale;
      features[i * of->dimension + j] = value + set->shift;
      for (int k = 0; k < of->step; k++) scale /= 2;
    }
  }
  return features;
}

static inline float *make_logits(const score_case *of) {
  float *logits = NULL;
  if (gan_allocate((size_t)(of->set.count * of->classes), sizeof *logits, "logits", &logits) != GAN_OK) return NULL;
  for (int64_t i = 0; i < of->set.count; i++)
    for (int64_t j = 0; j < of->classes; j++)
      logits[i * of->classes + j] = of->set.shift * mixed(&of->set, i, j, of->classes);
  return logits;
}

#endif
