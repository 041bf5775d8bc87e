/* Sums of products over shards, with every backend, precision and level of kernels that this CPU has: against sums in
   double, and bit for bit against what ranks of one shard each would add along the tree; all shards of a rank at once,
   and in groups. */
#include "kernels/shard_products.h"

#include <math.h>

#include "base/shard_groups.h"
#include "product_support.h"
#include "shard_support.h"

/* m, n; batch, shards, parts. Whole tiles and ragged ones, narrow layers, shards of unequal size, one group and
   several, a panel's full depth and one row more, as many rows as have no place at once, a shard alone. */
static const int64_t cases[][5] = {
    {16, 48, 8, 8, 1},     {33, 50, 24, 8, 2},    {64, 96, 61, 8, 2},  {17, 130, 29, 5, 1}, {120, 47, 100, 7, 2},
    {8, 300, 64, 8, 1},    {300, 2, 64, 8, 2},    {1, 64, 16, 4, 2},   {40, 64, 384, 2, 1}, {40, 64, 386, 2, 1},
    {40, 100, 768, 8, 2},  {24, 70, 770, 8, 2},   {330, 49, 90, 3, 2}, {32, 64, 64, 1, 1},  {350, 64, 64, 33, 2},
    {20, 50, 8200, 64, 1}, {600, 33, 128, 64, 2},
};
enum { CASES = sizeof cases / sizeof *cases, OFFSET = 3, GUARD = 5, MOST_GROUPS = 4 };

typedef struct rank_sums {
  gan_shards shards;
  float *slots[64];
} rank_sums;

static void create_sums(int64_t count, int64_t batch, int ranks, int rank, size_t size, rank_sums *sums) {
  assert_int_equal(gan_shards_plan((int)count, batch, ranks, rank, &sums->shards), GAN_OK);
  for (int i = 0; i < sums->shards.slot_count; i++) sums->slots[i] = random_vector(9, OFFSET + size + GUARD);
}

static void release_sums(rank_sums *sums) {
  for (int i = 0; i < sums->shards.slot_count; i++) free(sums->slots[i]);
  gan_shards_release(&sums->shards);
}

typedef struct operands {
  int64_t m, n, batch, count, parts;
  float *a, *b;
} operands;

static size_t size_of(const operands *of) { return (size_t)(of->m * of->n); }

/* Of a rank that owns some of the shards, group after group; of no value beside its place in a slot. */
static void multiply(const gan_backend *backend, const operands *of, int wanted, rank_sums *sums) {
  float *guard = random_vector(9, OFFSET + size_of(of) + GUARD);
  gan_shard_groups groups;
  assert_int_equal(gan_shard_groups_plan(&sums->shards, wanted, &groups), GAN_OK);
  for (int i = 0; i < groups.count; i++) {
    const gan_shards *group = &groups.group[i];
    const int64_t first = of->parts * gan_shard_begin(group, group->first);
    const gan_shard_rows rows = {group, of->parts, of->m, of->n, of->a + first * of->m, of->b + first * of->n};
    gan_shard_products(backend, &rows, sums->slots, OFFSET);
    gan_shards_join(group, sums->slots, OFFSET, size_of(of));
  }
  gan_shard_groups_release(&groups);
  for (int i = 0; i < sums->shards.slot_count; i++) {
    assert_memory_equal(sums->slots[i], guard, OFFSET * sizeof *guard);
    assert_memory_equal(sums->slots[i] + OFFSET + size_of(of), guard + OFFSET + size_of(of), GUARD * sizeof *guard);
  }
  free(guard);
}

static void check_ranks(const gan_backend *backend, const operands *of, float *const *single, int ranks, int wanted) {
  for (int rank = 0; rank < ranks; rank++) {
    rank_sums sums;
    create_sums(of->count, of->batch, ranks, rank, size_of(of), &sums);
    multiply(backend, of, wanted, &sums);
    for (int i = 0; i < sums.shards.node_count; i++) {
      float *right = add_tree(single, size_of(of), sums.shards.nodes[i].low, sums.shards.nodes[i].high);
      assert_memory_equal(sums.slots[i] + OFFSET, right, size_of(of) * sizeof *right);
      free(right);
    }
    release_sums(&sums);
  }
}

/* Of all samples, in double; in bfloat16 each operand is off by 2^-9 at most. */
static void check_value(const gan_backend *backend, const operands *of, const float *sum) {
  const double tolerance = backend->precision == GAN_BFLOAT16 ? 1.0 / 250 : 1e-6;
  const int64_t rows = of->parts * of->batch;
  for (int64_t i = 0; i < of->m; i++)
    for (int64_t j = 0; j < of->n; j++) {
      double right = 0, magnitude = 0;
      for (int64_t k = 0; k < rows; k++) {
        const double term = (double)of->a[k * of->m + i] * (double)of->b[k * of->n + j];
        right += term;
        magnitude += fabs(term);
      }
      assert_true(fabs((double)sum[i * of->n + j] - right) <= tolerance * magnitude);
    }
}

static void check_case(const gan_backend *backend, const operands *of) {
  rank_sums single[64];
  float *leaves[64];
  for (int i = 0; i < of->count; i++) {
    create_sums(of->count, of->batch, (int)of->count, i, size_of(of), &single[i]);
    multiply(backend, of, 1, &single[i]);
    leaves[i] = single[i].slots[0] + OFFSET;
  }
  float *sum = add_tree(leaves, size_of(of), 0, (int)of->count);
  check_value(backend, of, sum);
  free(sum);
  for (int ranks = 1; ranks <= 3 && ranks <= of->count; ranks++)
    for (int wanted = 1; wanted <= MOST_GROUPS; wanted += 2) check_ranks(backend, of, leaves, ranks, wanted);
  for (int i = 0; i < of->count; i++) release_sums(&single[i]);
}

static void check_cases(const gan_backend *backend) {
  for (int i = 0; i < CASES; i++) {
    const int64_t *size = cases[i];
    operands of = {.m = size[0], .n = size[1], .batch = size[2], .count = size[3], .parts = size[4]};
    of.a = random_vector(1, (size_t)(of.parts * of.batch * of.m));
    of.b = random_vector(2, (size_t)(of.parts * of.batch * of.n));
    check_case(backend, &of);
    free(of.a), free(of.b);
  }
}

static void sums_in_float32_are_those_of_one_shard_a_rank_added_along_the_tree(void **unused) {
  (void)unused;
  check_every_kernel(GAN_FLOAT32, check_cases);
}

static void sums_in_bfloat16_are_those_of_one_shard_a_rank_added_along_the_tree(void **unused) {
  (void)unused;
  if (!gan_tiles_available(GAN_BFLOAT16)) skip();
  check_every_kernel(GAN_BFLOAT16, check_cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_in_float32_are_those_of_one_shard_a_rank_added_along_the_tree),
      cmocka_unit_test(sums_in_bfloat16_are_those_of_one_shard_a_rank_added_along_the_tree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
