/* Regularisers of the critic as a whole: the default of critic.clip, what is refused, and clipping by norm.

   Clipping by value happens where a range of the flat vector is updated (update.c), of which no rank need know more. A
   norm is one of a whole tensor, which may lie in the slices of several ranks. So it is a second walk, when all of the
   update is in: each layer by one of the ranks that share a copy of the parameters, and nobody goes on before all are
   done. A norm is one fixed sum, so its bits are the same whoever takes it. */
#include "train/regularisers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "gan/loss.h"
#include "nn/tangent.h"
#include "train/internal.h"

/* All of its weight matrices are. A single one that is not may grow, and the critic with it: normalising the others
   bounds nothing, and clipping is what bounds that one. So a critic that is normalised in part is, for all that is
   about bounds, one that is not: a Wasserstein loss has its weights clipped, and whoever says that they shall not be is
   told that nothing bounds them. Where a clipped weight is normalised, clipping changes its directions, not its size.
 */
static bool is_normalised(const gan_config *config) {
  return config->critic.spectral_norm || gan_layers_normalise_all(config->critic.network.layers);
}

bool gan_is_constrained_otherwise(const gan_config *config) {
  return gan_penalties_any(&config->critic.penalty) || config->critic.clip_norm > 0 || is_normalised(config);
}

/* --- The bound --- */

static ptrdiff_t clip_row(void) { return gan_option_find("critic.clip") - gan_options; }

static bool wants_bound(const gan_config *config) {
  const gan_loss *loss = gan_loss_find(config->loss.name);
  return loss && loss->wants_lipschitz;
}

static bool needs_bound(const gan_config *config) {
  return wants_bound(config) && !gan_is_constrained_otherwise(config);
}

/* One that a preset has fits that preset's loss, and one that the run has had, the loss that it had. */
bool gan_clip_is_asked_for(const gan_config *config) {
  return config->given[clip_row()] && !config->brought[clip_row()];
}

void gan_clip_ask_for(gan_config *config) {
  config->given[clip_row()] = true;
  config->brought[clip_row()] = false;
}

double gan_clip_of(const gan_config *config) {
  const bool needed = needs_bound(config);
  const double bound = config->critic.clip;
  if (isnan(bound)) return needed ? 0.01 : 0;
  return needed || gan_clip_is_asked_for(config) ? bound : 0;
}

/* What the run clipped by although nothing called for it, somebody has asked for once. */
void gan_clip_keep(gan_config *config, const gan_config *before) {
  const bool given = config->given[clip_row()];
  if (!given && before->critic.clip > 0 && !needs_bound(before)) gan_clip_ask_for(config);
}

static void tell_who_gave_way(gan_trainer *trainer, double bound) {
  const gan_config *config = trainer->config;
  const char *whose = config->given[clip_row()] ? "the preset" : "the run so far";
  if (wants_bound(config))
    gan_notice(trainer,
               "critic.clip = %g of %s gives way to the critic's other regularisers; --critic.clip=%g clips besides",
               bound, whose, bound);
  else
    gan_notice(trainer, "critic.clip = %g of %s gives way, since the loss %s needs no bound; --critic.clip=%g keeps it",
               bound, whose, config->loss.name, bound);
}

void gan_settle_clipping(gan_trainer *trainer) {
  gan_config *config = trainer->config;
  const double bound = config->critic.clip;
  config->critic.clip = gan_clip_of(config);
  if (bound > 0 && config->critic.clip == 0 && config->brought[clip_row()]) tell_who_gave_way(trainer, bound);
}

/* --- What is refused --- */

/* A slope of each sample has no meaning where its score depends on the others. */
static gan_status check_coupling(const gan_config *config, const gan_network *critic) {
  const gan_layer *layer = gan_network_couples_samples(critic);
  for (int i = 0; layer && i < GAN_PENALTY_KINDS; i++)
    if (gan_penalties[i].each_by_itself && config->critic.penalty.weight[i] > 0)
      return gan_fail(
          GAN_BAD_USAGE,
          "critic.%s asks for the gradient of each sample's own score, but by layer %d (\"%s\") of "
          "critic.layers scores depend on the other samples of the batch: take layer_norm, instance_norm or "
          "group_norm there, or leave it out; or take critic.r1",
          gan_penalties[i].name, layer->line + 1, layer->type->name);
  return GAN_OK;
}

gan_status gan_regularisers_check(const gan_config *config, const gan_network *critic) {
  if (config->critic.clip > 0 && config->critic.clip_norm > 0)
    return gan_fail(GAN_BAD_USAGE,
                    "critic.clip and critic.clip_norm bound the same weights in two ways: set one of them to 0");
  if (config->critic.spectral_norm && !gan_network_normalises_spectrally(critic))
    return gan_fail(GAN_BAD_USAGE,
                    "critic.spectral_norm normalises dense, conv, conv_transpose, embedding and attention layers, and "
                    "critic.layers "
                    "has none: leave it out");
  const bool clips = config->critic.clip > 0 || config->critic.clip_norm > 0;
  if (clips && is_normalised(config))
    return gan_fail(
        GAN_BAD_USAGE,
        "with spectral normalisation of all its layers the critic is the same whatever the size of its weights, "
        "so that clipping them bounds nothing: set critic.%s to 0, or leave out spectral_norm",
        config->critic.clip > 0 ? "clip" : "clip_norm");
  if (!gan_penalties_any(&config->critic.penalty)) return GAN_OK;
  GAN_TRY(check_coupling(config, critic));
  const gan_status status = gan_network_check_tangents(critic);
  return status == GAN_OK ? status : gan_fail_prefix(status, "critic.layers: ");
}

/* --- Clipping by norm --- */

static void clip_tensor(gan_player *player, const gan_tensor_info *tensor) {
  const size_t rows = player->clip_rows ? (size_t)tensor->shape.size[0] : 1, length = tensor->count / rows;
  for (size_t row = 0; row < rows; row++) {
    const bool changed = gan_clip_norm(length, player->clip_norm, player->parameters + tensor->offset + row * length);
    player->clipped += changed ? (int64_t)length : 0;
  }
  player->updated += (int64_t)tensor->count;
}

static void clip_layer(void *context, size_t index) {
  gan_player *player = context;
  const gan_layer *layer = &player->network->layers[index];
  for (int i = 0; i < layer->tensor_count; i++)
    if (layer->tensors[i].kind == GAN_TENSOR_PARAMETER) clip_tensor(player, &layer->tensors[i]);
}

void gan_clip_norms(gan_player *player) {
  if (player->clip_norm <= 0) return;
  player->updated = player->clipped = 0; /* counted where they are clipped, as often as that is done */
  gan_reduction_each(player->reduction, (size_t)player->network->layer_count, clip_layer, player);
}
