/* `gan_dist sample CHECKPOINT`: draws samples from a trained generator, to a picture or to an HDF5 array. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/outputs.h"
#include "cli/run_folder.h"
#include "cli/sample_latents.h"
#include "cli/saved_generator.h"
#include "gan_dist/version.h"
#include "store/kind.h"
#include "store/picture.h"
#include "store/samples.h"

/* Samples of an array are made as many at a time, if not more. */
enum { ROWS_LEAST = 64 };

static const gan_flag flags[] = {
    {"--interpolate", NULL, "rows of 8 samples, each row on a way from one latent to another"},
    {"--truncation", "BOUND", "draw latent values beyond +-BOUND again: likelier samples, less variety"},
    {NULL, NULL, NULL}};

static gan_status check_output(const char *output) {
  if (!gan_is_hdf5_name(output) && !gan_name_ends_in(output, ".png"))
    return gan_fail(GAN_BAD_USAGE, "-o %s: the name has to end in .png (a picture), .h5 or .hdf5 (an array)", output);
  return gan_result_may_become("-o", output, gan_is_hdf5_name(output) ? GAN_KIND_SAMPLES : GAN_KIND_PICTURE);
}

static gan_status write_picture(const gan_saved_generator *saved, const gan_sample_latents *of, const char *output,
                                int64_t count, const float *samples) {
  switch (gan_picture_kind_of(&saved->data_shape)) {
    case GAN_PICTURE_GRID:
      return gan_picture_grid(output, &saved->data_shape, count, samples,
                              of->interpolates ? GAN_INTERPOLATION_STEPS : 0);
    case GAN_PICTURE_SCATTER:
      return gan_picture_scatter(output, 0, NULL, count, samples, 0);
    default:
      return gan_fail(GAN_BAD_USAGE, "samples of this shape cannot be drawn; write them as an array: -o samples.h5");
  }
}

/* Rows first .. first+rows-1: z (rows, latent), samples (rows, elements). */
static gan_status make_rows(const gan_saved_generator *saved, const gan_sample_latents *of, int64_t first, int64_t rows,
                            float *z, float *samples) {
  GAN_TRY(gan_sample_latents_make(of, first, rows, z));
  return gan_generate(saved->model.generator, saved->parameters, saved->buffers, rows, z, NULL, samples);
}

static gan_status allocate_rows(const gan_saved_generator *saved, const gan_sample_latents *of, int64_t rows, float **z,
                                float **samples) {
  GAN_TRY(gan_allocate((size_t)rows, (size_t)of->latent * sizeof **z, "latents", z));
  return gan_allocate((size_t)rows, (size_t)gan_shape_count(&saved->data_shape) * sizeof **samples, "samples", samples);
}

static gan_status draw_picture(const gan_saved_generator *saved, const gan_sample_latents *of, const char *output,
                               int64_t count) {
  float *z = NULL, *samples = NULL;
  gan_status status = allocate_rows(saved, of, count, &z, &samples);
  if (status == GAN_OK) status = make_rows(saved, of, 0, count, z, samples);
  if (status == GAN_OK) status = write_picture(saved, of, output, count, samples);
  free(z);
  free(samples);
  return status;
}

/* Pieces of whole batches of the generator: a sample's bits do not depend on how many there are. */
static gan_status fill_array(const gan_saved_generator *saved, const gan_sample_latents *of, int64_t count,
                             gan_samples_file *file) {
  float *z = NULL, *samples = NULL;
  const int64_t best = gan_samples_piece(file), whole = best < ROWS_LEAST ? ROWS_LEAST : best;
  const int64_t piece = whole < count ? whole : count;
  gan_status status = allocate_rows(saved, of, piece, &z, &samples);
  for (int64_t first = 0; status == GAN_OK && first < count; first += piece) {
    const int64_t rows = count - first < piece ? count - first : piece;
    status = make_rows(saved, of, first, rows, z, samples);
    if (status == GAN_OK) status = gan_samples_add(file, rows, z, samples);
  }
  free(z);
  free(samples);
  return status;
}

