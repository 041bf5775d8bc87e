#include "nn/prepare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/singular.h"

static const double epsilon = 1e-12;

struct gan_preparation {
  const gan_network *network;
  float *parameters; /* (parameter_count) */
  double *product;   /* the longest of u and v */
  int *layers;       /* [spectral_count]: those that are normalised */
  double *inverse;   /* [spectral_count]: 1 / sigma; 0: the weight stays as it is */
};

static size_t longest_vector(const gan_network *network) {
  size_t longest = 0;
  for (int i = 0; i < network->layer_count; i++) {
    const gan_spectral *spectral = &network->layers[i].spectral;
    const size_t columns = spectral->outer * spectral->inner;
    if (spectral->rows > longest) longest = spectral->rows;
    if (columns > longest) longest = columns;
  }
  return longest;
}

size_t gan_preparation_bytes(const gan_network *network) {
  if (network->spectral_count == 0) return 0;
  return sizeof(gan_preparation) + network->parameter_count * sizeof(float) + longest_vector(network) * sizeof(double) +
         (size_t)network->spectral_count * (sizeof(int) + sizeof(double));
}

static gan_status take(gan_preparation *preparation) {
  static const char what[] = "normalised weights";
  const gan_network *network = preparation->network;
  const size_t count = (size_t)network->spectral_count;
  GAN_TRY(gan_allocate(network->parameter_count, sizeof(float), what, &preparation->parameters));
  GAN_TRY(gan_allocate(longest_vector(network), sizeof(double), what, &preparation->product));
  GAN_TRY(gan_allocate(count, sizeof(int), what, &preparation->layers));
  GAN_TRY(gan_allocate(count, sizeof(double), what, &preparation->inverse));
  for (int i = 0; i < network->layer_count; i++)
    if (network->layers[i].spectral.rows > 0) preparation->layers[network->layers[i].spectral.number] = i;
  return GAN_OK;
}

gan_status gan_preparation_create(const gan_network *network, gan_preparation **preparation) {
  gan_preparation *made = NULL;
  *preparation = NULL;
  if (network->spectral_count == 0) return GAN_OK;
  GAN_TRY(gan_allocate(1, sizeof *made, "normalised weights", &made));
  made->network = network;
  const gan_status status = take(made);
  if (status == GAN_OK)
    *preparation = made;
  else
    gan_preparation_destroy(made);
  return status;
}

void gan_preparation_destroy(gan_preparation *preparation) {
  if (!preparation) return;
  free(preparation->parameters);
  free(preparation->product);
  free(preparation->layers);
  free(preparation->inverse);
  free(preparation);
}

const float *gan_prepared(const gan_preparation *preparation, const float *parameters) {
  return preparation ? preparation->parameters : parameters;
}

/* vector = product / its length; or nothing. */
static void normalise(size_t count, const double *product, float *vector) {
  double squares = 0;
  for (size_t i = 0; i < count; i++) squares += product[i] * product[i];
  const double length = sqrt(squares);
  if (!(length > epsilon) || !isfinite(length)) return;
  for (size_t i = 0; i < count; i++) vector[i] = (float)(product[i] / length);
}

/* A round of power iteration, after which the product is W v. */
static void iterate(gan_preparation *preparation, const gan_layer *layer, const float *weight, float *buffers) {
  const gan_spectral *sizes = &layer->spectral;
  float *u = buffers + layer->tensors[sizes->u].offset, *v = buffers + layer->tensors[sizes->u + 1].offset;
  gan_matrix_left(sizes->outer, sizes->rows, sizes->inner, weight, u, preparation->product);
  normalise(sizes->outer * sizes->inner, preparation->product, v);
  gan_matrix_right(sizes->outer, sizes->rows, sizes->inner, weight, v, preparation->product);
  normalise(sizes->rows, preparation->product, u);
}

