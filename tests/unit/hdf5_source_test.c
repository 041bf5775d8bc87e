/* HDF5 data sets as sources: every supported shape, type and layout reads the same. */
#include <math.h>

#include "data/loader.h"
#include "hdf5_support.h"

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
  const hsize_t size[] = {SAMPLES, 3, 3, 5, 7}; /* odd: the last chunks stick out */
  for (int type = 0; type < 4; type++)
    for (int chunk = 0; chunk < 4; chunk++)
      for (int way = 0; way < (chunks[chunk] ? 16 : 1); way++)
        for (int rank = 2; rank <= 5; rank++) {
          const storage_kind storage = {.type = types[type],
                                        .chunk = chunks[chunk],
                                        .deflate = way & 1 ? 6 : 0,
                                        .split = way & 2,
                                        .shuffle = way & 4,
                                        .fletcher = way & 8};
          gan_data_options options = hdf5_options(hdf5_make_file("good.h5", rank, size, storage));
          check_reading(&options, type < 2);
          options.memory = 1;
          check_reading(&options, type < 2);
        }
}

/* A file of the given type and shape with 0, 1, 2, ... in it. */
static const char *make_counting(const char *name, hid_t type, int rank, const hsize_t *size) {
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= size[i];
  double *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = (double)i;
  const hid_t file = hdf5_create_file(name);
  hdf5_add_dataset(file, "x", rank, size, (storage_kind){.type = type}, H5T_NATIVE_DOUBLE, values);
  H5Fclose(file);
  free(values);
  return data_path(name);
}

/* Where each element of sample 1 of such a file has to come to, by a rule of its own: strides of the letters. */
static void check_layout(const char *axes, const char *order, bool guessed, int64_t memory, const hsize_t *size) {
  const int rank = (int)strlen(axes);
  gan_data_options options = hdf5_options(make_counting("layout.h5", H5T_IEEE_F32LE, rank, size));
  if (!guessed) options.axes = axes;
  options.memory = memory;
  gan_source *source = data_open(options);
  assert_string_equal(source->axes->name, axes);
  assert_int_equal(source->shape.rank, (int)strlen(order));
  int64_t stride[4], elements = 1;
  for (int i = 0; i < source->shape.rank; i++) {
    const char *letter = strchr(axes, order[i]); /* '1': an axis of one element that the file does not have */
    assert_int_equal(source->shape.size[i], letter ? (int64_t)size[letter - axes] : 1);
    stride[i] = letter ? 1 : 0;
    for (int j = letter ? (int)(letter - axes) + 1 : rank; j < rank; j++) stride[i] *= (int64_t)size[j];
    elements *= source->shape.size[i];
  }
  float *out = malloc((size_t)elements * sizeof *out);
  assert_int_equal(gan_source_read(source, (int64_t[]){1}, 1, out, NULL), GAN_OK);
  for (int64_t k = 0; k < elements; k++) {
    int64_t place = elements, left = k;
    for (int i = source->shape.rank - 1; i >= 0; left /= source->shape.size[i--])
      place += left % source->shape.size[i] * stride[i];
    assert_true(out[k] == (float)place);
  }
  free(out);
  gan_source_close(source);
}

