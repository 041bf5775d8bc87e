#include "eval/training.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "eval/neighbours.h"
#include "eval/units.h"
#include "kernels/integers.h"

/* Samples that are compared at a time: enough for the products of a tile of distances, and for those that are there
   already so many that looking over the judged ones once more for each piece takes little. */
enum { PIECE = GAN_TILE_COLUMNS, PIECE_THERE = 8 * GAN_TILE_COLUMNS };
/* Features are kept up to so many bytes on a host, and this share of the memory that is free. */
static const double KEPT_BYTES = 1 << 30, KEPT_SHARE = 0.25;
static const char what_is_done[] = "training samples";

static void step(const gan_evaluation_watch *watch, gan_row_range range, int64_t at) {
  const double all = (double)(range.end - range.first);
  if (watch->step) watch->step(watch->context, what_is_done, all > 0 ? (double)(at - range.first) / all : 1);
}

/* --- What is compared --- */

static gan_status check_finite(const gan_training *training, int64_t first, int64_t count, const float *points) {
  for (int64_t i = 0; i < count * training->width; i++)
    if (!isfinite(points[i]))
      return gan_fail(GAN_BAD_USAGE,
                      "features of training sample %lld are not finite: take that sample out, or other features",
                      (long long)(first + i / training->width));
  return GAN_OK;
}

/* points (count, width) of the training samples from `first` on. samples: room for GAN_SET_BLOCK of them, where
   features are made. */
static gan_status make_points(const gan_training *training, int64_t first, int64_t count, float *samples,
                              float *points) {
  const gan_set_maker *maker = &training->maker;
  for (int64_t done = 0, block; done < count; done += block) {
    float *out = points + done * training->width, *made = training->features ? samples : out;
    block = least(GAN_SET_BLOCK, count - done);
    GAN_TRY(maker->make(maker->context, first + done, block, made, NULL));
    if (training->features) GAN_TRY(gan_features_of(training->features, block, made, out, NULL));
    GAN_TRY(check_finite(training, first + done, block, out));
  }
  return GAN_OK;
}

static gan_status take_samples(const gan_training *training, float **samples) {
  *samples = NULL;
  if (!training->features) return GAN_OK;
  return gan_allocate(GAN_SET_BLOCK, (size_t)gan_shape_count(&training->maker.shape) * sizeof(float),
                      "training samples", samples);
}

/* --- Keeping it --- */

static gan_status keep_mine(const gan_training *training, const gan_evaluation_watch *watch) {
  const gan_row_range mine = gan_rows_mine(training->kept);
  float *points = gan_rows_memory(training->kept), *samples = NULL;
  gan_status status = take_samples(training, &samples);
  for (int64_t first = mine.first; first < mine.end && status == GAN_OK; first += GAN_SET_BLOCK) {
    step(watch, mine, first);
    status =
        make_points(training, first, least(GAN_SET_BLOCK, mine.end - first), samples, points + first * training->width);
  }
  free(samples);
  return status;
}

/* The same on every rank. Samples themselves are not kept: reading them is next to nothing. */
static bool may_keep(gan_world *world, const gan_training *training) {
  const double bytes = (double)training->maker.count * (double)training->width * sizeof(float);
  const double available = -gan_world_maximum(world, -gan_memory_available());
  return training->features && bytes <= KEPT_BYTES && bytes <= KEPT_SHARE * available;
}

static gan_status keep(gan_world *world, const gan_evaluation_watch *watch, gan_training *training) {
  GAN_TRY(gan_rows_create(world, training->maker.count, (size_t)training->width * sizeof(float), GAN_SET_BLOCK,
                          "features of the training samples", &training->kept));
  const gan_status status = gan_world_agree(world, keep_mine(training, watch));
  if (status != GAN_OK) {
    gan_training_close(training);
    return status;
  }
  gan_rows_complete(training->kept);
  training->points = gan_rows_memory(training->kept);
  return GAN_OK;
}

gan_status gan_training_open(gan_world *world, const gan_set_maker *maker, gan_features *features,
                             const gan_sample_set *there, const gan_evaluation_watch *watch, gan_training *training) {
  *training =
      (gan_training){.maker = *maker,
                     .features = features,
                     .width = features ? gan_features_tell(features).feature_count : gan_shape_count(&maker->shape)};
  if (there) {
    training->points = there->features;
    return gan_check_finite(world, "the reference", "features", there->count, training->width, there->features);
  }
  return may_keep(world, training) ? keep(world, watch, training) : GAN_OK;
}

