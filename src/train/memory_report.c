/* What a run would take, row by row: each rank's rows from the plans that the trainer allocates from, and their sums
   over ranks and hosts. */
#include "train/memory_report.h"

#include <string.h>

#include "data/loader.h"
#include "store/picture.h"
#include "train/accumulation.h"
#include "train/internal.h"
#include "train/optimization.h"
#include "train/regularisers.h"
#include "train/step.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* What a run would be made of, and the rank that is being looked at. */
typedef struct setup {
  const gan_config *config;
  const gan_source *source;
  gan_model model;
  gan_layout layout;
  gan_shards shards;
  gan_shard_groups groups;
  gan_pass_sizes generating; /* samples for pictures and evaluations */
  gan_evaluator_bytes metrics;
} setup;

typedef struct rank_rows {
  int count;
  gan_memory_row rows[GAN_MEMORY_ROWS];
} rank_rows;

static gan_memory_row *add(rank_rows *list, const char *of, const char *what, size_t rank, size_t host) {
  gan_memory_row *row = &list->rows[list->count++];
  *row = (gan_memory_row){.of = of, .what = what, .rank = rank, .host = host};
  return row;
}

/* Vectors that lie where the reduction wants them. */
static void add_vectors(rank_rows *list, const char *of, const char *what, bool shared, size_t bytes) {
  if (bytes > 0) add(list, of, what, shared ? 0 : bytes, shared ? bytes : 0);
}

static gan_status add_network(const setup *run, const char *of, const gan_network *network, bool average,
                              const gan_pass_sizes *pass, size_t borrowed, const char **variant, rank_rows *list) {
  const bool averages = average && gan_averages(run->config);
  const int states = gan_state_count(run->config, average);
  const size_t statistics = network->buffer_count * sizeof(float);
  gan_reduction_bytes bytes;
  GAN_TRY(gan_reduction_measure(run->layout, &run->shards, run->config->dist.reduction, network->parameter_count,
                                states, &bytes));
  *variant = bytes.variant;
  const size_t state = states ? bytes.states / (size_t)states : 0;
  add_vectors(list, of, "parameters", bytes.shared, bytes.parameters);
  add_vectors(list, of, "optimiser moments", bytes.shared, (size_t)(states - averages) * state);
  add_vectors(list, of, "moving average", bytes.shared, averages ? state : 0);
  add_vectors(list, of, "gradients", bytes.shared, bytes.slots);
  add(list, of, "reduction: arrivals, partial sums", bytes.others, 0);
  add(list, of, "running statistics", (1 + (size_t)averages) * statistics, 0);
  if (network->spectral_count > 0)
    add(list, of, "weights as normalised spectrally",
        gan_preparation_bytes(network) +
            ((size_t)run->shards.local + 1) * (size_t)network->spectral_count * sizeof(double),
        0);
  add(list, of, "input, batch statistics", pass->bytes - borrowed * sizeof(float), 0);
  return GAN_OK;
}

/* `kept`: floats of samples of all groups. */
static void add_passes(const gan_passes_memory *passes, size_t kept, rank_rows *list) {
  const size_t value = sizeof(float);
  add(list, "passes", "outputs and gradients of layers", passes->values * value, 0);
  add(list, "passes", "in it, generator: forward and back", passes->generator.values[0] * value, 0)->part = true;
  add(list, "passes", "in it, critic: real and generated", passes->critic.values[1] * value, 0)->part = true;
  if (!passes->generator_sees_real)
    add(list, "passes", "in it, critic: generated", passes->critic.values[0] * value, 0)->part = true;
  add(list, "passes", "workspace of convolutions", passes->workspace * value, 0);
  add(list, "passes", "generated for several critic steps", passes->ahead.bytes + kept * value, 0);
}

/* What is in no block that others use too. */
static void add_penalties(const setup *run, const gan_passes_memory *passes, rank_rows *list) {
  const int sites = passes->penalty_sites;
  const size_t values = sites ? passes->penalty.values[sites - 1] * sizeof(float) : 0;
  add(list, "passes", "in it, critic: gradient penalties", values, 0)->part = true;
  add(list, "penalties", "input, columns", passes->penalty.bytes - values + gan_penalty_bytes(&run->shards, sites), 0);
  add(list, "penalties", "tangents of layers", passes->tangents, 0);
}

/* What rank 0 keeps of real samples, and draws for a picture; and what all ranks together draw for an evaluation: its
   samples and where they lie along the directions once per host. */
