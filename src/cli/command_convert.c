/* `gan_dist convert FOLDER -o FILE.h5`: pictures and IDX files to one HDF5 data set. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/convert.h"
#include "cli/json.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "data/picture_hint.h"
#include "data/source_types.h"
#include "store/kind.h"

static const gan_flag flags[] = {
    {"--size", "HEIGHTxWIDTH", "size of all images, or one number for both; without: the size that all have"},
    {"--fit", "NAME",
     "where the proportions differ: pad (default) shows the whole image with background beside it, crop its middle, "
     "stretch distorts"},
    {"--filter", "NAME",
     "bilinear (default; widened when shrinking, as Pillow's and torchvision's) or area (the mean over each new "
     "pixel's "
     "area)"},
    {"--channels", "1|3", "grey or colour; without: as the first image"},
    {"--background", "COLOUR",
     "what shows through transparent pixels and beside padded images: white (default), black, "
     "#rrggbb"},
    {"--labels", "WAY",
     "files (default): from the files of labels beside IDX files; folders: each folder below the one named is a class, "
     "numbered in the order of their names; none"},
    {"--skip-damaged", NULL, "leave out and count what cannot be read; without, it ends the conversion"},
    {NULL, NULL, NULL}};

/* Place of a flag's value in a list of names that ends with NULL, `fallback` when it was not given. */
static gan_status choose(const gan_arguments *arguments, const char *flag, const char *const *names, int fallback,
                         int *chosen) {
  const char *value = gan_argument(arguments, flag);
  char list[128] = "";
  *chosen = fallback;
  if (!value) return GAN_OK;
  for (int i = 0; names[i]; i++) {
    *chosen = i;
    if (strcmp(names[i], value) == 0) return GAN_OK;
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
  }
  const char *nearest = gan_nearest_name(value, names);
  return gan_fail(GAN_BAD_USAGE, "%s: \"%.80s\" is none of %s%s%s%s", flag, value, list,
                  nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static gan_status parse_fit_and_filter(const gan_arguments *arguments, gan_image_target *target) {
  enum { NAME_LIMIT = 16 };
  const char *fits[NAME_LIMIT + 1] = {NULL}, *filters[NAME_LIMIT + 1] = {NULL};
  int fit, filter;
  for (int i = 0; i < gan_image_fit_count && i < NAME_LIMIT; i++) fits[i] = gan_image_fits[i].name;
  for (int i = 0; i < gan_image_filter_count && i < NAME_LIMIT; i++) filters[i] = gan_image_filters[i].name;
  GAN_TRY(choose(arguments, "--fit", fits, 0, &fit));
  GAN_TRY(choose(arguments, "--filter", filters, 0, &filter));
  target->fit = &gan_image_fits[fit];
  target->filter = &gan_image_filters[filter];
  return GAN_OK;
}

/* "64" or "48x64". */
static gan_status parse_size(const gan_arguments *arguments, gan_image_target *target) {
  const char *value = gan_argument(arguments, "--size");
  char height[24];
  if (!value) return GAN_OK;
  const size_t length = strcspn(value, "x");
  snprintf(height, sizeof height, "%.*s", length < sizeof height ? (int)length : 0, value);
  const char *width = value[length] ? value + length + 1 : height;
  if (gan_parse_integer(height, &target->height) != GAN_OK || gan_parse_integer(width, &target->width) != GAN_OK ||
      target->height < 1 || target->width < 1 || target->height > GAN_IMAGE_SIDE_MAX ||
      target->width > GAN_IMAGE_SIDE_MAX)
    return gan_fail(GAN_BAD_USAGE,
                    "--size is HEIGHTxWIDTH (48x64) or one number for both, each 1 .. %" PRId64 ", not \"%.80s\"",
                    GAN_IMAGE_SIDE_MAX, value);
  return GAN_OK;
}

static gan_status parse_channels(const gan_arguments *arguments, gan_image_target *target) {
  static const char *const names[] = {"1", "3", NULL};
  static const int64_t channels[] = {1, 3, 0};
  int chosen;
  GAN_TRY(choose(arguments, "--channels", names, 2, &chosen));
  target->channels = channels[chosen];
  return GAN_OK;
}

static gan_status parse_background(const gan_arguments *arguments, gan_image_target *target) {
  const char *value = gan_argument(arguments, "--background");
  if (!value || strcmp(value, "white") == 0) value = "#ffffff";
  if (strcmp(value, "black") == 0) value = "#000000";
  if (value[0] != '#' || strlen(value) != 7 || strspn(value + 1, "0123456789abcdefABCDEF") != 6)
    return gan_fail(GAN_BAD_USAGE, "--background: \"%.80s\" is no colour; white, black or #rrggbb", value);
  for (int i = 0; i < 3; i++) {
    unsigned part = 0;
    (void)sscanf(value + 1 + 2 * i, "%2x", &part);
    target->background[i] = (uint8_t)part;
  }
  return GAN_OK;
}

static gan_status parse(const gan_arguments *arguments, gan_convert_options *options) {
  static const char *const ways[] = {"files", "folders", "none", NULL};
  int way;
  if (arguments->positional_count == 0)
    return gan_fail(GAN_BAD_USAGE, "convert needs folders or files of images: gan_dist %s", gan_command_convert.usage);
  if (!arguments->output)
    return gan_fail(GAN_BAD_USAGE, "convert needs the name of the HDF5 file that it makes: -o FILE.h5");
  if (!gan_is_hdf5_name(arguments->output))
    return gan_fail(GAN_BAD_USAGE, "-o %s: the name of the file that convert makes has to end in .h5 or .hdf5",
                    arguments->output);
  GAN_TRY(gan_result_may_become("-o", arguments->output, GAN_KIND_IMAGES));
  GAN_TRY(parse_fit_and_filter(arguments, &options->target));
  GAN_TRY(parse_size(arguments, &options->target));
  GAN_TRY(parse_channels(arguments, &options->target));
  GAN_TRY(parse_background(arguments, &options->target));
  GAN_TRY(choose(arguments, "--labels", ways, GAN_CONVERT_LABELS_FILES, &way));
  options->labels = (gan_convert_labels)way;
  options->root_count = arguments->positional_count;
  options->roots = arguments->positional;
  options->output = arguments->output;
  options->limit = arguments->count;
  options->skip_damaged = gan_argument(arguments, "--skip-damaged") != NULL;
  options->quiet = arguments->quiet;
  return GAN_OK;
}

static void print_json(const gan_convert_options *options, const gan_convert_report *report) {
  struct json_object *object = json_object_new_object(), *shape = json_object_new_array();
  for (int i = 0; i < report->shape.rank; i++)
    json_object_array_add(shape, json_object_new_int64(report->shape.size[i]));
  gan_json_add_text(object, "path", options->output);
  gan_json_add_integer(object, "images", report->images);
  gan_json_add(object, "shape", shape);
  gan_json_add_integer(object, "files", report->files);
  gan_json_add_integer(object, "ignored", report->ignored);
  gan_json_add_integer(object, "damaged", report->damaged);
  gan_json_add_integer(object, "classes", report->class_count);
  if (report->class_names) {
    struct json_object *names = json_object_new_array();
    for (int i = 0; i < report->class_count; i++)
      json_object_array_add(names, json_object_new_string(report->class_names[i]));
    gan_json_add(object, "class_names", names);
  }
  gan_json_add_integer(object, "ignored_pictures", report->pictures);
  gan_json_print(object);
}

/* Nobody who has pictures of two formats means to lose those of one. */
static void print_pictures(const gan_convert_options *options, int64_t pictures) {
  char remedy[GAN_PICTURE_REMEDY];
  printf("  %" PRId64 " of them %s of formats that are not read, as JPEG; this makes PNG of them: %s\n", pictures,
         pictures == 1 ? "is a picture" : "are pictures",
         gan_picture_remedy(options->root_count == 1 ? options->roots[0] : "FOLDER", remedy));
}

static void print_text(const gan_convert_options *options, const gan_convert_report *report) {
  char shape[GAN_SHAPE_TEXT];
  printf("%" PRId64 " image%s of shape %s", report->images, report->images == 1 ? "" : "s",
         gan_shape_print(&report->shape, shape));
  if (report->labelled) printf(" in %d class%s", report->class_count, report->class_count == 1 ? "" : "es");
  printf(" from %" PRId64 " file%s in %s\n", report->files, report->files == 1 ? "" : "s", options->output);
  if (report->ignored) printf("  %" PRId64 " other file%s ignored\n", report->ignored, report->ignored == 1 ? "" : "s");
  if (report->pictures) print_pictures(options, report->pictures);
  if (report->damaged)
    printf("  %" PRId64 " damaged file%s left out\n", report->damaged, report->damaged == 1 ? "" : "s");
}

static atomic_bool stopped;

/* Ctrl-C is no reason to leave half a data set behind. */
static void stop(void) { atomic_store(&stopped, true); }

static gan_status run(gan_arguments *arguments) {
  gan_convert_options options = {.root_count = 0};
  gan_convert_report report;
  GAN_TRY(parse(arguments, &options));
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  options.stop = &stopped;
  gan_signals_answered(true);
  const gan_status status = gan_convert(&options, &report);
  if (status == GAN_OK && arguments->json) print_json(&options, &report);
  if (status == GAN_OK && !arguments->json && !arguments->quiet) print_text(&options, &report);
  gan_convert_release(&report);
  return status;
}

const gan_command gan_command_convert = {
    .name = "convert",
    .usage = "convert FOLDER|FILE.. -o FILE.h5 [--size HEIGHTxWIDTH] [--fit NAME] [--channels 1|3] [-n COUNT] ..",
    .help = "makes one HDF5 data set (data.source hdf5) of the PNG pictures in folders, and of IDX files",
    .takes_config = false,
    .common = "onjq",
    .keys = "",
    .flags = flags,
    .run = run,
    .stop = stop};
