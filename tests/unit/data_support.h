/* What the tests of data sources have in common: a folder of their own, files in it, and looks at how opening fails. */
#ifndef GAN_TESTS_UNIT_DATA_SUPPORT_H
#define GAN_TESTS_UNIT_DATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/source.h"

static char data_folder[64];

static inline int data_folder_make(void **state) {
  (void)state;
  strcpy(data_folder, "/tmp/gan_data_XXXXXX");
  return mkdtemp(data_folder) ? 0 : -1;
}

static inline int data_folder_remove(void **state) {
  (void)state;
  DIR *folder = opendir(data_folder);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", data_folder, entry->d_name);
    unlink(path); /* does nothing to "." and ".." */
  }
  if (folder) closedir(folder);
  return rmdir(data_folder);
}

/* Path of a file in the folder; four of them may be in use at a time. */
static inline const char *data_path(const char *name) {
  static char paths[4][512];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", data_folder, name);
  return path;
}

static inline const char *data_write(const char *name, const void *bytes, size_t count) {
  const char *path = data_path(name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, count, file), count);
  assert_int_equal(fclose(file), 0);
  return path;
}

static inline const char *data_write_gzip(const char *name, const void *bytes, size_t count) {
  const char *path = data_path(name);
  gzFile file = gzopen(path, "wb9");
  assert_non_null(file);
  assert_int_equal(gzwrite(file, bytes, (unsigned)count), (int)count);
  assert_int_equal(gzclose(file), Z_OK);
  return path;
}

/* The whole file; free(). */
static inline uint8_t *data_read(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *count = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*count + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *count, file), *count);
  fclose(file);
  return bytes;
}

static inline gan_source *data_open(gan_data_options options) {
  gan_source *source = NULL;
  const gan_status status = gan_source_open(&options, 1, NULL, &source);
  if (status != GAN_OK) print_error("%s\n", gan_error_message());
  assert_int_equal(status, GAN_OK);
  assert_non_null(source);
  return source;
}

/* Opening has to fail with `status` and a message that contains `words`. */
static inline void data_expect_failure(gan_data_options options, gan_status status, const char *words) {
  gan_source *source = NULL;
  const gan_status got = gan_source_open(&options, 1, NULL, &source);
  if (got != status || !strstr(gan_error_message(), words))
    print_error("status %d, message: %s; expected %d, \"%s\"\n", got, gan_error_message(), status, words);
  assert_int_equal(got, status);
  assert_non_null(strstr(gan_error_message(), words));
  assert_null(source);
}

/* A small generator of test numbers, Knuth's MMIX constants; not the library's own. */
static inline uint32_t data_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

#endif
