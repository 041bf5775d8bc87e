/* What a start changes in the run that it goes on with: said once, and kept in history.txt beside config.ini, which
   shows the configuration of the newest start only.

   The option table says which keys are about what is computed; any other may change without a word. Besides, a schedule
   over more iterations than before is not where it was: what it moves jumps, which is told by both values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/moving.h"
#include "base/number.h"
#include "config/relevance.h"
#include "gan_dist/version.h"
#include "store/text.h"
#include "train/internal.h"
#include "train/optimization.h"
#include "train/step.h"

/* One notice, and the lines of history.txt. */
typedef struct changes {
  FILE *notice, *lines;
  int noticed;
} changes;

/* `matters`: it changes what is computed; what does not is kept only. */
static void tell(changes *list, bool matters, const char *text) {
  fprintf(list->lines, "    %s\n", text);
  if (matters) fprintf(list->notice, "%s%s", list->noticed++ ? "; " : "", text);
}

/* --- What moves over a run: each has its value in the iteration after the first `done`, NAN where there is none --- */

static double rate_of(const gan_config *config, const gan_network_config *network, int64_t done) {
  const gan_optimizer_options options = gan_optimizer_options_of(config, network);
  return gan_scheduled_rate(&options, done, config->run.iterations);
}
static double generator_rate(const gan_config *config, int64_t done) {
  return rate_of(config, &config->generator.network, done);
}
static double critic_rate(const gan_config *config, int64_t done) {
  return rate_of(config, &config->critic.network, done);
}
/* By schedule, warm-up or batch. */
static bool rate_moves(const gan_config *config) {
  const gan_optimizer_options *options = &config->optimizer;
  return strcmp(options->schedule, "constant") != 0 || options->warmup > 0 || options->reference_batch > 0;
}

static double moved_beta(const gan_config *config, double from, double to, int64_t done) {
  const bool used = gan_optimizer_uses(gan_optimizer_find(config->optimizer.name), "beta1");
  return used ? gan_moved(from, to, gan_run_progress(done, config->run.iterations)) : (double)NAN;
}
static double beta1_at(const gan_config *config, int64_t done) {
  return moved_beta(config, config->optimizer.beta1, config->optimizer.beta1_final, done);
}
static double beta2_at(const gan_config *config, int64_t done) {
  return moved_beta(config, config->optimizer.beta2, config->optimizer.beta2_final, done);
}
static bool beta1_moves(const gan_config *config) { return !isnan(config->optimizer.beta1_final); }
static bool beta2_moves(const gan_config *config) { return !isnan(config->optimizer.beta2_final); }

static double half_life_at(const gan_config *config, int64_t done) {
  return config->train.ema_half_life > 0 ? gan_half_life_of(config, done) : (double)NAN;
}
static bool half_life_moves(const gan_config *config) { return !isnan(config->train.ema_half_life_final); }

static double penalty_at(const gan_config *config, gan_penalty_kind kind, int64_t done) {
  double weights[GAN_PENALTY_KINDS];
  gan_penalties_weights(&config->critic.penalty, gan_run_progress(done, config->run.iterations), weights);
  return weights[kind];
}
static double r1_at(const gan_config *config, int64_t done) { return penalty_at(config, GAN_PENALTY_R1, done); }
static double r2_at(const gan_config *config, int64_t done) { return penalty_at(config, GAN_PENALTY_R2, done); }
static bool r1_moves(const gan_config *config) { return !isnan(config->critic.penalty.r1_final); }
static bool r2_moves(const gan_config *config) { return !isnan(config->critic.penalty.r2_final); }

/* One that adapts itself goes on where it was. */
static double strength_at(const gan_config *config, int64_t done) {
  const gan_augment_options *options = &config->augment;
  return *options->operations && !options->adaptive ? gan_scheduled_strength(config, done) : (double)NAN;
}
static bool strength_moves(const gan_config *config) { return strcmp(config->augment.schedule, "constant") != 0; }

