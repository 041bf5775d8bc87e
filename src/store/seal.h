/* The seal of a checkpoint: its first 512 bytes, which hold the length and a hash of all bytes after them.

   Fletcher32 guards each data set, but HDF5 1.10 has no checksum over attributes, where the configuration and the
   iteration are. The seal covers every bit of the file, is checked at the speed of reading, and is checked before HDF5
   is let near bytes that may be damaged. HDF5 calls such a block the user block and skips it: the file stays one that
   h5dump, h5py and every other HDF5 program opens. Text of the block, filled up with zeros:

     gan_dist checkpoint FORMAT
     length BYTES
     xxh3-128 32 HEXADECIMAL DIGITS */
#ifndef GAN_STORE_SEAL_H
#define GAN_STORE_SEAL_H

#include "base/error.h"

enum { GAN_SEAL_BYTES = 512 };
#define GAN_SEAL_WORDS "gan_dist checkpoint "

/* Seals the finished file `partial`, whose first GAN_SEAL_BYTES bytes are free. `path`: its final name, for messages.
 */
gan_status gan_seal_write(const char *partial, const char *path) GAN_CHECKED;

/* The hash as text, with a zero at its end. */
enum { GAN_SEAL_HASH = 33 };

/* GAN_OK when the file is a checkpoint of a known format and not one bit of it has changed; else GAN_BAD_FILE, saying
   whether it is missing, of another kind, of a newer format, cut short or damaged. Its hash to `hash` (GAN_SEAL_HASH
   bytes; NULL: nowhere). */
gan_status gan_seal_check(const char *path, char *hash) GAN_CHECKED;

#endif
