/* Ranks agree: on errors, hashes, data and shared memory. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "support.h"

/* FNV-1a; to compare texts over ranks. */
static uint64_t hash_text(const char *text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  return hash;
}

static bool same_text_everywhere(gan_world *world, const char *text) {
  /* The halves of the hash are exact in double. */
  const uint64_t hash = hash_text(text);
  const double high = (double)(hash >> 32), low = (double)(uint32_t)hash;
  const bool same_high = gan_world_maximum(world, high) == -gan_world_maximum(world, -high);
  return (gan_world_maximum(world, low) == -gan_world_maximum(world, -low)) && same_high;
}

static void check_maximum(gan_world *world, int *failures) {
  const int rank = gan_world_rank(world), last = gan_world_size(world) - 1;
  check(world, "maximum_is_the_largest_of_all_ranks", gan_world_maximum(world, -1.5 - rank) == -1.5, failures);
  check(world, "maximum_finds_the_last_rank", gan_world_maximum(world, rank) == last, failures);
  check(world, "nan_of_one_rank_is_everybodys_maximum", isnan(gan_world_maximum(world, rank == last ? NAN : 1e300)),
        failures);
}

static void check_broadcast(gan_world *world, int *failures) {
  enum { COUNT = 300000 };
  uint32_t *values = calloc(COUNT, sizeof *values);
  bool passed = values != NULL;
  for (uint32_t i = 0; passed && i < COUNT; i++) values[i] = gan_world_rank(world) == 0 ? i * 2654435761u : 0;
  gan_world_broadcast(world, values, COUNT * sizeof *values);
  for (uint32_t i = 0; passed && i < COUNT; i++) passed = values[i] == i * 2654435761u;
  check(world, "broadcast_brings_the_data_of_rank_0", passed, failures);
  free(values);
  gan_world_barrier(world);
}

static void check_topology(gan_world *world, int *failures) {
  const int size = gan_world_host_size(world), rank = gan_world_host_rank(world), hosts = gan_world_host_count(world);
  const bool passed =
      rank >= 0 && rank < size && hosts >= 1 && hosts <= gan_world_size(world) && *gan_world_host(world);
  check(world, "host_ranks_and_hosts_are_within_the_world", passed, failures);
  /* On one host, as this test is run, they are known. */
  const bool one_host = hosts > 1 || (size == gan_world_size(world) && rank == gan_world_rank(world));
  check(world, "ranks_of_one_host_are_counted_together", one_host, failures);
  const char *library = gan_world_library();
  check(world, "library_is_named_in_one_line", *library && !strchr(library, '\n'), failures);
}

/* One rank comes late; the others know how long they waited for it. */
static void check_waited(gan_world *world, int *failures) {
  const gan_host_cores here = gan_world_cores(world);
  const struct timespec pause = {.tv_nsec = 200000000};
  gan_world_barrier(world);
  const gan_waited before = gan_world_waited(world);
  if (gan_world_rank(world) == 0) nanosleep(&pause, NULL);
  gan_world_barrier(world);
  const gan_waited after = gan_world_waited(world);
  const double waited = after.seconds - before.seconds, spinning = after.spinning - before.spinning;
  const bool alone = gan_world_size(world) == 1, late = gan_world_rank(world) == 0;
  check(world, "a_rank_knows_how_long_it_waited_for_another",
        late || (waited > 0.1 && spinning >= 0 && spinning <= waited), failures);
  check(world, "a_rank_alone_waits_for_nobody", !alone || waited == 0, failures);
  check(world, "ranks_of_a_host_and_their_cores_are_counted",
        here.ranks >= gan_world_host_size(world) && here.ranks <= gan_world_size(world) && here.cores >= 1, failures);
}

