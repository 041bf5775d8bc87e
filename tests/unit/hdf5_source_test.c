/* HDF5 data sets as sources: every supported shape, type and layout reads the same; nothing damaged does any harm. */
#include <hdf5.h>
#include <math.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "data/loader.h"
#include "data_support.h"

enum { SAMPLES = 50 };

/* How a test file's data set is stored. */
typedef struct storage_kind {
  hid_t type;    /* in the file */
  hsize_t chunk; /* samples in each; 0: contiguous */
  int deflate;
  bool split; /* chunks do not hold whole samples: half of each other dimension, rounded up */
  bool shuffle, fletcher;
} storage_kind;

/* Adds data set `name` of `rank` dimensions with `values` of memory type `memory_type` to an open file. */
static void add_dataset(hid_t file, const char *name, int rank, const hsize_t *size, storage_kind storage,
                        hid_t memory_type, const void *values) {
  hsize_t chunk[8];
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, size, NULL);
  if (storage.chunk > 0) {
    memcpy(chunk, size, (size_t)rank * sizeof *chunk);
    chunk[0] = storage.chunk;
    for (int i = 1; i < rank && storage.split; i++) chunk[i] = (size[i] + 1) / 2;
    H5Pset_chunk(creation, rank, chunk);
    if (storage.shuffle) H5Pset_shuffle(creation);
    if (storage.fletcher) H5Pset_fletcher32(creation);
    if (storage.deflate > 0) H5Pset_deflate(creation, (unsigned)storage.deflate);
  }
  const hid_t id = H5Dcreate2(file, name, storage.type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  assert_true(id > 0);
  if (values) assert_true(H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(id);
  H5Sclose(space);
  H5Pclose(creation);
}

static hid_t create(const char *name) {
  const hid_t file = H5Fcreate(data_path(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(file > 0);
  return file;
}

/* A file with one data set `x`, uint8 counting up or float32 in halves. */
static const char *make_file(const char *name, int rank, const hsize_t *size, storage_kind storage) {
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= size[i];
  const bool bytes = H5Tget_class(storage.type) == H5T_INTEGER;
  uint8_t *as_bytes = malloc(count);
  float *as_floats = malloc(count * sizeof *as_floats);
  for (size_t i = 0; i < count; i++) {
    as_bytes[i] = (uint8_t)i;
    as_floats[i] = (float)i / 2;
  }
  const hid_t file = create(name);
  add_dataset(file, "x", rank, size, storage, bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT,
              bytes ? (void *)as_bytes : (void *)as_floats);
  H5Fclose(file);
  free(as_bytes);
  free(as_floats);
  return data_path(name);
}

static gan_data_options hdf5_options(const char *path) { return (gan_data_options){.source = "hdf5", .path = path}; }

/* Element k of the whole data set, as make_file wrote it. */
static float expected_value(bool bytes, int64_t k) { return bytes ? (float)((uint8_t)k / 127.5 - 1) : (float)k / 2; }

static void check_reading(const gan_data_options *options, bool bytes) {
  const int64_t indices[] = {49, 3, 4, 5, 0, 4, 20, 19, 1};
  enum { N = sizeof indices / sizeof indices[0] };
  gan_source *source = data_open(*options);
  const int64_t elements = gan_shape_count(&source->shape);
  float *out = malloc((size_t)(N * elements) * sizeof *out);
  assert_int_equal(source->count, SAMPLES);
  assert_int_equal(gan_source_read(source, indices, N, out, NULL), GAN_OK);
  for (int i = 0; i < N; i++)
    for (int64_t j = 0; j < elements; j++)
      assert_true(fabsf(out[i * elements + j] - expected_value(bytes, indices[i] * elements + j)) < 1e-6f);
  free(out);
  gan_source_close(source);
}

static void samples_come_in_the_order_asked_for_from_every_layout(void **state) {
  (void)state;
  const hid_t types[] = {H5T_STD_U8LE, H5T_STD_U8BE, H5T_IEEE_F32LE, H5T_IEEE_F32BE};
  const hsize_t chunks[] = {0, 1, 7, 50};
  const hsize_t size[] = {SAMPLES, 3, 3, 5}; /* odd: the last chunks stick out */
  for (int type = 0; type < 4; type++)
    for (int chunk = 0; chunk < 4; chunk++)
      for (int way = 0; way < (chunks[chunk] ? 16 : 1); way++)
        for (int rank = 2; rank <= 4; rank++) {
          const storage_kind storage = {.type = types[type],
                                        .chunk = chunks[chunk],
                                        .deflate = way & 1 ? 6 : 0,
                                        .split = way & 2,
                                        .shuffle = way & 4,
                                        .fletcher = way & 8};
          const gan_data_options options = hdf5_options(make_file("good.h5", rank, size, storage));
          check_reading(&options, type < 2);
        }
}

static void check_shape(int file_rank, int rank, int64_t a, int64_t b, int64_t c) {
  const hsize_t size[] = {SAMPLES, 3, 5, 7};
  gan_source *source =
      data_open(hdf5_options(make_file("shape.h5", file_rank, size, (storage_kind){.type = H5T_STD_U8LE})));
  assert_int_equal(source->shape.rank, rank);
  assert_int_equal(source->shape.size[0], a);
  if (rank > 1) assert_int_equal(source->shape.size[1], b);
  if (rank > 1) assert_int_equal(source->shape.size[2], c);
  gan_source_close(source);
}

static void the_number_of_dimensions_tells_points_from_images(void **state) {
  (void)state;
  check_shape(2, 1, 3, 0, 0);
  check_shape(3, 3, 1, 3, 5);
  check_shape(4, 3, 3, 5, 7);
}

/* 6 MB of floats in one piece: more than is read at a time. */
static void long_runs_of_neighbours_are_read_in_pieces(void **state) {
  (void)state;
  enum { ROWS = 1500, WIDTH = 1000 };
  const hsize_t size[] = {ROWS, WIDTH};
  gan_source *source = data_open(hdf5_options(make_file("long.h5", 2, size, (storage_kind){.type = H5T_IEEE_F32LE})));
  int64_t indices[ROWS];
  for (int i = 0; i < ROWS; i++) indices[i] = ROWS - 1 - i;
  float *out = malloc((size_t)ROWS * WIDTH * sizeof *out);
  assert_int_equal(gan_source_read(source, indices, ROWS, out, NULL), GAN_OK);
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < WIDTH; j++) assert_true(out[i * WIDTH + j] == (float)((ROWS - 1 - i) * WIDTH + j) / 2);
  free(out);
  gan_source_close(source);
}

/* images (50, 4) uint8 and labels 2 i in a group, the labels of integer type `type`. */
static const char *make_labelled(const char *name, const char *prefix, hid_t type, hsize_t label_count,
                                 long long special) {
  const hsize_t size[] = {SAMPLES, 4};
  uint8_t images[SAMPLES * 4];
  long long labels[SAMPLES + 1];
  char dataset[64];
  for (int i = 0; i < SAMPLES * 4; i++) images[i] = (uint8_t)i;
  for (int i = 0; i <= SAMPLES; i++) labels[i] = 2 * i;
  if (special) labels[10] = special;
  const hid_t file = create(name);
  if (prefix[0] != '\0') H5Gclose(H5Gcreate2(file, prefix, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  snprintf(dataset, sizeof dataset, "%s/images", prefix);
  add_dataset(file, dataset, 2, size, (storage_kind){.type = H5T_STD_U8LE}, H5T_NATIVE_UINT8, images);
  snprintf(dataset, sizeof dataset, "%s/labels", prefix);
  add_dataset(file, dataset, 1, &label_count, (storage_kind){.type = type}, H5T_NATIVE_LLONG, labels);
  H5Fclose(file);
  return data_path(name);
}

static void check_labels(gan_data_options options) {
  gan_source *source = data_open(options);
  float out[12];
  int32_t labels[3];
  assert_int_equal(source->label_count, 99);
  assert_int_equal(gan_source_read(source, (int64_t[]){40, 0, 41}, 3, out, labels), GAN_OK);
  assert_int_equal(labels[0], 80);
  assert_int_equal(labels[1], 0);
  assert_int_equal(labels[2], 82);
  gan_source_close(source);
}

static void labels_beside_the_samples_are_found(void **state) {
  (void)state;
  check_labels(hdf5_options(make_labelled("labels.h5", "", H5T_STD_U8LE, SAMPLES, 0)));
  check_labels(hdf5_options(make_labelled("labels.h5", "", H5T_STD_I64BE, SAMPLES, 0)));
  gan_data_options options = hdf5_options(make_labelled("group.h5", "train", H5T_STD_U16LE, SAMPLES, 0));
  options.dataset = "train/images";
  check_labels(options);
  options.dataset = "/train/images";
  check_labels(options);
  options.labels = "train/labels";
  check_labels(options);
  options.labels = "none";
  gan_source *source = data_open(options);
  assert_int_equal(source->label_count, 0);
  gan_source_close(source);
}

static void labels_that_cannot_be_are_refused(void **state) {
  (void)state;
  data_expect_failure(hdf5_options(make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES - 1, 0)), GAN_BAD_FILE, "49 rows");
  data_expect_failure(hdf5_options(make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES + 1, 0)), GAN_BAD_FILE, "51 rows");
  data_expect_failure(hdf5_options(make_labelled("l.h5", "", H5T_IEEE_F32LE, SAMPLES, 0)), GAN_BAD_FILE, "integer");
  data_expect_failure(hdf5_options(make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES, -1)), GAN_BAD_FILE, "is -1");
  data_expect_failure(hdf5_options(make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES, 65536)), GAN_BAD_FILE, "65536");
  gan_data_options options = hdf5_options(make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES, 0));
  options.labels = "classes";
  data_expect_failure(options, GAN_BAD_FILE, "classes");
}

