/* The shard plan against a straightforward recursive evaluation of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/shards.h"
#include "tree_support.h"

enum { MOST_SHARDS = 40, WIDTH = 3 };

/* The largest tree nodes inside [first, end), found from the top; returns how many. */
static int expected_forest(int low, int high, int first, int end, gan_shard_node *nodes, int count) {
  if (low >= end || high <= first) return count;
  if (low >= first && high <= end) {
    nodes[count] = (gan_shard_node){low, high};
    return count + 1;
  }
  const int middle = low + (high - low + 1) / 2;
  count = expected_forest(low, middle, first, end, nodes, count);
  return expected_forest(middle, high, first, end, nodes, count);
}

/* Calls `look` with the plan of every rank of every world of up to MOST_SHARDS shards. */
static void for_all_plans(void (*look)(const gan_shards *shards)) {
  for (int count = 1; count <= MOST_SHARDS; count++)
    for (int ranks = 1; ranks <= count; ranks++)
      for (int rank = 0; rank < ranks; rank++) {
        gan_shards shards;
        assert_int_equal(gan_shards_plan(count, 3 * count + 2, ranks, rank, &shards), GAN_OK);
        look(&shards);
        gan_shards_release(&shards);
      }
}

static void forest_is_as_found_from_the_top(const gan_shards *shards) {
  gan_shard_node nodes[MOST_SHARDS];
  const int end = shards->first + shards->local;
  const int count = expected_forest(0, shards->count, shards->first, end, nodes, 0);
  assert_int_equal(shards->node_count, count);
  assert_memory_equal(shards->nodes, nodes, (size_t)count * sizeof *nodes);
}

static void each_rank_has_the_largest_trees_of_its_range(void **state) {
  (void)state;
  for_all_plans(forest_is_as_found_from_the_top);
}

static void forests_of_all_ranks_cover_each_shard_once(void **state) {
  (void)state;
  for (int count = 1; count <= MOST_SHARDS; count++)
    for (int ranks = 1; ranks <= count; ranks++) {
      int next = 0;
      for (int rank = 0; rank < ranks; rank++) {
        gan_shards shards;
        assert_int_equal(gan_shards_plan(count, count, ranks, rank, &shards), GAN_OK);
        assert_true(shards.local >= 1);
        for (int node = 0; node < shards.node_count; node++) {
          assert_int_equal(shards.nodes[node].low, next);
          next = shards.nodes[node].high;
        }
        gan_shards_release(&shards);
      }
      assert_int_equal(next, count);
    }
}

/* Follows the plan with real numbers. A slot that is not needed any more, or not yet, holds NaN, which would spread. */
static void folds_give_tree_sums(const gan_shards *shards) {
  float values[MOST_SHARDS][WIDTH + 2], *slots[MOST_SHARDS];
  double doubles[MOST_SHARDS][WIDTH], *double_slots[MOST_SHARDS];
  assert_true(shards->slot_count <= MOST_SHARDS);
  memset(values, 0xff, sizeof values);
  memset(doubles, 0xff, sizeof doubles);
  for (int slot = 0; slot < MOST_SHARDS; slot++) {
    slots[slot] = values[slot];
    double_slots[slot] = doubles[slot];
  }
  for (int i = 0; i < shards->local; i++) {
    assert_in_range(shards->slot[i], 0, shards->slot_count - 1);
    for (int place = 0; place < WIDTH; place++) {
      values[shards->slot[i]][place + 1] = leaf(shards->first + i, place);
      doubles[shards->slot[i]][place] = 1 << (shards->first + i) % 30;
    }
    gan_shards_fold(shards, i, slots, 1, WIDTH);
    gan_shards_fold_double(shards, i, double_slots, WIDTH);
  }
  for (int node = 0; node < shards->node_count; node++)
    for (int place = 0; place < WIDTH; place++) {
      const float expected = tree_sum(shards->nodes[node].low, shards->nodes[node].high, place);
      assert_memory_equal(&values[node][place + 1], &expected, sizeof expected);
      double exact = 0; /* sums of few integers below 2^30: exact in any order */
      for (int shard = shards->nodes[node].low; shard < shards->nodes[node].high; shard++) exact += 1 << shard % 30;
      assert_true(doubles[node][place] == exact);
    }
}

static void folding_shards_in_order_gives_the_sums_of_the_forest_bit_for_bit(void **state) {
  (void)state;
  for_all_plans(folds_give_tree_sums);
}

