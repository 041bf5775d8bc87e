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

/* samples (2 found, elements): the generated one of each pair, then the training one. */
static void lay_out(const gan_comparison *comparison, int64_t found, const gan_close_pair *pairs, float *samples) {
  const size_t elements = (size_t)gan_shape_count(&comparison->real->shape), bytes = elements * sizeof *samples;
  for (int64_t i = 0; i < found; i++) {
    memcpy(samples + (size_t)(2 * i) * elements, comparison->fake->samples + (size_t)pairs[i].generated * elements,
           bytes);
    memcpy(samples + (size_t)(2 * i + 1) * elements, comparison->real->samples + (size_t)pairs[i].training * elements,
           bytes);
  }
}

static gan_status draw(const gan_comparison *comparison, const char *path, int64_t found, const gan_close_pair *pairs) {
  float *samples = NULL;
  GAN_TRY(gan_allocate((size_t)(2 * found), (size_t)gan_shape_count(&comparison->real->shape) * sizeof *samples,
                       "the picture of pairs", &samples));
  lay_out(comparison, found, pairs, samples);
  const gan_status status = gan_picture_grid(path, &comparison->real->shape, 2 * found, samples, 2 * PAIRS_IN_ROW);
  free(samples);
  return status;
}

gan_status gan_evaluate_draw_pairs(const gan_comparison *comparison, const char *path) {
  gan_close_pair pairs[PAIRS];
  int64_t found = 0;
  if (gan_picture_kind_of(&comparison->real->shape) != GAN_PICTURE_GRID)
    return gan_fail(GAN_BAD_USAGE, "--pairs: samples of this shape are no images, and cannot be drawn");
  GAN_TRY(gan_memorisation_pairs(comparison, PAIRS, pairs, &found));
  const bool draws = gan_world_rank(comparison->world) == 0 && found > 0;
  return gan_world_agree(comparison->world, draws ? draw(comparison, path, found, pairs) : GAN_OK);
}
