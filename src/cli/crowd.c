#include "cli/crowd.h"

#include <stdio.h>

#include "dist/world.h"

bool gan_crowded(const gan_world *world) {
  const gan_host_cores here = gan_world_cores(world);
  return here.ranks > here.cores;
}

void gan_crowd_describe(const gan_world *world, char text[GAN_CROWD_TEXT]) {
  const gan_host_cores here = gan_world_cores(world);
  const bool several = gan_world_host_count(world) > 1;
  text[0] = '\0';
  if (!gan_crowded(world)) return;
  snprintf(text, GAN_CROWD_TEXT, "%d ranks share %d core%s%s%s", here.ranks, here.cores, here.cores == 1 ? "" : "s",
           several ? " on " : "", several ? gan_world_host(world) : "");
}

void gan_json_add_cores(struct json_object *object, const gan_world *world) {
  const gan_host_cores here = gan_world_cores(world);
  gan_json_add_integer(object, "host_ranks", here.ranks);
  gan_json_add_integer(object, "host_cores", here.cores);
}
