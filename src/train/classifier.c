/* See classifier.h. A gan_trainer whose critic is the classifier, and which has no generator: what step.h says of a
   critic's forward pass, sums, statistics and update holds for it, too. */
#include "train/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "data/part.h"
#include "dist/rows.h"
#include "eval/cross_entropy.h"
#include "eval/features.h"
#include "gan_dist/version.h"
#include "store/tensors.h"
#include "train/accumulation.h"
#include "train/optimization.h"
#include "train/step.h"

/* Its place among a step's sums: the batch's samples that were told right. */
enum { SUM_RIGHT = GAN_SUM_SIGN_REAL };
/* More classes than any data set of samples that fit the memory has; labels are 16 bits wide in files. */
enum { CLASSES_MOST = 1 << 16 };
static const double usual_held_out = 0.1;

typedef struct training {
  gan_trainer *kit;
  const gan_classifier_observer *observer;
  gan_source *whole; /* of data.path; kit->source is the part that is trained with */
  gan_source *test;  /* a data set of its own, or the other part */
  bool held_out;
  const int32_t *labels; /* (local samples) of the step */
  char *layers;          /* the whole network's */
  gan_classifier_result result;
} training;

static gan_status collect(training *now, gan_status mine) { return gan_world_agree(now->kit->world, mine); }

/* --- Data --- */

/* What classifier.test names, or what comes with the data; NULL in *path: neither. */
static gan_status find_test_path(const gan_config *config, char **path) {
  *path = NULL;
  if (config->classifier.test[0] != '\0') return gan_duplicate(config->classifier.test, path);
  return isnan(config->classifier.held_out) ? gan_source_find_tests(&config->data, path) : GAN_OK;
}

/* A file of test samples is read as that of the others is; its labels lie beside them, or in the data set of that name.
 */
static gan_data_options test_options(const gan_config *config, const char *path) {
  gan_data_options options = config->data;
  options.path = path;
  if (strcmp(options.source, "idx") == 0) options.labels = "";
  options.samples = 0;
  options.flip = false;
  return options;
}

gan_status gan_classifier_probe(const gan_config *config) {
  char *path = NULL;
  GAN_TRY(gan_source_probe(&config->data));
  GAN_TRY(find_test_path(config, &path));
  const gan_data_options options = test_options(config, path);
  const gan_status status = path ? gan_source_probe(&options) : GAN_OK;
  free(path);
  return status;
}

static gan_status check_labels(const gan_source *whole) {
  if (whole->label_count < 2)
    return gan_fail(GAN_BAD_USAGE,
                    "data.source %s: %s; a classifier needs labels of two classes at least: data.labels names them",
                    whole->type->name, whole->label_count ? "all labels are 0" : "the data have no labels");
  if (whole->label_count > CLASSES_MOST)
    return gan_fail(GAN_BAD_USAGE, "the data have %d classes; a classifier has at most %d", whole->label_count,
                    CLASSES_MOST);
  return GAN_OK;
}

static gan_status check_test(const training *now) {
  char own[GAN_SHAPE_TEXT], other[GAN_SHAPE_TEXT];
  const gan_source *whole = now->whole, *test = now->test;
  if (whole->shape.rank != test->shape.rank ||
      memcmp(whole->shape.size, test->shape.size, (size_t)whole->shape.rank * sizeof *whole->shape.size) != 0)
    return gan_fail(GAN_BAD_USAGE, "the test samples of %s have shape %s, the others %s", test->options.path,
                    gan_shape_print(&test->shape, other), gan_shape_print(&whole->shape, own));
  if (test->label_count < 1)
    return gan_fail(GAN_BAD_USAGE, "the test samples of %s have no labels", test->options.path);
  if (test->label_count > whole->label_count)
    return gan_fail(GAN_BAD_USAGE, "the test samples of %s have %d classes, the others %d", test->options.path,
                    test->label_count, whole->label_count);
  return GAN_OK;
}

