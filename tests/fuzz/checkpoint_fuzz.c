/* Checkpoints: as they come, and once more under a seal that holds, so that what is behind it is met. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "store/checkpoint.h"
#include "store/kind.h"
#include "store/seal.h"

enum { WEIGHTS = 12, BIASES = 3 };

const bool fuzz_passes_hdf5 = true;
const char *const fuzz_words[] = {"gan_dist checkpoint 1\n",
                                  "length ",
                                  "xxh3-128 ",
                                  "format_version",
                                  "config",
                                  "0.weight",
                                  "TREE",
                                  "SNOD",
                                  "HEAP",
                                  "GCOL",
                                  "OHDR",
                                  "OCHK",
                                  NULL};

static void name_tensors(gan_tensor *tensors, float *weights, float *biases) {
  tensors[0] = (gan_tensor){.path = "/generator/0.weight", .shape = {2, {3, 4}}, .data = weights};
  tensors[1] = (gan_tensor){.path = "/generator/0.bias", .shape = {1, {BIASES}}, .data = biases};
}

size_t fuzz_seed(int index, uint8_t *data) {
  if (index >= 2) return 0;
  char path[64], config[] = "[run]\nseed = 7\n";
  float weights[WEIGHTS] = {1, 2, 3, 4, 5}, biases[BIASES] = {NAN, -0.0f, 1e30f};
  gan_tensor tensors[3] = {{.path = "/critic/1.num_batches_tracked", .number = 12}};
  gan_checkpoint checkpoint = {.iteration = 3,
                               .critic_steps = 15,
                               .generator_steps = 3,
                               .seed = 7,
                               .shards = 4,
                               .data_shape = {1, {2}},
                               .best = index ? NAN : 0.5,
                               .config = config,
                               .program_version = "0.1.0",
                               .backend = "openblas"};
  name_tensors(tensors + index, weights, biases);
  snprintf(path, sizeof path, "/tmp/gan_checkpoint_fuzz_%ld", (long)getpid());
  fuzz_require(gan_checkpoint_write(path, &checkpoint, 2, tensors) == GAN_OK, "a checkpoint");
  const size_t size = fuzz_read_file(path, data);
  unlink(path);
  return size;
}

static void look_at(void *context, const gan_tensor_summary *tensor) {
  *(size_t *)context += strlen(tensor->path) + (size_t)gan_shape_count(&tensor->shape);
}

static void read_all(const gan_checkpoint_file *opened) {
  float weights[WEIGHTS], biases[BIASES];
  gan_tensor tensors[2];
  gan_checkpoint checkpoint;
  size_t seen = 0;
  if (fuzz_accepted(gan_checkpoint_header(opened, &checkpoint), GAN_BAD_FILE)) {
    fuzz_require(checkpoint.shards > 0 && checkpoint.iteration >= 0 && checkpoint.config, "a header that makes sense");
    gan_checkpoint_release(&checkpoint);
  }
  name_tensors(tensors, weights, biases);
  (void)fuzz_accepted(gan_checkpoint_tensors(opened, 2, tensors), GAN_BAD_FILE);
  if (fuzz_accepted(gan_checkpoint_visit(opened, look_at, &seen), GAN_BAD_FILE)) fuzz_reached_the_end();
}

static void check(const char *path) {
  gan_checkpoint_file *opened;
  gan_file_kind kind;
  (void)fuzz_accepted(gan_file_kind_of(path, &kind), GAN_BAD_FILE);
  if (!fuzz_accepted(gan_checkpoint_open(path, &opened), GAN_BAD_FILE)) return;
  read_all(opened);
  gan_checkpoint_close(opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(data, size);
  check(path);
  if (size < GAN_SEAL_BYTES) return 0;
  fuzz_require(gan_seal_write(path, path) == GAN_OK, "a new seal");
  check(path);
  return 0;
}
