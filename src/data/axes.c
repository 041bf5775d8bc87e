#include "data/axes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const gan_axes gan_axes_table[] = {
    {"ND", "vectors of features"},       {"NL", "series of one channel"},    {"NCL", "series"},
    {"NLC", "series, channels last"},    {"NHW", "images of one channel"},   {"NCHW", "images"},
    {"NHWC", "images, channels last"},   {"NDHW", "volumes of one channel"}, {"NCDHW", "volumes"},
    {"NDHWC", "volumes, channels last"},
};
const int gan_axes_count = (int)(sizeof gan_axes_table / sizeof *gan_axes_table);

static int rank_of(const gan_axes *axes) { return (int)strlen(axes->name); }

bool gan_axes_channels_last(const gan_axes *axes) { return axes->name[rank_of(axes) - 1] == 'C'; }

gan_shape gan_axes_shape(const gan_axes *axes, const int64_t *size) {
  const int rank = rank_of(axes);
  const bool last = gan_axes_channels_last(axes), first = axes->name[1] == 'C';
  gan_shape shape = {.rank = 0};
  if (rank == 2 && axes->name[1] == 'D') return (gan_shape){.rank = 1, .size = {size[1]}};
  shape.size[shape.rank++] = last ? size[rank - 1] : first ? size[1] : 1;
  for (int i = first ? 2 : 1; i < rank - last; i++) shape.size[shape.rank++] = size[i];
  return shape;
}

/* How likely it is that data of these sizes have this layout: 0, not at all, to 2. Pictures and volumes have 1 to 4
   channels, and rarely a side of one element; a picture's sides do not differ by more than eight times; series are at
   least twice as long as they have channels; two axes are features. Only layouts of as many axes are compared. */
enum { PICTURE_CHANNELS = 4, PICTURE_PROPORTION = 8, SERIES_PROPORTION = 2 };

static int likelihood(const gan_axes *axes, const int64_t *size) {
  const gan_shape shape = gan_axes_shape(axes, size);
  const bool channels = strchr(axes->name, 'C') != NULL;
  int64_t shortest = INT64_MAX, longest = 0;
  for (int i = 1; i < shape.rank; i++) {
    if (shape.size[i] < shortest) shortest = shape.size[i];
    if (shape.size[i] > longest) longest = shape.size[i];
  }
  if (shape.rank == 1) return 2;
  if (shape.rank == 2) return channels && longest / SERIES_PROPORTION >= shape.size[0] ? 2 : 0;
  if (channels) return shape.size[0] > PICTURE_CHANNELS ? 0 : shortest > 1 ? 2 : 1;
  return shape.rank == 3 && (longest - 1) / PICTURE_PROPORTION < shortest ? 2 : 0;
}

enum { NAMES = 96, SIZES = 128 };

/* Adds a name to "NCHW, NHWC". */
static void add_name(const char *name, char names[NAMES]) {
  const size_t used = strlen(names);
  snprintf(names + used, NAMES - used, "%s%s", used ? ", " : "", name);
}

static const char *print_sizes(int rank, const int64_t *size, char text[SIZES]) {
  int used = snprintf(text, SIZES, "(");
  for (int i = 0; i < rank && used < SIZES; i++)
    used += snprintf(text + used, SIZES - (size_t)used, "%s%" PRId64, i ? ", " : "", size[i]);
  if (used < SIZES) snprintf(text + used, SIZES - (size_t)used, ")");
  return text;
}

/* The names of all layouts with so many axes; of all where `rank` is 0. */
static void list_names(int rank, char names[NAMES]) {
  names[0] = '\0';
  for (int i = 0; i < gan_axes_count; i++)
    if (rank == 0 || rank_of(&gan_axes_table[i]) == rank) add_name(gan_axes_table[i].name, names);
}

static gan_status choose_named(const char *wanted, const char *what, int rank, const int64_t *size,
                               const gan_axes **axes) {
  char names[NAMES], sizes[SIZES];
  for (int i = 0; i < gan_axes_count; i++)
    if (strcmp(gan_axes_table[i].name, wanted) == 0) *axes = &gan_axes_table[i];
  list_names(*axes ? rank : 0, names);
  if (!*axes) return gan_fail(GAN_BAD_USAGE, "data.axes: there is no layout \"%s\"; known are %s", wanted, names);
  if (rank_of(*axes) == rank) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "data.axes: %s has %d axes, but %s is of shape %s; such data are %s", wanted,
                  rank_of(*axes), what, print_sizes(rank, size, sizes), names);
}

gan_status gan_axes_choose(const char *wanted, const char *what, int rank, const int64_t *size, const gan_axes **axes) {
  char names[NAMES] = "", sizes[SIZES];
  int most = 1, likely = 0;
  *axes = NULL;
  if (wanted && wanted[0] && strcmp(wanted, "auto") != 0) return choose_named(wanted, what, rank, size, axes);
  for (int i = 0; i < gan_axes_count; i++) {
    const int degree = rank_of(&gan_axes_table[i]) == rank ? likelihood(&gan_axes_table[i], size) : 0;
    if (degree < most) continue;
    if (degree > most) names[0] = '\0', likely = 0, most = degree;
    if (likely++ == 0) *axes = &gan_axes_table[i];
    add_name(gan_axes_table[i].name, names);
  }
  if (likely == 1) return GAN_OK;
  if (likely == 0) list_names(rank, names);
  return gan_fail(GAN_BAD_USAGE,
                  "%s is of shape %s, which does not tell what its axes are: say it with data.axes, out of %s "
                  "(N samples, C channels, L length, D depth, H height, W width)",
                  what, print_sizes(rank, size, sizes), names);
}

void gan_axes_transpose(int64_t positions, int64_t channels, int64_t element_bytes, const void *in, void *out) {
  for (int64_t channel = 0; channel < channels; channel++)
    for (int64_t i = 0; i < positions; i++)
      if (element_bytes == 1)
        ((uint8_t *)out)[channel * positions + i] = ((const uint8_t *)in)[i * channels + channel];
      else
        ((uint32_t *)out)[channel * positions + i] = ((const uint32_t *)in)[i * channels + channel];
}
