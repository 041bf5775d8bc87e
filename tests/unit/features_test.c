/* Feature networks: what they give, that a sample's bits are its own, and that no file is taken for one which is none.
 */
#include <math.h>

#include "dist/world.h"
#include "eval/features.h"
#include "nn_support.h"
#include "store/tensors.h"
#include "store_support.h"

static const char body[] = "conv 3 kernel 3 padding 1\nbatch_norm\nrelu\n\nmax_pool 2, dropout 0.5\ndense 6\nrelu";
enum { BODY_LAYERS = 7, FEATURES = 6, CLASSES = 4, SAMPLES = 150 };
static const gan_shape image = {3, {2, 6, 6}};
enum { ELEMENTS = 72 };

/* A classifier's network with weights, and samples. */
typedef struct fixture {
  gan_world *world;
  char layers[512];
  gan_network *network;
  float *parameters, *buffers;
  float samples[SAMPLES * ELEMENTS];
} fixture;

static void start(fixture *made) {
  memset(made, 0, sizeof *made);
  assert_int_equal(gan_world_alone(&made->world), GAN_OK);
  snprintf(made->layers, sizeof made->layers, "%s\ndense %d", body, CLASSES);
  made->network = rig_network(made->layers, image, true);
  made->parameters = rig_memory(made->network->parameter_count, sizeof(float));
  made->buffers = rig_memory(made->network->buffer_count, sizeof(float));
  rig_normal(1, made->network->parameter_count, made->parameters);
  rig_normal(2, made->network->buffer_count, made->buffers);
  for (size_t i = 0; i < made->network->buffer_count; i++) made->buffers[i] = fabsf(made->buffers[i]) + 0.1f;
  rig_normal(3, SAMPLES * ELEMENTS, made->samples);
}

static void stop(fixture *made) {
  free(made->parameters);
  free(made->buffers);
  gan_network_destroy(made->network);
  gan_world_close(made->world);
}

static gan_features *create(const fixture *of) {
  gan_features *features = NULL;
  if (gan_features_create(of->network, of->layers, BODY_LAYERS, of->parameters, of->buffers, &features) != GAN_OK)
    fail_msg("%s", gan_error_message());
  return features;
}

/* By one pass of the whole network, which keeps all that it computes. */
static void features_and_logits_are_those_of_the_whole_network(void **state) {
  (void)state;
  static fixture made;
  start(&made);
  gan_shards shards;
  gan_pass *pass = NULL;
  float features[SAMPLES * FEATURES], logits[SAMPLES * CLASSES];
  assert_int_equal(gan_shards_plan(1, SAMPLES, 1, 0, &shards), GAN_OK);
  assert_int_equal(gan_pass_create_in(made.network, &shards, 1, GAN_KEEP_ALL, NULL, &pass), GAN_OK);
  pass->parameters = made.parameters;
  pass->buffers = made.buffers;
  pass->training = false;
  memcpy(gan_pass_input(pass), made.samples, sizeof made.samples);
  gan_pass_forward(pass);
  gan_features *of = create(&made);
  assert_int_equal(gan_features_tell(of).feature_count, FEATURES);
  assert_int_equal(gan_features_tell(of).classes, CLASSES);
  assert_int_equal(gan_features_of(of, SAMPLES, made.samples, features, logits), GAN_OK);
  for (int i = 0; i < SAMPLES * FEATURES; i++)
    assert_true(fabsf(features[i] - pass->activations[BODY_LAYERS][i]) <= 1e-5f * (1 + fabsf(features[i])));
  for (int i = 0; i < SAMPLES * CLASSES; i++)
    assert_true(fabsf(logits[i] - gan_pass_output(pass)[i]) <= 1e-5f * (1 + fabsf(logits[i])));
  gan_features_close(of);
  gan_pass_destroy(pass);
  gan_shards_release(&shards);
  stop(&made);
}

