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

static const char *const level_names[] = {
    [GAN_CPU_BASELINE] = "baseline", [GAN_CPU_AVX2] = "avx2", [GAN_CPU_AVX512] = "avx512"};
enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

/* What GAN_CPU_LEVEL asks for: the highest without it, LEVEL_COUNT for a word that is no level. */
static int level_asked_for(void) {
  const char *name = getenv("GAN_CPU_LEVEL");
  int level = 0;
  if (!name) return GAN_CPU_AVX512;
  while (level < LEVEL_COUNT && strcmp(level_names[level], name) != 0) level++;
  return level;
}

static gan_cpu_level level_of_cpu(void) {
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
  if (level < 0) level = (int)level_of_cpu() < level_asked_for() ? (int)level_of_cpu() : level_asked_for();
  return level < (int)most_allowed ? (gan_cpu_level)level : most_allowed;
}

gan_status gan_cpu_check(void) {
  const char *name = getenv("GAN_CPU_LEVEL");
  const int asked = level_asked_for(), own = (int)level_of_cpu();
  if (asked == LEVEL_COUNT)
    return gan_fail(GAN_BAD_USAGE, "GAN_CPU_LEVEL=%.40s: there are baseline, avx2 and avx512", name);
  if (name && asked > own)
    return gan_fail(GAN_BAD_USAGE, "GAN_CPU_LEVEL=%s: this CPU has no more than %s", name, level_names[own]);
  return GAN_OK;
}

bool gan_cpu_is_lowered(void) { return level_asked_for() < (int)level_of_cpu(); }

/* What OpenBLAS takes on a CPU of that level. */
static const char *const cores_of_levels[] = {[GAN_CPU_BASELINE] = "PRESCOTT", [GAN_CPU_AVX2] = "HASWELL"};

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
  if (gan_cpu_is_lowered()) return set_missing("OPENBLAS_CORETYPE", cores_of_levels[gan_cpu()]) || changed;
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
