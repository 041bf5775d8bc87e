/* Calorimeter showers: totals, profiles and fluctuations against closed forms and numerical integrals of the published
   densities, and that a sample depends on its number alone. */
#include <math.h>

#include "data_support.h"

static const double pi = 3.14159265358979323846;
/* Tungsten: critical energy and E_s in GeV, as the Review of Particle Physics has them. */
static const double critical = 7.97e-3, moliere = 21.2 / 7.97;

/* Showers of one energy down the middle, without fluctuations; the whole of the energy is the value 1. */
static gan_data_options plain(int cells, double depth, double width, double energy) {
  return (gan_data_options){.source = "showers",
                            .shower = {.cells = cells,
                                       .cell_depth = depth,
                                       .cell_width = width,
                                       .energy_minimum = energy,
                                       .energy_maximum = energy,
                                       .full_scale = 1,
                                       .power = 0.5}};
}

/* What the option table has. */
static gan_data_options usual(void) {
  return (gan_data_options){.source = "showers",
                            .shower = {.cells = 25,
                                       .cell_depth = 0.9,
                                       .cell_width = 0.25,
                                       .energy_minimum = 10,
                                       .energy_maximum = 100,
                                       .start = 9.0 / 7,
                                       .angle = 5,
                                       .impact = 1,
                                       .resolution = 0.15,
                                       .full_scale = 0.06,
                                       .power = 0.5}};
}

static size_t elements_of(const gan_source *source) { return (size_t)gan_shape_count(&source->shape); }

/* The energies of sample `index`, in GeV, from the values as docs/showers.md says; free(). */
static double *energies_of(gan_source *source, int64_t index) {
  const gan_shower_options *options = &source->options.shower;
  const size_t count = elements_of(source);
  float *values = malloc(count * sizeof *values);
  double *energies = malloc(count * sizeof *energies);
  assert_int_equal(gan_source_read(source, &index, 1, values, NULL), GAN_OK);
  for (size_t i = 0; i < count; i++)
    energies[i] = options->full_scale * options->energy_maximum * pow(((double)values[i] + 1) / 2, 1 / options->power);
  free(values);
  return energies;
}

static double total(size_t count, const double *values) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i];
  return sum;
}

/* The mean place along an axis of (cells, cells, cells) energies: 0 depth, 1 y, 2 x; in cells from 0. */
static double centre(int cells, const double *energies, int axis) {
  double sum = 0, moment = 0;
  for (int i = 0; i < cells * cells * cells; i++) {
    const int at[3] = {i / (cells * cells), i / cells % cells, i % cells};
    sum += energies[i];
    moment += energies[i] * (at[axis] + 0.5);
  }
  return moment / sum;
}

/* ∫ b (bt)^(a-1) e^(-bt) / Γ(a) dt, by the midpoint rule. */
static double deposited(double a, double from, double to) {
  enum { STEPS = 20000 };
  const double b = 0.5, step = (to - from) / STEPS;
  double sum = 0;
  for (int i = 0; i < STEPS; i++) {
    const double t = from + (i + 0.5) * step;
    sum += b * pow(b * t, a - 1) * exp(-b * t) / tgamma(a) * step;
  }
  return sum;
}

static void a_calorimeter_that_is_large_enough_holds_all_of_the_energy(void **state) {
  (void)state;
  const double energies[] = {0.5, 10, 500};
  for (int i = 0; i < 3; i++) {
    gan_source *source = data_open(plain(64, 1, 10, energies[i]));
    double *sample = energies_of(source, 3);
    const double sum = total(elements_of(source), sample);
    if (!(fabs(sum / energies[i] - 1) < 1e-3)) fail_msg("%g GeV of %g", sum, energies[i]);
    free(sample);
    gan_source_close(source);
  }
}

static void the_longitudinal_profile_is_the_gamma_distribution_with_its_maximum_at_a_minus_1_over_b(void **state) {
  (void)state;
  enum { CELLS = 40, AREA = CELLS * CELLS };
  const double depth = 0.5, energies[] = {1, 10, 100};
  for (int i = 0; i < 3; i++) {
    const double maximum = log(energies[i] / critical) - 0.5, a = 1 + 0.5 * maximum;
    gan_source *source = data_open(plain(CELLS, depth, 10, energies[i]));
    double *sample = energies_of(source, 0);
    int largest = 0;
    for (int k = 0; k < CELLS; k++) {
      const double expected = deposited(a, k * depth, (k + 1) * depth), layer = total(AREA, sample + k * AREA);
      /* The tail reaches beyond the sides: R^2 / (r^2 + R^2) of it. */
      if (!(fabs(layer / energies[i] - expected) < 1e-3 * expected + 1e-7))
        fail_msg("%g GeV, layer %d: %g instead of %g", energies[i], k, layer / energies[i], expected);
      if (layer > total(AREA, sample + largest * AREA)) largest = k;
    }
    if (!(fabs((largest + 0.5) * depth - maximum) <= depth)) fail_msg("largest at %g", (largest + 0.5) * depth);
    free(sample);
    gan_source_close(source);
  }
}

