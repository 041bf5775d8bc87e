/* Training a classifier: a network that tells the classes of a labelled data set apart, whose layers before the last
   one give the features that generated samples are judged by (eval/features.h).

   It is the trainer's kit with one network instead of two (step.h): shards, reductions, optimisers, loader and random
   numbers are those of a GAN's training, and so is the promise that the bits do not depend on the number of ranks. */
#ifndef GAN_TRAIN_CLASSIFIER_H
#define GAN_TRAIN_CLASSIFIER_H

#include <stdbool.h>

#include "config/config.h"
#include "gan_dist/trainer.h"

/* What a program is told meanwhile; each may be NULL. On rank 0 only, and not to be used for what is collective. */
typedef struct gan_classifier_observer {
  void *context;
  /* Of `values` the numbers and times of the iteration count. Loss and share of right answers are of its batch. */
  void (*iteration)(void *context, const gan_iteration *values, double loss, double right);
  void (*notice)(void *context, const char *text);
} gan_classifier_observer;

typedef struct gan_classifier_result {
  int64_t iterations, train_samples, test_samples;
  int64_t samples_seen; /* of all iterations' batches; of the train_samples there are */
  int64_t feature_count;
  int classes;
  double loss;     /* of the last batch */
  double accuracy; /* share of the test samples that it gets right */
  bool held_out;   /* they were kept back from the data; else they are a data set of their own */
} gan_classifier_result;

/* Trains what sections classifier, data, train, optimizer and batch_norm say, tests it, and writes it to `path`, whole
   or not at all (docs/classifiers.md). Softmax cross-entropy over the global batch. GAN_BAD_USAGE for data without
   labels; GAN_INTERRUPTED after gan_request_stop, with nothing written. Collective; all ranks return the same status.
 */
gan_status gan_classifier_train(gan_world *world, const gan_config *config, const char *path,
                                const gan_classifier_observer *observer, gan_classifier_result *result) GAN_CHECKED;

/* Has the data that it would open tried in a child process, where they may crash the library that reads them
   (train/probe.h). Before MPI starts, by rank 0. */
gan_status gan_classifier_probe(const gan_config *config) GAN_CHECKED;

#endif