static void every_layout_comes_channels_first(void **state) {
  (void)state;
  const struct {
    const char *axes, *order;
    bool guessed;
    hsize_t size[5];
  } cases[] = {
      {"ND", "D", true, {3, 7}},
      {"NL", "1L", false, {3, 7}},
      {"NCL", "CL", true, {3, 2, 40}},
      {"NCL", "CL", false, {3, 9, 10}},
      {"NLC", "LC", false, {3, 9, 10}},
      {"NLC", "LC", true, {3, 40, 2}},
      {"NHW", "1HW", true, {3, 9, 10}},
      {"NHW", "1HW", false, {3, 2, 40}},
      {"NCHW", "CHW", true, {3, 3, 9, 10}},
      {"NCHW", "CHW", false, {3, 9, 10, 3}},
      {"NHWC", "CHW", true, {3, 9, 10, 3}},
      {"NHWC", "CHW", false, {3, 5, 6, 7}},
      {"NDHW", "1DHW", false, {3, 5, 6, 7}},
      {"NCDHW", "CDHW", true, {3, 1, 5, 6, 7}},
      {"NDHWC", "CDHW", true, {3, 5, 6, 7, 2}},
      {"NDHWC", "CDHW", false, {3, 2, 3, 4, 5}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int64_t memory = 0; memory < 2; memory++)
      check_layout(cases[i].axes, strcmp(cases[i].order, "LC") == 0 ? "CL" : cases[i].order, cases[i].guessed, memory,
                   cases[i].size);
}

static void a_layout_that_sizes_do_not_tell_is_asked_for(void **state) {
  (void)state;
  const hsize_t long_sides[] = {3, 20, 60}, cube[] = {3, 8, 9, 10}, both[] = {3, 3, 8, 8, 2};
  const hid_t type = H5T_IEEE_F32LE;
  data_expect_failure(hdf5_options(make_counting("a.h5", type, 3, long_sides)), GAN_BAD_USAGE,
                      "data set x is of shape (3, 20, 60), which does not tell what its axes are: say it with "
                      "data.axes, out of NCL, NHW (");
  data_expect_failure(hdf5_options(make_counting("b.h5", type, 4, cube)), GAN_BAD_USAGE, "out of NCHW, NHWC, NDHW (");
  data_expect_failure(hdf5_options(make_counting("c.h5", type, 5, both)), GAN_BAD_USAGE, "out of NCDHW, NDHWC (");
  gan_data_options options = hdf5_options(data_path("b.h5"));
  options.axes = "NHW";
  data_expect_failure(options, GAN_BAD_USAGE, "NHW has 3 axes, but " /* path */);
  assert_non_null(strstr(gan_error_message(), "is of shape (3, 8, 9, 10); such data are NCHW, NHWC, NDHW"));
  options.axes = "NWH";
  data_expect_failure(options, GAN_BAD_USAGE, "there is no layout \"NWH\"; known are ND, ");
}

/* uint8 are pixels; all others come as the numbers that they are. */
static void every_type_of_number_is_read(void **state) {
  (void)state;
  const hsize_t size[] = {3, 5};
  const hid_t half = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(half, 15, 10, 5, 0, 10);
  H5Tset_size(half, 2);
  H5Tset_ebias(half, 15);
  const hid_t types[] = {half,          H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_STD_I8LE,
                         H5T_STD_I16LE, H5T_STD_I16BE,  H5T_STD_U16LE,  H5T_STD_I32LE,  H5T_STD_U32BE,
                         H5T_STD_I64LE, H5T_STD_I64BE,  H5T_STD_U64LE};
  for (size_t type = 0; type < sizeof types / sizeof *types; type++)
    for (int64_t memory = 0; memory < 2; memory++) {
      gan_data_options options = hdf5_options(make_counting("type.h5", types[type], 2, size));
      options.memory = memory;
      gan_source *source = data_open(options);
      float out[10];
      assert_int_equal(gan_source_read(source, (int64_t[]){2, 0}, 2, out, NULL), GAN_OK);
      for (int i = 0; i < 10; i++) assert_true(out[i] == (float)(i < 5 ? 10 + i : i - 5));
      gan_source_close(source);
    }
  H5Tclose(half);
}

static void values_are_scaled_to_the_range_that_is_named(void **state) {
  (void)state;
  const hsize_t size[] = {3, 5};
  const hid_t types[] = {H5T_STD_U8LE, H5T_STD_I16LE, H5T_IEEE_F64LE};
  for (int type = 0; type < 3; type++) {
    gan_data_options options = hdf5_options(make_counting("scaled.h5", types[type], 2, size));
    options.maximum = 14;
    gan_source *source = data_open(options);
    float out[5];
    assert_int_equal(gan_source_read(source, (int64_t[]){2}, 1, out, NULL), GAN_OK);
    for (int i = 0; i < 5; i++) assert_true(fabsf(out[i] - (float)(10 + i) / 7 + 1) < 1e-6f);
    gan_source_close(source);
    options.minimum = 14;
    data_expect_failure(options, GAN_BAD_USAGE, "data.minimum");
  }
}

/* Once in memory, the file may go. */
static void a_small_file_is_held_in_memory_and_a_larger_one_is_not(void **state) {
  (void)state;
  const hsize_t size[] = {3000, 100}; /* 1.14 MiB of floats */
  gan_data_options options = hdf5_options(make_counting("held.h5", H5T_STD_I16LE, 2, size));
  options.memory = 1;
  gan_source *source = data_open(options);
  assert_int_equal(source->host_bytes, 0);
  assert_true(source->rank_bytes > 0);
  gan_source_close(source);
  options.memory = 2;
  source = data_open(options);
  assert_int_equal(source->host_bytes, 3000 * 100 * sizeof(float));
  assert_int_equal(source->rank_bytes, 0);
  assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  assert_int_equal(truncate(options.path, 1000), 0);
  float out[100];
  assert_int_equal(gan_source_read(source, (int64_t[]){2999}, 1, out, NULL), GAN_OK);
  assert_true(out[1] == 299901 % 65536 || out[1] == 32767); /* HDF5 clips to int16 when the file is made */
  gan_source_close(source);
}

/* Two ranks of a host, one after the other: the first fills the block, the second is given it. */
typedef struct shared_host {
  void *block;
  int fills, users;
} shared_host;

static gan_status host_share(void *context, size_t bytes, gan_status (*fill)(void *, void *, size_t),
                             void *fill_context, void **memory) {
  shared_host *host = context;
  if (!host->block) {
    host->block = malloc(bytes);
    host->fills++;
    assert_int_equal(fill(fill_context, host->block, bytes), GAN_OK);
  }
  host->users++;
  *memory = host->block;
  return GAN_OK;
}

static void host_unshare(void *context, void *memory) {
  shared_host *host = context;
  assert_ptr_equal(memory, host->block);
  if (--host->users == 0) free(host->block);
}

/* With a file that is held, and with one that is not: a rank that shares must not wait for one that does not. */
static void ranks_of_a_host_read_once_and_see_the_same(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 12};
  for (int64_t memory = 0; memory < 2; memory++) {
    shared_host host = {0};
    const gan_data_share share = {.share = host_share, .unshare = host_unshare, .context = &host};
    gan_data_options options = hdf5_options(make_counting("shared.h5", H5T_STD_I32LE, 2, size));
    options.memory = memory;
    gan_source *sources[2];
    for (int i = 0; i < 2; i++) assert_int_equal(gan_source_open(&options, 1, &share, &sources[i]), GAN_OK);
    assert_int_equal(host.fills, 1);
    assert_int_equal(host.users, 2);
    for (int i = 0; i < 2; i++) {
      float out[12];
      assert_int_equal(gan_source_read(sources[i], (int64_t[]){7}, 1, out, NULL), GAN_OK);
      assert_true(out[3] == 87);
      gan_source_close(sources[i]);
    }
    assert_int_equal(host.users, 0);
  }
}