/* sigma = u' W v, given W v. */
static double find_sigma(const gan_layer *layer, const float *u, const double *product) {
  double sigma = 0;
  for (size_t i = 0; i < layer->spectral.rows; i++) sigma += (double)u[i] * product[i];
  return sigma;
}

/* Weights over their sigmas, which `inverse` has, and all between them as it is. */
static void write_prepared(gan_preparation *preparation, const float *parameters) {
  const gan_network *network = preparation->network;
  float *prepared = preparation->parameters;
  size_t done = 0;
  for (int i = 0; i < network->spectral_count; i++) {
    const gan_tensor_info *weight = &network->layers[preparation->layers[i]].tensors[0];
    const double inverse = preparation->inverse[i];
    memcpy(prepared + done, parameters + done, (weight->offset - done) * sizeof *prepared);
    gan_scale_to(weight->count, inverse > 0 ? (float)inverse : 1, parameters + weight->offset,
                 prepared + weight->offset);
    done = weight->offset + weight->count;
  }
  memcpy(prepared + done, parameters + done, (network->parameter_count - done) * sizeof *prepared);
}

/* Both ways to prepare; `next`: the same buffers, for a round before; NULL: none. */
static void prepare(gan_preparation *preparation, const float *parameters, const float *buffers, float *next) {
  for (int i = 0; i < preparation->network->spectral_count; i++) {
    const gan_layer *layer = &preparation->network->layers[preparation->layers[i]];
    const gan_spectral *sizes = &layer->spectral;
    const float *weight = parameters + layer->tensors[0].offset;
    const float *u = buffers + layer->tensors[sizes->u].offset, *v = buffers + layer->tensors[sizes->u + 1].offset;
    if (next)
      iterate(preparation, layer, weight, next);
    else
      gan_matrix_right(sizes->outer, sizes->rows, sizes->inner, weight, v, preparation->product);
    const double sigma = find_sigma(layer, u, preparation->product);
    preparation->inverse[i] = sigma > epsilon ? 1 / sigma : 0;
  }
  write_prepared(preparation, parameters);
}

void gan_network_prepare(gan_preparation *preparation, const float *parameters, const float *buffers) {
  if (preparation) prepare(preparation, parameters, buffers, NULL);
}

void gan_network_prepare_next(gan_preparation *preparation, const float *parameters, float *buffers) {
  if (preparation) prepare(preparation, parameters, buffers, buffers);
}

/* Elements [begin, end) of one weight's gradient, piece by piece of one row; `gradient` is that of element `begin`. */
static void correct_weight(const gan_layer *layer, const float *buffers, double sum, double inverse, size_t begin,
                           size_t end, float *gradient) {
  const gan_spectral *of = &layer->spectral;
  const float *u = buffers + layer->tensors[of->u].offset, *v = buffers + layer->tensors[of->u + 1].offset;
  while (begin < end) {
    const size_t row = begin / of->inner, column = begin % of->inner;
    const size_t left = of->inner - column, count = left < end - begin ? left : end - begin;
    const float along = (float)(sum * (double)u[row % of->rows]);
    gan_subtract_scaled(count, along, v + row / of->rows * of->inner + column, (float)inverse, gradient);
    begin += count;
    gradient += count;
  }
}

void gan_preparation_correct(const gan_preparation *preparation, const float *buffers, const double *sums,
                             size_t offset, size_t count, float *gradient) {
  if (!preparation) return;
  for (int i = 0; i < preparation->network->spectral_count; i++) {
    const gan_layer *layer = &preparation->network->layers[preparation->layers[i]];
    const gan_tensor_info *info = &layer->tensors[0];
    const size_t begin = offset > info->offset ? offset : info->offset;
    const size_t last = info->offset + info->count, end = offset + count < last ? offset + count : last;
    if (begin >= end || preparation->inverse[i] == 0) continue;
    correct_weight(layer, buffers, sums[i], preparation->inverse[i], begin - info->offset, end - info->offset,
                   gradient + (begin - offset));
  }
}