static void a_samples_bits_do_not_depend_on_how_many_come_together(void **state) {
  (void)state;
  static fixture made;
  start(&made);
  gan_features *of = create(&made);
  float all[SAMPLES * FEATURES], few[SAMPLES * FEATURES], all_logits[SAMPLES * CLASSES], few_logits[SAMPLES * CLASSES];
  assert_int_equal(gan_features_of(of, SAMPLES, made.samples, all, all_logits), GAN_OK);
  for (int count = 1; count < SAMPLES; count += 37) {
    assert_int_equal(gan_features_of(of, count, made.samples, few, few_logits), GAN_OK);
    assert_memory_equal(few, all, (size_t)count * FEATURES * sizeof *all);
    assert_memory_equal(few_logits, all_logits, (size_t)count * CLASSES * sizeof *all);
  }
  /* As a rank that has the samples from a whole block on. */
  const int first = GAN_FEATURES_BLOCK;
  assert_int_equal(gan_features_of(of, SAMPLES - first, made.samples + first * ELEMENTS, few, NULL), GAN_OK);
  assert_memory_equal(few, all + first * FEATURES, (size_t)(SAMPLES - first) * FEATURES * sizeof *all);
  gan_features_close(of);
  stop(&made);
}

static gan_status open_for(const fixture *made, const char *path, gan_shape shape, gan_features **features) {
  return gan_features_open(made->world, path, &shape, made->network->options.backend, features);
}

static void random_features_take_any_shape(void **state) {
  (void)state;
  static fixture made;
  static const gan_shape shapes[] = {{1, {2}},       {1, {200}},         {2, {3, 100}},      {3, {1, 28, 28}},
                                     {3, {3, 1, 9}}, {3, {3, 200, 130}}, {4, {1, 25, 9, 5}}, {3, {1, 1, 1}}};
  start(&made);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    gan_features *of = NULL, *again = NULL;
    const size_t elements = (size_t)gan_shape_count(&shapes[i]);
    float *samples = rig_memory(3 * elements, sizeof(float)), out[3 * 128], other[3 * 128];
    rig_normal(i, 3 * elements, samples);
    if (open_for(&made, "random", shapes[i], &of) != GAN_OK) fail_msg("%s", gan_error_message());
    assert_int_equal(open_for(&made, "", shapes[i], &again), GAN_OK);
    assert_int_equal(gan_features_tell(of).feature_count, 128);
    assert_int_equal(gan_features_tell(of).classes, 0);
    assert_non_null(strstr(gan_features_tell(of).name, "128 fixed random "));
    assert_true(gan_features_tell(of).fingerprint == gan_features_tell(again).fingerprint);
    assert_int_equal(gan_features_of(of, 3, samples, out, NULL), GAN_OK);
    assert_int_equal(gan_features_of(again, 3, samples, other, NULL), GAN_OK);
    assert_memory_equal(out, other, sizeof out);
    double squares = 0;
    for (int j = 0; j < 3 * 128; j++) squares += (double)out[j] * (double)out[j] / (3 * 128);
    /* He's initialisation: values keep their size, but for what pooling averages away. */
    assert_true(squares > 1e-3 && squares < 10);
    free(samples);
    gan_features_close(of);
    gan_features_close(again);
  }
  stop(&made);
}

/* Numbers of features that came out otherwise could not be compared with those of earlier runs. */
static void random_weights_are_the_same_in_every_version(void **state) {
  (void)state;
  static fixture made;
  gan_features *of = NULL;
  start(&made);
  assert_int_equal(open_for(&made, "random", (gan_shape){3, {1, 28, 28}}, &of), GAN_OK);
  assert_int_equal(gan_features_tell(of).fingerprint, UINT64_C(0x183bb5161c325d84));
  gan_features_close(of);
  stop(&made);
}

static void features_may_be_the_samples_themselves(void **state) {
  (void)state;
  static fixture made;
  gan_features *of = NULL;
  float out[SAMPLES * ELEMENTS];
  start(&made);
  assert_int_equal(open_for(&made, "none", image, &of), GAN_OK);
  assert_int_equal(gan_features_tell(of).feature_count, ELEMENTS);
  assert_int_equal(gan_features_tell(of).classes, 0);
  assert_int_equal(gan_features_of(of, SAMPLES, made.samples, out, NULL), GAN_OK);
  assert_memory_equal(out, made.samples, sizeof out);
  gan_features_close(of);
  stop(&made);
}

/* --- Files --- */

static char config_text[] = "[run]\nseed = 1\n";
static char trained_on[] = "idx /data\x1b";

