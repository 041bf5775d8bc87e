/* `gan_dist benchmark --predict`: what an iteration would take on more hosts than there are.

   Measured here: how long the ranks of a host compute, and how much that varies, for the configuration's batch and, for
   strong scaling, for smaller ones. Calculated (dist/predict.h): the messages between hosts, and the waiting for the
   slowest rank. benchmark_predict_report.c tells. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/number.h"
#include "cli/benchmark.h"
#include "cli/benchmark_predict.h"
#include "dist/link.h"
#include "dist/world.h"

enum { HOSTS_MOST = 1000000 };

static gan_status read_hosts(const char *text, gan_prediction *found) {
  char *copy;
  gan_status status = GAN_OK;
  GAN_TRY(gan_duplicate(text, &copy));
  char *rest = copy;
  for (char *piece; status == GAN_OK && (piece = strsep(&rest, ","));) {
    int64_t hosts;
    if (gan_parse_integer(piece, &hosts) != GAN_OK || hosts < 1 || hosts > HOSTS_MOST)
      status =
          gan_fail(GAN_BAD_USAGE, "--predict: '%.40s' is no number of hosts from 1 to %d; write --predict 1,2,16,128",
                   piece, HOSTS_MOST);
    else if (found->count == GAN_PREDICTION_ROWS)
      status = gan_fail(GAN_BAD_USAGE, "--predict: at most %d numbers of hosts", GAN_PREDICTION_ROWS);
    else
      found->rows[found->count++].hosts = (int)hosts;
  }
  free(copy);
  return status;
}

/* --- the network --- */

/* Parts of an explicit network, with the units that they may be in. */
static const struct {
  const char *name, *unit;
  double factor;
  size_t offset;
} parts[] = {
    {"latency", "us", 1e-6, offsetof(gan_link, latency)},
    {"latency", "ms", 1e-3, offsetof(gan_link, latency)},
    {"latency", "ns", 1e-9, offsetof(gan_link, latency)},
    {"overhead", "us", 1e-6, offsetof(gan_link, overhead)},
    {"overhead", "ns", 1e-9, offsetof(gan_link, overhead)},
    {"bandwidth", "GB/s", 1e9, offsetof(gan_link, bandwidth)},
    {"bandwidth", "MB/s", 1e6, offsetof(gan_link, bandwidth)},
};
enum { PARTS = sizeof parts / sizeof *parts };

/* "latency=20us" into the link. */
static gan_status read_part(char *text, gan_link *link) {
  char *value = strchr(text, '=');
  for (size_t i = 0; value && i < PARTS; i++) {
    const size_t name = strlen(parts[i].name), length = strlen(value + 1), unit = strlen(parts[i].unit);
    if ((size_t)(value - text) != name || strncmp(text, parts[i].name, name) != 0 || length <= unit ||
        strcmp(value + 1 + length - unit, parts[i].unit) != 0)
      continue;
    char number[GAN_NUMBER_TEXT] = "";
    double read;
    snprintf(number, sizeof number, "%.*s", (int)(length - unit), value + 1);
    if (gan_parse_real(number, &read) != GAN_OK || read < 0) break;
    *(double *)((char *)link + parts[i].offset) = read * parts[i].factor;
    return GAN_OK;
  }
  return gan_fail(GAN_BAD_USAGE,
                  "--network: '%.60s' is none of latency=..us, overhead=..us (of each message, at both ends), "
                  "bandwidth=..GB/s (of a host)",
                  text);
}

static gan_status read_explicit(const char *text, gan_link *link) {
  char *copy;
  gan_status status = GAN_OK;
  *link = (gan_link){.latency = -1, .bandwidth = -1};
  GAN_TRY(gan_duplicate(text, &copy));
  char *rest = copy;
  for (char *piece; status == GAN_OK && (piece = strsep(&rest, ","));) status = read_part(piece, link);
  free(copy);
  if (status == GAN_OK && (link->latency < 0 || link->bandwidth <= 0))
    return gan_fail(GAN_BAD_USAGE, "--network needs both, latency=..us and bandwidth=..GB/s (more than 0), not '%.60s'",
                    text);
  return status;
}

