/* See plane_convolution.h. Along an axis with stride s, position p of the padded input is element p / s of plane p % s;
   element k of the kernel, a distance of k * dilation away, lies in plane (k * dilation) % s, (k * dilation) / s
   elements further on. Planes are so long along each axis that the last place's window is within them. */
#include "kernels/plane_convolution.h"

#include <string.h>

#include "base/multiversion.h"
#include "kernels/integers.h"

/* Channels of a group, on the side that has fewer, from which products of matrices are faster; and how much larger
   planes may be than the images that they are copies of. Measured on an Intel Xeon with AVX-512. */
enum { CHANNELS_MOST = 12, PLANES_MOST = 4, PLANES_ALWAYS = 1 << 14 };

/* Floats that are worked on at a time, and how many such vectors. */
enum { LANES = 16, SIDE_BY_SIDE = 4 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* Sizes of planes, and the kernel's elements in the order of the planes that they lie in. */
typedef struct layout {
  const gan_convolution *sizes;
  int64_t groups;
  int64_t in_channels, out_channels; /* of a group */
  int64_t in, out, weights;          /* floats of a group: of a sample and of what is made of it; and its weights */
  int64_t kernel;
  int64_t length[GAN_AXES]; /* of a plane */
  int64_t plane_count;      /* of a channel */
  int64_t plane;            /* floats of one, with zeros behind it that vectors may reach into */
  int64_t places, reach;    /* from the first place to the last, in whole vectors; and the furthest shift */
  int64_t output;           /* floats of a plane of dy: `reach` zeros, then a plane */
  float *planes;            /* (in_channels, plane_count, plane) */
  float *outputs;           /* (out_channels, output) */
  float *sums;              /* (out_channels, in_channels, kernel, LANES) */
  int32_t *element, *shift; /* (kernel): which element of the kernel, and its shift within its plane */
  int32_t *begin;           /* (plane_count + 1): the first of each plane's */
} layout;

/* out (outs, places) = for each the sum over planes (ins) and shifts of weight times the plane, shifted. */
typedef struct combination {
  int64_t outs, ins, places, taps;
  const float *in, *weight;
  float *out;
  int64_t in_step, out_step;       /* floats from one plane to the next */
  int64_t in_weights, out_weights; /* and from its weights to the next one's */
  const int32_t *element, *shift;  /* (taps) */
} combination;

/* --- Sizes --- */

static int64_t length_along(const gan_window *window, int axis) {
  return window->out[axis] + (gan_kernel_reach(window, axis) - 1) / window->stride[axis];
}

bool gan_plane_convolution_suits(const gan_convolution *sizes) {
  const gan_window *window = &sizes->window;
  double planes = 1; /* where it cannot wrap */
  for (int i = 0; i < GAN_AXES; i++) planes *= (double)length_along(window, i) * (double)window->stride[i];
  const double images = (double)(gan_positions(window->in) + gan_positions(window->out));
  return least(sizes->in_channels, sizes->out_channels) / gan_group_count(sizes) < CHANNELS_MOST &&
         planes <= PLANES_MOST * images + PLANES_ALWAYS;
}

static int64_t plane_floats(const layout *of) { return of->in_channels * of->plane_count * of->plane; }
static int64_t sum_floats(const layout *of) { return of->out_channels * of->in_channels * of->kernel * LANES; }

static layout plan(const gan_convolution *sizes, float *scratch) {
  const gan_window *window = &sizes->window;
  layout made = {.sizes = sizes,
                 .groups = gan_group_count(sizes),
                 .in_channels = sizes->in_channels / gan_group_count(sizes),
                 .out_channels = sizes->out_channels / gan_group_count(sizes),
                 .kernel = gan_positions(window->kernel),
                 .plane_count = gan_positions(window->stride)};
  int64_t last_place = 0, last_shift = 0;
  for (int i = 0; i < GAN_AXES; i++) {
    made.length[i] = length_along(window, i);
    last_place = last_place * made.length[i] + window->out[i] - 1;
    last_shift = last_shift * made.length[i] + made.length[i] - window->out[i];
  }
  made.in = made.in_channels * gan_positions(window->in);
  made.out = made.out_channels * gan_positions(window->out);
  made.weights = made.out_channels * made.in_channels * made.kernel;
  made.places = rounded_up(last_place + 1, LANES);
  made.reach = last_shift;
  made.plane = rounded_up(gan_positions(made.length) + LANES - 1, LANES);
  made.output = made.reach + made.plane;
  made.planes = scratch;
  made.outputs = made.planes + plane_floats(&made);
  made.sums = made.outputs + made.out_channels * made.output;
  made.element = (int32_t *)(void *)(made.sums + sum_floats(&made));
  made.shift = made.element + made.kernel;
  made.begin = made.shift + made.kernel;
  return made;
}

size_t gan_plane_convolution_scratch(const gan_convolution *sizes) {
  const layout made = plan(sizes, NULL);
  return (size_t)(plane_floats(&made) + made.out_channels * made.output + sum_floats(&made) + 2 * made.kernel +
                  made.plane_count + 1);
}

/* The plane that an element of the kernel lies in, and its shift within it. */
static int64_t place_element(const layout *of, int64_t k, int64_t *shift) {
  const gan_window *window = &of->sizes->window;
  const int64_t at[GAN_AXES] = {k / window->kernel[2] / window->kernel[1], k / window->kernel[2] % window->kernel[1],
                                k % window->kernel[2]};
  int64_t plane = 0;
  *shift = 0;
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t distance = at[i] * gan_dilation(window, i);
    plane = plane * window->stride[i] + distance % window->stride[i];
    *shift = *shift * of->length[i] + distance / window->stride[i];
  }
  return plane;
}

