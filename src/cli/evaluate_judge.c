/* What `evaluate` judges, one set after the other: a file of samples, or those that checkpoints' generators make. */
#include <stdio.h>

#include "cli/evaluate_work.h"
#include "dist/world.h"

/* --- A set --- */

/* Somebody who names a metric is to learn that it is not there from the exit status. */
static gan_status check_named(const gan_evaluate_work *of, const gan_evaluate_entry *entry) {
  for (int row = 0; of->choice.named && row < of->choice.count; row++)
    if (entry->results[row].unable[0])
      return gan_fail(GAN_BAD_USAGE, "%s cannot be computed: %s", of->choice.metrics[row]->name,
                      entry->results[row].unable);
  return GAN_OK;
}

/* Rows that want nothing but the held-out samples, which are there and left out, say so. */
static void blame_no_floor(const gan_evaluate_work *of, const gan_comparison *comparison, gan_metric_result *results) {
  gan_comparison with = *comparison;
  if (of->has_floor || !of->report->held_out) return;
  with.held_out = comparison->real;
  for (int row = 0; row < of->choice.count; row++)
    if (results[row].unable[0] && !of->choice.metrics[row]->unable(&with))
      snprintf(results[row].unable, sizeof results[row].unable,
               "needs real samples that training has not seen, and --no-floor leaves them out");
}

static gan_status judge_set(gan_evaluate_work *of, gan_filled_set *set, gan_evaluate_entry *entry) {
  GAN_TRY(gan_evaluate_search(of, set));
  const gan_comparison comparison = gan_evaluate_compare_with(of, &set->set);
  entry->count = set->set.count;
  gan_status status = gan_metrics_compute(&of->choice, &comparison, "judged", &of->watch, entry->results);
  if (status == GAN_OK) blame_no_floor(of, &comparison, entry->results);
  if (status == GAN_OK) status = check_named(of, entry);
  if (status == GAN_OK && of->repeats)
    status = gan_metrics_repeat(&of->choice, &comparison, of->repeats, &of->watch, entry->results);
  const char *pairs = gan_argument(of->arguments, "--pairs");
  if (status == GAN_OK && pairs)
    status = gan_evaluate_draw_pairs(&comparison, of->training.maker.count ? &of->training : NULL, pairs);
  return status;
}

static gan_status judge(gan_evaluate_work *of, gan_set_maker maker, gan_evaluate_entry *entry) {
  gan_filled_set set;
  gan_rounding rounding;
  GAN_TRY(gan_evaluate_fill_rounded(of, maker, "samples to judge", &rounding, &set));
  gan_evaluate_notice_units(of, &set.set, of->report->rounded ? &rounding : NULL);
  const gan_status status = judge_set(of, &set, entry);
  gan_set_release(&set);
  return status;
}

/* --- What is judged --- */

static void compare_data(gan_evaluate_work *of, const gan_saved_generator *saved) {
  if (!of->data.of_run || gan_argument(of->arguments, "--against")) return;
  if (saved->fingerprint != of->real->fingerprint && saved->fingerprint != of->real->earlier_fingerprint)
    gan_evaluate_notice(of->report, "%s is not what the generator was trained on: the data have changed",
                        gan_evaluate_place(of->real));
}

static gan_status judge_generator(gan_evaluate_work *of, const gan_saved_generator *saved, gan_evaluate_entry *entry) {
  gan_generated_rows rows;
  GAN_TRY(
      gan_world_agree(of->world, gan_evaluate_check_shape(&of->real->shape, &saved->data_shape, saved->checkpoint)));
  gan_status status = gan_world_agree(of->world, gan_generated_rows_create(of->arguments, saved, of->wanted, &rows));
  entry->origin = saved->origin;
  of->report->seed = rows.latents.latents.address.seed;
  compare_data(of, saved);
  if (status == GAN_OK) status = judge(of, gan_generated_rows_maker(&rows, of->wanted), entry);
  gan_generated_rows_release(&rows);
  return status;
}

static gan_status judge_checkpoint(gan_evaluate_work *of, const char *path, gan_evaluate_entry *entry) {
  gan_saved_generator saved;
  snprintf(entry->path, sizeof entry->path, "%s", path);
  gan_status status = gan_world_agree(
      of->world, gan_saved_generator_open(of->arguments, path, "evaluate judges a generator's samples", &saved));
  if (status == GAN_OK) status = judge_generator(of, &saved, entry);
  gan_saved_generator_release(&saved);
  return status;
}

static gan_status judge_file(gan_evaluate_work *of, gan_evaluate_entry *entry) {
  gan_source_rows rows = {.source = of->file, .in_order = true};
  snprintf(entry->path, sizeof entry->path, "%s", of->data.file.path);
  if (of->file->label_count > of->label_count) {
    gan_evaluate_notice(of->report, "labels of %s are left out: they have %d classes, and the real samples %d",
                        entry->path, of->file->label_count, of->label_count);
    of->file->label_count = 0;
  }
  return judge(of, gan_source_rows_maker(&rows, of->judged_count), entry);
}

gan_status gan_evaluate_judge_all(gan_evaluate_work *of) {
  gan_evaluate_report *report = of->report;
  if (!of->judged.count) return judge_file(of, &report->entries[0]);
  for (int i = 0; i < of->judged.count; i++)
    GAN_TRY(judge_checkpoint(of, of->judged.checkpoints[i], &report->entries[i]));
  return GAN_OK;
}
