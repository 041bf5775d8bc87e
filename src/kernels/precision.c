#include "kernels/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "kernels/tiles.h"

/* The way back through a dense layer, 64 samples: of the products that fill most of a training's time, and large enough
   for the packed panels of bfloat16. */
enum { ROWS = 64, COLUMNS = 512, INNER = 512, ROUNDS = 7 };

static double seconds_of_product(const gan_backend *backend, const float *a, const float *b, float *c) {
  const double start = gan_seconds();
  backend->gemm(false, false, ROWS, COLUMNS, INNER, 1, a, INNER, b, COLUMNS, 0, c, COLUMNS);
  return gan_seconds() - start;
}

/* The shortest time of each, in turn and after a first time that does not count: what another process takes of the core
   makes a time longer, never shorter. */
static void race(const gan_backend *float32, const float *a, const float *b, float *c, gan_precision_speeds *speeds) {
  double best_float32 = INFINITY, best_bfloat16 = INFINITY;
  for (int round = 0; round <= ROUNDS; round++) {
    const double one = seconds_of_product(float32, a, b, c), other = seconds_of_product(float32->bfloat16, a, b, c);
    if (round == 0) continue;
    best_float32 = fmin(best_float32, one);
    best_bfloat16 = fmin(best_bfloat16, other);
  }
  const double giga = 2e-9 * ROWS * COLUMNS * INNER, shortest = 1e-9;
  speeds->float32 = giga / fmax(best_float32, shortest);
  speeds->bfloat16 = giga / fmax(best_bfloat16, shortest);
}

gan_status gan_precision_measure(const char *name, gan_precision_speeds *speeds) {
  const gan_backend *backend = NULL;
  float *a = NULL, *b = NULL, *c = NULL;
  *speeds = (gan_precision_speeds){0};
  GAN_TRY(gan_backend_open(name, GAN_FLOAT32, &backend));
  if (!backend->bfloat16 || !gan_tiles_available(GAN_BFLOAT16)) return GAN_OK;
  const char *pretended = getenv("GAN_PRETEND_GFLOPS");
  int float32 = 0, bfloat16 = 0;
  if (pretended && sscanf(pretended, "%d %d", &float32, &bfloat16) == 2) {
    *speeds = (gan_precision_speeds){float32, bfloat16};
    return GAN_OK;
  }
  gan_status status = backend->bfloat16->open();
  if (status == GAN_OK) status = gan_allocate(ROWS * INNER, sizeof *a, "a product to time", &a);
  if (status == GAN_OK) status = gan_allocate(INNER * COLUMNS, sizeof *b, "a product to time", &b);
  if (status == GAN_OK) status = gan_allocate(ROWS * COLUMNS, sizeof *c, "a product to time", &c);
  if (status == GAN_OK) race(backend, a, b, c, speeds);
  free(a);
  free(b);
  free(c);
  return status;
}

bool gan_bfloat16_is_slower(const gan_precision_speeds *speeds) {
  const double margin = 0.95;
  return speeds->bfloat16 > 0 && speeds->bfloat16 < margin * speeds->float32;
}
