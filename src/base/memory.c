#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fault.h"

enum { ALIGNMENT = 64 };

/* Large blocks are walked through in strides of many pages (a channel of an image after the other), which pages of 4
   KiB make slow to find. Where the system has none larger, all stays as it is. */
static void ask_for_large_pages(void *block, size_t bytes) {
#ifdef MADV_HUGEPAGE
  const size_t page = (size_t)2 << 20;
  const uintptr_t begin = ((uintptr_t)block + page - 1) / page * page, end = ((uintptr_t)block + bytes) / page * page;
  if (end > begin) (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
  (void)block, (void)bytes;
#endif
}

gan_status gan_allocate(size_t count, size_t size, const char *what, void *memory) {
  void *block = NULL;
  size_t bytes = 0;
  const int overflow = __builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT;
  if (!overflow && !gan_fault_strikes(GAN_FAULT_ALLOCATION)) {
    bytes = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    block = aligned_alloc(ALIGNMENT, bytes);
  }
  if (!block)
    return gan_fail(GAN_FAILED, "out of memory: %zu x %zu bytes for %s (a smaller batch or network needs less)", count,
                    size, what);
  ask_for_large_pages(block, bytes);
  memset(block, 0, bytes);
  memcpy(memory, &block, sizeof block);
  return GAN_OK;
}

gan_status gan_duplicate(const char *text, char **copy) {
  const size_t bytes = strlen(text) + 1;
  GAN_TRY(gan_allocate(bytes, 1, "a text", copy));
  memcpy(*copy, text, bytes);
  return GAN_OK;
}

double gan_memory_available(void) {
  char line[128];
  unsigned long long kibibytes = 0;
  bool found = false;
  FILE *file = fopen("/proc/meminfo", "r");
  if (!file) return INFINITY;
  while (!found && fgets(line, sizeof line, file)) found = sscanf(line, "MemAvailable: %llu kB", &kibibytes) == 1;
  fclose(file);
  return found ? 1024.0 * (double)kibibytes : INFINITY;
}
