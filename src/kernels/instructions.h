/* The vector instructions of x86-64 by the compiler's names, and functions compiled for them whatever the build's
   baseline: called only where the CPU has them (gan_cpu, gan_tiles_available). tests/emulated has AVX-512 in plain C
   in its place. */
#ifndef GAN_KERNELS_INSTRUCTIONS_H
#define GAN_KERNELS_INSTRUCTIONS_H

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX2_TARGET target("avx2,fma")
#define AVX512_TARGET target("avx512f,avx512bw,avx512vl,avx512dq")
#define AVX512_BF16_TARGET target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")

#define CPU_HAS(instructions) __builtin_cpu_supports(instructions)

/* INLINE: for helpers of such functions, of which they have to become part. */
#define AVX2 __attribute__((AVX2_TARGET))
#define AVX2_INLINE static inline __attribute__((always_inline, AVX2_TARGET))
#define AVX512 __attribute__((AVX512_TARGET))
#define AVX512_INLINE static inline __attribute__((always_inline, AVX512_TARGET))
#define AVX512_BF16 __attribute__((AVX512_BF16_TARGET))
#define AVX512_BF16_INLINE static inline __attribute__((always_inline, AVX512_BF16_TARGET))
#endif

#endif
