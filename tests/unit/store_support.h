/* What the tests of src/store share: a folder of their own under the temporary directory, and whole files as bytes. */
#ifndef TESTS_UNIT_STORE_SUPPORT_H
#define TESTS_UNIT_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h asks for those above first */
#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

static char folder[128];

static int make_folder(void **state) {
  (void)state;
  const char *root = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/gan-store-XXXXXX", root ? root : "/tmp");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_fault_arm(GAN_FAULT_WRITE, 0);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  chmod(folder, 0700);
  DIR *directory = opendir(folder);
  if (!directory) return -1;
  for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (unlink(path) != 0) rmdir(path);
  }
  closedir(directory);
  return rmdir(folder);
}

/* A test with a fresh, empty folder. */
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

static const char *in_folder(const char *name, char *path) {
  snprintf(path, PATH_MAX, "%s/%s", folder, name);
  return path;
}

/* Files in the folder whose name contains `part`. */
static inline int count_files(const char *part) {
  int count = 0;
  DIR *directory = opendir(folder);
  assert_non_null(directory);
  for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
    count += entry->d_name[0] != '.' && strstr(entry->d_name, part) != NULL;
  closedir(directory);
  return count;
}

static inline bool exists(const char *name) {
  char path[PATH_MAX];
  return access(in_folder(name, path), F_OK) == 0;
}

static inline char *read_bytes(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static inline void write_bytes(const char *path, const char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* The recorded error contains these words. */
static inline void assert_message(const char *words) {
  if (!strstr(gan_error_message(), words)) fail_msg("\"%s\" does not say \"%s\"", gan_error_message(), words);
}

#endif