static void another_order_of_additions_changes_bits(void **state) {
  (void)state;
  int differences = 0;
  for (int place = 0; place < 100; place++) {
    float sum = 0;
    for (int shard = 0; shard < 8; shard++) sum += leaf(shard, place);
    differences += sum != tree_sum(0, 8, place);
  }
  assert_true(differences > 10);
}

static void folding_leaves_what_is_outside_the_range_alone(void **state) {
  (void)state;
  gan_shards shards;
  assert_int_equal(gan_shards_plan(2, 2, 1, 0, &shards), GAN_OK);
  float left[4] = {1, 2, 3, 4}, right[4] = {10, 20, 30, 40};
  float *slots[2] = {left, right};
  gan_shards_fold(&shards, 1, slots, 1, 2);
  const float expected[4] = {1, 22, 33, 4};
  assert_memory_equal(left, expected, sizeof expected);
  gan_shards_release(&shards);
}

static void slots_grow_with_the_logarithm_of_the_shards(void **state) {
  (void)state;
  gan_shards shards;
  assert_int_equal(gan_shards_plan(1 << 16, 1 << 16, 1, 0, &shards), GAN_OK);
  assert_int_equal(shards.slot_count, 17);
  assert_int_equal(shards.node_count, 1);
  gan_shards_release(&shards);
}

static void owner_is_the_inverse_of_first(void **state) {
  (void)state;
  for (int count = 1; count <= MOST_SHARDS; count++)
    for (int ranks = 1; ranks <= count; ranks++) {
      gan_shards shards;
      assert_int_equal(gan_shards_plan(count, count, ranks, 0, &shards), GAN_OK);
      assert_int_equal(gan_shards_first(&shards, 0), 0);
      assert_int_equal(gan_shards_first(&shards, ranks), count);
      for (int rank = 0; rank < ranks; rank++)
        for (int shard = gan_shards_first(&shards, rank); shard < gan_shards_first(&shards, rank + 1); shard++)
          assert_int_equal(gan_shards_owner(&shards, shard), rank);
      gan_shards_release(&shards);
    }
}

static void samples_of_the_batch_are_dealt_out_evenly(void **state) {
  (void)state;
  for (int64_t batch = 7; batch < 60; batch++)
    for (int rank = 0; rank < 3; rank++) {
      gan_shards shards;
      assert_int_equal(gan_shards_plan(7, batch, 3, rank, &shards), GAN_OK);
      assert_int_equal(gan_shard_begin(&shards, 0), 0);
      assert_int_equal(gan_shard_begin(&shards, 7), batch);
      int64_t samples = 0;
      for (int i = 0; i < shards.local; i++) {
        assert_in_range(gan_shard_samples(&shards, i), batch / 7, (batch + 6) / 7);
        samples += gan_shard_samples(&shards, i);
      }
      assert_int_equal(gan_shards_samples(&shards), samples);
      gan_shards_release(&shards);
    }
}

static void the_largest_batch_does_not_overflow(void **state) {
  (void)state;
  gan_shards shards;
  assert_int_equal(gan_shards_plan(1000, INT32_MAX, 999, 998, &shards), GAN_OK);
  assert_int_equal(gan_shard_begin(&shards, 1000), INT32_MAX);
  assert_int_equal(gan_shard_begin(&shards, 500), INT64_C(1073741823));
  gan_shards_release(&shards);
}

