/* The backends built in. A new one is a file with a table like openblas.c's, and a row here. */
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/openblas.h"

const gan_backend *const gan_backends[] = {&gan_backend_openblas};
const int gan_backend_count = sizeof gan_backends / sizeof gan_backends[0];

const gan_backend *gan_backend_find(const char *name) {
  for (int i = 0; i < gan_backend_count; i++) {
    if (strcmp(gan_backends[i]->name, name) == 0) return gan_backends[i];
  }
  return NULL;
}
