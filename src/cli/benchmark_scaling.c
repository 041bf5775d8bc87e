/* `gan_dist benchmark --scaling`: the same training with several numbers of ranks.

   Each number is a benchmark of its own, started through mpirun, so it is measured exactly as a user's run would be;
   inside a batch system's allocation mpirun takes the allocation's hosts. The whole effective configuration goes along
   on the command line: a file would have to be seen by all hosts. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/number.h"
#include "cli/benchmark.h"
#include "cli/cpu.h"

enum { DEFAULT_LIMIT = 600 };

typedef struct plan {
  const gan_arguments *arguments;
  bool weak; /* train.batch is the batch of one rank */
  int count;
  int64_t ranks[GAN_SCALING_ROWS];
  double limit; /* seconds of one start */
  const char *launcher;
  char program[PATH_MAX];
} plan;

/* --- what is asked --- */

static gan_status read_ranks(const char *text, plan *asked) {
  char *copy, *rest;
  gan_status status = GAN_OK;
  GAN_TRY(gan_duplicate(text, &copy));
  rest = copy;
  for (char *piece; status == GAN_OK && (piece = strsep(&rest, ","));) {
    int64_t *ranks = &asked->ranks[asked->count];
    if (asked->count++ == GAN_SCALING_ROWS)
      status = gan_fail(GAN_BAD_USAGE, "--np: at most %d numbers of ranks", GAN_SCALING_ROWS);
    else if (gan_parse_integer(piece, ranks) != GAN_OK || *ranks < 1 || *ranks > INT_MAX)
      status = gan_fail(GAN_BAD_USAGE, "--np: '%.40s' is no number of ranks; write --np 1,2,4,8", piece);
  }
  free(copy);
  return status;
}

/* 1, 2, 4, ... up to the cores that there are. */
static void default_ranks(plan *asked) {
  gan_cpu cpu;
  gan_cpu_describe(&cpu);
  for (int64_t ranks = 1; ranks <= cpu.usable_cores && asked->count < GAN_SCALING_ROWS; ranks *= 2)
    asked->ranks[asked->count++] = ranks;
}

static gan_status read_plan(const gan_arguments *arguments, plan *asked) {
  const char *kind = gan_argument(arguments, "--scaling"), *ranks = gan_argument(arguments, "--np");
  const char *limit = gan_argument(arguments, "--limit"), *launcher = gan_argument(arguments, "--launcher");
  *asked = (plan){.arguments = arguments, .limit = DEFAULT_LIMIT, .launcher = launcher ? launcher : "mpirun"};
  if (gan_world_size(arguments->world) > 1)
    return gan_fail(GAN_BAD_USAGE, "--scaling starts mpirun by itself: start it as one process, without mpirun");
  asked->weak = strcmp(kind, "weak") == 0;
  if (!asked->weak && strcmp(kind, "strong") != 0)
    return gan_fail(GAN_BAD_USAGE,
                    "--scaling is strong (the same batch for any number of ranks) or weak (the same batch "
                    "for each rank), not '%.40s'",
                    kind);
  if (ranks)
    GAN_TRY(read_ranks(ranks, asked));
  else
    default_ranks(asked);
  if (limit && (gan_parse_real(limit, &asked->limit) != GAN_OK || asked->limit <= 0 || asked->limit > 1e6))
    return gan_fail(GAN_BAD_USAGE, "--limit is a number of seconds, not '%.40s'", limit);
  const ssize_t length = readlink("/proc/self/exe", asked->program, sizeof asked->program - 1);
  if (length < 0) return gan_fail(GAN_FAILED, "cannot find this program's own file in /proc/self/exe");
  return arguments->output ? gan_benchmark_check_path(arguments->output) : GAN_OK;
}

/* --- one start --- */

/* A child's command line; its texts are owned by it. */
typedef struct command_line {
  int count;
  char *words[GAN_LAUNCH_WORDS + 1];
} command_line;

static gan_status add_word(command_line *line, const char *word) {
  if (line->count == GAN_LAUNCH_WORDS) return gan_fail(GAN_BAD_USAGE, "--launcher has too many words");
  GAN_TRY(gan_duplicate(word, &line->words[line->count]));
  line->count++;
  return GAN_OK;
}

static gan_status add_launcher(command_line *line, const char *launcher) {
  char *copy, *rest;
  GAN_TRY(gan_duplicate(launcher, &copy));
  rest = copy;
  gan_status status = GAN_OK;
  for (char *piece; status == GAN_OK && (piece = strsep(&rest, " "));)
    if (*piece) status = add_word(line, piece);
  free(copy);
  if (status == GAN_OK && line->count == 0) return gan_fail(GAN_BAD_USAGE, "--launcher names no program");
  return status;
}

