/* The closest pairs of a generated sample and a training sample, side by side: whoever repeats its data is seen at a
   glance. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/evaluate.h"
#include "cli/outputs.h"
#include "dist/world.h"
#include "eval/memorisation.h"
#include "store/kind.h"
#include "store/picture.h"

enum { PAIRS = 32, PAIRS_IN_ROW = 4 };

gan_status gan_evaluate_check_pairs(const gan_arguments *arguments, bool curve) {
  const char *path = gan_argument(arguments, "--pairs");
  if (!path) return GAN_OK;
  if (curve) return gan_fail(GAN_BAD_USAGE, "--pairs is for one checkpoint or file, not for a curve of several");
  if (!gan_name_ends_in(path, ".png"))
    return gan_fail(GAN_BAD_USAGE, "--pairs %s: the name has to end in .png, since it becomes a picture", path);
  return gan_world_rank(arguments->world) == 0 ? gan_result_may_become("--pairs", path, GAN_KIND_PICTURE) : GAN_OK;
}

static gan_status read_training(const gan_comparison *comparison, const gan_training *training, int64_t number,
                                float *sample) {
  const int64_t elements = gan_shape_count(&comparison->real->shape);
  if (training) return training->maker.make(training->maker.context, number, 1, sample, NULL);
  memcpy(sample, comparison->real->samples + number * elements, (size_t)elements * sizeof *sample);
  return GAN_OK;
}

/* samples (2 found, elements): the generated one of each pair, then the training one. */
static gan_status lay_out(const gan_comparison *comparison, const gan_training *training, int64_t found,
                          const gan_close_pair *pairs, float *samples) {
  const int64_t elements = gan_shape_count(&comparison->real->shape);
  for (int64_t i = 0; i < found; i++) {
    memcpy(samples + 2 * i * elements, comparison->fake->samples + pairs[i].generated * elements,
           (size_t)elements * sizeof *samples);
    GAN_TRY(read_training(comparison, training, pairs[i].training, samples + (2 * i + 1) * elements));
  }
  return GAN_OK;
}

static gan_status draw(const gan_comparison *comparison, const gan_training *training, const char *path, int64_t found,
                       const gan_close_pair *pairs) {
  const gan_shape *shape = &comparison->real->shape;
  float *samples = NULL;
  GAN_TRY(gan_allocate((size_t)(2 * found), (size_t)gan_shape_count(shape) * sizeof *samples, "the picture of pairs",
                       &samples));
  gan_status status = lay_out(comparison, training, found, pairs, samples);
  if (status == GAN_OK) status = gan_picture_grid(path, shape, 2 * found, samples, 2 * PAIRS_IN_ROW);
  free(samples);
  return status;
}

gan_status gan_evaluate_draw_pairs(const gan_comparison *comparison, const gan_training *training, const char *path) {
  gan_close_pair pairs[PAIRS];
  int64_t found = 0;
  if (gan_picture_kind_of(&comparison->real->shape) != GAN_PICTURE_GRID)
    return gan_fail(GAN_BAD_USAGE, "--pairs: samples of this shape are no images, and cannot be drawn");
  GAN_TRY(gan_memorisation_pairs(comparison, PAIRS, pairs, &found));
  const bool draws = gan_world_rank(comparison->world) == 0 && found > 0;
  return gan_world_agree(comparison->world, draws ? draw(comparison, training, path, found, pairs) : GAN_OK);
}
