/* The table of augmentations, and what each does with one sample: (channels, depth, height, width), row-major, in
   place. Reference: the authors' formulas of DiffAugment, and ADA's of flips and rotations. */
#include <string.h>

#include "base/multiversion.h"
#include "gan/augmentation.h"
#include "kernels/kernels.h"

/* --- Random numbers --- */

/* Uniform on (0, 1). */
static float uniform(uint32_t word) { return (float)(((double)word + 0.5) * 0x1p-32); }

/* Uniform on 0 .. count-1. */
static int64_t whole(uint32_t word, int64_t count) { return (int64_t)(((uint64_t)word * (uint64_t)count) >> 32); }

/* A share of a size in whole places, rounded half up. */
static int64_t share_of(int64_t size, double share) { return (int64_t)((double)size * share + 0.5); }

/* --- Which samples --- */

static const char *refuse_without_places(const gan_shape *sample) {
  return sample->rank < 2 ? "their elements have no places beside each other" : NULL;
}

static const char *refuse_without_sides(const gan_shape *sample) {
  return gan_shape_has_sides(sample) ? NULL : "only images and volumes have a left and a right";
}

static const char *refuse_all_but_images(const gan_shape *sample) {
  return sample->rank != 3 ? "it is about the light of images (channels, height, width)" : NULL;
}

static const char *refuse_all_but_squares(const gan_shape *sample) {
  return sample->rank != 3 || sample->size[1] != sample->size[2] ? "only images as high as wide can be turned" : NULL;
}

static int64_t places(const gan_augmented_shape *shape) { return shape->size[0] * shape->size[1] * shape->size[2]; }

/* --- Flip and rotation, by parts of a plane (height, width) --- */

/* In blocks, so that the columns that are walked down stay in the first cache. */
static void transpose_square(int64_t side, float *plane) {
  enum { BLOCK = 16 };
  for (int64_t top = 0; top < side; top += BLOCK)
    for (int64_t left = 0; left <= top; left += BLOCK)
      for (int64_t i = top; i < top + BLOCK && i < side; i++)
        for (int64_t j = left; j < left + BLOCK && j < i; j++) {
          const float value = plane[i * side + j];
          plane[i * side + j] = plane[j * side + i];
          plane[j * side + i] = value;
        }
}

static bool draw_flip(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  (void)shape, (void)parameters;
  return word[0] >> 31;
}

/* Its own inverse and transpose. */
static void flip(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  (void)way, (void)value;
  gan_mirror(shape->channels * shape->size[0] * shape->size[1], shape->size[2], sample);
}

static bool draw_quarters(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  (void)shape;
  const int64_t quarters = whole(word[0], 4);
  parameters[0] = (float)quarters;
  return quarters != 0;
}

/* By value[1] quarter turns against the clock, as torch.rot90; back by as many. */
static void rotate90(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  const int64_t side = shape->size[2], area = side * side;
  const int turns = (int)value[1], quarters = way == GAN_AUGMENT_TRANSPOSE ? 4 - turns : turns;
  for (int64_t channel = 0; channel < shape->channels; channel++, sample += area) {
    if (quarters == 2) gan_mirror(1, area, sample);
    if (quarters == 1) gan_mirror(side, side, sample);
    if (quarters != 2) transpose_square(side, sample);
    if (quarters == 3) gan_mirror(side, side, sample);
  }
}

/* --- Light: brightness, saturation, contrast --- */

static bool draw_brightness(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  (void)shape;
  parameters[0] = uniform(word[0]) - 0.5f;
  return true;
}

GAN_MULTIVERSION static void add_constant(int64_t count, float constant, float *values) {
  GAN_ELEMENTWISE
  for (int64_t i = 0; i < count; i++) values[i] += constant;
}

static void brightness(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  if (way == GAN_AUGMENT_FORWARD) add_constant(shape->channels * places(shape), value[1], sample);
}

static bool draw_saturation(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  parameters[0] = 2 * uniform(word[0]);
  return shape->channels > 1;
}