/* f(r) / (2 pi r) of Grindhammer and Peters: core and tail of radius R have 2 r R^2 / (r^2 + R^2)^2. The numbers are
   those of hep-ex/0001020, A.1.3, for Z = 74. */
static double radial_density(double energy, double tau, double r) {
  const double e = log(energy), z = 74;
  const double core = 0.0251 + 0.00319 * e + (0.1162 - 0.000381 * z) * tau;
  const double tail = (0.659 - 0.00309 * z) * (exp(-2.59 * (tau - 0.645)) + exp((0.3585 + 0.0421 * e) * (tau - 0.645)));
  const double w = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * e), share = (2.632 - 0.00094 * z) * exp(w - exp(w));
  const double of_core = 2 * core * core / pow(r * r + core * core, 2);
  const double of_tail = 2 * tail * tail / pow(r * r + tail * tail, 2);
  return (share * of_core + (1 - share) * of_tail) / (2 * pi);
}

static void each_cell_holds_the_integral_of_the_radial_density_over_it(void **state) {
  (void)state;
  enum { CELLS = 9, AREA = CELLS * CELLS, STEPS = 200 };
  const double depth = 2, width = 0.3, energy = 40, maximum = log(energy / critical) - 0.5;
  gan_source *source = data_open(plain(CELLS, depth, width, energy));
  double *sample = energies_of(source, 0);
  for (int k = 0; k < CELLS; k += 2) {
    const double layer = energy * deposited(1 + 0.5 * maximum, k * depth, (k + 1) * depth);
    const double tau = (k + 0.5) * depth / maximum, step = width / STEPS;
    for (int i = 0; i < AREA; i++) {
      const double left = (i % CELLS - 0.5 * CELLS) * width, top = (i / CELLS - 0.5 * CELLS) * width;
      double expected = 0;
      for (int j = 0; j < STEPS * STEPS; j++)
        expected += radial_density(energy, tau, hypot(left + (j % STEPS + 0.5) * step, top + (j / STEPS + 0.5) * step));
      expected *= layer * step * step;
      if (!(fabs(sample[k * AREA + i] - expected) < 2e-4 * expected + 1e-9))
        fail_msg("layer %d, cell %d: %.9g instead of %.9g", k, i, sample[k * AREA + i], expected);
    }
  }
  free(sample);
  gan_source_close(source);
}

static void a_shower_down_the_middle_is_the_same_from_all_sides(void **state) {
  (void)state;
  enum { CELLS = 25 };
  gan_source *source = data_open(plain(CELLS, 0.9, 0.25, 100));
  double *sample = energies_of(source, 0);
  for (int k = 0; k < CELLS; k++)
    for (int y = 0; y < CELLS; y++)
      for (int x = 0; x < CELLS; x++) {
        const double *layer = sample + k * CELLS * CELLS, here = layer[y * CELLS + x];
        assert_true(fabs(here - layer[x * CELLS + y]) <= 1e-5 * here + 1e-9);
        assert_true(fabs(here - layer[y * CELLS + CELLS - 1 - x]) <= 1e-5 * here + 1e-9);
        assert_true(fabs(here - layer[(CELLS - 1 - y) * CELLS + x]) <= 1e-5 * here + 1e-9);
      }
  free(sample);
  gan_source_close(source);
}

static void the_usual_showers_have_no_side_that_they_prefer(void **state) {
  (void)state;
  enum { CELLS = 25, SAMPLES = 400 };
  gan_source *source = data_open(usual());
  for (int axis = 1; axis <= 2; axis++) {
    double sum = 0, square = 0;
    for (int i = 0; i < SAMPLES; i++) {
      double *sample = energies_of(source, i);
      const double off = centre(CELLS, sample, axis) - 0.5 * CELLS;
      sum += off, square += off * off;
      free(sample);
    }
    assert_true(square > 0.01 * SAMPLES); /* they do differ */
    assert_true(fabs(sum / SAMPLES) < 5 * sqrt(square) / SAMPLES);
  }
  gan_source_close(source);
}

