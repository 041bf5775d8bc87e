/* What a run leaves behind on disk and tells its observer: config.ini, metrics, sample pictures, evaluations. Rank 0.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "eval/evaluation.h"
#include "store/picture.h"
#include "store/text.h"
#include "train/internal.h"

enum { TRAIN_GROUP, EVALUATION_GROUP, SCATTER_SAMPLES = 2048 };

/* The columns of metrics.h5, each a field of gan_iteration or gan_evaluation; `iteration` is first in both. */
typedef struct gan_field {
  gan_column column;
  size_t offset;
} gan_field;

#define ITERATION(name, units, text) \
  { {#name, units, text, NULL}, offsetof(gan_iteration, name) }
static const gan_field iteration_fields[] = {
    {{"iteration", "1", "iterations done", NULL}, 0},
    ITERATION(seconds, "s", "time trained, over all starts of the run"),
    ITERATION(critic_loss, "1", "critic's loss in the last critic step"),
    ITERATION(generator_loss, "1", "generator's loss"),
    ITERATION(score_real, "1", "mean score of real samples"),
    ITERATION(score_fake, "1", "mean score of generated samples"),
    ITERATION(sign_real, "1", "mean sign of the scores of real samples"),
    ITERATION(wasserstein_distance, "1", "mean score of real minus mean score of generated samples"),
    ITERATION(gradient_penalty, "1", "gradient penalty, part of critic_loss"),
    ITERATION(augmentation_strength, "1", "probability of each augmentation; NaN without any"),
    ITERATION(critic_gradient_norm, "1", "L2 norm of the critic's gradient in the last critic step"),
    ITERATION(generator_gradient_norm, "1", "L2 norm of the generator's gradient"),
    ITERATION(gradient_clipped, "1", "share of the updates whose gradient was scaled down; NaN without gradient_clip"),
    ITERATION(clipped_fraction, "1", "share of the critic's weights that the last clipping changed"),
    ITERATION(learning_rate_critic, "1", "the critic's learning rate"),
    ITERATION(learning_rate_generator, "1", "the generator's learning rate"),
    ITERATION(samples_per_second, "1/s", "real samples through the critic, all ranks together"),
    ITERATION(seconds_data, "s", "waiting for data, rank 0"),
    ITERATION(seconds_compute, "s", "computing, on a core, rank 0"),
    ITERATION(seconds_summing, "s", "copying and summing what is exchanged, on a core, rank 0"),
    ITERATION(seconds_waiting, "s", "waiting for other ranks or for a core, rank 0"),
    ITERATION(seconds_communication, "s", "in exchanges with other ranks, waiting included, rank 0"),
};
#define EVALUATION(name, units, text) \
  { {#name, units, text, NULL}, offsetof(gan_evaluation, name) }
static const gan_field evaluation_fields[] = {
    {{"iteration", "1", "iterations done", NULL}, 0},
    EVALUATION(sliced_wasserstein, "1", "sliced Wasserstein distance between generated and real samples"),
    EVALUATION(modes, "1", "modes of the data; NaN where they are not known"),
    EVALUATION(modes_covered, "1", "modes that generated samples reach"),
    EVALUATION(high_quality_share, "1", "share of generated samples within 3 sigma of a mode"),
};
enum {
  ITERATION_FIELDS = sizeof iteration_fields / sizeof *iteration_fields,
  EVALUATION_FIELDS = sizeof evaluation_fields / sizeof *evaluation_fields
};

enum { EVALUATION_COLUMNS = EVALUATION_FIELDS + GAN_EVALUATION_VALUES };

/* values[i] = field i of a record whose first member is the iteration. */
static void field_values(const gan_field *fields, size_t count, const void *record, double *values) {
  int64_t iteration;
  memcpy(&iteration, record, sizeof iteration);
  values[0] = (double)iteration;
  for (size_t i = 1; i < count; i++) memcpy(&values[i], (const char *)record + fields[i].offset, sizeof values[i]);
}

/* The floor of a value that is recorded, by its name; NULL: it is not. */
static const double *floor_of(const gan_evaluator *evaluator, const char *name) {
  for (int i = 0; i < evaluator->value_count; i++)
    if (strcmp(evaluator->values[i].name, name) == 0) return &evaluator->values[i].floor;
  return NULL;
}

static bool is_among(char *const *names, const char *name) {
  for (; names && *names; names++)
    if (strcmp(*names, name) == 0) return true;
  return false;
}

static bool is_always_there(const char *name) {
  for (size_t i = 0; i < EVALUATION_FIELDS; i++)
    if (strcmp(evaluation_fields[i].column.name, name) == 0) return true;
  return false;
}

/* What is always recorded, then the values of metrics: those that are recorded from here on, and those that were so
   far, `before` (NULL: none) in the file `path`, since a run that records others is not to lose them. Their floors are
   in `floors`. */
static size_t list_evaluation_columns(const gan_evaluator *evaluator, char *const *before, const char *path,
                                      double floors[EVALUATION_COLUMNS], gan_column columns[EVALUATION_COLUMNS]) {
  size_t count = EVALUATION_FIELDS;
  for (size_t i = 0; i < EVALUATION_FIELDS; i++) columns[i] = evaluation_fields[i].column;
  for (int row = 0; row < gan_metric_count; row++)
    for (int i = 0; gan_metric_has(gan_metrics[row], i) && count < EVALUATION_COLUMNS; i++) {
      const gan_metric_value *value = &gan_metrics[row]->values[i];
      const double *floor = floor_of(evaluator, value->name);
      if (is_always_there(value->name) || (!floor && !is_among(before, value->name))) continue;
      floors[count] = floor ? *floor : gan_metrics_read_floor(path, "eval", value->name);
      if (!floor && !isnan(floors[count])) floor = &floors[count];
      columns[count++] = (gan_column){value->name, "1", value->help, floor};
    }
  return count;
}

/* Values of a row: NAN where one is no longer recorded. */
static void evaluation_row(const gan_trainer *trainer, const gan_evaluation *values, double *row) {
  field_values(evaluation_fields, EVALUATION_FIELDS, values, row);
  for (size_t i = EVALUATION_FIELDS; i < trainer->evaluation_columns; i++) {
    row[i] = NAN;
    for (int j = 0; j < values->value_count; j++)
      if (strcmp(values->values[j].name, trainer->evaluation_names[i]) == 0) row[i] = values->values[j].value;
  }
}

static gan_status open_metrics(gan_trainer *trainer, const char *path) {
  gan_column train[ITERATION_FIELDS], eval[EVALUATION_COLUMNS];
  double floors[EVALUATION_COLUMNS];
  char **before = NULL;
  for (size_t i = 0; i < ITERATION_FIELDS; i++) train[i] = iteration_fields[i].column;
  /* One that cannot be read is dealt with when it is opened. */
  if (trainer->iteration && gan_metrics_columns(path, "eval", &before) != GAN_OK) gan_error_set("");
  const size_t columns = list_evaluation_columns(&trainer->evaluator, before, path, floors, eval);
  free(before);
  gan_status status =
      gan_allocate(columns, sizeof *trainer->evaluation_names, "the columns of metrics", &trainer->evaluation_names);
  for (size_t i = 0; i < columns && status == GAN_OK; i++) trainer->evaluation_names[i] = eval[i].name;
  trainer->evaluation_columns = columns;
  const gan_metrics_group groups[] = {{"train", ITERATION_FIELDS, train}, {"eval", columns, eval}};
  if (status == GAN_OK)
    status = gan_metrics_open(path, 2, groups, trainer->iteration ? trainer->iteration : -1, &trainer->metrics);
  return status;
}

/* The iterations first .. last in words, behind those before. */
static void name_gap(int64_t first, int64_t last, size_t size, char *text) {
  const size_t used = strlen(text);
  if (used + 64 > size) return;
  snprintf(text + used, size - used, first == last ? "%s%lld" : "%s%lld to %lld", used ? ", " : "", (long long)first,
           (long long)last);
}

/* Curves with holes look like others: says which iterations before the checkpoint have no row. iteration (count): those
   that have, rising. */
static void notice_missing_rows(gan_trainer *trainer, const char *path, size_t count, const double *iteration) {
  enum { GAPS_NAMED = 4 };
  char text[320] = "";
  int64_t next = 1;
  int gaps = 0;
  for (size_t i = 0; i <= count; i++) {
    const int64_t now = i < count ? (int64_t)iteration[i] : trainer->iteration + 1;
    if (now > next && ++gaps <= GAPS_NAMED) name_gap(next, now - 1, sizeof text, text);
    if (now >= next) next = now + 1;
  }
  if (gaps)
    gan_notice(trainer, "%s has no rows of iterations %s%s, which were trained before", path, text,
               gaps > GAPS_NAMED ? " and others" : "");
}

static void check_rows(gan_trainer *trainer, const char *path) {
  size_t count = 0;
  double *iteration = NULL;
  if (trainer->iteration && gan_metrics_read(path, "train", "iteration", &count, &iteration) == GAN_OK)
    notice_missing_rows(trainer, path, count, iteration);
  free(iteration);
}

/* The time of the run's earlier starts, so that `seconds` goes on. */
static void read_seconds_before(gan_trainer *trainer, const char *path) {
  size_t count = 0;
  double *seconds = NULL;
  if (trainer->iteration && gan_metrics_read(path, "train", "seconds", &count, &seconds) == GAN_OK && count)
    trainer->seconds_before = seconds[count - 1];
  free(seconds);
}

static gan_status fail_later(const gan_trainer *trainer, const gan_checkpoint_file *opened) {
  gan_checkpoint later = {0};
  GAN_TRY(gan_checkpoint_header(opened, &later));
  const long long iteration = later.iteration;
  gan_checkpoint_release(&later);
  return gan_fail(GAN_BAD_USAGE,
                  "%s holds what was trained after iteration %lld already, up to %lld: go on from there in another "
                  "folder (--run.dir), or remove the later checkpoints",
                  trainer->folder, (long long)trainer->iteration, iteration);
}

/* No run is written over another, nor over what one came to after the checkpoint that this one goes on from: the next
   --resume would take the later checkpoints for its own. */
static gan_status check_folder(const gan_trainer *trainer) {
  char newest[PATH_MAX];
  int damaged = 0;
  gan_checkpoint_file *opened = NULL;
  if (trainer->resume == GAN_RESUME_NEWEST || (trainer->resume == GAN_RESUME_NOT && trainer->iteration > 0))
    return GAN_OK;
  const int64_t after = trainer->resume == GAN_RESUME_FILE ? trainer->iteration : -1;
  GAN_TRY(gan_checkpoint_open_newest(trainer->folder, after, newest, &damaged, &opened));
  gan_status status = GAN_OK;
  if (trainer->resume == GAN_RESUME_NOT && !newest[0] && damaged)
    status =
        gan_fail(GAN_BAD_USAGE, "%s already holds a run (of damaged checkpoints): choose another folder with --run.dir",
                 trainer->folder);
  else if (trainer->resume == GAN_RESUME_NOT && newest[0])
    status = gan_fail(GAN_BAD_USAGE,
                      "%s already holds a run (%s): go on with --resume, or choose another folder with --run.dir",
                      trainer->folder, newest);
  else if (opened)
    status = fail_later(trainer, opened);
  gan_checkpoint_close(opened);
  return status;
}

/* What evaluations of the run's earlier starts came to, so that the next one is seen beside them. */
static void read_quality_before(gan_trainer *trainer, const char *path) {
  size_t count = 0;
  double *values = NULL;
  if (!trainer->iteration) return;
  if (!trainer->other_measure &&
      gan_metrics_read(path, "eval", trainer->config->eval.best, &count, &values) == GAN_OK && count)
    trainer->quality_before = values[count - 1];
  free(values);
  const int64_t best = gan_checkpoint_linked(trainer->folder, "best.h5");
  if (!isnan(trainer->best) && trainer->goes_on_there && best > 0) trainer->best_iteration = best;
}

/* Rounding differs from machine to machine; other features or data differ by more. */
static bool same_floor(double a, double b) { return fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b)); }

/* Real samples get another value by what eval.best names than they got so far: a feature network's file was replaced,
   or the data were. */
static void compare_floors(gan_trainer *trainer, const char *path) {
  const char *name = trainer->config->eval.best;
  const double *now = floor_of(&trainer->evaluator, name);
  if (!trainer->iteration || !trainer->goes_on_there || trainer->other_measure || !now) return;
  const double before = gan_metrics_read_floor(path, "eval", name);
  if (isnan(before) || isnan(*now) || same_floor(before, *now)) return;
  trainer->other_measure = true;
  trainer->best = NAN;
  gan_notice(
      trainer,
      "real samples get another %s than so far (%.6g, not %.6g): features or data have changed, and best.h5 is kept "
      "by the evaluations from here on",
      name, *now, before);
}

/* For whoever goes on after this start. */
static gan_status record_start(const gan_trainer *trainer) {
  char path[PATH_MAX + 32], *text = NULL;
  GAN_TRY(gan_history_record(trainer));
  GAN_TRY(gan_config_print_run(trainer->config, &text));
  snprintf(path, sizeof path, "%s/config.ini", trainer->folder);
  const gan_status status = gan_text_write(path, text);
  free(text);
  return status;
}

static gan_status open_files(gan_trainer *trainer) {
  char path[PATH_MAX + 32];
  GAN_TRY(check_folder(trainer));
  if (!gan_trains_nothing(trainer)) GAN_TRY(record_start(trainer));
  snprintf(path, sizeof path, "%s/metrics.h5", trainer->folder);
  compare_floors(trainer, path);
  GAN_TRY(open_metrics(trainer, path));
  const char *set_aside = gan_metrics_set_aside(trainer->metrics);
  if (set_aside[0]) gan_notice(trainer, "%s could not be read; it is kept as %s, and a new one begun", path, set_aside);
  read_seconds_before(trainer, path);
  read_quality_before(trainer, path);
  check_rows(trainer, path);
  /* The start before may have ended between a checkpoint and the link to it. */
  if (trainer->resume == GAN_RESUME_NEWEST && trainer->last_checkpoint[0])
    GAN_TRY(gan_checkpoint_link(trainer->folder, "latest.h5", trainer->last_checkpoint));
  if (trainer->config->samples.every > 0 && gan_picture_kind_of(&trainer->source->shape) == GAN_PICTURE_NONE)
    gan_notice(trainer,
               "samples of this shape cannot be drawn, so there will be no pictures; gan_dist sample -o FILE.h5 writes "
               "them as an array");
  gan_symptoms_begin(&trainer->symptoms, trainer->loss, &trainer->config->loss);
  if (!gan_trains_nothing(trainer)) GAN_TRY(gan_draw_real_samples(trainer));
  if (trainer->observer.begin) trainer->observer.begin(trainer->observer.context, trainer);
  return GAN_OK;
}

gan_status gan_record_open(gan_trainer *trainer) {
  trainer->started = gan_seconds();
  GAN_TRY(gan_folder_claim(trainer));
  const gan_status mine = gan_world_rank(trainer->world) == 0 ? open_files(trainer) : GAN_OK;
  GAN_TRY(gan_world_agree(trainer->world, mine));
  gan_world_broadcast(trainer->world, &trainer->best, sizeof trainer->best);
  return GAN_OK;
}

void gan_set_pending(gan_trainer *trainer, gan_status status) {
  if (status == GAN_OK || trainer->pending != GAN_OK) return;
  trainer->pending = status;
  snprintf(trainer->pending_message, sizeof trainer->pending_message, "%s", gan_error_message());
}

static void tell_symptom(void *trainer, const char *text) { gan_notice(trainer, "%s", text); }

void gan_record_iteration(gan_trainer *trainer, const gan_iteration *values) {
  double row[ITERATION_FIELDS];
  if (gan_world_rank(trainer->world) != 0) return;
  field_values(iteration_fields, ITERATION_FIELDS, values, row);
  gan_set_pending(trainer, gan_metrics_append(trainer->metrics, TRAIN_GROUP, row));
  if (gan_seconds() - trainer->flushed >= 1) {
    trainer->flushed = gan_seconds();
    gan_watchdog_beat(trainer->world, GAN_AT_FILES);
    gan_set_pending(trainer, gan_record_flush(trainer));
  }
  if (trainer->observer.iteration) trainer->observer.iteration(trainer->observer.context, values);
  gan_symptoms_iteration(&trainer->symptoms, values, tell_symptom, trainer);
}

/* Draws with the fixed latents and writes the picture, if the data are of a kind that can be drawn. */
static gan_status draw_picture(gan_trainer *trainer, const char *path, int64_t count, const float *samples) {
  const gan_shape *shape = &trainer->source->shape;
  if (gan_picture_kind_of(shape) == GAN_PICTURE_GRID) return gan_picture_grid(path, shape, count, samples, 0);
  return gan_picture_scatter(path, trainer->evaluation_count, trainer->evaluation_points, count, samples, 0);
}

static void samples_path(const gan_trainer *trainer, char path[PATH_MAX + 32]) {
  snprintf(path, PATH_MAX + 32, "%s/samples-%07lld.png", trainer->folder, (long long)trainer->iteration);
}

static gan_status record_samples(gan_trainer *trainer) {
  const gan_picture_kind kind = gan_picture_kind_of(&trainer->source->shape);
  char path[PATH_MAX + 32];
  float *samples = NULL;
  if (kind == GAN_PICTURE_NONE) return GAN_OK;
  const int64_t count = kind == GAN_PICTURE_SCATTER ? SCATTER_SAMPLES : trainer->config->samples.count;
  const size_t elements = (size_t)gan_trainer_sample_size(trainer);
  GAN_TRY(gan_allocate((size_t)count * elements, sizeof *samples, "samples", &samples));
  gan_status status = gan_draw_samples(trainer, 0, count, samples);
  samples_path(trainer, path);
  if (status == GAN_OK) status = gan_folder_take(trainer);
  if (status == GAN_OK) status = gan_folder_explain(trainer, draw_picture(trainer, path, count, samples));
  free(samples);
  if (status == GAN_OK && trainer->observer.file) trainer->observer.file(trainer->observer.context, "samples", path);
  return status;
}

gan_status gan_record_samples(gan_trainer *trainer) {
  gan_state_collect(trainer);
  return gan_world_agree(trainer->world, gan_world_rank(trainer->world) == 0 ? record_samples(trainer) : GAN_OK);
}

gan_status gan_trainer_sample(gan_trainer *trainer, int64_t count, float *samples) {
  GAN_TRY(gan_refuse_after_failure(trainer));
  gan_state_collect(trainer);
  const int64_t sizes[] = {count, trainer->config->generator.latent};
  if (count < 0 || !gan_product_within(INT64_MAX / (int64_t)sizeof(float), 2, sizes))
    return gan_fail(GAN_BAD_USAGE, "%lld is no number of samples", (long long)count);
  const gan_status mine = gan_world_rank(trainer->world) == 0 ? gan_draw_samples(trainer, 0, count, samples) : GAN_OK;
  return gan_world_agree(trainer->world, mine);
}

gan_status gan_record_evaluation(gan_trainer *trainer, double *judged) {
  gan_evaluation values;
  double row[EVALUATION_COLUMNS], variance;
  GAN_TRY(gan_evaluate(trainer, &values, &variance));
  *judged = values.judged.value;
  if (gan_world_rank(trainer->world) != 0) return GAN_OK;
  evaluation_row(trainer, &values, row);
  gan_set_pending(trainer, gan_metrics_append(trainer->metrics, EVALUATION_GROUP, row));
  if (trainer->observer.evaluation) trainer->observer.evaluation(trainer->observer.context, &values);
  trainer->quality_before = values.judged.value;
  gan_symptoms_evaluation(&trainer->symptoms, trainer->iteration, trainer->real_variance, variance, tell_symptom,
                          trainer);
  return GAN_OK;
}

/* The evaluation of this iteration in the metrics, which are open for writing and can be read all the same. */
static gan_status find_evaluation(const gan_trainer *trainer, gan_recorded *found) {
  char path[PATH_MAX + 32];
  size_t rows = 0, values = 0;
  double *iteration = NULL, *judged = NULL;
  snprintf(path, sizeof path, "%s/metrics.h5", trainer->folder);
  gan_status status = gan_metrics_read(path, "eval", "iteration", &rows, &iteration);
  if (status == GAN_OK) status = gan_metrics_read(path, "eval", trainer->config->eval.best, &values, &judged);
  for (size_t row = 0; status == GAN_OK && row < rows && row < values; row++) {
    if (iteration[row] != (double)trainer->iteration) continue;
    found->evaluation = true;
    found->judged = trainer->other_measure ? NAN : judged[row];
  }
  free(iteration);
  free(judged);
  return status;
}

gan_status gan_record_find(gan_trainer *trainer, gan_recorded *found) {
  gan_status mine = GAN_OK;
  *found = (gan_recorded){.judged = NAN};
  if (gan_world_rank(trainer->world) == 0) {
    char path[PATH_MAX + 32];
    samples_path(trainer, path);
    found->samples = access(path, F_OK) == 0;
    mine = find_evaluation(trainer, found);
  }
  GAN_TRY(gan_world_agree(trainer->world, mine));
  gan_world_broadcast(trainer->world, found, sizeof *found);
  return GAN_OK;
}

gan_status gan_record_flush(gan_trainer *trainer) {
  if (!trainer->metrics) return GAN_OK;
  GAN_TRY(gan_folder_take(trainer));
  gan_folder_lock_touch(trainer->lock);
  return gan_metrics_flush(trainer->metrics);
}

gan_status gan_record_close(gan_trainer *trainer) {
  const gan_status status = gan_metrics_close(trainer->metrics);
  trainer->metrics = NULL;
  return status;
}
