/* What `inspect` shows of each kind of file: one function and one file a kind. Called on rank 0 only; they print to
   stdout, one JSON object when asked for, and only once everything has been read: a damaged file gives an error and no
   half report. */
#ifndef GAN_CLI_INSPECT_H
#define GAN_CLI_INSPECT_H

#include <stdint.h>

#include "base/shape.h"
#include "cli/command.h"
#include "cli/json.h"
#include "store/samples.h"

gan_status gan_inspect_checkpoint(const gan_arguments *arguments, const char *path) GAN_CHECKED;
gan_status gan_inspect_metrics(const gan_arguments *arguments, const char *path) GAN_CHECKED;
gan_status gan_inspect_table(const gan_arguments *arguments, const char *path) GAN_CHECKED;
/* source: the data source that reads the file, "hdf5" or "idx". */
gan_status gan_inspect_data(const gan_arguments *arguments, const char *path, const char *source) GAN_CHECKED;

/* Where samples of `sample -o FILE.h5` come from; NULL: not known, which shows nothing. */
void gan_inspect_print_origin(const gan_samples_origin *origin);
void gan_inspect_add_origin(struct json_object *object, const gan_samples_origin *origin);

/* Range and moments of values, those that are not finite left out and counted. */
typedef struct gan_value_range {
  int64_t finite, other;
  double minimum, maximum, mean, standard_deviation; /* NAN without finite values; deviation of the population */
} gan_value_range;
gan_value_range gan_range_of_floats(int64_t count, const float *values);
gan_value_range gan_range_of_doubles(int64_t count, const double *values);

/* An object that starts with `kind` and `path`. */
struct json_object *gan_inspect_object(const char *kind, const char *path);
/* Adds the sizes as an array. */
void gan_inspect_add_shape(struct json_object *object, const char *name, const gan_shape *shape);

#endif
