/* What kind of file a file is, as far as this program writes them. */
#ifndef GAN_STORE_KIND_H
#define GAN_STORE_KIND_H

#include <stdbool.h>

#include "base/error.h"

typedef enum gan_file_kind {
  GAN_KIND_UNKNOWN,
  GAN_KIND_CHECKPOINT,
  GAN_KIND_METRICS,
  GAN_KIND_TRACE,
  GAN_KIND_TABLE,   /* of a benchmark */
  GAN_KIND_SAMPLES, /* HDF5, says so or has a data set `samples` */
  GAN_KIND_IMAGES,  /* HDF5, with a data set `images` */
  GAN_KIND_HDF5,    /* an HDF5 file of another kind: data, perhaps */
  GAN_KIND_PICTURE, /* PNG */
  GAN_KIND_JSON     /* begins as an object does */
} gan_file_kind;

/* Whether the file begins as HDF5 files do that have no seal: HDF5 may crash over it, and it is to be tried first
   (base/probe.h). False when it cannot be read, too. */
bool gan_file_is_fragile(const char *path);

/* Looks at the file's beginning and its attribute `kind`; whether the rest is sound is for its reader to say.
   GAN_BAD_FILE when it cannot be opened. */
gan_status gan_file_kind_of(const char *path, gan_file_kind *kind) GAN_CHECKED;
/* Does so in a child process first, where the file is fragile. GAN_BAD_FILE when the child does not survive it, too. */
gan_status gan_file_kind_probe(const char *path, gan_file_kind *kind) GAN_CHECKED;
/* Does so now, for whoever asks later, when no child may be had any more; what is found is told then. */
void gan_file_kind_try(const char *path);

/* Whether a file of `kind` may be written to `path`, which is what `option` ("-o") says: where no file is yet, or an
   empty one, or one of this kind. GAN_BAD_USAGE for one that is no regular file, and for one of another kind: nobody
   means to lose a checkpoint, the labels of data to a trace, or notes to a picture. */
gan_status gan_file_may_become(const char *option, const char *path, gan_file_kind kind) GAN_CHECKED;
/* The same of a result, to be asked before the work whose result it is: its folder has to be there, too, and writable,
   as the file is made when the work is done. GAN_FAILED where that is not so. */
gan_status gan_result_may_become(const char *option, const char *path, gan_file_kind kind) GAN_CHECKED;

/* "a checkpoint", "a metrics file", ... */
const char *gan_file_kind_name(gan_file_kind kind);

/* The name and the values of the root attribute by which metrics, traces and samples are known (those of earlier
   versions by their data set); whatever else begins with GAN_KIND_TEXT_TABLE is a table. */
#define GAN_KIND_ATTRIBUTE "kind"
#define GAN_KIND_TEXT_METRICS "gan_dist metrics"
#define GAN_KIND_TEXT_TRACE "gan_dist trace"
#define GAN_KIND_TEXT_SAMPLES "gan_dist samples"
#define GAN_KIND_TEXT_TABLE "gan_dist "

#endif
