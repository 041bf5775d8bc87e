#include "train/evaluator.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "data/part.h"
#include "eval/metric_rows.h"
#include "eval/rounding.h"

static const gan_judge always[] = {
    {"sliced_wasserstein", offsetof(gan_evaluation, sliced_wasserstein), -1},
    {"modes_covered", offsetof(gan_evaluation, modes_covered), 1},
    {"high_quality_share", offsetof(gan_evaluation, high_quality_share), 1},
};
enum { ALWAYS = sizeof always / sizeof *always };

static const gan_evaluation_watch nobody;

/* --- Names --- */

static const gan_judge *find_always(const char *name) {
  for (int i = 0; i < ALWAYS; i++)
    if (strcmp(always[i].name, name) == 0) return &always[i];
  return NULL;
}

static bool chooses(const gan_metric_choice *choice, const gan_metric *metric) {
  for (int row = 0; row < choice->count; row++)
    if (choice->metrics[row] == metric) return true;
  return false;
}

static void leave_out(gan_metric_choice *choice, const gan_metric *metric) {
  int kept = 0;
  for (int row = 0; row < choice->count; row++)
    if (choice->metrics[row] != metric) choice->metrics[kept++] = choice->metrics[row];
  choice->count = kept;
}

/* The rows of eval.metrics, but for that of modes, which are always recorded. */
static gan_status choose(const char *names, gan_metric_choice *choice) {
  *choice = (gan_metric_choice){.count = 0};
  if (!names[0]) return GAN_OK;
  const gan_status status = gan_metrics_choose(names, choice);
  if (status != GAN_OK) return gan_fail_prefix(status, "eval.metrics: ");
  if (choice->named && chooses(choice, &gan_metric_modes))
    return gan_fail(GAN_BAD_USAGE,
                    "eval.metrics: modes are always recorded where the data have any, as modes_covered and "
                    "high_quality_share: leave them out");
  leave_out(choice, &gan_metric_modes);
  return GAN_OK;
}

/* The value of that name among those of the rows. */
static const gan_metric_value *find_value(const gan_metric_choice *choice, const char *name) {
  int value;
  const gan_metric *metric = gan_metric_find(name, &value);
  return metric && chooses(choice, metric) ? &metric->values[value] : NULL;
}

/* Names by which best.h5 can be kept, with commas between. */
static void list_judges(const gan_metric_choice *choice, size_t size, char *text) {
  snprintf(text, size, "%s", always[0].name);
  for (int i = 1; i < ALWAYS; i++) snprintf(text + strlen(text), size - strlen(text), ", %s", always[i].name);
  for (int row = 0; row < choice->count; row++)
    for (int i = 0; gan_metric_has(choice->metrics[row], i); i++)
      if (choice->metrics[row]->values[i].better)
        snprintf(text + strlen(text), size - strlen(text), ", %s", choice->metrics[row]->values[i].name);
}

static gan_status unknown_judge(const gan_config *config, const gan_metric_choice *choice) {
  char known[1024];
  int value;
  const char *name = config->eval.best, *names = config->eval.metrics;
  const gan_metric *metric = gan_metric_find(name, &value);
  if (metric && metric != &gan_metric_modes && !chooses(choice, metric))
    return gan_fail(GAN_BAD_USAGE, "eval.best: %s is not recorded; --eval.metrics=%s%s%s records it", name, names,
                    names[0] ? "," : "", name);
  list_judges(choice, sizeof known, known);
  if (metric && metric != &gan_metric_modes)
    return gan_fail(GAN_BAD_USAGE, "eval.best: of %s neither more nor less is better; name one of %s", name, known);
  return gan_fail(GAN_BAD_USAGE, "eval.best: nothing is recorded as \"%.40s\"; name one of %s", name, known);
}

gan_status gan_evaluator_check(const gan_config *config) {
  gan_metric_choice choice;
  GAN_TRY(choose(config->eval.metrics, &choice));
  const gan_metric_value *value = find_value(&choice, config->eval.best);
  if (find_always(config->eval.best) || (value && value->better)) return GAN_OK;
  return unknown_judge(config, &choice);
}

/* --- What can be computed --- */

/* A set of which nothing is there yet but what it will have. */
static gan_sample_set set_to_come(const gan_evaluator *evaluator, const gan_shape *shape, int64_t count) {
  static const float some;
  return (gan_sample_set){.count = count,
                          .shape = *shape,
                          .samples = &some,
                          .feature_count = evaluator->about.feature_count,
                          .features = &some,
                          .classes = evaluator->about.classes,
                          .logits = evaluator->about.classes ? &some : NULL};
}

static const char *why_unable(const gan_metric *metric, const gan_comparison *comparison) {
  return metric->unable ? metric->unable(comparison) : NULL;
}