/* By counting how many each plane has. */
static void order_elements(const layout *of) {
  int64_t shift;
  memset(of->begin, 0, (size_t)(of->plane_count + 1) * sizeof *of->begin);
  for (int64_t k = 0; k < of->kernel; k++) of->begin[place_element(of, k, &shift) + 1]++;
  for (int64_t plane = 0; plane < of->plane_count; plane++) of->begin[plane + 1] += of->begin[plane];
  for (int64_t k = 0; k < of->kernel; k++) {
    const int32_t to = of->begin[place_element(of, k, &shift)]++;
    of->element[to] = (int32_t)k;
    of->shift[to] = (int32_t)shift;
  }
  for (int64_t plane = of->plane_count; plane > 0; plane--) of->begin[plane] = of->begin[plane - 1];
  of->begin[0] = 0;
}

/* Shifts from a channel's first plane, instead of each one's own. */
static void shift_from_first_plane(const layout *of) {
  for (int64_t plane = 0; plane < of->plane_count; plane++)
    for (int32_t i = of->begin[plane]; i < of->begin[plane + 1]; i++) of->shift[i] += (int32_t)(plane * of->plane);
}

/* --- Copies --- */

/* Element j of a line in plane `remainder` along the last axis is position j * stride + remainder - padding of the
   image: those within it are begin <= j < end. */
typedef struct span {
  int64_t begin, end, first; /* first: the position of element 0 */
} span;

static span span_of(const layout *of, int64_t remainder) {
  const gan_window *window = &of->sizes->window;
  const int64_t stride = window->stride[2], first = remainder - window->padding[2];
  const int64_t begin = first < 0 ? pieces(-first, stride) : 0;
  const int64_t end = first < window->in[2] ? least(pieces(window->in[2] - first, stride), of->length[2]) : 0;
  return (span){least(begin, of->length[2]), most(end, least(begin, of->length[2])), first};
}

/* Where the image's line at (depth, height) lies in the planes, from the channel's first on, but for the last axis: its
   plane's number and its offset there; false where no window meets it. */
static bool find_line(const layout *of, int64_t depth, int64_t height, int64_t *plane, int64_t *offset) {
  const gan_window *window = &of->sizes->window;
  const int64_t z = depth + window->padding[0], y = height + window->padding[1];
  const int64_t in_depth = z / window->stride[0], in_height = y / window->stride[1];
  *plane = (z % window->stride[0] * window->stride[1] + y % window->stride[1]) * window->stride[2];
  *offset = (in_depth * of->length[1] + in_height) * of->length[2];
  return in_depth < of->length[0] && in_height < of->length[1];
}

