/* Initialisations: a table with one row each. Names and formulas are those of torch.nn.init; he_ is its kaiming_ with
   fan_in. Each tensor's numbers have an address of their own, so nothing depends on the order of filling. */
#include <math.h>
#include <string.h>

#include "nn/layer.h"

/* U(-bound, bound). */
static void fill_uniform(gan_random_address address, double bound, size_t count, float *out) {
  gan_random_uniform(address, count, out);
  for (size_t i = 0; i < count; i++) out[i] = (float)bound * (2 * out[i] - 1);
}

/* N(mean, deviation^2). */
static void fill_normal(gan_random_address address, double mean, double deviation, size_t count, float *out) {
  gan_random_normal(address, count, out);
  for (size_t i = 0; i < count; i++) out[i] = (float)mean + (float)deviation * out[i];
}

/* What torch.nn.Linear and Conv2d do: kaiming_uniform with a = sqrt(5), which is U(+-1 / sqrt(fan_in)). */
static void fill_pytorch(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count,
                         float *weight) {
  (void)fan_out;
  fill_uniform(address, scale / sqrt((double)fan_in), count, weight);
}

static void fill_plain_normal(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count,
                              float *weight) {
  (void)fan_in, (void)fan_out;
  fill_normal(address, 0, scale, count, weight);
}

/* Glorot and Bengio 2010, eq. 16: variance 2 / (fan_in + fan_out); a uniform's bound is sqrt(3) deviations. */
static void fill_xavier_uniform(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count,
                                float *weight) {
  fill_uniform(address, scale * sqrt(6.0 / ((double)fan_in + (double)fan_out)), count, weight);
}

static void fill_xavier_normal(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count,
                               float *weight) {
  fill_normal(address, 0, scale * sqrt(2.0 / ((double)fan_in + (double)fan_out)), count, weight);
}

/* He et al. 2015, eq. 10: variance gain^2 / fan_in. */
static void fill_he_uniform(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count,
                            float *weight) {
  (void)fan_out;
  fill_uniform(address, scale * sqrt(3.0 / (double)fan_in), count, weight);
}

static void fill_he_normal(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count,
                           float *weight) {
  (void)fan_out;
  fill_normal(address, 0, scale / sqrt((double)fan_in), count, weight);
}

const gan_initialisation gan_initialisations[] = {
    {.name = "pytorch",
     .help =
         "as PyTorch's modules do by default: uniform within 1 / sqrt(fan_in), biases too; embeddings standard normal",
     .default_scale = 1,
     .fill = fill_pytorch,
     .normal_embedding = true},
    {.name = "normal",
     .help = "normal with a standard deviation (default 0.02), biases 0, normalisation weights around 1; as in DCGAN",
     .default_scale = 0.02,
     .fill = fill_plain_normal,
     .zero_bias = true,
     .random_norm_weight = true},
    {.name = "xavier_uniform",
     .help = "uniform with variance 2 gain^2 / (fan_in + fan_out) (default gain 1), biases 0",
     .default_scale = 1,
     .fill = fill_xavier_uniform,
     .zero_bias = true},
    {.name = "xavier_normal",
     .help = "normal with variance 2 gain^2 / (fan_in + fan_out) (default gain 1), biases 0",
     .default_scale = 1,
     .fill = fill_xavier_normal,
     .zero_bias = true},
    {.name = "he_uniform",
     .help = "uniform with variance gain^2 / fan_in (default gain sqrt(2), for relu), biases 0",
     .default_scale = M_SQRT2,
     .fill = fill_he_uniform,
     .zero_bias = true},
    {.name = "he_normal",
     .help = "normal with variance gain^2 / fan_in (default gain sqrt(2), for relu), biases 0",
     .default_scale = M_SQRT2,
     .fill = fill_he_normal,
     .zero_bias = true},
};
const int gan_initialisation_count = sizeof gan_initialisations / sizeof gan_initialisations[0];

const gan_initialisation *gan_initialisation_find(const char *name) {
  for (int i = 0; i < gan_initialisation_count; i++)
    if (strcmp(gan_initialisations[i].name, name) == 0) return &gan_initialisations[i];
  return NULL;
}

gan_random_address gan_layer_address(const gan_layer *layer, int tensor, gan_random_address address) {
  address.step = (uint64_t)layer->index * GAN_LAYER_TENSORS + (uint64_t)tensor;
  return address;
}

void gan_layer_initialise_weight(const gan_layer *layer, const gan_initialisation *how, double scale, int64_t fan_in,
                                 int64_t fan_out, gan_random_address address, float *parameters) {
  const gan_tensor_info *weight = &layer->tensors[0], *bias = &layer->tensors[1];
  how->fill(gan_layer_address(layer, 0, address), scale, fan_in, fan_out, weight->count, parameters + weight->offset);
  if (!gan_layer_has_bias(layer)) return;
  if (how->zero_bias)
    memset(parameters + bias->offset, 0, bias->count * sizeof *parameters);
  else
    fill_uniform(gan_layer_address(layer, 1, address), 1 / sqrt((double)fan_in), bias->count,
                 parameters + bias->offset);
}

/* torch.nn.init counts the fans of a table (rows, features) as those of any weight: fan_in is its second size. */
void gan_layer_initialise_embedding(const gan_layer *layer, const gan_initialisation *how, double scale,
                                    gan_random_address address, float *parameters) {
  const gan_tensor_info *weight = &layer->tensors[0];
  const gan_random_address own = gan_layer_address(layer, 0, address);
  if (how->normal_embedding)
    fill_normal(own, 0, scale, weight->count, parameters + weight->offset);
  else
    how->fill(own, scale, weight->shape.size[1], weight->shape.size[0], weight->count, parameters + weight->offset);
}

void gan_layer_initialise_norm(const gan_layer *layer, const gan_initialisation *how, double scale,
                               gan_random_address address, float *parameters) {
  const gan_tensor_info *weight = &layer->tensors[0], *bias = &layer->tensors[1];
  if (how->random_norm_weight)
    fill_normal(gan_layer_address(layer, 0, address), 1, scale, weight->count, parameters + weight->offset);
  else
    for (size_t i = 0; i < weight->count; i++) parameters[weight->offset + i] = 1;
  memset(parameters + bias->offset, 0, bias->count * sizeof *parameters);
}
