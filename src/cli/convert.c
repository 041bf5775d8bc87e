/* One image at a time goes from its file through the resampling to the data set: memory does not depend on how many
   there are. */
#include "cli/convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/image_files.h"
#include "data/picture_hint.h"
#include "data/source_types.h"
#include "store/image_set.h"

enum { LABEL_LIMIT = UINT16_MAX + 1 };

typedef struct conversion {
  const gan_convert_options *options;
  gan_convert_report *report;
  gan_image_target target; /* channels, height and width known once the first image is */
  gan_image_set *set;      /* NULL until then */
  uint8_t *sample;         /* (channels, height, width) */
  int class_room;          /* of report->class_names */
} conversion;

static bool is_full(const conversion *work) {
  return work->options->limit > 0 && work->report->images >= work->options->limit;
}

/* --- classes --- */

static gan_status add_class(conversion *work, const char *name) {
  gan_convert_report *report = work->report;
  if (report->class_count == LABEL_LIMIT)
    return gan_fail(GAN_BAD_USAGE, "more than %d folders would become classes; --labels none does without",
                    LABEL_LIMIT);
  if (strchr(name, '\n'))
    return gan_fail(GAN_BAD_USAGE, "the name of folder %s has a line end in it, which the name of a class cannot have",
                    name);
  if (report->class_count == work->class_room) {
    const int room = work->class_room ? 2 * work->class_room : 64;
    char **grown = NULL;
    GAN_TRY(gan_allocate((size_t)room, sizeof *grown, "names of classes", &grown));
    if (report->class_count) memcpy(grown, report->class_names, (size_t)report->class_count * sizeof *grown);
    free(report->class_names);
    report->class_names = grown;
    work->class_room = room;
  }
  GAN_TRY(gan_duplicate(name, &report->class_names[report->class_count]));
  report->class_count++;
  return GAN_OK;
}

/* Number of the class of that name; a new one when there is none. Images of a class mostly come in a row, so the last
   class is looked at first. */
static gan_status class_of(conversion *work, const char *path, const char *name, int32_t *label) {
  if (name[0] == '\0')
    return gan_fail(GAN_BAD_USAGE, "%s is in no folder below the one that was named, so it has no class (--labels)",
                    path);
  for (int i = work->report->class_count - 1; i >= 0; i--)
    if (strcmp(work->report->class_names[i], name) == 0) {
      *label = i;
      return GAN_OK;
    }
  GAN_TRY(add_class(work, name));
  *label = work->report->class_count - 1;
  return GAN_OK;
}

static gan_status label_of(conversion *work, const gan_image_file *file, const gan_image *image, int32_t *label) {
  *label = -1;
  if (work->options->labels == GAN_CONVERT_LABELS_NONE) return GAN_OK;
  if (work->options->labels == GAN_CONVERT_LABELS_FOLDERS) return class_of(work, file->path, file->folder, label);
  *label = image->label;
  if (image->label >= work->report->class_count) work->report->class_count = image->label + 1;
  return GAN_OK;
}

/* --- the set --- */

/* The first image decides what was left open. */
static gan_status begin_set(conversion *work, const gan_image *image, bool labelled) {
  gan_image_target *target = &work->target;
  if (target->height == 0) {
    target->height = image->height;
    target->width = image->width;
  }
  if (target->channels == 0) target->channels = image->colour ? 3 : 1;
  work->report->shape = (gan_shape){.rank = 3, .size = {target->channels, target->height, target->width}};
  work->report->labelled = labelled;
  const int64_t elements = gan_shape_count(&work->report->shape);
  if (elements > GAN_SAMPLE_ELEMENTS_MAX)
    return gan_fail(GAN_BAD_USAGE,
                    "images of %" PRId64 " elements each; at most %" PRId64 " can be trained on: choose a --size",
                    elements, GAN_SAMPLE_ELEMENTS_MAX);
  GAN_TRY(gan_allocate((size_t)elements, 1, "an image", &work->sample));
  return gan_image_set_create(work->options->output, &work->report->shape, labelled, &work->set);
}

/* What the first image decided has to suit all others. */
static gan_status check_alike(const conversion *work, const char *path, const gan_image *image, bool labelled) {
  const gan_image_target *target = &work->target;
  if (work->options->target.height == 0 && (image->height != target->height || image->width != target->width))
    return gan_fail(GAN_BAD_USAGE,
                    "%s has %" PRId64 " x %" PRId64 " pixels, where images before it have %" PRId64 " x %" PRId64
                    " (height x width); --size makes all alike",
                    path, image->height, image->width, target->height, target->width);
  if (work->options->target.channels == 0 && target->channels == 1 && image->colour)
    return gan_fail(GAN_BAD_USAGE,
                    "%s has colours, where images before it are grey; choose --channels 3, or 1 to make all grey",
                    path);
  if (labelled != work->report->labelled)
    return gan_fail(GAN_BAD_USAGE, "%s has %s, where images before it have %s; --labels none does without", path,
                    labelled ? "labels" : "no labels", labelled ? "none" : "some");
  return GAN_OK;
}

