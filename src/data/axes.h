/* The layouts that a data set's axes can have, as a table, and the choice of one.

   Networks take samples as (features), (channels, length), (channels, height, width) or (channels, depth, height,
   width). Files hold them in these orders, with the channels last, or without channels. How many axes there are and how
   long they are tells most of them apart; where several layouts suit, the user is asked (data.axes). */
#ifndef GAN_DATA_AXES_H
#define GAN_DATA_AXES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

/* The axis of the samples' number, and up to four of a sample. */
enum { GAN_AXES_LEAST = 2, GAN_AXES_MOST = 5 };

typedef struct gan_axes {
  const char *name; /* a letter for each axis, N first: C channels, L length, D depth, H height, W width; of ND, D are
                       the features */
  const char *help;
} gan_axes;

extern const gan_axes gan_axes_table[];
extern const int gan_axes_count;

/* The layout of a data set of `rank` axes, size (rank): the one named `wanted`, or where that is NULL, "" or "auto" the
   only one that suits. GAN_BAD_USAGE when it has another number of axes, when there is none of this name, and when
   several suit: the message begins with `what` and names them. */
gan_status gan_axes_choose(const char *wanted, const char *what, int rank, const int64_t *size,
                           const gan_axes **axes) GAN_CHECKED;

/* Whether each position's channels stand together, behind each other: such a sample has to be transposed. */
bool gan_axes_channels_last(const gan_axes *axes);

/* The shape that networks are shown of a sample, its channels first. */
gan_shape gan_axes_shape(const gan_axes *axes, const int64_t *size);

/* One sample from (positions, channels) to (channels, positions), of elements of 1 or 4 bytes. No overlap. */
void gan_axes_transpose(int64_t positions, int64_t channels, int64_t element_bytes, const void *in, void *out);

#endif
