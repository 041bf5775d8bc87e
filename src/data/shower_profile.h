/* The mean shape of an electromagnetic shower, in closed form: which share of its energy lies in a layer, and which
   share of a layer's lies in a cell. showers.c makes samples of it. */
#ifndef GAN_DATA_SHOWER_PROFILE_H
#define GAN_DATA_SHOWER_PROFILE_H

/* What a shower of one energy looks like along its axis: dE/dt = E b (bt)^(a-1) e^(-bt) / Gamma(a), t in radiation
   lengths from where it starts (Longo and Sestili, Nucl. Instrum. Meth. 128 (1975) 283). */
typedef struct gan_shower_profile {
  double energy;  /* GeV */
  double a, b;    /* of the formula above */
  double maximum; /* (a - 1) / b, radiation lengths: where most energy is deposited */
} gan_shower_profile;

/* Tungsten, energy in GeV, at least 0.1. b = 1/2, and maximum = ln(energy / critical energy) - 1/2 as for a shower that
   begins with an electron (Review of Particle Physics, "Passage of particles through matter", section on
   electromagnetic cascades). */
gan_shower_profile gan_shower_profile_of(double energy);

/* Radiation lengths in a Moliere radius: E_s / E_c with E_s = 21.2 MeV (same section). */
extern const double gan_shower_moliere_radius;

/* The share of the energy deposited before depth t (radiation lengths): the regularised incomplete gamma function
   P(a, bt); 0 for t <= 0. */
double gan_shower_share_before(const gan_shower_profile *profile, double t);

/* The radial form of a layer: a core and a tail, each with the density R^2 / (pi (r^2 + R^2)^2) per area. Lengths are
   in Moliere radii. */
typedef struct gan_shower_radial {
  double core, tail; /* R of each: half of the energy lies within R */
  double core_share;
} gan_shower_radial;

/* At depth t: Grindhammer and Peters, hep-ex/0001020, section 3.1.3 and appendix A.1.3 (homogeneous media), for
   tungsten. */
gan_shower_radial gan_shower_radial_at(const gan_shower_profile *profile, double t);

/* The integral of R^2 / (pi (x^2 + y^2 + R^2)^2) over the rectangles between count lines at x (count) and as many at y,
   as differences of a function at the corners:
   corners (count, count) += weight F(x_j, y_i), i the row; the integral over a cell is
   F(x_j+1, y_i+1) - F(x_j, y_i+1) - F(x_j+1, y_i) + F(x_j, y_i). */
enum { GAN_SHOWER_LINES_MOST = 65 };
void gan_shower_add_corners(int count, const double *x, const double *y, double radius, double weight, double *corners);

#endif
