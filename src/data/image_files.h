/* The image files below a folder, in an order that depends on their names only: folder by folder, the names in each by
   their bytes. Links are followed. Hidden files and folders (".name") are passed over. Only one folder's names are in
   memory at a time, and those above it. */
#ifndef GAN_DATA_IMAGE_FILES_H
#define GAN_DATA_IMAGE_FILES_H

#include "data/image.h"

typedef struct gan_image_files gan_image_files;

typedef struct gan_image_file {
  const char *path;               /* valid until the next call */
  const char *folder;             /* first folder below the root on the way to the file; "": none. As valid */
  const gan_image_format *format; /* NULL: `status` says why the file cannot be read */
  gan_status status;              /* GAN_BAD_FILE when the file cannot be opened; its message is recorded */
} gan_image_file;

/* `root` is a folder, or an image file by itself. GAN_BAD_FILE when it cannot be opened. */
gan_status gan_image_files_open(const char *root, gan_image_files **files) GAN_CHECKED;
/* The next image file; *more is false behind the last. GAN_BAD_FILE when a folder cannot be read, or the root is a file
   that is no image. */
gan_status gan_image_files_next(gan_image_files *files, gan_image_file *file, bool *more) GAN_CHECKED;
/* Files that were passed over so far since they are no images; a hidden folder counts as one. */
int64_t gan_image_files_ignored(const gan_image_files *files);
/* Those of them that are pictures by their names, of formats that cannot be read. */
int64_t gan_image_files_pictures(const gan_image_files *files);
/* NULL is allowed. */
void gan_image_files_close(gan_image_files *files);

#endif
