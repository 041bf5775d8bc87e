/* How much work an iteration is: the numbers that a benchmark sets its times against. */
#ifndef GAN_TRAIN_WORK_H
#define GAN_TRAIN_WORK_H

#include "gan_dist/trainer.h"
#include "nn/network.h"

typedef struct gan_work {
  int shards;
  int64_t batch, critic_steps, generator_steps;
  double flops;          /* of an iteration, all ranks together (gan_iteration_flops) */
  double gradient_bytes; /* one rank's gradients of an iteration: what a reduction takes from each rank */
  size_t scalars; /* of each shard that a critic step sums beside its gradient: loss, scores, errors, statistics */
  size_t generator_scalars; /* the same of a generator step */
  size_t critic_parameters, generator_parameters;
} gan_work;

/* Of an iteration without warm-up. Not collective. */
void gan_trainer_work(const gan_trainer *trainer, gan_work *work);

/* Floating-point operations of the matrix products of one iteration over the whole global batch, 2 per multiply-add,
   counted as step.c makes them: no input gradients below the first layer with parameters where nobody asks for them,
   no parameter gradients of the critic in the generator's step. Element-wise work and optimisers are not counted. */
double gan_iteration_flops(const gan_network *generator, const gan_network *critic, int64_t batch, int64_t critic_steps,
                           int64_t generator_steps);

#endif