/* 6 MB of floats in one piece: more than is read at a time. */
static void long_runs_of_neighbours_are_read_in_pieces(void **state) {
  (void)state;
  enum { ROWS = 1500, WIDTH = 1000 };
  const hsize_t size[] = {ROWS, WIDTH};
  gan_source *source =
      data_open(hdf5_options(hdf5_make_file("long.h5", 2, size, (storage_kind){.type = H5T_IEEE_F32LE})));
  int64_t indices[ROWS];
  for (int i = 0; i < ROWS; i++) indices[i] = ROWS - 1 - i;
  float *out = malloc((size_t)ROWS * WIDTH * sizeof *out);
  assert_int_equal(gan_source_read(source, indices, ROWS, out, NULL), GAN_OK);
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < WIDTH; j++) assert_true(out[i * WIDTH + j] == (float)((ROWS - 1 - i) * WIDTH + j) / 2);
  free(out);
  gan_source_close(source);
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
  check_labels(hdf5_options(hdf5_make_labelled("labels.h5", "", H5T_STD_U8LE, SAMPLES, 0)));
  check_labels(hdf5_options(hdf5_make_labelled("labels.h5", "", H5T_STD_I64BE, SAMPLES, 0)));
  gan_data_options options = hdf5_options(hdf5_make_labelled("group.h5", "train", H5T_STD_U16LE, SAMPLES, 0));
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

