/* `gan_dist loss`: both losses and their gradients for given scores, or as a picture over the score, so that the
   mathematics can be looked at, and compared with another program's, without any training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/loss_plot.h"
#include "cli/outputs.h"
#include "gan/loss.h"
#include "store/kind.h"

enum { LOSS_TEXT = 512 };
/* Of scores that are drawn: beyond it nothing can be seen any more. */
static const double SCORE_LIMIT = 1e6;

typedef struct score_list {
  int64_t count;
  float *values; /* NULL: not given */
} score_list;

/* All that is asked and answered. The gradients are (count) each. */
typedef struct loss_report {
  const gan_loss *loss;
  score_list real, fake, real_weights, fake_weights;
  bool *real_flips, *fake_flips; /* NULL: none */
  double critic, generator;
  float *critic_real, *critic_fake, *generator_real, *generator_fake;
} loss_report;

static void release(loss_report *report) {
  free(report->real.values);
  free(report->fake.values);
  free(report->real_weights.values);
  free(report->fake_weights.values);
  free(report->real_flips);
  free(report->fake_flips);
  free(report->critic_real);
  free(report->critic_fake);
  free(report->generator_real);
  free(report->generator_fake);
}

static gan_status parse_number(const char *flag, const char *what, const char *text, float *value) {
  double number;
  const gan_status status = gan_parse_real(text, &number);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", flag);
  *value = (float)number;
  if (!isfinite(*value)) return gan_fail(GAN_BAD_USAGE, "%s: '%.80s' does not fit a float32 %s", flag, text, what);
  return GAN_OK;
}

/* Cuts the copy at its commas. */
static gan_status parse_pieces(const char *flag, const char *what, char *rest, score_list *list) {
  for (char *piece; (piece = strsep(&rest, ","));) {
    while (*piece == ' ') piece++;
    for (size_t length = strlen(piece); length && piece[length - 1] == ' ';) piece[--length] = '\0';
    GAN_TRY(parse_number(flag, what, piece, &list->values[list->count++]));
  }
  return GAN_OK;
}

/* "1, 2.5, -3" of a flag; nothing when it was not given. `what`: one of them, for messages. */
static gan_status parse_list(const gan_arguments *arguments, const char *flag, const char *what, score_list *list) {
  const char *text = gan_argument(arguments, flag);
  char *copy;
  if (!text) return GAN_OK;
  GAN_TRY(gan_duplicate(text, &copy));
  gan_status status = gan_allocate(strlen(text) + 1, sizeof *list->values, "scores", &list->values);
  if (status == GAN_OK) status = parse_pieces(flag, what, copy, list);
  free(copy);
  return status;
}

static gan_status check_count(const char *flag, const score_list *list, int64_t count) {
  if (list->values && list->count != count)
    return gan_fail(GAN_BAD_USAGE, "%s has %lld values for %lld scores; it needs one for each", flag,
                    (long long)list->count, (long long)count);
  return GAN_OK;
}

static gan_status parse_weights(const gan_arguments *arguments, const char *flag, int64_t count, score_list *weights) {
  GAN_TRY(parse_list(arguments, flag, "weight", weights));
  GAN_TRY(check_count(flag, weights, count));
  for (int64_t i = 0; i < weights->count; i++)
    if (weights->values[i] < 0)
      return gan_fail(GAN_BAD_USAGE, "%s: a weight of %g is negative", flag, weights->values[i]);
  return GAN_OK;
}

/* "0,1,0": of which samples the class is exchanged. */
static gan_status parse_flips(const gan_arguments *arguments, const char *flag, const loss_report *report,
                              bool **flips) {
  score_list list = {0};
  if (!gan_argument(arguments, flag)) return GAN_OK;
  if (!gan_loss_uses(report->loss, "loss.label_flips"))
    return gan_fail(GAN_BAD_USAGE, "%s: the samples of loss %s have no class that could be exchanged", flag,
                    report->loss->name);
  gan_status status = parse_list(arguments, flag, "number", &list);
  if (status == GAN_OK) status = check_count(flag, &list, report->real.count);
  if (status == GAN_OK) status = gan_allocate((size_t)list.count, sizeof **flips, "label flips", flips);
  for (int64_t i = 0; status == GAN_OK && i < list.count; i++) {
    (*flips)[i] = list.values[i] == 1;
    if (list.values[i] != 0 && list.values[i] != 1)
      status = gan_fail(GAN_BAD_USAGE, "%s takes 1 for a sample that counts as of the other class, and 0", flag);
  }
  free(list.values);
  return status;
}

