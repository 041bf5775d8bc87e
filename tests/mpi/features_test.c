/* Feature networks that all ranks open together: rank 0 reads the file, and what goes wrong there goes wrong
 * everywhere.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "eval/features.h"
#include "store/tensors.h"
#include "support.h"

enum { FEATURES = 5, CLASSES = 3, SAMPLES = 100, INPUTS = 7 };
static const gan_shape shape = {1, {INPUTS}};

/* Weights that are a function of their place. */
static void fill(size_t count, float *values) {
  for (size_t i = 0; i < count; i++) values[i] = (float)((double)((i * 7919 + 13) % 101) / 101 - 0.5);
}

/* Rank 0. */
static gan_status write_file(const gan_backend *backend, const char *path) {
  static char layers[] = "dense 5, relu, dense 3", empty[] = "";
  const gan_network_options options = {.backend = backend, .batch_norm_momentum = 0.1, .batch_norm_epsilon = 1e-5};
  gan_network *network = NULL;
  gan_tensor tensors[8];
  float parameters[256], buffers[1] = {0};
  GAN_TRY(gan_network_create(layers, &shape, &options, &network));
  fill(network->parameter_count, parameters);
  const size_t count = gan_model_tensors("/classifier", network, parameters, buffers, -1, tensors);
  gan_network_destroy(network);
  const gan_checkpoint header = {.shards = 1,
                                 .data_shape = shape,
                                 .best = NAN,
                                 .config = empty,
                                 .classifier = {.layers = layers,
                                                .feature_layers = 2,
                                                .classes = CLASSES,
                                                .batch_norm_epsilon = 1e-5,
                                                .trained_on = empty,
                                                .accuracy = NAN}};
  return gan_checkpoint_write(path, &header, count, tensors);
}

static void check_same(gan_world *world, const char *name, const char *path, const gan_backend *backend,
                       int *failures) {
  gan_features *features = NULL;
  gan_difference odd;
  float samples[SAMPLES * INPUTS], out[SAMPLES * 128];
  bool well = gan_features_open(world, path, &shape, backend, &features) == GAN_OK;
  fill(SAMPLES * INPUTS, samples);
  well = well && gan_features_tell(features).feature_count <= 128;
  well = well && gan_features_of(features, SAMPLES, samples, out, NULL) == GAN_OK;
  check(world, name, well, failures);
  check(world, "its_fingerprint_is_the_same_on_all_ranks",
        well && gan_world_same_hash(world, gan_features_tell(features).fingerprint, &odd), failures);
  gan_features_close(features);
}

static void check_fails(gan_world *world, const char *name, const char *path, const gan_backend *backend,
                        gan_status expected, int *failures) {
  gan_features *features = NULL;
  const gan_status status = gan_features_open(world, path, &shape, backend, &features);
  check(world, name, status == expected && !features, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  char path[128] = "";
  const gan_backend *backend = NULL;
  gan_world *world = open_world(&argc, &argv);
  const bool first = gan_world_rank(world) == 0, last = gan_world_rank(world) == gan_world_size(world) - 1;
  if (gan_backend_open("auto", GAN_FLOAT32, &backend) != GAN_OK) gan_world_abort(world, 1);
  /* Only rank 0 knows where the file is. */
  if (first) snprintf(path, sizeof path, "/tmp/gan-features-%d.h5", (int)getpid());
  check(world, "rank_0_writes_a_classifier", !first || write_file(backend, path) == GAN_OK, &failures);
  check_same(world, "all_ranks_have_what_rank_0_has_read", first ? path : "elsewhere.h5", backend, &failures);
  check_same(world, "random_features_are_the_same_everywhere", "random", backend, &failures);
  check_same(world, "so_are_the_samples_themselves", "none", backend, &failures);
  check_fails(world, "a_missing_file_fails_on_all", "/nowhere/classifier.h5", backend, GAN_BAD_FILE, &failures);
  for (int nth = 1; nth <= 8; nth++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, last ? nth : 0);
    check_fails(world, "lack_of_memory_on_one_rank_fails_on_all", first ? path : "elsewhere.h5", backend, GAN_FAILED,
                &failures);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  }
  if (first) unlink(path);
  gan_world_close(world);
  return failures > 0;
}
