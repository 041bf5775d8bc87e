/* Folders and files of the file system. */
#ifndef GAN_BASE_FOLDER_H
#define GAN_BASE_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

/* Makes the folder and those above it, as far as they are missing. GAN_FAILED with the path and the reason. */
gan_status gan_folder_create(const char *path) GAN_CHECKED;

/* Whether both paths lead to one file, by whatever names and links. False when either is not there. */
bool gan_same_file(const char *path, const char *other);
/* Whether one of the entries of the folder is that file. */
bool gan_folder_has(const char *folder, const char *path);

#endif
