/* Keys that count for some values of other keys only: a table, with a row for each key (or section) and each key that
   decides about it. A key with several rows counts where one of them says so; one without a row always does.

   Losses, optimizers, schedules and data sources tell themselves what they use, so that a new row of theirs needs none
   here. */
#include "config/relevance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

static bool loss_uses(const char *name, const char *key) {
  const gan_loss *loss = gan_loss_find(name);
  return !loss || gan_loss_uses(loss, key);
}

static bool optimizer_uses(const char *name, const char *key) {
  const gan_optimizer *optimizer = gan_optimizer_find(name);
  return !optimizer || gan_optimizer_uses(optimizer, strchr(key, '.') + 1);
}

/* Of all keys the final factor. */
static bool schedule_uses(const char *name, const char *key) {
  const gan_schedule *schedule = gan_schedule_find(name);
  (void)key;
  return !schedule || schedule->factor(1, 0.5) != schedule->factor(1, 0.25);
}

/* Of all keys the final strength. */
static bool augment_schedule_uses(const char *name, const char *key) {
  (void)key;
  return strcmp(name, "constant") != 0;
}

/* The batch that rates are for; at twice that, they are others. */
static bool scaling_uses(const char *name, const char *key) {
  const gan_optimizer_options options = {.batch_scaling = name, .reference_batch = 1};
  (void)key;
  return gan_batch_factor(&options, 2) != 1;
}

static bool source_uses(const char *name, const char *key) {
  const gan_source_type *type = gan_source_type_find(name);
  return !type || gan_source_type_reads(type, key);
}

/* When a decider lets a key count. */
typedef enum when {
  WHEN_USED,  /* its value is the name of something that uses the key */
  WHEN_ABOVE, /* it is a number above 0 */
  WHEN_ZERO,
  WHEN_YES,
  WHEN_HOLDS, /* its value has the word in it */
  WHEN_SET,   /* it is not empty */
  WHEN_UNSET  /* it is empty */
} when;

typedef struct condition {
  const char *key; /* a section with its dot is all of its keys, a beginning with its "_" all that begin so */
  const char *decider;
  when when;
  bool (*uses)(const char *name, const char *key);
  const char *word;
} condition;

#define USED_BY(function) .when = WHEN_USED, .uses = (function)
#define ABOVE_ZERO .when = WHEN_ABOVE
#define ZERO .when = WHEN_ZERO
#define YES .when = WHEN_YES
#define HOLDS(text) .when = WHEN_HOLDS, .word = (text)
#define SET .when = WHEN_SET
#define UNSET .when = WHEN_UNSET

static const condition conditions[] = {
    {"data.", "data.source", USED_BY(source_uses)},
    {"shower.", "data.source", USED_BY(source_uses)},
    {"loss.", "loss.name", USED_BY(loss_uses)},
    {"augment.strength", "augment.operations", SET},
    {"augment.schedule", "augment.operations", SET},
    {"augment.final_strength", "augment.schedule", USED_BY(augment_schedule_uses)},
    {"augment.adaptive", "augment.operations", SET},
    {"augment.target", "augment.adaptive", YES},
    {"augment.samples_to_full", "augment.adaptive", YES},
    {"train.warmup_n_critic", "train.warmup_iterations", ABOVE_ZERO},
    {"train.warmup_every", "train.warmup_iterations", ABOVE_ZERO},
    {"optimizer.learning_rate", "generator.learning_rate", ZERO},
    {"optimizer.learning_rate", "critic.learning_rate", ZERO},
    {"optimizer.alpha", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.beta1", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.beta1_final", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.beta2", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.beta2_final", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.epsilon", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.momentum", "optimizer.name", USED_BY(optimizer_uses)},
    {"optimizer.final_factor", "optimizer.schedule", USED_BY(schedule_uses)},
    {"optimizer.reference_batch", "optimizer.batch_scaling", USED_BY(scaling_uses)},
    {"train.ema_half_life_final", "train.ema_half_life", ABOVE_ZERO},
    {"train.ema_warmup", "train.ema_half_life", ABOVE_ZERO},
    {"batch_norm.", "generator.layers", HOLDS("batch_norm")},
    {"batch_norm.", "critic.layers", HOLDS("batch_norm")},
    {"batch_norm.", "classifier.layers", HOLDS("batch_norm")},
    {"classifier.held_out", "classifier.test", UNSET},
    {"critic.clip_norm_of", "critic.clip_norm", ABOVE_ZERO},
    {"critic.gradient_penalty_", "critic.gradient_penalty", ABOVE_ZERO},
    {"critic.gradient_penalty_", "critic.dragan", ABOVE_ZERO},
    {"critic.penalty_every", "critic.gradient_penalty", ABOVE_ZERO},
    {"critic.penalty_every", "critic.dragan", ABOVE_ZERO},
    {"critic.penalty_every", "critic.r1", ABOVE_ZERO},
    {"critic.penalty_every", "critic.r1_final", ABOVE_ZERO},
    {"critic.penalty_every", "critic.r2", ABOVE_ZERO},
    {"critic.penalty_every", "critic.r2_final", ABOVE_ZERO},
    {"samples.ema", "train.ema_decay", ABOVE_ZERO},
    {"samples.ema", "train.ema_half_life", ABOVE_ZERO},
    {"eval.features", "eval.metrics", SET},
    {"trace.steps", "trace.file", SET},
};
enum { CONDITIONS = sizeof conditions / sizeof *conditions };

