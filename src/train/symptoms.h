/* What goes wrong in a training while it does: a table of symptoms, each of which is told once in a start of the run,
   with the figures that show it and what helps.

   They are judged from numbers that are the same for any number of ranks (losses, scores, norms of gradients, and the
   variance of samples), so that runs of the same bits tell the same; by rank 0, for a few operations in an iteration.
   Iterations are looked at in blocks, and most symptoms have to last for several of them: one odd step is none, and nor
   is what a start looks like, when nothing has been learnt yet. */
#ifndef GAN_TRAIN_SYMPTOMS_H
#define GAN_TRAIN_SYMPTOMS_H

#include <stdbool.h>
#include <stdint.h>

#include "gan/loss.h"
#include "gan_dist/trainer.h"

enum {
  GAN_SYMPTOM_ITERATIONS = 50, /* in a block */
  GAN_SYMPTOM_BLOCKS = 4,      /* that are remembered */
  GAN_SYMPTOMS_MOST = 8,
  GAN_SYMPTOM_TEXT = 768
};

/* Means over a block of iterations. */
typedef struct gan_symptom_block {
  double score_real, score_fake;
  double critic_loss;        /* without the gradient penalty */
  double generator_gradient; /* L2 norm */
} gan_symptom_block;

/* The largest norms of a network's gradient, in the block under way and the one before; and where one was far above
   both (to 0: nowhere yet). */
typedef struct gan_gradient_watch {
  double now, before;
  double from, to;
} gan_gradient_watch;

typedef struct gan_symptoms {
  const gan_loss *loss;
  const gan_loss_options *options;
  double lowest_loss; /* of the critic, without penalties */
  int count;          /* iterations of the block under way, and sums over them */
  gan_symptom_block sums;
  int blocks;                                 /* complete ones of this start */
  gan_symptom_block last[GAN_SYMPTOM_BLOCKS]; /* the newest first */
  double first_real, first_fake;              /* scores in the first iteration of this start */
  double largest_gap;                         /* between scores of real and generated samples, in any block */
  double largest_gradient;                    /* of the generator, likewise */
  gan_gradient_watch critic, generator;
  /* The variance of generated samples as a share of the data's: now, the largest of any evaluation, and the iteration
     since when it has been low (-1: it is not). */
  int64_t evaluated;
  double variety, largest_variety;
  int64_t low_since;
  bool told[GAN_SYMPTOMS_MOST];
} gan_symptoms;

/* Is told a symptom, in a sentence without an end. */
typedef void (*gan_symptom_tell)(void *context, const char *text);

/* The loss's options stay the caller's, and are to outlive it. */
void gan_symptoms_begin(gan_symptoms *symptoms, const gan_loss *loss, const gan_loss_options *options);
/* After each iteration. */
void gan_symptoms_iteration(gan_symptoms *symptoms, const gan_iteration *values, gan_symptom_tell tell, void *context);
/* After an evaluation: variances of as many real and generated samples (gan_spread_variance). */
void gan_symptoms_evaluation(gan_symptoms *symptoms, int64_t iteration, double real, double fake, gan_symptom_tell tell,
                             void *context);

#endif
