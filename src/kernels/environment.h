/* What OpenBLAS reads from the environment when it is loaded, before main, and nobody can tell it afterwards.

   OPENBLAS_NUM_THREADS: without it OpenBLAS starts a thread for every core, in every rank, where one is all that is
   ever used. OPENBLAS_CORETYPE: a CPU that OpenBLAS does not know, as 0.3.21 does new ones of AMD, gets the kernels of
   an old one, which do half the work of AVX-512 per instruction. A program that wants both right sets the variables and
   starts itself once more. */
#ifndef GAN_KERNELS_ENVIRONMENT_H
#define GAN_KERNELS_ENVIRONMENT_H

#include <stdbool.h>

#include "base/error.h"

/* Sets those of the variables above that the user has not set and that would change something. True when any was set:
   the calling program should start itself again. It cannot come to that twice. */
bool gan_set_kernel_environment(void);

/* The core to ask OpenBLAS for, when it chose `chosen` by itself: NULL when that is right, or nothing better is known.
   `avx512` is whether the CPU has what OpenBLAS's AVX-512 kernels need. */
const char *gan_better_openblas_core(const char *chosen, bool avx512);

/* The vector instructions of x86-64 that kernels written for them may use, where the CPU and the system have them: each
   has all that the one before has. */
typedef enum gan_cpu_level {
  GAN_CPU_BASELINE,
  GAN_CPU_AVX2,  /* and FMA */
  GAN_CPU_AVX512 /* F, BW, DQ, VL and CD */
} gan_cpu_level;

/* For the tests, GAN_CPU_LEVEL=baseline, avx2 or avx512 in the environment makes it a lesser CPU, of which then also
   oneDNN and, unless OPENBLAS_CORETYPE says otherwise, the program's OpenBLAS know no better. */
gan_cpu_level gan_cpu(void);
/* GAN_BAD_USAGE when GAN_CPU_LEVEL is no level, or one that this CPU has not. */
gan_status gan_cpu_check(void) GAN_CHECKED;
/* Whether GAN_CPU_LEVEL makes it less than it is. */
bool gan_cpu_is_lowered(void);
/* From here on gan_cpu() says no more than this: tests try the kernels of lesser CPUs so. */
void gan_cpu_limit(gan_cpu_level most);

/* Why OpenBLAS has the kernels that it has, to follow their name: ", set by ..."; "" where the choice is its own and
   good. `chosen` is that name. Valid until the next call. */
const char *gan_openblas_core_reason(const char *chosen);

#endif
