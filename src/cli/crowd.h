/* More ranks than cores: what a user should know beside any time of waiting. */
#ifndef GAN_CLI_CROWD_H
#define GAN_CLI_CROWD_H

#include <stdbool.h>

#include "cli/json.h"
#include "gan_dist/world.h"

enum { GAN_CROWD_TEXT = 384 };

/* "8 ranks share 2 cores", with the host's name where there are several; "" where each rank of this host has a core. */
void gan_crowd_describe(const gan_world *world, char text[GAN_CROWD_TEXT]);

/* Whether ranks of this host share cores: what they do at the same time, they then do in turns. */
bool gan_crowded(const gan_world *world);

/* Adds `host_ranks` and `host_cores`: ranks on this host, and cores that they may use together. */
void gan_json_add_cores(struct json_object *object, const gan_world *world);

#endif
