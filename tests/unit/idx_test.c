/* IDX files: images and labels come out as they went in, and no damaged or lying file does any harm. */
#include <math.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "data_support.h"

enum { HEADER_MAX = 4 + 4 * 4 };

/* An IDX file in memory: header with the given type code and dimensions, then `bytes` bytes that count up from `first`.
 */
typedef struct idx_bytes {
  uint8_t *bytes;
  size_t count;
} idx_bytes;

static idx_bytes make_idx(uint8_t type, int dimensions, const uint32_t *size, size_t data_bytes, uint8_t first) {
  idx_bytes idx = {.bytes = malloc(HEADER_MAX + data_bytes), .count = 0};
  assert_non_null(idx.bytes);
  const uint8_t magic[4] = {0, 0, type, (uint8_t)dimensions};
  for (int i = 0; i < 4; i++) idx.bytes[idx.count++] = magic[i];
  for (int i = 0; i < dimensions; i++)
    for (int shift = 24; shift >= 0; shift -= 8) idx.bytes[idx.count++] = (uint8_t)(size[i] >> shift);
  for (size_t i = 0; i < data_bytes; i++) idx.bytes[idx.count++] = (uint8_t)(first + i);
  return idx;
}

/* Ten images of 2 x 3, bytes 0, 1, 2, ... */
static idx_bytes ten_images(void) { return make_idx(8, 3, (uint32_t[]){10, 2, 3}, 60, 0); }
static idx_bytes ten_labels(void) { return make_idx(8, 1, (uint32_t[]){10}, 10, 0); }

static const char *write_plain(const char *name, idx_bytes idx) {
  const char *path = data_write(name, idx.bytes, idx.count);
  free(idx.bytes);
  return path;
}

static const char *write_gzip(const char *name, idx_bytes idx) {
  const char *path = data_write_gzip(name, idx.bytes, idx.count);
  free(idx.bytes);
  return path;
}

static gan_data_options idx_options(const char *path) { return (gan_data_options){.source = "idx", .path = path}; }

static float as_float(int byte) { return (float)(byte / 127.5 - 1); }

/* Sample i of `ten_images` is bytes 6 i .. 6 i + 5. */
static void check_ten_images(gan_source *source) {
  const int64_t indices[] = {9, 0, 4, 4};
  float out[4 * 6];
  assert_int_equal(source->count, 10);
  assert_int_equal(source->shape.rank, 3);
  assert_int_equal(source->shape.size[0], 1);
  assert_int_equal(source->shape.size[1], 2);
  assert_int_equal(source->shape.size[2], 3);
  assert_int_equal(gan_source_read(source, indices, 4, out, NULL), GAN_OK);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 6; j++) assert_true(fabsf(out[6 * i + j] - as_float((int)indices[i] * 6 + j)) < 1e-6f);
}

static void images_come_out_as_floats_between_minus_one_and_one(void **state) {
  (void)state;
  gan_source *source = data_open(idx_options(write_plain("images", ten_images())));
  check_ten_images(source);
  assert_int_equal(source->label_count, 0);
  gan_source_close(source);

  float out[6];
  idx_bytes extremes = make_idx(8, 3, (uint32_t[]){1, 2, 3}, 6, 253);
  source = data_open(idx_options(write_plain("extremes", extremes)));
  assert_int_equal(gan_source_read(source, (int64_t[]){0}, 1, out, NULL), GAN_OK);
  assert_true(out[2] == 1.0f);  /* byte 255 */
  assert_true(out[3] == -1.0f); /* byte 0 */
  gan_source_close(source);
}

static void gzip_is_told_by_content_and_not_by_name(void **state) {
  (void)state;
  gan_source *plain = data_open(idx_options(write_plain("plain.gz", ten_images())));
  gan_source *compressed = data_open(idx_options(write_gzip("compressed", ten_images())));
  check_ten_images(plain);
  check_ten_images(compressed);
  assert_true(plain->fingerprint == compressed->fingerprint);
  gan_source_close(plain);
  gan_source_close(compressed);
}