static void one_suitable_data_set_is_found_and_several_are_listed(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4, 4};
  uint8_t values[SAMPLES * 16] = {1};
  const storage_kind bytes = {.type = H5T_STD_U8LE}, doubles = {.type = H5T_IEEE_F64LE};
  hid_t file = create("several.h5");
  H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  add_dataset(file, "weights", 2, size, doubles, H5T_NATIVE_UINT8, values);
  add_dataset(file, "list", 1, size, bytes, H5T_NATIVE_UINT8, values);
  H5Fflush(file, H5F_SCOPE_GLOBAL);
  H5Fclose(file);
  gan_data_options options = hdf5_options(data_path("several.h5"));
  data_expect_failure(options, GAN_BAD_FILE, "no data set in its root");

  file = H5Fopen(options.path, H5F_ACC_RDWR, H5P_DEFAULT);
  add_dataset(file, "images", 3, size, bytes, H5T_NATIVE_UINT8, values);
  H5Fclose(file);
  gan_source *source = data_open(options);
  assert_int_equal(source->shape.size[1], 4);
  gan_source_close(source);

  file = H5Fopen(options.path, H5F_ACC_RDWR, H5P_DEFAULT);
  add_dataset(file, "more", 2, size, bytes, H5T_NATIVE_UINT8, values);
  H5Fclose(file);
  data_expect_failure(options, GAN_BAD_USAGE, "data.dataset out of images, more");
  options.dataset = "more";
  source = data_open(options);
  assert_int_equal(source->shape.rank, 1);
  gan_source_close(source);
}

