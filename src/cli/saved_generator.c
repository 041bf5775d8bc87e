#include "cli/saved_generator.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/run_folder.h"
#include "store/tensors.h"

void gan_saved_generator_release(gan_saved_generator *saved) {
  gan_model_release(&saved->model);
  gan_config_destroy(saved->config);
  free(saved->parameters);
  free(saved->buffers);
  *saved = (gan_saved_generator){.config = NULL};
}

static gan_status read_tensors(const gan_checkpoint_file *opened, const char *path, gan_saved_generator *saved) {
  const gan_network *network = saved->model.generator;
  const bool averaged = gan_averages(saved->config) && saved->config->samples.ema;
  const char *weights = averaged ? "ema" : "generator";
  char group[sizeof saved->origin.weights + 1];
  gan_tensor *tensors = NULL;
  GAN_TRY(gan_allocate(network->parameter_count, sizeof(float), "the generator", &saved->parameters));
  GAN_TRY(gan_allocate(network->buffer_count, sizeof(float), "the generator", &saved->buffers));
  GAN_TRY(gan_allocate(gan_model_tensor_count(network), sizeof *tensors, "the list of tensors", &tensors));
  snprintf(saved->origin.weights, sizeof saved->origin.weights, "%s", weights);
  snprintf(group, sizeof group, "/%s", weights);
  const size_t count = gan_model_tensors(group, network, saved->parameters, saved->buffers, -1, tensors);
  gan_status status = gan_checkpoint_tensors(opened, count, tensors);
  const gan_tensor *odd = status == GAN_OK ? gan_model_not_finite(count, tensors) : NULL;
  if (odd) status = gan_fail(GAN_BAD_FILE, "%s: %s holds numbers that are not finite", path, odd->path);
  free(tensors);
  return status;
}

/* Which averaged weights a checkpoint holds is for its own configuration to say; everything else may be laid over it.
 */
static gan_status read_generator(const gan_arguments *arguments, const gan_checkpoint_file *opened, const char *path,
                                 const char *what, gan_saved_generator *saved) {
  gan_checkpoint checkpoint = {0};
  GAN_TRY(gan_checkpoint_header(opened, &checkpoint));
  saved->data_shape = checkpoint.data_shape;
  saved->fingerprint = checkpoint.data_fingerprint;
  saved->origin.iteration = checkpoint.iteration;
  gan_status status = gan_checkpoint_check_gan(&checkpoint, path, what);
  if (status == GAN_OK) status = gan_config_create(&saved->config);
  if (status == GAN_OK) status = gan_config_read_text(saved->config, checkpoint.config, path);
  if (status == GAN_OK) saved->run_seed = (uint64_t)saved->config->run.seed;
  if (status == GAN_OK) status = gan_arguments_apply(arguments, saved->config);
  if (status == GAN_OK) status = gan_model_create(saved->config, &saved->data_shape, &saved->model);
  gan_checkpoint_release(&checkpoint);
  if (status == GAN_OK) status = read_tensors(opened, path, saved);
  return status;
}

gan_status gan_saved_generator_open(const gan_arguments *arguments, const char *path, const char *what,
                                    gan_saved_generator *saved) {
  gan_checkpoint_file *opened = NULL;
  *saved = (gan_saved_generator){.config = NULL};
  GAN_TRY(gan_run_checkpoint_open(path, saved->checkpoint, &saved->damaged, &opened));
  const gan_status status = read_generator(arguments, opened, saved->checkpoint, what, saved);
  snprintf(saved->origin.checkpoint, sizeof saved->origin.checkpoint, "%s", gan_checkpoint_name(opened));
  snprintf(saved->origin.checkpoint_hash, sizeof saved->origin.checkpoint_hash, "%s", gan_checkpoint_hash(opened));
  gan_checkpoint_close(opened);
  return status;
}