/* --section.key=VALUE. train.batch is the global batch of the child. Where nobody chose a number of shards, in weak
   scaling each rank has one: the same work on any number of ranks. */
static gan_status add_key(command_line *line, const plan *asked, const gan_option *option, int64_t ranks) {
  char *value, *word = NULL;
  const int64_t batch = asked->arguments->config->train.batch;
  if (strcmp(option->key, "train.shards") == 0 && asked->weak && asked->arguments->config->train.shards == 0) {
    char text[64];
    snprintf(text, sizeof text, "--%s=%lld", option->key, (long long)ranks);
    return add_word(line, text);
  }
  if (strcmp(option->key, "train.batch") == 0 && asked->weak) {
    char text[64];
    if (batch > INT32_MAX / ranks)
      return gan_fail(GAN_BAD_USAGE, "the global batch of %lld x %lld samples is too large", (long long)ranks,
                      (long long)batch);
    snprintf(text, sizeof text, "--%s=%lld", option->key, (long long)(batch * ranks));
    return add_word(line, text);
  }
  GAN_TRY(gan_option_print(option, asked->arguments->config, &value));
  const size_t room = strlen(option->key) + strlen(value) + 4;
  gan_status status = gan_allocate(room, 1, "a command line", &word);
  if (status == GAN_OK) {
    snprintf(word, room, "--%s=%s", option->key, value);
    status = add_word(line, word);
  }
  free(word);
  free(value);
  return status;
}

static gan_status build_line(const plan *asked, int64_t ranks, command_line *line) {
  char number[32];
  snprintf(number, sizeof number, "%lld", (long long)ranks);
  GAN_TRY(add_launcher(line, asked->launcher));
  const char *const words[] = {"-np", number, asked->program, "benchmark", "--json"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) GAN_TRY(add_word(line, words[i]));
  if (asked->arguments->count) {
    snprintf(number, sizeof number, "-n%lld", (long long)asked->arguments->count);
    GAN_TRY(add_word(line, number));
  }
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    if (option->type != GAN_OPTION_PRESET && gan_command_uses(&gan_command_benchmark, option))
      GAN_TRY(add_key(line, asked, option, ranks));
  }
  return GAN_OK;
}

static double number_in(struct json_object *object, const char *group, const char *name) {
  struct json_object *found = object;
  if (group && !json_object_object_get_ex(object, group, &found)) return NAN;
  if (!json_object_object_get_ex(found, name, &found) || !found) return NAN;
  return json_object_get_double(found);
}

static gan_status read_row(struct json_object *object, int64_t ranks, gan_scaling_row *row) {
  *row = (gan_scaling_row){
      .ranks = number_in(object, NULL, "ranks"),
      .batch = number_in(object, NULL, "batch"),
      .shards = number_in(object, NULL, "shards"),
      .minimum = number_in(object, "milliseconds_per_iteration", "minimum"),
      .median = number_in(object, "milliseconds_per_iteration", "median"),
      .samples_per_second = number_in(object, NULL, "samples_per_second"),
      .data = number_in(object, "phases", "data"),
      .compute = number_in(object, "phases", "compute"),
      .summing = number_in(object, "phases", "summing"),
      .waiting = number_in(object, "phases", "waiting"),
      .communication = number_in(object, "phases", "communication"),
      .share_of_peak = number_in(object, "share_of_peak", "flops"),
      .largest_memory = number_in(object, "memory_bytes", "maximum"),
      .whole_memory = number_in(object, "memory_bytes", "sum"),
      .startup = number_in(object, NULL, "startup_seconds"),
      .host_ranks = number_in(object, NULL, "host_ranks"),
      .host_cores = number_in(object, NULL, "host_cores"),
  };
  if (row->ranks == (double)ranks && row->median > 0) return GAN_OK;
  return gan_fail(GAN_FAILED,
                  "the launcher started %g ranks instead of %lld (is it that of the program's MPI library?)",
                  row->ranks, (long long)ranks);
}

static gan_status understand(const gan_launched *launched, int64_t ranks, struct json_object **object,
                             gan_scaling_row *row) {
  if (launched->exit_status != 0)
    return gan_fail(launched->exit_status == GAN_BAD_USAGE  ? GAN_BAD_USAGE
                    : launched->exit_status == GAN_BAD_FILE ? GAN_BAD_FILE
                                                            : GAN_FAILED,
                    "%s", launched->reason);
  const char *start = strchr(launched->output, '{');
  *object = start ? json_tokener_parse(start) : NULL;
  if (!*object) return gan_fail(GAN_FAILED, "the program did not answer in JSON: %.200s", launched->output);
  return read_row(*object, ranks, row);
}

