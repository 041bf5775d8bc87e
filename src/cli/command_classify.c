/* `gan_dist classify`: trains a classifier on labelled data, whose features others judge generated samples by. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/crowd.h"
#include "cli/json.h"
#include "cli/outputs.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "store/checkpoint.h"
#include "store/kind.h"
#include "train/classifier.h"

/* What lines say: means over the last hundred batches or so, as one batch's number jumps. */
typedef struct observed {
  gan_progress *progress;
  gan_iteration iteration;
  double batches, loss, right; /* weighted sums, the older the less */
} observed;

static const double memory = 0.99;

static void on_iteration(void *context, const gan_iteration *values, double loss, double right) {
  observed *run = context;
  run->iteration = *values;
  run->batches = memory * run->batches + 1;
  run->loss = memory * run->loss + loss;
  run->right = memory * run->right + right;
  gan_progress_iteration(run->progress, values);
}

static void on_notice(void *context, const char *text) {
  gan_progress_note(((observed *)context)->progress, "%s", text);
}

static void say(void *context, bool brief, size_t room, char *text) {
  const observed *run = context;
  snprintf(text, room, brief ? "loss %.3g  %.1f%%" : "loss %.4g  right %.1f %%", run->loss / run->batches,
           100 * run->right / run->batches);
}

static void report_text(const gan_arguments *arguments, const observed *run, const gan_classifier_result *result) {
  char crowd[GAN_CROWD_TEXT];
  gan_crowd_describe(arguments->world, crowd);
  gan_progress_summary(stdout, run->progress, crowd);
  printf("\naccuracy              %.2f %% of %lld test samples%s\n", 100 * result->accuracy,
         (long long)result->test_samples, result->held_out ? ", kept back from the data" : "");
  printf("trained with          %lld samples of %d classes, %.3g times all %lld that there are\n",
         (long long)result->samples_seen, result->classes, (double)result->samples_seen / (double)result->train_samples,
         (long long)result->train_samples);
  printf("features              %lld\n", (long long)result->feature_count);
  printf("classifier            %s\n", arguments->output);
}

static void report_json(const gan_arguments *arguments, const observed *run, const gan_classifier_result *result) {
  struct json_object *object = json_object_new_object();
  gan_json_add(object, "accuracy", gan_json_number(result->accuracy));
  gan_json_add_integer(object, "test_samples", result->test_samples);
  gan_json_add(object, "held_out", json_object_new_boolean(result->held_out));
  gan_json_add_integer(object, "train_samples", result->train_samples);
  gan_json_add_integer(object, "samples_seen", result->samples_seen);
  gan_json_add_integer(object, "classes", result->classes);
  gan_json_add_integer(object, "features", result->feature_count);
  gan_json_add_integer(object, "iterations", result->iterations);
  gan_json_add(object, "loss", gan_json_number(result->loss));
  gan_json_add(object, "seconds", gan_json_number(run->iteration.seconds));
  gan_json_add_text(object, "file", arguments->output);
  gan_json_print(object);
}

/* Both are checkpoints by their seal; but who has trained a GAN for a day does not mean to lose it to a classifier. */
static gan_status check_output(const char *output) {
  gan_checkpoint there = {0};
  GAN_TRY(gan_result_may_become("-o", output, GAN_KIND_CHECKPOINT));
  if (access(output, F_OK) != 0 || gan_checkpoint_read_header(output, &there) != GAN_OK) return GAN_OK;
  const bool classifier = there.classifier.layers != NULL;
  gan_checkpoint_release(&there);
  if (classifier) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "-o %s is a checkpoint of a training, which would be lost: name another file", output);
}

static gan_status classify(gan_arguments *arguments, observed *run) {
  const gan_classifier_observer observer = {.context = run, .iteration = on_iteration, .notice = on_notice};
  gan_classifier_result result = {0};
  gan_signals_answered(true);
  const gan_status status =
      gan_classifier_train(arguments->world, arguments->config, arguments->output, &observer, &result);
  gan_signals_answered(false);
  gan_progress_finish(run->progress);
  if (status != GAN_OK || gan_world_rank(arguments->world) != 0) return status;
  if (arguments->json)
    report_json(arguments, run, &result);
  else if (!arguments->quiet)
    report_text(arguments, run, &result);
  return GAN_OK;
}

static gan_status run_classify(gan_arguments *arguments) {
  const bool first = gan_world_rank(arguments->world) == 0;
  observed run = {.iteration = {.seconds = NAN}};
  FILE *out = arguments->json ? stderr : stdout;
  if (arguments->positional_count > 0)
    return gan_fail(GAN_BAD_USAGE, "classify takes one INI file at most, and \"%s\" is left over",
                    arguments->positional[0]);
  GAN_TRY(gan_command_check_config(&gan_command_classify, arguments));
  GAN_TRY(gan_world_agree(arguments->world, first ? check_output(arguments->output) : GAN_OK));
  const gan_status mine = gan_progress_create(out, gan_is_terminal(out), arguments->quiet || !first,
                                              arguments->config->run.log_every, &run.progress);
  gan_status status = gan_world_agree(arguments->world, mine);
  if (status == GAN_OK) {
    gan_progress_set_words(run.progress, say, &run);
    status = classify(arguments, &run);
  }
  gan_progress_destroy(run.progress);
  return status;
}

static gan_status probe_classify(const gan_arguments *arguments) { return gan_classifier_probe(arguments->config); }

const gan_command gan_command_classify = {
    .name = "classify",
    .usage = "classify [CONFIG.ini] [--preset NAME] [-o FILE.h5] [--section.key=VALUE ...]",
    .help =
        "trains a classifier on labelled data, whose features measure how good generated samples are; without "
        "arguments "
        "the preset fashion-classifier",
    .takes_config = true,
    .shares_work = true,
    .common = "ojq",
    .output = "classifier.h5",
    .preset = "fashion-classifier",
    .keys =
        "run.preset run.name run.seed run.iterations run.backend run.precision run.log_every data.source data.path "
        "data.labels data.dataset data.axes data.minimum data.maximum data.memory data.origin data.samples data.flip "
        "classifier train.batch train.shards optimizer batch_norm dist",
    .run = run_classify,
    .stop = gan_request_stop,
    .probe = probe_classify};