static void energies_are_uniform_between_their_bounds(void **state) {
  (void)state;
  enum { SAMPLES = 2000 };
  gan_data_options options = plain(8, 8, 10, 0);
  options.shower.energy_minimum = 20;
  options.shower.energy_maximum = 80;
  gan_source *source = data_open(options);
  double sum = 0, square = 0, least = INFINITY, most = 0;
  for (int i = 0; i < SAMPLES; i++) {
    double *sample = energies_of(source, i);
    const double energy = total(elements_of(source), sample);
    sum += energy, square += (energy - 50) * (energy - 50);
    least = fmin(least, energy), most = fmax(most, energy);
    free(sample);
  }
  const double deviation = 60 / sqrt(12);
  assert_true(fabs(sum / SAMPLES - 50) < 5 * deviation / sqrt(SAMPLES));
  assert_true(fabs(sqrt(square / SAMPLES) - deviation) < 0.03 * deviation);
  assert_true(least > 19.9 && least < 20.5 && most < 80.01 && most > 79.5);
  gan_source_close(source);
}

/* The mean depth of the gamma distribution is a/b; the start comes before it. */
static void showers_begin_after_an_exponential_depth(void **state) {
  (void)state;
  enum { CELLS = 64, SAMPLES = 150 };
  const double start = 9.0 / 7, energy = 20, a = 1 + 0.5 * (log(energy / critical) - 0.5);
  gan_data_options options = plain(CELLS, 1, 10, energy);
  options.shower.start = start;
  gan_source *source = data_open(options);
  double sum = 0, square = 0;
  for (int i = 0; i < SAMPLES; i++) {
    double *sample = energies_of(source, i);
    const double began = centre(CELLS, sample, 0) - a / 0.5;
    assert_true(began > -0.1);
    sum += began, square += began * began;
    free(sample);
  }
  assert_true(fabs(sum / SAMPLES - start) < 5 * start / sqrt(SAMPLES));
  /* Its square's mean is 2 start^2, and its square's deviation sqrt(20) start^2. */
  assert_true(fabs(square / SAMPLES - 2 * start * start) < 5 * sqrt(20.0 / SAMPLES) * start * start);
  gan_source_close(source);
}

/* Axes through the middle of the front face: a layer's centre is off by depth tan(angle), in radiation lengths. */
static void directions_fill_a_cone_evenly(void **state) {
  (void)state;
  enum { CELLS = 33, SAMPLES = 200, LAYER = 5 };
  const double angle = 20, width = 0.2, depth = 1, middle = (LAYER + 0.5) * depth / moliere;
  gan_data_options options = plain(CELLS, depth, width, 100);
  options.shower.angle = angle;
  gan_source *source = data_open(options);
  double sum = 0, towards[2] = {0};
  for (int i = 0; i < SAMPLES; i++) {
    double *sample = energies_of(source, i), *layer = sample + LAYER * CELLS * CELLS;
    /* The core's place by the largest cell and its neighbours would be coarse; the median along each axis is not
       pulled by the sides. */
    double off[2];
    for (int axis = 0; axis < 2; axis++) {
      const double half = total(CELLS * CELLS, layer) / 2;
      double below = 0;
      int line = 0;
      for (;; line++) {
        double here = 0;
        for (int j = 0; j < CELLS; j++) here += layer[axis ? line * CELLS + j : j * CELLS + line];
        if (below + here >= half) {
          off[axis] = (line + (half - below) / here - 0.5 * CELLS) * width;
          break;
        }
        below += here;
      }
      towards[axis] += off[axis];
    }
    const double tilt = atan(hypot(off[0], off[1]) / middle) * 180 / pi;
    assert_true(tilt < angle + 0.5);
    sum += (1 - cos(tilt * pi / 180)) / (1 - cos(angle * pi / 180));
    free(sample);
  }
  /* Uniform on (0, 1), as the share of a sphere is; the median is a little off where the tail is cut. */
  assert_true(fabs(sum / SAMPLES - 0.5) < 5 / sqrt(12.0 * SAMPLES) + 0.03);
  for (int axis = 0; axis < 2; axis++) assert_true(fabs(towards[axis] / SAMPLES) < 5 * middle * 0.25 / sqrt(SAMPLES));
  gan_source_close(source);
}