static gan_checkpoint header_of(fixture *made) {
  return (gan_checkpoint){.iteration = 10,
                          .shards = 8,
                          .data_shape = image,
                          .best = NAN,
                          .config = config_text,
                          .program_version = "0.1.0",
                          .classifier = {.layers = made->layers,
                                         .feature_layers = BODY_LAYERS,
                                         .classes = CLASSES,
                                         .batch_norm_epsilon = 1e-5,
                                         .trained_on = trained_on,
                                         .accuracy = 0.918,
                                         .test_samples = 10000}};
}

static const char *write_file(fixture *made, const gan_checkpoint *header, char *path) {
  gan_tensor tensors[32];
  assert_in_range(gan_model_tensor_count(made->network), 1, 32);
  const size_t count = gan_model_tensors("/classifier", made->network, made->parameters, made->buffers, 10, tensors);
  assert_int_equal(gan_checkpoint_write(in_folder("classifier.h5", path), header, count, tensors), GAN_OK);
  return path;
}

static void a_classifier_comes_back_from_its_file(void **state) {
  (void)state;
  static fixture made;
  char path[PATH_MAX];
  gan_features *of = NULL;
  float out[SAMPLES * FEATURES], expected[SAMPLES * FEATURES], logits[SAMPLES * CLASSES],
      expected_logits[SAMPLES * CLASSES];
  start(&made);
  const gan_checkpoint header = header_of(&made);
  write_file(&made, &header, path);
  if (open_for(&made, path, image, &of) != GAN_OK) fail_msg("%s", gan_error_message());
  assert_string_equal(gan_features_tell(of).name, "classifier classifier.h5 (91.80 % of 10000 test samples right)");
  gan_features *direct = create(&made);
  assert_true(gan_features_tell(of).fingerprint == gan_features_tell(direct).fingerprint);
  assert_int_equal(gan_features_of(of, SAMPLES, made.samples, out, logits), GAN_OK);
  assert_int_equal(gan_features_of(direct, SAMPLES, made.samples, expected, expected_logits), GAN_OK);
  assert_memory_equal(out, expected, sizeof out);
  assert_memory_equal(logits, expected_logits, sizeof logits);
  gan_features_close(direct);
  made.parameters[0] += 1;
  direct = create(&made);
  assert_false(gan_features_tell(of).fingerprint == gan_features_tell(direct).fingerprint);
  gan_features_close(direct);
  gan_features_close(of);
  gan_checkpoint read;
  assert_int_equal(gan_checkpoint_read_header(path, &read), GAN_OK);
  assert_string_equal(read.classifier.trained_on, "idx /data?"); /* no control characters for a terminal */
  assert_string_equal(read.classifier.layers, made.layers);
  gan_checkpoint_release(&read);
  stop(&made);
}

static void assert_no_features(fixture *made, const gan_checkpoint *header, const char *message) {
  char path[PATH_MAX];
  gan_features *of = NULL;
  write_file(made, header, path);
  assert_int_equal(open_for(made, path, image, &of), GAN_BAD_FILE);
  assert_null(of);
  assert_message(message);
}

static void files_that_make_no_sense_are_refused(void **state) {
  (void)state;
  static fixture made;
  start(&made);
  const gan_checkpoint right = header_of(&made);
  gan_checkpoint wrong = right;
  wrong.classifier.layers = NULL;
  assert_no_features(&made, &wrong, "is a checkpoint of a GAN");
  char *const layers[][2] = {
      {"dense 5, nonsense", "nonsense"},
      {"dense 4", "features after 7 layers, and its network has 1"},
      {"conv 4096 kernel 6, relu, relu, relu, relu, dense 4096, relu, dense 4", "too small to hold"},
      {"minibatch_stddev, relu, relu, relu, relu, relu, relu, dense 4", "would depend on the other samples"},
      {"conv 3 kernel 3 padding 1, batch_norm, relu, max_pool 2, dropout 0.5, dense 6, residual, end, dense 4",
       "no \"end\""},
      {"relu, relu, relu, relu, relu, relu, relu, relu, dense 4", "has no tensor /classifier/8.weight"},
      {"conv 5 kernel 3 padding 1, batch_norm, relu, max_pool 2, dropout 0.5, dense 6, relu, dense 4",
       "tensor /classifier/0.weight: checkpoint has (3, 2, 3, 3), the network needs (5, 2, 3, 3)"}};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    wrong = right;
    wrong.classifier.layers = layers[i][0];
    assert_no_features(&made, &wrong, layers[i][1]);
  }
  wrong = right;
  wrong.classifier.feature_layers = 0;
  assert_no_features(&made, &wrong, "features after 0 layers");
  wrong.classifier.feature_layers = INT64_C(1) << 40;
  assert_no_features(&made, &wrong, "layers, and its network has 8");
  wrong = right;
  wrong.classifier.classes = 5;
  assert_no_features(&made, &wrong, "gives 4 logits for 5 classes");
  wrong = right;
  wrong.classifier.classes = -1;
  assert_no_features(&made, &wrong, "attribute classes");
  wrong = right;
  wrong.classifier.batch_norm_epsilon = NAN;
  assert_no_features(&made, &wrong, "attribute batch_norm_epsilon");
  wrong = right;
  wrong.classifier.accuracy = 1.5;
  assert_no_features(&made, &wrong, "attribute accuracy");
  made.parameters[3] = NAN;
  assert_no_features(&made, &right, "numbers that are not finite");
  stop(&made);
}