/* Some are kept back, at least one and never all. */
static gan_status hold_out(training *now) {
  const double asked = now->kit->config->classifier.held_out;
  const int64_t count = now->whole->count;
  int64_t tests = (int64_t)((isnan(asked) ? usual_held_out : asked) * (double)count + 0.5);
  if (tests < 1) tests = 1;
  if (tests >= count)
    return gan_fail(GAN_BAD_USAGE, "%lld samples are too few to train with and to keep some back for a test",
                    (long long)count);
  now->held_out = true;
  GAN_TRY(gan_source_part(now->whole, 0, count - tests, &now->kit->source));
  return gan_source_part(now->whole, count - tests, tests, &now->test);
}

static gan_status open_tests(training *now) {
  gan_trainer *kit = now->kit;
  char *path = NULL;
  gan_status status = collect(now, find_test_path(kit->config, &path));
  /* The file may be there on some hosts only: then the others say so. */
  const bool anywhere = gan_world_maximum(kit->world, path != NULL) > 0;
  if (status == GAN_OK && anywhere) {
    const gan_data_options options = test_options(kit->config, path ? path : kit->config->data.path);
    if (gan_source_is_fragile(&options))
      status = collect(now, gan_world_rank(kit->world) == 0 ? gan_source_probe(&options) : GAN_OK);
    if (status == GAN_OK)
      status = collect(now, path ? GAN_OK : gan_fail(GAN_BAD_FILE, "the test samples are not on this host"));
    if (status == GAN_OK) status = gan_open_source(kit->world, &options, (uint64_t)kit->config->run.seed, &now->test);
    if (status == GAN_OK) status = check_test(now);
    if (status == GAN_OK) status = collect(now, gan_source_part(now->whole, 0, now->whole->count, &kit->source));
  } else if (status == GAN_OK) {
    status = collect(now, hold_out(now));
  }
  free(path);
  return status;
}

static gan_status open_data(training *now) {
  gan_trainer *kit = now->kit;
  const gan_data_options *data = &kit->config->data;
  if (gan_source_is_fragile(data))
    GAN_TRY(collect(now, gan_world_rank(kit->world) == 0 ? gan_source_probe(data) : GAN_OK));
  GAN_TRY(gan_open_source(kit->world, data, (uint64_t)kit->config->run.seed, &now->whole));
  GAN_TRY(check_labels(now->whole));
  return open_tests(now);
}

/* --- Building --- */

/* What the configuration says up to the features, and a layer behind it for the classes. */
static gan_status describe_network(training *now) {
  const char *body = now->kit->config->classifier.layers;
  const size_t bytes = strlen(body) + 64;
  GAN_TRY(gan_allocate(bytes, 1, "a network's description", &now->layers));
  snprintf(now->layers, bytes, "%s\ndense %d", body, now->whole->label_count);
  return GAN_OK;
}

static gan_status create_network(training *now) {
  gan_trainer *kit = now->kit;
  const gan_config *config = kit->config;
  gan_network_options options = {.batch_norm_sync = config->batch_norm.sync,
                                 .batch_norm_momentum = config->batch_norm.momentum,
                                 .batch_norm_epsilon = config->batch_norm.epsilon};
  GAN_TRY(gan_backend_open(config->run.backend, gan_precision_find(config->run.precision), &options.backend));
  GAN_TRY(gan_shards_plan((int)config->train.shards, config->train.batch, gan_world_size(kit->world),
                          gan_world_rank(kit->world), &kit->shards));
  GAN_TRY(gan_accumulation_plan(config, &kit->shards, &kit->groups));
  GAN_TRY(describe_network(now));
  gan_status status = gan_network_create(now->layers, &now->whole->shape, &options, &kit->model.critic);
  if (status == GAN_OK && kit->model.critic->line_count < 2)
    status = gan_fail(GAN_BAD_USAGE, "there is no layer that gives features, for example \"dense 128, relu\"");
  if (status == GAN_OK) status = gan_features_check(kit->model.critic);
  if (status == GAN_OK)
    status =
        gan_network_check_batch(kit->model.critic, config->train.batch / config->train.shards, config->train.batch);
  return status == GAN_BAD_USAGE ? gan_fail_prefix(status, "classifier.layers: ") : status;
}

static gan_network_config network_options(const gan_config *config) {
  return (gan_network_config){.layers = config->classifier.layers,
                              .init = config->classifier.init,
                              .init_scale = config->classifier.init_scale};
}

