/* How much memory training takes, known before any is taken. The trainer allocates from these plans, and
   memory_report.h adds them up. */
#ifndef GAN_TRAIN_MEMORY_H
#define GAN_TRAIN_MEMORY_H

#include "data/source.h"
#include "nn/pass.h"
#include "train/model.h"

/* One block holds the values of both networks' passes. In a critic step the critic has all of it: the generator has
   made its samples there before, and they are copied into the critic's input, which lies elsewhere. In a generator step
   the generator's pass keeps its values in front, and the critic's, with one part, has its own behind them:

        critic step       [ generator ......... ]            forward only, then
                          [ critic, real and generated ................. ]
        generator step    [ generator, kept ]  [ critic, generated ]

   Where the generator's loss is one of real scores, too, the critic has real samples beside the generated ones then:
   its pass lies behind the generator's in both steps.

   Gradient penalties have a pass of their own, with the critic's values still needed: it lies behind those of a critic
   step. What layers work in is its own, too, since both passes go back together.

   Where it takes little memory, the samples of several critic steps are generated together, by a pass with a part for
   each step. It has memory of its own, so that the samples last while the critic is at work. */
typedef struct gan_passes_memory {
  gan_pass_sizes generator, critic;
  size_t values, workspace; /* floats */
  bool generator_sees_real; /* the critic has two parts in a generator step */
  int steps_ahead;          /* critic steps that are generated for together; 1: the generator's own pass does it */
  gan_pass_sizes ahead;     /* all zero then */
  int penalty_sites;        /* parts of the pass of gradient penalties; 0: there is none */
  gan_pass_sizes penalty;   /* all zero then, as are the next two */
  size_t tangents;          /* bytes that this pass takes besides */
  size_t penalty_values;    /* where its values begin, floats */
} gan_passes_memory;

/* `shards`: what the passes hold at a time; `critic_steps`: of an iteration; `penalty_sites`: gan_penalties_sites.
   steps_ahead does not depend on which ranks the shards are on. */
gan_status gan_passes_plan(const gan_model *model, const gan_shards *shards, int64_t critic_steps,
                           bool generator_sees_real, int penalty_sites, gan_passes_memory *plan) GAN_CHECKED;

/* Where each pass has its values in the two blocks. */
void gan_passes_place(const gan_passes_memory *plan, float *values, float *workspace, gan_pass_memory *generator,
                      gan_pass_memory *critic);
/* The same of the pass of penalties, where there is one; `workspace` is its own. */
gan_pass_memory gan_passes_place_penalty(const gan_passes_memory *plan, float *values, float *workspace);

/* Between iterations a block that is large enough is lent to what draws samples (gan_generate). */
bool gan_passes_lend(const gan_passes_memory *plan, const gan_pass_sizes *generating);

/* Vectors that an update changes along with a network's parameters: optimiser moments, and a moving average. */
int gan_state_count(const gan_config *config, bool average);

/* Numbers that a step of this network sums over all shards: GAN_SUMS, the batch statistics of each part of its pass,
   and one for each weight that is normalised spectrally. */
size_t gan_step_sums(const gan_network *network, int parts);

/* Elements of the trainer's own vectors. */
typedef struct gan_trainer_sizes {
  size_t sums;       /* doubles that a step sums over all shards; each local shard has as many */
  size_t latents;    /* floats: of the pictures' samples */
  size_t evaluation; /* samples to compare with; rank 0 */
  size_t shown;      /* those of them that are drawn when the run begins; 0: they are no images */
  size_t flips;      /* truth values for each local sample: of which class it counts */
} gan_trainer_sizes;
gan_trainer_sizes gan_trainer_measure(const gan_config *config, const gan_model *model, const gan_source *source);

/* Samples that are drawn, or read, at once for an evaluation; a multiple of the rows that gan_generate works on. */
enum { GAN_EVALUATION_ROWS = 256 };

/* How many of `count` samples of a shape are generated together in an evaluation: with eval.metrics all of them, else
   as many as are worth sharing out. */
int64_t gan_evaluation_rows(const gan_config *config, const gan_shape *shape, int64_t count);

#endif
