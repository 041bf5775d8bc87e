#include "train/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/internal.h"

static int place_of(const gan_profile *profile, const gan_layer *layer) {
  return profile->place[(layer->network == profile->generator ? 0 : profile->generator->layer_count) + layer->index];
}

static void note(void *context, const gan_layer *layer, gan_layer_work work, int64_t rows) {
  gan_profile *profile = context;
  const double now = gan_seconds(), since = now - profile->last;
  const int place = layer ? place_of(profile, layer) : -1;
  profile->last = now;
  if (place < 0) return;
  gan_layer_time *time = &profile->layers[place];
  time->seconds[work] += since;
  if (layer->type->flops) time->flops[work] += (double)rows * layer->type->flops(layer);
}

static void list_layers(const char *name, const gan_network *network, int *place, gan_profile *profile) {
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    place[i] = -1;
    if (!layer->type->forward && !layer->type->backward) continue;
    place[i] = profile->count;
    gan_layer_time *time = &profile->layers[profile->count++];
    *time = (gan_layer_time){.network = name, .kind = layer->type->name};
    snprintf(time->path, sizeof time->path, "%s", layer->path);
  }
}

static void set_watch(gan_trainer *trainer, gan_pass_watch watch) {
  trainer->generator.pass->watch = trainer->critic.pass->watch = trainer->sampling->watch = watch;
}

gan_status gan_profile_begin(gan_trainer *trainer, gan_profile **profile) {
  const gan_network *generator = trainer->generator.network, *critic = trainer->critic.network;
  const size_t layers = (size_t)generator->layer_count + (size_t)critic->layer_count;
  gan_profile *made = NULL;
  *profile = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a profile", &made));
  gan_status status = gan_allocate(layers, sizeof *made->layers, "a profile", &made->layers);
  if (status == GAN_OK) status = gan_allocate(layers, sizeof *made->place, "a profile", &made->place);
  if (status != GAN_OK) {
    gan_profile_destroy(made);
    return status;
  }
  made->generator = generator;
  list_layers("generator", generator, made->place, made);
  list_layers("critic", critic, made->place + generator->layer_count, made);
  set_watch(trainer, (gan_pass_watch){.done = note, .context = made});
  *profile = made;
  return GAN_OK;
}

void gan_profile_end(gan_trainer *trainer) { set_watch(trainer, (gan_pass_watch){0}); }

void gan_profile_destroy(gan_profile *profile) {
  if (!profile) return;
  free(profile->layers);
  free(profile->place);
  free(profile);
}
