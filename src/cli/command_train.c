/* `gan_dist train`: trains, with a live progress line, and reports at the end. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/header.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/train_report.h"
#include "gan_dist/trainer.h"
#include "train/overview.h"
#include "train/probe.h"

static void on_begin(void *context, const gan_trainer *trainer) {
  gan_progress *progress = ((gan_observed *)context)->progress;
  gan_overview overview;
  gan_trainer_overview(trainer, &overview);
  gan_progress_show_distance(progress, overview.distance);
  if (overview.iteration < overview.iterations) gan_header_print(progress, &overview);
}

static void on_iteration(void *context, const gan_iteration *values) {
  gan_observed *run = context;
  run->iteration = *values;
  gan_progress_iteration(run->progress, values);
}

static void on_evaluation(void *context, const gan_evaluation *values) {
  gan_observed *run = context;
  run->evaluation = *values;
  gan_progress_evaluation(run->progress, values);
}

static void on_file(void *context, const char *what, const char *path) {
  gan_observed *run = context;
  if (strcmp(what, "samples") == 0) snprintf(run->samples, GAN_PATH_TEXT, "%s", path);
}

static void on_notice(void *context, const char *text) {
  gan_progress_note(((gan_observed *)context)->progress, "%s", text);
}

static gan_status train(gan_arguments *arguments, const gan_observer *observer, gan_observed *run) {
  gan_trainer *trainer = NULL;
  GAN_TRY(gan_trainer_create(arguments->world, arguments->config, observer, &trainer));
  gan_signals_answered(true);
  const gan_status status = gan_trainer_run(trainer);
  gan_signals_answered(false);
  const bool reports = gan_world_rank(arguments->world) == 0 && (status == GAN_OK || status == GAN_INTERRUPTED);
  if (reports) {
    gan_progress_finish(run->progress);
    if (arguments->json)
      gan_train_report_json(run, trainer, status);
    else if (!arguments->quiet)
      gan_train_report_text(run, trainer, status);
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
  gan_observed run;
  gan_observed_begin(arguments->world, &run);
  const gan_observer observer = {.context = &run,
                                 .begin = on_begin,
                                 .iteration = on_iteration,
                                 .evaluation = on_evaluation,
                                 .file = on_file,
                                 .notice = on_notice};
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
