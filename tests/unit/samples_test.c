/* Files of samples: read back as data, with where they come from; a failing disk leaves nothing behind. */
#include "store_support.h"

#include <hdf5.h>

#include "data/source.h"
#include "store/kind.h"
#include "store/samples.h"

static const gan_samples_origin origin = {.program_version = "1.2.3",
                                          .checkpoint = "checkpoint-0000042.h5",
                                          .checkpoint_hash = "00112233445566778899aabbccddeeff",
                                          .iteration = 42,
                                          .weights = "ema",
                                          .backend = "openblas",
                                          .precision = "float32",
                                          .seed = UINT64_MAX,
                                          .latent_stream = 5,
                                          .latent_distribution = "normal",
                                          .truncation = 0.7,
                                          .interpolation_steps = 8};

static float value_of(int64_t row, int64_t place) { return (float)row + (float)place / 1024; }

enum { LATENT = 3, ELEMENTS_MOST = 3 * 40 * 40 };

/* `count` samples, written `piece` rows at a time. */
static gan_status write_file(const char *path, gan_shape shape, int64_t count, int64_t piece) {
  static float samples[64 * ELEMENTS_MOST], latents[64 * LATENT];
  const int64_t elements = gan_shape_count(&shape);
  gan_samples_file *file;
  GAN_TRY(gan_samples_create(path, &shape, LATENT, count, &origin, &file));
  for (int64_t first = 0; first < count; first += piece) {
    const int64_t rows = count - first < piece ? count - first : piece;
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t k = 0; k < elements; k++) samples[i * elements + k] = value_of(first + i, k);
      for (int64_t k = 0; k < LATENT; k++) latents[i * LATENT + k] = -value_of(first + i, k);
    }
    const gan_status status = gan_samples_add(file, rows, latents, samples);
    if (status != GAN_OK) {
      gan_samples_discard(file);
      return status;
    }
  }
  return gan_samples_finish(file);
}

static void check_values(const char *path, const char *dataset, int64_t count, int64_t elements, float sign) {
  const gan_data_options options = {.source = "hdf5", .path = path, .dataset = dataset};
  gan_source *source;
  static float values[ELEMENTS_MOST];
  assert_int_equal(gan_source_open(&options, 1, NULL, &source), GAN_OK);
  assert_int_equal(source->count, count);
  assert_int_equal(gan_shape_count(&source->shape), elements);
  for (int64_t i = count - 1; i >= 0; i -= 1 + count / 50) {
    assert_int_equal(gan_source_read(source, &i, 1, values, NULL), GAN_OK);
    for (int64_t k = 0; k < elements; k++) assert_true(values[k] == sign * value_of(i, k));
  }
  gan_source_close(source);
}

/* Whole: "" is what data.dataset is when nobody sets it. */
static void check_file(const char *path, gan_shape shape, int64_t count) {
  check_values(path, "", count, gan_shape_count(&shape), 1);
  check_values(path, "latents", count, LATENT, -1);
}

static void samples_and_latents_are_read_back_as_they_were_written(void **state) {
  (void)state;
  char path[PATH_MAX];
  static const gan_shape shapes[] = {{.rank = 1, .size = {2}}, {.rank = 3, .size = {3, 40, 40}}};
  static const int64_t counts[] = {1, 63, 64, 65, 300};
  for (int shape = 0; shape < 2; shape++)
    for (int i = 0; i < 5; i++)
      for (int64_t piece = 1; piece <= 64; piece *= 8) {
        assert_int_equal(write_file(in_folder("samples.h5", path), shapes[shape], counts[i], piece), GAN_OK);
        check_file(path, shapes[shape], counts[i]);
      }
  const gan_shape many = {.rank = 1, .size = {2}};
  assert_int_equal(write_file(path, many, 20000, 64), GAN_OK);
  check_file(path, many, 20000);
  assert_int_equal(count_files("partial"), 0);
}

