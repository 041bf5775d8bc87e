/* Nearest neighbours against a plain search; precision, recall, density, coverage and memorisation against prdc and
   NumPy in float64 (tests/reference/neighbours.py), with every backend. */
#include "eval/neighbours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "eval/memorisation.h"
#include "reference/neighbours.h"

enum { CASES = sizeof neighbour_cases / sizeof neighbour_cases[0], MOST_WAYS = 8 };

static gan_world *world;
/* Backends in the precisions that they have here. */
static const gan_backend *ways[MOST_WAYS];
static int way_count;

static int open_all(void **unused) {
  (void)unused;
  assert_int_equal(gan_world_alone(&world), GAN_OK);
  for (int i = 0; i < gan_backend_count; i++)
    for (int precision = 0; gan_precision_name(precision); precision++)
      way_count += gan_backend_open(gan_backends[i]->name, (gan_precision)precision, &ways[way_count]) == GAN_OK;
  assert_true(way_count >= 1);
  return 0;
}

static int close_all(void **unused) {
  (void)unused;
  gan_world_close(world);
  return 0;
}

static const gan_metric *metric_of(const char *name) {
  int value;
  const gan_metric *metric = gan_metric_find(name, &value);
  assert_non_null(metric);
  assert_int_equal(value, 0);
  return metric;
}