/* Makes rank `first` fail, and rank `second` too unless it is outside the world. */
static void check_agreement(gan_world *world, int first, int second, gan_status status, const char *name,
                            int *failures) {
  const int rank = gan_world_rank(world);
  gan_status mine = GAN_OK;
  gan_error_set("nothing");
  if (rank == first || rank == second) mine = gan_fail(status, "no file number %d", rank);
  const gan_status agreed = gan_world_agree(world, mine);
  char expected[64];
  if (gan_world_size(world) == 1)
    snprintf(expected, sizeof expected, "no file number %d", first);
  else
    snprintf(expected, sizeof expected, "rank %d (host ", first);
  bool passed = agreed == status && strncmp(gan_error_message(), expected, strlen(expected)) == 0;
  snprintf(expected, sizeof expected, "no file number %d", first);
  passed = passed && strstr(gan_error_message(), expected);
  passed = same_text_everywhere(world, gan_error_message()) && passed;
  check(world, name, passed, failures);

  char before[1024];
  snprintf(before, sizeof before, "%s", gan_error_message());
  const gan_status again = gan_world_agree(world, agreed);
  check(world, "agreed_error_keeps_its_text_when_agreed_on_again",
        again == status && strcmp(before, gan_error_message()) == 0, failures);
}

static void check_hashes(gan_world *world, int *failures) {
  const int rank = gan_world_rank(world), size = gan_world_size(world), last = size - 1;
  gan_difference odd = {.rank = -7};
  check(world, "equal_hashes_are_the_same", gan_world_same_hash(world, 42, &odd) && odd.rank == -7, failures);
  if (size == 1) return;
  bool same = gan_world_same_hash(world, rank == last ? UINT64_MAX : 42, &odd);
  check(world, "hash_of_the_last_rank_that_differs_is_found",
        !same && odd.rank == last && odd.reference == 0 && same_text_everywhere(world, odd.host) && odd.host[0],
        failures);
  same = gan_world_same_hash(world, rank >= last - 1 ? 40 + (uint64_t)rank : 42, &odd);
  check(world, "lowest_of_two_odd_ranks_is_named", !same && odd.rank == (size == 2 || size == 3 ? 1 : last - 1),
        failures);
  same = gan_world_same_hash(world, (uint64_t)rank, &odd);
  check(world, "nobody_is_the_odd_one_where_all_differ", !same && !odd.certain && odd.reference == 0 && odd.rank == 1,
        failures);
  if (size == 2) return;
  same = gan_world_same_hash(world, rank == 0 ? 1 : 42, &odd);
  check(world, "rank_0_is_odd_when_the_others_agree", !same && odd.rank == 0 && odd.reference == 1 && odd.certain,
        failures);
}

/* All ranks of the last host against all others, however many those are. */
static void check_host_votes(gan_world *world, int *failures) {
  const int first = gan_world_rank(world) - gan_world_host_rank(world), hosts = gan_world_host_count(world);
  const double last = gan_world_maximum(world, first);
  gan_difference odd = {0};
  if (hosts == 1) return;
  const bool same = gan_world_same_hash(world, first == last ? 7 : 42, &odd);
  check(world, "a_host_that_agrees_within_has_one_vote",
        !same && odd.rank == (int)last && odd.reference == 0 && odd.certain == (hosts > 2), failures);
}

static void check_gather(gan_world *world, int shard_count, int64_t batch, size_t row, int *failures) {
  gan_shards shards = plan_shards(world, shard_count, batch);
  const int64_t begin = gan_shard_begin(&shards, shards.first), samples = gan_shards_samples(&shards);
  float *mine = calloc((size_t)samples * row, sizeof *mine);
  float *all = gan_world_rank(world) == 0 ? calloc((size_t)batch * row, sizeof *all) : NULL;
  for (size_t i = 0; i < (size_t)samples * row; i++) mine[i] = (float)((size_t)begin * row + i);
  gan_world_gather(world, &shards, row, mine, all);
  bool passed = true;
  for (size_t i = 0; all && i < (size_t)batch * row; i++) passed = passed && all[i] == (float)i;
  check(world, "gather_brings_all_rows_in_order_of_the_global_batch", passed, failures);
  free(mine);
  free(all);
  gan_shards_release(&shards);
}

typedef struct fill_record {
  gan_world *world;
  int calls;
  int failing_rank; /* fails when it is the one that is asked; -1: never */
} fill_record;