static bool is_about(const condition *row, const char *key) {
  const size_t length = strlen(row->key);
  return strcmp(key, row->key) == 0 || (strchr("._", row->key[length - 1]) && strncmp(key, row->key, length) == 0);
}

static bool holds(const condition *row, const char *key, const gan_config *config) {
  const gan_option *decider = gan_option_find(row->decider);
  switch (row->when) {
    case WHEN_USED:
      return row->uses(gan_option_text(decider, config), key);
    case WHEN_YES:
    case WHEN_ABOVE:
      return gan_option_number(decider, config) > 0;
    case WHEN_ZERO:
      return gan_option_number(decider, config) == 0;
    case WHEN_HOLDS:
      return strstr(gan_option_text(decider, config), row->word) != NULL;
    case WHEN_SET:
    case WHEN_UNSET:
      return (*gan_option_text(decider, config) != '\0') == (row->when == WHEN_SET);
  }
  return true;
}

bool gan_option_counts(const gan_option *option, const gan_config *config) {
  bool conditional = false;
  for (int i = 0; i < CONDITIONS; i++) {
    if (!is_about(&conditions[i], option->key)) continue;
    if (holds(&conditions[i], option->key, config)) return true;
    conditional = true;
  }
  return !conditional;
}

/* --- in words --- */

/* "loss.name = wasserstein", "train.warmup_iterations = 0"; layers are too long for that. */
static gan_status print_state(FILE *out, const condition *row, const gan_config *config) {
  char *value;
  if (row->when == WHEN_HOLDS) fprintf(out, "no %s in %s", row->word, row->decider);
  if (row->when == WHEN_SET) fprintf(out, "no %s", row->decider);
  if (row->when == WHEN_HOLDS || row->when == WHEN_SET) return GAN_OK;
  GAN_TRY(gan_config_get(config, row->decider, &value));
  fprintf(out, "%s = %s", row->decider, value);
  free(value);
  return GAN_OK;
}

/* "loss.name = minimax or modified_minimax": the names of a table that use a key. */
static void print_users(FILE *out, const condition *row, const char *key) {
  const gan_option *decider = gan_option_find(row->decider);
  const char *name, *before = " = ";
  fputs(row->decider, out);
  for (int i = 0; (name = decider->choice(i, NULL)); i++) {
    if (!row->uses(name, key)) continue;
    fprintf(out, "%s%s", before, name);
    before = " or ";
  }
}

/* What the decider should be. */
static void print_wish(FILE *out, const condition *row, const char *key) {
  switch (row->when) {
    case WHEN_USED:
      print_users(out, row, key);
      break;
    case WHEN_ABOVE:
      fprintf(out, "%s above 0", row->decider);
      break;
    case WHEN_ZERO:
      fprintf(out, "%s = 0", row->decider);
      break;
    case WHEN_YES:
      fprintf(out, "%s = yes", row->decider);
      break;
    case WHEN_HOLDS:
      fprintf(out, "%s in %s", row->word, row->decider);
      break;
    case WHEN_SET:
      fputs(row->decider, out);
      break;
    case WHEN_UNSET:
      fprintf(out, "%s to be empty", row->decider);
      break;
  }
}

/* Of all rows about the key, with `between` between them: what their deciders are, or should be. */
static gan_status print_rows(FILE *out, const gan_option *option, const gan_config *config, bool wishes,
                             const char *between) {
  int printed = 0;
  for (int i = 0; i < CONDITIONS; i++) {
    const condition *row = &conditions[i];
    if (!is_about(row, option->key)) continue;
    if (printed++) fputs(between, out);
    if (wishes)
      print_wish(out, row, option->key);
    else
      GAN_TRY(print_state(out, row, config));
  }
  return GAN_OK;
}