static bool is_stopped(const conversion *work) { return work->options->stop && atomic_load(work->options->stop); }

static gan_status take_image(conversion *work, const gan_image_file *file, const gan_image *image) {
  int32_t label;
  if (is_stopped(work)) return gan_fail(GAN_FAILED, "stopped by a signal; %s is not written", work->options->output);
  GAN_TRY(label_of(work, file, image, &label));
  if (!work->set) GAN_TRY(begin_set(work, image, label >= 0));
  GAN_TRY(check_alike(work, file->path, image, label >= 0));
  GAN_TRY(gan_image_resize(&work->target, image, work->sample));
  GAN_TRY(gan_image_set_add(work->set, work->sample, label));
  work->report->images++;
  return GAN_OK;
}

/* --- files --- */

static gan_status read_images(conversion *work, const gan_image_file *file) {
  gan_image_reader reader;
  if (file->status != GAN_OK) return file->status;
  GAN_TRY(gan_image_open(file->format, file->path, work->options->labels == GAN_CONVERT_LABELS_FILES, &reader));
  gan_status status = GAN_OK;
  for (bool more = true; more && status == GAN_OK && !is_full(work);) {
    gan_image image;
    status = gan_image_next(&reader, &image, &more);
    if (status == GAN_OK && more) status = take_image(work, file, &image);
  }
  gan_image_close(&reader);
  return status;
}

/* A file that turns out damaged behind some of its images is counted, and those before are kept. */
static gan_status take_file(conversion *work, const gan_image_file *file) {
  const gan_status status = read_images(work, file);
  if (status == GAN_OK) work->report->files++;
  if (status != GAN_BAD_FILE) return status;
  if (!work->options->skip_damaged)
    return gan_fail(GAN_BAD_FILE, "%s (--skip-damaged leaves out what cannot be read)", gan_error_message());
  work->report->damaged++;
  if (!work->options->quiet) fprintf(stderr, "left out: %s\n", gan_error_message());
  return GAN_OK;
}

static gan_status take_root(conversion *work, const char *root) {
  gan_image_files *files;
  GAN_TRY(gan_image_files_open(root, &files));
  gan_status status = GAN_OK;
  for (bool more = true; more && status == GAN_OK && !is_full(work);) {
    gan_image_file file;
    status = gan_image_files_next(files, &file, &more);
    if (status == GAN_OK && more) status = take_file(work, &file);
  }
  work->report->ignored += gan_image_files_ignored(files);
  work->report->pictures += gan_image_files_pictures(files);
  gan_image_files_close(files);
  return status;
}

/* The names of the classes, a line each; NULL when they have none. */
static gan_status join_names(const gan_convert_report *report, char **text) {
  size_t bytes = 1, used = 0;
  *text = NULL;
  if (!report->class_names) return GAN_OK;
  for (int i = 0; i < report->class_count; i++) bytes += strlen(report->class_names[i]) + 1;
  GAN_TRY(gan_allocate(bytes, 1, "names of classes", text));
  for (int i = 0; i < report->class_count; i++)
    used += (size_t)snprintf(*text + used, bytes - used, "%s%s", i ? "\n" : "", report->class_names[i]);
  return GAN_OK;
}

static gan_status no_images(const conversion *work) {
  const gan_convert_options *options = work->options;
  const int64_t ignored = work->report->ignored;
  char remedy[GAN_PICTURE_REMEDY];
  return gan_fail(GAN_BAD_FILE,
                  "no images in %s%s (%" PRId64 " other file%s, %" PRId64
                  " damaged): PNG and IDX files can be read; JPEG and others have to become PNG before (as by "
                  "ImageMagick: %s)",
                  options->roots[0], options->root_count > 1 ? " and the others" : "", ignored, ignored == 1 ? "" : "s",
                  work->report->damaged, gan_picture_remedy(options->roots[0], remedy));
}

static gan_status finish(conversion *work) {
  const gan_image_target *target = &work->target;
  char preparation[256], *names;
  if (!work->set) return no_images(work);
  snprintf(preparation, sizeof preparation, "fit %s, filter %s, background #%02x%02x%02x", target->fit->name,
           target->filter->name, target->background[0], target->background[1], target->background[2]);
  GAN_TRY(join_names(work->report, &names));
  const gan_status status = gan_image_set_finish(work->set, preparation, names);
  work->set = NULL;
  free(names);
  return status;
}

gan_status gan_convert(const gan_convert_options *options, gan_convert_report *report) {
  *report = (gan_convert_report){.images = 0};
  conversion work = {.options = options, .report = report, .target = options->target};
  gan_status status = GAN_OK;
  for (int i = 0; i < options->root_count && status == GAN_OK && !is_full(&work); i++)
    status = take_root(&work, options->roots[i]);
  if (status == GAN_OK) status = finish(&work);
  gan_image_set_discard(work.set);
  free(work.sample);
  return status;
}

void gan_convert_release(gan_convert_report *report) {
  for (int i = 0; report->class_names && i < report->class_count; i++) free(report->class_names[i]);
  free(report->class_names);
  report->class_names = NULL;
}
