/* Writing checkpoints: an HDF5 file under a partial name, then its seal, then its name. */
#include "store/checkpoint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/hdf5_tools.h"
#include "store/output.h"
#include "store/seal.h"

void gan_checkpoint_release(gan_checkpoint *checkpoint) {
  free(checkpoint->config);
  free(checkpoint->classifier.layers);
  free(checkpoint->classifier.trained_on);
  checkpoint->config = checkpoint->classifier.layers = checkpoint->classifier.trained_on = NULL;
}

gan_status gan_checkpoint_check_gan(const gan_checkpoint *checkpoint, const char *path, const char *what) {
  if (!checkpoint->classifier.layers) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s is a classifier, and %s: name a checkpoint of a training", path, what);
}

static bool put_classifier(hid_t file, const gan_checkpoint_classifier *classifier) {
  if (!classifier->layers) return true;
  return gan_hdf5_put_long_text(file, "layers", classifier->layers) &&
         gan_hdf5_put_integer(file, "feature_layers", classifier->feature_layers) &&
         gan_hdf5_put_integer(file, "classes", classifier->classes) &&
         gan_hdf5_put_real(file, "batch_norm_epsilon", classifier->batch_norm_epsilon) &&
         gan_hdf5_put_long_text(file, "trained_on", classifier->trained_on ? classifier->trained_on : "") &&
         gan_hdf5_put_real(file, "accuracy", classifier->accuracy) &&
         gan_hdf5_put_integer(file, "test_samples", classifier->test_samples);
}

static bool put_attributes(hid_t file, const gan_checkpoint *checkpoint) {
  if (checkpoint->data_shape.rank < 0 || checkpoint->data_shape.rank > GAN_SHAPE_RANK) return false;
  return gan_hdf5_put_integer(file, "format_version", GAN_CHECKPOINT_FORMAT) &&
         gan_hdf5_put_long_text(file, "program_version", checkpoint->program_version) &&
         gan_hdf5_put_long_text(file, "backend", checkpoint->backend) &&
         gan_hdf5_put_integer(file, "iteration", checkpoint->iteration) &&
         gan_hdf5_put_integer(file, "critic_steps", checkpoint->critic_steps) &&
         gan_hdf5_put_integer(file, "generator_steps", checkpoint->generator_steps) &&
         gan_hdf5_put_unsigned(file, "seed", checkpoint->seed) &&
         gan_hdf5_put_integer(file, "shards", checkpoint->shards) &&
         gan_hdf5_put_unsigned(file, "data_fingerprint", checkpoint->data_fingerprint) &&
         gan_hdf5_put_integers(file, "data_shape", (size_t)checkpoint->data_shape.rank, checkpoint->data_shape.size) &&
         gan_hdf5_put_real(file, "best", checkpoint->best) &&
         gan_hdf5_put_long_text(file, "config", checkpoint->config ? checkpoint->config : "") &&
         put_classifier(file, &checkpoint->classifier);
}

/* "/optimizer/critic/square_avg/0.weight": makes the groups that are missing on the way, then the data set. */
static bool put_tensor(hid_t file, const gan_tensor *tensor) {
  char path[GAN_TENSOR_PATH];
  snprintf(path, sizeof path, "%s", tensor->path);
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (H5Lexists(file, path, H5P_DEFAULT) <= 0) {
      GAN_HDF5_ID group = gan_hdf5_make_group(file, path);
      if (group < 0) return false;
    }
    *slash = '/';
  }
  if (!tensor->data) return gan_hdf5_put_number(file, path, tensor->number);
  return gan_hdf5_put_array(file, path, &tensor->shape, tensor->data);
}

/* HDF5's view of it: `partial` complete but for the seal. An error of the disk goes before HDF5's own words. */
static gan_status write_hdf5(const char *partial, const char *path, const gan_checkpoint *checkpoint,
                             size_t tensor_count, const gan_tensor *tensors) {
  gan_hdf5_output output = {0};
  char reason[GAN_HDF5_REASON] = "";
  const char *what = "the file";
  const hid_t file = gan_hdf5_create(partial, GAN_SEAL_BYTES, false, &output);
  bool done = file >= 0;
  if (done) {
    what = "its attributes";
    done = put_attributes(file, checkpoint);
  }
  for (size_t i = 0; done && !output.error && i < tensor_count; i++) {
    what = tensors[i].path;
    done = put_tensor(file, &tensors[i]);
  }
  if (!done) gan_hdf5_reason(reason);
  if (file >= 0 && H5Fclose(file) < 0 && done) {
    gan_hdf5_reason(reason);
    done = false;
  }
  if (output.error) return gan_fail_write(path, output.error);
  if (!done) return gan_fail(GAN_FAILED, "cannot write %s: %s: %s", path, what, reason);
  return GAN_OK;
}

gan_status gan_checkpoint_write(const char *path, const gan_checkpoint *checkpoint, size_t tensor_count,
                                const gan_tensor *tensors) {
  GAN_HDF5_QUIET;
  char partial[PATH_MAX];
  GAN_TRY(gan_partial_path(path, partial));
  gan_status status = write_hdf5(partial, path, checkpoint, tensor_count, tensors);
  if (status == GAN_OK) status = gan_seal_write(partial, path);
  if (status == GAN_OK) status = gan_partial_sync(partial, path);
  if (status == GAN_OK) status = gan_partial_commit(partial, path);
  if (status != GAN_OK) unlink(partial);
  return status;
}
