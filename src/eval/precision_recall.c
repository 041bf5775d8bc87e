/* Precision, recall, density and coverage: how far two sets of samples lie in each other's neighbourhoods. A sample's
   neighbourhood is the open ball around it that reaches to its k-th nearest neighbour in its own set.

   Precision (Kynkäänniemi et al. 2019) is the share of generated samples that lie in a real one's neighbourhood, recall
   that of real samples in a generated one's. Density (Naeem et al. 2020) counts the real neighbourhoods that a
   generated sample lies in, over k, so that one outlier among the real samples does not make all of its surroundings
   real; coverage is the share of real samples with a generated one in their neighbourhoods.

   All four are as the authors of density and coverage compute them (prdc), with one k, while the published numbers have
   k = 3 for precision and recall and 5 for density and coverage. Balls are open there, so samples of which more than k
   are equal have none; Kynkäänniemi's own code takes closed ones, which makes a difference for such samples only. */
#include <stdlib.h>

#include "base/memory.h"
#include "eval/metric_rows.h"
#include "eval/neighbours.h"

/* What a rank finds out about one of its real samples. */
typedef struct surroundings {
  int32_t inside;   /* generated samples in its neighbourhood */
  int32_t recalled; /* 1: it lies in the neighbourhood of a generated one */
} surroundings;

typedef struct manifolds {
  gan_points real, fake;
  double *real_radii, *fake_radii; /* squared */
  surroundings *real_samples;      /* (real.count) */
  unsigned char *precise;          /* (fake.count): 1 where it lies in the neighbourhood of one of this rank's */
  int32_t found[GAN_TILE_COLUMNS];
} manifolds;

static const char *unable(const gan_comparison *comparison) {
  if (comparison->neighbours < 1) return "needs one neighbour at least";
  if (comparison->real->count <= comparison->neighbours) return "needs more real samples than nearest neighbours";
  if (comparison->fake->count <= comparison->neighbours) return "needs more generated samples than nearest neighbours";
  return NULL;
}

/* radii (points->count), owned by the caller: squared distances to the k-th nearest neighbours. */
static gan_status find_radii(const gan_comparison *comparison, const gan_points *points, double **radii) {
  const int k = comparison->neighbours;
  gan_rows *rows = NULL;
  GAN_TRY(gan_neighbours_find(comparison->world, comparison->backend, points, points, k, &rows));
  const gan_status status = gan_world_agree(
      comparison->world, gan_allocate((size_t)points->count, sizeof **radii, "radii of neighbourhoods", radii));
  const gan_neighbour *nearest = gan_rows_memory(rows);
  for (int64_t i = 0; status == GAN_OK && i < points->count; i++) (*radii)[i] = nearest[i * k + k - 1].square;
  gan_rows_destroy(rows);
  return status;
}

static void visit(void *context, const gan_tile *tile) {
  manifolds *of = context;
  for (int64_t i = 0; i < tile->rows; i++) {
    surroundings *real = of->real_samples + tile->row + i;
    const double radius = of->real_radii[tile->row + i];
    size_t count = gan_tile_below(tile, i, radius, of->found);
    for (size_t n = 0; n < count; n++) {
      if (!gan_tile_nearer(tile, i, of->found[n], radius)) continue;
      real->inside++;
      of->precise[tile->column + of->found[n]] = 1;
    }
    count = real->recalled ? 0 : gan_tile_below_limits(tile, i, of->found);
    for (size_t n = 0; n < count && !real->recalled; n++)
      real->recalled = gan_tile_nearer(tile, i, of->found[n], of->fake_radii[tile->column + of->found[n]]);
  }
}

/* precise: (ranks, fake.count), what each rank has found. */
static void count(const manifolds *of, const unsigned char *precise, int ranks, int k, double *values) {
  int64_t inside = 0, recalled = 0, covered = 0, precise_count = 0;
  for (int64_t i = 0; i < of->real.count; i++) {
    inside += of->real_samples[i].inside;
    recalled += of->real_samples[i].recalled;
    covered += of->real_samples[i].inside > 0;
  }
  for (int64_t j = 0; j < of->fake.count; j++) {
    int any = 0;
    for (int rank = 0; rank < ranks; rank++) any |= precise[rank * of->fake.count + j];
    precise_count += any;
  }
  values[0] = (double)precise_count / (double)of->fake.count;
  values[1] = (double)recalled / (double)of->real.count;
  values[2] = (double)inside / ((double)k * (double)of->fake.count);
  values[3] = (double)covered / (double)of->real.count;
}

static gan_status compare(const gan_comparison *comparison, manifolds *of, gan_rows *real, gan_rows *fake) {
  const gan_row_range mine = gan_rows_mine(real);
  of->real_samples = gan_rows_memory(real);
  of->precise = (unsigned char *)gan_rows_memory(fake) + gan_rows_mine(fake).first * of->fake.count;
  const gan_distance_walk walk = {.backend = comparison->backend,
                                  .rows = &of->real,
                                  .columns = &of->fake,
                                  .column_limits = of->fake_radii,
                                  .visit = visit,
                                  .context = of};
  return gan_world_agree(comparison->world, gan_distances_walk(&walk, mine.first, mine.end));
}

/* A table has a row for each real sample, another one for each rank: with a byte for each generated sample. */
static gan_status share_and_count(const gan_comparison *comparison, manifolds *of, double *values) {
  const int ranks = gan_world_size(comparison->world);
  gan_rows *real = NULL, *fake = NULL;
  gan_status status = gan_rows_create(comparison->world, of->real.count, sizeof(surroundings), GAN_NEIGHBOUR_BLOCK,
                                      "neighbourhoods of real samples", &real);
  if (status == GAN_OK)
    status = gan_rows_create(comparison->world, ranks, (size_t)of->fake.count, 1, "generated samples", &fake);
  if (status == GAN_OK) status = compare(comparison, of, real, fake);
  if (status == GAN_OK) {
    gan_rows_complete(real);
    gan_rows_complete(fake);
    count(of, gan_rows_memory(fake), ranks, comparison->neighbours, values);
  }
  gan_rows_destroy(fake);
  gan_rows_destroy(real);
  return status;
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  manifolds of = {.real = gan_points_of(comparison, comparison->real),
                  .fake = gan_points_of(comparison, comparison->fake)};
  GAN_TRY(gan_points_check(comparison, comparison->real, "the reference"));
  GAN_TRY(gan_points_check(comparison, comparison->fake, "the samples to judge"));
  gan_status status = find_radii(comparison, &of.real, &of.real_radii);
  if (status == GAN_OK) status = find_radii(comparison, &of.fake, &of.fake_radii);
  if (status == GAN_OK) status = share_and_count(comparison, &of, values);
  free(of.real_radii);
  free(of.fake_radii);
  return status;
}

const gan_metric gan_metric_precision_recall = {
    .name = "precision_recall",
    .help = "how far real and generated samples lie among each other's nearest neighbours",
    .source =
        "Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 2; Naeem et al. 2020, arXiv 2002.09797, equations 4 "
        "and 5; as computed by prdc, with one k for all four",
    .values = {{"precision", "share of generated samples among real ones", 1},
               {"recall", "share of real samples among generated ones", 1},
               {"density", "real neighbourhoods that a generated sample lies in, over k", 1},
               {"coverage", "share of real samples with a generated one among their nearest neighbours", 1}},
    .unable = unable,
    .compute = compute};
