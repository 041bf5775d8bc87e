/* Fixed random features: convolutions that nobody has trained see edges, colours and where they are, and so tell
   distributions of images apart where there are no labels to learn better features from. Their weights are the same in
   every run, so that numbers of runs compare; with those of other features they do not.

   He's initialisation (He et al. 2015, arXiv 1502.01852) keeps the values' size from layer to layer. Every two
   convolutions have an average pooling between them, until an image is smaller than 8 along each axis; a dense layer
   makes 128 features of what is left, each a sum of many values and so about normal, as a Fréchet distance takes it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "eval/features_internal.h"

enum { TEXT_BYTES = 2048, FIRST_CHANNELS = 32, MOST_CHANNELS = 128, FEATURES = 128 };
enum { POOLED_BELOW = 8, SIDE_MOST = 64 };

/* Where the weights' random numbers are: never change them. */
static const gan_random_address weights = {.seed = 0x66656174, .stream = GAN_STREAM_EVALUATION, .sample = 0x72616e64};

/* A text that grows. */
typedef struct description {
  char text[TEXT_BYTES];
  size_t used;
} description;

static void add(description *made, const char *format, int64_t number) {
  const size_t room = sizeof made->text - made->used;
  const int length = snprintf(made->text + made->used, room, format, (long long)number);
  made->used += (size_t)length < room ? (size_t)length : room - 1;
}

/* Divides the sides by factors, which leaves at least 1 of each. */
static void add_pooling(description *made, int axes, int64_t *sides, const int64_t *factors) {
  add(made, "average_pool", 0);
  for (int i = 0; i < axes; i++) {
    add(made, " %lld", factors[i]);
    sides[i] /= factors[i];
  }
  add(made, "\n", 0);
}

static bool is_above(int axes, const int64_t *sides, int64_t limit) {
  for (int i = 0; i < axes; i++)
    if (sides[i] > limit) return true;
  return false;
}

/* Large images are looked at from further away. */
static void come_to_size(description *made, int axes, int64_t *sides) {
  int64_t factors[GAN_SHAPE_RANK];
  if (!is_above(axes, sides, SIDE_MOST)) return;
  for (int i = 0; i < axes; i++) factors[i] = (sides[i] + SIDE_MOST - 1) / SIDE_MOST;
  add_pooling(made, axes, sides, factors);
}

static void describe_images(const gan_shape *shape, description *made) {
  const int axes = shape->rank - 1;
  int64_t sides[GAN_SHAPE_RANK], channels = FIRST_CHANNELS;
  for (int i = 0; i < axes; i++) sides[i] = shape->size[1 + i];
  come_to_size(made, axes, sides);
  add(made, "conv %lld kernel 3 padding 1\nrelu\n", channels);
  while (is_above(axes, sides, POOLED_BELOW - 1)) {
    int64_t factors[GAN_SHAPE_RANK];
    for (int i = 0; i < axes; i++) factors[i] = sides[i] < POOLED_BELOW ? 1 : 2;
    add_pooling(made, axes, sides, factors);
    channels = channels < MOST_CHANNELS ? 2 * channels : channels;
    add(made, "conv %lld kernel 3 padding 1\nrelu\n", channels);
  }
  add(made, "dense %lld", FEATURES);
}

static void describe_vectors(description *made) {
  add(made, "dense %lld\nrelu\n", 2 * FEATURES);
  add(made, "dense %lld", FEATURES);
}

static gan_status initialise(const gan_network *network, const char *layers, gan_features **features) {
  float *parameters = NULL, *buffers = NULL;
  gan_status status = gan_allocate(network->parameter_count, sizeof(float), "random features", &parameters);
  if (status == GAN_OK) status = gan_allocate(network->buffer_count, sizeof(float), "random features", &buffers);
  if (status == GAN_OK) {
    gan_network_initialise(network, gan_initialisation_find("he_normal"), 0, weights, parameters, buffers);
    status = gan_features_create(network, layers, network->line_count, parameters, buffers, features);
  }
  free(parameters);
  free(buffers);
  return status;
}

gan_status gan_features_create_random(const gan_shape *shape, const gan_backend *backend, gan_features **features) {
  description made = {.used = 0};
  char name[GAN_FEATURES_NAME];
  gan_network *network = NULL;
  const gan_network_options options = {.backend = backend, .batch_norm_momentum = 0.1, .batch_norm_epsilon = 1e-5};
  *features = NULL;
  if (shape->rank > 1)
    describe_images(shape, &made);
  else
    describe_vectors(&made);
  GAN_TRY(gan_network_create(made.text, shape, &options, &network));
  const gan_status status = initialise(network, made.text, features);
  gan_network_destroy(network);
  GAN_TRY(status);
  snprintf(name, sizeof name, "%d fixed random %s features (no trained network)", FEATURES,
           shape->rank > 1 ? "convolutional" : "dense");
  gan_features_rename(*features, name);
  return GAN_OK;
}
