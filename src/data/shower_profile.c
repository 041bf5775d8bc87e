/* Shapes of showers; formulas and sources in the header. */
#include "data/shower_profile.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* Tungsten: atomic number, and the critical energy of electrons in GeV (Review of Particle Physics, "Atomic and nuclear
   properties of materials"). */
static const double atomic_number = 74, critical_energy = 7.97e-3;

const double gan_shower_moliere_radius = 21.2e-3 / 7.97e-3;

gan_shower_profile gan_shower_profile_of(double energy) {
  const double b = 0.5, maximum = log(energy / critical_energy) - 0.5;
  return (gan_shower_profile){.energy = energy, .a = 1 + b * maximum, .b = b, .maximum = maximum};
}

/* P(a, x) = x^a e^-x / Gamma(a + 1) (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...) (Abramowitz and Stegun 6.5.29).
   All terms are positive, so that nothing is lost; beyond x = 500 the rest is below the last bit for every a in use,
   and up to there 1000 terms are more than enough. */
double gan_shower_share_before(const gan_shower_profile *profile, double t) {
  enum { TERMS_MOST = 1000 };
  const double a = profile->a, x = profile->b * t;
  if (x <= 0) return 0;
  if (x > 500) return 1;
  double sum = 1, term = 1;
  for (int n = 1; n <= TERMS_MOST && term > 1e-17 * sum; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return fmin(1, exp(a * log(x) - x - lgamma(a + 1)) * sum);
}

gan_shower_radial gan_shower_radial_at(const gan_shower_profile *profile, double t) {
  const double z = atomic_number, log_energy = log(profile->energy), tau = t / profile->maximum;
  const double z1 = 0.0251 + 0.00319 * log_energy, z2 = 0.1162 - 0.000381 * z;
  const double k1 = 0.659 - 0.00309 * z, k2 = 0.645, k3 = -2.59, k4 = 0.3585 + 0.0421 * log_energy;
  const double p1 = 2.632 - 0.00094 * z, p2 = 0.401 + 0.00187 * z, p3 = 1.313 - 0.0686 * log_energy;
  const double w = (p2 - tau) / p3;
  return (gan_shower_radial){.core = z1 + z2 * tau,
                             .tail = k1 * (exp(k3 * (tau - k2)) + exp(k4 * (tau - k2))),
                             .core_share = p1 * exp(w - exp(w))};
}

/* F(x, y) = (x / u atan(y / u) + y / v atan(x / v)) / (2 pi), u^2 = x^2 + R^2, v^2 = y^2 + R^2: its second derivative
   along x and y is R^2 / (pi (x^2 + y^2 + R^2)^2), as one may check. */
void gan_shower_add_corners(int count, const double *x, const double *y, double radius, double weight,
                            double *corners) {
  double column_inverse[GAN_SHOWER_LINES_MOST], column_share[GAN_SHOWER_LINES_MOST];
  const double scale = weight / (2 * pi);
  for (int j = 0; j < count; j++) {
    column_inverse[j] = 1 / sqrt(x[j] * x[j] + radius * radius);
    column_share[j] = scale * x[j] * column_inverse[j];
  }
  for (int i = 0; i < count; i++) {
    const double inverse = 1 / sqrt(y[i] * y[i] + radius * radius), share = scale * y[i] * inverse;
    for (int j = 0; j < count; j++)
      corners[i * count + j] += column_share[j] * atan(y[i] * column_inverse[j]) + share * atan(x[j] * inverse);
  }
}