static void a_gzip_file_of_several_members_is_read_through(void **state) {
  (void)state;
  size_t counts[2];
  idx_bytes whole = ten_images();
  uint8_t *first = data_read(data_write_gzip("first", whole.bytes, 31), &counts[0]);
  uint8_t *second = data_read(data_write_gzip("second", whole.bytes + 31, whole.count - 31), &counts[1]);
  uint8_t *joined = malloc(counts[0] + counts[1]);
  memcpy(joined, first, counts[0]);
  memcpy(joined + counts[0], second, counts[1]);
  gan_source *source = data_open(idx_options(data_write("joined.gz", joined, counts[0] + counts[1])));
  check_ten_images(source);
  gan_source_close(source);
  free(whole.bytes);
  free(first);
  free(second);
  free(joined);
}

static void four_dimensions_are_images_with_channels(void **state) {
  (void)state;
  float out[2 * 12];
  gan_source *source = data_open(idx_options(write_plain("colour", make_idx(8, 4, (uint32_t[]){2, 3, 2, 2}, 24, 7))));
  assert_int_equal(source->shape.size[0], 3);
  assert_int_equal(source->shape.size[1], 2);
  assert_int_equal(source->shape.size[2], 2);
  assert_int_equal(gan_source_read(source, (int64_t[]){0, 1}, 2, out, NULL), GAN_OK);
  for (int i = 0; i < 24; i++) assert_true(fabsf(out[i] - as_float(7 + i)) < 1e-6f);
  gan_source_close(source);
}

static void labels_belong_to_their_images(void **state) {
  (void)state;
  gan_data_options options = idx_options(write_plain("images", ten_images()));
  options.labels = write_gzip("labels", ten_labels());
  gan_source *source = data_open(options);
  int32_t labels[3];
  float out[18];
  assert_int_equal(source->label_count, 10);
  assert_int_equal(gan_source_read(source, (int64_t[]){7, 0, 3}, 3, out, labels), GAN_OK);
  assert_int_equal(labels[0], 7);
  assert_int_equal(labels[1], 0);
  assert_int_equal(labels[2], 3);
  gan_source_close(source);
}

/* Two ranks of a host, one after the other: the first fills the block, the second is given it. */
typedef struct shared_host {
  void *block;
  size_t bytes;
  int agreements, fills, users;
  bool any_size; /* ranks may ask for other sizes than the first */
} shared_host;

static gan_status host_agree(void *context, gan_status mine) {
  shared_host *host = context;
  host->agreements++;
  return mine;
}

static gan_status host_share(void *context, size_t bytes, gan_status (*fill)(void *, void *, size_t),
                             void *fill_context, void **memory) {
  shared_host *host = context;
  assert_int_equal(host->agreements, host->users + 1); /* agreed before sharing */
  if (!host->block) {
    host->block = malloc(bytes);
    host->bytes = bytes;
    host->fills++;
    const gan_status status = fill(fill_context, host->block, bytes);
    if (status != GAN_OK) {
      free(host->block);
      host->block = NULL;
      return status;
    }
  }
  if (!host->any_size) assert_int_equal(bytes, host->bytes);
  host->users++;
  *memory = host->block;
  return GAN_OK;
}

static void host_unshare(void *context, void *memory) {
  shared_host *host = context;
  assert_ptr_equal(memory, host->block);
  if (--host->users == 0) free(host->block);
}

static void labels_beside_a_file_are_found_and_runs_without_them_go_on(void **state) {
  (void)state;
  const char *const names[][2] = {{"t-images-idx3-ubyte", "t-labels-idx1-ubyte"},
                                  {"u-images-idx3-ubyte.gz", "u-labels-idx1-ubyte"}};
  for (int i = 0; i < 2; i++) {
    gan_data_options options =
        idx_options(i ? write_gzip(names[i][0], ten_images()) : write_plain(names[i][0], ten_images()));
    gan_source *alone = data_open(options);
    assert_int_equal(alone->label_count, 0);
    assert_true(alone->earlier_fingerprint == alone->fingerprint);
    write_plain(names[i][1], ten_labels());
    gan_source *labelled = data_open(options);
    assert_int_equal(labelled->label_count, 10);
    assert_true(labelled->fingerprint != alone->fingerprint);
    assert_true(labelled->earlier_fingerprint == alone->fingerprint);
    options.labels = "none";
    gan_source *without = data_open(options);
    assert_int_equal(without->label_count, 0);
    assert_true(without->fingerprint == alone->fingerprint);
    options.labels = data_path(names[i][1]); /* named, as ever: no other fingerprint will do */
    gan_source *named = data_open(options);
    assert_true(named->earlier_fingerprint == labelled->fingerprint);
    gan_source_close(alone);
    gan_source_close(labelled);
    gan_source_close(without);
    gan_source_close(named);
  }
}

