/* The table of borders (borders.h); names and positions are those of PyTorch's padding modes. */
#include "kernels/borders.h"

#include <string.h>

static int64_t everywhere(int64_t size) {
  (void)size;
  return INT64_MAX;
}

/* All positions but the end itself, which is not repeated. */
static int64_t all_but_one(int64_t size) { return size - 1; }

static int64_t all(int64_t size) { return size; }

static int64_t nowhere(int64_t position, int64_t size) {
  (void)position, (void)size;
  return -1;
}

static int64_t reflected(int64_t position, int64_t size) {
  return position < 0 ? -position : 2 * (size - 1) - position;
}

static int64_t nearest(int64_t position, int64_t size) { return position < 0 ? 0 : size - 1; }

static int64_t around(int64_t position, int64_t size) { return position < 0 ? position + size : position - size; }

const gan_border gan_borders[] = {
    {.name = "zeros", .source = nowhere, .reach = everywhere},
    {.name = "reflect", .source = reflected, .reach = all_but_one},
    {.name = "replicate", .source = nearest, .reach = everywhere},
    {.name = "circular", .source = around, .reach = all},
};
const int gan_border_count = sizeof gan_borders / sizeof *gan_borders;

const gan_border *gan_border_find(const char *name) {
  for (int i = 0; i < gan_border_count; i++)
    if (strcmp(gan_borders[i].name, name) == 0) return &gan_borders[i];
  return NULL;
}