GAN_INLINE void copy_apart(int64_t count, int64_t from_stride, const float *from, int64_t to_stride, float *to) {
  if (from_stride == 1 && to_stride == 1)
    for (int64_t i = 0; i < count; i++) to[i] = from[i];
  else if (from_stride == 2 && to_stride == 1)
    for (int64_t i = 0; i < count; i++) to[i] = from[2 * i];
  else
    for (int64_t i = 0; i < count; i++) to[i * to_stride] = from[i * from_stride];
}

/* A channel of the image into its planes, of which only that is written, not the zeros around. */
GAN_INLINE void copy_in(const layout *of, const float *image, float *planes) {
  const gan_window *window = &of->sizes->window;
  const int64_t stride = window->stride[2];
  for (int64_t remainder = 0; remainder < stride; remainder++) {
    const span along = span_of(of, remainder);
    const float *line = image;
    for (int64_t depth = 0; depth < window->in[0]; depth++)
      for (int64_t height = 0; height < window->in[1]; height++, line += window->in[2]) {
        int64_t plane, offset;
        if (!find_line(of, depth, height, &plane, &offset)) continue;
        plane += remainder;
        if (of->begin[plane] == of->begin[plane + 1]) continue;
        copy_apart(along.end - along.begin, stride, line + along.begin * stride + along.first, 1,
                   planes + plane * of->plane + offset + along.begin);
      }
  }
}

/* The way back; where no window reaches there are zeros. */
GAN_INLINE void copy_back(const layout *of, const float *planes, float *image) {
  const gan_window *window = &of->sizes->window;
  const int64_t stride = window->stride[2];
  memset(image, 0, (size_t)gan_positions(window->in) * sizeof *image);
  for (int64_t remainder = 0; remainder < stride; remainder++) {
    const span along = span_of(of, remainder);
    float *line = image;
    for (int64_t depth = 0; depth < window->in[0]; depth++)
      for (int64_t height = 0; height < window->in[1]; height++, line += window->in[2]) {
        int64_t plane, offset;
        if (!find_line(of, depth, height, &plane, &offset)) continue;
        plane += remainder;
        if (of->begin[plane] == of->begin[plane + 1]) continue;
        copy_apart(along.end - along.begin, 1, planes + plane * of->plane + offset + along.begin, stride,
                   line + along.begin * stride + along.first);
      }
  }
}

/* Lines of y (out), `from_width` and `from_height` long in one memory and otherwise in the other. */
GAN_INLINE void copy_lines(const int64_t out[GAN_AXES], int64_t from_height, int64_t from_width, const float *from,
                           int64_t to_height, int64_t to_width, float *to) {
  for (int64_t depth = 0; depth < out[0]; depth++)
    for (int64_t height = 0; height < out[1]; height++)
      copy_apart(out[2], 1, from + (depth * from_height + height) * from_width, 1,
                 to + (depth * to_height + height) * to_width);
}

GAN_INLINE void copy_output(const layout *of, const float *plane, float *image) {
  const int64_t *out = of->sizes->window.out;
  copy_lines(out, of->length[1], of->length[2], plane, out[1], out[2], image);
}

GAN_INLINE void copy_gradient(const layout *of, const float *image, float *plane) {
  const int64_t *out = of->sizes->window.out;
  copy_lines(out, out[1], out[2], image, of->length[1], of->length[2], plane);
}

/* --- Sums --- */

#define LOAD(x) (*(const lanes *)(const void *)(x))
#define STORE(x) (*(lanes *)(void *)(x))

/* Four planes of the result, a vector at a time. */
GAN_INLINE void combine_four(const combination *of, int64_t out) {
  const float *weights = of->weight + out * of->out_weights;
  const int64_t step = of->out_weights;
  float *to = of->out + out * of->out_step;
  for (int64_t i = 0; i < of->places; i += LANES) {
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    for (int64_t in = 0; in < of->ins; in++) {
      const float *from = of->in + in * of->in_step + i, *w = weights + in * of->in_weights;
      for (int64_t tap = 0; tap < of->taps; tap++) {
        const lanes x = LOAD(from + of->shift[tap]);
        const float *own = w + of->element[tap];
        a += own[0] * x;
        b += own[step] * x;
        c += own[2 * step] * x;
        d += own[3 * step] * x;
      }
    }
    STORE(to + i) = a;
    STORE(to + i + of->out_step) = b;
    STORE(to + i + 2 * of->out_step) = c;
    STORE(to + i + 3 * of->out_step) = d;
  }
}

