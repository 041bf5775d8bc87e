#include "cli/train_report.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/quote.h"
#include "cli/command.h"
#include "cli/crowd.h"

void gan_observed_begin(const gan_world *world, gan_observed *run) {
  *run = (gan_observed){
      .world = world,
      .iteration = {.seconds = NAN, .critic_loss = NAN, .generator_loss = NAN, .wasserstein_distance = NAN},
      .evaluation = {.sliced_wasserstein = NAN,
                     .modes = NAN,
                     .modes_covered = NAN,
                     .high_quality_share = NAN,
                     .judged = {.name = "sliced_wasserstein", .value = NAN, .floor = NAN, .better = -1},
                     .before = NAN,
                     .best = NAN}};
}

double gan_observed_best(const gan_observed *run, int64_t *iteration) {
  const gan_evaluation *last = &run->evaluation;
  const double gain = (last->judged.value - last->best) * last->judged.better;
  const bool earlier = gain <= 0 || isnan(last->judged.value);
  *iteration = earlier ? last->best_iteration : last->iteration;
  return earlier ? last->best : last->judged.value;
}

/* --- text --- */

/* ", the best of the run", or which is. */
static void print_best(const gan_observed *run) {
  int64_t iteration;
  const double best = gan_observed_best(run, &iteration);
  if (iteration == run->evaluation.iteration)
    printf(", the best of the run");
  else if (isfinite(best))
    printf(", best %.4g", best);
  if (iteration > 0 && iteration != run->evaluation.iteration) printf(" at iteration %" PRId64 " (best.h5)", iteration);
}

static void print_value(const gan_observed *run, const char *label, const gan_evaluation_value *value) {
  if (!isfinite(value->value)) return;
  printf("%-21s %.4g", label, value->value);
  if (isfinite(value->floor)) printf(" (floor %.3g)", value->floor);
  if (strcmp(value->name, run->evaluation.judged.name) == 0) print_best(run);
  printf("\n");
}

static void print_quality(const gan_observed *run) {
  const gan_evaluation *found = &run->evaluation;
  const gan_evaluation_value usual = {"sliced_wasserstein", found->sliced_wasserstein, NAN, -1};
  if (isfinite(found->modes_covered))
    printf("modes covered         %.0f of %.0f\nsamples within 3 σ    %.1f %%\n", found->modes_covered, found->modes,
           100 * found->high_quality_share);
  print_value(run, "sliced Wasserstein", &usual);
  for (int i = 0; i < found->value_count; i++)
    if (found->values[i].better) print_value(run, found->values[i].name, &found->values[i]);
}

static void print_files(const gan_observed *run, const gan_trainer *trainer) {
  const char *checkpoint = gan_trainer_checkpoint(trainer);
  printf("run                   %s\n", gan_trainer_folder(trainer));
  if (checkpoint[0]) printf("checkpoint            %s\n", checkpoint);
  if (run->samples[0]) printf("samples               %s\n", run->samples);
  char real[GAN_PATH_TEXT];
  snprintf(real, sizeof real, "%s/real.png", gan_trainer_folder(trainer));
  if (access(real, F_OK) == 0) printf("real samples          %s\n", real);
}

static bool has_command(const char *name) {
  for (int i = 0; i < gan_command_count; i++)
    if (strcmp(gan_commands[i]->name, name) == 0) return true;
  return false;
}

