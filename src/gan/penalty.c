#include "gan/penalty.h"

#include <math.h>

#include "base/moving.h"
#include "kernels/kernels.h"

/* (s/k - 1)^2 with s = sqrt(|g|^2 + epsilon); one-sided: max(0, s/k - 1)^2. */
static gan_penalised slope_penalty(const gan_penalty_options *options, double squared_norm) {
  const double slope = sqrt(squared_norm + options->epsilon);
  double excess = slope / options->target - 1;
  if (options->one_sided && excess < 0) excess = 0;
  return (gan_penalised){.value = excess * excess, .factor = 2 * excess / (options->target * slope)};
}

/* |g|^2 / 2. */
static gan_penalised square_penalty(const gan_penalty_options *options, double squared_norm) {
  (void)options;
  return (gan_penalised){.value = squared_norm / 2, .factor = 1};
}

const gan_penalty gan_penalties[GAN_PENALTY_KINDS] = {
    [GAN_PENALTY_GRADIENT] = {.name = "gradient_penalty",
                              .help = "the score rises by k a unit between a real and a generated sample (WGAN-GP)",
                              .source = "arXiv 1704.00028, section 4; one-sided: 1709.08894",
                              .site = GAN_SITE_INTERPOLATES,
                              .each_by_itself = true,
                              .of = slope_penalty},
    [GAN_PENALTY_DRAGAN] = {.name = "dragan",
                            .help = "the score rises by k a unit around real samples (DRAGAN)",
                            .source = "arXiv 1705.07215, section 2.3 and algorithm 1",
                            .site = GAN_SITE_AROUND_REAL,
                            .each_by_itself = true,
                            .of = slope_penalty},
    [GAN_PENALTY_R1] = {.name = "r1",
                        .help = "the score is flat at real samples",
                        .source = "arXiv 1801.04406, eq. 9",
                        .site = GAN_SITE_REAL,
                        .of = square_penalty},
    [GAN_PENALTY_R2] = {.name = "r2",
                        .help = "the score is flat at generated samples",
                        .source = "arXiv 1801.04406, eq. 10",
                        .site = GAN_SITE_GENERATED,
                        .of = square_penalty},
};

/* A weight at the end of the run. */
static double final_weight(const gan_penalty_options *options, int kind) {
  const double end = kind == GAN_PENALTY_R1 ? options->r1_final : kind == GAN_PENALTY_R2 ? options->r2_final : NAN;
  return isnan(end) ? options->weight[kind] : end;
}

static bool is_used(const gan_penalty_options *options, int kind) {
  return options->weight[kind] > 0 || final_weight(options, kind) > 0;
}

bool gan_penalties_at(const gan_penalty_options *options, gan_penalty_site site) {
  for (int i = 0; i < GAN_PENALTY_KINDS; i++)
    if (gan_penalties[i].site == site && is_used(options, i)) return true;
  return false;
}

int gan_penalties_sites(const gan_penalty_options *options) {
  int sites = 0;
  for (int site = 0; site < GAN_SITES; site++) sites += gan_penalties_at(options, (gan_penalty_site)site);
  return sites;
}

bool gan_penalties_any(const gan_penalty_options *options) { return gan_penalties_sites(options) > 0; }

void gan_penalties_weights(const gan_penalty_options *options, double progress, double weights[GAN_PENALTY_KINDS]) {
  for (int i = 0; i < GAN_PENALTY_KINDS; i++)
    weights[i] = gan_moved(options->weight[i], final_weight(options, i), progress);
}

/* Of one sample. */
static gan_penalised add_up(const gan_penalty_options *options, const double *weights, gan_penalty_site site,
                            double squared_norm) {
  gan_penalised sum = {0, 0};
  for (int i = 0; i < GAN_PENALTY_KINDS; i++) {
    if (gan_penalties[i].site != site || weights[i] <= 0) continue;
    const gan_penalised one = gan_penalties[i].of(options, squared_norm);
    sum.value += weights[i] * one.value;
    sum.factor += weights[i] * one.factor;
  }
  return sum;
}

double gan_penalties_apply(const gan_penalty_options *options, const double weights[GAN_PENALTY_KINDS],
                           gan_penalty_site site, int64_t batch, int64_t rows, int64_t elements, const float *g,
                           float *u) {
  double value = 0;
  for (int64_t row = 0; row < rows; row++, g += elements, u += elements) {
    const gan_penalised sample = add_up(options, weights, site, gan_square_sum((size_t)elements, g));
    const double factor = sample.factor / (double)batch;
    value += sample.value;
    for (int64_t i = 0; i < elements; i++) u[i] = (float)(factor * (double)g[i]);
  }
  return value / (double)batch;
}
