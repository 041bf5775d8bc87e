/* A trained network as one file: safetensors (store/safetensors.h) whose metadata have its description.
   scripts/inception.py writes such files, and so can anybody (docs/file-formats.md):

        gan_dist            "network 1"
        layers              the layers, as everywhere else
        channels            of the images that it takes, of any size; or
        shape               of the samples that it takes: "3 32 32"
        feature_layers      so many of the layers give the features; the rest, if any, makes logits of them
        batch_norm_epsilon  of its batch_norm layers; 1e-5 where it is not there
        name                what it is, for people

   Tensors have the names that they have in checkpoints ("3.branches.0.0.weight"), and there are no others. Samples are
   taken as this program has them: images in [-1, 1]. Where the network is for three channels and samples have one, its
   description gets layers in front that repeat this one. */
#ifndef GAN_STORE_NETWORK_FILE_H
#define GAN_STORE_NETWORK_FILE_H

#include "nn/network.h"

typedef struct gan_network_file {
  char *path;
  char *layers;           /* for samples of `shape` */
  const char *name;       /* "" where the file does not say */
  gan_shape shape;        /* of a sample */
  int64_t feature_layers; /* of `layers`; at least one */
  double batch_norm_epsilon;
  int added_layers;                /* of `layers`, in front, that the file does not have */
  struct gan_safetensors *tensors; /* open */
} gan_network_file;

/* Whether the file begins as one does; false where it cannot be read. */
bool gan_network_file_begins(const char *path);

/* Reads what the network is. GAN_BAD_FILE when it is missing or no such file; GAN_BAD_USAGE when it does not take
   samples of that shape. What its layers are worth, gan_network_create finds. Owned by the caller. Not collective. */
gan_status gan_network_file_open(const char *path, const gan_shape *shape, gan_network_file **file) GAN_CHECKED;
void gan_network_file_close(gan_network_file *file); /* NULL is allowed */

/* Checks that the file has the tensors of `network`, which was made of file->layers and file->shape, and no others: to
   be asked before memory is taken. GAN_BAD_FILE names the first that is missing, has another shape, or is too much. */
gan_status gan_network_file_check(const gan_network_file *file, const gan_network *network) GAN_CHECKED;
/* Reads them: parameters (parameter_count), buffers (buffer_count). GAN_BAD_FILE as above, and for numbers that are not
   finite. */
gan_status gan_network_file_read(const gan_network_file *file, const gan_network *network, float *parameters,
                                 float *buffers) GAN_CHECKED;

#endif