static void one_suitable_data_set_is_found_and_several_are_listed(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4, 4};
  uint8_t values[SAMPLES * 16] = {1};
  const storage_kind bytes = {.type = H5T_STD_U8LE}, doubles = {.type = H5T_IEEE_F64LE};
  gan_source *source;
  hid_t file = hdf5_create_file("several.h5");
  H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  hdf5_add_dataset(file, "list", 1, size, bytes, H5T_NATIVE_UINT8, values);
  hdf5_add_dataset(file, "names", 1, size, bytes, H5T_NATIVE_UINT8, values);
  H5Fclose(file);
  gan_data_options options = hdf5_options(data_path("several.h5"));
  data_expect_failure(options, GAN_BAD_FILE, "no data set in its root");

  file = H5Fopen(options.path, H5F_ACC_RDWR, H5P_DEFAULT);
  hdf5_add_dataset(file, "weights", 2, size, doubles, H5T_NATIVE_UINT8, values);
  H5Fclose(file);
  source = data_open(options);
  assert_int_equal(source->shape.rank, 1);
  gan_source_close(source);

  /* What earlier versions could read goes before what they could not. */
  file = H5Fopen(options.path, H5F_ACC_RDWR, H5P_DEFAULT);
  hdf5_add_dataset(file, "images", 3, size, bytes, H5T_NATIVE_UINT8, values);
  H5Fclose(file);
  source = data_open(options);
  assert_int_equal(source->shape.size[1], 4);
  gan_source_close(source);

  file = H5Fopen(options.path, H5F_ACC_RDWR, H5P_DEFAULT);
  hdf5_add_dataset(file, "more", 2, size, bytes, H5T_NATIVE_UINT8, values);
  H5Fclose(file);
  data_expect_failure(options, GAN_BAD_USAGE, "data.dataset out of images, more, weights");
  options.dataset = "more";
  source = data_open(options);
  assert_int_equal(source->shape.rank, 1);
  gan_source_close(source);
}

