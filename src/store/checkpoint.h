/* Checkpoints: HDF5 files that are whole or absent.

   Written by one process, beside the final place, flushed and synced, then renamed. Every data set has a Fletcher32
   checksum, and the whole file a seal (seal.h), which is checked when a checkpoint is opened: not one flipped bit goes
   unnoticed. Equal contents give equal bytes. Layout: docs/design.md section 6 and docs/file-formats.md. A checkpoint
   is, to this module, attributes and a list of named tensors: where they live in memory is the caller's affair. */
#ifndef GAN_STORE_CHECKPOINT_H
#define GAN_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "base/shape.h"

enum { GAN_CHECKPOINT_FORMAT = 1, GAN_TENSOR_PATH = 224 };

typedef struct gan_tensor {
  char path[GAN_TENSOR_PATH]; /* "/generator/0.weight", "/optimizer/critic/square_avg/0.weight" */
  gan_shape shape;
  float *data;    /* row-major, borrowed; NULL for a single whole number, of no shape, which only writing knows */
  int64_t number; /* then: its value */
} gan_tensor;

/* Of a file whose network, in the group /classifier, classifies samples or gives their features
   (docs/classifiers.md). Owned by the struct around it, as `config` is. */
#define GAN_CLASSIFIER_GROUP "classifier"
typedef struct gan_checkpoint_classifier {
  char *layers;           /* the network; NULL: the file is a GAN's */
  int64_t feature_layers; /* the first so many of its layers give features, */
  int64_t classes;        /* all of them so many logits; 0: there are no more layers */
  double batch_norm_epsilon;
  char *trained_on;     /* for people: "idx /data/fashion-mnist" */
  double accuracy;      /* share of its test samples that it gets right; NAN: not known */
  int64_t test_samples; /* how many these are */
} gan_checkpoint_classifier;

typedef struct gan_checkpoint {
  int64_t iteration;    /* iterations done */
  int64_t critic_steps; /* updates of each network done */
  int64_t generator_steps;
  uint64_t seed;
  int shards;
  uint64_t data_fingerprint;
  gan_shape data_shape; /* of one sample */
  double best;          /* best evaluation value so far; NAN: none */
  char *config;         /* effective configuration as INI text; owned by this struct after a read */
  char program_version[32];
  char backend[32]; /* who computed the matrix products; "": not known, in files of earlier versions */
  gan_checkpoint_classifier classifier;
} gan_checkpoint;

void gan_checkpoint_release(gan_checkpoint *checkpoint);
/* GAN_BAD_USAGE for a classifier where the networks of a GAN are wanted; `what` is done with these: "sample draws from
   a generator". */
gan_status gan_checkpoint_check_gan(const gan_checkpoint *checkpoint, const char *path, const char *what) GAN_CHECKED;

/* Writes `path` atomically, tensors in the order of the list, which readers see again. Errors (GAN_FAILED: disk full,
   folder not writable) leave no partial file behind, and what was at `path` as it was. */
gan_status gan_checkpoint_write(const char *path, const gan_checkpoint *checkpoint, size_t tensor_count,
                                const gan_tensor *tensors) GAN_CHECKED;

/* A checkpoint that is open for reading. */
typedef struct gan_checkpoint_file gan_checkpoint_file;

/* Checks the seal, which reads the whole file, and opens it: for all that is then read from it once is enough.
   GAN_BAD_FILE when it is missing, no checkpoint, damaged, or of a newer format. Owned by the caller. */
gan_status gan_checkpoint_open(const char *path, gan_checkpoint_file **opened) GAN_CHECKED;
void gan_checkpoint_close(gan_checkpoint_file *opened); /* NULL is allowed */
/* The name of the file itself, without its folder, also where a link led to it; and what its seal has for a hash: what
   it is, whatever it is called. Borrowed. */
const char *gan_checkpoint_name(const gan_checkpoint_file *opened);
const char *gan_checkpoint_hash(const gan_checkpoint_file *opened);

