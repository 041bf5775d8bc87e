#include "cli/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"

enum { LINE_BYTES = 512, BAR_MINIMUM = 5, BAR_MAXIMUM = 24, COLUMNS_WITH_BAR = 60, COLUMNS_IN_FULL = 110 };
static const double redraw_seconds = 0.1;  /* live line */
static const double plain_seconds = 5.0;   /* plain lines by time */
static const double memory_seconds = 20.0; /* how far back the rate of iterations looks */
static const double new_seconds = 10.0;    /* how long an evaluation is new */

struct gan_progress {
  FILE *out;
  bool terminal, quiet, unicode, finished;
  bool distance; /* W is shown */
  int width;     /* 0: ask the terminal each time, since windows are resized */
  int64_t log_every;
  double (*now)(void *context);
  void *now_context;
  gan_progress_words words; /* NULL: losses of a GAN's training */
  void *words_context;

  gan_iteration last; /* iteration 0: none yet */
  gan_evaluation evaluation;
  double evaluated; /* when it came; NAN: none yet */
  int64_t first;    /* iteration that this object saw first */
  int64_t plain;    /* iteration of the last plain line */
  double plain_time;
  double redraw_time;
  int live_columns; /* of the live line on the screen; 0: none */
  int columns, bar; /* of the terminal and of the bar when it was drawn last */

  double started, ended;                    /* of the first iteration and of gan_progress_finish */
  double arrived;                           /* of the last iteration */
  double recent_iterations, recent_seconds; /* forgotten exponentially */
  double data, compute, summing, waiting;   /* seconds, summed */
  double samples;
};

static double steady_clock(void *context) {
  (void)context;
  return gan_seconds();
}

gan_status gan_progress_create(FILE *out, bool terminal, bool quiet, int64_t log_every, gan_progress **progress) {
  gan_progress *made = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "the progress line", &made));
  *made = (gan_progress){.out = out,
                         .terminal = terminal,
                         .quiet = quiet,
                         .unicode = gan_terminal_unicode(),
                         .log_every = log_every,
                         .evaluated = NAN,
                         .now = steady_clock};
  *progress = made;
  return GAN_OK;
}

void gan_progress_set_clock(gan_progress *progress, double (*now)(void *), void *context) {
  progress->now = now;
  progress->now_context = context;
}

void gan_progress_set_display(gan_progress *progress, int width, bool unicode) {
  progress->width = width;
  progress->unicode = unicode;
}

void gan_progress_set_words(gan_progress *progress, gan_progress_words words, void *context) {
  progress->words = words;
  progress->words_context = context;
}

void gan_progress_show_distance(gan_progress *progress, bool distance) { progress->distance = distance; }

/* Texts --------------------------------------------------------------------------------------------------------------
 */

