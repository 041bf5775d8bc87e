/* Sets of `evaluate` as they are filled: with features of a network or none, rounded or not, where memory is enough. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/evaluate_work.h"
#include "dist/world.h"

/* --- Features --- */

gan_status gan_evaluate_open_features(gan_evaluate_work *of) {
  const gan_config *config = of->data.config;
  GAN_TRY(gan_world_agree(
      of->world, gan_backend_open(config->run.backend, gan_precision_find(config->run.precision), &of->backend)));
  GAN_TRY(gan_features_choose(of->world, gan_argument(of->arguments, "--features"), &of->real->shape, of->backend,
                              &of->features, &of->about));
  if (!of->features) of->about.name = "none: the samples themselves";
  snprintf(of->report->features, sizeof of->report->features, "%s", of->about.name);
  of->report->feature_count = of->about.feature_count;
  of->report->fingerprint = of->about.fingerprint;
  of->label_count = of->real->label_count;
  if (!of->about.classes || of->label_count <= of->about.classes) return GAN_OK;
  gan_evaluate_notice(of->report, "labels are left out: the data have %d classes, and the feature network %d",
                      of->label_count, of->about.classes);
  of->label_count = 0;
  return GAN_OK;
}

/* Where all features are constant, distances are 0 whatever the samples are. */
gan_status gan_evaluate_check_features(const gan_evaluate_work *of) {
  const gan_sample_set *set = &of->real_set.set;
  if (gan_set_varies(set)) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "all %" PRId64
                  " real samples of %s have the same features (%s), which tell nothing of how good samples are: take "
                  "other features (--features) or data that vary",
                  set->count, gan_evaluate_place(of->real), of->about.name);
}

/* --- Memory --- */

static double bytes_of(const gan_evaluate_work *of, int64_t count, bool labelled) {
  const double halves = of->repeats ? 1.5 : 1;
  return halves * gan_set_bytes(count, gan_shape_count(&of->real->shape), of->features ? &of->about : NULL, labelled);
}

/* What all sets take that are there at a time, on each host. */
gan_status gan_evaluate_check_memory(const gan_evaluate_work *of) {
  const bool labelled = of->label_count > 0;
  const double bytes = bytes_of(of, of->rows.real_count, labelled) + bytes_of(of, of->rows.other_count, labelled) +
                       bytes_of(of, of->judged_count, labelled);
  const double available = gan_memory_available(), gibibyte = 1 << 30;
  if (bytes <= available) return GAN_OK;
  return gan_fail(GAN_FAILED,
                  "the samples and their features would take %.1f GiB of memory, and %.1f GiB are there: take fewer "
                  "with --samples",
                  bytes / gibibyte, available / gibibyte);
}

/* --- Filling --- */

/* By --round, or by what the real samples are. */
gan_status gan_evaluate_choose_rounding(gan_evaluate_work *of) {
  const char *text = gan_argument(of->arguments, "--round");
  of->report->rounded = text ? strcmp(text, "8bit") == 0 : gan_are_byte_images(&of->real_set.set);
  if (!of->report->rounded || of->real->shape.rank == 3) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "--round 8bit is for images, and samples of %s are none",
                  gan_evaluate_place(of->real));
}

gan_status gan_evaluate_fill(gan_evaluate_work *of, gan_set_maker maker, const char *what, gan_filled_set *filled) {
  if (maker.label_count) maker.label_count = of->label_count; /* all sets have the same classes */
  return gan_set_fill(of->world, &maker, of->features, what, &of->watch, filled);
}

gan_status gan_evaluate_fill_rounded(gan_evaluate_work *of, gan_set_maker maker, const char *what,
                                     gan_rounding *rounding, gan_filled_set *filled) {
  return gan_evaluate_fill(of, of->report->rounded ? gan_rounding_maker(rounding, &maker) : maker, what, filled);
}