/* x = factor (x - mean) + mean, with the mean of a place's channels; in runs that stay in the first cache. */
GAN_MULTIVERSION static void saturate(int64_t channels, int64_t count, float factor, float *values) {
  enum { RUN = 512 };
  for (int64_t begin = 0; begin < count; begin += RUN) {
    float mean[RUN];
    float *run = values + begin;
    const int64_t length = count - begin < RUN ? count - begin : RUN;
    memcpy(mean, run, (size_t)length * sizeof *mean);
    for (int64_t channel = 1; channel < channels; channel++) {
      const float *of_channel = run + channel * count;
      GAN_ELEMENTWISE
      for (int64_t i = 0; i < length; i++) mean[i] += of_channel[i];
    }
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < length; i++) mean[i] /= (float)channels;
    for (int64_t channel = 0; channel < channels; channel++) {
      float *of_channel = run + channel * count;
      GAN_ELEMENTWISE
      for (int64_t i = 0; i < length; i++) of_channel[i] = factor * (of_channel[i] - mean[i]) + mean[i];
    }
  }
}

/* Without a constant, and symmetric: each place's matrix is factor I + (1 - factor) / channels, of ones. */
static void saturation(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  (void)way;
  saturate(shape->channels, places(shape), value[1], sample);
}

static bool draw_contrast(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  (void)shape;
  parameters[0] = uniform(word[0]) + 0.5f;
  return true;
}

/* In double; in as many sums as fill registers, whose order does not depend on how wide those are. */
GAN_MULTIVERSION static double mean_of(int64_t count, const float *values) {
  enum { SUMS = 32 };
  double sums[SUMS] = {0};
  const int64_t even = count - count % SUMS;
  for (int64_t i = 0; i < even; i += SUMS) {
    GAN_ELEMENTWISE
    for (int j = 0; j < SUMS; j++) sums[j] += (double)values[i + j];
  }
  for (int64_t i = even; i < count; i++) sums[i - even] += (double)values[i];
  for (int width = SUMS / 2; width > 0; width /= 2)
    for (int j = 0; j < width; j++) sums[j] += sums[j + width];
  return sums[0] / (double)count;
}

GAN_MULTIVERSION static void move_from_mean(int64_t count, float factor, float mean, float *values) {
  GAN_ELEMENTWISE
  for (int64_t i = 0; i < count; i++) values[i] = factor * (values[i] - mean) + mean;
}

/* x = factor (x - mean) + mean, with the mean of the whole sample: symmetric without a constant, too. */
static void contrast(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  (void)way;
  const int64_t count = shape->channels * places(shape);
  move_from_mean(count, value[1], (float)mean_of(count, sample), sample);
}

/* --- Translation and cut-out --- */

/* Up to an eighth of the size to both sides along each axis. */
static bool draw_translation(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  bool moves = false;
  for (int axis = 0; axis < GAN_AUGMENTATION_AXES; axis++) {
    const int64_t most = share_of(shape->size[axis], 1.0 / 8), shift = whole(word[axis], 2 * most + 1) - most;
    parameters[axis] = (float)shift;
    moves = moves || shift != 0;
  }
  return moves;
}

static void clear(int64_t count, float *values) { memset(values, 0, (size_t)count * sizeof *values); }

/* to[i] = from[i - shift], 0 where that is outside; from may be to. */
static void shift_line(int64_t width, int64_t shift, const float *from, float *to) {
  const int64_t by = shift < 0 ? -shift : shift, kept = by < width ? width - by : 0;
  memmove(to + (shift > 0 ? by : 0), from + (shift < 0 ? by : 0), (size_t)kept * sizeof *to);
  clear(width - kept, shift > 0 ? to : to + kept);
}

/* One channel. Lines are taken in the order in which none is written before it has been read. */
static void shift_volume(const int64_t size[GAN_AUGMENTATION_AXES], const int64_t shift[GAN_AUGMENTATION_AXES],
                         float *values) {
  const int64_t lines = size[0] * size[1], width = size[2], distance = shift[0] * size[1] + shift[1];
  for (int64_t i = 0; i < lines; i++) {
    const int64_t line = distance > 0 ? lines - 1 - i : i;
    const int64_t depth = line / size[1] - shift[0], height = line % size[1] - shift[1];
    float *to = values + line * width;
    if (depth < 0 || depth >= size[0] || height < 0 || height >= size[1])
      clear(width, to);
    else
      shift_line(width, shift[2], values + (line - distance) * width, to);
  }
}

