/* Arithmetic on float32 vectors and matrices: all inner loops of the program.

   A backend supplies what is worth supplying in several ways (matrix products, convolutions) through one table of
   functions; the plain loops below serve every backend. All of it is single-threaded: parallelism is ranks.
   Every result is a function of the operands and sizes alone, bit for bit, wherever a vector starts in memory and
   however a caller cuts an element-wise call into pieces: no contraction into fused multiply-adds, fixed orders of
   summation. */
#ifndef GAN_KERNELS_KERNELS_H
#define GAN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The sizes of a convolution (kernels/convolution.h), and the rows of shards (kernels/shard_products.h). */
typedef struct gan_convolution gan_convolution;
typedef struct gan_shard_rows gan_shard_rows;

/* What products are computed from. Sums, and all that is kept in memory, are float32 in both. */
typedef enum gan_precision { GAN_FLOAT32, GAN_BFLOAT16 } gan_precision;

typedef struct gan_backend {
  const char *name;
  const char *help;
  /* Gets the library ready (one thread); called once before any other function. */
  gan_status (*open)(void);
  /* C (m,n) = alpha op(A) (m,k) op(B) (k,n) + beta C, row-major; lda, ldb, ldc are row lengths in memory. */
  void (*gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
               int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
  /* c (rows, n) = a (rows, k) op(b), each row with bits that depend on it alone, never on how many there are; NULL, or
     false with nothing done, leaves it to gemm, shard by shard. The smallest shard, on any rank, has least_rows. */
  bool (*row_products)(int64_t least_rows, bool transpose_b, int64_t rows, int64_t n, int64_t k, const float *a,
                       const float *b, float *c);
  /* One line about what the library chose for this CPU, and why if not by itself: "OpenBLAS 0.3.21, SkylakeX kernels".
     Valid until the next call. */
  const char *(*describe)(void);
  gan_precision precision;
  /* The same backend with products in bfloat16; NULL where it has none. */
  const struct gan_backend *bfloat16;
  /* Convolutions, with the operands of kernels/convolution.h. All NULL, or all set: NULL stands for the portable way,
     by gemm. One that returns false has done nothing and leaves this one, by its sizes, to the portable way. */
  size_t (*convolution_scratch)(gan_precision precision, const gan_convolution *sizes);
  bool (*convolution_forward)(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                              const float *weight, float *y, float *scratch);
  bool (*convolution_backward_data)(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                    const float *dy, const float *weight, float *dx, float *scratch);
  bool (*convolution_backward_weights)(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                       const float *x, const float *dy, float *dweight, float *scratch);
  /* Sums of convolutions' weights and of products along the shard tree, with the operands of kernels/shard_products.h;
     NULL, or false with nothing done, leaves them to the functions above. */
  bool (*convolution_shard_weights)(gan_precision precision, const gan_convolution *sizes, const gan_shard_rows *of,
                                    float *const *slots, size_t offset, float *scratch);
  bool (*shard_products)(gan_precision precision, const gan_shard_rows *of, float *const *slots, size_t offset);
} gan_backend;

/* The backends built in; the first is the default. */
extern const gan_backend *const gan_backends[];
extern const int gan_backend_count;
/* Finds by name, "auto" being the first; NULL when there is none. */
const gan_backend *gan_backend_find(const char *name);
/* The same in a precision, opened, ready for use. GAN_BAD_USAGE where the backend or the CPU cannot do it. */
gan_status gan_backend_open(const char *name, gan_precision precision, const gan_backend **backend) GAN_CHECKED;

/* "float32" and "bf16"; NULL beyond the last. */
const char *gan_precision_name(int precision);
/* The precision of that name, which is one of these. */
gan_precision gan_precision_find(const char *name);

/* y (rows, n): each row += bias (n). */
void gan_add_bias(size_t rows, size_t n, const float *bias, float *y);
/* y (rows, channels, inner): each channel += its bias (channels). */
void gan_add_channel_bias(size_t rows, size_t channels, size_t inner, const float *bias, float *y);
/* sums (n) = column sums of y (rows, n), rows added in rising order. */
void gan_column_sums(size_t rows, size_t n, const float *y, float *sums);

/* y += x; sum = x + y, product = x * y (either may be x or y); y = x * factor; y = a*y + b*x (the moving average of the
   generator's weights). */
void gan_add(size_t n, const float *x, float *y);
void gan_add_two(size_t n, const float *x, const float *y, float *sum);
void gan_multiply(size_t n, const float *x, const float *y, float *product);
void gan_scale(size_t n, float factor, float *y);
void gan_average(size_t n, float a, float *y, float b, const float *x);
/* Each line of x (lines, width) the other way round. */
void gan_mirror(int64_t lines, int64_t width, float *x);
/* Sets each value to min(max(value, -bound), bound); returns how many were outside. */
size_t gan_clip(size_t n, float bound, float *x);
/* x = x * bound / max(|x|, bound), |x| the L2 norm; whether that changed x. A NaN in x leaves it alone. */
bool gan_clip_norm(size_t n, double bound, float *x);
/* Sum of squares in double, in one fixed order of summation: element i goes to lane i mod 16, in rising order, and the
   lanes are added up in the end. Piece by piece, all but the last of a multiple of 16 elements, it is the same sum. */
enum { GAN_SQUARE_LANES = 16 };
double gan_square_sum(size_t n, const float *x);
void gan_square_add(size_t n, const float *x, double *lanes);
double gan_square_total(double *lanes);

/* Activations and their derivatives: forward y = f(x), y may be x; backward dx = dy * f'(x), given x and y. dx may be
   dy. No row needs both x and y to go back: one that is `from_output` gives the same bits when y stands for x too
   (given an argument of 0 or more), each other one when x stands for y. second: dx += dy * tangent * f''(x), given x
   and y, for gradients of dy * (f'(x) * tangent); NULL where f is linear in pieces. */
typedef struct gan_activation {
  const char *name;
  const char *usage; /* "leaky_relu [SLOPE]" */
  const char *help;
  double argument; /* default of the one argument; NAN: takes none */
  bool from_output;
  void (*forward)(size_t n, float argument, const float *x, float *y);
  void (*backward)(size_t n, float argument, const float *x, const float *y, const float *dy, float *dx);
  void (*second)(size_t n, float argument, const float *x, const float *y, const float *tangent, const float *dy,
                 float *dx);
} gan_activation;
/* relu, leaky_relu, tanh, sigmoid, elu, gelu, silu, softplus. */
extern const gan_activation gan_activations[];
extern const int gan_activation_count;

/* float32 from bytes: out = bytes * (2/255) - 1, i.e. images in [-1, 1]. */
void gan_bytes_to_floats(size_t n, const uint8_t *bytes, float *out);

#endif
