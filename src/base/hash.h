/* One hash for everything that has to be recognised again: XXH3, 64 bits (xxHash). Not for security. */
#ifndef GAN_BASE_HASH_H
#define GAN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t gan_hash(const void *data, size_t bytes, uint64_t seed);

#endif
