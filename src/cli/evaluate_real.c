/* The samples that `evaluate` compares: what the real ones and those of the floor are, and whether there are enough
   of each and of what is judged. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/evaluate_work.h"
#include "train/data.h"

/* --- The real samples --- */

/* "of the 60000 samples of PATH". */
static void describe(const gan_source *source, char text[GAN_EVALUATE_TEXT]) {
  if (source->count)
    snprintf(text, GAN_EVALUATE_TEXT, "of the %" PRId64 " samples of %s", source->count, gan_evaluate_place(source));
  else
    snprintf(text, GAN_EVALUATE_TEXT, "samples of %s, which has no end", gan_evaluate_place(source));
}

static void describe_real(gan_evaluate_work *of) {
  gan_evaluate_report *report = of->report;
  char text[GAN_EVALUATE_TEXT];
  report->real_count = of->rows.real_count;
  describe(of->real, report->real);
  if (!of->rows.others.source) return;
  describe(of->rows.others.source, text);
  snprintf(report->others, sizeof report->others, "%s, %s", text,
           report->held_out ? "held out of training" : "others than the real ones, which training may have seen");
}

/* --- What cannot be compared --- */

gan_status gan_evaluate_check_shape(const gan_shape *real, const gan_shape *other, const char *what) {
  char is[GAN_SHAPE_TEXT], has_to_be[GAN_SHAPE_TEXT];
  gan_shape_print(real, has_to_be);
  gan_shape_print(other, is);
  if (strcmp(is, has_to_be) == 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "samples of %s are of shape %s, and the real ones of %s: they cannot be compared",
                  what, is, has_to_be);
}

static gan_status too_few(const char *set, const char *place, int64_t count, int64_t needed, const char *remedy) {
  return gan_fail(GAN_BAD_USAGE,
                  "%s has too few %ssamples for a comparison: there are %" PRId64 ", and %" PRId64 " are needed%s",
                  place, set, count, needed, remedy);
}

static gan_status check_counts(const gan_evaluate_work *of) {
  const gan_source *real = of->real, *others = of->rows.others.source;
  const bool shared = of->has_floor && !of->report->held_out; /* the floor's samples are taken from the same */
  if (of->rows.real_count < GAN_EVALUATE_LEAST || (shared && of->rows.other_count < GAN_EVALUATE_LEAST))
    return too_few("", gan_evaluate_place(real), real->count, shared ? 2 * GAN_EVALUATE_LEAST : GAN_EVALUATE_LEAST,
                   shared ? " with a floor, which takes half of them; --no-floor leaves it out" : "");
  if (!of->has_floor || of->rows.other_count >= GAN_EVALUATE_LEAST) return GAN_OK;
  return too_few("held-out ", gan_evaluate_place(others), of->rows.other_count, GAN_EVALUATE_LEAST,
                 " for the floor; --no-floor leaves it out");
}

/* --- All of them --- */

gan_status gan_evaluate_open_real(gan_evaluate_work *of) {
  const gan_config *config = of->data.config;
  GAN_TRY(gan_evaluate_data_error(&of->data,
                                  gan_open_source(of->world, &config->data, (uint64_t)config->run.seed, &of->real)));
  GAN_TRY(gan_real_rows_deal(of->world, of->real, of->data.has_held_out ? &of->data.held_out : NULL, of->wanted,
                             of->has_floor, &of->rows));
  of->report->held_out = of->rows.held_out;
  if (of->rows.opened)
    GAN_TRY(gan_evaluate_check_shape(&of->real->shape, &of->rows.opened->shape, gan_evaluate_place(of->rows.opened)));
  describe_real(of);
  GAN_TRY(check_counts(of));
  return gan_source_modes(of->real, &of->modes, &of->centres);
}

gan_status gan_evaluate_open_judged(gan_evaluate_work *of) {
  of->judged_count = of->wanted;
  if (of->judged.count) return GAN_OK;
  GAN_TRY(gan_evaluate_file_error(gan_open_source(of->world, &of->data.file, 0, &of->file)));
  GAN_TRY(gan_evaluate_check_shape(&of->real->shape, &of->file->shape, of->data.file.path));
  of->judged_count = gan_at_most(of->wanted, of->file->count);
  if (of->file->count >= GAN_EVALUATE_LEAST) return GAN_OK;
  return too_few("", of->data.file.path, of->file->count, GAN_EVALUATE_LEAST, "");
}
