#include "kernels/environment.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kernels/instructions.h"

/* Remembers, over the new start, what OpenBLAS would have chosen. */
static const char memory[] = "GAN_OPENBLAS_CHOSE";

static gan_cpu_level most_allowed = GAN_CPU_AVX512;

void gan_cpu_limit(gan_cpu_level most) { most_allowed = most; }

static gan_cpu_level find_level(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  const bool avx2 = CPU_HAS("avx2") && CPU_HAS("fma");
  const bool avx512 =
      CPU_HAS("avx512f") && CPU_HAS("avx512bw") && CPU_HAS("avx512dq") && CPU_HAS("avx512vl") && CPU_HAS("avx512cd");
  return !avx2 ? GAN_CPU_BASELINE : !avx512 ? GAN_CPU_AVX2 : GAN_CPU_AVX512;
#else
  return GAN_CPU_BASELINE;
#endif
}

/* Asked for each tile of a product, and so found once. */
gan_cpu_level gan_cpu(void) {
  static int level = -1;
  if (level < 0) level = (int)find_level();
  return level < (int)most_allowed ? (gan_cpu_level)level : most_allowed;
}

const char *gan_better_openblas_core(const char *chosen, bool avx512) {
  static const char *const with_avx512[] = {"skylakex", "cooperlake", "sapphirerapids"};
  for (size_t i = 0; i < sizeof with_avx512 / sizeof *with_avx512; i++)
    if (strcasecmp(chosen, with_avx512[i]) == 0) return NULL;
  return avx512 ? "SKYLAKEX" : NULL;
}

/* True when the variable was missing and is set now. */
static bool set_missing(const char *name, const char *value) { return !getenv(name) && setenv(name, value, 1) == 0; }

bool gan_set_kernel_environment(void) {
  const char *chosen = openblas_get_corename();
  const char *better = gan_better_openblas_core(chosen, gan_cpu() == GAN_CPU_AVX512);
  bool changed = set_missing("OPENBLAS_NUM_THREADS", "1");
  if (better && set_missing("OPENBLAS_CORETYPE", better)) {
    changed = true;
    (void)setenv(memory, chosen, 1); /* only told by describe; without it the reason is a shorter one */
  }
  return changed;
}

const char *gan_openblas_core_reason(const char *chosen) {
  static char text[160];
  const char *wanted = getenv("OPENBLAS_CORETYPE"), *before = getenv(memory);
  const char *better = gan_better_openblas_core(chosen, gan_cpu() == GAN_CPU_AVX512);
  const char *ours = before ? gan_better_openblas_core(before, true) : NULL;
  text[0] = '\0';
  if (wanted && ours && strcmp(wanted, ours) == 0)
    snprintf(text, sizeof text, ", set by the program since this CPU has AVX-512 and OpenBLAS chose %.40s", before);
  else if (wanted)
    snprintf(text, sizeof text, ", set by OPENBLAS_CORETYPE=%.40s", wanted);
  else if (better)
    snprintf(text, sizeof text, ", slow on this CPU: start the program with OPENBLAS_CORETYPE=%s", better);
  return text;
}
