/* Folders of the file system. */
#ifndef GAN_BASE_FOLDER_H
#define GAN_BASE_FOLDER_H

#include "base/error.h"

/* Makes the folder and those above it, as far as they are missing. GAN_FAILED with the path and the reason. */
gan_status gan_folder_create(const char *path) GAN_CHECKED;

#endif
