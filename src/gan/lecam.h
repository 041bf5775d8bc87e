/* LeCam regularisation (Tseng et al. 2021, arXiv 2104.03310, eq. 5): keeps scores near where those of the other class
   have been, lambda (E (r - a_f)^2 + E (f - a_r)^2), with r, f the scores of real and generated samples and a_r, a_f
   moving averages of their means. For data sets of few samples. */
#ifndef GAN_GAN_LECAM_H
#define GAN_GAN_LECAM_H

#include "gan/loss.h"

/* The averages, as a checkpoint keeps them. */
typedef enum gan_lecam_state {
  GAN_LECAM_REAL,  /* a_r */
  GAN_LECAM_FAKE,  /* a_f */
  GAN_LECAM_BEGUN, /* 0: there are none yet, and the regulariser is 0; else 1 */
  GAN_LECAM_STATES
} gan_lecam_state;

/* A shard's share of the value, with the averages as they are; its gradient is added to that of the scores. */
double gan_lecam_lose(double weight, const float *state, const gan_scores *scores);

/* Moves the averages by the decay of the paper, 0.99, towards the means of a step; the first ones become them. */
void gan_lecam_move(float *state, double mean_real, double mean_fake);

#endif
