/* `gan_dist evaluate`: how good samples are, by all metrics of the table, each beside what real samples and what noise
   get, so that a number means something (docs/evaluation.md).

   Work is in blocks of samples of a fixed size that the ranks share (eval/sample_sets.h), so all numbers are the same
   on any number of ranks. Sets come one after the other: the real ones stay, others go when they are compared. */
#include <inttypes.h>
#include <math.h>
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
#include "eval/metric_rows.h"
#include "store/kind.h"
#include "train/data.h"

/* Samples of each set by default. */
enum { SAMPLES_USUAL = 10000, LEAST_SAMPLES = 2, MOST_REPEATS = 10000 };
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
     "are "
     "images of 8 bits"},
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
  GAN_TRY(take_number(of->arguments, "--samples", LEAST_SAMPLES, INT32_MAX, &of->wanted));
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

/* --- The real samples --- */

static int64_t at_most(int64_t wanted, int64_t count) { return count && count < wanted ? count : wanted; }

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

static gan_status check_shape(const gan_shape *real, const gan_shape *other, const char *what) {
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
  if (of->rows.real_count < LEAST_SAMPLES || (shared && of->rows.other_count < LEAST_SAMPLES))
    return too_few("", gan_evaluate_place(real), real->count, shared ? 2 * LEAST_SAMPLES : LEAST_SAMPLES,
                   shared ? " with a floor, which takes half of them; --no-floor leaves it out" : "");
  if (!of->has_floor || of->rows.other_count >= LEAST_SAMPLES) return GAN_OK;
  return too_few("held-out ", gan_evaluate_place(others), of->rows.other_count, LEAST_SAMPLES,
                 " for the floor; --no-floor leaves it out");
}

static gan_status open_real(gan_evaluate_work *of) {
  GAN_TRY(gan_open_source(of->world, &of->data.config->data, (uint64_t)of->data.config->run.seed, &of->real));
  GAN_TRY(gan_real_rows_deal(of->world, of->real, of->data.has_held_out ? &of->data.held_out : NULL, of->wanted,
                             of->has_floor, &of->rows));
  of->report->held_out = of->rows.held_out;
  if (of->rows.opened)
    GAN_TRY(check_shape(&of->real->shape, &of->rows.opened->shape, gan_evaluate_place(of->rows.opened)));
  describe_real(of);
  GAN_TRY(check_counts(of));
  return gan_source_modes(of->real, &of->modes, &of->centres);
}

/* --- Features --- */