static gan_status find_named(const char *text, gan_link *link) {
  enum { NAMES = 16 };
  const char *names[NAMES] = {"measured"};
  for (int i = 0; gan_link_at(i) && i + 2 < NAMES; i++) {
    names[i + 1] = gan_link_at(i)->name;
    if (strcmp(text, names[i + 1]) != 0) continue;
    *link = gan_link_at(i)->link;
    return GAN_OK;
  }
  const char *nearest = gan_nearest_name(text, names);
  if (nearest) return gan_fail(GAN_BAD_USAGE, "--network: there is no '%.40s'; did you mean %s?", text, nearest);
  return gan_fail(
      GAN_BAD_USAGE,
      "--network: there is no '%.40s'; it is 10gbe, 100gbe, hdr, measured, or latency=..us,bandwidth=..GB/s", text);
}

static bool is_measured(const gan_prediction *found) { return strcmp(found->network, "measured") == 0; }

static gan_status read_network(gan_arguments *arguments, gan_prediction *found) {
  const char *text = gan_argument(arguments, "--network");
  found->network = text ? text : "10gbe";
  found->measured_on = "";
  if (is_measured(found)) return GAN_OK;
  return strchr(found->network, '=') ? read_explicit(found->network, &found->link)
                                     : find_named(found->network, &found->link);
}

static gan_status measure_network(gan_arguments *arguments, gan_prediction *found) {
  int other = 0;
  if (!is_measured(found)) return GAN_OK;
  GAN_TRY(gan_link_measure(arguments->world, &found->link, &other));
  found->measured_on = gan_world_host_count(arguments->world) > 1 ? "between two hosts" : "within one host";
  return GAN_OK;
}

/* --- computing --- */

/* Trains with a global batch of `batch`, and notes what rank 0 needs. */
static gan_status measure_batch(gan_arguments *arguments, int64_t batch, gan_prediction *found) {
  gan_computing *computing = &found->computing[found->computing_count++];
  gan_training_time time;
  gan_config *config = NULL;
  char text[32], shards[32];
  snprintf(text, sizeof text, "%lld", (long long)batch);
  snprintf(shards, sizeof shards, "%d", gan_world_size(arguments->world)); /* one to a rank, as on many hosts */
  gan_status status = gan_config_copy(arguments->config, &config);
  if (status == GAN_OK) status = gan_config_set(config, "train.batch", text);
  if (status == GAN_OK) status = gan_config_set(config, "train.shards", shards);
  status = gan_world_agree(arguments->world, status);
  if (status == GAN_OK) status = gan_benchmark_training(arguments->world, config, arguments->count, &time, NULL);
  gan_config_destroy(config);
  GAN_TRY(status);
  /* What the ranks of a host lose to each other they lose on any number of hosts; between hosts it is calculated. */
  computing->within_host = gan_world_host_count(arguments->world) == 1 ? time.communication : 0;
  computing->batch = (double)batch / gan_world_size(arguments->world);
  computing->spread = time.spread;
  if (found->computing_count == 1) found->work = time.work;
  return GAN_OK;
}

/* The configuration's batch, one sample to a rank, and one between, as far as they differ. */
static gan_status measure_computing(gan_arguments *arguments, gan_prediction *found) {
  const int ranks = gan_world_size(arguments->world);
  const int64_t batch = arguments->config->train.batch, each = batch / ranks;
  const int64_t middle = (int64_t)lround(sqrt((double)each));
  GAN_TRY(measure_batch(arguments, batch, found));
  if (middle > 1 && middle < each) GAN_TRY(measure_batch(arguments, middle * ranks, found));
  return each > 1 ? measure_batch(arguments, ranks, found) : GAN_OK;
}

/* Seconds and their spread for `batch` samples a rank: between two batches that were measured, on the line through
   both. The batches fall. */
