/* Activations: a table with one row each, two loops each. Formulas and defaults are PyTorch's (torch.nn.functional);
   a NaN going in comes out, so that a broken network is noticed. Arguments that would multiply an infinity by a
   vanished factor are limited first, to where float32 cannot tell the difference. */
#include <math.h>

#include "kernels/exponential.h"
#include "kernels/kernels.h"

/* The two functions of a row: y from the element x; derivative from the elements x and y. */
#define DEFINE_ACTIVATION(name, value, derivative)                                                         \
  GAN_MULTIVERSION static void name##_forward(size_t n, float argument, const float *xs, float *ys) {      \
    (void)argument;                                                                                        \
    GAN_ELEMENTWISE                                                                                        \
    for (size_t i = 0; i < n; i++) {                                                                       \
      const float x = xs[i];                                                                               \
      ys[i] = (value);                                                                                     \
    }                                                                                                      \
  }                                                                                                        \
  GAN_MULTIVERSION static void name##_backward(size_t n, float argument, const float *xs, const float *ys, \
                                               const float *dys, float *dxs) {                             \
    (void)argument;                                                                                        \
    GAN_ELEMENTWISE                                                                                        \
    for (size_t i = 0; i < n; i++) {                                                                       \
      const float x = xs[i], y = ys[i];                                                                    \
      (void)x, (void)y;                                                                                    \
      dxs[i] = dys[i] * (derivative);                                                                      \
    }                                                                                                      \
  }

GAN_INLINE float leaky_relu_value(float x, float slope) { return choose(x > 0.0f, x, slope * x); }

GAN_INLINE float elu_value(float x, float alpha) { return choose(x > 0.0f, x, alpha * exponential_minus_1(x)); }
GAN_INLINE float elu_slope(float x, float alpha) {
  return choose(x > 0.0f, 1.0f, alpha * exponential(limited(x, -104.0f, 0.0f)));
}

/* tanh |x| = -e / (e + 2), e = exp(-2 |x|) - 1. */
GAN_INLINE float tanh_value(float x) {
  const float e = exponential_minus_1(-2.0f * absolute(x));
  return with_sign_of(e / (e + 2.0f), x);
}

GAN_INLINE float gelu_value(float x) { return choose(x < -16.0f, -16.0f, x) * normal_distribution(x); }
GAN_INLINE float gelu_slope(float x) { return normal_distribution(x) + limited(x, -16.0f, 16.0f) * normal_density(x); }

GAN_INLINE float silu_value(float x) { return choose(x < -128.0f, -128.0f, x) * logistic(x); }
GAN_INLINE float silu_slope(float x) { return logistic(x) * (1.0f + limited(x, -128.0f, 128.0f) * logistic(-x)); }

GAN_INLINE float softplus_value(float x) { return choose(x < 0.0f, 0.0f, x) + log_1_plus(exponential(-absolute(x))); }

DEFINE_ACTIVATION(relu, choose(x < 0.0f, 0.0f, x), choose(x <= 0.0f, 0.0f, 1.0f))
DEFINE_ACTIVATION(leaky_relu, leaky_relu_value(x, argument), choose(x > 0.0f, 1.0f, argument))
DEFINE_ACTIVATION(tanh, tanh_value(x), 1.0f - y * y)
DEFINE_ACTIVATION(sigmoid, logistic(x), (1.0f - y) * y)
DEFINE_ACTIVATION(elu, elu_value(x, argument), elu_slope(x, argument))
DEFINE_ACTIVATION(gelu, gelu_value(x), gelu_slope(x))
DEFINE_ACTIVATION(silu, silu_value(x), silu_slope(x))
DEFINE_ACTIVATION(softplus, softplus_value(x), logistic(x))

/* The third function of a row, where it has one: second derivative from the elements x and y. */
#define DEFINE_SECOND(name, second_derivative)                                                           \
  GAN_MULTIVERSION static void name##_second(size_t n, float argument, const float *xs, const float *ys, \
                                             const float *tangents, const float *dys, float *dxs) {      \
    (void)argument;                                                                                      \
    GAN_ELEMENTWISE                                                                                      \
    for (size_t i = 0; i < n; i++) {                                                                     \
      const float x = xs[i], y = ys[i];                                                                  \
      (void)x, (void)y;                                                                                  \
      dxs[i] += dys[i] * tangents[i] * (second_derivative);                                              \
    }                                                                                                    \
  }

GAN_INLINE float elu_bend(float x, float alpha) {
  return choose(x > 0.0f, 0.0f, alpha * exponential(limited(x, -104.0f, 0.0f)));
}

GAN_INLINE float gelu_bend(float x) {
  const float within = limited(x, -16.0f, 16.0f);
  return normal_density(x) * (2.0f - within * within);
}

/* s' (2 + x (1 - 2 s)), s the logistic function and s' = s (1 - s). */
GAN_INLINE float silu_bend(float x) {
  const float s = logistic(x), rest = logistic(-x);
  return s * rest * (2.0f + limited(x, -128.0f, 128.0f) * (rest - s));
}

DEFINE_SECOND(tanh, -2.0f * y * (1.0f - y * y))
DEFINE_SECOND(sigmoid, (1.0f - y) * y * (1.0f - 2.0f * y))
DEFINE_SECOND(elu, elu_bend(x, argument))
DEFINE_SECOND(gelu, gelu_bend(x))
DEFINE_SECOND(silu, silu_bend(x))
DEFINE_SECOND(softplus, logistic(x) * logistic(-x))

#define ROW(symbol) .name = #symbol, .forward = symbol##_forward, .backward = symbol##_backward
#define SMOOTH_ROW(symbol) ROW(symbol), .second = symbol##_second

const gan_activation gan_activations[] = {
    {ROW(relu), .from_output = true, .usage = "relu", .help = "max(0, x)", .argument = NAN},
    {ROW(leaky_relu), .from_output = true, .usage = "leaky_relu [SLOPE]",
     .help = "x where positive, else SLOPE * x (default 0.2)", .argument = 0.2},
    {SMOOTH_ROW(tanh), .from_output = true, .usage = "tanh", .help = "hyperbolic tangent, for images in [-1, 1]",
     .argument = NAN},
    {SMOOTH_ROW(sigmoid), .from_output = true, .usage = "sigmoid", .help = "1 / (1 + exp(-x))", .argument = NAN},
    {SMOOTH_ROW(elu), .usage = "elu [ALPHA]", .help = "x where positive, else ALPHA * (exp(x) - 1) (default 1)",
     .argument = 1.0},
    {SMOOTH_ROW(gelu), .usage = "gelu", .help = "x * P(N(0, 1) <= x), exact and not the tanh approximation",
     .argument = NAN},
    {SMOOTH_ROW(silu), .usage = "silu", .help = "x * sigmoid(x)", .argument = NAN},
    {SMOOTH_ROW(softplus), .usage = "softplus", .help = "log(1 + exp(x))", .argument = NAN},
};
const int gan_activation_count = sizeof gan_activations / sizeof gan_activations[0];
