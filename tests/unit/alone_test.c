/* A world of one process without MPI: all that a world offers works in it, and MPI is never started. Had a function
   called MPI, Open MPI would have ended the process. */
#include <math.h>
#include <mpi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "dist/reduction.h"
#include "dist/watchdog.h"
#include "dist/world.h"

enum { SHARDS = 5, BATCH = 11, COUNT = 3 };

typedef struct alone {
  gan_world *world;
  gan_shards shards;
} alone;

static int open_world(void **state) {
  static alone test;
  *state = &test;
  return gan_world_alone(&test.world) != GAN_OK ||
         gan_world_plan_shards(test.world, SHARDS, BATCH, &test.shards) != GAN_OK;
}

static int close_world(void **state) {
  alone *test = *state;
  int started = 1;
  gan_shards_release(&test->shards);
  gan_world_close(test->world);
  MPI_Initialized(&started);
  return started;
}

static void it_knows_where_it_is(void **state) {
  const gan_world *world = ((alone *)*state)->world;
  char host[256];
  assert_int_equal(gethostname(host, sizeof host), 0);
  assert_string_equal(gan_world_host(world), host);
  assert_int_equal(gan_world_rank(world), 0);
  assert_int_equal(gan_world_size(world), 1);
  assert_int_equal(gan_world_host_size(world), 1);
  assert_int_equal(gan_world_host_rank(world), 0);
  assert_int_equal(gan_world_host_count(world), 1);
  assert_true(gan_world_speaks(world));
  assert_int_equal(gan_world_check_launcher(world), GAN_OK);
}

static void it_agrees_with_itself(void **state) {
  gan_world *world = ((alone *)*state)->world;
  gan_difference difference;
  int number = 7;
  assert_int_equal(gan_world_agree(world, GAN_OK), GAN_OK);
  assert_int_equal(gan_world_agree(world, gan_fail(GAN_BAD_FILE, "this file")), GAN_BAD_FILE);
  assert_string_equal(gan_error_message(), "this file");
  assert_true(gan_world_maximum(world, -3) == -3);
  assert_true(isnan(gan_world_maximum(world, NAN)));
  assert_true(gan_world_same_hash(world, 42, &difference));
  gan_world_broadcast(world, &number, sizeof number);
  gan_world_barrier(world);
  assert_int_equal(number, 7);
}

/* Whole numbers, whose sum is the same in any order. */
static void it_sums_and_gathers_its_shards(void **state) {
  const alone *test = *state;
  double values[SHARDS * COUNT], total[COUNT];
  float mine[BATCH], all[BATCH] = {0};
  for (int i = 0; i < SHARDS * COUNT; i++) values[i] = i;
  gan_world_sum(test->world, &test->shards, values, COUNT, total);
  for (int j = 0; j < COUNT; j++) assert_true(total[j] == COUNT * (0 + 1 + 2 + 3 + 4) + SHARDS * j);
  for (int i = 0; i < BATCH; i++) mine[i] = (float)i;
  gan_world_gather(test->world, &test->shards, 1, mine, all);
  assert_memory_equal(mine, all, sizeof mine);
}

static gan_status fill(void *context, void *memory, size_t bytes) {
  memset(memory, *(const int *)context, bytes);
  return GAN_OK;
}

static void it_shares_memory_with_itself(void **state) {
  gan_world *world = ((alone *)*state)->world;
  int seven = 7;
  unsigned char *memory;
  assert_int_equal(gan_world_share(world, 1000, fill, &seven, (void **)&memory), GAN_OK);
  assert_int_equal(memory[0], 7);
  assert_int_equal(memory[999], 7);
  gan_world_unshare(world, memory);
  /* This one is left to gan_world_close. */
  assert_int_equal(gan_world_share(world, 1000, fill, &seven, (void **)&memory), GAN_OK);
}

static void subtract(void *context, size_t offset, size_t count, const float *gradient) {
  float *parameters = gan_reduction_parameters(context);
  for (size_t i = 0; i < count; i++) parameters[offset + i] -= gradient[i];
}

/* Each reduction that may be asked for; one rank has the flat one with all names. */
static void it_reduces_gradients(void **state) {
  const alone *test = *state;
  for (int variant = 0; variant < gan_reduction_variant_count(); variant++) {
    gan_reduction *reduction;
    assert_int_equal(
        gan_reduction_create(test->world, &test->shards, gan_reduction_variant_name(variant), COUNT, 1, &reduction),
        GAN_OK);
    float *const *slots = gan_reduction_slots(reduction);
    for (int shard = 0; shard < SHARDS; shard++) {
      for (int j = 0; j < COUNT; j++) slots[test->shards.slot[shard]][j] = (float)(shard + j);
      gan_shards_fold(&test->shards, shard, slots, 0, COUNT);
    }
    gan_reduction_filled(reduction, 0);
    gan_reduction_update(reduction, subtract, reduction, true);
    /* Squares of 10, 15 and 20. */
    assert_true(gan_reduction_await(reduction) == 725);
    for (int j = 0; j < COUNT; j++) {
      assert_true(gan_reduction_gradient(reduction)[j] == (float)(10 + SHARDS * j));
      assert_true(gan_reduction_parameters(reduction)[j] == -(float)(10 + SHARDS * j));
    }
    gan_reduction_collect(reduction);
    gan_reduction_distribute(reduction);
    gan_reduction_destroy(reduction);
  }
}

static void it_may_be_watched(void **state) {
  gan_world *world = ((alone *)*state)->world;
  bool started = false;
  assert_int_equal(gan_watchdog_start(world, 120, &started), GAN_OK);
  assert_true(started);
  gan_watchdog_expect_beats(world, true);
  gan_watchdog_expect_beats(world, false);
  gan_watchdog_stop(world);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_knows_where_it_is),           cmocka_unit_test(it_agrees_with_itself),
      cmocka_unit_test(it_sums_and_gathers_its_shards), cmocka_unit_test(it_shares_memory_with_itself),
      cmocka_unit_test(it_reduces_gradients),           cmocka_unit_test(it_may_be_watched),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
