#include "base/shard_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The shard after the group's last, if it begins with local shard `begin` and has at most `most`. It ends early with
   the shard whose folds go below its first slot. */
static int group_end(const gan_shards *shards, int begin, int most) {
  int end = begin + 1;
  while (end < shards->local && end - begin < most &&
         shards->slot[end - 1] - shards->folds[end - 1] >= shards->slot[begin])
    end++;
  return end;
}

static int count_groups(const gan_shards *shards, int most) {
  int count = 0;
  for (int begin = 0; begin < shards->local; begin = group_end(shards, begin, most)) count++;
  return count;
}

/* As small as gives no more groups. */
static int most_shards(const gan_shards *shards, int64_t wanted) {
  int most = (int)((shards->local + wanted - 1) / wanted);
  while (most > 1 && count_groups(shards, most - 1) == count_groups(shards, most)) most--;
  return most;
}

/* The rank's shards from local shard `begin` on, with its slots. */
static gan_shards part_of(const gan_shards *shards, int begin, int local) {
  gan_shards part = *shards;
  part.first += begin;
  part.local = local;
  part.slot += begin;
  part.folds += begin;
  return part;
}

/* Folds as far as the group's own slots go, and the sums that they leave there. `folds` and `nodes` are the group's. */
static gan_shards plan_group(const gan_shards *shards, int begin, int end, int *folds, gan_shard_node *nodes) {
  gan_shards group = part_of(shards, begin, end - begin);
  group.base = group.slot[0];
  group.slot_count = 0;
  for (int i = 0; i < group.local; i++) {
    const int own = group.slot[i] - group.base;
    folds[i] = group.folds[i] < own ? group.folds[i] : own;
    group.joins = group.folds[i] - folds[i];
    nodes[own] = (gan_shard_node){group.first + i, group.first + i + 1};
    for (int fold = 0; fold < folds[i]; fold++) nodes[own - fold - 1].high = nodes[own - fold].high;
    group.node_count = own - folds[i] + 1;
    if (group.slot[i] >= group.slot_count) group.slot_count = group.slot[i] + 1;
  }
  group.folds = folds;
  group.nodes = nodes;
  return group;
}

static gan_shards find_largest(const gan_shards *shards, const gan_shard_groups *groups) {
  int local = 0;
  for (int i = 0; i < groups->count; i++)
    if (groups->group[i].local > local) local = groups->group[i].local;
  gan_shards largest = part_of(shards, 0, local);
  for (int begin = 1; begin + local <= shards->local; begin++) {
    const gan_shards other = part_of(shards, begin, local);
    if (gan_shards_samples(&other) > gan_shards_samples(&largest)) largest = other;
  }
  return largest;
}

gan_status gan_shard_groups_plan(const gan_shards *shards, int64_t wanted, gan_shard_groups *groups) {
  const int most = most_shards(shards, wanted);
  const size_t local = (size_t)shards->local, count = (size_t)count_groups(shards, most);
  *groups = (gan_shard_groups){.count = 0};
  gan_status status = gan_allocate(count, sizeof *groups->group, "the shard plan", &groups->group);
  if (status == GAN_OK) status = gan_allocate(local, sizeof *groups->folds, "the shard plan", &groups->folds);
  if (status == GAN_OK) status = gan_allocate(local, sizeof *groups->nodes, "the shard plan", &groups->nodes);
  if (status != GAN_OK) {
    gan_shard_groups_release(groups);
    return status;
  }
  for (int begin = 0, end; begin < shards->local; begin = end) {
    end = group_end(shards, begin, most);
    groups->group[groups->count++] = plan_group(shards, begin, end, groups->folds + begin, groups->nodes + begin);
  }
  groups->largest = find_largest(shards, groups);
  return GAN_OK;
}

void gan_shard_groups_release(gan_shard_groups *groups) {
  free(groups->group);
  free(groups->folds);
  free(groups->nodes);
  memset(groups, 0, sizeof *groups);
}
