/* Images from anywhere -> one HDF5 data set: what `gan_dist convert` does, apart from its command line. */
#ifndef GAN_CLI_CONVERT_H
#define GAN_CLI_CONVERT_H

#include <stdatomic.h>

#include "base/shape.h"
#include "data/image_resize.h"

/* Where labels come from. */
typedef enum gan_convert_labels {
  GAN_CONVERT_LABELS_FILES,   /* from files of labels beside the images, if there are any */
  GAN_CONVERT_LABELS_FOLDERS, /* the folder right below the root is the class */
  GAN_CONVERT_LABELS_NONE
} gan_convert_labels;

typedef struct gan_convert_options {
  int root_count;
  const char *const *roots; /* folders and files */
  const char *output;
  gan_image_target target; /* height 0: the first image's size, which all have to have; channels 0: the first image's */
  gan_convert_labels labels;
  int64_t limit; /* images; 0: none */
  bool skip_damaged;
  bool quiet;              /* says nothing of files that are left out */
  const atomic_bool *stop; /* end without a result; NULL: nobody wants to */
} gan_convert_options;

typedef struct gan_convert_report {
  gan_shape shape; /* of one image */
  int64_t images;
  int64_t files;    /* that images came from */
  int64_t ignored;  /* no images */
  int64_t pictures; /* of them: pictures of formats that cannot be read */
  int64_t damaged;  /* images, but left out since they cannot be read */
  bool labelled;
  int class_count;    /* labels are 0 .. class_count-1 */
  char **class_names; /* (class_count) for labels from folders, else NULL; owned */
} gan_convert_report;

/* Writes options->output, whole or not at all. GAN_BAD_USAGE, GAN_BAD_FILE (with the file's name) or GAN_FAILED. The
   report is released by the caller, after an error too. */
gan_status gan_convert(const gan_convert_options *options, gan_convert_report *report) GAN_CHECKED;
void gan_convert_release(gan_convert_report *report);

#endif
