#include "train/accumulation.h"

#include "train/step.h"

static gan_status check_network(const char *name, const gan_network *network) {
  const gan_layer *layer = gan_network_couples_shards(network);
  if (!layer) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "train.accumulate: layer %d of %s.layers (\"%s\") takes statistics over the whole batch, of which "
                  "only a part is there at a time; with --batch_norm.sync=no they are each shard's own",
                  layer->line + 1, name, layer->type->name);
}

gan_status gan_accumulation_check(const gan_config *config, const gan_model *model) {
  if (config->train.accumulate == 1) return GAN_OK;
  GAN_TRY(check_network("generator", model->generator));
  GAN_TRY(check_network("critic", model->critic));
  if (config->critic.penalty.weight[GAN_PENALTY_DRAGAN] > 0)
    return gan_fail(
        GAN_BAD_USAGE,
        "train.accumulate: critic.dragan looks at the deviation of the whole batch, of which only a part is "
        "there at a time; critic.gradient_penalty does without");
  if (config->trace.file[0])
    return gan_fail(GAN_BAD_USAGE,
                    "trace.file: a trace has the whole batch of an update, of which train.accumulate computes a part "
                    "at a time; trace with --train.accumulate=1, which trains the same bits");
  return GAN_OK;
}

gan_status gan_accumulation_plan(const gan_config *config, const gan_shards *shards, gan_shard_groups *groups) {
  return gan_shard_groups_plan(shards, config->train.accumulate, groups);
}

size_t gan_accumulation_kept(const gan_model *model, const gan_shards *shards, const gan_shard_groups *groups,
                             int steps_ahead) {
  if (steps_ahead == 1 || groups->count == 1) return 0;
  return (size_t)steps_ahead * (size_t)gan_shards_samples(shards) * (size_t)gan_shape_count(&model->critic->input);
}

void gan_accumulation_notice(gan_trainer *trainer) {
  const int64_t wanted = trainer->config->train.accumulate;
  const int ranks = gan_world_size(trainer->world), most = (trainer->shards.count + ranks - 1) / ranks;
  if (wanted == 1 || wanted <= most) return;
  gan_notice(trainer,
             "train.accumulate: %lld groups are asked for, but a rank has %d shard%s at most, and computes one after "
             "the other; more --shards are smaller (and round otherwise)",
             (long long)wanted, most, most == 1 ? "" : "s");
}

/* A player's pass turns to a group of its shards. */
static void enter(gan_player *player, gan_pass *pass, const gan_shards *group) {
  if (!pass) return;
  gan_pass_set_shards(pass, group);
  pass->spectral_sums =
      player->spectral_sums + (size_t)gan_shards_before(group) * (size_t)player->network->spectral_count;
}

void gan_enter_group(gan_trainer *trainer, int group) {
  const gan_shards *shards = &trainer->groups.group[group];
  trainer->group = group;
  if (trainer->groups.count == 1) return;
  enter(&trainer->generator, trainer->generator.pass, shards);
  enter(&trainer->generator, trainer->sampling, shards);
  enter(&trainer->critic, trainer->critic.pass, shards);
  enter(&trainer->critic, trainer->penalty.pass, shards);
}
