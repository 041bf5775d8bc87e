/* What layers over images share: reading sizes for each axis, and where a window fits. An image has one to three axes
   behind its channels; inside, there are always three, of which the leading ones may have one position only. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"

/* The side of square pictures of one channel or three that a vector may be: 28 for 784. 0: none; nor for small ones,
   for as many values may be anything. */
static int64_t square_side(int64_t values, int64_t *channels) {
  enum { SIDE_LEAST = 16 };
  for (*channels = 1; *channels <= 3; *channels += 2) {
    const int64_t side = llrint(sqrt((double)values / (double)*channels));
    if (side >= SIDE_LEAST && side * side * *channels == values) return side;
  }
  return 0;
}

/* What makes an image of a vector. A reshape alone would not do for a latent, which has far fewer values than an image.
 */
static gan_status fail_vector(const gan_layer *layer) {
  char text[GAN_SHAPE_TEXT], pixels[128] = "";
  int64_t channels;
  const int64_t side = square_side(layer->inputs, &channels);
  if (side)
    snprintf(pixels, sizeof pixels, ", or \"reshape %" PRId64 " %" PRId64 " %" PRId64 "\" if its values are pixels",
             channels, side, side);
  return gan_fail(GAN_BAD_USAGE,
                  "its input %s is no image (channels, height, width); put layers before it that make one, e.g. "
                  "\"dense 1024, reshape 64 4 4\"%s",
                  gan_shape_print(&layer->input, text), pixels);
}

gan_status gan_layer_axes(const gan_layer *layer, int *axes) {
  char text[GAN_SHAPE_TEXT];
  *axes = layer->input.rank - 1;
  if (*axes >= 1 && *axes <= GAN_AXES) return GAN_OK;
  if (*axes == 0) return fail_vector(layer);
  return gan_fail(GAN_BAD_USAGE, "its input %s has more than three dimensions behind the channels",
                  gan_shape_print(&layer->input, text));
}

/* The word for axis i of GAN_AXES, of an input with that many axes. */
static const char *axis_name(int axis, int axes) {
  static const char *const names[GAN_AXES] = {"depth", "height", "width"};
  return axes == 1 ? "length" : names[axis];
}

static bool is_number(const char *word) { return strchr("0123456789-+.", *word) != NULL; }

gan_status gan_layer_parse_axis_sizes(const gan_axis_words *what, int axes, int word_count, char *const *words,
                                      int *next) {
  int count = 0;
  if (what->single) axes = 1;
  while (*next + count < word_count && is_number(words[*next + count])) count++;
  if (count != 1 && count != axes)
    return gan_fail(GAN_BAD_USAGE, "after \"%s\" there has to be one number%s, not %d", what->word,
                    axes == 1   ? ""
                    : axes == 2 ? ", or two (height, width)"
                                : ", or three (depth, height, width)",
                    count);
  for (int i = 0; i < axes; i++) {
    const char *word = words[*next + (count == 1 ? 0 : i)];
    GAN_TRY(gan_layer_parse_size_from(what->least, what->word, word, &what->sizes[GAN_AXES - axes + i]));
  }
  *next += count;
  return GAN_OK;
}

gan_status gan_layer_parse_axes(const gan_layer *layer, int axes, int word_count, char *const *words,
                                const gan_axis_words *known, int known_count, const char *const *others, bool *flags) {
  for (int next = 0; next < word_count;) {
    const char *word = words[next++];
    for (int before = 0; before < next - 1; before++)
      if (strcmp(words[before], word) == 0)
        return gan_fail(GAN_BAD_USAGE, "\"%.40s\" is there twice; it is written \"%s\"", word, layer->type->usage);
    int i = 0, other = 0;
    while (i < known_count && strcmp(known[i].word, word) != 0) i++;
    while (others[other] && strcmp(others[other], word) != 0) other++;
    if (i < known_count)
      GAN_TRY(gan_layer_parse_axis_sizes(&known[i], axes, word_count, words, &next));
    else if (others[other])
      flags[other] = true;
    else
      return gan_fail(GAN_BAD_USAGE, "\"%.40s\" is not known here; it is written \"%s\"", word, layer->type->usage);
  }
  return GAN_OK;
}

size_t gan_layer_planes(const gan_layer *layer, const gan_pass *pass) {
  return (size_t)pass->rows * (size_t)layer->input.size[0];
}

void gan_layer_positions(const gan_layer *layer, int64_t positions[GAN_AXES]) {
  const int axes = layer->input.rank - 1;
  for (int i = 0; i < GAN_AXES; i++)
    positions[i] = i < GAN_AXES - axes ? 1 : layer->input.size[1 + i - (GAN_AXES - axes)];
}

gan_shape gan_layer_image(int64_t channels, int axes, const int64_t positions[GAN_AXES]) {
  gan_shape shape = {.rank = 1 + axes, .size = {channels}};
  for (int i = 0; i < axes; i++) shape.size[1 + i] = positions[GAN_AXES - axes + i];
  return shape;
}

gan_status gan_layer_check_window(const gan_window *window) {
  static const char message[] = "its %s, over all axes together, has to be at most %" PRId64;
  if (!gan_product_within(GAN_FEATURES_MOST, GAN_AXES, window->kernel))
    return gan_fail(GAN_BAD_USAGE, message, "kernel", GAN_FEATURES_MOST);
  if (!gan_product_within(GAN_FEATURES_MOST, GAN_AXES, window->stride))
    return gan_fail(GAN_BAD_USAGE, message, "stride", GAN_FEATURES_MOST);
  return GAN_OK;
}

gan_status gan_layer_place_window(int axes, gan_window *window) {
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t padded = window->in[i] + 2 * window->padding[i], reach = gan_kernel_reach(window, i);
    if (window->kernel[i] > padded && window->gap[i] == 0)
      return gan_fail(GAN_BAD_USAGE,
                      "a kernel of %" PRId64 " does not fit an input of %s %" PRId64 " with padding %" PRId64
                      "; make it smaller, or the padding larger",
                      window->kernel[i], axis_name(i, axes), window->in[i], window->padding[i]);
    if (reach > padded)
      return gan_fail(
          GAN_BAD_USAGE,
          "a kernel of %" PRId64 " with dilation %" PRId64 " reaches over %" PRId64
          ", more than an input of %s %" PRId64 " with padding %" PRId64 "; make it smaller, or the padding larger",
          window->kernel[i], gan_dilation(window, i), reach, axis_name(i, axes), window->in[i], window->padding[i]);
    window->out[i] = (padded - reach) / window->stride[i] + 1;
  }
  return gan_layer_check_window(window);
}

gan_status gan_layer_parse_border(const char *word, const void **border) {
  char names[128] = "";
  size_t used = 0;
  *border = gan_border_find(word);
  if (*border) return GAN_OK;
  for (int i = 0; i < gan_border_count && used < sizeof names; i++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", gan_borders[i].name);
  return gan_fail(GAN_BAD_USAGE, "there is no border \"%.40s\"; there are %s", word, names);
}

gan_status gan_layer_check_border(const gan_layer *layer, const gan_border *border, int axis, int64_t reach) {
  const int axes = layer->input.rank - 1;
  if (axis < GAN_AXES - axes) return GAN_OK;
  const int64_t size = layer->input.size[1 + axis - (GAN_AXES - axes)], most = border->reach(size);
  if (reach <= most) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "\"%s\" of a %s of %" PRId64 " gives at most %" PRId64 " at each end, not %" PRId64,
                  border->name, axis_name(axis, axes), size, most, reach);
}
