/* The three ways to a convolution side by side, on this machine: the portable one (unfold, then a matrix product),
   packed panels, and oneDNN's own over its blocked layouts. Prints the table of docs/performance.md: GF/s of one thread
   by its CPU time, the best of some turns; forward / backward to the data / backward to the weights.

   `make convolutions && build/compare/convolutions` (needs oneDNN 2 and a CPU with AVX2; bf16 where the CPU has it). */
#include <dnnl.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/convolution.h"
#include "kernels/packed_convolution.h"
#include "timing.h"

enum { TURNS = 15, IMAGES = 64, PASSES = 3 };

/* A DCGAN's critic: kernel 4, stride 2, padding 1. */
static const struct {
  int64_t in_channels, out_channels, size;
} layers[] = {{3, 64, 64}, {64, 128, 32}, {128, 256, 16}, {256, 512, 8}};

/* --- gan_dist's --- */

typedef struct work {
  const gan_backend *backend;
  gan_convolution sizes;
  float *x, *weight, *y, *scratch;
} work;

static void run_pass(const work *w, int pass) {
  if (pass == 0)
    gan_convolution_forward(w->backend, &w->sizes, IMAGES, w->x, w->weight, w->y, w->scratch);
  else if (pass == 1)
    gan_convolution_backward_data(w->backend, &w->sizes, IMAGES, w->y, w->weight, w->x, w->scratch);
  else
    gan_convolution_backward_weights(w->backend, &w->sizes, IMAGES, w->x, w->y, w->weight, w->scratch);
}

/* `packed` false: the backend's products without its convolutions. */
static void measure_own(gan_precision precision, bool packed, const gan_convolution *sizes, double *seconds) {
  const gan_backend *opened = NULL;
  if (gan_backend_open("onednn", precision, &opened) != GAN_OK) fail("this CPU lacks the instructions");
  gan_backend backend = *opened;
  if (!packed) {
    backend.convolution_scratch = NULL;
    backend.convolution_forward = NULL;
    backend.convolution_backward_data = NULL;
    backend.convolution_backward_weights = NULL;
  }
  const gan_window *window = &sizes->window;
  const size_t in = (size_t)(IMAGES * sizes->in_channels * gan_positions(window->in));
  const size_t out = (size_t)(IMAGES * sizes->out_channels * gan_positions(window->out));
  const size_t weights = (size_t)(sizes->in_channels * sizes->out_channels * gan_positions(window->kernel));
  const work w = {&backend,         *sizes,       numbers(in),
                  numbers(weights), numbers(out), numbers(gan_convolution_scratch(&backend, sizes))};
  for (int pass = 0; pass < PASSES; pass++) {
    seconds[pass] = INFINITY;
    for (int turn = 0; turn < TURNS; turn++) {
      const double start = cpu_seconds();
      run_pass(&w, pass);
      seconds[pass] = fmin(seconds[pass], cpu_seconds() - start);
    }
  }
  free(w.x), free(w.weight), free(w.y), free(w.scratch);
}

/* --- oneDNN's, in the layouts that it asks for --- */

static void check(dnnl_status_t status) {
  if (status != dnnl_success) fail("oneDNN refuses");
}

static dnnl_memory_t memory_of(dnnl_engine_t engine, const_dnnl_primitive_desc_t primitive, dnnl_query_t operand) {
  const dnnl_memory_desc_t *layout = dnnl_primitive_desc_query_md(primitive, operand, 0);
  const size_t bytes = dnnl_memory_desc_get_size(layout);
  dnnl_memory_t memory;
  void *values = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!values) fail("out of memory");
  memset(values, 0, bytes);
  check(dnnl_memory_create(&memory, layout, engine, values));
  return memory;
}

static double time_primitive(dnnl_engine_t engine, dnnl_primitive_desc_t description, const int *arguments,
                             const dnnl_query_t *operands) {
  dnnl_stream_t stream;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t given[PASSES];
  double best = INFINITY;
  check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
  check(dnnl_primitive_create(&primitive, description));
  for (int i = 0; i < PASSES; i++)
    given[i] = (dnnl_exec_arg_t){arguments[i], memory_of(engine, description, operands[i])};
  for (int turn = 0; turn < TURNS; turn++) {
    const double start = cpu_seconds();
    check(dnnl_primitive_execute(primitive, stream, PASSES, given));
    check(dnnl_stream_wait(stream));
    best = fmin(best, cpu_seconds() - start);
  }
  for (int i = 0; i < PASSES; i++) {
    void *values;
    check(dnnl_memory_get_data_handle(given[i].memory, &values));
    dnnl_memory_destroy(given[i].memory);
    free(values);
  }
  dnnl_primitive_destroy(primitive);
  dnnl_stream_destroy(stream);
  return best;
}

