/* `gan_dist train`: trains, with a live progress line, and reports at the end. */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/crowd.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "gan_dist/trainer.h"
#include "train/probe.h"

enum { PATH_TEXT = 4096 };

/* What the run told last, for the report at its end. */
typedef struct observed {
  const gan_world *world;
  gan_progress *progress;
  gan_iteration iteration;
  gan_evaluation evaluation;
  char samples[PATH_TEXT];
} observed;

static void on_iteration(void *context, const gan_iteration *values) {
  observed *run = context;
  run->iteration = *values;
  gan_progress_iteration(run->progress, values);
}

static void on_evaluation(void *context, const gan_evaluation *values) {
  observed *run = context;
  run->evaluation = *values;
  gan_progress_evaluation(run->progress, values);
}

static void on_file(void *context, const char *what, const char *path) {
  observed *run = context;
  if (strcmp(what, "samples") == 0) snprintf(run->samples, PATH_TEXT, "%s", path);
}

static void on_notice(void *context, const char *text) {
  gan_progress_note(((observed *)context)->progress, "%s", text);
}

static void report_text(const observed *run, const gan_trainer *trainer) {
  const char *checkpoint = gan_trainer_checkpoint(trainer);
  const gan_evaluation *found = &run->evaluation;
  char crowd[GAN_CROWD_TEXT];
  gan_crowd_describe(run->world, crowd);
  gan_progress_summary(stdout, run->progress, crowd);
  printf("\n");
  if (isfinite(found->modes_covered))
    printf("modes covered         %.0f of %.0f\nsamples within 3 σ    %.1f %%\n", found->modes_covered, found->modes,
           100 * found->high_quality_share);
  if (isfinite(found->sliced_wasserstein)) printf("sliced Wasserstein    %.4g\n", found->sliced_wasserstein);
  printf("run                   %s\n", gan_trainer_folder(trainer));
  if (checkpoint[0]) printf("checkpoint            %s\n", checkpoint);
  if (run->samples[0]) printf("samples               %s\n", run->samples);
}

static void add_number(struct json_object *object, const char *name, double value) {
  json_object_object_add(object, name, isfinite(value) ? json_object_new_double(value) : NULL);
}

static struct json_object *json_phases(const observed *run) {
  gan_phase phases[GAN_PHASES];
  struct json_object *object = json_object_new_object();
  gan_progress_phases(run->progress, phases);
  for (int i = 0; i < GAN_PHASES; i++) add_number(object, phases[i].name, phases[i].seconds);
  return object;
}

/* What no iteration of this start tells is null. */
static void report_json(const observed *run, const gan_trainer *trainer, gan_status status) {
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "status", json_object_new_int(status));
  json_object_object_add(object, "iteration", json_object_new_int64(gan_trainer_iteration(trainer)));
  json_object_object_add(object, "iterations", json_object_new_int64(gan_trainer_iterations(trainer)));
  add_number(object, "seconds", run->iteration.seconds);
  add_number(object, "critic_loss", run->iteration.critic_loss);
  add_number(object, "generator_loss", run->iteration.generator_loss);
  add_number(object, "wasserstein_distance", run->iteration.wasserstein_distance);
  add_number(object, "sliced_wasserstein", run->evaluation.sliced_wasserstein);
  add_number(object, "modes", run->evaluation.modes);
  add_number(object, "modes_covered", run->evaluation.modes_covered);
  add_number(object, "high_quality_share", run->evaluation.high_quality_share);
  json_object_object_add(object, "phase_seconds", json_phases(run));
  gan_json_add_cores(object, run->world);
  json_object_object_add(object, "folder", json_object_new_string(gan_trainer_folder(trainer)));
  json_object_object_add(object, "checkpoint", json_object_new_string(gan_trainer_checkpoint(trainer)));
  json_object_object_add(object, "samples", json_object_new_string(run->samples));
  printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(object);
}

static gan_status train(gan_arguments *arguments, const gan_observer *observer, observed *run) {
  gan_trainer *trainer = NULL;
  GAN_TRY(gan_trainer_create(arguments->world, arguments->config, observer, &trainer));
  gan_signals_answered(true);
  const gan_status status = gan_trainer_run(trainer);
  gan_signals_answered(false);
  const bool reports = gan_world_rank(arguments->world) == 0 && (status == GAN_OK || status == GAN_INTERRUPTED);
  if (reports) {
    gan_progress_finish(run->progress);
    if (arguments->json)
      report_json(run, trainer, status);
    else if (!arguments->quiet)
      report_text(run, trainer);
  }
  gan_trainer_destroy(trainer);
  return status;
}

static gan_status run_train(gan_arguments *arguments) {
  if (arguments->positional_count > 0)
    return gan_fail(GAN_BAD_USAGE, "train takes one INI file at most, and \"%s\" is left over",
                    arguments->positional[0]);
  GAN_TRY(gan_command_check_config(&gan_command_train, arguments));
  const bool quiet = arguments->quiet || gan_world_rank(arguments->world) != 0;
  observed run = {
      .world = arguments->world,
      .iteration = {.seconds = NAN, .critic_loss = NAN, .generator_loss = NAN, .wasserstein_distance = NAN},
      .evaluation = {.sliced_wasserstein = NAN, .modes = NAN, .modes_covered = NAN, .high_quality_share = NAN}};
  const gan_observer observer = {
      .context = &run, .iteration = on_iteration, .evaluation = on_evaluation, .file = on_file, .notice = on_notice};
  FILE *out = arguments->json ? stderr : stdout;
  const gan_status mine =
      gan_progress_create(out, gan_is_terminal(out), quiet, arguments->config->run.log_every, &run.progress);
  gan_status status = gan_world_agree(arguments->world, mine);
  if (status == GAN_OK) status = train(arguments, &observer, &run);
  gan_progress_destroy(run.progress);
  return status;
}

static gan_status probe_train(const gan_arguments *arguments) { return gan_training_probe(arguments->config); }

const gan_command gan_command_train = {
    .name = "train",
    .usage = "train [CONFIG.ini] [--preset NAME] [--resume[=CHECKPOINT]] [--section.key=VALUE ...]",
    .help = "trains; without arguments the preset ring8, which needs no files",
    .takes_config = true,
    .shares_work = true,
    .common = "jqv",
    .foreign = "classifier",
    .run = run_train,
    .stop = gan_request_stop,
    .probe = probe_train};
