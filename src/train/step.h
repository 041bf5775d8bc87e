/* What a step is made of, for step.c, which puts it together: a part of this header for each of the files. */
#ifndef GAN_TRAIN_STEP_H
#define GAN_TRAIN_STEP_H

#include "train/internal.h"
#include "train/phases.h"

/* --- step.c, for whoever trains something else by the same kit (classifier.c) --- */

/* What this rank has met so far in the step: `mine`, or else a layer that could not make sense of its input. */
gan_status gan_step_check(const gan_player *player, const gan_pass *pass, gan_status mine) GAN_CHECKED;
/* Readings of all clocks; and where the time since `start` went, of an iteration of so many steps with real samples. */
gan_phase_clocks gan_step_clocks(const gan_trainer *trainer);
void gan_step_times(const gan_trainer *trainer, const gan_phase_clocks *start, int64_t critic_steps,
                    gan_iteration *values);

/* --- accumulation.c: a step in groups of this rank's shards --- */

/* The passes turn to the group: what follows places, computes and adds up its samples, until the next is entered. */
void gan_enter_group(gan_trainer *trainer, int group);

/* --- placing.c: samples into passes --- */

/* The latents of one step, into one part of a generator's pass. */
void gan_place_latents(const gan_trainer *trainer, gan_random_stream stream, int64_t step, gan_pass *pass, int part);
/* Copies those of this rank's samples, in order of the global batch, that the critic's pass holds into the input rows
   of its first part. */
void gan_place_real(gan_pass *critic, const float *samples);
/* Keeps what the sampling pass made, of all its parts, for gan_place_kept. */
void gan_keep_fake(gan_trainer *trainer);
/* Copies what was kept of one of those parts into the input rows of one of the critic's. */
void gan_place_kept(const gan_trainer *trainer, gan_pass *critic, int part, int kept_part);
/* Copies what a generator's pass made in one of its parts into the input rows of one of the critic's. */
void gan_place_fake(gan_pass *critic, int part, const gan_pass *generated, int generated_part);

/* --- augmentation.c: what the critic sees --- */

/* The probability of each operation in the iteration after the first `done`, where it does not adapt itself. */
double gan_scheduled_strength(const gan_config *config, int64_t done);
/* The same in the current step, however it comes about. */
double gan_augment_strength(const gan_trainer *trainer);
/* Augments all that was placed in the critic's pass for this player's step. */
void gan_augment_input(const gan_trainer *trainer, const gan_player *player);
/* Takes the gradient with respect to what the critic saw of the generator's samples, in the place of that of the
   generator's output, back through the augmentation. */
void gan_augment_gradient(const gan_trainer *trainer);
/* Rows (pass->rows, elements) that belong to samples of one part of a pass: real ones, or the generated ones, of this
   player's current step. For who goes a way that the two above do not: penalties. */
void gan_augment_part(const gan_trainer *trainer, const gan_player *player, bool real, gan_augmentation_way way,
                      const gan_pass *pass, int part, float *rows);
/* Ends a critic step: its sums move the adaptive strength. */
void gan_augment_adapt(gan_trainer *trainer);
/* For the trace: what was drawn for the real or the generated samples of this player's current step, (local samples,
 * operations, GAN_AUGMENTATION_VALUES), in order of the global batch. */
void gan_augment_draws(const gan_trainer *trainer, const gan_player *player, bool real, float *draws);

/* --- scores.c: the loss, and sums over shards --- */

/* Sums over all shards, one after the other, that the player's loss asks for before it can be taken. */
int gan_scores_rounds(const gan_trainer *trainer, const gan_player *player);
/* Whether the player's loss is one of scores of the whole batch; and keeps those of the group that the passes hold,
   which all but the first have to be before gan_scores_lose of the first then. */
bool gan_scores_need_all(const gan_trainer *trainer, const gan_player *player);
void gan_scores_keep(gan_trainer *trainer, const gan_player *player);
/* The player's loss of each shard that the passes hold and its gradient with respect to the critic's scores, which
   starts the backward pass. */
void gan_scores_lose(gan_trainer *trainer, const gan_player *player);
/* Sums the step's scalars and batch statistics over all shards, and finds out together whether the step may count.
   `mine`: what this rank has met. Collective; all ranks return alike. */
gan_status gan_scores_sum(gan_trainer *trainer, const gan_player *player, gan_status mine) GAN_CHECKED;
/* Sums how many of the critic's parameters its last update changed, where no step's sums come after it any more in the
   iteration to bring them along. Collective. */
void gan_scores_sum_updates(gan_trainer *trainer);

/* Batch statistics of the shards that the player's pass holds, into the step's sums. */
void gan_scores_note_statistics(gan_trainer *trainer, const gan_player *player);
/* Where the step sums up what the i-th shard has that the passes hold: (GAN_SUMS, and batch statistics). */
double *gan_scores_sums(const gan_trainer *trainer, const gan_player *player, int shard);

/* --- penalty.c: gradient penalties of the critic --- */

/* Takes the pass, and memory of its own, if the configuration asks for penalties. */
gan_status gan_penalty_create(gan_trainer *trainer) GAN_CHECKED;
void gan_penalty_destroy(gan_trainer *trainer);
/* Bytes of that memory but for the pass. */
size_t gan_penalty_bytes(const gan_shards *shards, int sites);
/* The critic's backward pass of a critic step. Where the step has penalties they are computed at samples made of those
   in the pass's input, go back beside it, and are added to the step's loss. Collective. */
gan_status gan_penalty_backward(gan_trainer *trainer) GAN_CHECKED;
/* Of the last critic step: each local sample's place on the line from the real to the generated one, in order; NULL
   where no penalty looked there. Its value is GAN_SUM_PENALTY of the sums. */
const float *gan_penalty_interpolation(const gan_trainer *trainer);

/* --- update.c: gradients become parameters --- */

/* Runs one of the network's passes forward, once its last update is in. Collective. */
gan_status gan_player_forward(gan_trainer *trainer, gan_player *player, gan_pass *pass) GAN_CHECKED;
/* The parameters as the network's passes read them, after an update or, with `next` false, with singular vectors that
   belong to these parameters already (a checkpoint's). The parameters have to be complete. */
void gan_player_prepare(gan_player *player, bool next);
/* Moves running statistics towards those of the batch that was just summed up: the mean over shards, part after part as
   if they came in turn; and their moving average after them. From then on the update of the parameters is pending. */
void gan_player_take_statistics(gan_trainer *trainer, gan_player *player);
/* Reduces the gradients over shards and ranks, and has the parameters updated, each range by some rank or by all.
   Collective. */
void gan_player_update(gan_trainer *trainer, gan_player *player);
/* What a message about numbers that grew too large adds: weights of samples may be why. */
const char *gan_weights_hint(const gan_trainer *trainer);
/* Waits until every rank's part of the last update is in. GAN_FAILED when its gradient was not finite, or too large for
   the optimizer; the same on every rank. Collective. */
gan_status gan_player_settle(gan_trainer *trainer, gan_player *player) GAN_CHECKED;

#endif
