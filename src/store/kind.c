/* See kind.h. */
#include "store/kind.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/probe.h"
#include "store/hdf5_tools.h"
#include "store/output.h"
#include "store/seal.h"

static gan_file_kind hdf5_kind(const char *path) {
  GAN_HDF5_QUIET;
  GAN_HDF5_ID file = gan_hdf5_open(path, true);
  char *text = NULL;
  gan_file_kind kind = GAN_KIND_HDF5;
  if (file >= 0 && H5Lexists(file, "samples", H5P_DEFAULT) > 0) kind = GAN_KIND_SAMPLES;
  if (file >= 0 && H5Lexists(file, "images", H5P_DEFAULT) > 0) kind = GAN_KIND_IMAGES;
  if (file < 0 || !gan_hdf5_get_text(file, GAN_KIND_ATTRIBUTE, &text)) return kind;
  if (strncmp(text, GAN_KIND_TEXT_TABLE, sizeof GAN_KIND_TEXT_TABLE - 1) == 0) kind = GAN_KIND_TABLE;
  if (strcmp(text, GAN_KIND_TEXT_METRICS) == 0) kind = GAN_KIND_METRICS;
  if (strcmp(text, GAN_KIND_TEXT_TRACE) == 0) kind = GAN_KIND_TRACE;
  if (strcmp(text, GAN_KIND_TEXT_SAMPLES) == 0) kind = GAN_KIND_SAMPLES;
  H5free_memory(text);
  return kind;
}

/* HDF5's signature is at byte 0, or behind a user block (of MATLAB, for instance) at 512, 1024, 2048, .. */
static bool has_hdf5_signature(FILE *file) {
  static const char signature[] = "\211HDF\r\n\032\n";
  enum { LENGTH = sizeof signature - 1, FIRST = 512 };
  char found[LENGTH];
  for (long place = 0; fseek(file, place, SEEK_SET) == 0 && fread(found, 1, LENGTH, file) == LENGTH;
       place = place ? 2 * place : FIRST) {
    if (memcmp(found, signature, LENGTH) == 0) return true;
    if (place > LONG_MAX / 2) break;
  }
  return false;
}

/* Whether most of the seal's first words are there: a checkpoint, of which they are damaged, is no data file. */
static bool may_be_sealed(const char *start) {
  size_t right = 0;
  for (size_t i = 0; i < sizeof GAN_SEAL_WORDS - 1; i++) right += start[i] == GAN_SEAL_WORDS[i];
  return 2 * right > sizeof GAN_SEAL_WORDS;
}

/* By the file's first bytes; HDF5 knows more. */
static gan_status kind_of_start(const char *path, gan_file_kind *kind) {
  static const char png[] = "\211PNG\r\n\032\n";
  char start[sizeof GAN_SEAL_WORDS] = "";
  struct stat about;
  /* A pipe might keep its reader waiting for ever. */
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
    return gan_fail(GAN_BAD_FILE, "%s is not a regular file", path);
  FILE *file = fopen(path, "rb");
  if (!file) return gan_fail_read(path, errno);
  const size_t got = fread(start, 1, sizeof start - 1, file);
  const int error = ferror(file) ? errno : 0;
  const bool hdf5 = !error && !may_be_sealed(start) && has_hdf5_signature(file);
  fclose(file);
  if (error) return gan_fail_read(path, error);
  *kind = GAN_KIND_UNKNOWN;
  if (got == sizeof start - 1 && strcmp(start, GAN_SEAL_WORDS) == 0) *kind = GAN_KIND_CHECKPOINT;
  if (hdf5) *kind = GAN_KIND_HDF5;
  if (got >= sizeof png - 1 && memcmp(start, png, sizeof png - 1) == 0) *kind = GAN_KIND_PICTURE;
  if (start[0] == '{') *kind = GAN_KIND_JSON;
  return GAN_OK;
}

bool gan_file_is_fragile(const char *path) {
  gan_file_kind kind;
  return kind_of_start(path, &kind) == GAN_OK && kind == GAN_KIND_HDF5;
}

gan_status gan_file_kind_of(const char *path, gan_file_kind *kind) {
  GAN_TRY(kind_of_start(path, kind));
  if (*kind == GAN_KIND_HDF5) *kind = hdf5_kind(path);
  return GAN_OK;
}

static gan_status look_at_kind(void *context) {
  gan_file_kind kind;
  return gan_file_kind_of(context, &kind);
}

gan_status gan_file_kind_probe(const char *path, gan_file_kind *kind) {
  if (gan_file_is_fragile(path)) GAN_TRY(gan_probe_file(path, GAN_PROBE_KIND, NULL, look_at_kind, (void *)path));
  return gan_file_kind_of(path, kind);
}

void gan_file_kind_try(const char *path) {
  gan_file_kind kind;
  if (gan_file_kind_probe(path, &kind) != GAN_OK) gan_error_set("");
}

const char *gan_file_kind_name(gan_file_kind kind) {
  switch (kind) {
    case GAN_KIND_CHECKPOINT:
      return "a checkpoint";
    case GAN_KIND_METRICS:
      return "a metrics file";
    case GAN_KIND_TRACE:
      return "a trace";
    case GAN_KIND_TABLE:
      return "a benchmark's table";
    case GAN_KIND_SAMPLES:
      return "a file of samples";
    case GAN_KIND_IMAGES:
      return "a data set of images";
    case GAN_KIND_HDF5:
      return "an HDF5 file of another kind";
    case GAN_KIND_PICTURE:
      return "a picture";
    case GAN_KIND_JSON:
      return "a JSON file";
    case GAN_KIND_UNKNOWN:
      break;
  }
  return "a file of an unknown kind";
}

gan_status gan_file_may_become(const char *option, const char *path, gan_file_kind kind) {
  struct stat about;
  gan_file_kind found = GAN_KIND_UNKNOWN;
  /* What a link would make may be a file that another part of the run is yet to write. */
  if (stat(path, &about) != 0 && lstat(path, &about) == 0 && S_ISLNK(about.st_mode))
    return gan_fail(GAN_BAD_USAGE, "%s %s is a link to a file that is not there: name a file", option, path);
  if (stat(path, &about) != 0) return GAN_OK; /* or it cannot be written either, which says why */
  if (!S_ISREG(about.st_mode))
    return gan_fail(GAN_BAD_USAGE, "%s %s is %s: name a file", option, path,
                    S_ISDIR(about.st_mode) ? "a folder" : "a device or a pipe");
  /* A damaged file may be what somebody still wants to mend. */
  if (gan_file_kind_probe(path, &found) != GAN_OK) found = gan_file_is_fragile(path) ? GAN_KIND_HDF5 : GAN_KIND_UNKNOWN;
  if (found == kind || about.st_size == 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s %s is %s, which would be lost: name another file, or remove it before", option,
                  path, gan_file_kind_name(found));
}

gan_status gan_result_may_become(const char *option, const char *path, gan_file_kind kind) {
  GAN_TRY(gan_file_may_become(option, path, kind));
  return gan_folder_may_take(path);
}