/* Samples that cannot be trained on are an error, and not a training on latents. */
static void latents_beside_samples_are_not_data(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_source *source = NULL;
  const hsize_t size[] = {5, 3};
  const gan_data_options options = {.source = "hdf5", .path = in_folder("samples.h5", path), .dataset = ""};
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t row = H5Screate_simple(1, size, NULL), rows = H5Screate_simple(2, size, NULL);
  H5Dclose(H5Dcreate2(file, "samples", H5T_IEEE_F32LE, row, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dclose(H5Dcreate2(file, "latents", H5T_IEEE_F32LE, rows, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(row);
  H5Sclose(rows);
  H5Fclose(file);
  assert_int_equal(gan_source_open(&options, 1, NULL, &source), GAN_BAD_FILE);
  assert_message("data set samples");
}

static void the_origin_is_read_back_and_tells_the_kind(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_shape shape = {.rank = 1, .size = {2}};
  bool known = false;
  gan_samples_origin found;
  gan_file_kind kind;
  assert_int_equal(write_file(in_folder("samples.h5", path), shape, 5, 2), GAN_OK);
  assert_int_equal(gan_file_kind_of(path, &kind), GAN_OK);
  assert_int_equal(kind, GAN_KIND_SAMPLES);
  assert_int_equal(gan_samples_read_origin(path, &known, &found), GAN_OK);
  assert_true(known);
  assert_string_equal(found.program_version, origin.program_version);
  assert_string_equal(found.checkpoint, origin.checkpoint);
  assert_string_equal(found.checkpoint_hash, origin.checkpoint_hash);
  assert_int_equal(found.iteration, 42);
  assert_string_equal(found.weights, "ema");
  assert_string_equal(found.backend, "openblas");
  assert_string_equal(found.precision, "float32");
  assert_true(found.seed == UINT64_MAX);
  assert_int_equal(found.latent_stream, 5);
  assert_string_equal(found.latent_distribution, "normal");
  assert_true(found.truncation == 0.7);
  assert_int_equal(found.interpolation_steps, 8);
}

/* As another program, or somebody who means no good, may leave it. */
static hid_t open_to_change(const char *path) { return H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT); }

static void put_text(hid_t file, const char *name, const char *value) {
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(value) + 1);
  if (H5Aexists(file, name) > 0) H5Adelete(file, name);
  const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, type, value) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

static void an_origin_that_is_damaged_is_an_error_and_one_that_is_absent_is_none(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_shape shape = {.rank = 1, .size = {2}};
  bool known = true;
  gan_samples_origin found;
  for (int i = 0; i < gan_samples_field_count; i++) {
    const char *name = gan_samples_fields[i].name;
    assert_int_equal(write_file(in_folder("samples.h5", path), shape, 5, 5), GAN_OK);
    hid_t file = open_to_change(path);
    H5Adelete(file, name);
    H5Fclose(file);
    assert_int_equal(gan_samples_read_origin(path, &known, &found), GAN_BAD_FILE);
    assert_message(name);
    if (gan_samples_fields[i].type == GAN_SAMPLES_TEXT) continue;
    file = open_to_change(path);
    put_text(file, name, "words");
    H5Fclose(file);
    assert_int_equal(gan_samples_read_origin(path, &known, &found), GAN_BAD_FILE);
    assert_message(name);
  }
  assert_int_equal(write_file(path, shape, 5, 5), GAN_OK);
  const hid_t file = open_to_change(path);
  H5Adelete(file, "kind");
  H5Fclose(file);
  assert_int_equal(gan_samples_read_origin(path, &known, &found), GAN_OK);
  assert_false(known);
}

/* A text that would fill more than its place, and speak to a terminal. */
static void texts_are_cut_and_hold_no_control_characters(void **state) {
  (void)state;
  char path[PATH_MAX], large[1000];
  const gan_shape shape = {.rank = 1, .size = {2}};
  bool known;
  gan_samples_origin found;
  memset(large, 'x', sizeof large);
  memcpy(large, "\033[2Jred\n", 8);
  large[sizeof large - 1] = '\0';
  assert_int_equal(write_file(in_folder("samples.h5", path), shape, 5, 5), GAN_OK);
  const hid_t file = open_to_change(path);
  put_text(file, "checkpoint", large);
  H5Fclose(file);
  assert_int_equal(gan_samples_read_origin(path, &known, &found), GAN_OK);
  assert_int_equal(strlen(found.checkpoint), sizeof found.checkpoint - 1);
  assert_memory_equal(found.checkpoint, "?[2Jred?x", 9);
  assert_string_equal(found.checkpoint_hash, origin.checkpoint_hash);
}

static void equal_samples_make_equal_bytes(void **state) {
  (void)state;
  char first[PATH_MAX], second[PATH_MAX];
  size_t first_size, second_size;
  const gan_shape shape = {.rank = 3, .size = {1, 9, 9}};
  assert_int_equal(write_file(in_folder("a.h5", first), shape, 300, 64), GAN_OK);
  assert_int_equal(write_file(in_folder("b.h5", second), shape, 300, 64), GAN_OK);
  char *a = read_bytes(first, &first_size), *b = read_bytes(second, &second_size);
  assert_int_equal(first_size, second_size);
  assert_memory_equal(a, b, first_size);
  free(a);
  free(b);
}

/* Every write and every allocation fails once: an error with the file's name, the file before untouched, no garbage. */
static void a_failing_disk_or_no_memory_leaves_the_file_before(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_shape before = {.rank = 1, .size = {2}}, shape = {.rank = 3, .size = {3, 40, 40}};
  static const gan_fault_kind kinds[] = {GAN_FAULT_WRITE, GAN_FAULT_ALLOCATION};
  for (int kind = 0; kind < 2; kind++) {
    int failures = 0;
    assert_int_equal(write_file(in_folder("samples.h5", path), before, 3, 3), GAN_OK);
    for (int nth = 1;; nth++, failures++) {
      gan_fault_arm(kinds[kind], nth);
      const gan_status status = write_file(path, shape, 35, 8);
      gan_fault_arm(kinds[kind], 0);
      if (status == GAN_OK) break;
      assert_int_equal(status, GAN_FAILED);
      if (kind == 0) assert_message("samples.h5");
      assert_int_equal(count_files("partial"), 0);
      check_file(path, before, 3);
    }
    assert_true(failures >= (kind == 0 ? 3 : 2));
    check_file(path, shape, 35);
  }
}

/* Chunks of about 64 KiB, of whole samples; the pieces to write are whole chunks. */
static void chunks_are_small_and_have_checksums(void **state) {
  (void)state;
  char path[PATH_MAX];
  static const gan_shape shapes[] = {{.rank = 1, .size = {2}}, {.rank = 3, .size = {3, 40, 40}}};
  static const hsize_t rows[] = {4096, 2};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(write_file(in_folder("samples.h5", path), shapes[i], 5000, 64), GAN_OK);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t samples = H5Dopen2(file, "samples", H5P_DEFAULT), creation = H5Dget_create_plist(samples);
    hsize_t chunk[4] = {0};
    assert_int_equal(H5Pget_chunk(creation, 4, chunk), shapes[i].rank + 1);
    assert_int_equal(chunk[0], rows[i]);
    assert_int_equal(H5Pget_nfilters(creation), 1);
    assert_int_equal(H5Pget_filter2(creation, 0, NULL, NULL, NULL, 0, NULL, NULL), H5Z_FILTER_FLETCHER32);
    H5Pclose(creation);
    H5Dclose(samples);
    H5Fclose(file);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(samples_and_latents_are_read_back_as_they_were_written),
      FOLDER_TEST(latents_beside_samples_are_not_data),
      FOLDER_TEST(the_origin_is_read_back_and_tells_the_kind),
      FOLDER_TEST(an_origin_that_is_damaged_is_an_error_and_one_that_is_absent_is_none),
      FOLDER_TEST(texts_are_cut_and_hold_no_control_characters),
      FOLDER_TEST(equal_samples_make_equal_bytes),
      FOLDER_TEST(a_failing_disk_or_no_memory_leaves_the_file_before),
      FOLDER_TEST(chunks_are_small_and_have_checksums),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