/* One plane, four vectors at a time, then one. */
GAN_INLINE void combine_one(const combination *of, int64_t out) {
  const float *weights = of->weight + out * of->out_weights;
  float *to = of->out + out * of->out_step;
  int64_t i = 0;
  for (; i + SIDE_BY_SIDE * LANES <= of->places; i += SIDE_BY_SIDE * LANES) {
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    for (int64_t in = 0; in < of->ins; in++)
      for (int64_t tap = 0; tap < of->taps; tap++) {
        const float *from = of->in + in * of->in_step + i + of->shift[tap];
        const float w = weights[in * of->in_weights + of->element[tap]];
        a += w * LOAD(from);
        b += w * LOAD(from + LANES);
        c += w * LOAD(from + 2 * LANES);
        d += w * LOAD(from + 3 * LANES);
      }
    STORE(to + i) = a;
    STORE(to + i + LANES) = b;
    STORE(to + i + 2 * LANES) = c;
    STORE(to + i + 3 * LANES) = d;
  }
  for (; i < of->places; i += LANES) {
    lanes a = {0};
    for (int64_t in = 0; in < of->ins; in++)
      for (int64_t tap = 0; tap < of->taps; tap++)
        a += weights[in * of->in_weights + of->element[tap]] * LOAD(of->in + in * of->in_step + i + of->shift[tap]);
    STORE(to + i) = a;
  }
}

GAN_INLINE void combine(const combination *of) {
  int64_t out = 0;
  for (; out + SIDE_BY_SIDE <= of->outs; out += SIDE_BY_SIDE) combine_four(of, out);
  for (; out < of->outs; out++) combine_one(of, out);
}

enum { TAPS = 5 };

/* sums (TAPS, LANES) += products of y (places) with x at each of five shifts; of fewer the last one again. */
GAN_INLINE void add_products(int64_t places, const float *y, const float *x, const int32_t *shift, int64_t taps,
                             float *sums) {
  const float *from[TAPS];
  for (int i = 0; i < TAPS; i++) from[i] = x + shift[least(i, taps - 1)];
  lanes a = {0}, b = {0}, c = {0}, d = {0}, e = {0};
  for (int64_t i = 0; i < places; i += LANES) {
    const lanes w = LOAD(y + i);
    a += w * LOAD(from[0] + i);
    b += w * LOAD(from[1] + i);
    c += w * LOAD(from[2] + i);
    d += w * LOAD(from[3] + i);
    e += w * LOAD(from[4] + i);
  }
  const lanes all[TAPS] = {a, b, c, d, e};
  for (int64_t i = 0; i < taps; i++) STORE(sums + i * LANES) += all[i];
}

/* Lanes are added as a binary tree. */
static float total(const float *sums) {
  float sum[LANES];
  memcpy(sum, sums, sizeof sum);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) sum[i] += sum[i + half];
  return sum[0];
}

/* --- The three operations --- */

GAN_MULTIVERSION static void forward_group(const layout *of, const float *x, const float *weight, float *y) {
  const gan_window *window = &of->sizes->window;
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out), channel = of->plane_count * of->plane;
  for (int64_t i = 0; i < of->in_channels; i++) copy_in(of, x + i * in, of->planes + i * channel);
  const combination sum = {.outs = of->out_channels,
                           .ins = of->in_channels,
                           .places = of->places,
                           .taps = of->kernel,
                           .in = of->planes,
                           .weight = weight,
                           .out = of->outputs,
                           .in_step = channel,
                           .out_step = of->output,
                           .in_weights = of->kernel,
                           .out_weights = of->in_channels * of->kernel,
                           .element = of->element,
                           .shift = of->shift};
  combine(&sum);
  for (int64_t i = 0; i < of->out_channels; i++) copy_output(of, of->outputs + i * of->output, y + i * out);
}