static gan_status open_features(gan_evaluate_work *of) {
  const gan_config *config = of->data.config;
  const char *name = gan_argument(of->arguments, "--features");
  if (!name) name = of->real->shape.rank == 1 ? "none" : "random";
  GAN_TRY(gan_world_agree(
      of->world, gan_backend_open(config->run.backend, gan_precision_find(config->run.precision), &of->backend)));
  of->about =
      (gan_features_about){.name = "none: the samples themselves", .feature_count = gan_shape_count(&of->real->shape)};
  if (strcmp(name, "none") != 0) {
    GAN_TRY(gan_features_open(of->world, name, &of->real->shape, of->backend, &of->features));
    of->about = gan_features_tell(of->features);
  }
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

/* --- Memory --- */

static double bytes_of(const gan_evaluate_work *of, int64_t count, bool labelled) {
  const double halves = of->repeats ? 1.5 : 1;
  return halves * gan_set_bytes(count, gan_shape_count(&of->real->shape), of->features ? &of->about : NULL, labelled);
}

/* What all sets take that are there at a time, on each host. */
static gan_status check_memory(const gan_evaluate_work *of) {
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

/* --- Comparing --- */

static gan_comparison compare_with(const gan_evaluate_work *of, const gan_sample_set *fake) {
  return (gan_comparison){
      .world = of->world,
      .backend = of->backend,
      .real = &of->real_set.set,
      .fake = fake,
      .held_out = of->report->held_out && of->other_set.samples ? &of->other_set.set : NULL,
      .training_count = of->training.maker.count,
      .seed = GAN_METRIC_SEED,
      .neighbours = of->neighbours,
      .modes = of->modes,
      .centres = of->centres,
      .sigma = of->real->options.sigma,
      .power = gan_source_type_reads(of->real->type, "shower.power") ? of->real->options.shower.power : 0};
}

static gan_status fill(gan_evaluate_work *of, gan_set_maker maker, const char *what, gan_filled_set *filled) {
  if (maker.label_count) maker.label_count = of->label_count; /* all sets have the same classes */
  return gan_set_fill(of->world, &maker, of->features, what, &of->watch, filled);
}

/* --- Rounding --- */

/* By --round, or by what the real samples are. */
static gan_status choose_rounding(gan_evaluate_work *of) {
  const char *text = gan_argument(of->arguments, "--round");
  of->report->rounded = text ? strcmp(text, "8bit") == 0 : gan_are_byte_images(&of->real_set.set);
  if (!of->report->rounded || of->real->shape.rank == 3) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "--round 8bit is for images, and samples of %s are none",
                  gan_evaluate_place(of->real));
}

/* fill, of samples that are not real ones. */
static gan_status fill_rounded(gan_evaluate_work *of, gan_set_maker maker, const char *what, gan_rounding *rounding,
                               gan_filled_set *filled) {
  return fill(of, of->report->rounded ? gan_rounding_maker(rounding, &maker) : maker, what, filled);
}

/* --- Copies of training samples --- */

static bool judges_memorisation(const gan_evaluate_work *of) {
  bool wanted = false;
  for (int row = 0; row < of->choice.count; row++)
    wanted = wanted || of->choice.metrics[row] == &gan_metric_memorisation;
  return wanted && of->has_floor && of->report->held_out;
}

/* All that a training may have seen, of which the reference is a part: data without end have no such thing. */
static gan_status open_training(gan_evaluate_work *of) {
  const int64_t all = of->real->count;
  const bool there = of->rows.real_count == all;
  if (!all || !(judges_memorisation(of) || gan_argument(of->arguments, "--pairs"))) return GAN_OK;
  of->training_rows = of->rows.real;
  of->training_rows.in_order = !there; /* as they lie in the file, unless they have been read already */
  const gan_set_maker maker = gan_source_rows_maker(&of->training_rows, all);
  return gan_training_open(of->world, &maker, of->features, there ? &of->real_set.set : NULL, &of->watch,
                           &of->training);
}

static gan_status search(gan_evaluate_work *of, gan_filled_set *set) {
  if (!of->training.maker.count) return GAN_OK;
  return gan_training_search(of->world, of->backend, &of->training, &of->watch, set);
}

/* Of a set that is no picture's. */
static gan_status search_for_value(gan_evaluate_work *of, gan_filled_set *set) {
  return judges_memorisation(of) ? search(of, set) : GAN_OK;
}

static gan_status compare_noise(gan_evaluate_work *of) {
  gan_noise noise;
  gan_filled_set set = {.set = {.count = 0}};
  gan_status status = gan_world_agree(of->world, gan_noise_create(&of->real_set.set, GAN_METRIC_SEED, &noise));
  const gan_set_maker maker = {
      .make = gan_noise_make, .context = &noise, .count = of->judged_count, .shape = of->real->shape};
  gan_rounding rounding;
  if (status == GAN_OK) status = fill_rounded(of, maker, "noise", &rounding, &set);
  if (status == GAN_OK) status = search_for_value(of, &set);
  if (status == GAN_OK) {
    const gan_comparison comparison = compare_with(of, &set.set);
    status = gan_metrics_compute(&of->choice, &comparison, "noise", &of->watch, of->report->noise);
  }
  gan_set_release(&set);
  gan_noise_release(&noise);
  return status;
}

/* The floor and noise are of as many samples as are judged, since values depend on how many they are of. */
static gan_status compare_floor(gan_evaluate_work *of) {
  if (!of->has_floor) return GAN_OK;
  GAN_TRY(
      fill(of, gan_source_rows_maker(&of->rows.others, of->rows.other_count), "other real samples", &of->other_set));
  GAN_TRY(search_for_value(of, &of->other_set));
  const gan_sample_set floor = gan_set_slice(&of->other_set.set, 0, of->report->floor_count);
  const gan_comparison comparison = compare_with(of, &floor);
  GAN_TRY(gan_metrics_floor(&of->choice, &comparison, &of->watch, of->report->floor));
  if (!of->report->held_out) gan_set_release(&of->other_set);
  return compare_noise(of);
}

/* Somebody who names a metric is to learn that it is not there from the exit status. */
static gan_status check_named(const gan_evaluate_work *of, const gan_evaluate_entry *entry) {
  for (int row = 0; of->choice.named && row < of->choice.count; row++)
    if (entry->results[row].unable[0])
      return gan_fail(GAN_BAD_USAGE, "%s cannot be computed: %s", of->choice.metrics[row]->name,
                      entry->results[row].unable);
  return GAN_OK;
}

/* --- Units --- */

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
  GAN_TRY(search(of, set));
  const gan_comparison comparison = compare_with(of, &set->set);
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
  GAN_TRY(fill_rounded(of, maker, "samples to judge", &rounding, &set));
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
  GAN_TRY(gan_world_agree(of->world, check_shape(&of->real->shape, &saved->data_shape, saved->checkpoint)));
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

static gan_status open_judged(gan_evaluate_work *of) {
  of->judged_count = of->wanted;
  if (of->judged.count) return GAN_OK;
  GAN_TRY(gan_evaluate_file_error(gan_open_source(of->world, &of->data.file, 0, &of->file)));
  GAN_TRY(check_shape(&of->real->shape, &of->file->shape, of->data.file.path));
  of->judged_count = at_most(of->wanted, of->file->count);
  if (of->file->count >= LEAST_SAMPLES) return GAN_OK;
  return too_few("", of->data.file.path, of->file->count, LEAST_SAMPLES, "");
}

static gan_status judge_all(gan_evaluate_work *of) {
  gan_evaluate_report *report = of->report;
  if (!of->judged.count) return judge_file(of, &report->entries[0]);
  for (int i = 0; i < of->judged.count; i++)
    GAN_TRY(judge_checkpoint(of, of->judged.checkpoints[i], &report->entries[i]));
  return GAN_OK;
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
  GAN_TRY(gan_world_agree(world, open_real(of)));
  GAN_TRY(gan_world_agree(world, open_judged(of)));
  GAN_TRY(gan_world_agree(world, gan_evaluate_check_held_out(of)));
  gan_evaluate_notice_same(of);
  of->report->floor_count = at_most(of->judged_count, of->rows.other_count);
  GAN_TRY(gan_world_agree(world, open_features(of)));
  return gan_world_agree(world, check_memory(of));
}

/* Where all features are constant, distances are 0 whatever the samples are. The same on every rank. */
static gan_status check_features(const gan_evaluate_work *of) {
  const gan_sample_set *set = &of->real_set.set;
  if (gan_set_varies(set)) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "all %" PRId64
                  " real samples of %s have the same features (%s), which tell nothing of how good samples are: take "
                  "other features (--features) or data that vary",
                  set->count, gan_evaluate_place(of->real), of->about.name);
}

static gan_status evaluate(gan_evaluate_work *of) {
  GAN_TRY(prepare(of));
  GAN_TRY(fill(of, gan_source_rows_maker(&of->rows.real, of->rows.real_count), "real samples", &of->real_set));
  GAN_TRY(check_features(of));
  GAN_TRY(choose_rounding(of));
  GAN_TRY(open_training(of));
  GAN_TRY(compare_floor(of));
  GAN_TRY(judge_all(of));
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
