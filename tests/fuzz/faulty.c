/* No fuzz target but what driver.c has to report: code that is wrong in the way that FAULT says, for one byte out of
   many. Asked by tests/cli/support_test.sh. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

const bool fuzz_passes_hdf5 = false;
const char *const fuzz_words[] = {NULL};

size_t fuzz_seed(int index, uint8_t *data) {
  if (index > 0) return 0;
  memcpy(data, "harmless", 8);
  return 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *fault = getenv("FAULT");
  if (!fault || strcmp(fault, "unread") != 0) fuzz_reached_the_end();
  if (!fault || size == 0 || data[0] != 'X') return 0;
  if (strcmp(fault, "abort") == 0) fuzz_require(false, "no X");
  if (strcmp(fault, "pointer") == 0) *(volatile int *)(uintptr_t)data[0] = 1;
  if (strcmp(fault, "exit") == 0) exit(3);
  if (strcmp(fault, "status") == 0) (void)fuzz_accepted(GAN_FAILED, GAN_BAD_FILE);
  for (volatile int turns = 1; strcmp(fault, "hang") == 0; turns++) continue;
  return 0;
}
