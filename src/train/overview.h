/* What a run is, in numbers, for who starts it: what is learnt from, by what, where, and how it will be judged. */
#ifndef GAN_TRAIN_OVERVIEW_H
#define GAN_TRAIN_OVERVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/shape.h"
#include "gan_dist/trainer.h"
#include "train/work.h"

typedef struct gan_network_overview {
  size_t parameters;
  double flops; /* of one sample's forward pass */
} gan_network_overview;

/* Texts are the trainer's. */
typedef struct gan_overview {
  const char *source, *path; /* data.source; data.path, "" where it reads no file */
  gan_shape shape;           /* of one sample */
  int64_t samples;           /* 0: without end */
  int classes;               /* 0: no labels */
  bool weighted;             /* samples have weights */
  double lowest, highest;    /* values of the samples that evaluations compare with */
  gan_network_overview generator, critic;
  gan_work work; /* of an iteration */
  const char *loss, *optimizer;
  bool distance; /* the difference of its scores estimates a Wasserstein distance */
  int64_t iteration, iterations;
  int ranks, hosts;
  const char *backend, *precision, *reduction;
  int64_t evaluation_every, evaluation_samples; /* 0: at the end only */
  int modes;                                    /* of data whose modes are known; 0 */
  char metrics[256];                            /* of eval.metrics, "fcd, kid"; "": none */
  char features[256];                           /* what they look at; "" */
  const char *best;                             /* the value that keeps best.h5 */
  int better;                                   /* of which less (-1) or more (1) is better */
  const char *folder;
} gan_overview;

/* On rank 0, in gan_observer.begin or later. Not collective. */
void gan_trainer_overview(const gan_trainer *trainer, gan_overview *overview);

#endif
