/* Which sample comes when: see loader.h.

   An epoch's order is a permutation of 0 .. count-1 that is computed point by point. A Feistel network over the
   smallest number of bits that holds count-1 permutes 0 .. 2^bits-1: each round mixes one part of the index into the
   other by exclusive or, which undoes itself whatever the mixing function is. Points that fall on count or above are
   sent through again until they do not (cycle walking: Black and Rogaway, "Ciphers with arbitrary finite domains",
   CT-RSA 2002), which is a permutation of the rest, and takes two turns at most on average. The alternative, a shuffled
   table, would cost 8 bytes per sample on each rank, and time at each epoch's start. */
#include <inttypes.h>

#include "base/random.h"
#include "data/loader.h"

/* Few bits are mixed slowly: with 12 rounds some orders of five samples still come a quarter more often than others,
   with 24 none does measurably. A call takes a fraction of a microsecond. */
enum { ROUNDS = 24 };

/* The finaliser of MurmurHash3 (Appleby), keyed before: each input bit changes each output bit half of the time. */
static uint64_t mix(uint64_t value, uint64_t key) {
  value ^= key;
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdu;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53u;
  return value ^ (value >> 33);
}

/* One pass over an index of `low_bits` + `high_bits` bits. */
static uint64_t permute(uint64_t index, int low_bits, int high_bits, const uint64_t keys[ROUNDS]) {
  const uint64_t low_mask = ((uint64_t)1 << low_bits) - 1, high_mask = ((uint64_t)1 << high_bits) - 1;
  uint64_t low = index & low_mask, high = index >> low_bits;
  for (int round = 0; round < ROUNDS; round += 2) {
    low ^= mix(high, keys[round]) & low_mask;
    high ^= mix(low, keys[round + 1]) & high_mask;
  }
  return high << low_bits | low;
}

static void round_keys(uint64_t seed, uint64_t epoch, uint64_t keys[ROUNDS]) {
  /* The address has 56 bits for the epoch; the rest goes to the sample's place. */
  const gan_random_address address = {
      .seed = seed, .stream = GAN_STREAM_SHUFFLE, .step = epoch & (((uint64_t)1 << 56) - 1), .sample = epoch >> 56};
  uint32_t words[2 * ROUNDS];
  gan_random_bits(address, 2 * ROUNDS, words);
  for (int round = 0; round < ROUNDS; round++) keys[round] = (uint64_t)words[2 * round] << 32 | words[2 * round + 1];
}

int64_t gan_sampler_index(uint64_t seed, int64_t count, int64_t position) {
  if (count == 0) return position;
  if (count == 1) return 0;
  uint64_t keys[ROUNDS];
  round_keys(seed, (uint64_t)(position / count), keys);
  int bits = 0;
  while ((uint64_t)(count - 1) >> bits) bits++;
  uint64_t index = (uint64_t)(position % count);
  do index = permute(index, (bits + 1) / 2, bits / 2, keys);
  while (index >= (uint64_t)count);
  return (int64_t)index;
}
