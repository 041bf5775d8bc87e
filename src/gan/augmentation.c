/* Which augmentations, with which random numbers, in which order; what each does is in augmentation_operations.c. */
#include "gan/augmentation.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Depth, height and width from the back, so that the width is a line in memory. */
static gan_augmented_shape augmented_shape(const gan_shape *sample) {
  gan_augmented_shape shape = {.channels = sample->rank > 0 ? sample->size[0] : 1, .size = {1, 1, 1}};
  for (int axis = 1; axis < sample->rank && axis <= GAN_AUGMENTATION_AXES; axis++)
    shape.size[GAN_AUGMENTATION_AXES - sample->rank + axis] = sample->size[axis];
  return shape;
}

static bool is_word(const char *text, size_t length, const char *name) {
  return name && strlen(name) == length && strncmp(text, name, length) == 0;
}

/* Known names, each once. */
static void list_names(size_t size, char *text) {
  size_t used = 0;
  const char *policy = NULL;
  for (int i = 0; i < GAN_AUGMENTATIONS && used < size; i++) {
    const gan_augmentation_type *type = &gan_augmentation_types[i];
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", type->name);
    if (type->policy) policy = type->policy;
  }
  if (policy && used < size) snprintf(text + used, size - used, ", %s", policy);
}

/* Marks what the word names in chosen (GAN_AUGMENTATIONS). */
static gan_status choose_word(const char *word, size_t length, bool *chosen) {
  bool known = false;
  for (int i = 0; i < GAN_AUGMENTATIONS; i++) {
    const gan_augmentation_type *type = &gan_augmentation_types[i];
    if (!is_word(word, length, type->name) && !is_word(word, length, type->policy)) continue;
    chosen[i] = known = true;
  }
  if (known) return GAN_OK;
  char names[256] = "";
  list_names(sizeof names, names);
  return gan_fail(GAN_BAD_USAGE, "augment.operations: there is no operation \"%.*s\"; known are %s",
                  length < 64 ? (int)length : 64, word, names);
}

gan_status gan_augmentation_choose(const char *operations, const gan_shape *sample, gan_augmentation *augmentation) {
  bool chosen[GAN_AUGMENTATIONS] = {false};
  *augmentation = (gan_augmentation){.shape = augmented_shape(sample), .elements = gan_shape_count(sample)};
  for (const char *word = operations; *word;) {
    word += strspn(word, ", \t");
    const size_t length = strcspn(word, ", \t");
    if (length) GAN_TRY(choose_word(word, length, chosen));
    word += length;
  }
  if (*operations && strspn(operations, ", \t") == strlen(operations))
    return gan_fail(GAN_BAD_USAGE, "augment.operations = %.40s names no operation; leave it empty for none",
                    operations);
  for (int i = 0; i < GAN_AUGMENTATIONS; i++) {
    const gan_augmentation_type *type = &gan_augmentation_types[i];
    if (!chosen[i]) continue;
    const char *reason = type->refuse(sample);
    char shape[GAN_SHAPE_TEXT];
    if (reason)
      return gan_fail(GAN_BAD_USAGE, "augment.operations: %s makes no sense for samples of shape %s: %s", type->name,
                      gan_shape_print(sample, shape), reason);
    augmentation->types[augmentation->count++] = type;
  }
  return GAN_OK;
}

/* Of each operation four words of its own, so that choosing another one beside it changes nothing about it. */
enum { WORDS = GAN_AUGMENTATION_VALUES };

void gan_augmentation_draws(const gan_augmentation *augmentation, gan_random_address address, double strength,
                            gan_augmentation_draw *draws) {
  uint32_t words[GAN_AUGMENTATIONS * WORDS];
  gan_random_bits(address, sizeof words / sizeof *words, words);
  for (int i = 0; i < augmentation->count; i++) {
    const gan_augmentation_type *type = augmentation->types[i];
    const uint32_t *own = words + type->place * WORDS;
    draws[i] = (gan_augmentation_draw){.value = {0}};
    const bool applied = ((double)own[0] + 0.5) * 0x1p-32 < strength;
    if (applied && type->draw(&augmentation->shape, own + 1, draws[i].value + 1)) draws[i].value[0] = 1;
  }
}

void gan_augmentation_apply(const gan_augmentation *augmentation, gan_augmentation_way way,
                            const gan_augmentation_draw *draws, float *sample) {
  const int last = augmentation->count - 1;
  for (int i = 0; i <= last; i++) {
    const int now = way == GAN_AUGMENT_TRANSPOSE ? last - i : i;
    if (draws[now].value[0] > 0) augmentation->types[now]->apply(&augmentation->shape, way, draws[now].value, sample);
  }
}

void gan_augmentation_rows(const gan_augmentation *augmentation, gan_random_address address, double strength,
                           gan_augmentation_way way, int64_t count, float *rows) {
  gan_augmentation_draw draws[GAN_AUGMENTATIONS];
  if (augmentation->count == 0 || strength <= 0) return;
  for (int64_t row = 0; row < count; row++, address.sample++, rows += augmentation->elements) {
    gan_augmentation_draws(augmentation, address, strength, draws);
    gan_augmentation_apply(augmentation, way, draws, rows);
  }
}

float gan_augmentation_adapt(const gan_augment_options *options, float strength, double sign_real, int64_t batch) {
  const double step = (double)batch / options->samples_to_full;
  const int direction = (sign_real > options->target) - (sign_real < options->target);
  return (float)fmin(fmax((double)strength + direction * step, 0), options->strength);
}
