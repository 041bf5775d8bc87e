/* Normalisation's second order; formulas in normalise.h. Loops as in normalise.c: across channels, or along planes. */
#include "base/multiversion.h"
#include "nn/normalise.h"

void gan_channel_tangent_sums(gan_channels view, const float *x, const float *tangent, const float *dy,
                              const float *tangent_dy, const float *mean, const float *inverse, double *sums) {
  gan_channel_gradient_sums(view, x, dy, mean, inverse, sums + GAN_SUM_Y * view.channels);
  gan_channel_gradient_sums(view, x, tangent_dy, mean, inverse, sums + GAN_SUM_TANGENT * view.channels);
  gan_channel_product_sums(view, tangent_dy, tangent, sums + GAN_SUM_TANGENT_X * view.channels);
}

double gan_channel_tangent_weight(const double *sums, size_t stride, double inverse, double tangent_mean,
                                  double tangent_normal) {
  return sums[GAN_SUM_Y_NORMAL * stride] +
         inverse * (sums[GAN_SUM_TANGENT_X * stride] - tangent_mean * sums[GAN_SUM_TANGENT * stride] -
                    tangent_normal * sums[GAN_SUM_TANGENT_NORMAL * stride]);
}

/* With the formula's terms sorted by what they multiply,
       tangent_dx = scale * (dy' - mean(dy') - n * mean(dy' n))
       dx         = scale * (dy - by_dy' * dy' - by_x' * x' - constant - by_n * n)
   by_dy' = inverse * mean(x' n), by_x' = inverse * mean(dy' n). The means make room for the last two. */
enum { CONSTANT = GAN_SUM_Y, BY_NORMAL = GAN_SUM_Y_NORMAL };
static void make_factors(size_t channels, const float *inverses, const float *tangent_means, double *means) {
  for (size_t c = 0; c < channels; c++) {
    double *of = means + c;
    const double inverse = (double)inverses[c], x = (double)tangent_means[c], xn = (double)tangent_means[channels + c];
    const double a = of[GAN_SUM_TANGENT * channels], an = of[GAN_SUM_TANGENT_NORMAL * channels];
    const double q = of[GAN_SUM_TANGENT_X * channels] - a * x - an * xn;
    of[CONSTANT * channels] -= inverse * (xn * a + an * x);
    of[BY_NORMAL * channels] += inverse * (q - 2 * xn * an);
  }
}

GAN_MULTIVERSION static void backward_columns(size_t n, const float *x, const float *tangent, const float *dy,
                                              const float *tangent_dy, const float *mean, const float *inverse,
                                              const float *weight, const float *tangent_means, const double *factors,
                                              float *dx, float *tangent_dx) {
  GAN_ELEMENTWISE
  for (size_t c = 0; c < n; c++) {
    const float normal = (x[c] - mean[c]) * inverse[c], scale = weight[c] * inverse[c];
    const float a = tangent_dy[c], mean_a = (float)factors[GAN_SUM_TANGENT * n + c];
    const float mean_an = (float)factors[GAN_SUM_TANGENT_NORMAL * n + c];
    const float by_a = inverse[c] * tangent_means[n + c], by_x = inverse[c] * mean_an;
    dx[c] = scale * (dy[c] - by_a * a - by_x * tangent[c] - (float)factors[CONSTANT * n + c] -
                     normal * (float)factors[BY_NORMAL * n + c]);
    tangent_dx[c] = scale * (a - mean_a - normal * mean_an);
  }
}

/* factors: the channel's, from make_factors, with the place of the first in each row of `channels`. */
GAN_MULTIVERSION static void backward_plane(size_t n, size_t channels, const float *x, const float *tangent,
                                            const float *dy, const float *tangent_dy, float mean, float inverse,
                                            float weight, float tangent_normal, const double *factors, float *dx,
                                            float *tangent_dx) {
  const float scale = weight * inverse, constant = (float)factors[CONSTANT * channels];
  const float by_normal = (float)factors[BY_NORMAL * channels];
  const float mean_a = (float)factors[GAN_SUM_TANGENT * channels];
  const float mean_an = (float)factors[GAN_SUM_TANGENT_NORMAL * channels];
  const float by_a = inverse * tangent_normal, by_x = inverse * mean_an;
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) {
    const float normal = (x[i] - mean) * inverse, a = tangent_dy[i];
    dx[i] = scale * (dy[i] - by_a * a - by_x * tangent[i] - constant - normal * by_normal);
    tangent_dx[i] = scale * (a - mean_a - normal * mean_an);
  }
}

void gan_channel_tangent_backward(gan_channels view, const float *x, const float *tangent, const float *dy,
                                  const float *tangent_dy, const float *mean, const float *inverse, const float *weight,
                                  const float *tangent_means, double *means, float *dx, float *tangent_dx) {
  const size_t channels = view.channels, elements = channels * view.inner;
  make_factors(channels, inverse, tangent_means, means);
  for (size_t row = 0; row < view.rows; row++) {
    const size_t place = row * elements;
    if (view.inner == 1)
      backward_columns(channels, x + place, tangent + place, dy + place, tangent_dy + place, mean, inverse, weight,
                       tangent_means, means, dx + place, tangent_dx + place);
    else
      for (size_t c = 0; c < channels; c++) {
        const size_t plane = place + c * view.inner;
        backward_plane(view.inner, channels, x + plane, tangent + plane, dy + plane, tangent_dy + plane, mean[c],
                       inverse[c], weight[c], tangent_means[channels + c], means + c, dx + plane, tangent_dx + plane);
      }
  }
}
