/* Synthetic data: where the points are, how they scatter, and that each depends on its number alone. */
#include <math.h>

#include "data_support.h"

enum { MANY = 80000 };

static gan_data_options ring(int modes, double radius, double sigma) {
  return (gan_data_options){.source = "ring", .modes = modes, .radius = radius, .sigma = sigma};
}

static float *read_first(gan_source *source, int64_t n) {
  int64_t *indices = malloc((size_t)n * sizeof *indices);
  float *points = malloc((size_t)n * 2 * sizeof *points);
  for (int64_t i = 0; i < n; i++) indices[i] = i;
  assert_int_equal(gan_source_read(source, indices, n, points, NULL), GAN_OK);
  free(indices);
  return points;
}

static int nearest(const float *point, double (*centres)[2], int modes) {
  int best = 0;
  double best_distance = INFINITY;
  for (int mode = 0; mode < modes; mode++) {
    const double distance = hypot(point[0] - centres[mode][0], point[1] - centres[mode][1]);
    if (distance < best_distance) {
      best_distance = distance;
      best = mode;
    }
  }
  return best;
}

/* Every mode is hit equally often, its points have the centre as mean and sigma as deviation along both axes, without
   correlation. Bounds are five standard errors. */
static void check_modes(const float *points, double (*centres)[2], int modes, double sigma) {
  const double expected = (double)MANY / modes;
  for (int mode = 0; mode < modes; mode++) {
    double n = 0, sum[2] = {0}, square[2] = {0}, cross = 0;
    for (int i = 0; i < MANY; i++) {
      if (nearest(points + 2 * i, centres, modes) != mode) continue;
      const double x = points[2 * i] - centres[mode][0], y = points[2 * i + 1] - centres[mode][1];
      n++;
      sum[0] += x, sum[1] += y;
      square[0] += x * x, square[1] += y * y;
      cross += x * y;
    }
    assert_true(fabs(n - expected) < 5 * sqrt(expected));
    for (int axis = 0; axis < 2; axis++) {
      assert_true(fabs(sum[axis] / n) < 5 * sigma / sqrt(n));
      assert_true(fabs(sqrt(square[axis] / n) - sigma) < 5 * sigma / sqrt(2 * n));
    }
    assert_true(fabs(cross / n) < 5 * sigma * sigma / sqrt(n));
  }
}

static void ring_is_gaussians_of_sigma_evenly_around_a_circle(void **state) {
  (void)state;
  const double h = 2 / sqrt(2.0);
  double centres[8][2] = {{2, 0}, {h, h}, {0, 2}, {-h, h}, {-2, 0}, {-h, -h}, {0, -2}, {h, -h}};
  gan_source *source = data_open(ring(8, 2, 0.05));
  assert_int_equal(source->shape.rank, 1);
  assert_int_equal(source->shape.size[0], 2);
  assert_int_equal(source->label_count, 0);
  float *points = read_first(source, MANY);
  check_modes(points, centres, 8, 0.05);
  free(points);
  gan_source_close(source);
}

static void grid_is_gaussians_of_sigma_on_a_square(void **state) {
  (void)state;
  double centres[9][2];
  for (int i = 0; i < 9; i++) centres[i][0] = 4 * (i % 3 - 1), centres[i][1] = 4 * (i / 3 - 1);
  gan_source *source = data_open((gan_data_options){.source = "grid", .modes = 3, .radius = 4, .sigma = 0.1});
  float *points = read_first(source, MANY);
  check_modes(points, centres, 9, 0.1);
  free(points);
  gan_source_close(source);
}

static void modes_are_told_for_ring_and_grid_only(void **state) {
  (void)state;
  int modes;
  float *centres;
  gan_source *source = data_open(ring(4, 3, 0.1));
  const float expected[8] = {3, 0, 0, 3, -3, 0, 0, -3};
  assert_int_equal(gan_source_modes(source, &modes, &centres), GAN_OK);
  assert_int_equal(modes, 4);
  for (int i = 0; i < 8; i++) assert_true(fabsf(centres[i] - expected[i]) < 1e-6f);
  free(centres);
  gan_source_close(source);

  source = data_open((gan_data_options){.source = "grid", .modes = 5, .radius = 4, .sigma = 0.1});
  assert_int_equal(gan_source_modes(source, &modes, &centres), GAN_OK);
  assert_int_equal(modes, 25);
  assert_true(centres[0] == -4 && centres[1] == -4 && centres[2] == -2 && centres[3] == -4);
  assert_true(centres[48] == 4 && centres[49] == 4);
  free(centres);
  gan_source_close(source);

  source = data_open((gan_data_options){.source = "swiss_roll", .radius = 1});
  assert_int_equal(gan_source_modes(source, &modes, &centres), GAN_OK);
  assert_int_equal(modes, 0);
  free(centres);
  gan_source_close(source);
}