/* Totals of showers of one energy that count quanta of resolution^2 GeV: Poisson's law, which cells share. */
static void check_resolution(double energy, double resolution) {
  enum { SAMPLES = 4000 };
  gan_data_options options = plain(4, 10, 10, energy);
  options.shower.resolution = resolution;
  options.shower.energy_maximum = energy;
  options.shower.full_scale = 1;
  gan_source *source = data_open(options);
  const double quantum = resolution * resolution, deviation = resolution * sqrt(energy);
  double sum = 0, square = 0;
  for (int i = 0; i < SAMPLES; i++) {
    double *sample = energies_of(source, i);
    const double off = total(elements_of(source), sample) - energy;
    for (size_t j = 0; j < elements_of(source); j++)
      assert_true(fabs(sample[j] / quantum - rint(sample[j] / quantum)) < 1e-3);
    sum += off, square += off * off;
    free(sample);
  }
  if (!(fabs(sum / SAMPLES) < 5 * deviation / sqrt(SAMPLES) + 5e-3 * energy)) fail_msg("mean off by %g", sum / SAMPLES);
  if (!(fabs(sqrt(square / SAMPLES) / deviation - 1) < 5 / sqrt(2.0 * SAMPLES)))
    fail_msg("deviation %g instead of %g", sqrt(square / SAMPLES), deviation);
  gan_source_close(source);
}

static void the_measured_energy_varies_by_the_resolution(void **state) {
  (void)state;
  check_resolution(20, 1);    /* 20 quanta in all: small means, by inversion */
  check_resolution(20, 0.15); /* 889 quanta: large ones too */
}

static void values_are_within_1_and_the_usual_ones_are_not_cut(void **state) {
  (void)state;
  gan_data_options options = usual();
  gan_source *source = data_open(options);
  const size_t count = elements_of(source);
  float *values = malloc(count * sizeof *values);
  float largest = -1;
  for (int64_t i = 0; i < 300; i++) {
    size_t empty = 0;
    assert_int_equal(gan_source_read(source, &i, 1, values, NULL), GAN_OK);
    for (size_t j = 0; j < count; j++) {
      assert_true(values[j] >= -1 && values[j] <= 1);
      empty += values[j] == -1;
      largest = fmaxf(largest, values[j]);
    }
    assert_true(empty > count / 4 && empty < count); /* sparse, as calorimeters' are */
  }
  assert_true(largest > 0 && largest < 1);
  gan_source_close(source);
  options.shower.full_scale = 1e-4;
  source = data_open(options);
  assert_int_equal(gan_source_read(source, &(int64_t){0}, 1, values, NULL), GAN_OK);
  largest = -1;
  for (size_t j = 0; j < count; j++) largest = fmaxf(largest, values[j]);
  assert_true(largest == 1);
  free(values);
  gan_source_close(source);
}

static void a_power_maps_energies_as_it_says(void **state) {
  (void)state;
  gan_data_options options = plain(6, 4, 0.5, 10);
  gan_source *root = data_open(options);
  options.shower.power = 1;
  gan_source *linear = data_open(options);
  options.shower.power = 0.3;
  gan_source *flat = data_open(options);
  float a[216], b[216], c[216];
  const int64_t index = 7;
  assert_int_equal(gan_source_read(root, &index, 1, a, NULL), GAN_OK);
  assert_int_equal(gan_source_read(linear, &index, 1, b, NULL), GAN_OK);
  assert_int_equal(gan_source_read(flat, &index, 1, c, NULL), GAN_OK);
  for (int i = 0; i < 216; i++) {
    const double share = pow(((double)a[i] + 1) / 2, 2);
    assert_true(fabs((double)b[i] - (2 * share - 1)) < 1e-6);
    assert_true(fabs((double)c[i] - (2 * pow(share, 0.3) - 1)) < 1e-4);
  }
  gan_source_close(root);
  gan_source_close(linear);
  gan_source_close(flat);
}

static void a_sample_depends_on_seed_and_number_only(void **state) {
  (void)state;
  gan_data_options options = usual();
  options.shower.cells = 8;
  gan_source *source = data_open(options), *other = NULL;
  assert_int_equal(gan_source_open(&options, 2, NULL, &other), GAN_OK);
  enum { ELEMENTS = 512 };
  const int64_t numbers[] = {0, 1, 1000000, ((int64_t)1 << 32) + 1, ((int64_t)1 << 48) + 1};
  static float together[5][ELEMENTS], alone[ELEMENTS], seed2[ELEMENTS];
  assert_int_equal(gan_source_read(source, numbers, 5, together[0], NULL), GAN_OK);
  for (int i = 4; i >= 0; i--) {
    assert_int_equal(gan_source_read(source, numbers + i, 1, alone, NULL), GAN_OK);
    assert_int_equal(gan_source_read(other, numbers + i, 1, seed2, NULL), GAN_OK);
    assert_memory_equal(alone, together[i], sizeof alone);
    assert_memory_not_equal(alone, seed2, sizeof alone);
    for (int j = 0; j < i; j++) assert_memory_not_equal(together[i], together[j], sizeof alone);
  }
  gan_source_close(source);
  gan_source_close(other);
}