/* Learning rates first: they are told together where they are the same. */
static const struct {
  const char *what;
  double (*at)(const gan_config *config, int64_t done);
  bool (*moves)(const gan_config *config);
} moving[] = {
    {"generator's learning rate", generator_rate, rate_moves},
    {"critic's learning rate", critic_rate, rate_moves},
    {"beta1", beta1_at, beta1_moves},
    {"beta2", beta2_at, beta2_moves},
    {"half-life of the average", half_life_at, half_life_moves},
    {"critic.r1", r1_at, r1_moves},
    {"critic.r2", r2_at, r2_moves},
    {"augment.strength", strength_at, strength_moves},
};
enum { RATES = 2, MOVING = sizeof moving / sizeof *moving };

/* Whether anything that is computed depends on run.iterations. */
static bool is_scheduled(const gan_config *config) {
  bool any = strcmp(config->optimizer.schedule, "constant") != 0;
  for (int row = RATES; row < MOVING; row++) any = any || moving[row].moves(config);
  return any;
}

static gan_status tell_options(const gan_trainer *trainer, changes *list) {
  const bool scheduled = is_scheduled(trainer->before) || is_scheduled(trainer->config);
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    char *text;
    if (option->scope != GAN_SCOPE_RESULT && option->scope != GAN_SCOPE_LENGTH) continue;
    if (!gan_option_counts(option, trainer->config)) continue;
    GAN_TRY(gan_config_difference(option, trainer->before, trainer->config, &text));
    if (text) tell(list, option->scope == GAN_SCOPE_RESULT || scheduled, text);
    free(text);
  }
  return GAN_OK;
}

/* "auto" before and now, and another number. */
static void tell_decay(const gan_trainer *trainer, changes *list) {
  const gan_optimizer_options *before = &trainer->before->optimizer, *now = &trainer->config->optimizer;
  const double from = gan_weight_decay_of(before), to = gan_weight_decay_of(now);
  char text[128];
  if (!isnan(before->weight_decay) || !isnan(now->weight_decay) || from == to) return;
  snprintf(text, sizeof text, "optimizer.weight_decay (auto): %g -> %g", from, to);
  tell(list, true, text);
}

/* Of a quantity, from its value in the last iteration to that in the next. */
typedef struct jump {
  bool jumps; /* false where the schedule goes on as it was */
  double from, to;
} jump;

static jump find_jump(const gan_trainer *trainer, int row, int64_t done) {
  const gan_config *before = trainer->before, *now = trainer->config;
  const double next = moving[row].at(before, done), to = moving[row].at(now, done);
  const bool moves = moving[row].moves(before) || moving[row].moves(now);
  return (jump){.jumps = moves && fabs(to - next) > 1e-9 * next,
                .from = done > 0 ? moving[row].at(before, done - 1) : next,
                .to = to};
}

/* A jump too small for the digits that are printed is none that one could be told of. */
static void tell_jump(changes *list, const char *what, jump found) {
  char text[128], from[32], to[32];
  if (!found.jumps) return;
  gan_print_plain(from, sizeof from, "%.3g", found.from);
  gan_print_plain(to, sizeof to, "%.3g", found.to);
  if (strcmp(from, to) == 0) return;
  snprintf(text, sizeof text, "%s of an iteration: %s -> %s", what, from, to);
  tell(list, true, text);
}

static void tell_jumps(const gan_trainer *trainer, int64_t done, changes *list) {
  const jump generator = find_jump(trainer, 0, done), critic = find_jump(trainer, 1, done);
  const bool alike = generator.jumps && critic.jumps && generator.from == critic.from && generator.to == critic.to;
  if (alike) tell_jump(list, "learning rate", generator);
  for (int row = alike ? RATES : 0; row < MOVING; row++)
    tell_jump(list, moving[row].what, find_jump(trainer, row, done));
}

/* All that can be compared; of an unreadable configuration the checkpoint's own attributes. The backend has a notice of
   its own. */
