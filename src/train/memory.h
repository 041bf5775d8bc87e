/* How much memory training takes, known before any is taken. The trainer allocates from these plans; `gan_dist config
   --memory` prints them. */
#ifndef GAN_TRAIN_MEMORY_H
#define GAN_TRAIN_MEMORY_H

#include "nn/pass.h"
#include "train/model.h"

/* One block holds the values of both networks' passes. In a critic step the critic has all of it: the generator has
   made its samples there before, and they are copied into the critic's input, which lies elsewhere. In a generator step
   the generator's pass keeps its values in front, and the critic's, with one part, has its own behind them:

        critic step       [ generator ......... ]            forward only, then
                          [ critic, real and generated ................. ]
        generator step    [ generator, kept ]  [ critic, generated ]      */
typedef struct gan_passes_memory {
  gan_pass_sizes generator, critic;
  size_t values, workspace; /* floats */
} gan_passes_memory;

gan_status gan_passes_plan(const gan_model *model, const gan_shards *shards, gan_passes_memory *plan) GAN_CHECKED;

/* Where each pass has its values in the two blocks. */
void gan_passes_place(const gan_passes_memory *plan, float *values, float *workspace, gan_pass_memory *generator,
                      gan_pass_memory *critic);

#endif