static gan_status fail_unable(const gan_config *config, const char *key, const char *name, const char *reason) {
  return gan_fail(GAN_BAD_USAGE, "%s: %s cannot be computed: %s (eval.features = %s)", key, name, reason,
                  config->eval.features[0] ? config->eval.features : "\"\"");
}

/* Of "all", rows that cannot be computed are left out; of names, each has to be. */
static gan_status settle_choice(const gan_config *config, const gan_comparison *comparison, gan_evaluator *evaluator) {
  gan_metric_choice *choice = &evaluator->choice;
  for (int row = 0; row < choice->count;) {
    const gan_metric *metric = choice->metrics[row];
    const char *reason = why_unable(metric, comparison);
    int value;
    if (!reason) {
      row++;
      continue;
    }
    if (choice->named) return fail_unable(config, "eval.metrics", metric->name, reason);
    if (gan_metric_find(config->eval.best, &value) == metric)
      return fail_unable(config, "eval.best", config->eval.best, reason);
    leave_out(choice, metric);
  }
  return GAN_OK;
}

static gan_status check_modes(const gan_config *config, gan_source *source) {
  int modes = 0;
  float *centres = NULL;
  const gan_judge *judge = find_always(config->eval.best);
  if (!judge || judge == &always[0]) return GAN_OK;
  GAN_TRY(gan_source_modes(source, &modes, &centres));
  free(centres);
  if (modes) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "eval.best: %s is of data whose modes are known (ring or grid), and data.source is %s",
                  judge->name, source->type->name);
}

static bool wants_held_out(const gan_metric_choice *choice, const gan_comparison *comparison) {
  gan_comparison without = *comparison;
  without.held_out = NULL;
  for (int row = 0; row < choice->count; row++)
    if (why_unable(choice->metrics[row], &without)) return true;
  return false;
}

/* --- Values --- */

/* One for each value of the rows, in the table's order. */
static void list_values(gan_evaluator *evaluator, const gan_metric_result *floor) {
  evaluator->value_count = 0;
  for (int row = 0; row < evaluator->choice.count; row++) {
    const gan_metric *metric = evaluator->choice.metrics[row];
    for (int i = 0; gan_metric_has(metric, i); i++)
      evaluator->values[evaluator->value_count++] = (gan_evaluation_value){.name = metric->values[i].name,
                                                                           .value = NAN,
                                                                           .floor = floor[row].values[i],
                                                                           .better = metric->values[i].better};
  }
}

/* A row by itself: values that it cannot give of these samples are no end of the training. `why` (size bytes) keeps the
   first reason. */
static gan_status compute_row(const gan_metric *metric, const gan_comparison *comparison, gan_metric_result *result,
                              size_t size, char *why) {
  const gan_metric_choice one = {.count = 1, .metrics = {metric}};
  const gan_status status = gan_metrics_compute(&one, comparison, "", &nobody, result);
  const char *reason = status == GAN_BAD_USAGE ? gan_error_message() : result->unable;
  if (status != GAN_OK && status != GAN_BAD_USAGE) return status;
  if (reason[0] && !why[0]) snprintf(why, size, "%s", reason);
  for (int i = 0; i < GAN_METRIC_VALUES && reason[0]; i++) result->values[i] = NAN;
  if (status != GAN_OK) gan_error_set("");
  return GAN_OK;
}

static gan_comparison compare(const gan_evaluator *evaluator, gan_world *world, const gan_backend *backend,
                              const gan_sample_set *fake) {
  return (gan_comparison){
      .world = world,
      .backend = backend,
      .real = &evaluator->real.set,
      .fake = fake,
      .held_out = evaluator->held_out && evaluator->others.set.count ? &evaluator->others.set : NULL,
      .seed = GAN_METRIC_SEED,
      .neighbours = GAN_NEIGHBOURS_USUAL,
      .power = evaluator->power};
}

static gan_status compute_rows(gan_evaluator *evaluator, const gan_comparison *comparison) {
  int place = 0;
  evaluator->why[0] = '\0';
  for (int row = 0; row < evaluator->choice.count; row++) {
    gan_metric_result result;
    GAN_TRY(compute_row(evaluator->choice.metrics[row], comparison, &result, sizeof evaluator->why, evaluator->why));
    for (int i = 0; gan_metric_has(evaluator->choice.metrics[row], i); i++)
      evaluator->values[place++].value = result.values[i];
  }
  return GAN_OK;
}

/* A maker's function: rows of a set that is there. */
static gan_status copy_rows(void *set, int64_t first, int64_t count, float *samples, int32_t *labels) {
  (void)labels;
  const gan_sample_set rows = gan_set_slice(set, first, count);
  memcpy(samples, rows.samples, (size_t)(count * gan_shape_count(&rows.shape)) * sizeof *samples);
  return GAN_OK;
}