void gan_training_close(gan_training *training) {
  gan_rows_destroy(training->kept);
  *training = (gan_training){.maker = {.count = 0}};
}

/* --- Searching --- */

typedef struct search {
  const gan_backend *backend;
  const gan_training *training;
  const gan_evaluation_watch *watch;
  gan_points judged;
  gan_neighbour *nearest; /* (judged.count) */
} search;

/* Among `count` training samples from `first` on. room: for their points, and samples, where they have to be made. */
static gan_status search_piece(const search *of, int64_t first, int64_t count, float *samples, float *room) {
  const gan_training *training = of->training;
  gan_points among = {.count = count, .width = training->width, .values = room};
  if (training->points)
    among.values = training->points + first * training->width;
  else
    GAN_TRY(make_points(training, first, count, samples, room));
  const gan_row_range all = {0, of->judged.count};
  return gan_neighbours_continue(of->backend, &of->judged, all, &among, first, 1, of->nearest);
}

static gan_status search_range(const search *of, gan_row_range range) {
  const gan_training *training = of->training;
  const int64_t piece = training->points ? PIECE_THERE : PIECE;
  float *samples = NULL, *room = NULL;
  gan_status status = GAN_OK;
  for (int64_t i = 0; i < of->judged.count; i++) of->nearest[i] = GAN_NO_NEIGHBOUR;
  if (!training->points && range.first < range.end) {
    status = take_samples(training, &samples);
    if (status == GAN_OK)
      status = gan_allocate((size_t)least(PIECE, range.end - range.first), (size_t)training->width * sizeof *room,
                            "training samples", &room);
  }
  for (int64_t first = range.first; first < range.end && status == GAN_OK; first += piece) {
    step(of->watch, range, first);
    status = search_piece(of, first, least(piece, range.end - first), samples, room);
  }
  free(room);
  free(samples);
  return status;
}

/* of_ranks: (ranks, count). Ranks have training samples in their own order, so of equally near ones the first rank's
   come first. */
static void choose(const gan_neighbour *of_ranks, int ranks, int64_t count, gan_rows *nearest) {
  const gan_row_range mine = gan_rows_mine(nearest);
  gan_neighbour *chosen = gan_rows_memory(nearest);
  for (int64_t i = mine.first; i < mine.end; i++) {
    chosen[i] = GAN_NO_NEIGHBOUR;
    for (int rank = 0; rank < ranks; rank++)
      if (of_ranks[rank * count + i].square < chosen[i].square) chosen[i] = of_ranks[rank * count + i];
  }
}

static gan_status search_shared(gan_world *world, search *of, gan_rows *of_ranks, gan_filled_set *set) {
  const int ranks = gan_world_size(world);
  const gan_row_range mine = gan_rows_of_rank(of->training->maker.count, GAN_SET_BLOCK, ranks, gan_world_rank(world));
  of->nearest = (gan_neighbour *)gan_rows_memory(of_ranks) + gan_rows_mine(of_ranks).first * set->set.count;
  GAN_TRY(gan_world_agree(world, search_range(of, mine)));
  gan_rows_complete(of_ranks);
  GAN_TRY(gan_rows_create(world, set->set.count, sizeof *of->nearest, GAN_SET_BLOCK, "nearest training samples",
                          &set->nearest));
  choose(gan_rows_memory(of_ranks), ranks, set->set.count, set->nearest);
  gan_rows_complete(set->nearest);
  set->set.nearest_training = gan_rows_memory(set->nearest);
  return GAN_OK;
}

gan_status gan_training_search(gan_world *world, const gan_backend *backend, gan_training *training,
                               const gan_evaluation_watch *watch, gan_filled_set *set) {
  gan_rows *of_ranks = NULL;
  search of = {.backend = backend,
               .training = training,
               .watch = watch,
               .judged = {.count = set->set.count, .width = training->width, .values = set->set.features}};
  GAN_TRY(
      gan_check_finite(world, "the samples to judge", "features", of.judged.count, of.judged.width, of.judged.values));
  GAN_TRY(gan_rows_create(world, gan_world_size(world), (size_t)set->set.count * sizeof(gan_neighbour), 1,
                          "nearest training samples", &of_ranks));
  const gan_status status = search_shared(world, &of, of_ranks, set);
  gan_rows_destroy(of_ranks);
  return status;
}