static void add_samples(const setup *run, const gan_trainer_sizes *sizes, const gan_passes_memory *passes,
                        rank_rows *list) {
  const bool first = run->shards.rank == 0, points = gan_picture_kind_of(&run->source->shape) == GAN_PICTURE_SCATTER;
  const size_t sample = (size_t)gan_shape_count(&run->source->shape) * sizeof(float);
  const size_t latent = (size_t)run->config->generator.latent * sizeof(float);
  const size_t projected = sizes->evaluation * (size_t)run->config->eval.projections * sizeof(double);
  const size_t kept = (points ? sizes->evaluation : sizes->shown) * sample;
  const size_t drawing = (size_t)run->config->samples.count * (sample + latent);
  const size_t rows = (size_t)gan_evaluation_rows(run->config, &run->source->shape, (int64_t)sizes->evaluation);
  const size_t drawn = run->metrics.drawn ? run->metrics.drawn : rows * sample;
  const size_t lent = gan_passes_lend(passes, &run->generating)
                          ? (run->generating.values[0] + run->generating.workspace) * sizeof(float)
                          : 0;
  add(list, "samples", "to compare with", first ? projected + sample + kept : 0, 0)->rank_0 = true;
  add(list, "samples", "of a picture, when it is drawn", first ? drawing : 0, 0)->rank_0 = true;
  add(list, "samples", "of an evaluation, then", GAN_EVALUATION_ROWS * latent + sample, drawn + projected);
  add(list, "samples", "the generator's pass, then", run->generating.bytes - lent, 0);
  add(list, "metrics", "real samples, their features", 0, run->metrics.kept);
  add(list, "metrics", "feature network", run->metrics.network, 0);
}

static gan_status list_rank(const setup *run, const char **variant, rank_rows *list) {
  const gan_trainer_sizes sizes = gan_trainer_measure(run->config, &run->model, run->source);
  const size_t local = (size_t)run->shards.local, samples = (size_t)gan_shards_samples(&run->shards);
  gan_passes_memory passes;
  const char *of_critic;
  GAN_TRY(gan_passes_plan(&run->model, &run->groups.largest, run->config->train.n_critic.critic,
                          gan_loss_find(run->config->loss.name)->generator_needs_real,
                          gan_penalties_sites(&run->config->critic.penalty), &passes));
  GAN_TRY(add_network(run, "generator", run->model.generator, true, &passes.generator,
                      passes.generator.values[0] + passes.generator.workspace, variant, list));
  GAN_TRY(add_network(run, "critic", run->model.critic, false, &passes.critic,
                      passes.critic.values[1] + passes.critic.workspace, &of_critic, list));
  add_passes(&passes, gan_accumulation_kept(&run->model, &run->shards, &run->groups, passes.steps_ahead), list);
  add_penalties(run, &passes, list);
  add(list, "data", "samples of a step, read ahead", gan_loader_bytes(run->source, gan_shards_samples(&run->shards)),
      0);
  add(list, "data", "data set", run->source->rank_bytes, run->source->host_bytes);
  add(list, "trainer", "sums over shards", (local + 1) * sizes.sums * sizeof(double), 0);
  add(list, "trainer", "the loss: scores, statistics, label flips",
      local * GAN_LOSS_STATISTICS * sizeof(double) + samples * (2 * sizeof(float) + sizes.flips * sizeof(bool)), 0);
  add(list, "trainer", "latents of pictures", sizes.latents * sizeof(float), 0);
  add_samples(run, &sizes, &passes, list);
  return GAN_OK;
}

/* What is too large for a number stays as large as one can be: check_totals. */
static void add_bytes(size_t bytes, size_t *sum) {
  if (__builtin_add_overflow(*sum, bytes, sum)) *sum = SIZE_MAX;
}

/* Adds a rank's rows to the report; `shared`: of this host, each row's bytes so far. */
static void merge(const rank_rows *mine, gan_memory_report *report, size_t *host, size_t *shared) {
  size_t rank = 0, rank_0 = 0;
  report->row_count = mine->count;
  for (int i = 0; i < mine->count; i++) {
    const gan_memory_row *row = &mine->rows[i];
    gan_memory_row *merged = &report->rows[i];
    const size_t most = larger(row->rank, merged->rank), most_of_host = larger(row->host, merged->host);
    *merged = *row;
    merged->rank = most;
    merged->host = most_of_host;
    if (row->part) continue;
    add_bytes(row->rank, row->rank_0 ? &rank_0 : &rank);
    if (row->host > shared[i]) {
      add_bytes(row->host - shared[i], host);
      add_bytes(row->host - shared[i], &report->all);
      shared[i] = row->host;
    }
  }
  add_bytes(rank, host);
  add_bytes(rank_0, host);
  add_bytes(rank, &report->all);
  add_bytes(rank_0, &report->all);
  report->rank = larger(report->rank, rank);
  add_bytes(rank_0, &report->rank_0);
  report->host = larger(report->host, *host);
}

/* What a rank's rows depend on where all ranks are on one host, but for rank 0: its own shards, of which the smallest
   and the largest differ by one sample at most. */
typedef struct own_shards {
  int local, slots, local_at_once;
  int64_t samples, at_once;
} own_shards;

static bool same_shards(const own_shards *a, const own_shards *b) {
  return a->local == b->local && a->slots == b->slots && a->samples == b->samples &&
         a->local_at_once == b->local_at_once && a->at_once == b->at_once;
}

