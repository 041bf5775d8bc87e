/* Memory that all ranks of a host see and may write to; for the files of src/dist only. */
#ifndef GAN_DIST_WINDOW_H
#define GAN_DIST_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "dist/world_state.h"

enum { GAN_PAGE = 4096 };

/* Opens a window of `bytes` on this host, of which the ranks have to provide all that they mean to touch before anybody
   does. Collective over the host, which has more than one rank; false on all of its ranks where it cannot be had. */
bool gan_window_open(gan_world *world, size_t bytes, gan_window *window);

/* Has the system provide the pages of [memory, memory+bytes) now, on this rank's NUMA node; a lack is an answer here,
   where it would be a signal later. Not collective; the ranks have to agree on the answer. */
bool gan_window_provide(void *memory, size_t bytes);

/* Collective over the host; a window that is not open is ignored. */
void gan_window_close(gan_window *window);

/* True when `mine` is on every rank of this host. Collective over the host. */
bool gan_host_all(gan_world *world, bool mine);

#endif
