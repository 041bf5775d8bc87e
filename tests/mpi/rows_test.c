/* Tables that ranks fill together: who has which rows, and that all ranks read all of them, whether hosts share memory
   or not. */
#include <stdint.h>

#include "base/fault.h"
#include "dist/rows.h"
#include "support.h"

/* What row i holds in its column j. */
static uint32_t value_of(int64_t row, int64_t column) { return (uint32_t)(row * 7919 + column * 31 + 1); }

static void deal(const gan_world *world, int64_t count, int64_t block, bool *well) {
  const int ranks = gan_world_size(world);
  int64_t next = 0;
  for (int rank = 0; rank < ranks; rank++) {
    const gan_row_range range = gan_rows_of_rank(count, block, ranks, rank);
    *well = *well && range.first == next && range.end >= range.first;
    *well =
        *well && (range.first % block == 0 || range.first == count) && (range.end % block == 0 || range.end == count);
    *well = *well && (range.end - range.first + block - 1) / block <= (count + block - 1) / block / ranks + 1;
    next = range.end;
  }
  *well = *well && next == count;
}

static void check_table(gan_world *world, const char *what, int64_t count, int64_t columns, int64_t block,
                        int *failures) {
  gan_rows *rows = NULL;
  bool well = true;
  deal(world, count, block, &well);
  gan_status status = gan_rows_create(world, count, (size_t)columns * sizeof(uint32_t), block, "a table", &rows);
  if (status == GAN_OK) {
    uint32_t *values = gan_rows_memory(rows);
    const gan_row_range mine = gan_rows_mine(rows);
    for (int64_t row = mine.first; row < mine.end; row++)
      for (int64_t column = 0; column < columns; column++) values[row * columns + column] = value_of(row, column);
    gan_rows_complete(rows);
    for (int64_t row = 0; row < count; row++)
      for (int64_t column = 0; column < columns; column++)
        well = well && values[row * columns + column] == value_of(row, column);
  }
  gan_rows_destroy(rows);
  check(world, what, status == GAN_OK && well, failures);
}

static void check_lack_of_memory(gan_world *world, int *failures) {
  gan_rows *rows = NULL;
  gan_fault_arm(GAN_FAULT_ALLOCATION, gan_world_rank(world) == gan_world_size(world) - 1);
  const gan_status status = gan_rows_create(world, 10, 4, 1, "a table", &rows);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  check(world, "lack_of_memory_on_one_rank_fails_on_all", status == GAN_FAILED && !rows, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  check_table(world, "all_ranks_read_what_each_has_written", 1000, 33, 64, &failures);
  check_table(world, "fewer_blocks_than_ranks_are_read_by_all", 5, 3, 2, &failures);
  check_table(world, "no_rows_are_no_error", 0, 3, 2, &failures);
  check_lack_of_memory(world, &failures);
  /* The first rank of a host finds no room for a window, so its ranks have copies of their own. */
  gan_fault_arm(GAN_FAULT_WINDOW, 1);
  check_table(world, "rows_without_shared_memory_are_read_by_all", 1000, 33, 64, &failures);
  gan_fault_arm(GAN_FAULT_WINDOW, 0);
  gan_world_close(world);
  return failures > 0;
}
