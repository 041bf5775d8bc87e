/* /proc/cpuinfo is read rather than the CPU asked: it knows what the system has turned off, and the model's name. */
#include "cli/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Those that matter to loops over float32 vectors, x86's first. */
static const char *const vector_features[] = {
    "sse4_2",   "avx",      "f16c",        "fma",         "avx2",        "avx512f",  "avx512bw",
    "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16",
    "asimd",    "asimdhp",  "asimddp",     "sve",         "sve2",        "bf16",     "svebf16",
};

/* True when `word` is one of the space-separated words of `text`. */
static bool has_word(const char *text, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = text; (at = strstr(at, word)); at += length)
    if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\n' || at[length] == '\0')) return true;
  return false;
}

static void keep_features(const char *flags, char *features) {
  size_t used = 0;
  for (size_t i = 0; i < sizeof vector_features / sizeof *vector_features && used < GAN_CPU_TEXT; i++)
    if (has_word(flags, vector_features[i]))
      used += (size_t)snprintf(features + used, GAN_CPU_TEXT - used, "%s%s", used ? " " : "", vector_features[i]);
}

/* The first core's lines: "model name : ...", "flags : ..." (x86), "Features : ..." (ARM). */
static void read_line(char *line, gan_cpu *cpu) {
  char *colon = strchr(line, ':');
  if (!colon) return;
  const char *value = colon + 1 + strspn(colon + 1, " ");
  if (strncmp(line, "model name", 10) == 0 && !cpu->model[0])
    snprintf(cpu->model, sizeof cpu->model, "%.*s", (int)strcspn(value, "\n"), value);
  if ((strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0) && !cpu->features[0])
    keep_features(value, cpu->features);
}

void gan_cpu_describe(gan_cpu *cpu) {
  *cpu = (gan_cpu){.cores = (int)sysconf(_SC_NPROCESSORS_ONLN)};
  cpu_set_t usable;
  CPU_ZERO(&usable);
  cpu->usable_cores = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : cpu->cores;
  FILE *file = fopen("/proc/cpuinfo", "re");
  char *line = NULL;
  size_t size = 0;
  while (file && getline(&line, &size, file) > 0) read_line(line, cpu);
  free(line);
  if (file) fclose(file);
  if (!cpu->model[0]) snprintf(cpu->model, sizeof cpu->model, "unknown");
}
