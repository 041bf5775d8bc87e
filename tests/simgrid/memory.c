/* Memory under SimGrid, in place of src/base/memory.c: all ranks' large vectors lie in the same place.

   A thousand ranks are threads of one process, and the vectors' content does not matter. SimGrid does not copy what
   lies in such memory either, when a message arrives. It is never given back, which the end of the process does. */
#include "base/memory.h"

#include <smpi/smpi.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 1 << 16 };

gan_status gan_allocate(size_t count, size_t size, const char *what, void *memory) {
  size_t bytes = 0;
  const int overflow = __builtin_mul_overflow(count, size, &bytes);
  void *block = overflow ? NULL : bytes >= LARGE ? SMPI_SHARED_MALLOC(bytes) : calloc(bytes + 1, 1);
  if (!block) return gan_fail(GAN_FAILED, "out of memory: %zu x %zu bytes for %s", count, size, what);
  memcpy(memory, &block, sizeof block);
  return GAN_OK;
}

gan_status gan_duplicate(const char *text, char **copy) {
  const size_t bytes = strlen(text) + 1;
  GAN_TRY(gan_allocate(bytes, 1, "a text", copy));
  memcpy(*copy, text, bytes);
  return GAN_OK;
}
