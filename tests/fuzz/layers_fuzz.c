/* Lists of layers. The first byte chooses the shape that the network is given. A network that is taken, and small, goes
   forward and backward over a few samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "nn/pass.h"

enum { BATCH = 6, SHARDS = 2, PARTS = 2 };
static const double FLOPS_MOST = 1e7;
static const size_t BYTES_MOST = 32 << 20;

const bool fuzz_passes_hdf5 = false;
const char *const fuzz_words[] = {"dense 3, ",
                                  "conv 2 kernel 3 padding 1, ",
                                  "conv_transpose 2 kernel 4 stride 2 padding 1, ",
                                  "batch_norm, ",
                                  "residual, ",
                                  "shortcut, ",
                                  "end, ",
                                  "concatenate, ",
                                  "with, ",
                                  "rescale 2 shift -1, ",
                                  "resize 3 5 from_corner, ",
                                  "exclude_padding",
                                  "pad reflect 1, ",
                                  "pad circular 2 1, ",
                                  "blur stride 2 replicate, ",
                                  "pixel_shuffle 2, ",
                                  "pixel_unshuffle 2, ",
                                  "scale 0.5, ",
                                  "normalise, ",
                                  "reshape 1 2 3",
                                  "upsample 2 bilinear, ",
                                  "average_pool 2",
                                  "minibatch_stddev 2, ",
                                  "group_norm 2, ",
                                  "embedding 5 2",
                                  "instance_norm affine, ",
                                  "global_average_pool, ",
                                  "dropout 0.5",
                                  "kernel",
                                  "stride",
                                  "padding",
                                  "no_bias",
                                  "dilation",
                                  "attention key 2 pool 1, ",
                                  "groups 2",
                                  "16777216",
                                  "-1",
                                  "0",
                                  "1e9",
                                  "nan",
                                  ", ",
                                  "\n",
                                  "layer_norm, ",
                                  "flatten, ",
                                  NULL};

static const gan_shape shapes[] = {{1, {2}},       {1, {24}},         {3, {1, 6, 6}},
                                   {3, {3, 5, 4}}, {4, {1, 4, 3, 5}}, {1, {16777216}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

size_t fuzz_seed(int index, uint8_t *data) {
  static const char *const descriptions[] = {
      "\0dense 16, leaky_relu 0.2, dense 1",
      "\1dense 32, reshape 2 4 4, residual, batch_norm, relu, upsample 2, conv 3 kernel 3 padding 1, shortcut, "
      "upsample 2, conv 3 kernel 1, end, conv_transpose 2 kernel 4 stride 2 padding 1, dropout 0.1, dense 2",
      "\2conv 4 kernel 3 padding 1, layer_norm, leaky_relu, group_norm 2, elu, average_pool 2, minibatch_stddev, dense "
      "1",
      "\3instance_norm affine, max_pool 2, conv 3 kernel 2 1 stride 1 2, tanh, global_average_pool, softplus",
      "\4conv 2 kernel 3 padding 1, silu, upsample 2, conv_transpose 2 kernel 2, batch_norm, flatten, dense 3, gelu",
      "\3concatenate, conv 2 kernel 1, relu, with, rescale 1 2 3 shift 1, concatenate, with, end, with, average_pool 3 "
      "stride 1 padding 1 exclude_padding, end, resize 4 3, dense 2",
      "\3conv 6 kernel 3 padding 2 dilation 2 groups 3, relu, conv_transpose 4 kernel 2 groups 2 dilation 1 2, dense 1",
      "\2pad reflect 1, conv 4 kernel 3, normalise, blur stride 2 replicate, residual, tanh, scale, end, pixel_shuffle "
      "1 2, pixel_unshuffle 3 1, dense 1",
      "\2conv 8 kernel 3 padding 1, attention, residual, attention key 1 value 2 pool 1, end, dense 1",
      "\1reshape 2 3 4\nresidual\nresidual\nconv 2 kernel 1 no_bias\nend\nrelu\nend\nsigmoid",
  };
  if (index >= (int)(sizeof descriptions / sizeof *descriptions)) return 0;
  const size_t size = 1 + strlen(descriptions[index] + 1);
  memcpy(data, descriptions[index], size);
  return size;
}

/* Something for every place, and the gradient slots. */
static float *numbers(size_t count) {
  float *made = malloc((count + 1) * sizeof *made);
  fuzz_require(made != NULL, "memory");
  for (size_t i = 0; i < count; i++) made[i] = (float)(i % 7) / 7 - 0.4f;
  return made;
}

static void go_through(const gan_network *network, const gan_shards *shards) {
  gan_pass *pass = NULL;
  float *parameters = numbers(network->parameter_count), *buffers = numbers(network->buffer_count);
  float **slots = calloc((size_t)shards->slot_count, sizeof *slots);
  fuzz_require(slots != NULL, "memory");
  for (int i = 0; i < shards->slot_count; i++) slots[i] = numbers(network->parameter_count);
  fuzz_require(gan_pass_create(network, shards, PARTS, &pass) == GAN_OK, "a pass of little memory");
  gan_network_initialise(network, gan_initialisation_find("pytorch"), 0, (gan_random_address){.seed = 1}, parameters,
                         buffers);
  pass->parameters = parameters;
  pass->buffers = buffers;
  pass->training = true;
  pass->slots = slots;
  const size_t in = (size_t)pass->rows * (size_t)gan_shape_count(&network->input);
  const size_t out = (size_t)pass->rows * (size_t)gan_shape_count(&network->output);
  float *values = numbers(in > out ? in : out);
  memcpy(gan_pass_input(pass), values, in * sizeof *values);
  gan_pass_forward(pass);
  memcpy(gan_pass_output_gradient(pass), values, out * sizeof *values);
  if (!pass->rejected_by) gan_pass_backward(pass, true);
  fuzz_reached_the_end();
  free(values);
  gan_pass_destroy(pass);
  for (int i = 0; i < shards->slot_count; i++) free(slots[i]);
  free(slots);
  free(parameters);
  free(buffers);
}

static void check_network(const gan_network *network) {
  gan_shards shards;
  gan_pass_sizes sizes;
  fuzz_require(gan_shards_plan(SHARDS, BATCH, 1, 0, &shards) == GAN_OK, "shards");
  const double flops = gan_network_flops(network);
  fuzz_require(isfinite(flops) && flops >= 0, "a number of operations");
  const bool trainable = fuzz_accepted(gan_network_check_batch(network, BATCH / SHARDS, BATCH), GAN_BAD_USAGE);
  if (fuzz_accepted(gan_pass_measure(network, &shards, PARTS, GAN_KEEP_FOR_BACKWARD, &sizes), GAN_BAD_USAGE) &&
      trainable && flops < FLOPS_MOST && sizes.bytes < BYTES_MOST &&
      network->parameter_count * sizeof(float) < BYTES_MOST)
    go_through(network, &shards);
  gan_shards_release(&shards);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  gan_network_options options = {.batch_norm_momentum = 0.1, .batch_norm_epsilon = 1e-5};
  gan_network *network = NULL;
  char *description = malloc(size);
  fuzz_require(description && gan_backend_open("openblas", GAN_FLOAT32, &options.backend) == GAN_OK,
               "memory and a backend");
  memcpy(description, data + 1, size - 1);
  description[size - 1] = '\0';
  if (fuzz_accepted(gan_network_create(description, &shapes[data[0] % SHAPES], &options, &network), GAN_BAD_USAGE))
    check_network(network);
  gan_network_destroy(network);
  free(description);
  return 0;
}