static void data_sets_that_cannot_be_samples_are_refused_with_the_reason(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4, 4, 4, 4}, empty[] = {0, 4}, hollow[] = {SAMPLES, 0};
  const hsize_t wide[] = {1, 1 << 13, 1 << 12}, endless[] = {(hsize_t)1 << 60, 1 << 10};
  uint8_t values[SAMPLES * 256] = {1};
  const storage_kind bytes = {.type = H5T_STD_U8LE};
  const hid_t file = create("bad.h5");
  H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  add_dataset(file, "double", 2, size, (storage_kind){.type = H5T_IEEE_F64LE}, H5T_NATIVE_UINT8, values);
  add_dataset(file, "signed", 2, size, (storage_kind){.type = H5T_STD_I8LE}, H5T_NATIVE_UINT8, values);
  add_dataset(file, "int32", 2, size, (storage_kind){.type = H5T_STD_I32LE}, H5T_NATIVE_UINT8, values);
  add_dataset(file, "string", 2, size, (storage_kind){.type = H5T_C_S1}, H5T_C_S1, values);
  add_dataset(file, "list", 1, size, bytes, H5T_NATIVE_UINT8, values);
  add_dataset(file, "volumes", 5, size, bytes, H5T_NATIVE_UINT8, values);
  add_dataset(file, "empty", 2, empty, bytes, H5T_NATIVE_UINT8, NULL);
  add_dataset(file, "hollow", 2, hollow, bytes, H5T_NATIVE_UINT8, NULL);
  uint8_t *zeros = calloc(wide[1], wide[2]);
  add_dataset(file, "wide", 3, wide, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1, .deflate = 1}, H5T_NATIVE_UINT8,
              zeros);
  free(zeros);
  add_dataset(file, "unwritten", 2, size, bytes, H5T_NATIVE_UINT8, NULL);
  add_dataset(file, "endless", 2, endless, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1}, H5T_NATIVE_UINT8, NULL);
  add_dataset(file, "sparse", 2, (hsize_t[]){1 << 30, 1 << 10}, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1},
              H5T_NATIVE_UINT8, NULL);
  add_dataset(file, "chunk", 2, (hsize_t[]){1 << 20, 1 << 10}, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1 << 19},
              H5T_NATIVE_UINT8, NULL);
  H5Fclose(file);
  const struct {
    const char *dataset, *words;
  } cases[] = {
      {"missing", "missing"},
      {"group", "group"},
      {"double", "float64"},
      {"signed", "int8"},
      {"int32", "int32"},
      {"string", "neither"},
      {"list", "1 dimension"},
      {"volumes", "5 dimensions"},
      {"empty", "dimension 0 is 0"},
      {"hollow", "dimension 1 is 0"},
      {"wide", "33554432 elements"},
      {"unwritten", "only 0 are stored"},
      {"endless", "more bytes than any file"},
      {"sparse", "only 0 are stored"},
      {"chunk", "chunks of more than 256 MiB"},
  };
  gan_data_options options = hdf5_options(data_path("bad.h5"));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    options.dataset = cases[i].dataset;
    data_expect_failure(options, GAN_BAD_FILE, cases[i].words);
  }
}

