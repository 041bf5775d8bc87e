/* Which precision is the faster one on this CPU. A CPU may have the instructions of AVX512_BF16 and be slower with them
   than without, as Intel's Sapphire Rapids is: it does half as many of them at a time as of float32's. Nobody can tell
   that from the CPU's name, so a product of a dense layer's size is timed in both. It changes nothing but what is said.
 */
#ifndef GAN_KERNELS_PRECISION_H
#define GAN_KERNELS_PRECISION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* 10^9 operations a second of one thread; 0 in bfloat16: the backend or the CPU has no such products. */
typedef struct gan_precision_speeds {
  double float32, bfloat16;
} gan_precision_speeds;

/* Measures both for a backend, in a few milliseconds. For the tests, GAN_PRETEND_GFLOPS="FLOAT32 BF16" in the
   environment is found instead, where both can be measured. GAN_BAD_USAGE for a name that is no backend. */
gan_status gan_precision_measure(const char *backend, gan_precision_speeds *speeds) GAN_CHECKED;

/* Whether bfloat16 is slower by more than what a measurement is off by; never where it was not measured. */
bool gan_bfloat16_is_slower(const gan_precision_speeds *speeds);

#endif
