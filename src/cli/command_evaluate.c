/* `gan_dist evaluate`: how good samples are, by all metrics of the table, each beside what real samples and what noise
   get, so that a number means something (docs/evaluation.md).

   Work is in blocks of samples of a fixed size that the ranks share (eval/sample_sets.h), so all numbers are the same
   on any number of ranks. Sets come one after the other: the real ones stay, others go when they are compared.

   Here are the flags and the order of the work; the work itself is in files by its parts (cli/evaluate_work.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "cli/evaluate_work.h"
#include "cli/outputs.h"
#include "cli/run_folder.h"
#include "cli/terminal.h"
#include "dist/world.h"
#include "store/kind.h"

/* SAMPLES_USUAL: of each set, by default. */
enum { SAMPLES_USUAL = 10000, MOST_REPEATS = 10000 };

static const gan_flag flags[] = {
    {"--all", NULL, "every checkpoint of the run's folder: a curve of quality over iterations, and the best one"},
    {"--against", "WHAT", "the real samples: those of a run's folder or checkpoint, or a data file (HDF5, NumPy, IDX)"},
    {"--held-out", "FILE",
     "real samples that training has not seen; without: the test images beside IDX files, or what "
     "data.samples leaves"},
    {"--metrics", "A,B,..", "which, by their names; without: all"},
    {"--features", "FILE",
     "what metrics look at: a network's file, random (a fixed random network; without, for images) "
     "or none (the samples themselves; without, for vectors)"},
    {"--samples", "N", "of each set; without: 10000, or as many as there are"},
    {"--neighbours", "K", "of metrics by nearest neighbours; without: 5"},
    {"--round", "WHAT",
     "8bit: values of samples (and noise) to those of an image of 8 bits; none; without: 8bit where the real samples "
     "are images of 8 bits"},
    {"--repeat", "R", "standard errors, from R random halves of the sets; R times the work of the metrics"},
    {"--no-floor", NULL, "leave out what real samples and noise get, and with it most of the time"},
    {"--pairs", "FILE.png", "draw the generated samples that are closest to a real one, each beside it"},
    {"--truncation", "BOUND", "draw latent values beyond +-BOUND again, as sample does"},
    {"--range", "LOW,HIGH", "of a file of samples: the values that become -1 and 1"},
    {"--dataset", "NAME", "of an HDF5 file of samples: its data set"},
    {"--axes", "NAME", "of a file of samples: what its axes are, as data.axes"},
    {NULL, NULL, NULL}};

/* --- What is asked --- */

static gan_status take_number(const gan_arguments *arguments, const char *flag, int64_t least, int64_t most,
                              int64_t *number) {
  const char *text = gan_argument(arguments, flag);
  if (!text) return GAN_OK;
  const gan_status status = gan_parse_integer(text, number);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", flag);
  if (*number >= least && *number <= most) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s has to be from %" PRId64 " to %" PRId64 ", not %s", flag, least, most, text);
}

static gan_status check_round(const gan_evaluate_work *of) {
  const char *text = gan_argument(of->arguments, "--round");
  if (!text || strcmp(text, "8bit") == 0 || strcmp(text, "none") == 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "--round is 8bit or none, not %.40s", text);
}

static gan_status take_flags(gan_evaluate_work *of) {
  int64_t neighbours = GAN_NEIGHBOURS_USUAL, repeats = 0;
  const char *metrics = gan_argument(of->arguments, "--metrics");
  of->wanted = SAMPLES_USUAL;
  of->has_floor = !gan_argument(of->arguments, "--no-floor");
  if (metrics && !metrics[strspn(metrics, " ")])
    return gan_fail(GAN_BAD_USAGE, "--metrics names none: leave it out for all of them");
  GAN_TRY(gan_metrics_choose(metrics ? metrics : "", &of->choice));
  GAN_TRY(check_round(of));
  GAN_TRY(take_number(of->arguments, "--samples", GAN_EVALUATE_LEAST, INT32_MAX, &of->wanted));
  GAN_TRY(take_number(of->arguments, "--neighbours", 1, INT32_MAX, &neighbours));
  GAN_TRY(take_number(of->arguments, "--repeat", 2, MOST_REPEATS, &repeats));
  of->neighbours = (int)neighbours;
  of->repeats = (int)repeats;
  return GAN_OK;
}

static gan_status check_output(const gan_evaluate_work *of) {
  const char *output = of->arguments->output;
  if (!output) return GAN_OK;
  if (!of->judged.curve)
    return gan_fail(GAN_BAD_USAGE, "-o is for the picture of a curve over several checkpoints: --all");
  if (!gan_name_ends_in(output, ".png"))
    return gan_fail(GAN_BAD_USAGE, "-o %s: the name has to end in .png, since it becomes a picture", output);
  return gan_world_rank(of->world) == 0 ? gan_result_may_become("-o", output, GAN_KIND_PICTURE) : GAN_OK;
}

/* --- All of it --- */

static void on_step(void *context, const char *what, double share) {
  gan_evaluate_work *of = context;
  gan_work_bar_step(&of->bar, what, share);
}

