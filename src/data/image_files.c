#include "data/image_files.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/picture_hint.h"

struct gan_image_files {
  FTS *walk;
  int64_t ignored, pictures;
};

static int by_name(const FTSENT **left, const FTSENT **right) { return strcmp((*left)->fts_name, (*right)->fts_name); }

gan_status gan_image_files_open(const char *root, gan_image_files **files) {
  char *copy = NULL;
  *files = NULL;
  if (root[0] == '\0') return gan_fail(GAN_BAD_USAGE, "the name of a folder or file is empty");
  GAN_TRY(gan_duplicate(root, &copy));
  gan_status status = gan_allocate(1, sizeof **files, "a walk over files", files);
  if (status == GAN_OK) {
    char *const roots[] = {copy, NULL};
    (*files)->walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!(*files)->walk) status = gan_fail(GAN_FAILED, "cannot list %s: %s", root, strerror(errno));
  }
  free(copy);
  if (status == GAN_OK) return GAN_OK;
  free(*files);
  *files = NULL;
  return status;
}

int64_t gan_image_files_ignored(const gan_image_files *files) { return files->ignored; }
int64_t gan_image_files_pictures(const gan_image_files *files) { return files->pictures; }

void gan_image_files_close(gan_image_files *files) {
  if (!files) return;
  fts_close(files->walk);
  free(files);
}

/* The name of the folder right below the root that the entry is in. */
static const char *folder_of(const FTSENT *entry) {
  if (entry->fts_level < 2) return "";
  while (entry->fts_level > 1) entry = entry->fts_parent;
  return entry->fts_name;
}

/* A regular file: an image, or something else that is passed over, which the root must not be. */
static gan_status take_file(gan_image_files *files, const FTSENT *entry, gan_image_file *file, bool *more) {
  *file = (gan_image_file){.path = entry->fts_path, .folder = folder_of(entry)};
  file->status = gan_image_format_of(entry->fts_path, &file->format);
  *more = file->status != GAN_OK || file->format;
  if (*more) return GAN_OK;
  if (entry->fts_level == FTS_ROOTLEVEL)
    return gan_fail(GAN_BAD_FILE, "%s is no image file of a format that can be read: PNG, IDX", entry->fts_path);
  files->ignored++;
  files->pictures += gan_is_other_picture(entry->fts_name);
  return GAN_OK;
}

static gan_status take_entry(gan_image_files *files, FTSENT *entry, gan_image_file *file, bool *more) {
  const bool hidden = entry->fts_level > FTS_ROOTLEVEL && entry->fts_name[0] == '.';
  switch (entry->fts_info) {
    case FTS_D:
      if (!hidden) return GAN_OK;
      fts_set(files->walk, entry, FTS_SKIP);
      files->ignored++;
      return GAN_OK;
    case FTS_DP:
      return GAN_OK;
    case FTS_F:
      if (!hidden) return take_file(files, entry, file, more);
      files->ignored++;
      return GAN_OK;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
      return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", entry->fts_path, strerror(entry->fts_errno));
    default: /* a pipe, a link to nowhere, a link back up */
      if (entry->fts_level == FTS_ROOTLEVEL)
        return gan_fail(GAN_BAD_FILE, "%s is neither a folder nor a regular file", entry->fts_path);
      files->ignored++;
      return GAN_OK;
  }
}

gan_status gan_image_files_next(gan_image_files *files, gan_image_file *file, bool *more) {
  *more = false;
  while (!*more) {
    errno = 0;
    FTSENT *entry = fts_read(files->walk);
    if (!entry && errno) return gan_fail(GAN_FAILED, "cannot list files: %s", strerror(errno));
    if (!entry) return GAN_OK;
    GAN_TRY(take_entry(files, entry, file, more));
  }
  return GAN_OK;
}