/* *object is the caller's, also after an error. */
static gan_status run_one(const plan *asked, int64_t ranks, struct json_object **object, gan_scaling_row *row) {
  command_line *line;
  gan_launched launched = {0};
  GAN_TRY(gan_allocate(1, sizeof *line, "a command line", &line));
  gan_status status = build_line(asked, ranks, line);
  if (status == GAN_OK) status = gan_launch(line->words, asked->limit, &launched);
  if (status == GAN_OK) status = understand(&launched, ranks, object, row);
  free(launched.output);
  for (int i = 0; i < line->count; i++) free(line->words[i]);
  free(line);
  return status == GAN_OK ? status : gan_fail_prefix(status, "np %lld: ", (long long)ranks);
}

/* --- all of them --- */

static void print_head(const plan *asked) {
  const int64_t batch = asked->arguments->config->train.batch;
  printf("%s scaling of %s, batch %lld%s\n", asked->weak ? "Weak" : "Strong", asked->arguments->config->run.name,
         (long long)batch, asked->weak ? " per rank" : "");
  printf("%6s%10s%16s%14s%10s%12s%11s%11s\n", "np", "batch", "ms/iteration", "samples/s", "speed-up", "efficiency",
         "summing", "waiting");
  fflush(stdout);
}

static bool crowded(const gan_scaling_row *row) { return row->host_ranks > row->host_cores; }

static void print_row(const gan_scaling_row *row) {
  printf("%6.0f%10.0f%16.3f%14.0f%10.2f%10.1f %%%9.1f %%%9.1f %%%s\n", row->ranks, row->batch, row->median,
         row->samples_per_second, row->speedup, 100 * row->efficiency, 100 * row->summing / row->median,
         100 * row->waiting / row->median, crowded(row) ? " *" : "");
  fflush(stdout);
}

/* What the marks in the rows mean. */
static void print_foot(const gan_scaling *scaling) {
  for (int i = 0; i < scaling->count; i++)
    if (crowded(&scaling->rows[i])) {
      printf("* more ranks than cores on a host: they wait for each other's turns, so efficiency cannot be high\n");
      return;
    }
}

/* A rank's share in the first row's throughput is an efficiency of 1. */
static void add_row(gan_scaling *scaling, gan_scaling_row *row, struct json_object *object) {
  const gan_scaling_row *first = scaling->count ? &scaling->rows[0] : row;
  struct json_object *rows;
  row->speedup = row->samples_per_second / first->samples_per_second;
  row->efficiency = row->speedup * first->ranks / row->ranks;
  gan_json_add(object, "speedup", gan_json_number(row->speedup));
  gan_json_add(object, "efficiency", gan_json_number(row->efficiency));
  json_object_object_get_ex(scaling->report, "rows", &rows);
  json_object_array_add(rows, object);
  scaling->rows[scaling->count++] = *row;
}

/* A number of ranks that fails does not keep the others from being measured; the first failure is the one reported. */
static gan_status run_all(const plan *asked, gan_scaling *scaling) {
  gan_status first = GAN_OK;
  char message[1024] = "";
  for (int i = 0; i < asked->count; i++) {
    struct json_object *object = NULL;
    gan_scaling_row row;
    const gan_status status = run_one(asked, asked->ranks[i], &object, &row);
    if (status == GAN_OK) {
      add_row(scaling, &row, object);
      if (!asked->arguments->json) print_row(&row);
      continue;
    }
    json_object_put(object);
    if (!asked->arguments->json) printf("%6lld  failed\n", (long long)asked->ranks[i]);
    if (first == GAN_OK) snprintf(message, sizeof message, "%s", gan_error_message());
    if (first == GAN_OK) first = status;
  }
  return first == GAN_OK ? first : gan_fail(first, "%s", message);
}

gan_status gan_benchmark_scaling(gan_arguments *arguments) {
  plan asked;
  gan_scaling *scaling;
  GAN_TRY(read_plan(arguments, &asked));
  GAN_TRY(gan_allocate(1, sizeof *scaling, "the table of scaling", &scaling));
  scaling->kind = asked.weak ? "weak" : "strong";
  scaling->report = json_object_new_object();
  gan_json_add_text(scaling->report, "scaling", scaling->kind);
  gan_json_add(scaling->report, "rows", json_object_new_array());
  if (!arguments->json) print_head(&asked);
  gan_status status = run_all(&asked, scaling);
  if (!arguments->json) print_foot(scaling);
  /* What was measured is kept even when a part failed. */
  if (scaling->count && arguments->output) {
    const gan_status written = gan_scaling_write(scaling, arguments->output);
    if (status == GAN_OK) status = written;
  }
  if (status == GAN_OK && arguments->json) {
    gan_json_print(scaling->report);
    scaling->report = NULL;
  }
  json_object_put(scaling->report);
  free(scaling);
  return status;
}