gan_status gan_evaluator_compute(gan_evaluator *evaluator, gan_world *world, const gan_backend *backend,
                                 const gan_sample_set *fake) {
  gan_sample_set samples = *fake;
  gan_rounding rounding;
  gan_filled_set set;
  const gan_set_maker copies = {.make = copy_rows, .context = &samples, .count = fake->count, .shape = fake->shape},
                      maker = evaluator->rounds ? gan_rounding_maker(&rounding, &copies) : copies;
  if (evaluator->choice.count == 0) return GAN_OK;
  GAN_TRY(gan_set_fill(world, &maker, evaluator->features, "generated samples", &nobody, &set));
  const gan_comparison comparison = compare(evaluator, world, backend, &set.set);
  const gan_status status = compute_rows(evaluator, &comparison);
  gan_set_release(&set);
  return status;
}

/* --- Beginning --- */

static gan_status open_features(gan_world *world, const gan_config *config, const gan_shape *shape,
                                const gan_backend *backend, gan_evaluator *evaluator) {
  const gan_status status =
      gan_features_choose(world, config->eval.features, shape, backend, &evaluator->features, &evaluator->about);
  return status == GAN_OK ? GAN_OK : gan_fail_prefix(status, "eval.features: ");
}

static gan_status fill(gan_world *world, gan_evaluator *evaluator, gan_source_rows *rows, int64_t count,
                       gan_filled_set *set) {
  gan_set_maker maker = gan_source_rows_maker(rows, count);
  maker.label_count = 0; /* generated samples have none to compare with */
  return gan_set_fill(world, &maker, evaluator->features, "real samples", &nobody, set);
}

/* The others as large a set as those to be judged. */
static gan_status find_floor(gan_world *world, const gan_backend *backend, gan_real_rows *rows, int64_t count,
                             gan_evaluator *evaluator) {
  gan_metric_result floor[GAN_METRICS_MOST];
  const int64_t judged = count < rows->other_count ? count : rows->other_count;
  GAN_TRY(fill(world, evaluator, &rows->real, rows->real_count, &evaluator->real));
  if (!gan_set_varies(&evaluator->real.set))
    return gan_fail(GAN_BAD_USAGE,
                    "eval.features: all %lld real samples have the same features (%s), which tell nothing of how good "
                    "samples are: take others",
                    (long long)rows->real_count, evaluator->about.name);
  evaluator->rounds = gan_are_byte_images(&evaluator->real.set);
  GAN_TRY(fill(world, evaluator, &rows->others, rows->other_count, &evaluator->others));
  const gan_sample_set others = gan_set_slice(&evaluator->others.set, 0, judged);
  const gan_comparison comparison = compare(evaluator, world, backend, &others);
  GAN_TRY(gan_metrics_floor(&evaluator->choice, &comparison, &nobody, floor));
  list_values(evaluator, floor);
  return GAN_OK;
}

static gan_status read_real(gan_world *world, const gan_config *config, const gan_backend *backend, int64_t count,
                            gan_real_rows *rows, gan_evaluator *evaluator) {
  const gan_shape *shape = &rows->real.source->shape;
  const gan_sample_set real = set_to_come(evaluator, shape, rows->real_count),
                       others = set_to_come(evaluator, shape, rows->other_count),
                       fake = set_to_come(evaluator, shape, count);
  gan_comparison comparison = compare(evaluator, world, backend, &fake);
  comparison.real = &real;
  comparison.held_out = rows->held_out ? &others : NULL;
  if (rows->real_count < 2 || rows->other_count < 2)
    return gan_fail(GAN_BAD_USAGE, "eval.metrics: %s too few samples for a comparison with a floor",
                    config->eval.samples < 2 ? "eval.samples = 1 are" : "the data have");
  GAN_TRY(settle_choice(config, &comparison, evaluator));
  if (evaluator->choice.count == 0) return GAN_OK;
  const bool keeps = wants_held_out(&evaluator->choice, &comparison);
  GAN_TRY(find_floor(world, backend, rows, count, evaluator));
  if (!keeps) gan_set_release(&evaluator->others);
  return GAN_OK;
}

/* The file of test samples that comes with the data has to be of the same shape. */
static gan_status check_shape(const gan_real_rows *rows) {
  char is[GAN_SHAPE_TEXT], has_to_be[GAN_SHAPE_TEXT];
  gan_shape_print(&rows->real.source->shape, has_to_be);
  gan_shape_print(&rows->others.source->shape, is);
  if (strcmp(is, has_to_be) == 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "eval.metrics: samples of %s are of shape %s, and those of training of %s",
                  rows->others.source->options.path, is, has_to_be);
}