static void a_grid_of_one_mode_has_it_in_the_middle(void **state) {
  (void)state;
  gan_source *source = data_open((gan_data_options){.source = "grid", .modes = 1, .radius = 4});
  float *points = read_first(source, 3);
  for (int i = 0; i < 6; i++) assert_true(points[i] == 0);
  free(points);
  gan_source_close(source);
}

/* Without noise the distance from 0 tells t = 4.5 pi distance / radius, and t tells the angle; t is uniform on
   [1.5 pi, 4.5 pi], so its mean is 3 pi and its deviation 3 pi / sqrt(12). */
static void swiss_roll_lies_on_its_spiral(void **state) {
  (void)state;
  const double pi = acos(-1);
  gan_source *source = data_open((gan_data_options){.source = "swiss_roll", .radius = 2});
  float *points = read_first(source, MANY);
  double sum = 0, square = 0, outermost = 0;
  for (int i = 0; i < MANY; i++) {
    const double x = points[2 * i], y = points[2 * i + 1], distance = hypot(x, y), t = 4.5 * pi * distance / 2;
    assert_true(fabs(x - distance * cos(t)) < 1e-5 && fabs(y - distance * sin(t)) < 1e-5);
    assert_true(t > 1.5 * pi - 1e-4 && t < 4.5 * pi + 1e-4);
    sum += t, square += t * t;
    if (distance > outermost) outermost = distance;
  }
  const double mean = sum / MANY, deviation = sqrt(square / MANY - mean * mean), expected = 3 * pi / sqrt(12);
  assert_true(fabs(mean - 3 * pi) < 5 * expected / sqrt(MANY));
  assert_true(fabs(deviation - expected) < 0.02 * expected);
  assert_true(outermost > 1.999);
  free(points);
  gan_source_close(source);
}

/* The place along the roll and the noise come from the same address: with and without noise the place is the same. */
static void swiss_roll_noise_has_deviation_sigma(void **state) {
  (void)state;
  gan_source *clean = data_open((gan_data_options){.source = "swiss_roll", .radius = 2});
  gan_source *noisy = data_open((gan_data_options){.source = "swiss_roll", .radius = 2, .sigma = 0.1});
  float *a = read_first(clean, MANY), *b = read_first(noisy, MANY);
  double square = 0, along = 0;
  for (int i = 0; i < 2 * MANY; i++) {
    square += (double)(b[i] - a[i]) * (b[i] - a[i]);
    along += (double)(b[i] - a[i]) * a[i];
  }
  assert_true(fabs(sqrt(square / (2 * MANY)) - 0.1) < 5 * 0.1 / sqrt(4.0 * MANY));
  assert_true(fabs(along / (2 * MANY)) < 5 * 0.1 * 2 / sqrt(2.0 * MANY)); /* independent of the place */
  free(a);
  free(b);
  gan_source_close(clean);
  gan_source_close(noisy);
}

static void a_sample_depends_on_seed_and_number_only(void **state) {
  (void)state;
  const gan_data_options options = ring(8, 2, 0.05);
  gan_source *source = data_open(options), *other = NULL;
  assert_int_equal(gan_source_open(&options, 2, NULL, &other), GAN_OK);
  const int64_t forward[] = {0, 1, 2, 1000000, ((int64_t)1 << 32) + 1, ((int64_t)1 << 40) + 1};
  const int64_t backward[] = {((int64_t)1 << 40) + 1, ((int64_t)1 << 32) + 1, 1000000, 2, 1, 0};
  float a[12], b[12], c[12];
  assert_int_equal(gan_source_read(source, forward, 6, a, NULL), GAN_OK);
  assert_int_equal(gan_source_read(source, backward, 6, b, NULL), GAN_OK);
  assert_int_equal(gan_source_read(other, forward, 6, c, NULL), GAN_OK);
  for (int i = 0; i < 6; i++) {
    assert_memory_equal(a + 2 * i, b + 2 * (5 - i), 2 * sizeof *a);
    assert_memory_not_equal(a + 2 * i, c + 2 * i, 2 * sizeof *a);
    /* Numbers that agree in their low 32 bits are other samples. */
    for (int j = 0; j < i; j++) assert_memory_not_equal(a + 2 * i, a + 2 * j, 2 * sizeof *a);
  }
  gan_source_close(source);
  gan_source_close(other);
}

static uint64_t fingerprint(gan_data_options options, uint64_t seed) {
  gan_source *source = NULL;
  assert_int_equal(gan_source_open(&options, seed, NULL, &source), GAN_OK);
  const uint64_t value = source->fingerprint;
  gan_source_close(source);
  return value;
}

