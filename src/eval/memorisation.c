/* Memorisation: are generated samples nearer to the training samples than to real ones that training has not seen?

   Training samples and held-out ones come from the same distribution. So for a generator that has learnt the
   distribution and not the samples, whatever its quality, the nearest real sample to a generated one is as likely any
   of the former as any of the latter: of n training and m held-out samples together, it is a training sample with
   probability n / (n + m). With equal sizes the share of generated samples that are nearer to training data is 0.5 for
   an honest generator, and 1 for one that copies (Platzer and Reutterer 2021). Sizes are seldom equal, and leaving
   training samples out would miss the copies of those, so all are searched (training.h), and each sample nearer to
   training data counts 1/n here, and each other one 1/m: the same share for equal sizes, and 0.5 for an honest
   generator with any. Where both are equally near, each side gets a half.

   The test of Meehan et al. 2020 compares distances to training data of generated samples and of held-out ones. Copies
   hide from it behind samples that are far from all data, as those of a poor generator are, and its value, a number of
   standard deviations, grows with the number of samples: that is why it is not the one taken. */
#include "eval/memorisation.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "eval/metric_rows.h"
#include "eval/neighbours.h"

static const char *unable(const gan_comparison *comparison) {
  if (!comparison->held_out || comparison->held_out->count < 1)
    return "needs real samples that training has not seen (held-out data)";
  if (comparison->real->count < 1 || comparison->fake->count < 1) return "needs samples";
  return NULL;
}

/* To each generated sample the nearest one of a set, complete in *rows, which is owned by the caller. */
static gan_status find_nearest(const gan_comparison *comparison, const gan_sample_set *among, const char *whose,
                               gan_rows **rows, const gan_neighbour **nearest) {
  GAN_TRY(gan_points_check(comparison, among, whose));
  const gan_points fake = gan_points_of(comparison, comparison->fake), others = gan_points_of(comparison, among);
  GAN_TRY(gan_neighbours_find(comparison->world, comparison->backend, &fake, &others, 1, rows));
  *nearest = gan_rows_memory(*rows);
  return GAN_OK;
}

/* The nearest training sample: of all of them where they have been searched already, else of the reference. *rows: NULL
   where nothing had to be found. */
static gan_status find_training(const gan_comparison *comparison, gan_rows **rows, const gan_neighbour **nearest) {
  *rows = NULL;
  *nearest = comparison->fake->nearest_training;
  return *nearest ? GAN_OK : find_nearest(comparison, comparison->real, "the reference", rows, nearest);
}

static int64_t training_count(const gan_comparison *comparison) {
  return comparison->fake->nearest_training ? comparison->training_count : comparison->real->count;
}

/* The share of training data, each side's samples weighing as much as the side is small. */
static double weigh(const gan_comparison *comparison, const gan_neighbour *training, const gan_neighbour *held_out) {
  double nearer[2] = {0, 0};
  for (int64_t i = 0; i < comparison->fake->count; i++) {
    const double difference = training[i].square - held_out[i].square;
    nearer[0] += difference < 0 ? 1 : difference > 0 ? 0 : 0.5;
    nearer[1] += difference > 0 ? 1 : difference < 0 ? 0 : 0.5;
  }
  nearer[0] /= (double)training_count(comparison);
  nearer[1] /= (double)comparison->held_out->count;
  return nearer[0] / (nearer[0] + nearer[1]);
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  gan_rows *training_rows = NULL, *held_out_rows = NULL;
  const gan_neighbour *training, *held_out;
  GAN_TRY(gan_points_check(comparison, comparison->fake, "the samples to judge"));
  gan_status status = find_training(comparison, &training_rows, &training);
  if (status == GAN_OK)
    status = find_nearest(comparison, comparison->held_out, "the held-out samples", &held_out_rows, &held_out);
  if (status == GAN_OK) values[0] = weigh(comparison, training, held_out);
  gan_rows_destroy(held_out_rows);
  gan_rows_destroy(training_rows);
  return status;
}

static int by_distance(const void *left, const void *right) {
  const gan_close_pair *a = left, *b = right;
  if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
  return (a->generated > b->generated) - (a->generated < b->generated);
}

static bool is_taken(const gan_close_pair *pairs, int64_t found, int64_t training) {
  for (int64_t i = 0; i < found; i++)
    if (pairs[i].training == training) return true;
  return false;
}

/* all: room for a pair of each generated sample. Returns how many pairs are chosen. */
static int64_t choose(const gan_comparison *comparison, const gan_neighbour *nearest, int64_t most, gan_close_pair *all,
                      gan_close_pair *pairs) {
  const int64_t count = comparison->fake->count;
  int64_t found = 0;
  for (int64_t i = 0; i < count; i++) all[i] = (gan_close_pair){i, nearest[i].index, sqrt(nearest[i].square)};
  qsort(all, (size_t)count, sizeof *all, by_distance);
  for (int64_t i = 0; i < count && found < most; i++)
    if (!is_taken(pairs, found, all[i].training)) pairs[found++] = all[i];
  return found;
}

gan_status gan_memorisation_pairs(const gan_comparison *comparison, int64_t most, gan_close_pair *pairs,
                                  int64_t *found) {
  gan_close_pair *all = NULL;
  gan_rows *rows = NULL;
  const gan_neighbour *nearest;
  *found = 0;
  if (training_count(comparison) < 1) return GAN_OK;
  GAN_TRY(gan_points_check(comparison, comparison->fake, "the samples to judge"));
  GAN_TRY(find_training(comparison, &rows, &nearest));
  gan_status status =
      gan_allocate((size_t)comparison->fake->count, sizeof *all, "pairs of generated and training samples", &all);
  status = gan_world_agree(comparison->world, status);
  if (status == GAN_OK) *found = choose(comparison, nearest, most, all, pairs);
  gan_rows_destroy(rows);
  free(all);
  return status;
}

const gan_metric gan_metric_memorisation = {
    .name = "memorisation",
    .help = "whether generated samples are nearer to training samples than to real ones that training has not seen",
    .source =
        "Platzer and Reutterer 2021, Frontiers in Big Data 4:679939, weighted by the sizes of both sets; compare "
        " Meehan et al. 2020, arXiv 2004.05675",
    .values = {{"memorisation",
                "share of samples nearer to training data than to held-out data; 0.5: honest, 1: copies", -1}},
    .unable = unable,
    .compute = compute};
