/* Pixel norm (Karras et al. 2018, "Progressive growing of GANs", arXiv 1710.10196, section 4.2): the channels of each
   position are divided by their root mean square,

        y_c = r x_c,   r = 1 / sqrt(1/C sum_c x_c^2 + 1e-8)

   and so are the features of a vector, such as StyleGAN's latents. With m(v) the mean over the channels of a position,
   the Jacobian is a symmetric one, J v = r (v - y m(y v)). What a tangent t with gradient b adds to that of x is, from
   dr = -r^2 y dx / C and dy = J dx,

        d/dx [b . J t] = -r^2 (y (m(b t) - 3 m(y b) m(y t)) + m(y t) b + m(y b) t)

   r is kept of each position. Loops run over the channels, and inside over neighbouring positions, so that a CPU's
   vectors hold several; sums are in double, of the channels in rising order. */
#include <math.h>

#include "base/multiversion.h"
#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { TOGETHER = 64 }; /* positions */

/* Neighbouring positions of one row: `count` of them, each channel's `stride` floats from the one before. */
typedef struct strip {
  int64_t channels, stride, count;
} strip;

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  layer->kept_per_row = (size_t)(layer->inputs / layer->input.size[0]);
  return gan_layer_set_output(layer, &layer->input);
}

/* The strips of all rows, one after the other, begin at *place, where r of their row's positions is at *kept; *place is
   -1 to begin with. False after the last. */
static bool next_strip(const gan_layer *layer, const gan_pass *pass, int64_t *place, strip *at, float **kept) {
  const int64_t positions = layer->inputs / layer->input.size[0];
  int64_t position = 0, row = 0;
  if (*place >= 0) {
    row = *place / layer->inputs;
    position = *place % layer->inputs + at->count;
    if (position == positions) row++, position = 0;
  }
  if (row == pass->rows) return false;
  const int64_t rest = positions - position;
  *place = row * layer->inputs + position;
  *at = (strip){layer->input.size[0], positions, rest < TOGETHER ? rest : TOGETHER};
  *kept = gan_pass_kept_row(pass, layer, row) + position;
  return true;
}

/* means (count): of x y over the channels. */
GAN_MULTIVERSION static void take_means(strip at, const float *x, const float *y, double *restrict means) {
  for (int64_t i = 0; i < at.count; i++) means[i] = 0;
  for (int64_t c = 0; c < at.channels; c++, x += at.stride, y += at.stride)
    for (int64_t i = 0; i < at.count; i++) means[i] += (double)x[i] * (double)y[i];
  for (int64_t i = 0; i < at.count; i++) means[i] /= (double)at.channels;
}

/* y = r x; y may be x. */
GAN_MULTIVERSION static void multiply(strip at, const float *r, const float *x, float *y) {
  for (int64_t c = 0; c < at.channels; c++, x += at.stride, y += at.stride) {
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < at.count; i++) y[i] = r[i] * x[i];
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const double epsilon = 1e-8;
  strip at;
  float *r;
  for (int64_t place = -1; next_strip(layer, pass, &place, &at, &r);) {
    double means[TOGETHER];
    take_means(at, input + place, input + place, means);
    for (int64_t i = 0; i < at.count; i++) r[i] = (float)(1 / sqrt(means[i] + epsilon));
    multiply(at, r, input + place, output + place);
  }
}

/* result = J v, `means` those of y v; result may be v. */
GAN_MULTIVERSION static void apply(strip at, const float *r, const float *y, const double *means, const float *v,
                                   float *result) {
  for (int64_t c = 0; c < at.channels; c++, y += at.stride, v += at.stride, result += at.stride) {
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < at.count; i++) result[i] = r[i] * (v[i] - y[i] * (float)means[i]);
  }
}

static void apply_all(const gan_layer *layer, const gan_pass *pass, const float *y, const float *v, float *result) {
  strip at;
  float *r;
  for (int64_t place = -1; next_strip(layer, pass, &place, &at, &r);) {
    double means[TOGETHER];
    take_means(at, y + place, v + place, means);
    apply(at, r, y + place, means, v + place, result + place);
  }
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)input;
  if (input_gradient) apply_all(layer, pass, output, output_gradient, input_gradient);
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)input;
  apply_all(layer, pass, output, input_tangent, output_tangent);
}

/* Of each position, the means of y b, y t and b t. */
typedef struct bending {
  double yb[TOGETHER], yt[TOGETHER], bt[TOGETHER];
} bending;

/* dx += d/dx [b . J t]. */
GAN_MULTIVERSION static void add_second(strip at, const float *r, const float *y, const float *b, const float *t,
                                        const bending *of, float *restrict dx) {
  for (int64_t c = 0; c < at.channels; c++, y += at.stride, b += at.stride, t += at.stride, dx += at.stride)
    for (int64_t i = 0; i < at.count; i++) {
      const float along = (float)(of->bt[i] - 3 * of->yb[i] * of->yt[i]);
      dx[i] -= r[i] * r[i] * (y[i] * along + (float)of->yt[i] * b[i] + (float)of->yb[i] * t[i]);
    }
}

static void tangent_backward(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  strip at;
  float *r;
  apply_all(layer, pass, rows->output, rows->output_gradient, rows->input_gradient);
  apply_all(layer, pass, rows->output, rows->output_tangent_gradient, rows->input_tangent_gradient);
  for (int64_t place = -1; next_strip(layer, pass, &place, &at, &r);) {
    const float *y = rows->output + place, *b = rows->output_tangent_gradient + place;
    const float *t = rows->input_tangent + place;
    bending of;
    take_means(at, y, b, of.yb);
    take_means(at, y, t, of.yt);
    take_means(at, b, t, of.bt);
    add_second(at, r, y, b, t, &of, rows->input_gradient + place);
  }
}

const gan_layer_type gan_layer_normalise = {
    .name = "normalise",
    .usage = "normalise",
    .help = "divides the channels of each position by their root mean square (pixel norm); of vectors, the features",
    .curved = true,
    .backward_reads = GAN_READS_OUTPUT,
    .in_place = true,
    .in_place_backward = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_backward = tangent_backward,
};