static gan_status create_memory(gan_trainer *kit) {
  const gan_network_config options = network_options(kit->config);
  const size_t sums = gan_step_sums(kit->model.critic, 1), local = (size_t)kit->shards.local;
  GAN_TRY(gan_player_create(kit, "classifier", kit->model.critic, &options, 1, NULL, &kit->critic));
  GAN_TRY(gan_allocate(local * sums, sizeof(double), "sums over shards", &kit->shard_sums));
  return gan_allocate(sums, sizeof(double), "sums over shards", &kit->sums);
}

static gan_status build(training *now) {
  gan_trainer *kit = now->kit;
  const gan_config *config = kit->config;
  const gan_network_config options = network_options(config);
  GAN_TRY(collect(now, gan_settle_configuration(kit)));
  GAN_TRY(collect(now, gan_check_optimization(config)));
  GAN_TRY(collect(now, gan_settle_shards(kit)));
  GAN_TRY(open_data(now));
  GAN_TRY(collect(now, create_network(now)));
  gan_notice_shards(kit);
  GAN_TRY(gan_player_reduce(kit, kit->model.critic, false, &kit->critic.reduction));
  GAN_TRY(collect(now, create_memory(kit)));
  if (gan_world_rank(kit->world) == 0) gan_player_initialise(kit, &kit->critic, &options, GAN_STREAM_INITIALISE_CRITIC);
  gan_player_distribute(kit, &kit->critic);
  gan_player_prepare(&kit->critic, true);
  return collect(now, gan_loader_create(kit->source, &kit->shards, (uint64_t)config->run.seed, 0, &kit->loader));
}

/* --- Training --- */

/* Loss and its gradient of each local shard. */
static void lose(training *now) {
  gan_trainer *kit = now->kit;
  const gan_player *player = &kit->critic;
  gan_pass *pass = player->pass;
  const int64_t classes = gan_shape_count(&player->network->output);
  const int32_t *labels = now->labels;
  for (int shard = 0; shard < kit->shards.local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, 0), rows = gan_pass_row_count(pass, shard, 0);
    double *sums = gan_scores_sums(kit, player, shard);
    const gan_cross_entropy found =
        gan_cross_entropy_of(rows, classes, gan_pass_output(pass) + first * classes, labels, kit->shards.batch,
                             gan_pass_output_gradient(pass) + first * classes);
    sums[GAN_SUM_LOSS] = found.loss;
    sums[SUM_RIGHT] = (double)found.right;
    labels += rows;
  }
}

static gan_status next_batch(training *now) {
  gan_trainer *kit = now->kit;
  gan_watchdog_beat(kit->world, GAN_AT_DATA);
  const double start = gan_seconds();
  const gan_status status = gan_loader_next(kit->loader, &kit->real, &now->labels);
  kit->seconds_data += gan_seconds() - start;
  gan_watchdog_beat(kit->world, GAN_AT_COMPUTATION);
  return status;
}

/* One iteration: a batch forward, its loss, and back; one gradient for all ranks, and one update. */
static gan_status iterate(training *now) {
  gan_trainer *kit = now->kit;
  gan_player *player = &kit->critic;
  gan_status mine = next_batch(now);
  if (mine == GAN_OK) gan_place_real(player->pass, kit->real);
  player->pass->slots = gan_reduction_slots(player->reduction);
  GAN_TRY(gan_player_forward(kit, player, player->pass));
  mine = gan_step_check(player, player->pass, mine);
  if (mine == GAN_OK) lose(now);
  gan_scores_note_statistics(kit, player);
  gan_pass_backward(player->pass, false);
  GAN_TRY(gan_scores_sum(kit, player, mine));
  gan_player_take_statistics(kit, player);
  gan_player_update(kit, player);
  kit->iteration++;
  return GAN_OK;
}

static void report(const training *now, const gan_phase_clocks *start) {
  const gan_trainer *kit = now->kit;
  const double loss = kit->sums[GAN_SUM_LOSS], right = kit->sums[SUM_RIGHT] / (double)kit->shards.batch;
  gan_iteration values = {.iteration = kit->iteration, .iterations = kit->config->run.iterations};
  gan_step_times(kit, start, 1, &values);
  if (now->observer->iteration && gan_world_rank(kit->world) == 0)
    now->observer->iteration(now->observer->context, &values, loss, right);
}