/* One data set `x` (10, 100) of uint8 in one chunk, whose stored bytes are given: deflated, unless `mask` is 1. */
static gan_data_options make_raw_chunk(const void *stored, size_t bytes, uint32_t mask) {
  const hsize_t size[] = {10, 100}, offset[] = {0, 0};
  const hid_t file = create("raw.h5");
  add_dataset(file, "x", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6}, H5T_NATIVE_UINT8,
              NULL);
  const hid_t id = H5Dopen2(file, "x", H5P_DEFAULT);
  assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, mask, offset, bytes, stored) >= 0);
  H5Dclose(id);
  H5Fclose(file);
  return hdf5_options(data_path("raw.h5"));
}

static gan_data_options make_deflated_chunk(size_t bytes) {
  uint8_t *content = calloc(bytes, 1), stored[4096];
  uLongf stored_bytes = sizeof stored;
  assert_int_equal(compress2(stored, &stored_bytes, content, bytes, 9), Z_OK);
  free(content);
  return make_raw_chunk(stored, stored_bytes, 0);
}

/* HDF5 1.10 itself copies out of bounds for the first, and inflates the second without end. */
static void chunks_have_to_decode_to_their_size(void **state) {
  (void)state;
  uint8_t plain[1001] = {0};
  gan_source_close(data_open(make_deflated_chunk(1000)));
  gan_source_close(
      data_open(make_raw_chunk(plain, 1000, 1))); /* what deflate would not make smaller is stored as it is */
  data_expect_failure(make_deflated_chunk(1), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_deflated_chunk(1001), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_deflated_chunk(1000000), GAN_BAD_FILE, "cannot be decompressed");
  data_expect_failure(make_raw_chunk(plain, 999, 1), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_raw_chunk(plain, 1001, 1), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_raw_chunk(plain, 100, 0), GAN_BAD_FILE, "cannot be decompressed");
  uint8_t large[2000] = {0};
  data_expect_failure(make_raw_chunk(large, sizeof large, 1), GAN_BAD_FILE, "stored in 2000 bytes");
}

