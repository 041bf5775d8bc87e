/* For tests of files of tensors: such a file from its header's text and its elements. */
#ifndef TESTS_UNIT_SAFETENSORS_SUPPORT_H
#define TESTS_UNIT_SAFETENSORS_SUPPORT_H

#include "store_support.h"

/* Writes FOLDER/NAME; returns its path, valid until the next call. */
static inline const char *write_tensors(const char *name, const char *header, size_t bytes, const void *elements) {
  static char path[PATH_MAX];
  const uint64_t length = strlen(header);
  FILE *file = fopen(in_folder(name, path), "wb");
  assert_non_null(file);
  for (int i = 0; i < 8; i++) fputc((int)(length >> 8 * i & 255), file);
  assert_int_equal(fwrite(header, 1, length, file), length);
  assert_int_equal(fwrite(elements, 1, bytes, file), bytes);
  assert_int_equal(fclose(file), 0);
  return path;
}

#endif
