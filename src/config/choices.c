#include "config/choices.h"

#include <stddef.h>

#include "config/config.h"
#include "data/axes.h"
#include "data/source_types.h"
#include "dist/reduction.h"
#include "gan/loss.h"
#include "kernels/kernels.h"
#include "kernels/precision.h"
#include "nn/network.h"
#include "optim/optimizer.h"

const char *gan_choice_loss(int i, const char **help) {
  if (i >= gan_loss_count) return NULL;
  if (help) *help = gan_losses[i].help;
  return gan_losses[i].name;
}

const char *gan_choice_optimizer(int i, const char **help) {
  if (i >= gan_optimizer_count) return NULL;
  if (help) *help = gan_optimizers[i].help;
  return gan_optimizers[i].name;
}

const char *gan_choice_schedule(int i, const char **help) {
  if (i >= gan_schedule_count) return NULL;
  if (help) *help = gan_schedules[i].help;
  return gan_schedules[i].name;
}

const char *gan_choice_initialisation(int i, const char **help) {
  if (i >= gan_initialisation_count) return NULL;
  if (help) *help = gan_initialisations[i].help;
  return gan_initialisations[i].name;
}

const char *gan_choice_source(int i, const char **help) {
  if (i >= gan_source_type_count) return NULL;
  if (help) *help = gan_source_types[i]->help;
  return gan_source_types[i]->name;
}

const char *gan_choice_axes(int i, const char **help) {
  if (i > gan_axes_count) return NULL;
  if (help) *help = i ? gan_axes_table[i - 1].help : "the only likely layout; an error where there are several";
  return i ? gan_axes_table[i - 1].name : "auto";
}

/* The default is no backend's name, so that a run's files can be read by a build with other backends. */
const char *gan_choice_backend(int i, const char **help) {
  if (i > gan_backend_count) return NULL;
  if (help) *help = i ? gan_backends[i - 1]->help : "the fastest that is built in";
  return i ? gan_backends[i - 1]->name : "auto";
}

const char *gan_choice_preset(int i, const char **help) {
  if (i >= gan_preset_count) return NULL;
  if (help) *help = gan_presets[i].help;
  return gan_presets[i].name;
}

const char *gan_choice_reduction(int i, const char **help) {
  if (i > gan_reduction_variant_count()) return NULL;
  if (help) *help = i == 0 ? "by hosts, ranks and size" : gan_reduction_variant_help(i - 1);
  return i == 0 ? "auto" : gan_reduction_variant_name(i - 1);
}

const char *gan_choice_precision(int i, const char **help) {
  static const char *const helps[] = {
      [GAN_FLOAT32] = "32-bit floating point throughout; sums that span samples or ranks in a fixed order",
      [GAN_BFLOAT16] =
          "products of matrices and convolutions from operands rounded to bfloat16, summed in float32; all "
          "else as in float32; needs a CPU with AVX512_BF16"};
  const char *name = gan_precision_name(i);
  if (name && help) *help = helps[i];
  return name;
}

/* Rows that no other table has. */
typedef struct named {
  const char *name, *help;
} named;

static const char *pick(size_t count, const named *rows, int i, const char **help) {
  if (i >= (int)count) return NULL;
  if (help) *help = rows[i].help;
  return rows[i].name;
}

const char *gan_choice_latent_distribution(int i, const char **help) {
  static const named rows[] = {
      {"normal", "standard normal"},
      {"uniform", "uniform on (-1, 1)"},
  };
  return pick(sizeof rows / sizeof *rows, rows, i, help);
}

const char *gan_choice_augment_schedule(int i, const char **help) {
  static const named rows[] = {
      {"constant", "augment.strength all the time"},
      {"linear", "in a straight line to augment.final_strength"},
      {"cosine", "along half a cosine to augment.final_strength"},
  };
  return pick(sizeof rows / sizeof *rows, rows, i, help);
}

const char *gan_choice_clip_norm(int i, const char **help) {
  static const named rows[] = {
      {"tensor", "each weight, bias, ... as a whole"},
      {"row", "each row of a weight, along its first axis; of a vector each value"},
  };
  return pick(sizeof rows / sizeof *rows, rows, i, help);
}

const char *gan_choice_order(int i, const char **help) {
  static const named rows[] = {
      {"alternating", "the generator's step sees the critic as its last step has left it"},
      {"simultaneous",
       "the last critic step and the generator's are computed at the same parameters, and then both applied"},
  };
  return pick(sizeof rows / sizeof *rows, rows, i, help);
}

const char *gan_choice_batch_scaling(int i, const char **help) {
  if (i >= gan_batch_scaling_count) return NULL;
  if (help) *help = gan_batch_scalings[i].help;
  return gan_batch_scalings[i].name;
}
