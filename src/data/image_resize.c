/* Separable resampling in one walk down the image: each source line is composited, resampled across, and added with its
   weights to the target lines that it has a share in. So only one line of the source exists in floating point. */
#include "data/image_resize.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* --- filters --- */

/* The share of a source pixel that lies under the new one; exact areas. */
static double area_reach(double scale) { return scale / 2 + 0.5; }
static double area_weight(double distance, double scale) {
  const double begin = fmax(distance - 0.5, -scale / 2), end = fmin(distance + 0.5, scale / 2);
  return fmax(end - begin, 0);
}

/* A triangle over two new pixels, and over no less than two source pixels. */
static double bilinear_reach(double scale) { return fmax(scale, 1); }
static double bilinear_weight(double distance, double scale) { return fmax(1 - fabs(distance) / fmax(scale, 1), 0); }

const gan_image_filter gan_image_filters[] = {
    {"bilinear", "a triangle, stretched when shrinking, as Pillow and torchvision (antialias) do", bilinear_reach,
     bilinear_weight},
    {"area", "the mean over the area under the new pixel", area_reach, area_weight},
};
const int gan_image_filter_count = (int)(sizeof gan_image_filters / sizeof gan_image_filters[0]);

/* --- fits --- */

static int64_t scaled(int64_t size, double factor, int64_t most) {
  const int64_t rounded = (int64_t)lrint((double)size * factor);
  return rounded < 1 ? 1 : rounded > most ? most : rounded;
}

static gan_image_placement place_pad(int64_t source_height, int64_t source_width, int64_t height, int64_t width) {
  const double factor = fmin((double)height / (double)source_height, (double)width / (double)source_width);
  gan_image_placement placement = {.source_height = (double)source_height, .source_width = (double)source_width};
  placement.height = scaled(source_height, factor, height);
  placement.width = scaled(source_width, factor, width);
  placement.top = (height - placement.height) / 2;
  placement.left = (width - placement.width) / 2;
  return placement;
}

static gan_image_placement place_crop(int64_t source_height, int64_t source_width, int64_t height, int64_t width) {
  const double factor = fmax((double)height / (double)source_height, (double)width / (double)source_width);
  gan_image_placement placement = {.height = height, .width = width};
  placement.source_height = fmin((double)height / factor, (double)source_height);
  placement.source_width = fmin((double)width / factor, (double)source_width);
  placement.source_top = ((double)source_height - placement.source_height) / 2;
  placement.source_left = ((double)source_width - placement.source_width) / 2;
  return placement;
}

static gan_image_placement place_stretch(int64_t source_height, int64_t source_width, int64_t height, int64_t width) {
  return (gan_image_placement){
      .source_height = (double)source_height, .source_width = (double)source_width, .height = height, .width = width};
}

const gan_image_fit gan_image_fits[] = {
    {"pad", "the whole image, in the middle, with background beside it", place_pad},
    {"crop", "the middle of the image, as much of it as has the right proportion", place_crop},
    {"stretch", "the whole image, out of proportion", place_stretch},
};
const int gan_image_fit_count = (int)(sizeof gan_image_fits / sizeof gan_image_fits[0]);

/* --- one axis --- */

/* New pixel i is the sum over j < count[i] of weights[i * stride + j] * source pixel first[i] + j. */
typedef struct axis {
  int64_t size, stride;
  int64_t *first, *count;
  double *weights;
} axis;

static void release_axis(axis *along) {
  free(along->first);
  free(along->count);
  free(along->weights);
}

/* Weights of new pixel i, which add up to 1 also where the filter reaches beyond the image. */
static void weigh(const gan_image_filter *filter, int64_t source_size, double begin, double scale, int64_t i,
                  axis *along) {
  const double centre = begin + ((double)i + 0.5) * scale, reach = filter->reach(scale);
  int64_t low = (int64_t)ceil(centre - reach - 0.5), high = (int64_t)floor(centre + reach - 0.5);
  if (low < 0) low = 0;
  if (high >= source_size) high = source_size - 1;
  double *weights = along->weights + i * along->stride, sum = 0;
  for (int64_t j = low; j <= high; j++) {
    weights[j - low] = filter->weight((double)j + 0.5 - centre, scale);
    sum += weights[j - low];
  }
  along->first[i] = low;
  along->count[i] = high - low + 1;
  for (int64_t j = 0; j <= high - low; j++) weights[j] /= sum;
}

static gan_status plan_axis(const gan_image_filter *filter, int64_t source_size, double begin, double length,
                            int64_t size, axis *along) {
  const double scale = length / (double)size;
  along->size = size;
  along->stride = (int64_t)(2 * filter->reach(scale)) + 2;
  GAN_TRY(gan_allocate((size_t)size, sizeof *along->first, "resampling", &along->first));
  GAN_TRY(gan_allocate((size_t)size, sizeof *along->count, "resampling", &along->count));
  GAN_TRY(gan_allocate((size_t)size, (size_t)along->stride * sizeof *along->weights, "resampling", &along->weights));
  for (int64_t i = 0; i < size; i++) weigh(filter, source_size, begin, scale, i, along);
  return GAN_OK;
}

