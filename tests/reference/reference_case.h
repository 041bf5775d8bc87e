/* What layers.h and its siblings (layers.py), tangents.h (tangents.py), and spectral.h (spectral.py) hold of each case: a
   network, what goes in, and what PyTorch makes of it. */
#ifndef GAN_TESTS_REFERENCE_CASE_H
#define GAN_TESTS_REFERENCE_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/shape.h"

typedef struct reference_case {
  const char *name, *layers;
  gan_shape input_shape, output_shape;
  int parts, samples;
  size_t parameter_count, buffer_count;
  const float *parameters, *input, *output_gradient;
  const double *output, *input_gradient, *parameter_gradient, *statistics, *inference;
} reference_case;

/* Second order; see tangents.py. */
typedef struct tangent_case {
  const char *name, *layers;
  gan_shape input_shape;
  int parts, samples;
  size_t parameter_count;
  const float *parameters, *input, *tangent, *output_gradient, *output_tangent_gradient;
  const double *output_tangent, *input_gradient, *input_tangent_gradient, *parameter_gradient;
} tangent_case;

typedef struct critic_case {
  const char *name, *layers;
  gan_shape input_shape;
  int parts, samples;
  size_t parameter_count;
  const float *parameters, *input;
  const double *score_gradient, *penalty_gradient;
} critic_case;

/* Spectral normalisation; see spectral.py. */
typedef struct spectral_case {
  const char *name, *layers;
  gan_shape input_shape;
  int parts, samples, updates;
  bool has_penalty;
  size_t parameter_count, singular_count;
  const float *parameters, *change, *singular, *input, *output_gradient;
  const double *outputs, *input_gradient, *parameter_gradient, *penalty_gradient, *singular_after, *inference;
} spectral_case;

#endif
