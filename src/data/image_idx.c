/* Files of many images in the IDX format (idx_file.h), grey or of 3 channels, plain or gzip, with the labels that lie
   beside them as MNIST's do: images-idx3-ubyte and labels-idx1-ubyte with the same words around. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/idx_file.h"
#include "data/image_formats.h"

enum { CHANNELS = 4 };

typedef struct idx_state {
  gan_idx_file images, labels; /* labels.path is NULL when there are none */
  gan_byte_stream *image_stream, *label_stream;
  int64_t channels, height, width, done;
  uint8_t *planes; /* (channels, height, width) */
  uint8_t *pixels; /* (height, width, 4) */
} idx_state;

/* Two zero bytes, unsigned bytes, three or four dimensions: files of labels have one, and are no images. */
static bool begins_idx(const uint8_t *start, size_t count) {
  return count >= 4 && start[0] == 0 && start[1] == 0 && start[2] == GAN_IDX_UBYTE && (start[3] == 3 || start[3] == 4);
}

static gan_status open_images(const gan_image_reader *reader, idx_state *state) {
  gan_shape shape;
  GAN_TRY(gan_duplicate(reader->path, &state->images.path));
  GAN_TRY(gan_idx_open(&state->images, &state->image_stream));
  GAN_TRY(gan_idx_check_images(&state->images, &shape));
  state->channels = shape.size[0];
  state->height = shape.size[1];
  state->width = shape.size[2];
  if (state->channels != 1 && state->channels != 3)
    return gan_fail(GAN_BAD_FILE, "%s has images of %" PRId64 " channels; images have 1 (grey) or 3 (red, green, blue)",
                    reader->path, state->channels);
  GAN_TRY(gan_image_check_size(reader->path, state->height, state->width));
  const size_t plane = (size_t)(state->height * state->width);
  GAN_TRY(gan_allocate((size_t)state->channels, plane, "an image", &state->planes));
  return gan_allocate(CHANNELS, plane, "an image", &state->pixels);
}

static gan_status open_idx(gan_image_reader *reader, bool labels) {
  idx_state *state;
  GAN_TRY(gan_allocate(1, sizeof *state, "reading images", &state));
  reader->state = state;
  GAN_TRY(open_images(reader, state));
  if (labels) GAN_TRY(gan_idx_find_labels(reader->path, &state->labels.path));
  if (!state->labels.path) return GAN_OK;
  GAN_TRY(gan_idx_open(&state->labels, &state->label_stream));
  return gan_idx_check_labels(&state->labels, &state->images);
}

static void join_planes(const idx_state *state) {
  const int64_t plane = state->height * state->width;
  for (int64_t i = 0; i < plane; i++) {
    for (int64_t channel = 0; channel < 3; channel++)
      state->pixels[i * CHANNELS + channel] = state->planes[(state->channels == 3 ? channel : 0) * plane + i];
    state->pixels[i * CHANNELS + 3] = UINT8_MAX;
  }
}

/* Nothing may follow the last image: a file that is damaged there is damaged. */
static gan_status finish(const idx_state *state) {
  GAN_TRY(gan_byte_stream_expect_end(state->image_stream));
  return state->label_stream ? gan_byte_stream_expect_end(state->label_stream) : GAN_OK;
}

static gan_status next_idx(gan_image_reader *reader, gan_image *image, bool *more) {
  idx_state *state = reader->state;
  uint8_t label = 0;
  if (state->done == state->images.size[0]) return finish(state);
  const int64_t bytes = state->channels * state->height * state->width;
  GAN_TRY(gan_idx_read(state->image_stream, &state->images, bytes, state->planes));
  if (state->label_stream) GAN_TRY(gan_idx_read(state->label_stream, &state->labels, 1, &label));
  state->done++;
  join_planes(state);
  *image = (gan_image){.height = state->height,
                       .width = state->width,
                       .colour = state->channels == 3,
                       .label = state->label_stream ? label : -1,
                       .pixels = state->pixels};
  *more = true;
  return GAN_OK;
}

static void close_idx(gan_image_reader *reader) {
  idx_state *state = reader->state;
  if (!state) return;
  gan_byte_stream_close(state->image_stream);
  gan_byte_stream_close(state->label_stream);
  free(state->images.path);
  free(state->labels.path);
  free(state->planes);
  free(state->pixels);
  free(state);
}

const gan_image_format gan_image_idx = {
    .name = "idx",
    .help = "IDX files of images as MNIST's, plain or gzip, with the labels beside them",
    .gzip = true,
    .begins = begins_idx,
    .open = open_idx,
    .next = next_idx,
    .close = close_idx,
};