static void a_changed_byte_of_a_checked_chunk_is_found(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 20};
  size_t count;
  const storage_kind storage = {.type = H5T_STD_U8LE, .chunk = SAMPLES, .fletcher = true};
  uint8_t *bytes = data_read(make_file("good.h5", 2, size, storage), &count);
  size_t data = 0; /* make_file counts up from 0 */
  while (bytes[data] != 1 || bytes[data + 1] != 2 || bytes[data + 2] != 3 || bytes[data + 40] != 41) data++;
  bytes[data + 500] ^= 0x10;
  data_expect_failure(hdf5_options(data_write("bad.h5", bytes, count)), GAN_BAD_FILE, "checksum");
  free(bytes);
}

static void filters_that_cannot_be_undone_are_refused(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4};
  uint8_t values[SAMPLES * 4] = {1};
  const hid_t file = create("nbit.h5"), creation = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t space = H5Screate_simple(2, size, NULL);
  H5Pset_chunk(creation, 2, size);
  H5Pset_nbit(creation);
  const hid_t id = H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  assert_true(H5Dwrite(id, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(id);
  H5Sclose(space);
  H5Pclose(creation);
  H5Fclose(file);
  data_expect_failure(hdf5_options(data_path("nbit.h5")), GAN_BAD_FILE, "nbit");
}

/* 100 chunks of 1 MiB: more than are kept. */
static void chunks_are_read_again_when_they_have_been_dropped(void **state) {
  (void)state;
  const hsize_t size[] = {100, 1 << 20};
  const storage_kind storage = {.type = H5T_STD_U8LE, .chunk = 1, .deflate = 1};
  const hid_t file = create("many.h5");
  add_dataset(file, "x", 2, size, storage, H5T_NATIVE_UINT8, NULL);
  const hid_t id = H5Dopen2(file, "x", H5P_DEFAULT);
  uint8_t *content = malloc(size[1]), *stored = malloc(size[1]);
  for (int i = 0; i < 100; i++) {
    uLongf bytes = size[1];
    memset(content, i, size[1]);
    assert_int_equal(compress2(stored, &bytes, content, size[1], 1), Z_OK);
    assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, 0, (hsize_t[]){(hsize_t)i, 0}, bytes, stored) >= 0);
  }
  free(content);
  free(stored);
  H5Dclose(id);
  H5Fclose(file);
  gan_source *source = data_open(hdf5_options(data_path("many.h5")));
  float *out = malloc(size[1] * sizeof *out);
  for (int64_t step = 0; step < 200; step++) {
    const int64_t i = step * 37 % 100;
    assert_int_equal(gan_source_read(source, &i, 1, out, NULL), GAN_OK);
    assert_true(fabsf(out[step] - expected_value(true, i)) < 1e-6f);
    assert_true(out[step] == out[size[1] - 1]);
  }
  free(out);
  gan_source_close(source);
}

