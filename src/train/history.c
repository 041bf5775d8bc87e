/* What a start changes in the run that it goes on with: said once, and kept in history.txt beside config.ini, which
   shows the configuration of the newest start only.

   The option table says which keys are about what is computed; any other may change without a word. Besides, a schedule
   over more iterations than before is not where it was: the learning rate jumps, which is told by both rates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/number.h"
#include "config/relevance.h"
#include "gan_dist/version.h"
#include "store/text.h"
#include "train/internal.h"

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

/* Whether anything but the learning rate moves along the run. */
static bool moves_otherwise(const gan_config *config) {
  return !isnan(config->critic.penalty.r1_final) || !isnan(config->critic.penalty.r2_final) ||
         strcmp(config->augment.schedule, "constant") != 0;
}

static bool is_scheduled(const gan_config *config) { return strcmp(config->optimizer.schedule, "constant") != 0; }

static gan_status tell_options(const gan_trainer *trainer, changes *list) {
  const bool scheduled = is_scheduled(trainer->before) || is_scheduled(trainer->config) ||
                         moves_otherwise(trainer->before) || moves_otherwise(trainer->config);
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

/* Of a network, for the iteration after `done`. */
static double rate_of(const gan_config *config, const gan_network_config *network, int64_t done) {
  gan_optimizer_options options = config->optimizer;
  if (network->learning_rate > 0) options.learning_rate = network->learning_rate;
  return gan_scheduled_rate(&options, done, config->run.iterations);
}

/* From that of the last iteration to that of the next. False where the schedule goes on as it was. */
static bool find_jump(const gan_trainer *trainer, bool critic, int64_t done, double *from, double *to) {
  const gan_config *before = trainer->before, *now = trainer->config;
  const gan_network_config *old = critic ? &before->critic.network : &before->generator.network;
  const gan_network_config *new = critic ? &now->critic.network : &now->generator.network;
  const double next = rate_of(before, old, done);
  *from = done > 0 ? rate_of(before, old, done - 1) : next;
  *to = rate_of(now, new, done);
  return (is_scheduled(before) || is_scheduled(now)) && fabs(*to - next) > 1e-9 * next;
}

static void tell_jump(changes *list, const char *whose, double from, double to) {
  char text[128];
  gan_print_plain(text, sizeof text, "%slearning rate of an iteration: %.3g -> %.3g", whose, from, to);
  tell(list, true, text);
}

static void tell_rates(const gan_trainer *trainer, int64_t done, changes *list) {
  double generator[2], critic[2];
  const bool first = find_jump(trainer, false, done, &generator[0], &generator[1]);
  const bool second = find_jump(trainer, true, done, &critic[0], &critic[1]);
  const bool alike = first && second && generator[0] == critic[0] && generator[1] == critic[1];
  if (first) tell_jump(list, alike ? "" : "generator's ", generator[0], generator[1]);
  if (second && !alike) tell_jump(list, "critic's ", critic[0], critic[1]);
}

/* All that can be compared; of an unreadable configuration the checkpoint's own attributes. The backend has a notice of
   its own. */
static gan_status tell_all(const gan_trainer *trainer, const gan_checkpoint *from, changes *list) {
  char text[128];
  if (trainer->before) {
    GAN_TRY(tell_options(trainer, list));
    tell_rates(trainer, from->iteration, list);
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
