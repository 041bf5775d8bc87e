/* A run's folder is one process's at a time.

   Whoever writes there holds an open-file-description lock (fcntl, F_OFD_SETLK) on FOLDER/run.lock, and the file says
   in words who that is. The lock is the kernel's, or the file server's: it goes with its process, however that ends
   (kill -9, a lost host), so a file that is left behind bars nobody. Not flock(), which several cluster file systems
   keep within a host; not a classic fcntl lock, which any close() of the file would drop.

   A file system without locks leaves the words. Then a holder on this host counts as alive while a process of that
   number and start is there, and one on another host while it has touched the file in the last GAN_LOCK_SILENCE
   seconds. */
#ifndef GAN_STORE_FOLDER_LOCK_H
#define GAN_STORE_FOLDER_LOCK_H

#include <time.h>

#include "base/error.h"

#define GAN_LOCK_FILE "run.lock"
enum { GAN_LOCK_SILENCE = 600 };

typedef struct gan_folder_lock gan_folder_lock;

/* Makes the folder where it is missing, and takes it. A holder is given `patience` seconds to go, for it may have been
   told to a moment ago; one that was killed and is being taken down, as long as that takes. GAN_BAD_USAGE saying who
   holds it; GAN_FAILED when it cannot be written to. Owned by the caller, whose processes started by exec() do not
   inherit it. Not collective. */
gan_status gan_folder_lock_take(const char *folder, double patience, gan_folder_lock **lock) GAN_CHECKED;

/* GAN_OK while the path leads to the folder that was taken and its lock; else GAN_FAILED saying that the folder was
   moved (and to where), removed, or taken by another process. A lock file that somebody removed is made again. To be
   asked before each write: what would be written to the path goes elsewhere, or nowhere. Costs a few stat(). */
gan_status gan_folder_lock_check(gan_folder_lock *lock) GAN_CHECKED;

/* Tells other hosts that this process lives; to be called at least every few minutes. */
void gan_folder_lock_touch(const gan_folder_lock *lock);

/* When it was taken, by the clock of the file system. */
struct timespec gan_folder_lock_time(const gan_folder_lock *lock);

/* Removes the file, and the folder when gan_folder_lock_take made it and it is empty. NULL is allowed. */
void gan_folder_lock_release(gan_folder_lock *lock);

#endif