static void samples_of_another_shape_are_refused(void **state) {
  (void)state;
  static fixture made;
  char path[PATH_MAX];
  gan_features *of = NULL;
  start(&made);
  const gan_checkpoint header = header_of(&made);
  write_file(&made, &header, path);
  assert_int_equal(open_for(&made, path, (gan_shape){1, {ELEMENTS}}, &of), GAN_BAD_USAGE);
  assert_null(of);
  assert_message("takes samples of shape (2, 6, 6), and these are (72)");
  stop(&made);
}

static void not_one_flipped_bit_goes_unnoticed(void **state) {
  (void)state;
  static fixture made;
  char path[PATH_MAX];
  size_t size;
  start(&made);
  const gan_checkpoint header = header_of(&made);
  char *bytes = read_bytes(write_file(&made, &header, path), &size);
  for (size_t place = 0; place < size; place += size / 50) {
    gan_features *of = NULL;
    bytes[place] ^= 0x10;
    write_bytes(path, bytes, size);
    assert_int_equal(open_for(&made, path, image, &of), GAN_BAD_FILE);
    assert_null(of);
    bytes[place] ^= 0x10;
  }
  write_bytes(path, bytes, size / 2);
  gan_features *of = NULL;
  assert_int_equal(open_for(&made, path, image, &of), GAN_BAD_FILE);
  assert_int_equal(open_for(&made, "nothing.h5", image, &of), GAN_BAD_FILE);
  free(bytes);
  stop(&made);
}

/* Each allocation on the way fails once. */
static void lack_of_memory_is_an_error_and_leaks_nothing(void **state) {
  (void)state;
  static fixture made;
  char path[PATH_MAX];
  start(&made);
  const gan_checkpoint header = header_of(&made);
  write_file(&made, &header, path);
  const char *paths[] = {path, "random", "none"};
  for (int i = 0; i < 3; i++) {
    int failures = 0;
    for (;; failures++) {
      gan_features *of = NULL;
      gan_fault_arm(GAN_FAULT_ALLOCATION, failures + 1);
      const gan_status status = open_for(&made, paths[i], image, &of);
      gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
      if (status == GAN_OK) {
        gan_features_close(of);
        break;
      }
      assert_int_equal(status, GAN_FAILED);
      assert_null(of);
    }
    assert_true(failures >= 1);
  }
  stop(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(features_and_logits_are_those_of_the_whole_network),
      cmocka_unit_test(a_samples_bits_do_not_depend_on_how_many_come_together),
      cmocka_unit_test(random_features_take_any_shape),
      cmocka_unit_test(random_weights_are_the_same_in_every_version),
      cmocka_unit_test(features_may_be_the_samples_themselves),
      FOLDER_TEST(a_classifier_comes_back_from_its_file),
      FOLDER_TEST(files_that_make_no_sense_are_refused),
      FOLDER_TEST(samples_of_another_shape_are_refused),
      FOLDER_TEST(not_one_flipped_bit_goes_unnoticed),
      FOLDER_TEST(lack_of_memory_is_an_error_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
