/* What layers.h, image_layers.h and block_layers.h hold of each case: a network, what goes in, and what PyTorch makes of it. */
#ifndef GAN_TESTS_REFERENCE_CASE_H
#define GAN_TESTS_REFERENCE_CASE_H

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

#endif
