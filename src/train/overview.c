#include "train/overview.h"

#include <stdio.h>

#include "kernels/precision.h"
#include "train/internal.h"

static gan_network_overview network_overview(const gan_player *player) {
  return (gan_network_overview){.parameters = player->network->parameter_count,
                                .flops = gan_network_flops(player->network)};
}

void gan_trainer_overview(const gan_trainer *trainer, gan_overview *overview) {
  const gan_config *config = trainer->config;
  const gan_source *source = trainer->source;
  const gan_backend *backend = trainer->generator.network->options.backend;
  *overview = (gan_overview){
      .source = source->type->name,
      .path = gan_source_type_reads(source->type, "data.path") ? config->data.path : "",
      .shape = source->shape,
      .samples = source->count,
      .classes = source->label_count,
      .weighted = source->weights != NULL,
      .lowest = (double)trainer->real_lowest,
      .highest = (double)trainer->real_highest,
      .generator = network_overview(&trainer->generator),
      .critic = network_overview(&trainer->critic),
      .loss = trainer->loss->name,
      .optimizer = config->optimizer.name,
      .distance = trainer->loss->wants_lipschitz,
      .iteration = trainer->iteration,
      .iterations = config->run.iterations,
      .ranks = gan_world_size(trainer->world),
      .hosts = gan_world_host_count(trainer->world),
      .backend = backend->name,
      .precision = gan_precision_name(backend->precision),
      .reduction = gan_reduction_name(trainer->generator.reduction),
      .evaluation_every = config->eval.every,
      .evaluation_samples = trainer->evaluation_count,
      .modes = trainer->mode_count,
      .best = config->eval.best,
      .better = gan_judge_direction(config),
      .folder = trainer->folder,
  };
  gan_evaluator_names(&trainer->evaluator, sizeof overview->metrics, overview->metrics);
  if (overview->metrics[0])
    snprintf(overview->features, sizeof overview->features, "%s", trainer->evaluator.about.name);
  gan_trainer_work(trainer, &overview->work);
}
