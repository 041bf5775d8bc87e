/* What every file of this folder goes through on its way to the disk.

   A file that has to be whole or absent is written under another name beside its place (PATH.partial-PID), synced and
   renamed; the folder is synced too, so that the new name survives a power cut. Every write passes the seam of
   base/fault.h, which lets tests fill the disk at any point. */
#ifndef GAN_STORE_OUTPUT_H
#define GAN_STORE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Writes all `size` bytes at `offset` of the open file. 0, or the errno of what went wrong. */
int gan_write_at(int descriptor, const void *data, size_t size, uint64_t offset);

/* GAN_FAILED with "cannot write PATH: reason", and what helps where that is known. `error` is an errno. */
gan_status gan_fail_write(const char *path, int error);

/* Whether a file of this name can be made in its folder, or another one be put in its place; makes none. GAN_FAILED
   when the folder is not there, or may not be written to. */
gan_status gan_folder_may_take(const char *path) GAN_CHECKED;

/* GAN_BAD_FILE with "cannot read PATH: reason". `error` is an errno. */
gan_status gan_fail_read(const char *path, int error);

/* The name under which `path` is written first, into partial (PATH_MAX bytes). GAN_FAILED when it would be too long. */
gan_status gan_partial_path(const char *path, char *partial) GAN_CHECKED;

/* Removes what this process has under such names, for who ends it at once; true when there was something. Nothing is
   written under a new one from then on. */
bool gan_partial_remove_all(void);

/* Syncs a file's bytes to the disk. `path` is its final name, for the message. */
gan_status gan_partial_sync(const char *partial, const char *path) GAN_CHECKED;

/* Puts the partial file (or link) in its place and syncs the folder. A partial file that cannot be put there stays for
   the caller to remove. */
gan_status gan_partial_commit(const char *partial, const char *path) GAN_CHECKED;

#endif