static gan_status out_of_memory(void) { return gan_fail(GAN_FAILED, "out of memory: keys without effect"); }

/* *text is the caller's; "" and GAN_FAILED where memory did not do. */
static gan_status close_text(FILE *out, gan_status status) {
  const bool failed = ferror(out);
  if ((fclose(out) != 0 || failed) && status == GAN_OK) return out_of_memory();
  return status;
}

static gan_status refuse(const gan_option *option, const gan_config *config) {
  char *state = NULL, *wish = NULL;
  size_t bytes[2];
  FILE *now = open_memstream(&state, &bytes[0]), *then = now ? open_memstream(&wish, &bytes[1]) : NULL;
  gan_status status = then ? GAN_OK : out_of_memory();
  if (status == GAN_OK) status = print_rows(now, option, config, false, " and ");
  if (status == GAN_OK) status = print_rows(then, option, config, true, " or ");
  if (now) status = close_text(now, status);
  if (then) status = close_text(then, status);
  if (status == GAN_OK)
    status = gan_fail(GAN_BAD_USAGE, "%s has no effect with %s: it needs %s; without that, leave it %s%s", option->key,
                      state, wish, *option->default_value ? "at its default, " : "empty", option->default_value);
  free(state);
  free(wish);
  return status;
}

static gan_status add_idle(FILE *idle, const gan_option *option, const gan_config *config) {
  fprintf(idle, "%s%s (", ftell(idle) > 0 ? ", " : "", option->key);
  GAN_TRY(print_rows(idle, option, config, false, ", "));
  fputc(')', idle);
  return GAN_OK;
}

/* --- two keys for one thing --- */

/* Where one of two is given, above 0, the other's value gives way if nobody has given it, too. */
static const char *const alternatives[][2] = {{"train.ema_decay", "train.ema_half_life"}};
enum { ALTERNATIVES = sizeof alternatives / sizeof *alternatives };

static bool is_given(const gan_option *option, const gan_config *config) {
  const size_t row = (size_t)(option - gan_options);
  return config->given[row] && !config->brought[row];
}

static gan_status settle_alternative(const gan_option *given, const gan_option *other, gan_config *config,
                                     const gan_config *defaults, FILE *idle) {
  char *value;
  if (!is_given(given, config) || is_given(other, config)) return GAN_OK;
  if (gan_option_number(given, config) <= 0 || gan_option_number(other, config) <= 0) return GAN_OK;
  if (config->brought[other - gan_options]) {
    GAN_TRY(gan_option_print(given, config, &value));
    fprintf(idle, "%s%s (%s = %s)", ftell(idle) > 0 ? ", " : "", other->key, given->key, value);
    free(value);
  }
  return gan_option_copy(other, defaults, config);
}

static gan_status settle_alternatives(gan_config *config, const gan_config *defaults, FILE *idle) {
  for (int i = 0; i < 2 * ALTERNATIVES; i++) {
    const char *const *keys = alternatives[i / 2];
    const gan_option *given = gan_option_find(keys[i % 2]), *other = gan_option_find(keys[1 - i % 2]);
    GAN_TRY(settle_alternative(given, other, config, defaults, idle));
  }
  return GAN_OK;
}

/* --- all keys --- */

static gan_status has_default(const gan_option *option, const gan_config *config, const gan_config *defaults,
                              bool *same) {
  char *difference;
  GAN_TRY(gan_config_difference(option, defaults, config, &difference));
  *same = !difference;
  free(difference);
  return GAN_OK;
}

static gan_status settle_option(const gan_option *option, gan_config *config, const gan_config *defaults, FILE *idle) {
  const size_t row = (size_t)(option - gan_options);
  bool same;
  if (option->type == GAN_OPTION_PRESET || gan_option_counts(option, config)) return GAN_OK;
  GAN_TRY(has_default(option, config, defaults, &same));
  if (same) return GAN_OK;
  if (is_given(option, config)) return refuse(option, config);
  if (config->brought[row]) GAN_TRY(add_idle(idle, option, config));
  return gan_option_copy(option, defaults, config);
}

gan_status gan_config_settle(gan_config *config, char **idle) {
  gan_config *defaults;
  size_t bytes;
  *idle = NULL;
  GAN_TRY(gan_config_create(&defaults));
  FILE *list = open_memstream(idle, &bytes);
  gan_status status = list ? settle_alternatives(config, defaults, list) : out_of_memory();
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++)
    status = settle_option(&gan_options[i], config, defaults, list);
  if (list) status = close_text(list, status);
  gan_config_destroy(defaults);
  if (status != GAN_OK) {
    free(*idle);
    *idle = NULL;
  }
  return status;
}