static gan_status tell_all(const gan_trainer *trainer, const gan_checkpoint *from, changes *list) {
  char text[128];
  if (trainer->before) {
    GAN_TRY(tell_options(trainer, list));
    tell_decay(trainer, list);
    tell_jumps(trainer, from->iteration, list);
  } else if (from->shards != trainer->shards.count) {
    snprintf(text, sizeof text, "train.shards: %d -> %d", from->shards, trainer->shards.count);
    tell(list, true, text);
  }
  const gan_backend_name before = gan_state_backend_parts(from->backend);
  const gan_backend_name now = gan_state_backend_parts(gan_state_backend(trainer, sizeof text, text));
  if (!from->backend[0]) return GAN_OK;
  if (strcmp(before.backend, now.backend) != 0)
    fprintf(list->lines, "    run.backend: %s -> %s\n", before.backend, now.backend);
  if (strcmp(before.precision, now.precision) != 0)
    fprintf(list->lines, "    run.precision: %s -> %s\n", before.precision, now.precision);
  return GAN_OK;
}

static gan_status out_of_memory(void) { return gan_fail(GAN_FAILED, "out of memory: what has changed in the run"); }

static void say(gan_trainer *trainer, const char *notice) {
  if (notice[0]) gan_notice(trainer, "changed since then, so that results may differ from here on: %s", notice);
}

/* False where not all of it found memory. NULL is allowed, and is false. */
static bool close_text(FILE *text) {
  const bool well = text && !ferror(text);
  return (!text || fclose(text) == 0) && well;
}

gan_status gan_history_compare(gan_trainer *trainer, const gan_checkpoint *from) {
  char *notice = NULL, *lines = NULL;
  size_t bytes[2];
  changes list = {.notice = open_memstream(&notice, &bytes[0]), .lines = open_memstream(&lines, &bytes[1])};
  gan_status status = list.notice && list.lines ? tell_all(trainer, from, &list) : out_of_memory();
  const bool noticed = close_text(list.notice), kept = close_text(list.lines);
  if (status == GAN_OK && !(noticed && kept)) status = out_of_memory();
  if (status == GAN_OK && !gan_trains_nothing(trainer)) say(trainer, notice);
  free(notice);
  free(trainer->changes);
  trainer->changes = status == GAN_OK ? lines : NULL;
  if (status != GAN_OK) free(lines);
  return status;
}

/* "2026-11-30 12:41:44 UTC" */
static void print_now(size_t size, char *text) {
  const time_t now = time(NULL);
  struct tm parts;
  if (!gmtime_r(&now, &parts) || strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) text[0] = '\0';
}

static void print_begin(const gan_trainer *trainer, size_t size, char *text) {
  if (trainer->resumed_at == 0 && !trainer->last_checkpoint[0])
    snprintf(text, size, "begins");
  else
    snprintf(text, size, "goes on from iteration %lld (%s)", (long long)trainer->iteration, trainer->last_checkpoint);
}

/* An entry is written at once: it is there whole, or not. */
gan_status gan_history_record(const gan_trainer *trainer) {
  char path[PATH_MAX + 32], now[64], begin[PATH_MAX + 64], backend[64], *entry = NULL;
  const int ranks = gan_world_size(trainer->world), hosts = gan_world_host_count(trainer->world);
  const char *changed = trainer->changes ? trainer->changes : "";
  const size_t room = sizeof begin + strlen(changed) + 512;
  print_now(sizeof now, now);
  print_begin(trainer, sizeof begin, begin);
  GAN_TRY(gan_allocate(room, 1, "an entry of the run's history", &entry));
  snprintf(entry, room, "%s  %s: %d rank%s on %d host%s, %d shard%s, %s, gan_dist %s\n%s", now, begin, ranks,
           ranks == 1 ? "" : "s", hosts, hosts == 1 ? "" : "s", trainer->shards.count,
           trainer->shards.count == 1 ? "" : "s", gan_state_backend(trainer, sizeof backend, backend), GAN_DIST_VERSION,
           changed);
  snprintf(path, sizeof path, "%s/history.txt", trainer->folder);
  const gan_status status = gan_text_append(path, entry);
  free(entry);
  return status;
}
