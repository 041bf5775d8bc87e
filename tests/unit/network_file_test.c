/* Trained networks in files of tensors: what they say is what is built, and what does not fit is refused. */
#include "store/network_file.h"

#include <math.h>

#include "nn_support.h"
#include "safetensors_support.h"

static const gan_shape colours = {.rank = 3, .size = {3, 2, 2}}, greys = {.rank = 3, .size = {1, 2, 2}};

/* "conv 2 kernel 1, batch_norm, relu, global_average_pool, dense 3" of three channels. */
enum { FLOATS = 6 + 2 + 2 + 2 + 2 + 2 + 6 + 3 };
static const char layers[] = "conv 2 kernel 1, batch_norm, relu, global_average_pool, dense 3";
static const char tensors[] =
    "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2,3,1,1],\"data_offsets\":[0,24]},"
    "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]},"
    "\"1.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[32,40]},"
    "\"1.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[40,48]},"
    "\"1.running_mean\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[48,56]},"
    "\"1.running_var\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[56,64]},"
    "\"4.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[64,88]},"
    "\"4.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[88,100]}";

/* A file with this metadata and these tensors; its elements are 1/2, 2/2, 3/2, ... */
static const char *write_network(const char *metadata, const char *listed) {
  char header[4096];
  float elements[FLOATS];
  for (int i = 0; i < FLOATS; i++) elements[i] = (float)(i + 1) / 2;
  snprintf(header, sizeof header, "{\"__metadata__\":{%s},%s}", metadata, listed);
  return write_tensors("network", header, sizeof elements, elements);
}

static const char *write_good(const char *size) {
  char metadata[1024];
  snprintf(metadata, sizeof metadata,
           "\"gan_dist\":\"network 1\",\"layers\":\"%s\",%s,\"feature_layers\":\"4\",\"name\":\"small\","
           "\"batch_norm_epsilon\":\"0.001\"",
           layers, size);
  return write_network(metadata, tensors);
}

static gan_network_file *open_network(const char *path, const gan_shape *shape) {
  gan_network_file *file = NULL;
  if (gan_network_file_open(path, shape, &file) != GAN_OK) fail_msg("%s", gan_error_message());
  return file;
}

static gan_network *build(const gan_network_file *file) {
  gan_network_options options = rig_options(false);
  gan_network *network = NULL;
  options.batch_norm_epsilon = file->batch_norm_epsilon;
  if (gan_network_create(file->layers, &file->shape, &options, &network) != GAN_OK) fail_msg("%s", gan_error_message());
  return network;
}

static void a_network_comes_out_as_it_went_in(void **state) {
  (void)state;
  float parameters[FLOATS], buffers[FLOATS];
  gan_network_file *file = open_network(write_good("\"channels\":\"3\""), &colours);
  assert_string_equal(file->layers, layers);
  assert_string_equal(file->name, "small");
  assert_int_equal(file->feature_layers, 4);
  assert_true(file->batch_norm_epsilon == 0.001);
  gan_network *network = build(file);
  assert_int_equal(gan_network_file_check(file, network), GAN_OK);
  assert_int_equal(network->parameter_count + network->buffer_count, FLOATS);
  assert_int_equal(gan_network_file_read(file, network, parameters, buffers), GAN_OK);
  /* Buffers are elements 12 to 15, parameters the others. */
  for (size_t i = 0; i < network->parameter_count; i++)
    assert_true(parameters[i] == (float)(i + 1 + (i < 12 ? 0 : 4)) / 2);
  for (size_t i = 0; i < network->buffer_count; i++) assert_true(buffers[i] == (float)(i + 13) / 2);
  gan_network_destroy(network);
  gan_network_file_close(file);
}

/* What the file's network makes of two samples of a shape. */
static void run(const gan_shape *shape, const float *samples, float *logits) {
  float parameters[FLOATS], buffers[FLOATS];
  gan_network_file *file = open_network(write_good("\"channels\":\"3\""), shape);
  gan_network *network = build(file);
  gan_shards shards;
  gan_pass *pass = NULL;
  assert_int_equal(gan_network_file_read(file, network, parameters, buffers), GAN_OK);
  assert_int_equal(gan_shards_plan(1, 2, 1, 0, &shards), GAN_OK);
  assert_int_equal(gan_pass_create_in(network, &shards, 1, GAN_KEEP_NOTHING, NULL, &pass), GAN_OK);
  pass->training = false;
  pass->parameters = parameters;
  pass->buffers = buffers;
  memcpy(gan_pass_input(pass), samples, 2 * (size_t)gan_shape_count(shape) * sizeof *samples);
  gan_pass_forward(pass);
  memcpy(logits, gan_pass_output(pass), 6 * sizeof *logits);
  assert_string_equal(network->layers[file->feature_layers - 1].type->name, "global_average_pool");
  gan_pass_destroy(pass);
  gan_shards_release(&shards);
  gan_network_destroy(network);
  gan_network_file_close(file);
}

static void images_of_one_channel_are_seen_as_grey_ones_of_three(void **state) {
  (void)state;
  float grey[8], colour[24], from_grey[6], from_colour[6];
  rig_normal(1, 8, grey);
  for (int sample = 0; sample < 2; sample++)
    for (int channel = 0; channel < 3; channel++)
      memcpy(colour + 12 * sample + 4 * channel, grey + 4 * sample, 4 * sizeof *grey);
  run(&greys, grey, from_grey);
  run(&colours, colour, from_colour);
  assert_memory_equal(from_grey, from_colour, sizeof from_grey);
  assert_true(from_grey[0] != from_grey[3]);
}

