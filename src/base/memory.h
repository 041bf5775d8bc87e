/* Memory for vectors: aligned for any vector unit, zeroed, with an error that says what it was for. */
#ifndef GAN_BASE_MEMORY_H
#define GAN_BASE_MEMORY_H

#include <stddef.h>

#include "base/error.h"

/* Allocates `count` zeroed elements of `size` bytes each, aligned to 64 bytes, into *memory (owned by the caller,
   released with free()). A count of 0 gives a valid pointer. Fails with GAN_FAILED naming `what` when the product
   overflows or no memory is left. */
gan_status gan_allocate(size_t count, size_t size, const char *what, void *memory) GAN_CHECKED;

/* Bytes that this host can still give out without swapping, as Linux estimates; infinite where it does not say. */
double gan_memory_available(void);

/* A copy of `text`, owned by the caller, released with free(). */
gan_status gan_duplicate(const char *text, char **copy) GAN_CHECKED;

#endif
