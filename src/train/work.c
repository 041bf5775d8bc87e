/* See work.h. Beside step.c, whose passes it counts. */
#include "train/work.h"

#include "train/internal.h"

/* A sample's backward pass to the parameters: a product for each layer's weights, of the size of its forward product,
   and one for each layer's input but the first's (gan_pass_backward). */
static double parameter_backward(const gan_network *network) {
  const double forward = gan_network_flops(network);
  double unneeded = 0;
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    if (layer->type->flops) unneeded += layer->type->flops(layer);
    if (layer->parameter_count) break;
  }
  return forward + (forward - unneeded);
}

double gan_iteration_flops(const gan_network *generator, const gan_network *critic, int64_t batch, int64_t critic_steps,
                           int64_t generator_steps) {
  const double generator_forward = gan_network_flops(generator), critic_forward = gan_network_flops(critic);
  /* A real and a generated sample go through the critic for each sample of the batch. */
  const double critic_step = generator_forward + 2 * (critic_forward + parameter_backward(critic));
  const double generator_step =
      generator_forward + critic_forward + critic_forward /* its input gradient */ + parameter_backward(generator);
  return (double)batch * ((double)critic_steps * critic_step + (double)generator_steps * generator_step);
}

void gan_trainer_work(const gan_trainer *trainer, gan_work *work) {
  const gan_network *generator = trainer->generator.network, *critic = trainer->critic.network;
  const gan_step_ratio steps = trainer->config->train.n_critic;
  *work = (gan_work){
      .shards = trainer->shards.count,
      .batch = trainer->shards.batch,
      .critic_steps = steps.critic,
      .generator_steps = steps.generator,
      .flops = gan_iteration_flops(generator, critic, trainer->shards.batch, steps.critic, steps.generator),
      .gradient_bytes = (double)sizeof(float) * ((double)steps.critic * (double)critic->parameter_count +
                                                 (double)steps.generator * (double)generator->parameter_count),
      .scalars = gan_step_sums(critic, 2),
      .generator_scalars = gan_step_sums(generator, 1),
      .critic_parameters = critic->parameter_count,
      .generator_parameters = generator->parameter_count,
  };
}