/* Pixel k of the file is k: (2, 5, 6, 3) -> (3, 5, 6). */
static void channels_that_are_last_come_first(void **state) {
  (void)state;
  float out[90];
  gan_source *source = data_open(idx_options(write_plain("last", make_idx(8, 4, (uint32_t[]){2, 5, 6, 3}, 180, 0))));
  assert_string_equal(source->axes->name, "NHWC");
  assert_int_equal(source->shape.size[0], 3);
  assert_int_equal(source->shape.size[1], 5);
  assert_int_equal(source->shape.size[2], 6);
  assert_int_equal(gan_source_read(source, (int64_t[]){1}, 1, out, NULL), GAN_OK);
  for (int channel = 0; channel < 3; channel++)
    for (int i = 0; i < 30; i++) assert_true(fabsf(out[30 * channel + i] - as_float(90 + 3 * i + channel)) < 1e-6f);
  gan_source_close(source);
  gan_data_options options = idx_options(write_plain("series", make_idx(8, 3, (uint32_t[]){2, 2, 9}, 36, 0)));
  options.axes = "NCL";
  source = data_open(options);
  assert_int_equal(source->shape.rank, 2);
  gan_source_close(source);
}

/* A rank whose file is another one than its host's first rank's must not read beyond the block. */
static void a_rank_with_another_file_has_another_fingerprint(void **state) {
  (void)state;
  shared_host host = {.any_size = true};
  const gan_data_share share = {.agree = host_agree, .share = host_share, .unshare = host_unshare, .context = &host};
  const gan_data_options one = idx_options(write_plain("one", ten_images()));
  const gan_data_options two = idx_options(write_plain("two", make_idx(8, 3, (uint32_t[]){1000, 20, 3}, 60000, 0)));
  gan_source *first, *second;
  assert_int_equal(gan_source_open(&one, 1, &share, &first), GAN_OK);
  assert_int_equal(gan_source_open(&two, 1, &share, &second), GAN_OK);
  assert_true(first->fingerprint != second->fingerprint);
  gan_source_close(first);
  gan_source_close(second);
}

static void pictures_given_as_data_lead_to_convert(void **state) {
  (void)state;
  char folder[128], inside[200];
  snprintf(folder, sizeof folder, "%s/photos", data_folder);
  snprintf(inside, sizeof inside, "%s/cats", folder);
  assert_int_equal(mkdir(folder, 0700), 0);
  assert_int_equal(mkdir(inside, 0700), 0);
  data_expect_failure(idx_options(folder), GAN_BAD_FILE, "train-images-idx3-ubyte");
  const char *const names[] = {"b.png", "a.JPG"}, *const sources[] = {"idx", "hdf5"};
  for (int i = 0; i < 2; i++) {
    char file[300];
    snprintf(file, sizeof file, "%s/%s", inside, names[i]);
    fclose(fopen(file, "w"));
    for (int source = 0; source < 2; source++) {
      gan_data_options options = {.source = sources[source], .path = folder};
      data_expect_failure(options, GAN_BAD_FILE, "photos is a folder of pictures; ");
      assert_non_null(strstr(gan_error_message(), "gan_dist convert /"));
      assert_true((strstr(gan_error_message(), "mogrify -format png") == NULL) == (i == 0)); /* PNG alone need nothing */
      options.path = file;
      data_expect_failure(options, GAN_BAD_FILE, " is a picture; ");
    }
  }
  for (int i = 0; i < 2; i++) {
    char file[300];
    snprintf(file, sizeof file, "%s/%s", inside, names[i]);
    unlink(file);
  }
  rmdir(inside);
  rmdir(folder);
}

