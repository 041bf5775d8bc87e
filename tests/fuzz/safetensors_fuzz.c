/* Files of tensors, and the networks that they describe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "store/network_file.h"
#include "store/safetensors.h"

static const gan_shape shape = {.rank = 3, .size = {1, 4, 4}};
enum { FLOATS_MOST = FUZZ_INPUT_MOST };

const bool fuzz_passes_hdf5 = false;
const char *const fuzz_words[] = {"{\"__metadata__\":{",
                                  "\"gan_dist\":\"network 1\"",
                                  "\"layers\":\"",
                                  "dense 1, ",
                                  "\"feature_layers\":\"1\"",
                                  "\"channels\":\"3\"",
                                  "\"shape\":\"1 4 4\"",
                                  "\"batch_norm_epsilon\":\"1e-3\"",
                                  "\"0.weight\":",
                                  "\"dtype\":\"F32\"",
                                  "F16",
                                  "BF16",
                                  "F64",
                                  "I64",
                                  "\"shape\":[",
                                  "\"data_offsets\":[",
                                  "9223372036854775807",
                                  "4294967296",
                                  "-1",
                                  "0",
                                  "null",
                                  "\\u0000",
                                  NULL};

size_t fuzz_seed(int index, uint8_t *data) {
  static const struct {
    const char *header;
    size_t bytes;
  } seeds[] = {
      {"{\"__metadata__\":{\"gan_dist\":\"network 1\",\"layers\":\"conv 2 kernel 3 2, dense 2 "
       "no_bias\",\"channels\":\"3\","
       "\"feature_layers\":\"1\"},\"0.weight\":{\"dtype\":\"F16\",\"shape\":[2,3,3,2],\"data_offsets\":[0,72]},"
       "\"0.bias\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[72,88]},"
       "\"1.weight\":{\"dtype\":\"BF16\",\"shape\":[2,12],\"data_offsets\":[88,136]}}",
       136},
      {"{\"__metadata__\":{\"gan_dist\":\"network 1\",\"layers\":\"batch_norm\",\"shape\":\"1 4 4\",\"feature_layers\":"
       "\"1\",\"batch_norm_epsilon\":\"0.5\"},\"0.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
       "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},"
       "\"0.running_mean\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
       "\"0.running_var\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}  ",
       16},
  };
  if (index >= (int)(sizeof seeds / sizeof *seeds)) return 0;
  const size_t length = strlen(seeds[index].header);
  for (int i = 0; i < 8; i++) data[i] = (uint8_t)((uint64_t)length >> 8 * i);
  memcpy(data + 8, seeds[index].header, length);
  for (size_t i = 0; i < seeds[index].bytes; i++) data[8 + length + i] = (uint8_t)(i % 60);
  return 8 + length + seeds[index].bytes;
}

static float values[FLOATS_MOST], others[FLOATS_MOST];

static void read_tensors(const gan_safetensors *file, size_t size) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < gan_safetensors_count(file); i++) {
    const gan_safetensor *tensor = gan_safetensors_at(file, i);
    const size_t count = (size_t)gan_shape_count(&tensor->shape);
    fuzz_require(count >= 1 && count <= tensor->bytes && tensor->offset + tensor->bytes <= size,
                 "a tensor in the file");
    fuzz_require(gan_safetensors_find(file, tensor->name) != NULL, "a tensor by its name");
    (void)fuzz_accepted(gan_safetensors_read(file, tensor, count, values), GAN_BAD_FILE);
    bytes += tensor->bytes;
  }
  fuzz_require(bytes < size, "tensors apart from each other");
}

static void read_network(const gan_network_file *file) {
  gan_network_options options = {.batch_norm_epsilon = file->batch_norm_epsilon};
  gan_network *network = NULL;
  fuzz_require(gan_backend_open("openblas", GAN_FLOAT32, &options.backend) == GAN_OK, "a backend");
  if (!fuzz_accepted(gan_network_create(file->layers, &file->shape, &options, &network), GAN_BAD_USAGE)) return;
  if (fuzz_accepted(gan_network_file_check(file, network), GAN_BAD_FILE)) {
    fuzz_require(network->parameter_count <= FLOATS_MOST && network->buffer_count <= FLOATS_MOST,
                 "tensors of the file");
    if (fuzz_accepted(gan_network_file_read(file, network, values, others), GAN_BAD_FILE)) fuzz_reached_the_end();
  }
  gan_network_destroy(network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(data, size);
  gan_safetensors *tensors = NULL;
  gan_network_file *file = NULL;
  if (fuzz_accepted(gan_safetensors_open(path, &tensors), GAN_BAD_FILE)) read_tensors(tensors, size);
  gan_safetensors_close(tensors);
  const gan_status status = gan_network_file_open(path, &shape, &file);
  if (status == GAN_OK)
    read_network(file);
  else
    fuzz_require(status == GAN_BAD_FILE || status == GAN_BAD_USAGE, "a refusal");
  gan_network_file_close(file);
  return 0;
}
