/* Pixel shuffle (shuffling.h): the small image is walked through in order of memory, line by line; a line of it is
   every f2-th value of a line of the large one. */
#include "kernels/shuffling.h"

#include "base/multiversion.h"

/* A line of the small image: where it is, and where its first value is in the large one. */
typedef struct line {
  int64_t small, large;
} line;

static line line_at(const gan_shuffling *sizes, int64_t number) {
  const int64_t *small = sizes->small, *factor = sizes->factor;
  const int64_t y = number % small[1], z = number / small[1] % small[0];
  const int64_t channel = number / small[1] / small[0];
  const int64_t k = channel % factor[2], j = channel / factor[2] % factor[1];
  const int64_t i = channel / factor[2] / factor[1] % factor[0], c = channel / gan_positions(factor);
  const int64_t plane = c * small[0] * factor[0] + z * factor[0] + i;
  const int64_t height = plane * small[1] * factor[1] + y * factor[1] + j;
  return (line){number * small[2], height * small[2] * factor[2] + k};
}

static int64_t line_count(const gan_shuffling *sizes) {
  return sizes->channels * gan_positions(sizes->factor) * sizes->small[0] * sizes->small[1];
}

GAN_MULTIVERSION static void spread(int64_t count, int64_t stride, const float *x, float *restrict y) {
  if (stride == 2)
    for (int64_t i = 0; i < count; i++) y[2 * i] = x[i];
  else
    for (int64_t i = 0; i < count; i++) y[i * stride] = x[i];
}

GAN_MULTIVERSION static void gather(int64_t count, int64_t stride, const float *x, float *restrict y) {
  if (stride == 2)
    for (int64_t i = 0; i < count; i++) y[i] = x[2 * i];
  else
    for (int64_t i = 0; i < count; i++) y[i] = x[i * stride];
}

void gan_pixel_shuffle(const gan_shuffling *sizes, size_t rows, const float *small, float *large) {
  const int64_t lines = line_count(sizes), width = sizes->small[2], elements = lines * width;
  for (size_t row = 0; row < rows; row++, small += elements, large += elements)
    for (int64_t number = 0; number < lines; number++) {
      const line at = line_at(sizes, number);
      spread(width, sizes->factor[2], small + at.small, large + at.large);
    }
}

void gan_pixel_unshuffle(const gan_shuffling *sizes, size_t rows, const float *large, float *small) {
  const int64_t lines = line_count(sizes), width = sizes->small[2], elements = lines * width;
  for (size_t row = 0; row < rows; row++, small += elements, large += elements)
    for (int64_t number = 0; number < lines; number++) {
      const line at = line_at(sizes, number);
      gather(width, sizes->factor[2], large + at.large, small + at.small);
    }
}