/* Its transpose moves the other way: what left the sample gets no gradient. */
static void translation(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  int64_t shift[GAN_AUGMENTATION_AXES];
  for (int axis = 0; axis < GAN_AUGMENTATION_AXES; axis++)
    shift[axis] = (int64_t)value[1 + axis] * (way == GAN_AUGMENT_TRANSPOSE ? -1 : 1);
  for (int64_t channel = 0; channel < shape->channels; channel++)
    shift_volume(shape->size, shift, sample + channel * places(shape));
}

static int64_t cut_size(int64_t size) { return share_of(size, 0.5); }

/* Where the box begins along each axis: its middle is anywhere in the sample, so parts of it may be outside. */
static bool draw_cutout(const gan_augmented_shape *shape, const uint32_t *word, float *parameters) {
  for (int axis = 0; axis < GAN_AUGMENTATION_AXES; axis++) {
    const int64_t cut = cut_size(shape->size[axis]);
    parameters[axis] = (float)(whole(word[axis], shape->size[axis] + 1 - cut % 2) - cut / 2);
  }
  return true;
}

/* Zeroes a box of half the size along each axis: a diagonal matrix. */
static void cutout(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample) {
  (void)way;
  int64_t begin[GAN_AUGMENTATION_AXES], end[GAN_AUGMENTATION_AXES];
  for (int axis = 0; axis < GAN_AUGMENTATION_AXES; axis++) {
    const int64_t start = (int64_t)value[1 + axis], size = shape->size[axis], stop = start + cut_size(size);
    begin[axis] = start > 0 ? start : 0;
    end[axis] = stop < size ? stop : size;
  }
  for (int64_t channel = 0; channel < shape->channels; channel++, sample += places(shape))
    for (int64_t depth = begin[0]; depth < end[0]; depth++)
      for (int64_t height = begin[1]; height < end[1]; height++)
        clear(end[2] - begin[2], sample + (depth * shape->size[1] + height) * shape->size[2] + begin[2]);
}

#define DIFFAUGMENT "arXiv 2006.10738"
#define ADA "arXiv 2006.06676"
const gan_augmentation_type gan_augmentation_types[GAN_AUGMENTATIONS] = {
    {.name = "flip",
     .help = "left and right exchanged, half of the time",
     .source = ADA,
     .place = 0,
     .refuse = refuse_without_sides,
     .draw = draw_flip,
     .apply = flip},
    {.name = "rotate90",
     .help = "turned by 0, 1, 2 or 3 quarters, alike often",
     .source = ADA,
     .place = 1,
     .refuse = refuse_all_but_squares,
     .draw = draw_quarters,
     .apply = rotate90},
    {.name = "brightness",
     .help = "a number of U(-1/2, 1/2) added to all values",
     .source = DIFFAUGMENT,
     .policy = "color",
     .place = 2,
     .refuse = refuse_all_but_images,
     .draw = draw_brightness,
     .apply = brightness},
    {.name = "saturation",
     .help = "distances from the mean of each place's channels times U(0, 2); nothing with one channel",
     .source = DIFFAUGMENT,
     .policy = "color",
     .place = 3,
     .refuse = refuse_all_but_images,
     .draw = draw_saturation,
     .apply = saturation},
    {.name = "contrast",
     .help = "distances from the sample's mean times U(1/2, 3/2)",
     .source = DIFFAUGMENT,
     .policy = "color",
     .place = 4,
     .refuse = refuse_all_but_images,
     .draw = draw_contrast,
     .apply = contrast},
    {.name = "translation",
     .help = "moved along each axis by up to 1/8 of the size, zeros from outside",
     .source = DIFFAUGMENT,
     .place = 5,
     .refuse = refuse_without_places,
     .draw = draw_translation,
     .apply = translation},
    {.name = "cutout",
     .help = "a box of 1/2 of the size along each axis, in a random place, set to 0",
     .source = DIFFAUGMENT,
     .place = 6,
     .refuse = refuse_without_places,
     .draw = draw_cutout,
     .apply = cutout},
};
