/* One source, several instruction sets: the build's baseline is plain x86-64, so that the program starts on any such
   CPU; a function marked GAN_MULTIVERSION is compiled three times (x86-64, AVX2, AVX-512), and the dynamic linker binds
   the one that the CPU it runs on supports. Since nothing is contracted into fused multiply-adds, all three give the
   same bits.

   Empty where the compiler or the C library lacks it (clang 14, musl, other CPUs), and under ThreadSanitizer, whose
   runtime is not ready yet when the linker asks which version to take. */
#ifndef GAN_BASE_MULTIVERSION_H
#define GAN_BASE_MULTIVERSION_H

#include <stdint.h> /* defines __GLIBC__ */

#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && \
    !defined(__SANITIZE_THREAD__)
#define GAN_MULTIVERSION __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define GAN_MULTIVERSION
#endif

/* For the helpers of such functions: they have to become part of the caller to take its instruction set. */
#define GAN_INLINE static inline __attribute__((always_inline))

/* Before a loop whose iterations touch only element i of each vector, so that vectors may coincide (dx == dy) without
   the compiler falling back to one element at a time. Partly overlapping vectors are not allowed. */
#ifdef __clang__
#define GAN_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define GAN_ELEMENTWISE _Pragma("GCC ivdep")
#endif

#endif