static void data_in_other_files_are_refused(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4};
  const hid_t file = create("outside.h5"), creation = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t space = H5Screate_simple(2, size, NULL);
  H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
  H5Dclose(H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
  data_expect_failure(hdf5_options(data_path("outside.h5")), GAN_BAD_FILE, "other files");
}

static void files_that_are_no_hdf5_are_refused(void **state) {
  (void)state;
  data_expect_failure(hdf5_options(""), GAN_BAD_USAGE, "data.path");
  data_expect_failure(hdf5_options(data_path("missing.h5")), GAN_BAD_FILE, "missing.h5: No such file");
  data_expect_failure(hdf5_options(data_folder), GAN_BAD_FILE, "not a regular file");
  data_expect_failure(hdf5_options("/dev/null"), GAN_BAD_FILE, "not a regular file");
  data_expect_failure(hdf5_options(data_write("empty.h5", "", 0)), GAN_BAD_FILE, "not an HDF5 file");
  data_expect_failure(hdf5_options(data_write("text.h5", "hello", 5)), GAN_BAD_FILE, "not an HDF5 file");
}

static void a_file_cut_short_is_refused_at_any_length(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5, 5};
  size_t count;
  uint8_t *bytes = data_read(
      make_file("whole.h5", 3, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6}), &count);
  for (size_t left = 0; left < count; left += 1 + count / 100)
    data_expect_failure(hdf5_options(data_write("cut.h5", bytes, left)), GAN_BAD_FILE, "cut.h5");
  data_expect_failure(hdf5_options(data_write("cut.h5", bytes, count - 1)), GAN_BAD_FILE, "truncated");
  free(bytes);
}

static void samples_takes_the_first_ones_only(void **state) {
  (void)state;
  gan_data_options options = hdf5_options(make_labelled("labels.h5", "", H5T_STD_U8LE, SAMPLES, 0));
  options.samples = 20;
  gan_source *source = data_open(options);
  float out[4];
  assert_int_equal(source->count, 20);
  assert_int_equal(source->label_count, 39);
  assert_int_equal(gan_source_read(source, (int64_t[]){19}, 1, out, NULL), GAN_OK);
  assert_int_equal(gan_source_read(source, (int64_t[]){20}, 1, out, NULL), GAN_FAILED);
  gan_source_close(source);
  options.samples = 51;
  data_expect_failure(options, GAN_BAD_USAGE, "data.samples");
}

static uint64_t fingerprint(gan_data_options options) {
  gan_source *source = data_open(options);
  const uint64_t value = source->fingerprint;
  gan_source_close(source);
  return value;
}