static gan_status tell(gan_evaluate_work *of) {
  const char *picture = of->arguments->output;
  if (gan_world_rank(of->world) != 0) return GAN_OK;
  gan_evaluate_add_notices(of);
  gan_work_bar_erase(&of->bar);
  if (picture) GAN_TRY(gan_evaluate_draw(of->report, picture));
  if (of->arguments->json)
    gan_evaluate_print_json(of->report, picture);
  else
    gan_evaluate_print(of->report, picture);
  return GAN_OK;
}

static gan_status make_report(gan_evaluate_work *of) {
  const int entries = of->judged.count ? of->judged.count : 1;
  GAN_TRY(gan_allocate(1, sizeof *of->report, "the report", &of->report));
  *of->report = (gan_evaluate_report){.choice = &of->choice,
                                      .curve = of->judged.curve,
                                      .has_floor = of->has_floor,
                                      .repeats = of->repeats,
                                      .neighbours = of->neighbours,
                                      .entry_count = entries};
  return gan_allocate((size_t)entries, sizeof *of->report->entries, "the report", &of->report->entries);
}

/* Of the order of checkpoints, before the work: where it is no curve, none can be drawn. */
static gan_status check_curve(gan_evaluate_work *of) {
  gan_evaluate_report *report = of->report;
  if (!of->arguments->output) return GAN_OK;
  for (int i = 0; i < of->judged.count; i++) {
    gan_checkpoint checkpoint;
    GAN_TRY(gan_checkpoint_read_header(of->judged.checkpoints[i], &checkpoint));
    report->entries[i].origin.iteration = checkpoint.iteration;
    snprintf(report->entries[i].path, PATH_MAX, "%s", of->judged.checkpoints[i]);
    gan_checkpoint_release(&checkpoint);
  }
  return gan_evaluate_check_curve(report);
}

static gan_status prepare(gan_evaluate_work *of) {
  gan_world *world = of->world;
  GAN_TRY(gan_judged_find(world, of->arguments, &of->judged));
  GAN_TRY(gan_world_agree(world, check_output(of)));
  GAN_TRY(gan_world_agree(world, gan_evaluate_check_pairs(of->arguments, of->judged.curve)));
  GAN_TRY(gan_world_agree(world, make_report(of)));
  GAN_TRY(gan_world_agree(world, check_curve(of)));
  GAN_TRY(gan_world_agree(world, gan_evaluate_data_find(of->arguments, &of->judged, &of->data)));
  GAN_TRY(gan_world_agree(world, gan_evaluate_open_real(of)));
  GAN_TRY(gan_world_agree(world, gan_evaluate_open_judged(of)));
  GAN_TRY(gan_world_agree(world, gan_evaluate_check_held_out(of)));
  gan_evaluate_notice_same(of);
  of->report->floor_count = gan_at_most(of->judged_count, of->rows.other_count);
  GAN_TRY(gan_world_agree(world, gan_evaluate_open_features(of)));
  return gan_world_agree(world, gan_evaluate_check_memory(of));
}

static gan_status evaluate(gan_evaluate_work *of) {
  GAN_TRY(prepare(of));
  GAN_TRY(
      gan_evaluate_fill(of, gan_source_rows_maker(&of->rows.real, of->rows.real_count), "real samples", &of->real_set));
  GAN_TRY(gan_evaluate_check_features(of));
  GAN_TRY(gan_evaluate_choose_rounding(of));
  GAN_TRY(gan_evaluate_open_training(of));
  GAN_TRY(gan_evaluate_compare_floor(of));
  GAN_TRY(gan_evaluate_judge_all(of));
  return tell(of);
}

/* Collective: what ranks share is given back together. */
static void release(gan_evaluate_work *of) {
  gan_work_bar_erase(&of->bar);
  gan_set_release(&of->real_set);
  gan_set_release(&of->other_set);
  gan_training_close(&of->training);
  gan_features_close(of->features);
  gan_real_rows_release(&of->rows);
  gan_source_close(of->file);
  gan_source_close(of->real);
  gan_evaluate_data_release(&of->data);
  gan_judged_release(&of->judged);
  free(of->centres);
  if (of->report) free(of->report->entries);
  free(of->report);
}

static gan_status run(gan_arguments *arguments) {
  gan_evaluate_work of = {.arguments = arguments, .world = arguments->world};
  of.bar = (gan_work_bar){.out = stderr, .draws = gan_world_rank(of.world) == 0 && gan_is_terminal(stderr)};
  of.watch = (gan_evaluation_watch){.step = on_step, .context = &of};
  GAN_TRY(gan_world_agree(of.world, take_flags(&of)));
  const gan_status status = evaluate(&of);
  release(&of);
  return status;
}

const gan_command gan_command_evaluate = {
    .name = "evaluate",
    .usage = "evaluate RUN_FOLDER [--all]|CHECKPOINT..|SAMPLES [--against WHAT] [--metrics A,B,..] [--json]",
    .help =
        "how good samples are, beside what real samples and noise get: of a checkpoint, of a run's newest one or all "
        "of them (-o FILE.png draws a curve), or of a file of samples (HDF5, NumPy, IDX)",
    .shares_work = true,
    .common = "oj",
    .writes = "--pairs",
    .keys = "data shower run.seed run.backend run.precision samples.ema dist.timeout",
    .flags = flags,
    .run = run,
    .probe = gan_evaluate_probe};