static gan_status interrupted(const gan_trainer *kit) {
  return gan_fail(GAN_INTERRUPTED, "stopped after iteration %lld of %lld: nothing is written; run again to begin anew",
                  (long long)kit->iteration, (long long)kit->config->run.iterations);
}

static gan_status train(training *now) {
  gan_trainer *kit = now->kit;
  if (gan_world_maximum(kit->world, gan_stop_requested()) > 0) return interrupted(kit);
  while (kit->iteration < kit->config->run.iterations) {
    const gan_phase_clocks start = gan_step_clocks(kit);
    GAN_TRY(iterate(now));
    report(now, &start);
    if (kit->stop && kit->iteration < kit->config->run.iterations) return interrupted(kit);
  }
  now->result.loss = kit->sums[GAN_SUM_LOSS];
  return gan_player_settle(kit, &kit->critic);
}

/* --- Testing --- */

/* Of this rank's part of the test samples. */
static gan_status count_right(training *now, gan_features *features, int64_t *right) {
  gan_source *test = now->test;
  const gan_world *world = now->kit->world;
  const int64_t elements = gan_shape_count(&test->shape), classes = now->whole->label_count;
  const gan_row_range mine =
      gan_rows_of_rank(test->count, GAN_FEATURES_BLOCK, gan_world_size(world), gan_world_rank(world));
  float *samples = NULL, *logits = NULL;
  gan_status status = gan_allocate(GAN_FEATURES_BLOCK * (size_t)elements, sizeof *samples, "test samples", &samples);
  if (status == GAN_OK) status = gan_allocate(GAN_FEATURES_BLOCK * (size_t)classes, sizeof *logits, "logits", &logits);
  for (int64_t first = mine.first; status == GAN_OK && first < mine.end; first += GAN_FEATURES_BLOCK) {
    const int64_t rows = mine.end - first < GAN_FEATURES_BLOCK ? mine.end - first : GAN_FEATURES_BLOCK;
    int64_t indices[GAN_FEATURES_BLOCK];
    int32_t labels[GAN_FEATURES_BLOCK] = {0};
    for (int64_t i = 0; i < rows; i++) indices[i] = first + i;
    status = gan_source_read(test, indices, rows, samples, labels);
    if (status == GAN_OK) status = gan_features_of(features, rows, samples, NULL, logits);
    if (status == GAN_OK) *right += gan_cross_entropy_of(rows, classes, logits, labels, 1, NULL).right;
  }
  free(samples);
  free(logits);
  return status;
}

/* Whole numbers: their sum is exact in whatever order. */
static int64_t sum_over_ranks(training *now, int64_t mine) {
  gan_trainer *kit = now->kit;
  double total = 0;
  kit->shard_sums[0] = (double)mine;
  const double start = gan_begin_exchange(kit);
  gan_world_sum(kit->world, &kit->shards, kit->shard_sums, 1, &total);
  gan_end_exchange(kit, start);
  return (int64_t)total;
}

static gan_status test(training *now) {
  gan_trainer *kit = now->kit;
  const gan_network *network = kit->model.critic;
  gan_features *features = NULL;
  int64_t right = 0;
  gan_status mine = gan_features_create(network, now->layers, network->line_count - 1, kit->critic.parameters,
                                        kit->critic.buffers, &features);
  if (mine == GAN_OK) now->result.feature_count = gan_features_tell(features).feature_count;
  if (mine == GAN_OK) mine = count_right(now, features, &right);
  gan_features_close(features);
  gan_watchdog_beat(kit->world, GAN_AT_EXCHANGE);
  GAN_TRY(collect(now, mine));
  now->result.accuracy = (double)sum_over_ranks(now, right) / (double)now->test->count;
  return GAN_OK;
}

/* --- Writing --- */

