/* For the tests of networks: a network with all that a pass needs, and numbers to put in. */
#ifndef GAN_TESTS_UNIT_NN_SUPPORT_H
#define GAN_TESTS_UNIT_NN_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs those before it */
#include <cmocka.h>

#include "base/memory.h"
#include "nn/pass.h"

/* Against float64, relative to a tensor's largest value. */
static inline void assert_near_pytorch(const char *name, const char *what, size_t count, const float *values,
                                       const double *reference) {
  const double tolerance = 1e-5;
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(reference[i]));
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)values[i] - reference[i]) <= tolerance * largest))
      fail_msg("%s: %s[%zu] is %.9g, PyTorch has %.9g (largest %.3g)", name, what, i, (double)values[i], reference[i],
               largest);
}

static inline void *rig_memory(size_t count, size_t size) {
  void *memory = NULL;
  assert_int_equal(gan_allocate(count, size, "a test", &memory), GAN_OK);
  return memory;
}

static inline gan_network_options rig_options(bool sync) {
  const gan_network_options options = {
      .backend = gan_backends[0], .batch_norm_sync = sync, .batch_norm_momentum = 0.1, .batch_norm_epsilon = 1e-5};
  assert_int_equal(options.backend->open(), GAN_OK);
  return options;
}

/* Fails the test with the library's message when the description is refused. */
static inline gan_network *rig_network(const char *description, gan_shape input, bool sync) {
  const gan_network_options options = rig_options(sync);
  gan_network *network = NULL;
  if (gan_network_create(description, &input, &options, &network) != GAN_OK) fail_msg("%s", gan_error_message());
  return network;
}

/* One rank's part of a training step. */
typedef struct rig {
  gan_network *network;
  gan_shards shards;
  gan_pass *pass;
  float *parameters, *buffers;
  float **slots;
} rig;

static inline rig rig_create(const char *description, gan_shape input, bool sync, int shard_count, int64_t batch,
                             int ranks, int rank) {
  rig made = {.network = rig_network(description, input, sync)};
  assert_int_equal(gan_shards_plan(shard_count, batch, ranks, rank, &made.shards), GAN_OK);
  made.parameters = rig_memory(made.network->parameter_count, sizeof(float));
  made.buffers = rig_memory(made.network->buffer_count, sizeof(float));
  made.slots = rig_memory((size_t)made.shards.slot_count, sizeof *made.slots);
  for (int i = 0; i < made.shards.slot_count; i++)
    made.slots[i] = rig_memory(made.network->parameter_count, sizeof(float));
  return made;
}

/* Gives the rig's pass what it works with. */
static inline void rig_connect(rig *made) {
  made->pass->parameters = made->parameters;
  made->pass->buffers = made->buffers;
  made->pass->slots = made->slots;
}

/* Apart from rig_create, since a pass points to the rig's shards, which have to stay where they are. */
static inline void rig_start(rig *made, int parts) {
  assert_int_equal(gan_pass_create(made->network, &made->shards, parts, &made->pass), GAN_OK);
  rig_connect(made);
}

static inline void rig_release(rig *made) {
  gan_pass_destroy(made->pass);
  for (int i = 0; i < made->shards.slot_count; i++) free(made->slots[i]);
  free(made->slots);
  free(made->parameters);
  free(made->buffers);
  gan_shards_release(&made->shards);
  gan_network_destroy(made->network);
}

/* Standard normal numbers; `what` tells one vector from another. */
static inline void rig_normal(uint64_t what, size_t count, float *out) {
  gan_random_normal((gan_random_address){.seed = 12345, .stream = GAN_STREAM_EVALUATION, .step = what}, count, out);
}

static inline void rig_fill_parameters(rig *made) {
  const gan_random_address address = {.seed = 3, .stream = GAN_STREAM_INITIALISE_CRITIC};
  gan_network_initialise(made->network, gan_initialisation_find("he_normal"), 0, address, made->parameters,
                         made->buffers);
  /* Off the special values 0 and 1 of biases and normalisations. */
  float *noise = rig_memory(made->network->parameter_count, sizeof *noise);
  rig_normal(1, made->network->parameter_count, noise);
  for (size_t i = 0; i < made->network->parameter_count; i++) made->parameters[i] += 0.1f * noise[i];
  free(noise);
}

/* Copies samples between the order (parts, batch), and a pass's rows of this rank's shards. */
static inline void rig_to_rows(const gan_pass *pass, size_t width, const float *samples, float *rows) {
  for (int shard = 0; shard < pass->shards->local; shard++)
    for (int part = 0; part < pass->parts; part++) {
      const int64_t sample = part * pass->shards->batch + gan_shard_begin(pass->shards, pass->shards->first + shard);
      memcpy(rows + (size_t)gan_pass_first_row(pass, shard, part) * width, samples + (size_t)sample * width,
             (size_t)gan_pass_row_count(pass, shard, part) * width * sizeof *rows);
    }
}

static inline void rig_from_rows(const gan_pass *pass, size_t width, const float *rows, float *samples) {
  for (int shard = 0; shard < pass->shards->local; shard++)
    for (int part = 0; part < pass->parts; part++) {
      const int64_t sample = part * pass->shards->batch + gan_shard_begin(pass->shards, pass->shards->first + shard);
      memcpy(samples + (size_t)sample * width, rows + (size_t)gan_pass_first_row(pass, shard, part) * width,
             (size_t)gan_pass_row_count(pass, shard, part) * width * sizeof *rows);
    }
}

#endif
