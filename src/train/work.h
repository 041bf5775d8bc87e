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
  double sums; /* over all shards in an iteration: that of each step, and further ones of a few numbers, in the mean */
  size_t critic_parameters, generator_parameters;
} gan_work;

/* Of an iteration without warm-up. Not collective. */
void gan_trainer_work(const gan_trainer *trainer, gan_work *work);

/* What an iteration consists of. */
typedef struct gan_iteration_kind {
  int64_t batch, critic_steps, generator_steps;
  bool generator_sees_real; /* real samples go through the critic beside the generator's */
  double penalties; /* penalties' samples in a critic step, as a multiple of the batch, in the mean over steps */
  /* Shares of the batch that a step computes twice, since a rank's groups (train.accumulate) do not fit beside each
     other and the loss needs all scores first: forward passes of the critic's step, of the generator in it, and of the
     generator's step. */
  double critic_again, generated_again, generator_again;
} gan_iteration_kind;

/* Floating-point operations of the matrix products of one iteration over the whole global batch, 2 per multiply-add,
   counted as step.c makes them: no input gradients below the first layer with parameters where nobody asks for them,
   no parameter gradients of the critic in the generator's step. Element-wise work and optimisers are not counted. */
double gan_iteration_flops(const gan_network *generator, const gan_network *critic, const gan_iteration_kind *kind);

#endif