static uint64_t fingerprint(gan_data_options options) {
  gan_source *source = data_open(options);
  const uint64_t value = source->fingerprint;
  gan_source_close(source);
  return value;
}

static void fingerprint_differs_exactly_when_the_data_do(void **state) {
  (void)state;
  const gan_data_options base = usual();
  const uint64_t value = fingerprint(base);
  assert_true(value == fingerprint(base));
  gan_data_options changed = base;
  changed.radius = 5; /* another source's */
  assert_true(value == fingerprint(changed));
  changed.shower.cells = 24;
  assert_true(value != fingerprint(changed));
  const size_t reals[] = {offsetof(gan_shower_options, cell_depth),     offsetof(gan_shower_options, cell_width),
                          offsetof(gan_shower_options, energy_minimum), offsetof(gan_shower_options, energy_maximum),
                          offsetof(gan_shower_options, start),          offsetof(gan_shower_options, angle),
                          offsetof(gan_shower_options, impact),         offsetof(gan_shower_options, resolution),
                          offsetof(gan_shower_options, full_scale),     offsetof(gan_shower_options, power)};
  for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
    changed = base;
    *(double *)((char *)&changed.shower + reals[i]) *= 0.99;
    if (value == fingerprint(changed)) fail_msg("member %zu", i);
  }
  changed = base;
  changed.samples = 100;
  assert_true(value != fingerprint(changed));
}

static void options_that_cannot_work_are_refused_by_name(void **state) {
  (void)state;
  gan_data_options options = usual();
  options.shower.cells = 65;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.cells");
  options.shower.cells = 3;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.cells");
  options = usual();
  options.shower.energy_maximum = 9;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.energy_maximum: 9 is not between 10");
  options = usual();
  options.shower.energy_minimum = NAN;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.energy_minimum");
  options = usual();
  options.shower.angle = 90;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.angle");
  options = usual();
  options.shower.cell_width = 0;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.cell_width");
  options = usual();
  options.shower.power = 0;
  data_expect_failure(options, GAN_BAD_USAGE, "shower.power");
}

static void the_ends_of_all_ranges_give_finite_samples(void **state) {
  (void)state;
  for (int corner = 0; corner < 64; corner++) {
    gan_data_options options = usual();
    options.shower.cells = 4 + 60 * (corner == 63);
    options.shower.cell_depth = corner & 1 ? 10 : 0.01;
    options.shower.cell_width = corner & 2 ? 10 : 0.01;
    options.shower.energy_minimum = options.shower.energy_maximum = corner & 4 ? 1e4 : 0.1;
    options.shower.start = corner & 8 ? 100 : 0;
    options.shower.angle = corner & 16 ? 60 : 0;
    options.shower.impact = corner & 16 ? 32 : 0;
    options.shower.resolution = corner & 32 ? 1 : 1e-6;
    gan_source *source = data_open(options);
    double *sample = energies_of(source, corner);
    for (size_t i = 0; i < elements_of(source); i++) assert_true(sample[i] >= 0 && isfinite(sample[i]));
    free(sample);
    gan_source_close(source);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_calorimeter_that_is_large_enough_holds_all_of_the_energy),
      cmocka_unit_test(the_longitudinal_profile_is_the_gamma_distribution_with_its_maximum_at_a_minus_1_over_b),
      cmocka_unit_test(each_cell_holds_the_integral_of_the_radial_density_over_it),
      cmocka_unit_test(a_shower_down_the_middle_is_the_same_from_all_sides),
      cmocka_unit_test(the_usual_showers_have_no_side_that_they_prefer),
      cmocka_unit_test(energies_are_uniform_between_their_bounds),
      cmocka_unit_test(showers_begin_after_an_exponential_depth),
      cmocka_unit_test(directions_fill_a_cone_evenly),
      cmocka_unit_test(the_measured_energy_varies_by_the_resolution),
      cmocka_unit_test(values_are_within_1_and_the_usual_ones_are_not_cut),
      cmocka_unit_test(a_power_maps_energies_as_it_says),
      cmocka_unit_test(a_sample_depends_on_seed_and_number_only),
      cmocka_unit_test(fingerprint_differs_exactly_when_the_data_do),
      cmocka_unit_test(options_that_cannot_work_are_refused_by_name),
      cmocka_unit_test(the_ends_of_all_ranges_give_finite_samples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
