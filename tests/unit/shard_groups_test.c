/* Groups of a rank's shards: whatever they are, the rank's forest has the bits of the rank without groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/shard_groups.h"
#include "tree_support.h"

enum { MOST_SHARDS = 17, WIDTH = 5, LARGE = 100 };

/* Calls `look` for every rank of every world of up to MOST_SHARDS shards, cut into any number of groups. */
static void for_all_groups(void (*look)(const gan_shards *shards, int wanted, const gan_shard_groups *groups)) {
  for (int count = 1; count <= MOST_SHARDS; count++)
    for (int ranks = 1; ranks <= count; ranks++)
      for (int rank = 0; rank < ranks; rank++) {
        gan_shards shards;
        assert_int_equal(gan_shards_plan(count, 3 * count + 2, ranks, rank, &shards), GAN_OK);
        for (int wanted = 1; wanted <= shards.local + 2; wanted++) {
          gan_shard_groups groups;
          assert_int_equal(gan_shard_groups_plan(&shards, wanted, &groups), GAN_OK);
          look(&shards, wanted, &groups);
          gan_shard_groups_release(&groups);
        }
        gan_shards_release(&shards);
      }
}

static void groups_are_small(const gan_shards *shards, int wanted, const gan_shard_groups *groups) {
  const int most = (shards->local + wanted - 1) / wanted;
  int next = shards->first;
  for (int i = 0; i < groups->count; i++) {
    const gan_shards *group = &groups->group[i];
    assert_int_equal(group->first, next);
    assert_in_range(group->local, 1, most);
    assert_true(group->local <= groups->largest.local && group->slot_count <= shards->slot_count);
    assert_true(gan_shards_samples(group) <= gan_shards_samples(&groups->largest));
    next += group->local;
  }
  assert_int_equal(next, shards->first + shards->local);
  assert_true(groups->largest.first >= shards->first && groups->largest.first + groups->largest.local <= next);
}

static void groups_cover_the_rank_and_are_as_small_as_asked_for(void **state) {
  (void)state;
  for_all_groups(groups_are_small);
}

static void one_group_is_the_rank(const gan_shards *shards, int wanted, const gan_shard_groups *groups) {
  if (wanted > 1) return;
  const gan_shards *group = &groups->group[0];
  assert_int_equal(groups->count, 1);
  assert_int_equal(group->base + group->joins, 0);
  assert_int_equal(group->slot_count, shards->slot_count);
  assert_int_equal(group->node_count, shards->node_count);
  assert_memory_equal(group->nodes, shards->nodes, (size_t)shards->node_count * sizeof *shards->nodes);
  assert_memory_equal(group->folds, shards->folds, (size_t)shards->local * sizeof *shards->folds);
}

static void one_group_is_as_the_rank_without_groups(void **state) {
  (void)state;
  for_all_groups(one_group_is_the_rank);
}

/* A rank's slots. What is not needed any more, or not yet, holds NaN, which would spread. */
typedef struct rank_slots {
  float values[MOST_SHARDS][WIDTH + 2], *slots[MOST_SHARDS];
} rank_slots;

static void begin(rank_slots *stack) {
  memset(stack->values, 0xff, sizeof stack->values);
  for (int slot = 0; slot < MOST_SHARDS; slot++) stack->slots[slot] = stack->values[slot];
}

static void expect_forest(const gan_shards *shards, const rank_slots *stack) {
  for (int node = 0; node < shards->node_count; node++)
    for (int place = 0; place < WIDTH; place++) {
      const float expected = tree_sum(shards->nodes[node].low, shards->nodes[node].high, place);
      assert_memory_equal(&stack->values[shards->base + node][place + 1], &expected, sizeof expected);
    }
}

/* As layers do that fold shard by shard. */
static void folded_forest_is_the_rank_s(const gan_shards *shards, int wanted, const gan_shard_groups *groups) {
  (void)wanted;
  rank_slots stack;
  begin(&stack);
  for (int g = 0; g < groups->count; g++) {
    const gan_shards *group = &groups->group[g];
    for (int i = 0; i < group->local; i++) {
      assert_in_range(group->slot[i], group->base, shards->slot_count - 1);
      for (int place = 0; place < WIDTH; place++)
        stack.values[group->slot[i]][place + 1] = leaf(group->first + i, place);
      gan_shards_fold(group, i, stack.slots, 1, WIDTH);
    }
    expect_forest(group, &stack);
    gan_shards_join(group, stack.slots, 1, WIDTH);
  }
  expect_forest(shards, &stack);
}

static void groups_folded_one_after_the_other_leave_the_forest_of_the_rank(void **state) {
  (void)state;
  for_all_groups(folded_forest_is_the_rank_s);
}

/* As kernels do that keep partial sums to themselves, and write only what is complete. */
static void written_forest_is_the_rank_s(const gan_shards *shards, int wanted, const gan_shard_groups *groups) {
  (void)wanted;
  rank_slots slots;
  begin(&slots);
  for (int g = 0; g < groups->count; g++) {
    const gan_shards *group = &groups->group[g];
    rank_slots own;
    begin(&own);
    for (int i = 0; i < group->local; i++) {
      const int place = group->slot[i] - group->folds[i];
      for (int j = 0; j < WIDTH; j++) own.values[group->slot[i]][j + 1] = leaf(group->first + i, j);
      gan_shards_fold(group, i, own.slots, 1, WIDTH);
      if (gan_shards_complete(group, i)) memcpy(slots.values[place], own.values[place], sizeof own.values[place]);
    }
    gan_shards_join(group, slots.slots, 1, WIDTH);
  }
  expect_forest(shards, &slots);
}

static void complete_trees_of_groups_are_all_that_the_forest_of_the_rank_needs(void **state) {
  (void)state;
  for_all_groups(written_forest_is_the_rank_s);
}

/* The first groups of a power of two are halves, quarters, ... of it. */
static void equal_groups_of_a_whole_tree_are_nodes_of_it(void **state) {
  (void)state;
  gan_shards shards;
  assert_int_equal(gan_shards_plan(64, 64, 1, 0, &shards), GAN_OK);
  for (int count = 1; count <= 64; count *= 2) {
    gan_shard_groups groups;
    assert_int_equal(gan_shard_groups_plan(&shards, count, &groups), GAN_OK);
    assert_int_equal(groups.count, count);
    for (int i = 0; i < count; i++) {
      assert_int_equal(groups.group[i].local, 64 / count);
      assert_int_equal(groups.group[i].node_count, 1);
    }
    gan_shard_groups_release(&groups);
  }
  gan_shards_release(&shards);
}

static void lack_of_memory_is_an_error_that_leaves_nothing(void **state) {
  (void)state;
  gan_shards shards;
  gan_shard_groups groups;
  assert_int_equal(gan_shards_plan(LARGE, LARGE, 3, 1, &shards), GAN_OK);
  for (int nth = 1; nth <= 3; nth++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    assert_int_equal(gan_shard_groups_plan(&shards, 4, &groups), GAN_FAILED);
    assert_null(groups.group);
  }
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  gan_shards_release(&shards);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_cover_the_rank_and_are_as_small_as_asked_for),
      cmocka_unit_test(one_group_is_as_the_rank_without_groups),
      cmocka_unit_test(groups_folded_one_after_the_other_leave_the_forest_of_the_rank),
      cmocka_unit_test(complete_trees_of_groups_are_all_that_the_forest_of_the_rank_needs),
      cmocka_unit_test(equal_groups_of_a_whole_tree_are_nodes_of_it),
      cmocka_unit_test(lack_of_memory_is_an_error_that_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