static gan_samples_origin origin_of(const gan_saved_generator *saved, const gan_sample_latents *of) {
  gan_samples_origin origin = saved->origin;
  const gan_config *config = saved->config;
  snprintf(origin.program_version, sizeof origin.program_version, "%s", GAN_DIST_VERSION);
  snprintf(origin.backend, sizeof origin.backend, "%s", gan_backend_find(config->run.backend)->name);
  snprintf(origin.precision, sizeof origin.precision, "%s", config->run.precision);
  snprintf(origin.latent_distribution, sizeof origin.latent_distribution, "%s", config->generator.latent_distribution);
  origin.seed = of->latents.address.seed;
  origin.latent_stream = of->latents.address.stream;
  origin.truncation = of->latents.truncation;
  origin.interpolation_steps = of->interpolates ? GAN_INTERPOLATION_STEPS : 0;
  return origin;
}

static gan_status write_array(const gan_saved_generator *saved, const gan_sample_latents *of, const char *output,
                              int64_t count) {
  const gan_samples_origin origin = origin_of(saved, of);
  gan_samples_file *file = NULL;
  GAN_TRY(gan_samples_create(output, &saved->data_shape, of->latent, count, &origin, &file));
  const gan_status status = fill_array(saved, of, count, file);
  if (status == GAN_OK) return gan_samples_finish(file);
  gan_samples_discard(file);
  return status;
}

/* Before the work: what takes minutes to write and fills a disk may be a zero too many. */
static void announce(const gan_arguments *arguments, const gan_saved_generator *saved, int64_t latent, int64_t count) {
  const double row = sizeof(float) * ((double)gan_shape_count(&saved->data_shape) + (double)latent);
  const double gibibytes = (double)count * row / (1 << 30);
  if (arguments->quiet || gibibytes <= 1) return;
  printf("%s will take %.1f GiB\n", arguments->output, gibibytes);
  fflush(stdout);
}

static gan_status make_samples(const gan_arguments *arguments, const gan_saved_generator *saved, int64_t count) {
  gan_sample_latents of;
  GAN_TRY(gan_sample_latents_of(arguments, saved->config, count, &of));
  if (gan_is_hdf5_name(arguments->output)) announce(arguments, saved, of.latent, count);
  return gan_is_hdf5_name(arguments->output) ? write_array(saved, &of, arguments->output, count)
                                             : draw_picture(saved, &of, arguments->output, count);
}

/* What is no checkpoint will be told by its kind, which is looked at now. */
static gan_status probe(const gan_arguments *arguments) {
  if (arguments->positional_count == 1) gan_file_kind_try(arguments->positional[0]);
  return GAN_OK;
}

/* Of a folder's checkpoints, which one was taken. */
static void report(const gan_arguments *arguments, const gan_saved_generator *saved, int64_t count) {
  const bool chosen = gan_is_folder(arguments->positional[0]);
  if (saved->damaged) gan_run_tell_damaged(stdout, saved->damaged);
  printf("%lld samples%s%s in %s\n", (long long)count, chosen ? " of " : "", chosen ? saved->checkpoint : "",
         arguments->output);
}

static gan_status run(gan_arguments *arguments) {
  if (arguments->positional_count != 1)
    return gan_fail(GAN_BAD_USAGE, "sample needs one checkpoint or run's folder: gan_dist %s",
                    gan_command_sample.usage);
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  gan_saved_generator saved = {0};
  GAN_TRY(check_output(arguments->output));
  gan_status status =
      gan_saved_generator_open(arguments, arguments->positional[0], "sample draws from a generator", &saved);
  const int64_t count = arguments->count ? arguments->count : status == GAN_OK ? saved.config->samples.count : 0;
  if (status == GAN_OK) status = make_samples(arguments, &saved, count);
  if (status == GAN_OK && !arguments->quiet) report(arguments, &saved, count);
  gan_saved_generator_release(&saved);
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