static gan_status create(gan_world *world, const gan_config *config, gan_source *source, const gan_backend *backend,
                         int64_t count, const char *tests, gan_evaluator *evaluator) {
  const gan_data_options held_out = gan_held_out_options(&source->options, "idx", tests ? tests : "");
  gan_real_rows rows;
  GAN_TRY(open_features(world, config, &source->shape, backend, evaluator));
  gan_status status = gan_real_rows_deal(world, source, tests ? &held_out : NULL, config->eval.samples, true, &rows);
  evaluator->held_out = rows.held_out;
  if (status == GAN_OK) status = gan_world_agree(world, check_shape(&rows));
  if (status == GAN_OK) status = gan_world_agree(world, read_real(world, config, backend, count, &rows, evaluator));
  gan_real_rows_release(&rows);
  return status;
}

gan_status gan_evaluator_create(gan_world *world, const gan_config *config, gan_source *source,
                                const gan_backend *backend, int64_t count, gan_evaluator *evaluator) {
  char *tests = NULL;
  *evaluator = (gan_evaluator){.value_count = 0};
  gan_status status = check_modes(config, source);
  if (status == GAN_OK) status = choose(config->eval.metrics, &evaluator->choice);
  GAN_TRY(gan_world_agree(world, status));
  if (evaluator->choice.count == 0) return GAN_OK;
  if (gan_source_type_reads(source->type, "shower.power")) evaluator->power = source->options.shower.power;
  status = gan_world_agree(world, gan_source_find_tests(&source->options, &tests));
  if (status == GAN_OK) status = create(world, config, source, backend, count, tests, evaluator);
  free(tests);
  return status;
}

void gan_evaluator_release(gan_evaluator *evaluator) {
  gan_set_release(&evaluator->real);
  gan_set_release(&evaluator->others);
  gan_features_close(evaluator->features);
  *evaluator = (gan_evaluator){.value_count = 0};
}

/* --- The judge --- */

gan_evaluation_value gan_judged_value(const gan_config *config, const gan_evaluation *values) {
  const gan_judge *judge = find_always(config->eval.best);
  for (int i = 0; !judge && i < values->value_count; i++)
    if (strcmp(values->values[i].name, config->eval.best) == 0) return values->values[i];
  if (!judge) judge = &always[0];
  gan_evaluation_value value = {.name = judge->name, .floor = NAN, .better = judge->better};
  memcpy(&value.value, (const char *)values + judge->place, sizeof value.value);
  return value;
}

int gan_judge_direction(const gan_config *config) {
  int value;
  const gan_judge *judge = find_always(config->eval.best);
  const gan_metric *metric = judge ? NULL : gan_metric_find(config->eval.best, &value);
  return judge ? judge->better : metric ? metric->values[value].better : 0;
}

bool gan_judge_changes(const gan_config *before, const gan_config *now) {
  if (strcmp(before->eval.best, now->eval.best) != 0) return true;
  return !find_always(now->eval.best) &&
         (strcmp(before->eval.features, now->eval.features) != 0 || before->eval.samples != now->eval.samples);
}

void gan_evaluator_names(const gan_evaluator *evaluator, size_t size, char *text) {
  text[0] = '\0';
  for (int row = 0; row < evaluator->choice.count; row++)
    snprintf(text + strlen(text), size - strlen(text), "%s%s", row ? ", " : "", evaluator->choice.metrics[row]->name);
}

/* --- Memory --- */

gan_status gan_evaluator_measure(const gan_config *config, const gan_shape *shape, const gan_backend *backend,
                                 int64_t count, gan_evaluator_bytes *bytes) {
  gan_evaluator evaluator = {.value_count = 0};
  gan_world *alone = NULL;
  *bytes = (gan_evaluator_bytes){.kept = 0};
  GAN_TRY(choose(config->eval.metrics, &evaluator.choice));
  if (evaluator.choice.count == 0) return GAN_OK;
  GAN_TRY(gan_world_alone(&alone));
  const gan_status status = open_features(alone, config, shape, backend, &evaluator);
  if (status == GAN_OK) {
    const gan_features_about *about = evaluator.features ? &evaluator.about : NULL;
    const double set = gan_set_bytes(count, gan_shape_count(shape), about, false);
    bytes->kept = (size_t)fmin(2 * set, 1e18); /* the real samples and, for the floor, others */
    bytes->drawn = (size_t)fmin(set + gan_set_bytes(count, gan_shape_count(shape), NULL, false), 1e18);
    if (about) bytes->network = gan_features_bytes(evaluator.features);
  }
  gan_evaluator_release(&evaluator);
  gan_world_close(alone);
  return status;
}
