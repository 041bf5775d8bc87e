/* `gan_dist sample CHECKPOINT`: draws samples from a trained generator, to a picture or to an HDF5 array. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/run_folder.h"
#include "store/kind.h"
#include "store/picture.h"
#include "store/samples.h"
#include "train/model.h"

enum { INTERPOLATION_STEPS = 8 };

static const gan_flag flags[] = {
    {"--interpolate", NULL, "rows of 8 samples, each row on a way from one latent to another"},
    {"--truncation", "BOUND", "draw latent values beyond +-BOUND again: likelier samples, less variety"},
    {NULL, NULL, NULL}};

/* A generator read from a checkpoint. */
typedef struct saved_generator {
  char checkpoint[PATH_MAX];
  int damaged; /* newer checkpoints of a folder that were passed over */
  gan_config *config;
  gan_model model;
  gan_shape data_shape;
  float *parameters, *buffers;
} saved_generator;

static void release(saved_generator *saved) {
  gan_model_release(&saved->model);
  gan_config_destroy(saved->config);
  free(saved->parameters);
  free(saved->buffers);
}

static gan_status read_tensors(const gan_checkpoint_file *opened, const char *path, saved_generator *saved) {
  const gan_network *network = saved->model.generator;
  const bool averaged = saved->config->train.ema_decay > 0 && saved->config->samples.ema;
  gan_tensor *tensors = NULL;
  GAN_TRY(gan_allocate(network->parameter_count, sizeof(float), "the generator", &saved->parameters));
  GAN_TRY(gan_allocate(network->buffer_count, sizeof(float), "the generator", &saved->buffers));
  GAN_TRY(gan_allocate(gan_model_tensor_count(network), sizeof *tensors, "the list of tensors", &tensors));
  const size_t count =
      gan_model_tensors(averaged ? "/ema" : "/generator", network, saved->parameters, saved->buffers, -1, tensors);
  gan_status status = gan_checkpoint_tensors(opened, count, tensors);
  const gan_tensor *odd = status == GAN_OK ? gan_model_not_finite(count, tensors) : NULL;
  if (odd) status = gan_fail(GAN_BAD_FILE, "%s: %s holds numbers that are not finite", path, odd->path);
  free(tensors);
  return status;
}

/* Which averaged weights a checkpoint holds is for its own configuration to say; everything else may be laid over it.
 */
static gan_status read_generator(const gan_arguments *arguments, const gan_checkpoint_file *opened, const char *path,
                                 saved_generator *saved) {
  gan_checkpoint checkpoint = {0};
  GAN_TRY(gan_checkpoint_header(opened, &checkpoint));
  saved->data_shape = checkpoint.data_shape;
  gan_status status = gan_config_create(&saved->config);
  if (status == GAN_OK) status = gan_config_read_text(saved->config, checkpoint.config, path);
  if (status == GAN_OK) status = gan_arguments_apply(arguments, saved->config);
  if (status == GAN_OK) status = gan_model_create(saved->config, &saved->data_shape, &saved->model);
  gan_checkpoint_release(&checkpoint);
  if (status == GAN_OK) status = read_tensors(opened, path, saved);
  return status;
}

static gan_status load(const gan_arguments *arguments, saved_generator *saved) {
  gan_checkpoint_file *opened = NULL;
  GAN_TRY(gan_run_checkpoint_open(arguments->positional[0], saved->checkpoint, &saved->damaged, &opened));
  const gan_status status = read_generator(arguments, opened, saved->checkpoint, saved);
  gan_checkpoint_close(opened);
  return status;
}

/* z (count, latent): each row of the picture goes from latent 2 row to latent 2 row + 1; on the sphere for normal
   latents, whose length all lies near sqrt(latent) (White 2016, arXiv 1609.04468), on the straight line for uniform
   ones. */
static gan_status interpolate(gan_latents latents, int64_t count, int64_t latent, float *z) {
  float *ends = NULL;
  GAN_TRY(gan_allocate(2 * (size_t)latent, sizeof *ends, "latents", &ends));
  for (int64_t i = 0; i < count; i++) {
    if (i % INTERPOLATION_STEPS == 0) {
      gan_draw_latents(&latents, 2, latent, ends);
      latents.address.sample += 2;
    }
    const double t = (double)(i % INTERPOLATION_STEPS) / (INTERPOLATION_STEPS - 1);
    double dot = 0, square_a = 0, square_b = 0;
    for (int64_t j = 0; j < latent; j++) {
      dot += (double)ends[j] * ends[latent + j];
      square_a += (double)ends[j] * ends[j];
      square_b += (double)ends[latent + j] * ends[latent + j];
    }
    const double angle = acos(fmax(-1, fmin(1, dot / sqrt(square_a * square_b))));
    const bool straight = latents.uniform || sin(angle) < 1e-6;
    const double a = straight ? 1 - t : sin((1 - t) * angle) / sin(angle);
    const double b = straight ? t : sin(t * angle) / sin(angle);
    for (int64_t j = 0; j < latent; j++) z[i * latent + j] = (float)(a * ends[j] + b * ends[latent + j]);
  }
  free(ends);
  return GAN_OK;
}