static gan_status read_scores(const gan_arguments *arguments, loss_report *report) {
  if (!gan_argument(arguments, "--real") || !gan_argument(arguments, "--fake"))
    return gan_fail(GAN_BAD_USAGE, "loss %s needs scores of real and of generated samples: --real 1,2 --fake 3,4",
                    report->loss->name);
  GAN_TRY(parse_list(arguments, "--real", "score", &report->real));
  GAN_TRY(parse_list(arguments, "--fake", "score", &report->fake));
  if (report->real.count != report->fake.count)
    return gan_fail(GAN_BAD_USAGE, "--real and --fake need as many scores each, as a batch has, not %lld and %lld",
                    (long long)report->real.count, (long long)report->fake.count);
  GAN_TRY(parse_weights(arguments, "--real-weights", report->real.count, &report->real_weights));
  GAN_TRY(parse_weights(arguments, "--fake-weights", report->fake.count, &report->fake_weights));
  GAN_TRY(parse_flips(arguments, "--real-flips", report, &report->real_flips));
  return parse_flips(arguments, "--fake-flips", report, &report->fake_flips);
}

/* Of a batch that is one shard. */
static double whole_loss(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side,
                         const gan_scores *scores) {
  double totals[GAN_LOSS_STATISTICS];
  const int rounds = gan_loss_rounds(loss, scores->real_weights || scores->fake_weights);
  gan_loss_begin(scores->batch, totals);
  for (int round = 0; round < rounds; round++) {
    double sums[GAN_LOSS_STATISTICS];
    gan_loss_statistics(loss, options, side, scores, round, totals, sums);
    memcpy(totals + gan_loss_round_begin(round), sums, (size_t)gan_loss_round_size(round) * sizeof *sums);
  }
  return gan_loss_share(loss, options, side, scores, totals);
}

static gan_status compute(const gan_loss_options *options, loss_report *report) {
  const size_t count = (size_t)report->real.count;
  float **const gradients[] = {&report->critic_real, &report->critic_fake, &report->generator_real,
                               &report->generator_fake};
  for (int i = 0; i < 4; i++) GAN_TRY(gan_allocate(count, sizeof(float), "gradients", gradients[i]));
  gan_scores scores = {.count = report->real.count,
                       .batch = report->real.count,
                       .real = report->real.values,
                       .fake = report->fake.values,
                       .real_weights = report->real_weights.values,
                       .fake_weights = report->fake_weights.values,
                       .real_flips = report->real_flips,
                       .fake_flips = report->fake_flips,
                       .real_gradient = report->critic_real,
                       .fake_gradient = report->critic_fake};
  report->critic = whole_loss(report->loss, options, GAN_LOSS_CRITIC, &scores);
  scores.real_gradient = report->generator_real;
  scores.fake_gradient = report->generator_fake;
  report->generator = whole_loss(report->loss, options, GAN_LOSS_GENERATOR, &scores);
  return GAN_OK;
}

static struct json_object *json_array(const float *values, int64_t count) {
  struct json_object *array = json_object_new_array();
  for (int64_t i = 0; i < count; i++) json_object_array_add(array, gan_json_number((double)values[i]));
  return array;
}

static void add_values(struct json_object *object, const loss_report *report) {
  const int64_t count = report->real.count;
  gan_json_add_text(object, "loss", report->loss->name);
  gan_json_add(object, "critic_loss", gan_json_number(report->critic));
  gan_json_add(object, "generator_loss", gan_json_number(report->generator));
  gan_json_add(object, "critic_gradient_real", json_array(report->critic_real, count));
  gan_json_add(object, "critic_gradient_fake", json_array(report->critic_fake, count));
  gan_json_add(object, "generator_gradient_real", json_array(report->generator_real, count));
  gan_json_add(object, "generator_gradient_fake", json_array(report->generator_fake, count));
}

static void print_row(const char *kind, const float *scores, const float *critic, const float *generator,
                      int64_t count) {
  for (int64_t i = 0; i < count; i++)
    printf("%-6s%16.9g%24.9g%24.9g\n", kind, gan_shown(scores[i]), gan_shown(critic[i]), gan_shown(generator[i]));
}

static void print_table(const loss_report *report) {
  const int64_t count = report->real.count;
  printf("critic_loss     %.9g\ngenerator_loss  %.9g\n\n", gan_shown(report->critic), gan_shown(report->generator));
  printf("%-6s%16s%24s%24s\n", "", "score", "critic_gradient", "generator_gradient");
  print_row("real", report->real.values, report->critic_real, report->generator_real, count);
  print_row("fake", report->fake.values, report->critic_fake, report->generator_fake, count);
}

static void list_losses(void) {
  for (int i = 0; i < gan_loss_count; i++) {
    char text[LOSS_TEXT];
    snprintf(text, sizeof text, "%s (%s)", gan_losses[i].help, gan_losses[i].source);
    gan_help_row(stdout, gan_losses[i].name, text);
  }
}