/* Rows that have been listed: ranks can be many, and their kinds are few. */
enum { KINDS = 8 };
typedef struct known_rows {
  int count;
  own_shards shards[KINDS];
  rank_rows rows[KINDS];
} known_rows;

static gan_status find_rows(const setup *run, known_rows *known, const char **variant, rank_rows *list) {
  const gan_shards *largest = &run->groups.largest;
  const own_shards own = {run->shards.local, run->shards.slot_count, largest->local, gan_shards_samples(&run->shards),
                          gan_shards_samples(largest)};
  const bool alike = run->layout.hosts == 1 && run->shards.rank > 0;
  for (int i = 0; alike && i < known->count; i++)
    if (same_shards(&own, &known->shards[i])) {
      *list = known->rows[i];
      return GAN_OK;
    }
  GAN_TRY(list_rank(run, variant, list));
  if (alike && known->count < KINDS) known->shards[known->count] = own, known->rows[known->count++] = *list;
  return GAN_OK;
}

/* One rank's rows, and how many samples it has. */
static gan_status look_at_rank(setup *run, int shards, int rank, known_rows *known, const char **variant,
                               gan_memory_report *report, rank_rows *mine) {
  GAN_TRY(gan_shards_plan(shards, run->config->train.batch, run->layout.ranks, rank, &run->shards));
  gan_status status = gan_accumulation_plan(run->config, &run->shards, &run->groups);
  if (status == GAN_OK) status = find_rows(run, known, variant, mine);
  if (status == GAN_OK) {
    const int64_t samples = gan_shards_samples(&run->shards), at_once = gan_shards_samples(&run->groups.largest);
    if (samples > report->samples) report->samples = samples;
    if (at_once > report->at_once) report->at_once = at_once;
  }
  gan_shard_groups_release(&run->groups);
  gan_shards_release(&run->shards);
  return status;
}

static gan_status look_at_ranks(setup *run, int shards, gan_memory_report *report) {
  size_t host = 0, shared[GAN_MEMORY_ROWS] = {0};
  known_rows known = {.count = 0};
  int host_before = -1;
  for (int rank = 0; rank < run->layout.ranks; rank++) {
    rank_rows mine = {.count = 0};
    const char *other = NULL;
    GAN_TRY(look_at_rank(run, shards, rank, &known, rank == 0 ? &report->reduction : &other, report, &mine));
    const int now = gan_layout_host(run->layout, rank);
    if (now != host_before) {
      host = 0;
      memset(shared, 0, sizeof shared);
    }
    host_before = now;
    merge(&mine, report, &host, shared);
  }
  return GAN_OK;
}

/* `all` has all of it. */
static gan_status check_totals(const gan_memory_report *report) {
  if (report->all <= INT64_MAX) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%d rank%s more than 2^63 bytes; make the batch or the networks smaller",
                  report->layout.ranks, report->layout.ranks == 1 ? " takes" : "s take");
}

static gan_status check_layout(const gan_config *config, gan_layout layout) {
  if (layout.hosts < 1 || layout.hosts > layout.ranks)
    return gan_fail(GAN_BAD_USAGE, "%d rank%s cannot be on %d hosts: each host has at least one", layout.ranks,
                    layout.ranks == 1 ? "" : "s", layout.hosts);
  gan_shards shards;
  const int count = gan_shards_count(config->train.shards, config->train.batch, layout.ranks);
  GAN_TRY(gan_shards_plan(count, config->train.batch, layout.ranks, 0, &shards));
  gan_shards_release(&shards);
  return GAN_OK;
}

gan_status gan_memory_plan(const gan_config *config, gan_layout layout, gan_memory_report *report) {
  setup run = {.config = config, .layout = layout};
  gan_source *source = NULL;
  *report = (gan_memory_report){.layout = layout, .batch = config->train.batch};
  report->shards = gan_shards_count(config->train.shards, config->train.batch, layout.ranks);
  GAN_TRY(check_layout(config, layout));
  GAN_TRY(gan_loss_check(&config->loss));
  GAN_TRY(gan_check_optimization(config));
  GAN_TRY(gan_source_open_headers(&config->data, (uint64_t)config->run.seed, &source));
  run.source = source;
  gan_status status = gan_model_create(config, &source->shape, &run.model);
  if (status == GAN_OK) status = gan_model_check_batch(&run.model, report->shards, report->batch);
  if (status == GAN_OK) status = gan_regularisers_check(config, run.model.critic);
  if (status == GAN_OK) status = gan_accumulation_check(config, &run.model);
  if (status == GAN_OK) status = gan_generate_measure(run.model.generator, &run.generating);
  if (status == GAN_OK) status = gan_evaluator_check(config);
  if (status == GAN_OK)
    status = gan_evaluator_measure(config, &source->shape, run.model.generator->options.backend,
                                   (int64_t)gan_trainer_measure(config, &run.model, source).evaluation, &run.metrics);
  if (status == GAN_OK) status = look_at_ranks(&run, report->shards, report);
  if (status == GAN_OK) status = check_totals(report);
  gan_model_release(&run.model);
  gan_source_close(source);
  return status;
}