/* A folder under the tests' own, with the names of MNIST. */
static void a_folder_stands_for_the_training_files_in_it(void **state) {
  (void)state;
  char folder[128], moved[512];
  snprintf(folder, sizeof folder, "%s/mnist", data_folder);
  assert_int_equal(mkdir(folder, 0700), 0);
  data_expect_failure(idx_options(folder), GAN_BAD_FILE, "train-images-idx3-ubyte");

  snprintf(moved, sizeof moved, "%s/train-images-idx3-ubyte.gz", folder);
  assert_int_equal(rename(write_gzip("x", ten_images()), moved), 0);
  gan_source *source = data_open(idx_options(folder));
  check_ten_images(source);
  assert_int_equal(source->label_count, 0);
  gan_source_close(source);

  snprintf(moved, sizeof moved, "%s/train-labels-idx1-ubyte", folder);
  assert_int_equal(rename(write_plain("x", ten_labels()), moved), 0);
  source = data_open(idx_options(folder));
  assert_int_equal(source->label_count, 10);
  gan_source_close(source);

  gan_data_options options = idx_options(folder);
  options.labels = "none";
  source = data_open(options);
  assert_int_equal(source->label_count, 0);
  gan_source_close(source);

  unlink(moved);
  snprintf(moved, sizeof moved, "%s/train-images-idx3-ubyte.gz", folder);
  unlink(moved);
  rmdir(folder);
}

static void samples_takes_the_first_ones_only(void **state) {
  (void)state;
  gan_data_options options = idx_options(write_gzip("images.gz", ten_images()));
  options.labels = write_plain("labels", ten_labels());
  options.samples = 4;
  float out[6];
  int32_t label;
  gan_source *source = data_open(options);
  assert_int_equal(source->count, 4);
  assert_int_equal(source->label_count, 4);
  assert_int_equal(gan_source_read(source, (int64_t[]){3}, 1, out, &label), GAN_OK);
  assert_true(fabsf(out[5] - as_float(23)) < 1e-6f);
  assert_int_equal(label, 3);
  assert_int_equal(gan_source_read(source, (int64_t[]){4}, 1, out, &label), GAN_FAILED);
  gan_source_close(source);
  options.samples = 11;
  data_expect_failure(options, GAN_BAD_USAGE, "data.samples");
}

static uint64_t fingerprint(gan_data_options options) {
  gan_source *source = data_open(options);
  const uint64_t value = source->fingerprint;
  gan_source_close(source);
  return value;
}

static void fingerprint_differs_when_pixels_shape_or_labels_do(void **state) {
  (void)state;
  gan_data_options options = idx_options(write_plain("pictures", ten_images()));
  const uint64_t base = fingerprint(options);
  assert_true(base == fingerprint(options));
  idx_bytes changed = ten_images();
  changed.bytes[changed.count - 1] ^= 1;
  assert_true(base != fingerprint(idx_options(write_plain("changed", changed))));
  assert_true(base != fingerprint(idx_options(write_plain("turned", make_idx(8, 3, (uint32_t[]){10, 3, 2}, 60, 0)))));
  options.labels = write_plain("labels", ten_labels());
  assert_true(base != fingerprint(options));
  options.labels = NULL;
  options.samples = 9;
  assert_true(base != fingerprint(options));
}

static void a_path_that_leads_nowhere_is_refused(void **state) {
  (void)state;
  data_expect_failure(idx_options(""), GAN_BAD_USAGE, "data.path");
  data_expect_failure(idx_options(NULL), GAN_BAD_USAGE, "data.path");
  data_expect_failure(idx_options(data_path("missing")), GAN_BAD_FILE, "missing: No such file");
  data_expect_failure(idx_options("/dev/zero"), GAN_BAD_FILE, "/dev/zero is not a regular file");
  gan_data_options options = idx_options(write_plain("images", ten_images()));
  options.labels = data_path("missing");
  data_expect_failure(options, GAN_BAD_FILE, "missing: No such file");
}

/* What may be wrong with the content, once in a plain and once in a compressed file. */
static void check_both(const char *name, idx_bytes idx, const char *plain_words, const char *gzip_words) {
  data_expect_failure(idx_options(data_write(name, idx.bytes, idx.count)), GAN_BAD_FILE, plain_words);
  data_expect_failure(idx_options(data_write_gzip(name, idx.bytes, idx.count)), GAN_BAD_FILE, gzip_words);
  free(idx.bytes);
}

