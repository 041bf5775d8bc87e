/* The time that layers take forward, and back to input and parameters, for scripts/compare/layers.py:

       build/compare/layers LAYERS SAMPLES TURNS CHANNELS [DEPTH] [HEIGHT] WIDTH

   prints seconds of one thread for each turn: forward, backward. One shard, the default backend. */
#include <string.h>

#include "nn/pass.h"
#include "timing.h"

static void require(gan_status status) {
  if (status != GAN_OK) fail(gan_error_message());
}

int main(int count, char **words) {
  gan_network_options options = {.batch_norm_momentum = 0.1, .batch_norm_epsilon = 1e-5};
  gan_network *network = NULL;
  gan_pass *pass = NULL;
  gan_shards shards;
  gan_shape input = {.rank = count - 4};
  if (count < 5 || count > 8) fail("LAYERS SAMPLES TURNS CHANNELS [DEPTH] [HEIGHT] WIDTH");
  for (int i = 4; i < count; i++) input.size[i - 4] = atoll(words[i]);
  require(gan_backend_open("auto", GAN_FLOAT32, &options.backend));
  require(gan_network_create(words[1], &input, &options, &network));
  require(gan_shards_plan(1, atoll(words[2]), 1, 0, &shards));
  require(gan_pass_create(network, &shards, 1, &pass));
  float *parameters = numbers(network->parameter_count), *slot = numbers(network->parameter_count);
  float *buffers = numbers(network->buffer_count + 1);
  const size_t in = (size_t)(pass->rows * gan_shape_count(&network->input));
  const size_t out = (size_t)(pass->rows * gan_shape_count(&network->output));
  float *x = numbers(in), *dy = numbers(out);
  pass->parameters = parameters;
  pass->buffers = buffers;
  pass->slots = &slot;
  for (int turn = atoi(words[3]); turn > 0; turn--) {
    memcpy(gan_pass_input(pass), x, in * sizeof *x);
    const double start = cpu_seconds();
    gan_pass_forward(pass);
    const double middle = cpu_seconds();
    memcpy(gan_pass_output_gradient(pass), dy, out * sizeof *dy);
    const double between = cpu_seconds();
    gan_pass_backward(pass, true);
    printf("%.9f %.9f\n", middle - start, cpu_seconds() - between);
  }
  gan_pass_destroy(pass);
  gan_shards_release(&shards);
  gan_network_destroy(network);
  free(parameters), free(slot), free(buffers), free(x), free(dy);
  return 0;
}
