#include "train/real_rows.h"

#include <string.h>

#include "data/loader.h"
#include "train/data.h"

/* Another order than any training's; the same in every evaluation, so that numbers compare. */
static const uint64_t ORDER_SEED = ~(uint64_t)0;
/* Data without end: training reads from 0 on. */
static const int64_t BEYOND = (int64_t)1 << 48;

/* --- Rows of a source --- */

static int64_t index_of(const gan_source_rows *rows, int64_t row) {
  const int64_t place = rows->skip + row;
  if (rows->in_order || !rows->span) return rows->first + place;
  return rows->first + gan_sampler_index(ORDER_SEED, rows->span, place);
}

static gan_status read_rows(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  const gan_source_rows *rows = context;
  int64_t indices[GAN_SET_BLOCK];
  for (int64_t i = 0; i < count; i++) indices[i] = index_of(rows, first + i);
  return gan_source_read(rows->source, indices, count, samples, labels);
}

gan_set_maker gan_source_rows_maker(gan_source_rows *rows, int64_t count) {
  return (gan_set_maker){.make = read_rows,
                         .context = rows,
                         .count = count,
                         .shape = rows->source->shape,
                         .label_count = rows->source->label_count};
}

/* --- Dealing out --- */

gan_data_options gan_held_out_options(const gan_data_options *data, const char *source, const char *path) {
  gan_data_options held_out = *data;
  held_out.source = source;
  held_out.path = path;
  held_out.weights = held_out.origin = "";
  if (strcmp(data->labels, "none") != 0) held_out.labels = "";
  if (strcmp(data->source, source) != 0) held_out.dataset = "";
  held_out.samples = 0;
  held_out.flip = false;
  return held_out;
}

/* The same data without data.samples, in which training has not seen what lies behind. */
static gan_status open_rest(gan_world *world, const gan_source *real, gan_real_rows *rows) {
  gan_data_options options = real->options;
  options.samples = 0;
  GAN_TRY(gan_open_source(world, &options, real->seed, &rows->opened));
  const int64_t all = rows->opened->count;
  if (all == 0) {
    rows->others = (gan_source_rows){.source = rows->opened, .first = BEYOND};
  } else if (all > real->count) {
    rows->others = (gan_source_rows){.source = rows->opened, .first = real->count, .span = all - real->count};
  } else {
    gan_source_close(rows->opened);
    rows->opened = NULL;
  }
  return GAN_OK;
}

/* Samples that training has not seen, if there are any. */
static gan_status open_held_out(gan_world *world, gan_source *real, const gan_data_options *held_out,
                                gan_real_rows *rows) {
  if (held_out) {
    GAN_TRY(gan_open_source(world, held_out, real->seed, &rows->opened));
    rows->others = (gan_source_rows){.source = rows->opened, .span = rows->opened->count};
    return GAN_OK;
  }
  if (real->options.samples > 0) return open_rest(world, real, rows);
  if (real->count == 0) rows->others = (gan_source_rows){.source = real, .first = BEYOND};
  return GAN_OK;
}

int64_t gan_at_most(int64_t wanted, int64_t count) { return count && count < wanted ? count : wanted; }

gan_status gan_real_rows_deal(gan_world *world, gan_source *real, const gan_data_options *held_out, int64_t wanted,
                              bool has_floor, gan_real_rows *rows) {
  const int64_t count = real->count;
  *rows = (gan_real_rows){.real = {.source = real, .span = count}};
  GAN_TRY(open_held_out(world, real, held_out, rows));
  rows->held_out = rows->others.source != NULL;
  if (rows->held_out || !has_floor) {
    rows->real_count = gan_at_most(wanted, count);
    rows->other_count = rows->held_out ? gan_at_most(wanted, rows->others.span) : 0;
    return GAN_OK;
  }
  rows->real_count = gan_at_most(wanted, count / 2 > 1 ? count / 2 : 1);
  rows->other_count = gan_at_most(wanted, count - rows->real_count);
  rows->others = (gan_source_rows){.source = real, .span = count, .skip = rows->real_count};
  return GAN_OK;
}

void gan_real_rows_release(gan_real_rows *rows) {
  gan_source_close(rows->opened);
  *rows = (gan_real_rows){.opened = NULL};
}