static void fingerprint_differs_exactly_when_the_data_do(void **state) {
  (void)state;
  gan_data_options options = ring(8, 2, 0.05);
  const uint64_t base = fingerprint(options, 1);
  assert_true(base == fingerprint(options, 1));
  options.path = "unused";
  assert_true(base == fingerprint(options, 1));
  assert_true(base != fingerprint(options, 2));
  assert_true(base != fingerprint(ring(9, 2, 0.05), 1));
  assert_true(base != fingerprint(ring(8, 2.0000000000000004, 0.05), 1));
  assert_true(base != fingerprint(ring(8, 2, 0.06), 1));
  options.samples = 10;
  assert_true(base != fingerprint(options, 1));
}

static void samples_bounds_the_set_and_0_means_no_end(void **state) {
  (void)state;
  gan_data_options options = ring(8, 2, 0.05);
  gan_source *source = data_open(options);
  assert_int_equal(source->count, 0);
  gan_source_close(source);
  options.samples = 100;
  source = data_open(options);
  assert_int_equal(source->count, 100);
  float point[2];
  assert_int_equal(gan_source_read(source, (int64_t[]){99}, 1, point, NULL), GAN_OK);
  assert_int_equal(gan_source_read(source, (int64_t[]){100}, 1, point, NULL), GAN_FAILED);
  assert_int_equal(gan_source_read(source, (int64_t[]){-1}, 1, point, NULL), GAN_FAILED);
  gan_source_close(source);
}

static void options_that_cannot_work_are_refused_by_name(void **state) {
  (void)state;
  data_expect_failure(ring(0, 2, 0.05), GAN_BAD_USAGE, "data.modes");
  data_expect_failure(ring(-1, 2, 0.05), GAN_BAD_USAGE, "data.modes");
  data_expect_failure(ring(8, 0, 0.05), GAN_BAD_USAGE, "data.radius");
  data_expect_failure(ring(8, NAN, 0.05), GAN_BAD_USAGE, "data.radius");
  data_expect_failure(ring(8, INFINITY, 0.05), GAN_BAD_USAGE, "data.radius");
  data_expect_failure(ring(8, 2, -0.05), GAN_BAD_USAGE, "data.sigma");
  data_expect_failure(ring(8, 2, NAN), GAN_BAD_USAGE, "data.sigma");
  data_expect_failure((gan_data_options){.source = "grid", .modes = 1 << 20, .radius = 1}, GAN_BAD_USAGE, "data.modes");
  gan_data_options options = ring(8, 2, 0.05);
  options.samples = -5;
  data_expect_failure(options, GAN_BAD_USAGE, "data.samples");
}

static void an_unknown_source_is_refused_with_the_known_ones(void **state) {
  (void)state;
  data_expect_failure((gan_data_options){.source = "rign"}, GAN_BAD_USAGE,
                      "ring, grid, swiss_roll, showers, idx, hdf5, npy");
  data_expect_failure((gan_data_options){.source = NULL}, GAN_BAD_USAGE, "data.source");
}

static gan_status agreed_failure(void *context, gan_status mine) {
  *(gan_status *)context = mine;
  return gan_fail(GAN_BAD_FILE, "rank 3 could not open its file");
}

static void a_rank_that_is_well_gives_up_when_another_failed(void **state) {
  (void)state;
  gan_status handed_in = GAN_FAILED;
  const gan_data_share share = {.agree = agreed_failure, .context = &handed_in};
  gan_data_options options = ring(8, 2, 0.05);
  gan_source *source = NULL;
  assert_int_equal(gan_source_open(&options, 1, &share, &source), GAN_BAD_FILE);
  assert_int_equal(handed_in, GAN_OK);
  assert_null(source);
  assert_string_equal(gan_error_message(), "rank 3 could not open its file");
  /* A rank whose own options are bad hands that in, even when there is no source to speak of. */
  options.source = "nothing";
  assert_int_equal(gan_source_open(&options, 1, &share, &source), GAN_BAD_FILE);
  assert_int_equal(handed_in, GAN_BAD_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ring_is_gaussians_of_sigma_evenly_around_a_circle),
      cmocka_unit_test(grid_is_gaussians_of_sigma_on_a_square),
      cmocka_unit_test(modes_are_told_for_ring_and_grid_only),
      cmocka_unit_test(a_grid_of_one_mode_has_it_in_the_middle),
      cmocka_unit_test(swiss_roll_lies_on_its_spiral),
      cmocka_unit_test(swiss_roll_noise_has_deviation_sigma),
      cmocka_unit_test(a_sample_depends_on_seed_and_number_only),
      cmocka_unit_test(fingerprint_differs_exactly_when_the_data_do),
      cmocka_unit_test(samples_bounds_the_set_and_0_means_no_end),
      cmocka_unit_test(options_that_cannot_work_are_refused_by_name),
      cmocka_unit_test(an_unknown_source_is_refused_with_the_known_ones),
      cmocka_unit_test(a_rank_that_is_well_gives_up_when_another_failed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