static void the_usual_number_of_shards_is_8_within_batch_and_ranks(void **state) {
  (void)state;
  static const struct {
    int64_t asked, batch;
    int ranks, expected;
  } rows[] = {{0, 64, 1, 8},   {0, 64, 2, 8},   {0, 64, 3, 8}, {0, 64, 8, 8},       {0, 64, 9, 9},
              {0, 64, 48, 48}, {0, 8, 1, 8},    {0, 5, 1, 5},  {0, 5, 5, 5},        {0, 1, 1, 1},
              {1, 64, 1, 1},   {16, 64, 2, 16}, {3, 64, 5, 3}, {0, INT32_MAX, 1, 8}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(gan_shards_count(rows[i].asked, rows[i].batch, rows[i].ranks), rows[i].expected);
}

static void plans_that_cannot_work_are_refused(void **state) {
  (void)state;
  static const struct {
    int count;
    int64_t batch;
    int ranks, rank;
  } bad[] = {{0, 8, 1, 0},  {8, 0, 1, 0},  {4, 8, 5, 0},
             {8, 7, 1, 0},  {-1, 8, 1, 0}, {8, 8, 0, 0},
             {8, 8, 2, -1}, {8, 8, 2, 2},  {8, INT64_C(1) << 31, 1, 0}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    gan_shards shards;
    gan_error_set("");
    assert_int_equal(gan_shards_plan(bad[i].count, bad[i].batch, bad[i].ranks, bad[i].rank, &shards), GAN_BAD_USAGE);
    assert_true(*gan_error_message());
    gan_shards_release(&shards);
  }
}

static void lack_of_memory_is_an_error_wherever_it_strikes(void **state) {
  (void)state;
  int failed = 0;
  for (gan_status status = GAN_FAILED; status != GAN_OK; failed += status != GAN_OK) {
    gan_shards shards;
    gan_fault_arm(GAN_FAULT_ALLOCATION, failed + 1);
    status = gan_shards_plan(8, 8, 1, 0, &shards);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) gan_shards_release(&shards);
    assert_true(status == GAN_OK || status == GAN_FAILED);
  }
  assert_true(failed >= 1);
}

/* Sums the whole tree from the forests of ranks or other owners, the way base/shards.h describes. */
static float sum_of_pieces(const gan_shards *shards, gan_shard_node root, int place) {
  float stack[MOST_SHARDS];
  int height = 0;
  for (int low = root.low; low < root.high;) {
    const int end = gan_shards_first(shards, gan_shards_owner(shards, low) + 1);
    const gan_shard_piece piece = gan_shards_piece(root, low, end);
    assert_int_equal(piece.node.low, low);
    assert_true(piece.node.high <= end && piece.node.high <= root.high);
    assert_int_equal(piece.height, height);
    stack[height++] = tree_sum(piece.node.low, piece.node.high, place);
    for (int fold = 0; fold < piece.folds; fold++, height--) stack[height - 2] += stack[height - 1];
    low = piece.node.high;
  }
  assert_int_equal(height, 1);
  return stack[0];
}

static void pieces_are_the_forest_and_sum_up_to_the_tree(const gan_shards *shards) {
  int low = shards->first;
  for (int i = 0; i < shards->node_count; i++) {
    const gan_shard_piece piece =
        gan_shards_piece((gan_shard_node){0, shards->count}, low, shards->first + shards->local);
    assert_int_equal(piece.node.low, shards->nodes[i].low);
    assert_int_equal(piece.node.high, shards->nodes[i].high);
    low = piece.node.high;
    const float sum = sum_of_pieces(shards, shards->nodes[i], 0), expected = tree_sum(piece.node.low, low, 0);
    assert_memory_equal(&sum, &expected, sizeof sum);
  }
  assert_int_equal(low, shards->first + shards->local);
  if (shards->rank > 0) return;
  for (int place = 0; place < WIDTH; place++) {
    const float sum = sum_of_pieces(shards, (gan_shard_node){0, shards->count}, place);
    const float expected = tree_sum(0, shards->count, place);
    assert_memory_equal(&sum, &expected, sizeof sum);
  }
}

static void pieces_of_all_owners_sum_up_to_the_tree_bit_for_bit(void **unused) {
  (void)unused;
  for_all_plans(pieces_are_the_forest_and_sum_up_to_the_tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_rank_has_the_largest_trees_of_its_range),
      cmocka_unit_test(forests_of_all_ranks_cover_each_shard_once),
      cmocka_unit_test(folding_shards_in_order_gives_the_sums_of_the_forest_bit_for_bit),
      cmocka_unit_test(pieces_of_all_owners_sum_up_to_the_tree_bit_for_bit),
      cmocka_unit_test(another_order_of_additions_changes_bits),
      cmocka_unit_test(folding_leaves_what_is_outside_the_range_alone),
      cmocka_unit_test(slots_grow_with_the_logarithm_of_the_shards),
      cmocka_unit_test(owner_is_the_inverse_of_first),
      cmocka_unit_test(samples_of_the_batch_are_dealt_out_evenly),
      cmocka_unit_test(the_largest_batch_does_not_overflow),
      cmocka_unit_test(the_usual_number_of_shards_is_8_within_batch_and_ranks),
      cmocka_unit_test(plans_that_cannot_work_are_refused),
      cmocka_unit_test(lack_of_memory_is_an_error_wherever_it_strikes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