static void samples_that_the_network_does_not_take_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *size;
    gan_shape shape;
  } bad[] = {
      {"\"channels\":\"3\"", {.rank = 3, .size = {2, 2, 2}}},  {"\"channels\":\"3\"", {.rank = 1, .size = {1}}},
      {"\"channels\":\"4\"", {.rank = 3, .size = {1, 2, 2}}},  {"\"shape\":\"3 2 2\"", {.rank = 3, .size = {3, 2, 4}}},
      {"\"shape\":\"3 2 2\"", {.rank = 3, .size = {1, 4, 2}}}, {"\"shape\":\"12\"", {.rank = 3, .size = {3, 2, 2}}},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    gan_network_file *file = NULL;
    assert_int_equal(gan_network_file_open(write_good(bad[i].size), &bad[i].shape, &file), GAN_BAD_USAGE);
    assert_null(file);
    assert_non_null(strstr(gan_error_message(), "it takes samples of shape"));
  }
  gan_network_file *file = open_network(write_good("\"shape\":\" 3 2 2 \""), &greys);
  assert_int_equal(file->added_layers, 4);
  gan_network_file_close(file);
}

static void metadata_that_say_too_little_are_refused(void **state) {
  (void)state;
#define KIND "\"gan_dist\":\"network 1\","
  static const struct {
    const char *metadata, *reason;
  } bad[] = {
      {"\"layers\":\"relu\"", "no \"gan_dist\""},
      {"\"gan_dist\":\"network 2\"", "\"gan_dist\" is \"network 2\""},
      {KIND "\"feature_layers\":\"1\"", "no \"layers\""},
      {KIND "\"layers\":\"relu\"", "no \"feature_layers\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"0\"", "\"feature_layers\" is \"0\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1.5\"", "\"feature_layers\" is \"1.5\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"9223372036854775807\"", "\"feature_layers\" is"},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\"", "no \"channels\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"channels\":\"-3\"", "\"channels\" is \"-3\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"channels\":\"99999999999\"", "\"channels\" is"},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"shape\":\"\"", "\"shape\" is \"\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"shape\":\"3 x\"", "\"shape\" is \"3 x\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"shape\":\"3 0\"", "\"shape\" is \"3 0\""},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"shape\":\"1 1 1 1 1\"", "\"shape\" is \"1 1"},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"batch_norm_epsilon\":\"0\"", "number above 0"},
      {KIND "\"layers\":\"relu\",\"feature_layers\":\"1\",\"batch_norm_epsilon\":\"nan\"", "number above 0"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    gan_network_file *file = NULL;
    assert_int_equal(gan_network_file_open(write_network(bad[i].metadata, tensors), &colours, &file), GAN_BAD_FILE);
    assert_null(file);
    if (!strstr(gan_error_message(), bad[i].reason))
      fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].metadata, gan_error_message(), bad[i].reason);
  }
}

static void tensors_of_another_network_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *layers, *reason;
  } bad[] = {
      {"conv 2 kernel 1, batch_norm, relu, global_average_pool, relu, dense 3", "no tensor 5.weight"},
      {"conv 2 kernel 1, batch_norm, relu, global_average_pool, dense 3 no_bias", "8 tensors, and its layers need 7"},
      {"conv 2 kernel 1 2, batch_norm, relu, global_average_pool, dense 3",
       "tensor 0.weight: the file has (2, 3, 1, 1)"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char metadata[1024];
    float parameters[2 * FLOATS], buffers[FLOATS];
    snprintf(metadata, sizeof metadata, KIND "\"layers\":\"%s\",\"channels\":\"3\",\"feature_layers\":\"4\"",
             bad[i].layers);
    gan_network_file *file = open_network(write_network(metadata, tensors), &colours);
    gan_network *network = build(file);
    assert_int_equal(gan_network_file_check(file, network), GAN_BAD_FILE);
    if (!strstr(gan_error_message(), bad[i].reason))
      fail_msg("\"%s\" does not say \"%s\"", gan_error_message(), bad[i].reason);
    assert_int_equal(gan_network_file_read(file, network, parameters, buffers), GAN_BAD_FILE);
    gan_network_destroy(network);
    gan_network_file_close(file);
  }
}

static void weights_that_are_not_finite_are_refused(void **state) {
  (void)state;
  float parameters[FLOATS], buffers[FLOATS], elements[2] = {1, NAN};
  const char *path = write_tensors("nan",
                                   "{\"__metadata__\":{" KIND
                                   "\"layers\":\"dense 1\",\"channels\":\"1\",\"feature_layers\":\"1\"},"
                                   "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
                                   "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                                   sizeof elements, elements);
  gan_network_file *file = open_network(path, &(gan_shape){.rank = 1, .size = {1}});
  gan_network *network = build(file);
  assert_int_equal(gan_network_file_read(file, network, parameters, buffers), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "0.bias"));
  assert_non_null(strstr(gan_error_message(), path));
  gan_network_destroy(network);
  gan_network_file_close(file);
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state) {
  (void)state;
  const char *path = write_good("\"channels\":\"3\"");
  gan_network_file *file = NULL;
  for (int nth = 1;; nth++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_network_file_open(path, &greys, &file);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    assert_int_equal(status, GAN_FAILED);
    assert_null(file);
  }
  gan_network_file_close(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(a_network_comes_out_as_it_went_in),
      FOLDER_TEST(images_of_one_channel_are_seen_as_grey_ones_of_three),
      FOLDER_TEST(samples_that_the_network_does_not_take_are_refused),
      FOLDER_TEST(metadata_that_say_too_little_are_refused),
      FOLDER_TEST(tensors_of_another_network_are_refused_by_name),
      FOLDER_TEST(weights_that_are_not_finite_are_refused),
      FOLDER_TEST(a_failed_allocation_is_told_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