/* Shifts are `reach` less an element's own: the output's planes begin with as many zeros. */
GAN_MULTIVERSION static void backward_group(const layout *of, const float *dy, const float *weight, float *dx) {
  const gan_window *window = &of->sizes->window;
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out), channel = of->plane_count * of->plane;
  for (int64_t i = 0; i < of->out_channels; i++)
    copy_gradient(of, dy + i * out, of->outputs + i * of->output + of->reach);
  for (int64_t plane = 0; plane < of->plane_count; plane++) {
    const int32_t begin = of->begin[plane], taps = of->begin[plane + 1] - begin;
    const combination sum = {.outs = of->in_channels,
                             .ins = of->out_channels,
                             .places = of->plane,
                             .taps = taps,
                             .in = of->outputs,
                             .weight = weight,
                             .out = of->planes + plane * of->plane,
                             .in_step = of->output,
                             .out_step = channel,
                             .in_weights = of->in_channels * of->kernel,
                             .out_weights = of->kernel,
                             .element = of->element + begin,
                             .shift = of->shift + begin};
    if (taps > 0) combine(&sum);
  }
  for (int64_t i = 0; i < of->in_channels; i++) copy_back(of, of->planes + i * channel, dx + i * in);
}

GAN_MULTIVERSION static void add_group_weights(const layout *of, const float *x, const float *dy) {
  const gan_window *window = &of->sizes->window;
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out), channel = of->plane_count * of->plane;
  for (int64_t i = 0; i < of->in_channels; i++) copy_in(of, x + i * in, of->planes + i * channel);
  for (int64_t i = 0; i < of->out_channels; i++)
    copy_gradient(of, dy + i * out, of->outputs + i * of->output + of->reach);
  float *sums = of->sums;
  for (int64_t o = 0; o < of->out_channels; o++)
    for (int64_t i = 0; i < of->in_channels; i++, sums += of->kernel * LANES)
      for (int64_t tap = 0; tap < of->kernel; tap += TAPS)
        add_products(of->places, of->outputs + o * of->output + of->reach, of->planes + i * channel, of->shift + tap,
                     least(TAPS, of->kernel - tap), sums + tap * LANES);
}

/* What lies between lines, and around them, is zeros from here on. */
static void clear(const layout *of) {
  memset(of->planes, 0, (size_t)plane_floats(of) * sizeof *of->planes);
  memset(of->outputs, 0, (size_t)(of->out_channels * of->output) * sizeof *of->outputs);
}

void gan_plane_convolution_forward(const gan_convolution *sizes, int64_t rows, const float *x, const float *weight,
                                   float *y, float *scratch) {
  const layout of = plan(sizes, scratch);
  clear(&of);
  order_elements(&of);
  shift_from_first_plane(&of);
  for (int64_t i = 0; i < rows * of.groups; i++)
    forward_group(&of, x + i * of.in, weight + i % of.groups * of.weights, y + i * of.out);
}

void gan_plane_convolution_backward_data(const gan_convolution *sizes, int64_t rows, const float *dy,
                                         const float *weight, float *dx, float *scratch) {
  const layout of = plan(sizes, scratch);
  clear(&of);
  order_elements(&of);
  for (int64_t i = 0; i < of.kernel; i++) of.shift[i] = (int32_t)of.reach - of.shift[i];
  for (int64_t i = 0; i < rows * of.groups; i++)
    backward_group(&of, dy + i * of.out, weight + i % of.groups * of.weights, dx + i * of.in);
}

void gan_plane_convolution_backward_weights(const gan_convolution *sizes, int64_t rows, const float *x, const float *dy,
                                            float *dweight, float *scratch) {
  const layout of = plan(sizes, scratch);
  clear(&of);
  order_elements(&of);
  shift_from_first_plane(&of);
  for (int64_t group = 0; group < of.groups; group++) {
    memset(of.sums, 0, (size_t)sum_floats(&of) * sizeof *of.sums);
    for (int64_t row = 0; row < rows; row++)
      add_group_weights(&of, x + (row * of.groups + group) * of.in, dy + (row * of.groups + group) * of.out);
    for (int64_t pair = 0; pair < of.out_channels * of.in_channels; pair++, dweight += of.kernel)
      for (int64_t i = 0; i < of.kernel; i++) dweight[of.element[i]] = total(of.sums + (pair * of.kernel + i) * LANES);
  }
}
