/* Work that ranks share unit by unit: what a unit gives is computed by one rank alone, in one order, and then there for
   all; so it has the same bits for any number of ranks, if it does not depend on which units come together. */
#ifndef GAN_EVAL_UNITS_H
#define GAN_EVAL_UNITS_H

#include <stdint.h>

#include "base/error.h"
#include "dist/rows.h"
#include "dist/world.h"

/* Computes the units mine.first .. mine.end-1: values (units, width), of zeroes. Must not communicate. */
typedef gan_status (*gan_units_work)(void *context, gan_row_range mine, double *values);

/* *values (units, width), double, the same on every rank; owned by the caller. `what` is for messages. Errors are
   agreed on: those of `work`, and GAN_FAILED for want of memory. Collective. */
gan_status gan_units_compute(gan_world *world, int64_t units, int64_t width, const char *what, gan_units_work work,
                             void *context, gan_rows **values) GAN_CHECKED;

/* Whether values (count, width) of a set are finite: GAN_BAD_USAGE, with the same message on all ranks, names the first
   sample for which they are not. `set`: "the samples to judge"; `what`: "features". Collective. */
gan_status gan_check_finite(gan_world *world, const char *set, const char *what, int64_t count, int64_t width,
                            const float *values) GAN_CHECKED;

#endif