static double computing_for(const gan_prediction *found, double batch, int steps, double ranks, double *stragglers) {
  int lower = 0;
  while (lower + 1 < found->computing_count && found->computing[lower].batch > batch) lower++;
  const int upper = lower > 0 ? lower - 1 : 0;
  const gan_computing *low = &found->computing[lower], *high = &found->computing[upper];
  const double share = upper == lower ? 0 : (batch - low->batch) / (high->batch - low->batch);
  const double slow = gan_predict_stragglers(&low->spread, steps, ranks);
  *stragglers = slow + share * (gan_predict_stragglers(&high->spread, steps, ranks) - slow);
  const double seconds = low->spread.mean + low->within_host;
  return seconds + share * (high->spread.mean + high->within_host - seconds);
}

static void fill_curve(const gan_prediction *found, const gan_prediction_row *row, double batch,
                       gan_predicted_curve *curve) {
  const int steps = (int)(found->work.critic_steps + found->work.generator_steps);
  curve->batch = batch;
  curve->compute = computing_for(found, batch, steps, row->ranks, &curve->stragglers);
  curve->total = curve->compute + row->network + row->time.adding + curve->stragglers;
}

/* Efficiencies are against one host. Weak: the same samples a rank; strong: all ranks share the batch of one host. */
static void predict(gan_prediction *found) {
  gan_prediction_row alone = {.hosts = 1};
  for (int i = -1; i < found->count; i++) {
    gan_prediction_row *row = i < 0 ? &alone : &found->rows[i];
    const double batch = found->computing[0].batch, ranks_per_host = found->predicted.ranks_per_host;
    row->ranks = row->hosts * ranks_per_host;
    gan_predict_exchange(&found->predicted, &found->link, row->hosts, &row->time);
    row->network = row->time.scalars + row->time.gradients + row->time.verification;
    fill_curve(found, row, batch, &row->weak);
    row->weak.efficiency = alone.weak.total / row->weak.total;
    /* The rank with most samples is the one that the others wait for. */
    const double share = ceil((double)found->work.batch / row->ranks);
    fill_curve(found, row, share, &row->strong);
    row->strong.efficiency = alone.weak.total / row->strong.total / row->hosts;
    if (row->ranks > (double)found->work.batch) row->strong = (gan_predicted_curve){NAN, NAN, NAN, NAN, NAN};
  }
}

static gan_status describe_work(gan_arguments *arguments, gan_prediction *found) {
  const gan_config *config = arguments->config;
  const gan_work *work = &found->work;
  double bandwidth = 0;
  GAN_TRY(gan_machine_bandwidth(arguments->world, &bandwidth));
  const char *reduction = strcmp(config->dist.reduction, "shared") == 0 ? "auto" : config->dist.reduction;
  found->predicted = (gan_predicted_work){
      .updates = {{work->critic_parameters, work->scalars, (int)work->critic_steps},
                  {work->generator_parameters, work->generator_scalars, (int)work->generator_steps}},
      .further_sums = work->sums - (double)(work->critic_steps + work->generator_steps),
      .ranks_per_host = gan_world_size(arguments->world) / gan_world_host_count(arguments->world),
      .buckets = GAN_PREDICT_BUCKETS,
      .verify_every = (double)config->train.verify_every,
      .reduction = reduction,
      .adding = 3 * sizeof(float) * gan_world_size(arguments->world) / bandwidth};
  return GAN_OK;
}

/* What is asked for; errors are this rank's own. */
static gan_status read_request(gan_arguments *arguments, gan_prediction **found) {
  GAN_TRY(gan_allocate(1, sizeof **found, "the prediction", found));
  (*found)->config = arguments->config;
  GAN_TRY(read_hosts(gan_argument(arguments, "--predict"), *found));
  if (arguments->output) GAN_TRY(gan_benchmark_check_path(arguments->output));
  return read_network(arguments, *found);
}

gan_status gan_benchmark_predict(gan_arguments *arguments) {
  gan_prediction *found = NULL;
  gan_status status = gan_world_agree(arguments->world, read_request(arguments, &found));
  if (status == GAN_OK) status = measure_network(arguments, found);
  if (status == GAN_OK) status = measure_computing(arguments, found);
  if (status == GAN_OK) status = describe_work(arguments, found);
  if (status == GAN_OK && gan_world_rank(arguments->world) == 0) {
    predict(found);
    status = gan_prediction_report(found, arguments->json, arguments->output);
  }
  free(found);
  return status;
}
