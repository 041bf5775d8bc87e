/* Feature networks: what turns samples into the features that Fréchet distances and metrics by nearest neighbours look
   at, and, where it is a classifier, into logits. */
#ifndef GAN_EVAL_FEATURES_H
#define GAN_EVAL_FEATURES_H

#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "dist/rows.h"
#include "kernels/kernels.h"
#include "nn/network.h"

typedef struct gan_features gan_features;

/* Ranks that share samples cut them at multiples of so many: then a sample's features have the same bits whoever
   computes them. */
enum { GAN_FEATURES_BLOCK = 64 };

/* What is known of a feature network. Texts live as long as it. */
typedef struct gan_features_about {
  const char *name; /* for people: "classifier fashion.h5 (91.80 % of 10000 test samples right)", "128 fixed random ..."
                     */
  int64_t feature_count;
  int classes;          /* 0: no classifier */
  uint64_t fingerprint; /* of the network and its weights: numbers of other ones cannot be compared */
} gan_features_about;

/* Opens the feature network of a file (a classifier of `gan_dist classify`, ...); where `path` is "" or "random", one
   of fixed random convolutions for samples of that shape (dense layers where they are no images), the same in every
   run; for "none", one whose features are the samples themselves. GAN_BAD_FILE, GAN_BAD_USAGE where it does not take
   samples of that shape. Rank 0 reads the file. Collective; *features is owned by the caller. */
gan_status gan_features_open(gan_world *world, const char *path, const gan_shape *shape, const gan_backend *backend,
                             gan_features **features) GAN_CHECKED;
/* What `--features` and eval.features name, with what is known of it: as above, but "" or NULL is what suits the shape,
   none for vectors and random for all else; and for none *features is NULL, since samples need not be copied to be
   their own features. Errors as above. Collective. */
gan_status gan_features_choose(gan_world *world, const char *name, const gan_shape *shape, const gan_backend *backend,
                               gan_features **features, gan_features_about *about) GAN_CHECKED;
/* That of a network which is there: the first `feature_layers` of its layers, `layers` being its description, give the
   features, all of them the logits. Parameters and buffers are copied. Not collective. */
gan_status gan_features_create(const gan_network *network, const char *layers, int64_t feature_layers,
                               const float *parameters, const float *buffers, gan_features **features) GAN_CHECKED;
/* GAN_BAD_USAGE where a network's outputs for a sample would depend on the other samples. Not collective. */
gan_status gan_features_check(const gan_network *network) GAN_CHECKED;
void gan_features_close(gan_features *features); /* NULL is allowed */
/* Bytes that it has taken. */
size_t gan_features_bytes(const gan_features *features);
gan_features_about gan_features_tell(const gan_features *features);

/* features (count, feature_count) and, unless NULL, logits (count, classes), of samples (count, elements); in batches
   of a fixed size, which divides GAN_FEATURES_BLOCK, so that a sample's bits do not depend on how many come together.
   `out` may be NULL, too. Not collective. */
gan_status gan_features_of(gan_features *features, int64_t count, const float *samples, float *out,
                           float *logits) GAN_CHECKED;

#endif