static void a_wrong_header_is_refused(void **state) {
  (void)state;
  const uint32_t size[] = {10, 2, 3, 1, 1};
  idx_bytes idx = ten_images();
  idx.count = 0;
  check_both("empty", idx, "cut short", "cut short");
  idx = ten_images();
  idx.count = 3;
  check_both("magic_cut", idx, "cut short", "cut short");
  idx = ten_images();
  idx.count = 15;
  check_both("header_cut", idx, "cut short", "cut short");
  idx = ten_images();
  memcpy(idx.bytes, "\x89PNG", 4);
  check_both("png", idx, "not an IDX file", "not an IDX file");
  check_both("float", make_idx(0x0d, 3, size, 240, 0), "float32", "float32");
  check_both("code", make_idx(0x77, 3, size, 60, 0), "0x77", "0x77");
  check_both("scalar", make_idx(8, 0, size, 60, 0), "0 dimensions", "0 dimensions");
  check_both("labels", make_idx(8, 1, size, 10, 0), "data.labels", "data.labels");
  check_both("table", make_idx(8, 2, size, 20, 0), "2 dimensions", "2 dimensions");
  idx = ten_images();
  idx.bytes[3] = 200;
  check_both("rank", idx, "200 dimensions", "200 dimensions");
}

static void sizes_that_lie_are_refused_before_memory_is_taken(void **state) {
  (void)state;
  check_both("none", make_idx(8, 3, (uint32_t[]){0, 2, 3}, 60, 0), "dimension 0 is 0", "dimension 0 is 0");
  check_both("flat", make_idx(8, 3, (uint32_t[]){10, 2, 0}, 60, 0), "dimension 2 is 0", "dimension 2 is 0");
  check_both("overflow", make_idx(8, 4, (uint32_t[]){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, 60, 0),
             "multiply", "multiply");
  check_both("huge", make_idx(8, 3, (uint32_t[]){UINT32_MAX, 28, 28}, 60, 0), "announces", "4 GiB");
  check_both("edge", make_idx(8, 3, (uint32_t[]){UINT32_MAX, 0x7fffffff, 1}, 60, 0), "announces", "4 GiB");
  /* 60 MB out of some 80 bytes is more than deflate can do. */
  check_both("large", make_idx(8, 3, (uint32_t[]){1000000, 10, 6}, 60, 0), "announces", "more than a file of");
  /* An image of 2^25 elements that is really there, as zeros in a file with a hole. */
  idx_bytes idx = make_idx(8, 3, (uint32_t[]){1, 1 << 13, 1 << 12}, 0, 0);
  const char *path = data_write("wide", idx.bytes, idx.count);
  assert_int_equal(truncate(path, (off_t)(idx.count + (1 << 25))), 0);
  data_expect_failure(idx_options(path), GAN_BAD_FILE, "33554432 elements");
  free(idx.bytes);
}

static void data_that_end_early_or_go_on_are_refused(void **state) {
  (void)state;
  idx_bytes idx = ten_images();
  idx.count--;
  check_both("short", idx, "announces 76 bytes", "cut short: 1 bytes are missing");
  check_both("long", make_idx(8, 3, (uint32_t[]){10, 2, 3}, 61, 0), "goes on", "goes on");
  /* The same behind the samples that are used. */
  idx = ten_images();
  idx.count--;
  gan_data_options options = idx_options(write_gzip("short", idx));
  options.samples = 1;
  data_expect_failure(options, GAN_BAD_FILE, "cut short");
}

static void damaged_gzip_files_are_refused(void **state) {
  (void)state;
  size_t count;
  uint8_t *bytes = data_read(write_gzip("images.gz", ten_images()), &count);
  for (size_t left = 2; left < count; left++)
    data_expect_failure(idx_options(data_write("cut.gz", bytes, left)), GAN_BAD_FILE, "cut.gz");
  bytes[count - 8] ^= 1; /* the checksum */
  data_expect_failure(idx_options(data_write("checksum.gz", bytes, count)), GAN_BAD_FILE, "incorrect data check");
  bytes[count - 8] ^= 1;
  bytes[count] = 'x'; /* data_read leaves room for one byte */
  data_expect_failure(idx_options(data_write("junk.gz", bytes, count + 1)), GAN_BAD_FILE,
                      "follows the compressed data");
  free(bytes);
}

/* 300 MB of zeros in 300 kB, behind a header that announces 60 bytes: inflation stops at the 61st. */
static void a_gzip_bomb_is_not_inflated(void **state) {
  (void)state;
  static const uint8_t zeros[1 << 20];
  idx_bytes idx = ten_images();
  const char *path = data_path("bomb.gz");
  gzFile file = gzopen(path, "wb1");
  assert_int_equal(gzwrite(file, idx.bytes, (unsigned)idx.count), (int)idx.count);
  for (int i = 0; i < 300; i++) assert_int_equal(gzwrite(file, zeros, sizeof zeros), (int)sizeof zeros);
  assert_int_equal(gzclose(file), Z_OK);
  free(idx.bytes);
  data_expect_failure(idx_options(path), GAN_BAD_FILE, "goes on after the 76 bytes");
}

static void labels_that_do_not_fit_the_images_are_refused(void **state) {
  (void)state;
  gan_data_options options = idx_options(write_plain("images", ten_images()));
  options.labels = write_plain("nine", make_idx(8, 1, (uint32_t[]){9}, 9, 0));
  data_expect_failure(options, GAN_BAD_FILE, "9 labels for the 10 images");
  options.labels = options.path;
  data_expect_failure(options, GAN_BAD_FILE, "a file of labels has 1");
  idx_bytes idx = ten_labels();
  idx.count--;
  options.labels = write_gzip("cut", idx);
  data_expect_failure(options, GAN_BAD_FILE, "cut short");
}

/* Bytes of a good file set at random: opening either fails with a message or gives a set that can be read. */
static void mutated_files_do_no_harm(void **state) {
  (void)state;
  uint64_t random = 1;
  for (int kind = 0; kind < 2; kind++) {
    size_t count;
    uint8_t *good = data_read(kind ? write_gzip("good", ten_images()) : write_plain("good", ten_images()), &count);
    uint8_t *bad = malloc(count);
    for (int trial = 0; trial < 400; trial++) {
      memcpy(bad, good, count);
      const int changes = 1 + (int)(data_random(&random) % 3);
      for (int i = 0; i < changes; i++) bad[data_random(&random) % count] = (uint8_t)data_random(&random);
      const gan_data_options options = idx_options(data_write("bad", bad, count));
      gan_source *source;
      const gan_status status = gan_source_open(&options, 1, NULL, &source);
      if (status != GAN_OK) {
        assert_int_equal(status, GAN_BAD_FILE);
        assert_string_not_equal(gan_error_message(), "");
        continue;
      }
      float *out = malloc((size_t)gan_shape_count(&source->shape) * sizeof *out);
      assert_int_equal(gan_source_read(source, (int64_t[]){source->count - 1}, 1, out, NULL), GAN_OK);
      free(out);
      gan_source_close(source);
    }
    free(good);
    free(bad);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  gan_data_options options = idx_options(write_gzip("images.gz", ten_images()));
  options.labels = write_plain("labels", ten_labels());
  gan_status status = GAN_FAILED;
  int64_t nth = 0;
  while (status != GAN_OK && nth < 100) {
    gan_source *source = NULL;
    gan_fault_arm(GAN_FAULT_ALLOCATION, ++nth);
    status = gan_source_open(&options, 1, NULL, &source);
    const bool struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    if (struck) assert_non_null(strstr(gan_error_message(), "out of memory"));
    gan_source_close(source);
  }
  assert_true(nth > 5 && nth < 100);
}

static void ranks_of_a_host_decode_once_and_see_the_same(void **state) {
  (void)state;
  shared_host host = {0};
  const gan_data_share share = {.agree = host_agree, .share = host_share, .unshare = host_unshare, .context = &host};
  gan_data_options options = idx_options(write_gzip("images.gz", ten_images()));
  options.labels = write_plain("labels", ten_labels());
  gan_source *first, *second;
  assert_int_equal(gan_source_open(&options, 1, &share, &first), GAN_OK);
  assert_int_equal(gan_source_open(&options, 1, &share, &second), GAN_OK);
  assert_int_equal(host.fills, 1);
  assert_true(first->fingerprint == second->fingerprint);
  assert_int_equal(second->label_count, 10);
  check_ten_images(first);
  check_ten_images(second);
  gan_source_close(first);
  gan_source_close(second);
  assert_int_equal(host.users, 0);
}

static void a_failing_header_is_agreed_on_without_sharing(void **state) {
  (void)state;
  shared_host host = {0};
  const gan_data_share share = {.agree = host_agree, .share = host_share, .unshare = host_unshare, .context = &host};
  const gan_data_options missing = idx_options(data_path("missing"));
  gan_source *source;
  assert_int_equal(gan_source_open(&missing, 1, &share, &source), GAN_BAD_FILE);
  assert_int_equal(host.agreements, 1);
  assert_int_equal(host.fills, 0);
}

static void a_failing_decode_is_the_shares_error(void **state) {
  (void)state;
  shared_host host = {0};
  const gan_data_share share = {.agree = host_agree, .share = host_share, .unshare = host_unshare, .context = &host};
  const gan_data_options cut = idx_options(write_plain("long", make_idx(8, 3, (uint32_t[]){10, 2, 3}, 61, 0)));
  gan_source *source;
  assert_int_equal(gan_source_open(&cut, 1, &share, &source), GAN_BAD_FILE);
  assert_int_equal(host.fills, 1);
  assert_int_equal(host.users, 0);
}

/* The set's own description: 60,000 images of 28 x 28 in 10 classes of 6,000; the first is an ankle boot, class 9. */
static void fashion_mnist_is_read_as_its_authors_describe_it(void **state) {
  (void)state;
  static const char folder[] = "/usr/share/datasets/fashion-mnist";
  if (access(folder, R_OK) != 0) skip();
  gan_source *source = data_open(idx_options(folder));
  assert_int_equal(source->count, 60000);
  assert_int_equal(source->shape.size[0], 1);
  assert_int_equal(source->shape.size[1], 28);
  assert_int_equal(source->shape.size[2], 28);
  assert_int_equal(source->label_count, 10);
  float *image = malloc(784 * sizeof *image);
  int counts[10] = {0};
  double sum = 0;
  for (int64_t i = 0; i < source->count; i++) {
    int32_t label;
    assert_int_equal(gan_source_read(source, &i, 1, image, &label), GAN_OK);
    assert_in_range(label, 0, 9);
    if (i == 0) assert_int_equal(label, 9);
    counts[label]++;
    for (int j = 0; j < 784; j++) sum += image[j];
  }
  for (int class = 0; class < 10; class ++) assert_int_equal(counts[class], 6000);
  /* The mean pixel is 0.2860 of full brightness. */
  assert_true(fabs((sum / (60000.0 * 784) + 1) / 2 - 0.2860) < 5e-5);
  free(image);
  gan_source_close(source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(images_come_out_as_floats_between_minus_one_and_one),
      cmocka_unit_test(gzip_is_told_by_content_and_not_by_name),
      cmocka_unit_test(a_gzip_file_of_several_members_is_read_through),
      cmocka_unit_test(four_dimensions_are_images_with_channels),
      cmocka_unit_test(labels_belong_to_their_images),
      cmocka_unit_test(labels_beside_a_file_are_found_and_runs_without_them_go_on),
      cmocka_unit_test(channels_that_are_last_come_first),
      cmocka_unit_test(a_rank_with_another_file_has_another_fingerprint),
      cmocka_unit_test(pictures_given_as_data_lead_to_convert),
      cmocka_unit_test(a_folder_stands_for_the_training_files_in_it),
      cmocka_unit_test(samples_takes_the_first_ones_only),
      cmocka_unit_test(fingerprint_differs_when_pixels_shape_or_labels_do),
      cmocka_unit_test(a_path_that_leads_nowhere_is_refused),
      cmocka_unit_test(a_wrong_header_is_refused),
      cmocka_unit_test(sizes_that_lie_are_refused_before_memory_is_taken),
      cmocka_unit_test(data_that_end_early_or_go_on_are_refused),
      cmocka_unit_test(damaged_gzip_files_are_refused),
      cmocka_unit_test(a_gzip_bomb_is_not_inflated),
      cmocka_unit_test(labels_that_do_not_fit_the_images_are_refused),
      cmocka_unit_test(mutated_files_do_no_harm),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
      cmocka_unit_test(ranks_of_a_host_decode_once_and_see_the_same),
      cmocka_unit_test(a_failing_header_is_agreed_on_without_sharing),
      cmocka_unit_test(a_failing_decode_is_the_shares_error),
      cmocka_unit_test(fashion_mnist_is_read_as_its_authors_describe_it),
  };
  return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