static gan_status draw(const gan_arguments *arguments, const saved_generator *saved, int64_t count, float *samples) {
  const int64_t latent = saved->config->generator.latent;
  const char *bound = gan_argument(arguments, "--truncation");
  gan_latents latents = gan_latents_of(saved->config, GAN_STREAM_LATENT_SAMPLES);
  if (bound && (gan_parse_real(bound, &latents.truncation) != GAN_OK || latents.truncation < 0.1))
    return gan_fail(GAN_BAD_USAGE, "--truncation has to be a number of at least 0.1, not \"%s\"", bound);
  if (bound && latents.uniform)
    return gan_fail(GAN_BAD_USAGE, "--truncation is for normal latents; this generator's are uniform");
  float *z = NULL;
  GAN_TRY(gan_allocate((size_t)count, (size_t)latent * sizeof *z, "latents", &z));
  gan_status status = GAN_OK;
  if (gan_argument(arguments, "--interpolate"))
    status = interpolate(latents, count, latent, z);
  else
    gan_draw_latents(&latents, count, latent, z);
  if (status == GAN_OK)
    status = gan_generate(saved->model.generator, saved->parameters, saved->buffers, count, z, NULL, samples);
  free(z);
  return status;
}

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_array(const char *output) { return ends_with(output, ".h5") || ends_with(output, ".hdf5"); }

static gan_status check_output(const char *output) {
  if (!is_array(output) && !ends_with(output, ".png"))
    return gan_fail(GAN_BAD_USAGE, "-o %s: the name has to end in .png (a picture) or .h5 (an array)", output);
  return gan_file_may_become("-o", output, is_array(output) ? GAN_KIND_SAMPLES : GAN_KIND_UNKNOWN);
}

static gan_status write_samples(const gan_arguments *arguments, const saved_generator *saved, const char *output,
                                int64_t count, const float *samples) {
  const int columns = gan_argument(arguments, "--interpolate") ? INTERPOLATION_STEPS : 0;
  if (is_array(output)) return gan_samples_write(output, &saved->data_shape, count, samples);
  switch (gan_picture_kind_of(&saved->data_shape)) {
    case GAN_PICTURE_GRID:
      return gan_picture_grid(output, &saved->data_shape, count, samples, columns);
    case GAN_PICTURE_SCATTER:
      return gan_picture_scatter(output, 0, NULL, count, samples, 0);
    default:
      return gan_fail(GAN_BAD_USAGE, "samples of this shape cannot be drawn; write them as an array: -o samples.h5");
  }
}

/* What is no checkpoint will be told by its kind, which is looked at now. */
static gan_status probe(const gan_arguments *arguments) {
  if (arguments->positional_count == 1) gan_file_kind_try(arguments->positional[0]);
  return GAN_OK;
}

/* Of a folder's checkpoints, which one was taken. */
static void report(const gan_arguments *arguments, const saved_generator *saved, int64_t count) {
  const bool chosen = gan_is_folder(arguments->positional[0]);
  if (saved->damaged) printf("%d damaged checkpoint%s passed over\n", saved->damaged, saved->damaged == 1 ? "" : "s");
  printf("%lld samples%s%s in %s\n", (long long)count, chosen ? " of " : "", chosen ? saved->checkpoint : "",
         arguments->output);
}

static gan_status run(gan_arguments *arguments) {
  if (arguments->positional_count != 1)
    return gan_fail(GAN_BAD_USAGE, "sample needs one checkpoint or run's folder: gan_dist %s",
                    gan_command_sample.usage);
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  saved_generator saved = {0};
  float *samples = NULL;
  const char *output = arguments->output;
  GAN_TRY(check_output(output));
  gan_status status = load(arguments, &saved);
  const int64_t count = arguments->count ? arguments->count : status == GAN_OK ? saved.config->samples.count : 0;
  if (status == GAN_OK)
    status =
        gan_allocate((size_t)count * (size_t)gan_shape_count(&saved.data_shape), sizeof *samples, "samples", &samples);
  if (status == GAN_OK) status = draw(arguments, &saved, count, samples);
  if (status == GAN_OK) status = write_samples(arguments, &saved, output, count, samples);
  if (status == GAN_OK && !arguments->quiet) report(arguments, &saved, count);
  free(samples);
  release(&saved);
  return status;
}

const gan_command gan_command_sample = {
    .name = "sample",
    .usage = "sample CHECKPOINT|RUN_FOLDER [-o FILE.png|FILE.h5] [-n COUNT] [--interpolate] [--truncation BOUND]",
    .help =
        "writes samples of a trained generator as a picture or an HDF5 array, of a run's folder its newest "
        "checkpoint's; the averaged generator if the "
        "checkpoint has one, the raw one with --samples.ema=no; other samples with --seed",
    .takes_config = false,
    .common = "onq",
    .output = "samples.png",
    .keys = "run.seed run.backend run.precision samples.ema",
    .flags = flags,
    .run = run,
    .probe = probe};