static void measure_onednn(dnnl_data_type_t type, const gan_convolution *sizes, double *seconds) {
  const gan_window *window = &sizes->window;
  const dnnl_dims_t x_sizes = {IMAGES, sizes->in_channels, window->in[1], window->in[2]},
                    w_sizes = {sizes->out_channels, sizes->in_channels, window->kernel[1], window->kernel[2]},
                    y_sizes = {IMAGES, sizes->out_channels, window->out[1], window->out[2]},
                    stride = {window->stride[1], window->stride[2]}, padding = {window->padding[1], window->padding[2]};
  dnnl_engine_t engine;
  dnnl_memory_desc_t x, w, y;
  dnnl_convolution_desc_t sought;
  dnnl_primitive_desc_t forward, data, weights;
  check(dnnl_engine_create(&engine, dnnl_cpu, 0));
  check(dnnl_memory_desc_init_by_tag(&x, 4, x_sizes, type, dnnl_format_tag_any));
  check(dnnl_memory_desc_init_by_tag(&w, 4, w_sizes, type, dnnl_format_tag_any));
  check(dnnl_memory_desc_init_by_tag(&y, 4, y_sizes, type, dnnl_format_tag_any));
  check(dnnl_convolution_forward_desc_init(&sought, dnnl_forward_training, dnnl_convolution_direct, &x, &w, NULL, &y,
                                           stride, padding, padding));
  check(dnnl_primitive_desc_create(&forward, &sought, NULL, engine, NULL));
  check(
      dnnl_convolution_backward_data_desc_init(&sought, dnnl_convolution_direct, &x, &w, &y, stride, padding, padding));
  check(dnnl_primitive_desc_create(&data, &sought, NULL, engine, forward));
  check(dnnl_convolution_backward_weights_desc_init(&sought, dnnl_convolution_direct, &x, &w, NULL, &y, stride, padding,
                                                    padding));
  check(dnnl_primitive_desc_create(&weights, &sought, NULL, engine, forward));
  seconds[0] = time_primitive(engine, forward, (const int[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                              (const dnnl_query_t[]){dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md});
  seconds[1] =
      time_primitive(engine, data, (const int[]){DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                     (const dnnl_query_t[]){dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md});
  seconds[2] =
      time_primitive(engine, weights, (const int[]){DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
                     (const dnnl_query_t[]){dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md});
  dnnl_primitive_desc_destroy(forward);
  dnnl_primitive_desc_destroy(data);
  dnnl_primitive_desc_destroy(weights);
  dnnl_engine_destroy(engine);
}

/* --- the table --- */

static void print(double gigaflops, const double *seconds) {
  printf(" %.0f / %.0f / %.0f |", gigaflops / seconds[0], gigaflops / seconds[1], gigaflops / seconds[2]);
}

int main(void) {
  const bool bfloat16 = gan_tiles_available(GAN_BFLOAT16);
  if (!gan_tiles_available(GAN_FLOAT32)) fail("this CPU lacks AVX2");
  printf(
      "| layer, height and width of its input | unfold, then a product | packed panels | oneDNN, its blocked layouts "
      "|%s"
      "\n|---|---|---|---|%s\n",
      bfloat16 ? " packed panels, bf16 | oneDNN, bf16 |" : "", bfloat16 ? "---|---|" : "");
  for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
    const int64_t size = layers[i].size;
    const gan_convolution sizes = {.in_channels = layers[i].in_channels,
                                   .out_channels = layers[i].out_channels,
                                   .window = {.in = {1, size, size},
                                              .out = {1, size / 2, size / 2},
                                              .kernel = {1, 4, 4},
                                              .stride = {1, 2, 2},
                                              .padding = {0, 1, 1}}};
    const double gigaflops = 2e-9 * IMAGES * (double)(sizes.in_channels * sizes.out_channels * 16 * size * size / 4);
    double seconds[PASSES];
    printf("| %d → %d, %d |", (int)sizes.in_channels, (int)sizes.out_channels, (int)size);
    measure_own(GAN_FLOAT32, false, &sizes, seconds);
    print(gigaflops, seconds);
    measure_own(GAN_FLOAT32, true, &sizes, seconds);
    print(gigaflops, seconds);
    measure_onednn(dnnl_f32, &sizes, seconds);
    print(gigaflops, seconds);
    if (bfloat16) {
      measure_own(GAN_BFLOAT16, true, &sizes, seconds);
      print(gigaflops, seconds);
      measure_onednn(dnnl_bf16, &sizes, seconds);
      print(gigaflops, seconds);
    }
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