/* Commands as they are typed, for the ranks that there are. */
static void print_next(const gan_observed *run, const gan_trainer *trainer, gan_status status) {
  char folder[GAN_QUOTED], checkpoint[GAN_QUOTED], program[GAN_QUOTED], ranks[64] = "";
  const int count = gan_world_size(run->world);
  if (!gan_trainer_checkpoint(trainer)[0]) return;
  gan_quote(gan_trainer_folder(trainer), sizeof folder, folder);
  gan_quote(gan_trainer_checkpoint(trainer), sizeof checkpoint, checkpoint);
  gan_quote(program_invocation_name, sizeof program, program);
  if (count > 1) snprintf(ranks, sizeof ranks, "mpirun -np %d ", count);
  printf("\nnext:\n");
  printf("  %s sample %s -n 64 -o %s\n", program, folder, run->samples[0] ? "samples.png" : "samples.h5");
  if (has_command("evaluate")) printf("  %s%s evaluate %s\n", ranks, program, folder);
  printf("  %s%s train --resume=%s", ranks, program, checkpoint);
  if (status == GAN_OK) printf(" --iterations %" PRId64, 2 * gan_trainer_iterations(trainer));
  printf("\n");
}

void gan_train_report_text(const gan_observed *run, const gan_trainer *trainer, gan_status status) {
  char crowd[GAN_CROWD_TEXT];
  gan_crowd_describe(run->world, crowd);
  gan_progress_summary(stdout, run->progress, crowd);
  printf("\n");
  print_quality(run);
  print_files(run, trainer);
  print_next(run, trainer, status);
}

/* --- JSON --- */

static void add_number(struct json_object *object, const char *name, double value) {
  json_object_object_add(object, name, isfinite(value) ? json_object_new_double(value) : NULL);
}

static struct json_object *json_phases(const gan_observed *run) {
  gan_phase phases[GAN_PHASES];
  struct json_object *object = json_object_new_object();
  gan_progress_phases(run->progress, phases);
  for (int i = 0; i < GAN_PHASES; i++) add_number(object, phases[i].name, phases[i].seconds);
  return object;
}

/* The metrics as `evaluate` names them, and their floors. */
static void add_metrics(struct json_object *object, const gan_evaluation *found) {
  struct json_object *floor = json_object_new_object();
  for (int i = 0; i < found->value_count; i++) {
    add_number(object, found->values[i].name, found->values[i].value);
    add_number(floor, found->values[i].name, found->values[i].floor);
  }
  json_object_object_add(object, "floor", floor);
}

static void add_quality(struct json_object *object, const gan_observed *run) {
  int64_t iteration;
  char name[96];
  const double best = gan_observed_best(run, &iteration);
  add_number(object, "sliced_wasserstein", run->evaluation.sliced_wasserstein);
  snprintf(name, sizeof name, "best_%s", run->evaluation.judged.name);
  add_number(object, name, best);
  json_object_object_add(object, "best_iteration",
                         isfinite(best) && iteration > 0 ? json_object_new_int64(iteration) : NULL);
  add_number(object, "modes", run->evaluation.modes);
  add_number(object, "modes_covered", run->evaluation.modes_covered);
  add_number(object, "high_quality_share", run->evaluation.high_quality_share);
  if (run->evaluation.value_count) add_metrics(object, &run->evaluation);
}

void gan_train_report_json(const gan_observed *run, const gan_trainer *trainer, gan_status status) {
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "status", json_object_new_int(status));
  json_object_object_add(object, "iteration", json_object_new_int64(gan_trainer_iteration(trainer)));
  json_object_object_add(object, "iterations", json_object_new_int64(gan_trainer_iterations(trainer)));
  add_number(object, "seconds", run->iteration.seconds);
  add_number(object, "critic_loss", run->iteration.critic_loss);
  add_number(object, "generator_loss", run->iteration.generator_loss);
  add_number(object, "wasserstein_distance", run->iteration.wasserstein_distance);
  add_quality(object, run);
  json_object_object_add(object, "phase_seconds", json_phases(run));
  gan_json_add_cores(object, run->world);
  json_object_object_add(object, "folder", json_object_new_string(gan_trainer_folder(trainer)));
  json_object_object_add(object, "checkpoint", json_object_new_string(gan_trainer_checkpoint(trainer)));
  json_object_object_add(object, "samples", json_object_new_string(run->samples));
  printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(object);
}
