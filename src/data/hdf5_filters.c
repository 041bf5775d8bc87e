#include "data/hdf5_filters.h"

#include <string.h>
#include <zlib.h>

enum { FLETCHER_BYTES = 4 };

int64_t gan_hdf5_stored_bytes_max(int64_t bytes) {
  return (int64_t)compressBound((uLong)bytes) + FLETCHER_BYTES * GAN_HDF5_FILTERS;
}

/* Fletcher's checksum over 16-bit words, high byte first, an odd last byte as a high one; sums modulo 65535. HDF5
   stores it little-endian behind the data; its sums may show 0 as 65535, so they are compared modulo 65535 too. */
static bool check_fletcher32(const uint8_t *bytes, int64_t count) {
  enum { WORDS_AT_ONCE = 1 << 14 }; /* the sums stay far below 2^64 */
  const uint8_t *stored = bytes + count;
  uint64_t sum = 0, sum_of_sums = 0;
  for (int64_t i = 0; i < count;) {
    for (int word = 0; word < WORDS_AT_ONCE && i < count; word++, i += 2) {
      sum += (uint64_t)bytes[i] << 8 | (i + 1 < count ? bytes[i + 1] : 0);
      sum_of_sums += sum;
    }
    sum %= 65535;
    sum_of_sums %= 65535;
  }
  return (stored[0] | (uint32_t)stored[1] << 8) % 65535 == sum &&
         (stored[2] | (uint32_t)stored[3] << 8) % 65535 == sum_of_sums;
}

/* Bytes were sorted by their place in the element: all first bytes, all second bytes, ...; what is left over of an
   element at the end stayed as it was. */
static void unshuffle(const uint8_t *in, int64_t bytes, int64_t element_bytes, uint8_t *out) {
  const int64_t elements = bytes / element_bytes, sorted = elements * element_bytes;
  for (int64_t place = 0; place < element_bytes; place++)
    for (int64_t i = 0; i < elements; i++) out[i * element_bytes + place] = in[place * elements + i];
  memcpy(out + sorted, in + sorted, (size_t)(bytes - sorted));
}

/* Inflates a whole zlib stream; *out_bytes is the room, then what came out. */
static bool inflate_all(const uint8_t *in, int64_t in_bytes, uint8_t *out, int64_t *out_bytes) {
  uLongf room = (uLongf)*out_bytes;
  uLong used = (uLong)in_bytes;
  const int outcome = uncompress2(out, &room, in, &used);
  *out_bytes = (int64_t)room;
  return outcome == Z_OK && used == (uLong)in_bytes;
}

bool gan_hdf5_decode(const gan_hdf5_rows *rows, int64_t stored, uint32_t skipped, uint8_t **decoded,
                     const char **cause) {
  uint8_t *in = rows->work[0], *out = rows->work[1];
  int64_t bytes = stored;
  for (int i = rows->filter_count - 1; i >= 0; i--) {
    const gan_hdf5_filter *filter = &rows->filters[i];
    if (skipped >> i & 1) continue;
    if (filter->id == H5Z_FILTER_FLETCHER32) {
      bytes -= FLETCHER_BYTES;
      *cause = "a chunk's checksum is wrong";
      if (bytes < 0 || !check_fletcher32(in, bytes)) return false;
      continue;
    }
    if (filter->id == H5Z_FILTER_SHUFFLE) {
      unshuffle(in, bytes, filter->parameter, out);
    } else {
      int64_t inflated = rows->work_bytes;
      *cause = "a chunk cannot be decompressed";
      if (!inflate_all(in, bytes, out, &inflated)) return false;
      bytes = inflated;
    }
    uint8_t *swap = in;
    in = out;
    out = swap;
  }
  *decoded = in;
  *cause = "a chunk has not the size it should have";
  return bytes == rows->chunk_bytes;
}