/* --- both axes --- */

typedef struct resampling {
  const gan_image_target *target;
  const gan_image *image;
  gan_image_placement placement;
  axis down, across;
  double *line;     /* (channels, image width) composited */
  double *narrowed; /* (channels, placement width) */
  double *sums;     /* (placement height, channels, placement width) */
} resampling;

static double grey_of(const double colour[3]) { return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]; }

/* Source line y over the background (Porter and Duff 1984, "over"). */
static void composite_line(const resampling *work, int64_t y) {
  const int64_t width = work->image->width;
  const uint8_t *pixel = work->image->pixels + y * width * 4;
  for (int64_t x = 0; x < width; x++, pixel += 4) {
    double colour[3];
    for (int i = 0; i < 3; i++) {
      const double below = work->target->background[i];
      colour[i] = below + pixel[3] * (pixel[i] - below) / UINT8_MAX;
    }
    if (work->target->channels == 1) colour[0] = grey_of(colour);
    for (int64_t i = 0; i < work->target->channels; i++) work->line[i * width + x] = colour[i];
  }
}

static void narrow_line(const resampling *work) {
  const axis *across = &work->across;
  for (int64_t channel = 0; channel < work->target->channels; channel++)
    for (int64_t x = 0; x < across->size; x++) {
      const double *from = work->line + channel * work->image->width + across->first[x];
      const double *weights = across->weights + x * across->stride;
      double sum = 0;
      for (int64_t j = 0; j < across->count[x]; j++) sum += weights[j] * from[j];
      work->narrowed[channel * across->size + x] = sum;
    }
}

/* Adds source line y to the target lines from `first_open` on that it belongs to. */
static void add_line(const resampling *work, int64_t y, int64_t first_open) {
  const axis *down = &work->down;
  const int64_t values = work->target->channels * work->across.size;
  for (int64_t row = first_open; row < down->size && down->first[row] <= y; row++) {
    const int64_t tap = y - down->first[row];
    if (tap >= down->count[row]) continue;
    const double weight = down->weights[row * down->stride + tap];
    double *sums = work->sums + row * values;
    for (int64_t i = 0; i < values; i++) sums[i] += weight * work->narrowed[i];
  }
}

static void walk_down(const resampling *work) {
  const axis *down = &work->down;
  int64_t open = 0; /* first target line that is not complete */
  for (int64_t y = down->first[0]; y < work->image->height && open < down->size; y++) {
    if (down->first[open] <= y) {
      composite_line(work, y);
      narrow_line(work);
      add_line(work, y, open);
    }
    while (open < down->size && down->first[open] + down->count[open] <= y + 1) open++;
  }
}

static uint8_t byte_of(double value) { return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5); }

static void put_target(const resampling *work, uint8_t *out) {
  const gan_image_target *target = work->target;
  const gan_image_placement *box = &work->placement;
  const double colour[3] = {target->background[0], target->background[1], target->background[2]};
  for (int64_t channel = 0; channel < target->channels; channel++) {
    const uint8_t below = target->channels == 1 ? byte_of(grey_of(colour)) : target->background[channel];
    uint8_t *plane = out + channel * target->height * target->width;
    for (int64_t i = 0; i < target->height * target->width; i++) plane[i] = below;
    for (int64_t y = 0; y < box->height; y++)
      for (int64_t x = 0; x < box->width; x++)
        plane[(box->top + y) * target->width + box->left + x] =
            byte_of(work->sums[(y * target->channels + channel) * box->width + x]);
  }
}

static gan_status prepare(resampling *work) {
  const gan_image_filter *filter = work->target->filter;
  const gan_image *image = work->image;
  const gan_image_placement *box = &work->placement;
  const size_t channels = (size_t)work->target->channels;
  GAN_TRY(plan_axis(filter, image->height, box->source_top, box->source_height, box->height, &work->down));
  GAN_TRY(plan_axis(filter, image->width, box->source_left, box->source_width, box->width, &work->across));
  GAN_TRY(gan_allocate(channels * (size_t)image->width, sizeof(double), "resampling", &work->line));
  GAN_TRY(gan_allocate(channels * (size_t)box->width, sizeof(double), "resampling", &work->narrowed));
  return gan_allocate(channels * (size_t)(box->width * box->height), sizeof(double), "resampling", &work->sums);
}

gan_status gan_image_resize(const gan_image_target *target, const gan_image *image, uint8_t *out) {
  resampling work = {.target = target, .image = image};
  work.placement = target->fit->place(image->height, image->width, target->height, target->width);
  const gan_status status = prepare(&work);
  if (status == GAN_OK) {
    walk_down(&work);
    put_target(&work, out);
  }
  release_axis(&work.down);
  release_axis(&work.across);
  free(work.line);
  free(work.narrowed);
  free(work.sums);
  return status;
}
