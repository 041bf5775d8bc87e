/* Trying in a child process what may crash, spin for ever, or take all memory, before this process does it.

   HDF5 does all of these over damaged or hostile files, and no check from outside can foresee it: the one way to know
   is to let it read the file. A child with limits of time and memory does so first; when it dies or does not answer,
   the file is refused, and this process never opens it. The child starts by fork(), which some MPI libraries and
   networks bear badly: so a program asks before MPI starts. What was found is remembered for as long as the file stays
   the same, and whoever opens it later asks again without a child. */
#ifndef GAN_BASE_PROBE_H
#define GAN_BASE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What `look` does with a file: part of what is remembered. Data are read in ways that their options decide, and have a
   hash of these. */
enum { GAN_PROBE_METRICS = 1, GAN_PROBE_KIND, GAN_PROBE_INSPECT };

/* Reads the file of `context` as it will be read; called in the child, where stdout and stderr lead nowhere. */
typedef gan_status (*gan_probe_look)(void *context);

typedef struct gan_probe_limits {
  double seconds;    /* until it answers */
  int64_t processor; /* seconds of computing */
  int64_t bytes;     /* of memory beside what this process has; none in a build with sanitizers */
} gan_probe_limits;

/* What a file of so many bytes may take: a small one some seconds, but a large one on a slow disk minutes. */
gan_probe_limits gan_probe_limits_of(int64_t file_bytes);

/* GAN_OK when `look` came back with it in a child, or with GAN_BAD_USAGE, which its caller will meet again; also for
   what is no regular file (its reader says why), and when no child can be had. GAN_BAD_FILE with the message of `look`,
   or with what became of the child. `limits` NULL: those of the file's size. Not for several threads at a time, nor
   while another one is at work in the library that `look` calls, whose locks the child would find taken; not
   collective. */
gan_status gan_probe_file(const char *path, uint64_t way, const gan_probe_limits *limits, gan_probe_look look,
                          void *context) GAN_CHECKED;
/* Whether a trial of the file as it is now, in this way, has failed. Starts no child. */
bool gan_probe_has_failed(const char *path, uint64_t way);

#endif