static void fingerprint_is_of_the_data_and_not_of_their_storage(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 12}, square[] = {SAMPLES, 3, 4};
  const uint64_t base = fingerprint(hdf5_options(make_file("a.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE})));
  assert_true(base == fingerprint(hdf5_options(
                          make_file("b.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 7, .deflate = 6}))));
  assert_true(base != fingerprint(hdf5_options(make_file("c.h5", 3, square, (storage_kind){.type = H5T_STD_U8LE}))));
  assert_true(base != fingerprint(hdf5_options(make_file("d.h5", 2, size, (storage_kind){.type = H5T_IEEE_F32LE}))));
  gan_data_options options = hdf5_options(data_path("a.h5"));
  options.samples = 49;
  assert_true(base != fingerprint(options));
  /* Each of few samples counts. */
  for (hsize_t sample = 0; sample < SAMPLES; sample += 7) {
    const char *path = make_file("e.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE});
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), id = H5Dopen2(file, "x", H5P_DEFAULT);
    const hid_t space = H5Dget_space(id), one = H5Screate(H5S_SCALAR);
    const uint8_t value = 200;
    H5Sselect_elements(space, H5S_SELECT_SET, 1, (hsize_t[]){sample, 5});
    assert_true(H5Dwrite(id, H5T_NATIVE_UINT8, one, space, H5P_DEFAULT, &value) >= 0);
    H5Sclose(one);
    H5Sclose(space);
    H5Dclose(id);
    H5Fclose(file);
    assert_true(base != fingerprint(hdf5_options(path)));
  }
}

static void a_value_that_is_not_finite_is_an_error_of_its_sample(void **state) {
  (void)state;
  const hsize_t size[] = {3, 2};
  const float values[] = {1, 2, 3, NAN, 5, INFINITY};
  const hid_t file = create("nan.h5");
  add_dataset(file, "x", 2, size, (storage_kind){.type = H5T_IEEE_F32LE}, H5T_NATIVE_FLOAT, values);
  H5Fclose(file);
  gan_source *source = data_open(hdf5_options(data_path("nan.h5")));
  float out[2];
  assert_int_equal(gan_source_read(source, (int64_t[]){0}, 1, out, NULL), GAN_OK);
  assert_int_equal(gan_source_read(source, (int64_t[]){1}, 1, out, NULL), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "element 1 of sample 1"));
  assert_int_equal(gan_source_read(source, (int64_t[]){2}, 1, out, NULL), GAN_BAD_FILE);
  gan_source_close(source);
}

/* HDF5's own complaints would go to stderr from every rank. */
static void hdf5_prints_nothing_of_its_own(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5};
  size_t count;
  uint8_t *bytes = data_read(
      make_file("whole.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6}), &count);
  const char *cut = data_write("cut.h5", bytes, count / 2), *log = data_path("stderr");
  const gan_data_options options = hdf5_options(cut);
  gan_source *source;
  free(bytes);
  fflush(stderr);
  const int before = dup(STDERR_FILENO);
  FILE *file = fopen(log, "w");
  dup2(fileno(file), STDERR_FILENO);
  const gan_status status = gan_source_open(&options, 1, NULL, &source);
  fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  fclose(file);
  assert_int_equal(status, GAN_BAD_FILE);
  bytes = data_read(log, &count);
  assert_int_equal(count, 0);
  free(bytes);
  /* And it is as loud as before afterwards. */
  H5E_auto2_t function;
  void *data;
  H5Eget_auto2(H5E_DEFAULT, &function, &data);
  assert_non_null(function);
}

/* As when metrics are written while the loader's thread reads. */
static void samples_are_read_while_another_thread_writes_hdf5(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 12};
  gan_shards shards;
  gan_loader *loader;
  gan_source *source = data_open(
      hdf5_options(make_file("read.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 7, .deflate = 6})));
  assert_int_equal(gan_shards_plan(1, 8, 1, 0, &shards), GAN_OK);
  assert_int_equal(gan_loader_create(source, &shards, 3, 0, &loader), GAN_OK);
  for (int64_t step = 0; step < 100; step++) {
    const float *real;
    const int32_t *labels;
    make_file("written.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 7, .deflate = 6});
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    for (int64_t i = 0; i < 8; i++) {
      const int64_t index = gan_sampler_index(3, SAMPLES, 8 * step + i);
      for (int j = 0; j < 12; j++) assert_true(fabsf(real[12 * i + j] - expected_value(true, 12 * index + j)) < 1e-6f);
    }
  }
  gan_loader_destroy(loader);
  gan_source_close(source);
  gan_shards_release(&shards);
}

/* Opens and reads all of a file with some bytes set at random: true when that went well or failed as a bad file, and
   left nothing of HDF5 open. */
static bool survives_mutation(const uint8_t *good, size_t count, uint64_t *random) {
  uint8_t *bad = malloc(count);
  memcpy(bad, good, count);
  const int changes = 1 + (int)(data_random(random) % 3);
  for (int i = 0; i < changes; i++) bad[data_random(random) % count] = (uint8_t)data_random(random);
  const gan_data_options options = hdf5_options(data_write("bad.h5", bad, count));
  free(bad);
  gan_source *source;
  gan_status status = gan_source_open(&options, 1, NULL, &source);
  if (status == GAN_OK) {
    float *out = malloc((size_t)gan_shape_count(&source->shape) * sizeof *out);
    for (int64_t i = 0; i < source->count && i < SAMPLES && status == GAN_OK; i++)
      status = gan_source_read(source, &i, 1, out, NULL);
    free(out);
    gan_source_close(source);
  }
  return (status == GAN_OK || status == GAN_BAD_FILE) && H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0;
}

/* In a child, since HDF5 1.10 itself loses a little memory over some damaged files, which is not what is tested. */
static void mutated_files_do_no_harm(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5, 5};
  const storage_kind storages[] = {
      {.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6},
      {.type = H5T_STD_U8LE, .chunk = 10},
      {.type = H5T_IEEE_F32LE},
      {.type = H5T_IEEE_F32LE, .chunk = 7, .deflate = 6, .split = true, .shuffle = true, .fletcher = true},
  };
  for (int kind = 0; kind < 4; kind++) {
    size_t count;
    uint8_t *good = data_read(make_file("good.h5", 3, size, storages[kind]), &count);
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      uint64_t random = (uint64_t)kind;
      alarm(60); /* a hang is a failure too */
      for (int trial = 0; trial < 300; trial++)
        if (!survives_mutation(good, count, &random)) _exit(1);
      _exit(0);
    }
    int outcome;
    assert_int_equal(waitpid(child, &outcome, 0), child);
    free(good);
    assert_true(WIFEXITED(outcome));
    assert_int_equal(WEXITSTATUS(outcome), 0);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  const gan_data_options options = hdf5_options(make_labelled("labels.h5", "", H5T_STD_U8LE, SAMPLES, 0));
  const ssize_t open_before = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
  gan_status status = GAN_FAILED;
  int64_t nth = 0;
  while (status != GAN_OK && nth < 100) {
    gan_source *source = NULL;
    float out[4];
    gan_fault_arm(GAN_FAULT_ALLOCATION, ++nth);
    status = gan_source_open(&options, 1, NULL, &source);
    if (status == GAN_OK) status = gan_source_read(source, (int64_t[]){0}, 1, out, NULL);
    const bool struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    if (struck) assert_non_null(strstr(gan_error_message(), "out of memory"));
    gan_source_close(source);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), open_before);
  }
  assert_true(nth > 5 && nth < 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_come_in_the_order_asked_for_from_every_layout),
      cmocka_unit_test(the_number_of_dimensions_tells_points_from_images),
      cmocka_unit_test(long_runs_of_neighbours_are_read_in_pieces),
      cmocka_unit_test(labels_beside_the_samples_are_found),
      cmocka_unit_test(labels_that_cannot_be_are_refused),
      cmocka_unit_test(one_suitable_data_set_is_found_and_several_are_listed),
      cmocka_unit_test(data_sets_that_cannot_be_samples_are_refused_with_the_reason),
      cmocka_unit_test(chunks_have_to_decode_to_their_size),
      cmocka_unit_test(a_changed_byte_of_a_checked_chunk_is_found),
      cmocka_unit_test(filters_that_cannot_be_undone_are_refused),
      cmocka_unit_test(chunks_are_read_again_when_they_have_been_dropped),
      cmocka_unit_test(data_in_other_files_are_refused),
      cmocka_unit_test(files_that_are_no_hdf5_are_refused),
      cmocka_unit_test(a_file_cut_short_is_refused_at_any_length),
      cmocka_unit_test(samples_takes_the_first_ones_only),
      cmocka_unit_test(fingerprint_is_of_the_data_and_not_of_their_storage),
      cmocka_unit_test(a_value_that_is_not_finite_is_an_error_of_its_sample),
      cmocka_unit_test(hdf5_prints_nothing_of_its_own),
      cmocka_unit_test(samples_are_read_while_another_thread_writes_hdf5),
      cmocka_unit_test(mutated_files_do_no_harm),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