static void append(char line[LINE_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char line[LINE_BYTES], const char *format, ...) {
  const size_t used = strlen(line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line + used, LINE_BYTES - used, format, arguments);
  va_end(arguments);
}

/* 0:07, 12:34, 1:02:03, or 3d 04h. */
static void append_duration(char line[LINE_BYTES], double seconds) {
  const long long whole = (long long)floor(fmin(fmax(seconds, 0.0), 1e15) + 0.5);
  const long long minutes = whole / 60, hours = minutes / 60;
  if (hours >= 48)
    append(line, "%lldd %02lldh", hours / 24, hours % 24);
  else if (hours)
    append(line, "%lld:%02lld:%02lld", hours, minutes % 60, whole % 60);
  else
    append(line, "%lld:%02lld", minutes, whole % 60);
}

/* Three digits and a unit prefix: 950, 1.23k, 45.6M. */
static void append_rate(char line[LINE_BYTES], double rate, const char *units) {
  static const char *const prefixes[] = {"", "k", "M", "G", "T"};
  size_t prefix = 0;
  while (fabs(rate) >= 999.5 && prefix + 1 < sizeof prefixes / sizeof *prefixes) {
    rate /= 1000.0;
    prefix++;
  }
  append(line, "%.3g%s%s", gan_shown(rate), prefixes[prefix], units);
}

/* Seconds until the end at the recent rate; NAN while there is none to go by. */
static double seconds_left(const gan_progress *progress) {
  const int64_t left = progress->last.iterations - progress->last.iteration;
  if (left <= 0) return 0.0;
  if (!(progress->recent_seconds > 0.0)) return NAN;
  return (double)left * progress->recent_seconds / progress->recent_iterations;
}

static double share_done(const gan_iteration *values) {
  if (values->iterations <= 0) return 1.0;
  return fmin(1.0, fmax(0.0, (double)values->iteration / (double)values->iterations));
}

static void append_time_left(char line[LINE_BYTES], const gan_progress *progress) {
  const double left = seconds_left(progress);
  if (isnan(left) || progress->last.iteration >= progress->last.iterations) return;
  append(line, "  ");
  append_duration(line, left);
  append(line, " left");
}

/* For a plain line, or, briefly, for a terminal of 80 columns, where a bar has to fit in too. */
static void append_words(char line[LINE_BYTES], const gan_progress *progress, bool brief) {
  const gan_iteration *values = &progress->last;
  const double critic = gan_shown(values->critic_loss), generator = gan_shown(values->generator_loss);
  const double distance = gan_shown(values->wasserstein_distance);
  char text[LINE_BYTES] = "";
  if (progress->words)
    progress->words(progress->words_context, brief, sizeof text, text);
  else if (brief && progress->distance)
    snprintf(text, sizeof text, "C %.3g  G %.3g  W %.3g", critic, generator, distance);
  else if (brief)
    snprintf(text, sizeof text, "C %.3g  G %.3g", critic, generator);
  else if (progress->distance)
    snprintf(text, sizeof text, "critic %.4g  generator %.4g  W %.4g", critic, generator, distance);
  else
    snprintf(text, sizeof text, "critic %.4g  generator %.4g  real %.3g  fake %.3g", critic, generator,
             gan_shown(values->score_real), gan_shown(values->score_fake));
  append(line, "  %s", text);
}

/* "BEFORE-27%": by how much `value` differs from the one before; nothing where that tells nothing. */
static void append_change(char line[LINE_BYTES], const char *before, const gan_evaluation *values) {
  if (values->before > 0 && isfinite(values->judged.value))
    append(line, "%s%+.0f%%", before, 100.0 * (values->judged.value / values->before - 1.0));
}

/* "fcd 35.2 (floor 1.1)" */
static void append_value(char line[LINE_BYTES], const char *name, const gan_evaluation_value *value) {
  append(line, "  %s %.4g", name, gan_shown(value->value));
  if (isfinite(value->floor)) append(line, " (floor %.3g)", gan_shown(value->floor));
}

/* The one that is always there, and has no floor. */
static bool is_usual(const gan_evaluation_value *value) {
  return !value->name || strcmp(value->name, "sliced_wasserstein") == 0;
}

static bool evaluation_is_new(const gan_progress *progress) {
  return progress->now(progress->now_context) - progress->evaluated < new_seconds;
}

static void append_quality(char line[LINE_BYTES], const gan_progress *progress) {
  const gan_evaluation *values = &progress->evaluation;
  append_value(line, is_usual(&values->judged) ? "quality" : values->judged.name, &values->judged);
  append_change(line, " ", values);
}

static void append_values(char line[LINE_BYTES], const gan_progress *progress) {
  const gan_iteration *values = &progress->last;
  append_words(line, progress, false);
  append(line, "  ");
  append_rate(line, values->samples_per_second, " samples/s");
  append_time_left(line, progress);
}

/* An evaluation that is new takes the losses' place. */
static void append_values_briefly(char line[LINE_BYTES], const gan_progress *progress) {
  const gan_iteration *values = &progress->last;
  if (evaluation_is_new(progress))
    append_quality(line, progress);
  else
    append_words(line, progress, true);
  append(line, "  ");
  append_rate(line, values->samples_per_second, "/s");
  append_time_left(line, progress);
}

/* Columns that the line takes: bytes that do not continue a UTF-8 character. Cuts it there when `limit` is reached. */
static int cut_to_columns(char *line, int limit) {
  int columns = 0;
  for (char *byte = line; *byte; byte++) {
    if (((unsigned char)*byte & 0xc0) == 0x80) continue;
    if (columns == limit) {
      *byte = '\0';
      break;
    }
    columns++;
  }
  return columns;
}

static void append_bar(char line[LINE_BYTES], double share, int columns, bool unicode) {
  static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int steps = unicode ? 8 : 1, filled = (int)(share * columns * steps + 1e-9);
  int column = 0;
  append(line, "%s", unicode ? "▕" : "[");
  for (; column < filled / steps; column++) append(line, "%s", unicode ? "█" : "#");
  if (filled % steps) {
    append(line, "%s", eighths[filled % steps]);
    column++;
  }
  for (; column < columns; column++) append(line, "%s", unicode ? " " : "-");
  append(line, "%s", unicode ? "▏" : "] ");
}

/* Drawing ------------------------------------------------------------------------------------------------------------
 */

/* Overwrites the live line with spaces: no control sequence that some terminal might not know. */
static void erase_live_line(gan_progress *progress) {
  if (!progress->live_columns) return;
  fprintf(progress->out, "\r%*s\r", progress->live_columns, "");
  progress->live_columns = 0;
}

/* The bar takes what the text leaves, and only ever shrinks: a bar whose length follows every digit would flicker. */
static void append_bar_beside(char line[LINE_BYTES], gan_progress *progress, const char *text, int columns) {
  const int room = columns - (int)strlen(text) - 3; /* two ends and a space */
  if (columns != progress->columns) progress->bar = BAR_MAXIMUM;
  progress->columns = columns;
  if (room < progress->bar) progress->bar = room > BAR_MINIMUM ? room : BAR_MINIMUM;
  if (columns >= COLUMNS_WITH_BAR) append_bar(line, share_done(&progress->last), progress->bar, progress->unicode);
}

static void draw_live_line(gan_progress *progress) {
  const gan_iteration *values = &progress->last;
  /* The last column stays free: writing it makes some terminals go to the next line. */
  const int columns = (progress->width ? progress->width : gan_terminal_width(progress->out)) - 1;
  char total[32], text[LINE_BYTES] = "", line[LINE_BYTES] = "";
  snprintf(total, sizeof total, "%lld", (long long)values->iterations);
  append(text, "%3d%%  %*lld/%s", (int)(100.0 * share_done(values)), (int)strlen(total), (long long)values->iteration,
         total);
  if (columns < COLUMNS_IN_FULL) {
    append_values_briefly(text, progress);
  } else {
    append_values(text, progress);
    if (evaluation_is_new(progress)) append_quality(text, progress);
  }
  append_bar_beside(line, progress, text, columns);
  append(line, "%s", text);
  const int used = cut_to_columns(line, columns < 0 ? 0 : columns);
  /* What is left of a longer line before, unless the window has been made narrower since. */
  const int before = progress->live_columns < columns ? progress->live_columns : columns;
  const int rest = before > used ? before - used : 0;
  fprintf(progress->out, "\r%s%*s", line, rest, "");
  fflush(progress->out);
  progress->live_columns = used;
}

static void put_line(gan_progress *progress, const char *line) {
  erase_live_line(progress);
  fprintf(progress->out, "%s\n", line);
  fflush(progress->out);
}

static void put_plain_line(gan_progress *progress, double now) {
  const gan_iteration *values = &progress->last;
  char line[LINE_BYTES] = "";
  append(line, "iteration %lld/%lld (%d%%)", (long long)values->iteration, (long long)values->iterations,
         (int)(100.0 * share_done(values)));
  append_values(line, progress);
  put_line(progress, line);
  progress->plain = values->iteration;
  progress->plain_time = now;
}

/* Whether this iteration gets a plain line: the first, the last, and those in between as log_every or the clock says.
 */
static bool plain_line_is_due(const gan_progress *progress, double now) {
  const gan_iteration *values = &progress->last;
  if (progress->log_every > 0 && values->iteration % progress->log_every == 0) return true;
  if (progress->terminal) return false;
  if (values->iteration == progress->first || values->iteration == values->iterations) return true;
  return progress->log_every <= 0 && now - progress->plain_time >= plain_seconds;
}

/* Events -------------------------------------------------------------------------------------------------------------
 */

static void account(gan_progress *progress, const gan_iteration *values, double now) {
  const double phases =
      values->seconds_data + values->seconds_compute + values->seconds_summing + values->seconds_waiting;
  if (progress->last.iteration == 0) {
    progress->first = values->iteration;
    progress->arrived = progress->started = now - phases;
  }
  const double kept = exp(-(now - progress->arrived) / memory_seconds);
  progress->recent_iterations = kept * progress->recent_iterations + 1.0;
  progress->recent_seconds = kept * progress->recent_seconds + now - progress->arrived;
  progress->arrived = now;
  progress->data += values->seconds_data;
  progress->compute += values->seconds_compute;
  progress->summing += values->seconds_summing;
  progress->waiting += values->seconds_waiting;
  /* samples_per_second is over the phases' time. */
  if (isfinite(values->samples_per_second)) progress->samples += values->samples_per_second * phases;
  progress->last = *values;
}

void gan_progress_iteration(gan_progress *progress, const gan_iteration *values) {
  const double now = progress->now(progress->now_context);
  const bool first = progress->last.iteration == 0;
  account(progress, values, now);
  if (progress->quiet) return;
  if (plain_line_is_due(progress, now)) put_plain_line(progress, now);
  if (!progress->terminal) return;
  if (!first && progress->live_columns && now - progress->redraw_time < redraw_seconds) return;
  draw_live_line(progress);
  progress->redraw_time = now;
}

/* " -27% (the best so far)", " +4% (best 0.0431 at iteration 700)"; nothing of the first. */
static void append_trend(char line[LINE_BYTES], const gan_evaluation *values) {
  append_change(line, " ", values);
  if (isnan(values->judged.value) || isnan(values->best)) return;
  if ((values->judged.value - values->best) * values->judged.better > 0)
    append(line, " (the best so far)");
  else if (values->best_iteration > 0)
    append(line, " (best %.4g at iteration %lld)", values->best, (long long)values->best_iteration);
  else
    append(line, " (best %.4g)", values->best);
}

/* Values of which more or less is better; the one that keeps best.h5 with its trend. */
static void append_metrics(char line[LINE_BYTES], const gan_evaluation *values) {
  for (int i = 0; i < values->value_count; i++) {
    const gan_evaluation_value *value = &values->values[i];
    if (isnan(value->value) || !value->better) continue;
    append_value(line, value->name, value);
    if (strcmp(value->name, values->judged.name) == 0) append_trend(line, values);
  }
}

void gan_progress_evaluation(gan_progress *progress, const gan_evaluation *values) {
  const char *judge = is_usual(&values->judged) ? "" : values->judged.name;
  if (progress->quiet) return;
  progress->evaluation = *values;
  progress->evaluated = isfinite(values->judged.value) ? progress->now(progress->now_context) : NAN;
  char line[LINE_BYTES] = "";
  append(line, "evaluation at iteration %lld:", (long long)values->iteration);
  if (!isnan(values->sliced_wasserstein)) append(line, "  sliced Wasserstein %.4g", values->sliced_wasserstein);
  if (!judge[0]) append_trend(line, values);
  if (!isnan(values->modes_covered)) append(line, "  modes %.0f/%.0f", values->modes_covered, values->modes);
  if (strcmp(judge, "modes_covered") == 0) append_trend(line, values);
  if (!isnan(values->high_quality_share)) append(line, "  high quality %.1f%%", 100.0 * values->high_quality_share);
  if (strcmp(judge, "high_quality_share") == 0) append_trend(line, values);
  append_metrics(line, values);
  put_line(progress, line);
}

void gan_progress_note(gan_progress *progress, const char *format, ...) {
  if (progress->quiet) return;
  erase_live_line(progress);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(progress->out, format, arguments);
  va_end(arguments);
  fputc('\n', progress->out);
  fflush(progress->out);
}

void gan_progress_destroy(gan_progress *progress) {
  if (!progress) return;
  erase_live_line(progress);
  fflush(progress->out);
  free(progress);
}

void gan_progress_finish(gan_progress *progress) {
  if (progress->finished) return;
  progress->finished = true;
  progress->ended = progress->now(progress->now_context);
  if (progress->quiet) return;
  erase_live_line(progress);
  if (progress->last.iteration && progress->plain != progress->last.iteration)
    put_plain_line(progress, progress->ended);
  fflush(progress->out);
}

void gan_progress_phases(const gan_progress *progress, gan_phase phases[GAN_PHASES]) {
  const double total = progress->last.iteration ? progress->ended - progress->started : 0.0;
  const double named = progress->data + progress->compute + progress->summing + progress->waiting;
  const gan_phase filled[GAN_PHASES] = {{"data", "data", progress->data},
                                        {"compute", "compute", progress->compute},
                                        {"summing", "copying and summing", progress->summing},
                                        {"waiting", "waiting", progress->waiting},
                                        {"other", "other", fmax(0.0, total - named)},
                                        {"total", "total", total}};
  memcpy(phases, filled, sizeof filled);
}

void gan_progress_summary(FILE *out, const gan_progress *progress, const char *waiting) {
  if (progress->last.iteration == 0) return;
  const double total = progress->ended - progress->started;
  const int64_t iterations = progress->last.iteration - progress->first + 1;
  gan_phase phases[GAN_PHASES];
  gan_progress_phases(progress, phases);
  fprintf(out, "time of %lld iteration%s:\n", (long long)iterations, iterations == 1 ? "" : "s");
  for (int i = 0; i < GAN_PHASES; i++) {
    const bool remark = waiting[0] && strcmp(phases[i].name, "waiting") == 0;
    fprintf(out, "  %-19s %10.2f s  %5.1f%%%s%s\n", phases[i].label, phases[i].seconds,
            total > 0.0 ? 100.0 * phases[i].seconds / total : 0.0, remark ? "  " : "", remark ? waiting : "");
  }
  if (!(total > 0.0)) return;
  char line[LINE_BYTES] = "";
  append_rate(line, (double)iterations / total, " iterations/s, ");
  append_rate(line, progress->samples / total, " samples/s");
  fprintf(out, "  %s\n", line);
}