/* The words of a text. */
static struct json_object *json_words(const char *text) {
  struct json_object *array = json_object_new_array();
  for (size_t length; *(text += strspn(text, " ")); text += length) {
    length = strcspn(text, " ");
    json_object_array_add(array, json_object_new_string_len(text, (int)length));
  }
  return array;
}

static void list_losses_json(void) {
  struct json_object *object = json_object_new_object(), *array = json_object_new_array();
  for (int i = 0; i < gan_loss_count; i++) {
    struct json_object *row = json_object_new_object();
    gan_json_add_text(row, "name", gan_losses[i].name);
    gan_json_add_text(row, "help", gan_losses[i].help);
    gan_json_add_text(row, "source", gan_losses[i].source);
    gan_json_add(row, "keys", json_words(gan_losses[i].keys));
    json_object_array_add(array, row);
  }
  gan_json_add(object, "losses", array);
  gan_json_print(object);
}

static gan_status unknown_loss(const char *name) {
  enum { LOSS_LIMIT = 64 };
  const char *names[LOSS_LIMIT + 1] = {NULL};
  for (int i = 0; i < gan_loss_count && i < LOSS_LIMIT; i++) names[i] = gan_losses[i].name;
  const char *nearest = gan_nearest_name(name, names);
  return gan_fail(GAN_BAD_USAGE, "unknown loss '%.80s'%s%s%s (gan_dist loss lists them)", name,
                  nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static void print_curves(const gan_loss_plot *drawn, const char *path) {
  for (int i = 0; i < drawn->count; i++) printf("%s%s", i ? ", " : "curves of ", drawn->losses[i]->name);
  printf(" in %s\n", path);
}

static void add_curves(struct json_object *object, const gan_loss_plot *drawn, const char *path) {
  struct json_object *names = json_object_new_array();
  for (int i = 0; i < drawn->count; i++) json_object_array_add(names, json_object_new_string(drawn->losses[i]->name));
  gan_json_add(object, "losses", names);
  gan_json_add_text(object, "path", path);
}

/* The values, the picture, or both: NULL for what was not asked for. */
static void tell(const gan_arguments *arguments, const loss_report *report, const gan_loss_plot *drawn,
                 const char *path) {
  if (arguments->json) {
    struct json_object *object = json_object_new_object();
    if (report) add_values(object, report);
    if (path) add_curves(object, drawn, path);
    gan_json_print(object);
    return;
  }
  if (report) print_table(report);
  if (report && path) printf("\n");
  if (path) print_curves(drawn, path);
}

/* What is told of is there: one message, or an error. `path`: NULL for no picture. */
static gan_status report_all(const gan_arguments *arguments, const gan_loss_plot *named,
                             const gan_loss_options *options, const char *path) {
  const bool first = gan_world_rank(arguments->world) == 0;
  const bool values = !path || gan_argument(arguments, "--real") || gan_argument(arguments, "--fake");
  loss_report report = {.loss = named->losses[0]};
  gan_status status = values ? read_scores(arguments, &report) : GAN_OK;
  if (status == GAN_OK && values) status = compute(options, &report);
  if (status == GAN_OK && path && first) status = gan_loss_plot_draw(named, options, path);
  if (status == GAN_OK && first) tell(arguments, values ? &report : NULL, named, path);
  release(&report);
  return status;
}

/* A key of the command line that none of the losses reads. */
static gan_status check_keys(const gan_arguments *arguments, const gan_loss_plot *named) {
  for (int i = arguments->environment_key_count; i < arguments->key_count; i++) {
    const char *key = arguments->keys[i];
    bool used = false;
    if (strcmp(key, "loss.name") == 0)
      return gan_fail(GAN_BAD_USAGE, "the loss is named without a key: gan_dist loss %.80s", arguments->values[i]);
    if (strcmp(key, "loss.label_flips") == 0)
      return gan_fail(GAN_BAD_USAGE,
                      "loss.label_flips is for training, which draws samples; say which: --real-flips 0,1,..");
    for (int j = 0; j < named->count; j++) used = used || gan_loss_uses(named->losses[j], key);
    if (!used && named->count)
      return gan_fail(GAN_BAD_USAGE, "%s means nothing to %s%s", key, named->losses[0]->name,
                      named->count > 1 ? " and the others named" : "");
  }
  return GAN_OK;
}

static gan_status find_losses(const gan_arguments *arguments, gan_loss_plot *named) {
  for (int i = 0; i < arguments->positional_count; i++) {
    const gan_loss *loss = gan_loss_find(arguments->positional[i]);
    if (!loss) return unknown_loss(arguments->positional[i]);
    for (int j = 0; j < named->count; j++)
      if (named->losses[j] == loss) return gan_fail(GAN_BAD_USAGE, "%s is named twice", loss->name);
    if (named->count == GAN_LOSSES_PLOTTED)
      return gan_fail(GAN_BAD_USAGE, "at most %d losses can be drawn", GAN_LOSSES_PLOTTED);
    named->losses[named->count++] = loss;
  }
  return GAN_OK;
}

static gan_status parse_end(const gan_arguments *arguments, const char *flag, double *end) {
  const char *text = gan_argument(arguments, flag);
  if (!text) return GAN_OK;
  const gan_status status = gan_parse_real(text, end);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", flag);
  if (fabs(*end) <= SCORE_LIMIT) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s %s: scores are drawn up to %g", flag, text, SCORE_LIMIT);
}

static gan_status check_plot(const gan_arguments *arguments, const char *path, gan_loss_plot *plot) {
  GAN_TRY(parse_end(arguments, "--from", &plot->from));
  GAN_TRY(parse_end(arguments, "--to", &plot->to));
  if (plot->to - plot->from < 1 / SCORE_LIMIT)
    return gan_fail(GAN_BAD_USAGE, "--to has to be above --from (-5 and 5 unless they are given), not %g and %g",
                    plot->to, plot->from);
  if (!gan_name_ends_in(path, ".png"))
    return gan_fail(GAN_BAD_USAGE, "--plot %s: the name has to end in .png, since it becomes a picture", path);
  return gan_result_may_become("--plot", path, GAN_KIND_PICTURE);
}

static gan_status list_all(const gan_arguments *arguments, bool prints) {
  if (arguments->flag_count) return gan_fail(GAN_BAD_USAGE, "which loss? gan_dist %s", gan_command_loss.usage);
  if (!prints) return GAN_OK;
  if (arguments->json)
    list_losses_json();
  else
    list_losses();
  return GAN_OK;
}

/* Refuses what concerns one network's curves or one loss's values where the other is asked for. */
static gan_status check_flags(const gan_arguments *arguments, const gan_loss_plot *named, const char *path) {
  const bool values = gan_argument(arguments, "--real") || gan_argument(arguments, "--fake");
  if (!path && (gan_argument(arguments, "--from") || gan_argument(arguments, "--to")))
    return gan_fail(GAN_BAD_USAGE, "--from and --to are the ends of a picture's axis: --plot FILE.png");
  if (!path && named->count > 1)
    return gan_fail(GAN_BAD_USAGE,
                    "values are those of one loss, and '%.80s' is one more; several can be drawn: "
                    "--plot FILE.png",
                    named->losses[1]->name);
  if (path && named->count > 1 && values)
    return gan_fail(GAN_BAD_USAGE, "--real and --fake ask for the values of one loss; name one, or leave them out");
  return GAN_OK;
}

static gan_status run(gan_arguments *arguments) {
  const bool first = gan_world_rank(arguments->world) == 0;
  const char *path = gan_argument(arguments, "--plot");
  gan_loss_options options = arguments->config->loss;
  gan_loss_plot named = {.from = -5, .to = 5};
  GAN_TRY(find_losses(arguments, &named));
  GAN_TRY(check_keys(arguments, &named));
  if (named.count == 0) return list_all(arguments, first);
  GAN_TRY(check_flags(arguments, &named, path));
  options.label_flips = 0; /* the environment may have one */
  for (int i = 0; i < named.count; i++) {
    options.name = named.losses[i]->name;
    GAN_TRY(gan_loss_check(&options));
  }
  if (path && first) GAN_TRY(check_plot(arguments, path, &named));
  return report_all(arguments, &named, &options, path);
}

static const gan_flag flags[] = {
    {"--real", "A,B,..", "the critic's scores of real samples"},
    {"--fake", "C,D,..", "the critic's scores of generated samples, as many"},
    {"--real-weights", "A,B,..", "a weight for each real sample; without: 1"},
    {"--fake-weights", "C,D,..", "a weight for each generated sample; without: 1"},
    {"--real-flips", "0,1,..", "1: the real sample counts as a generated one in the critic's loss"},
    {"--fake-flips", "0,1,..", "1: the generated sample counts as a real one in the critic's loss"},
    {"--plot", "FILE.png", "draw loss and gradient over the score, of one loss or several"},
    {"--from", "SCORE", "where the picture's axis begins; without: -5"},
    {"--to", "SCORE", "where it ends; without: 5"},
    {NULL, NULL, NULL},
};

const gan_command gan_command_loss = {
    .name = "loss",
    .usage = "loss NAME --real A,B,.. --fake C,D,.. [--json], or loss NAME.. --plot FILE.png",
    .help = "both losses and their gradients for given scores, or drawn; without a name, the losses there are",
    .common = "j",
    .keys = "loss",
    .refused = "loss.name loss.label_flips",
    .flags = flags,
    .only_prints = true,
    .writes = "--plot",
    .run = run,
};