static gan_status fill_with_squares(void *context, void *memory, size_t bytes) {
  fill_record *record = context;
  record->calls++;
  if (gan_world_rank(record->world) == record->failing_rank) return gan_fail(GAN_BAD_FILE, "the squares are gone");
  uint64_t *values = memory;
  for (size_t i = 0; i < bytes / sizeof *values; i++) values[i] = (uint64_t)i * i;
  return GAN_OK;
}

static bool holds_squares(const uint64_t *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (values[i] != (uint64_t)i * i) return false;
  return true;
}

static void check_share(gan_world *world, int *failures) {
  enum { COUNT = 100003 };
  fill_record record = {world, 0, -1};
  void *first = NULL, *second = NULL, *none = &record;
  bool passed = gan_world_share(world, COUNT * sizeof(uint64_t), fill_with_squares, &record, &first) == GAN_OK;
  passed = passed && (uintptr_t)first % 64 == 0 && holds_squares(first, COUNT);
  check(world, "shared_block_is_filled_on_every_rank", passed, failures);
  check(world, "first_rank_of_a_host_fills", gan_world_host_rank(world) > 0 || record.calls == 1, failures);
  passed = gan_world_share(world, 8, fill_with_squares, &record, &second) == GAN_OK && holds_squares(second, 1);
  gan_world_unshare(world, first);
  check(world, "one_block_outlives_another", passed && holds_squares(second, 1), failures);

  record.failing_rank = 0;
  const gan_status status = gan_world_share(world, COUNT * sizeof(uint64_t), fill_with_squares, &record, &none);
  passed = status == GAN_BAD_FILE && !none && strstr(gan_error_message(), "the squares are gone");
  passed = same_text_everywhere(world, gan_error_message()) && passed;
  check(world, "fill_that_fails_on_one_rank_fails_on_all", passed, failures);
  /* `second` is left for gan_world_close to give back. */
}

static void check_share_without_memory(gan_world *world, int *failures) {
  fill_record record = {world, 0, -1};
  void *memory = NULL;
  /* More than can be addressed: neither shared nor private. */
  gan_status status = gan_world_share(world, SIZE_MAX, fill_with_squares, &record, &memory);
  check(world, "block_too_large_for_any_memory_is_an_error", status == GAN_FAILED && !memory && !record.calls,
        failures);

  if (gan_world_rank(world) == gan_world_size(world) - 1) gan_fault_arm(GAN_FAULT_ALLOCATION, 1);
  status = gan_world_share(world, 64, fill_with_squares, &record, &memory);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  check(world, "lack_of_memory_on_one_rank_fails_the_sharing_on_all", status == GAN_FAILED && !memory, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  const int last = gan_world_size(world) - 1;
  check_maximum(world, &failures);
  check_broadcast(world, &failures);
  check_topology(world, &failures);
  check_waited(world, &failures);
  gan_error_set("nothing");
  const gan_status fine = gan_world_agree(world, GAN_OK);
  check(world, "agreement_of_healthy_ranks_is_ok", fine == GAN_OK && !strcmp(gan_error_message(), "nothing"),
        &failures);
  check_agreement(world, last, -1, GAN_BAD_FILE, "error_of_the_last_rank_is_everybodys", &failures);
  check_agreement(world, last / 2, last, GAN_FAILED, "error_of_the_lowest_failing_rank_is_told", &failures);
  check_agreement(world, 0, last, GAN_INTERRUPTED, "error_of_rank_0_is_everybodys", &failures);
  check_hashes(world, &failures);
  check_host_votes(world, &failures);
  check_gather(world, last + 1, last + 1, 1, &failures);
  check_gather(world, 3 * last + 2, 7 * last + 11, 1300, &failures);
  check_share(world, &failures);
  check_share_without_memory(world, &failures);
  gan_world_close(world);

  gan_world *second = NULL;
  if (gan_world_open(&argc, &argv, &second) != GAN_BAD_USAGE || second) {
    fprintf(stderr, "failed: a second world after MPI was shut down is refused\n");
    failures++;
  }
  return failures > 0;
}