static double plain_square(int64_t width, const float *a, const float *b) {
  double sum = 0;
  for (int64_t i = 0; i < width; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
  return sum;
}

/* The place among the k nearest, by distance and then index, that a plain search gives to point j. */
static void check_row(const gan_points *points, const gan_points *among, int64_t i, int k, const gan_neighbour *row) {
  const float *point = points->values + i * points->width;
  for (int n = 0; n < k; n++) {
    int64_t before = 0;
    const double square = plain_square(points->width, point, among->values + row[n].index * points->width);
    assert_true(fabs(row[n].square - square) <= 1e-12 * square);
    if (points == among) assert_int_not_equal(row[n].index, i);
    for (int64_t j = 0; j < among->count; j++) {
      const double other = plain_square(points->width, point, among->values + j * points->width);
      if (points == among && j == i) continue;
      before += other < square * (1 - 1e-12) || (other == square && j < row[n].index);
    }
    assert_true(before <= n);
    assert_true(n == 0 || row[n - 1].square <= row[n].square);
  }
}

static void nearest_neighbours_are_those_of_a_plain_search(void **unused) {
  (void)unused;
  for (int i = 0; i < CASES; i++) {
    point_sets made;
    const int k = neighbour_cases[i].neighbours;
    make_points(&neighbour_cases[i], world, ways[0], &made);
    const gan_points real = gan_points_of(&made.comparison, made.comparison.real);
    const gan_points fake = gan_points_of(&made.comparison, made.comparison.fake);
    for (int itself = 0; itself < 2; itself++) {
      gan_rows *rows = NULL;
      const gan_points *points = itself ? &real : &fake;
      assert_int_equal(gan_neighbours_find(world, ways[0], points, &real, k, &rows), GAN_OK);
      const gan_neighbour *nearest = gan_rows_memory(rows);
      for (int64_t row = 0; row < points->count; row += 1 + points->count / 100)
        check_row(points, &real, row, k, nearest + row * k);
      gan_rows_destroy(rows);
    }
    free_points(&made);
  }
}

typedef struct widest {
  bool held;
  double relative; /* largest width of the bounds, relative to the largest distance */
  double largest;
} widest;

static void look_at_bounds(void *context, const gan_tile *tile) {
  widest *of = context;
  int32_t found[GAN_TILE_COLUMNS];
  for (int64_t i = 0; i < tile->rows; i++) {
    for (int64_t j = 0; j < tile->columns; j++) {
      double low, high;
      const double square = gan_tile_square(tile, i, j);
      gan_tile_bounds(tile, i, j, &low, &high);
      of->held = of->held && low <= square && square <= high;
      of->held =
          of->held && !gan_tile_nearer(tile, i, j, square) && gan_tile_nearer(tile, i, j, nextafter(square, INFINITY));
      of->largest = fmax(of->largest, square);
      of->relative = fmax(of->relative, high - low);
    }
    /* Whoever is below a limit is found. */
    const double limit = gan_tile_square(tile, i, tile->columns / 2);
    const size_t count = gan_tile_below(tile, i, limit, found);
    size_t next = 0;
    for (int64_t j = 0; j < tile->columns; j++) {
      const bool listed = next < count && found[next] == j;
      next += listed;
      of->held = of->held && (listed || gan_tile_square(tile, i, j) >= limit);
    }
    of->held = of->held && next == count;
  }
}

static void check_bounds(const gan_backend *backend, const gan_points *rows, const gan_points *columns, double width) {
  widest found = {.held = true};
  const gan_distance_walk walk = {
      .backend = backend, .rows = rows, .columns = columns, .visit = look_at_bounds, .context = &found};
  assert_int_equal(gan_distances_walk(&walk, 0, rows->count), GAN_OK);
  assert_true(found.held);
  assert_true(found.relative <= width * found.largest);
}

static void distances_lie_within_their_bounds_and_bounds_are_narrow(void **unused) {
  (void)unused;
  for (int i = 0; i < CASES; i++) {
    if (neighbour_cases[i].sets[0].count > 1000) continue;
    for (int way = 0; way < way_count; way++) {
      point_sets made;
      make_points(&neighbour_cases[i], world, ways[way], &made);
      const gan_points real = gan_points_of(&made.comparison, made.comparison.real);
      const gan_points fake = gan_points_of(&made.comparison, made.comparison.fake);
      check_bounds(ways[way], &fake, &real, ways[way]->precision == GAN_FLOAT32 ? 1e-3 : 0.1);
      free_points(&made);
    }
  }
}

/* Squares of such numbers are beyond float32, or below it. */
static void bounds_hold_for_huge_and_for_tiny_values(void **unused) {
  (void)unused;
  static const float factors[] = {3e38f, 1e25f, 1e-25f, 1e-38f, 1e-44f};
  enum { POINTS = 40, WIDTH = 7 };
  const point_cloud cloud = {77, POINTS, POINTS, 1, 0, 2, 0, 0};
  float values[POINTS * WIDTH], scaled[POINTS * WIDTH];
  fill_cloud(&cloud, WIDTH, values);
  for (size_t factor = 0; factor < sizeof factors / sizeof *factors; factor++) {
    for (int i = 0; i < POINTS * WIDTH; i++) scaled[i] = values[i] * factors[factor];
    const gan_points points = {POINTS, WIDTH, scaled};
    for (int way = 0; way < way_count; way++)
      check_bounds(ways[way], &points, &points, ways[way]->precision == GAN_FLOAT32 ? 1e-3 : 0.1);
  }
}

static void values_are_those_of_prdc_with_any_backend(void **unused) {
  (void)unused;
  const gan_metric *metric = metric_of("precision");
  for (int i = 0; i < CASES; i++)
    for (int way = 0; way < way_count; way++) {
      point_sets made;
      double values[GAN_METRIC_VALUES];
      make_points(&neighbour_cases[i], world, ways[way], &made);
      assert_null(metric->unable(&made.comparison));
      assert_int_equal(metric->compute(&made.comparison, values), GAN_OK);
      for (int value = 0; value < 4; value++)
        if (!(fabs(values[value] - neighbour_cases[i].prdc[value]) <= 1e-12 * neighbour_cases[i].prdc[value]))
          fail_msg("%s, backend %s: %s is %.17g, by prdc %.17g", neighbour_cases[i].name, ways[way]->name,
                   metric->values[value].name, values[value], neighbour_cases[i].prdc[value]);
      free_points(&made);
    }
}

static void memorisation_is_that_of_numpy_with_any_backend(void **unused) {
  (void)unused;
  const gan_metric *metric = metric_of("memorisation");
  for (int i = 0; i < CASES; i++)
    for (int way = 0; way < way_count; way++) {
      point_sets made;
      double value;
      make_points(&neighbour_cases[i], world, ways[way], &made);
      assert_null(metric->unable(&made.comparison));
      assert_int_equal(metric->compute(&made.comparison, &value), GAN_OK);
      if (!(fabs(value - neighbour_cases[i].memorisation) <= 1e-12))
        fail_msg("%s, backend %s: memorisation is %.17g, by NumPy %.17g", neighbour_cases[i].name, ways[way]->name,
                 value, neighbour_cases[i].memorisation);
      free_points(&made);
    }
}

/* Pictures of 8 x 8 without features: 2000 for training, 500 held out, and what a generator makes. */
enum { SIDE = 8, WIDTH = SIDE * SIDE };
static const neighbour_case pictures = {
    "",  WIDTH, 5, {{50, 2000, 2000, 10, 2, 1, 0, 0}, {51, 512, 512, 10, 2, 1, 0, 0}, {52, 500, 500, 10, 2, 1, 0, 0}},
    {0}, 0};

static void make_pictures(point_sets *made) {
  make_points(&pictures, world, ways[0], made);
  for (int set = 0; set < 3; set++) {
    made->sets[set].features = NULL;
    made->sets[set].feature_count = 0;
    made->sets[set].shape = (gan_shape){.rank = 3, .size = {1, SIDE, SIDE}};
  }
}

static double memorisation_of(const point_sets *made) {
  double value = 0;
  assert_int_equal(metric_of("memorisation")->compute(&made->comparison, &value), GAN_OK);
  return value;
}

static void an_honest_generator_is_told_from_one_that_repeats_64_training_samples(void **unused) {
  (void)unused;
  point_sets made;
  make_pictures(&made);
  const double honest = memorisation_of(&made);
  assert_true(fabs(honest - 0.5) < 0.1);
  /* A bad one is honest, too. */
  for (int64_t i = 0; i < made.sets[1].count * WIDTH; i++) made.values[1][i] = mixed(99, (uint64_t)i) * 20;
  assert_true(fabs(memorisation_of(&made) - 0.5) < 0.1);
  /* Copies of 64 training samples, with a little noise. */
  for (int64_t i = 0; i < made.sets[1].count * WIDTH; i++)
    made.values[1][i] = made.values[0][i % (64 * WIDTH)] + 0.1f * mixed(99, (uint64_t)i);
  assert_true(memorisation_of(&made) > 0.99);
  free_points(&made);
}

static void closest_pairs_are_the_copies_and_name_each_training_sample_once(void **unused) {
  (void)unused;
  enum { COPIES = 20, MOST = 30 };
  point_sets made;
  gan_close_pair pairs[MOST];
  int64_t found = 0;
  make_pictures(&made);
  /* Generated sample 3 i + 1 is near training sample 17 i, the nearer the smaller i; two more are copies of copies. */
  for (int i = 0; i < COPIES; i++)
    for (int j = 0; j < WIDTH; j++)
      made.values[1][(3 * i + 1) * WIDTH + j] = made.values[0][17 * i * WIDTH + j] + (float)i * 0.001f;
  memcpy(made.values[1] + 500 * WIDTH, made.values[0], WIDTH * sizeof(float));
  memcpy(made.values[1] + 501 * WIDTH, made.values[0] + 17 * WIDTH, WIDTH * sizeof(float));
  assert_int_equal(gan_memorisation_pairs(&made.comparison, MOST, pairs, &found), GAN_OK);
  assert_int_equal(found, MOST);
  for (int i = 0; i < MOST; i++) {
    assert_true(i == 0 || pairs[i - 1].distance <= pairs[i].distance);
    for (int j = 0; j < i; j++) assert_int_not_equal(pairs[i].training, pairs[j].training);
    if (i >= COPIES) continue;
    assert_int_equal(pairs[i].training, 17 * i);
    assert_int_equal(pairs[i].generated, i == 1 ? 501 : 3 * i + 1);
    assert_true(fabs(pairs[i].distance - (i == 1 ? 0 : 0.008 * i)) < 1e-5);
  }
  /* No more pairs than training samples. */
  made.sets[0].count = 5;
  assert_int_equal(gan_memorisation_pairs(&made.comparison, MOST, pairs, &found), GAN_OK);
  assert_true(found >= 1 && found <= 5);
  free_points(&made);
}

static void what_cannot_be_computed_says_why(void **unused) {
  (void)unused;
  const gan_metric *precision = metric_of("precision"), *memorisation = metric_of("memorisation");
  point_sets made;
  make_pictures(&made);
  made.comparison.held_out = NULL;
  assert_non_null(strstr(memorisation->unable(&made.comparison), "held-out"));
  made.comparison.neighbours = 0;
  assert_non_null(precision->unable(&made.comparison));
  made.comparison.neighbours = 5;
  made.sets[0].count = 5;
  assert_non_null(strstr(precision->unable(&made.comparison), "real samples"));
  made.sets[0].count = 6;
  assert_null(precision->unable(&made.comparison));
  made.sets[1].count = 5;
  assert_non_null(strstr(precision->unable(&made.comparison), "generated samples"));
  free_points(&made);
}

/* With k + 1 samples all others are neighbours; prdc asks for one more. */
static void one_sample_more_than_neighbours_is_enough(void **unused) {
  (void)unused;
  const float real[] = {0, 1, 3}, fake[] = {0.5f, -4, 2.5f};
  const gan_sample_set sets[] = {{.count = 3, .feature_count = 1, .features = real},
                                 {.count = 3, .feature_count = 1, .features = fake}};
  const gan_comparison comparison = {
      .world = world, .backend = ways[0], .real = &sets[0], .fake = &sets[1], .neighbours = 2};
  double values[GAN_METRIC_VALUES];
  assert_null(metric_of("precision")->unable(&comparison));
  assert_int_equal(metric_of("precision")->compute(&comparison, values), GAN_OK);
  /* Radii 3, 2, 3: around 0 lie 0.5 and 2.5, around 1 both, around 3 both. Radii 4.5, 6.5, 6.5: all recalled. */
  assert_true(values[0] == 2.0 / 3 && values[1] == 1 && values[2] == 1 && values[3] == 1);
}

static void values_that_are_not_finite_are_an_error_that_names_set_and_sample(void **unused) {
  (void)unused;
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  static const char *const names[] = {"sample 11 of the reference", "sample 11 of the samples to judge",
                                      "sample 11 of the held-out samples"};
  for (int set = 0; set < 3; set++)
    for (int i = 0; i < 3; i++) {
      point_sets made;
      double values[GAN_METRIC_VALUES];
      make_points(&neighbour_cases[0], world, ways[0], &made);
      made.values[set][11 * neighbour_cases[0].width + 3] = odd[i];
      assert_int_equal(metric_of("memorisation")->compute(&made.comparison, values), GAN_BAD_USAGE);
      assert_non_null(strstr(gan_error_message(), names[set]));
      const gan_status status = metric_of("precision")->compute(&made.comparison, values);
      assert_int_equal(status, set < 2 ? GAN_BAD_USAGE : GAN_OK);
      free_points(&made);
    }
}

static gan_status everything(const gan_comparison *comparison) {
  double values[GAN_METRIC_VALUES];
  gan_close_pair pairs[3];
  int64_t found;
  gan_status status = metric_of("precision")->compute(comparison, values);
  if (status == GAN_OK) status = metric_of("memorisation")->compute(comparison, values);
  return status == GAN_OK ? gan_memorisation_pairs(comparison, 3, pairs, &found) : status;
}

static void want_of_memory_is_an_error_everywhere(void **unused) {
  (void)unused;
  point_sets made;
  int failures = 0;
  make_points(&neighbour_cases[8], world, ways[0], &made);
  for (;; failures++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, failures + 1);
    const gan_status status = everything(&made.comparison);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    assert_int_equal(status, GAN_FAILED);
  }
  assert_true(failures > 40);
  free_points(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nearest_neighbours_are_those_of_a_plain_search),
      cmocka_unit_test(distances_lie_within_their_bounds_and_bounds_are_narrow),
      cmocka_unit_test(bounds_hold_for_huge_and_for_tiny_values),
      cmocka_unit_test(values_are_those_of_prdc_with_any_backend),
      cmocka_unit_test(memorisation_is_that_of_numpy_with_any_backend),
      cmocka_unit_test(an_honest_generator_is_told_from_one_that_repeats_64_training_samples),
      cmocka_unit_test(closest_pairs_are_the_copies_and_name_each_training_sample_once),
      cmocka_unit_test(what_cannot_be_computed_says_why),
      cmocka_unit_test(one_sample_more_than_neighbours_is_enough),
      cmocka_unit_test(values_that_are_not_finite_are_an_error_that_names_set_and_sample),
      cmocka_unit_test(want_of_memory_is_an_error_everywhere),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}