static gan_status describe(const training *now, gan_checkpoint *made) {
  const gan_trainer *kit = now->kit;
  const gan_config *config = kit->config;
  char origin[PATH_MAX + 64];
  snprintf(origin, sizeof origin, "%s%s%s", config->data.source, config->data.path[0] ? " " : "", config->data.path);
  *made = (gan_checkpoint){.iteration = kit->iteration,
                           .seed = (uint64_t)config->run.seed,
                           .shards = kit->shards.count,
                           .data_fingerprint = now->whole->fingerprint,
                           .data_shape = now->whole->shape,
                           .best = NAN,
                           .program_version = GAN_DIST_VERSION,
                           .classifier = {.feature_layers = kit->model.critic->line_count - 1,
                                          .classes = now->whole->label_count,
                                          .batch_norm_epsilon = config->batch_norm.epsilon,
                                          .accuracy = now->result.accuracy,
                                          .test_samples = now->test->count}};
  gan_state_backend(kit, sizeof made->backend, made->backend);
  GAN_TRY(gan_duplicate(now->layers, &made->classifier.layers));
  GAN_TRY(gan_duplicate(origin, &made->classifier.trained_on));
  return gan_config_print_run(config, &made->config);
}

/* Rank 0. */
static gan_status write_file(const training *now, const char *path) {
  const gan_trainer *kit = now->kit;
  const gan_player *player = &kit->critic;
  gan_checkpoint made = {0};
  gan_tensor *tensors = NULL;
  gan_status status = describe(now, &made);
  if (status == GAN_OK)
    status = gan_allocate(gan_model_tensor_count(player->network), sizeof *tensors, "the list of tensors", &tensors);
  if (status == GAN_OK) {
    const size_t count = gan_model_tensors("/" GAN_CLASSIFIER_GROUP, player->network, player->parameters,
                                           player->buffers, player->steps, tensors);
    const gan_tensor *odd = gan_model_not_finite(count, tensors);
    status = odd ? gan_fail(GAN_FAILED, "the numbers of %s are no longer finite: use a lower learning rate", odd->path)
                 : gan_checkpoint_write(path, &made, count, tensors);
  }
  free(tensors);
  gan_checkpoint_release(&made);
  return status;
}

static gan_status finish(training *now, const char *path) {
  gan_trainer *kit = now->kit;
  GAN_TRY(test(now));
  gan_watchdog_leave_to_rank_0(kit->world, true);
  gan_watchdog_beat(kit->world, gan_world_rank(kit->world) == 0 ? GAN_AT_FILES : GAN_AT_EXCHANGE);
  const gan_status status = collect(now, gan_world_rank(kit->world) == 0 ? write_file(now, path) : GAN_OK);
  gan_watchdog_leave_to_rank_0(kit->world, false);
  return status;
}

static gan_status run(training *now, const char *path) {
  gan_trainer *kit = now->kit;
  GAN_TRY(build(now));
  gan_watchdog_expect_beats(kit->world, true);
  gan_status status = train(now);
  if (status == GAN_OK) status = finish(now, path);
  gan_watchdog_expect_beats(kit->world, false);
  return status;
}

static gan_status begin(training *now, const gan_config *config) {
  gan_trainer *kit = now->kit;
  GAN_TRY(gan_compare_configurations(kit->world, config));
  GAN_TRY(collect(now, gan_config_copy(config, &kit->config)));
  kit->config->train.accumulate = 1; /* one pass holds all shards of a rank */
  return gan_watchdog_start(kit->world, config->dist.timeout, &kit->started_watchdog);
}

gan_status gan_classifier_train(gan_world *world, const gan_config *config, const char *path,
                                const gan_classifier_observer *observer, gan_classifier_result *result) {
  training now = {.observer = observer};
  gan_status status = gan_world_agree(world, gan_allocate(1, sizeof *now.kit, "the trainer", &now.kit));
  if (status != GAN_OK) {
    free(now.kit);
    return status;
  }
  now.kit->world = world;
  now.kit->best = NAN;
  now.kit->started = gan_seconds();
  if (gan_world_rank(world) == 0)
    now.kit->observer = (gan_observer){.context = observer->context, .notice = observer->notice};
  status = begin(&now, config);
  if (status == GAN_OK) status = run(&now, path);
  if (status == GAN_OK) {
    now.result.iterations = now.kit->iteration;
    now.result.samples_seen = now.kit->iteration * now.kit->shards.batch;
    now.result.train_samples = now.kit->source->count;
    now.result.test_samples = now.test->count;
    now.result.classes = now.whole->label_count;
    now.result.held_out = now.held_out;
    *result = now.result;
  }
  free(now.layers);
  gan_trainer_destroy(now.kit);
  gan_source_close(now.test);
  gan_source_close(now.whole);
  return status;
}