/* Reads the attributes. GAN_BAD_FILE when one makes no sense; then there is nothing to release. */
gan_status gan_checkpoint_header(const gan_checkpoint_file *opened, gan_checkpoint *checkpoint) GAN_CHECKED;

/* Reads every listed tensor into its memory. GAN_BAD_FILE naming the tensor when one is absent, has another shape, or
   its checksum does not hold. */
gan_status gan_checkpoint_tensors(const gan_checkpoint_file *opened, size_t tensor_count,
                                  const gan_tensor *tensors) GAN_CHECKED;

/* Whether it has a tensor of that path: what earlier versions, or other options, have not written begins anew. */
bool gan_checkpoint_has(const gan_checkpoint_file *opened, const char *path);

/* Those two for whoever reads one of them only; with the errors of gan_checkpoint_open. */
gan_status gan_checkpoint_read_header(const char *path, gan_checkpoint *checkpoint) GAN_CHECKED;
gan_status gan_checkpoint_read_tensors(const char *path, size_t tensor_count, const gan_tensor *tensors) GAN_CHECKED;

/* Checks the seal, and so every bit of the file, at about the speed of reading it. Errors as above. */
gan_status gan_checkpoint_verify(const char *path) GAN_CHECKED;

/* Folder upkeep. Whether a run writes or removes files of that name in its folder. */
bool gan_run_owns(const char *name);
/* The name of iteration's checkpoint in a folder into path (PATH_MAX bytes). */
void gan_checkpoint_path(const char *folder, int64_t iteration, char *path);
/* The iterations of all checkpoints in the folder by their names, oldest first, in *iterations (owned by the caller,
   free()), and how many there are. GAN_FAILED when the folder cannot be listed; one that is not there has none. */
gan_status gan_checkpoint_list(const char *folder, size_t *count, int64_t **iterations) GAN_CHECKED;
/* The newest checkpoint in the folder that verifies, of those of an iteration after `after` (-1: of all), into path
   (PATH_MAX bytes) and open; "" and NULL when there is none, or no folder. Newest is the highest iteration in the name;
   links such as latest.h5 play no part. Older ones are tried when a newer one is damaged; *damaged counts those passed
   over. */
gan_status gan_checkpoint_open_newest(const char *folder, int64_t after, char *path, int *damaged,
                                      gan_checkpoint_file **opened) GAN_CHECKED;
/* The same of all, closed. */
gan_status gan_checkpoint_newest(const char *folder, char *path, int *damaged) GAN_CHECKED;
/* Points FOLDER/NAME ("latest.h5", "best.h5") at the checkpoint `path`, which is in the same folder, atomically, by a
   relative symbolic link. GAN_FAILED as for writing. */
gan_status gan_checkpoint_link(const char *folder, const char *name, const char *path) GAN_CHECKED;
/* The iteration of the checkpoint that such a link points at, -1: there is none. */
int64_t gan_checkpoint_linked(const char *folder, const char *name);
/* Removes checkpoints: all but the newest `keep` and those that best.h5 and latest.h5 point at. Removes also what
   interrupted writes of this program left (NAME.partial-PID): what was last written before `since`, when the caller
   took the folder, by a process that is not alive on this host. So `gan_dist sample -o` into the folder may be at work
   here or elsewhere, a write of this process may not. What cannot be removed stays: upkeep never stops a training. */
void gan_checkpoint_prune(const char *folder, int keep, struct timespec since);

/* What `inspect` shows: called for every data set, in the file's order, with its path, shape and values' range. Where
   any value is NaN, and for an empty tensor, the four numbers are NaN. The path is valid during the call. */
typedef struct gan_tensor_summary {
  const char *path;
  gan_shape shape;
  double minimum, maximum, mean, standard_deviation;
} gan_tensor_summary;
typedef void (*gan_tensor_visitor)(void *context, const gan_tensor_summary *tensor);
gan_status gan_checkpoint_visit(const gan_checkpoint_file *opened, gan_tensor_visitor visit, void *context) GAN_CHECKED;

#endif