/* 100 chunks of 1 MiB: more than are kept. */
static void chunks_are_read_again_when_they_have_been_dropped(void **state) {
  (void)state;
  const hsize_t size[] = {100, 1 << 20};
  const storage_kind storage = {.type = H5T_STD_U8LE, .chunk = 1, .deflate = 1};
  const hid_t file = hdf5_create_file("many.h5");
  hdf5_add_dataset(file, "x", 2, size, storage, H5T_NATIVE_UINT8, NULL);
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

static void samples_takes_the_first_ones_only(void **state) {
  (void)state;
  gan_data_options options = hdf5_options(hdf5_make_labelled("labels.h5", "", H5T_STD_U8LE, SAMPLES, 0));
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
  const uint64_t base =
      fingerprint(hdf5_options(hdf5_make_file("a.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE})));
  assert_true(base == fingerprint(hdf5_options(hdf5_make_file(
                          "b.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 7, .deflate = 6}))));
  assert_true(base !=
              fingerprint(hdf5_options(hdf5_make_file("c.h5", 3, square, (storage_kind){.type = H5T_STD_U8LE}))));
  assert_true(base !=
              fingerprint(hdf5_options(hdf5_make_file("d.h5", 2, size, (storage_kind){.type = H5T_IEEE_F32LE}))));
  gan_data_options options = hdf5_options(data_path("a.h5"));
  options.samples = 49;
  assert_true(base != fingerprint(options));
  /* Each of few samples counts. */
  for (hsize_t sample = 0; sample < SAMPLES; sample += 7) {
    const char *path = hdf5_make_file("e.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE});
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

/* Runs of earlier versions go on: values that theirs took (commit 59354d4) of the same files. */
static void fingerprints_are_those_of_earlier_versions(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 3, 4, 5};
  const struct {
    int rank;
    hid_t type;
    uint64_t fingerprint;
  } cases[] = {{2, H5T_STD_U8LE, 0x518aaf1b48cf5b9e},
               {3, H5T_STD_U8LE, 0xa5aa074759b97c08},
               {4, H5T_STD_U8BE, 0x5d304e5de4518704},
               {2, H5T_IEEE_F32LE, 0x0963eea0243c862d},
               {4, H5T_IEEE_F32BE, 0x216df0a3219de18c}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int64_t memory = 0; memory < 2; memory++) {
      gan_data_options options =
          hdf5_options(hdf5_make_file("old.h5", cases[i].rank, size, (storage_kind){.type = cases[i].type}));
      options.memory = memory;
      assert_true(fingerprint(options) == cases[i].fingerprint);
    }
}

static void fingerprint_is_the_same_wherever_the_channels_are(void **state) {
  (void)state;
  const hsize_t first[] = {2, 3, 2, 1}, last[] = {2, 2, 1, 3};
  const uint8_t planes[] = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51};
  const uint8_t pixels[] = {0, 10, 20, 1, 11, 21, 30, 40, 50, 31, 41, 51};
  const char *const names[] = {"planes.h5", "pixels.h5"}, *const axes[] = {"NCHW", "NHWC"};
  uint64_t found[2];
  for (int i = 0; i < 2; i++) {
    const hid_t file = hdf5_create_file(names[i]);
    hdf5_add_dataset(file, "x", 4, i ? last : first, (storage_kind){.type = H5T_STD_U8LE}, H5T_NATIVE_UINT8,
                     i ? pixels : planes);
    H5Fclose(file);
    gan_data_options options = hdf5_options(data_path(names[i]));
    options.axes = axes[i];
    found[i] = fingerprint(options);
  }
  assert_true(found[0] == found[1]);
}

/* As when metrics are written while the loader's thread reads. */
static void samples_are_read_while_another_thread_writes_hdf5(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 12};
  gan_shards shards;
  gan_loader *loader;
  gan_source *source = data_open(
      hdf5_options(hdf5_make_file("read.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 7, .deflate = 6})));
  assert_int_equal(gan_shards_plan(1, 8, 1, 0, &shards), GAN_OK);
  assert_int_equal(gan_loader_create(source, &shards, 3, 0, &loader), GAN_OK);
  for (int64_t step = 0; step < 100; step++) {
    const float *real;
    const int32_t *labels;
    hdf5_make_file("written.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 7, .deflate = 6});
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

/* Every layout: what is not cached has become zeros to HDF5, with a checksum that holds even of zeros. */
static void a_file_that_becomes_shorter_is_an_error_that_names_it(void **state) {
  (void)state;
  const storage_kind storages[] = {
      {.type = H5T_IEEE_F32LE},
      {.type = H5T_IEEE_F32LE, .chunk = 10},
      {.type = H5T_IEEE_F32LE, .chunk = 10, .fletcher = true},
      {.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6},
  };
  const hsize_t size[] = {SAMPLES, 40, 50};
  float *out = malloc(2000 * sizeof *out);
  for (int kind = 0; kind < 4; kind++) {
    const char *path = hdf5_make_file("shorter.h5", 3, size, storages[kind]);
    gan_source *source = data_open(hdf5_options(path));
    assert_int_equal(gan_source_read(source, (int64_t[]){0}, 1, out, NULL), GAN_OK);
    assert_int_equal(truncate(path, 4000), 0);
    assert_int_equal(gan_source_read(source, (int64_t[]){SAMPLES - 1}, 1, out, NULL), GAN_BAD_FILE);
    assert_non_null(strstr(gan_error_message(), "shorter.h5 became shorter while it was read"));
    gan_source_close(source);
  }
  free(out);
}

static void the_loader_passes_on_that_a_file_has_become_shorter(void **state) {
  (void)state;
  enum { BATCH = 10, STEPS = 10 };
  const hsize_t size[] = {SAMPLES, 20};
  const char *path = hdf5_make_file("shorter.h5", 2, size, (storage_kind){.type = H5T_IEEE_F32LE});
  gan_source *source = data_open(hdf5_options(path));
  gan_shards shards;
  gan_loader *loader;
  const float *real;
  const int32_t *labels;
  gan_status status = GAN_OK;
  assert_int_equal(gan_shards_plan(1, BATCH, 1, 0, &shards), GAN_OK);
  assert_int_equal(gan_loader_create(source, &shards, 3, 0, &loader), GAN_OK);
  assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
  assert_int_equal(truncate(path, 3000), 0);
  for (int step = 0; step < STEPS && status == GAN_OK; step++) status = gan_loader_next(loader, &real, &labels);
  assert_int_equal(status, GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "became shorter"));
  gan_loader_destroy(loader);
  gan_shards_release(&shards);
  gan_source_close(source);
}

static void a_file_that_grows_or_is_replaced_is_read_on(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 40, 50}, other[] = {SAMPLES, 2};
  float *out = malloc(2000 * sizeof *out);
  const char *path = hdf5_make_file("grows.h5", 3, size, (storage_kind){.type = H5T_IEEE_F32LE});
  gan_source *source = data_open(hdf5_options(path));
  assert_int_equal(truncate(path, 1000000), 0);
  assert_int_equal(gan_source_read(source, (int64_t[]){SAMPLES - 2}, 1, out, NULL), GAN_OK);
  assert_int_equal(rename(hdf5_make_file("other.h5", 2, other, (storage_kind){.type = H5T_STD_U8LE}), path), 0);
  assert_int_equal(gan_source_read(source, (int64_t[]){SAMPLES - 1}, 1, out, NULL), GAN_OK);
  for (int i = 0; i < 2000; i++) assert_true(out[i] == expected_value(false, (SAMPLES - 1) * 2000 + i));
  gan_source_close(source);
  free(out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_come_in_the_order_asked_for_from_every_layout),
      cmocka_unit_test(every_layout_comes_channels_first),
      cmocka_unit_test(a_layout_that_sizes_do_not_tell_is_asked_for),
      cmocka_unit_test(every_type_of_number_is_read),
      cmocka_unit_test(values_are_scaled_to_the_range_that_is_named),
      cmocka_unit_test(a_small_file_is_held_in_memory_and_a_larger_one_is_not),
      cmocka_unit_test(ranks_of_a_host_read_once_and_see_the_same),
      cmocka_unit_test(long_runs_of_neighbours_are_read_in_pieces),
      cmocka_unit_test(labels_beside_the_samples_are_found),
      cmocka_unit_test(one_suitable_data_set_is_found_and_several_are_listed),
      cmocka_unit_test(chunks_are_read_again_when_they_have_been_dropped),
      cmocka_unit_test(samples_takes_the_first_ones_only),
      cmocka_unit_test(fingerprint_is_of_the_data_and_not_of_their_storage),
      cmocka_unit_test(fingerprints_are_those_of_earlier_versions),
      cmocka_unit_test(fingerprint_is_the_same_wherever_the_channels_are),
      cmocka_unit_test(samples_are_read_while_another_thread_writes_hdf5),
      cmocka_unit_test(a_file_that_becomes_shorter_is_an_error_that_names_it),
      cmocka_unit_test(the_loader_passes_on_that_a_file_has_become_shorter),
      cmocka_unit_test(a_file_that_grows_or_is_replaced_is_read_on),
  };
  return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
