/* See work.h. Beside step.c, whose passes it counts. */
#include "train/work.h"

#include "nn/tangent.h"
#include "train/internal.h"
#include "train/optimization.h"
#include "train/step.h"

static double layer_flops(const gan_layer *layer) { return layer->type->flops ? layer->type->flops(layer) : 0; }

/* Below it nobody asks for a gradient. */
static int first_with_parameters(const gan_network *network) {
  int first = 0;
  while (first + 1 < network->layer_count && network->layers[first].parameter_count == 0) first++;
  return first;
}

/* A sample's backward pass to the parameters, from below `top` on: a product for each layer's weights, of the size of
   its forward product, and one for each layer's input but the first's (gan_pass_backward). */
static double parameter_backward(const gan_network *network, int top) {
  const int first = first_with_parameters(network);
  double sum = 0;
  for (int i = first; i < top; i++) sum += layer_flops(&network->layers[i]) * (i > first ? 2 : 1);
  return sum;
}

/* The gradient of values is zero above the last layer that is not linear in pieces. */
static int last_curved(const gan_network *network) {
  int last = network->layer_count - 1;
  while (last >= 0 && !network->layers[last].type->curved) last--;
  return last;
}

/* A penalty at a sample: forward, back to g, tangent, and a product of tangents for each layer's weights; and the
   gradient of values, as far as there is one (docs/design.md, section 7). */
static double penalty_flops(const gan_network *critic) {
  const int curved = last_curved(critic);
  return 4 * gan_network_flops(critic) + (curved > 0 ? parameter_backward(critic, curved) : 0);
}

double gan_iteration_flops(const gan_network *generator, const gan_network *critic, const gan_iteration_kind *kind) {
  const double generator_forward = gan_network_flops(generator), critic_forward = gan_network_flops(critic);
  const double generator_backward = parameter_backward(generator, generator->layer_count);
  const double critic_backward = parameter_backward(critic, critic->layer_count);
  /* A real and a generated sample go through the critic for each sample of the batch. */
  const double critic_step = generator_forward * (1 + kind->generated_again) +
                             2 * (critic_forward * (1 + kind->critic_again) + critic_backward) +
                             kind->penalties * penalty_flops(critic);
  const double seen = kind->generator_sees_real ? 2 : 1;
  const double generator_step = (generator_forward + seen * critic_forward) * (1 + kind->generator_again) +
                                seen * critic_forward /* its input gradient */ + generator_backward;
  return (double)kind->batch *
         ((double)kind->critic_steps * critic_step + (double)kind->generator_steps * generator_step);
}

static int critic_rounds(const gan_trainer *trainer) { return gan_scores_rounds(trainer, &trainer->critic); }
static int generator_rounds(const gan_trainer *trainer) { return gan_scores_rounds(trainer, &trainer->generator); }

static gan_iteration_kind kind_of(const gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  const gan_penalty_options *penalty = &config->critic.penalty;
  /* Where a loss looks at all scores first, all groups but the one at hand are gone through once more. */
  const gan_shards *shards = &trainer->shards;
  const double all = (double)gan_shards_samples(shards);
  const double again = all > 0 ? 1 - (double)gan_shards_samples(&trainer->groups.group[0]) / all : 0;
  return (gan_iteration_kind){
      .batch = shards->batch,
      .critic_steps = config->train.n_critic.critic,
      .generator_steps = config->train.n_critic.generator,
      .generator_sees_real = trainer->loss->generator_needs_real,
      .penalties = (double)gan_penalties_sites(penalty) / (double)penalty->every,
      .critic_again = critic_rounds(trainer) > 0 ? again : 0,
      .generated_again = critic_rounds(trainer) > 0 && !trainer->kept ? again : 0,
      .generator_again = generator_rounds(trainer) > 0 ? again : 0,
  };
}

/* Sums over all shards beside that of each step: the loss's statistics, the deviation that dragan's noise has, and the
   clipping of an update that comes after the last sums of simultaneous order. */
static double further_sums(const gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  const gan_step_ratio steps = config->train.n_critic;
  const gan_penalty_options *penalty = &config->critic.penalty;
  const double noise = gan_penalties_at(penalty, GAN_SITE_AROUND_REAL) ? 1.0 / (double)penalty->every : 0;
  const double late = gan_is_simultaneous(config) && steps.generator == 1;
  return (double)steps.critic * (critic_rounds(trainer) + noise) + (double)steps.generator * generator_rounds(trainer) +
         late;
}

void gan_trainer_work(const gan_trainer *trainer, gan_work *work) {
  const gan_network *generator = trainer->generator.network, *critic = trainer->critic.network;
  const gan_iteration_kind kind = kind_of(trainer);
  *work = (gan_work){
      .shards = trainer->shards.count,
      .batch = kind.batch,
      .critic_steps = kind.critic_steps,
      .generator_steps = kind.generator_steps,
      .flops = gan_iteration_flops(generator, critic, &kind),
      .gradient_bytes = (double)sizeof(float) * ((double)kind.critic_steps * (double)critic->parameter_count +
                                                 (double)kind.generator_steps * (double)generator->parameter_count),
      .scalars = gan_step_sums(critic, 2),
      .generator_scalars = gan_step_sums(generator, 1),
      .sums = (double)(kind.critic_steps + kind.generator_steps) + further_sums(trainer),
      .critic_parameters = critic->parameter_count,
      .generator_parameters = generator->parameter_count,
  };
}
