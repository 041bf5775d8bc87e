/* Rows that ranks compute, put together. On one host writing them to shared memory is all that there is to do. Between
   hosts one rank of each, or each rank that could share no memory, receives what the others have: in order of ranks,
   which are numbered host by host, so the rows of those that it speaks for lie side by side. */
#include "dist/rows.h"

#include <assert.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dist/wait.h"
#include "dist/window.h"
#include "dist/world_state.h"

struct gan_rows {
  gan_world *world;
  int64_t count, block;
  size_t row_bytes;
  void *memory;
  /* Of ranks that receive; on the others, and where there is one such rank, MPI_COMM_NULL and NULL. */
  MPI_Comm receivers;
  int *counts, *firsts; /* rows that each of them has at first, and the first of those */
};

gan_row_range gan_rows_of_rank(int64_t count, int64_t block, int ranks, int rank) {
  const int64_t blocks = (count + block - 1) / block;
  const int64_t first = blocks * rank / ranks * block, end = blocks * (rank + 1) / ranks * block;
  return (gan_row_range){first < count ? first : count, end < count ? end : count};
}

static gan_row_range rows_of(const gan_rows *rows, int rank) {
  return gan_rows_of_rank(rows->count, rows->block, rows->world->size, rank);
}

gan_row_range gan_rows_mine(const gan_rows *rows) { return rows_of(rows, rows->world->rank); }
void *gan_rows_memory(const gan_rows *rows) { return rows->memory; }

static gan_status clear(void *context, void *memory, size_t bytes) {
  (void)context;
  memset(memory, 0, bytes);
  return GAN_OK;
}

/* Lists what each receiver has: the rows of all ranks up to the next receiver. receives[r]: whether rank r is one. */
static void list_receivers(gan_rows *rows, const int *receives) {
  int receiver = -1;
  for (int rank = 0; rank < rows->world->size; rank++) {
    const gan_row_range range = rows_of(rows, rank);
    if (receives[rank]) {
      rows->firsts[++receiver] = (int)range.first;
      rows->counts[receiver] = 0;
    }
    rows->counts[receiver] += (int)(range.end - range.first);
  }
}

/* Finds who receives. The first rank of a host always does. */
static gan_status find_receivers(gan_rows *rows) {
  gan_world *world = rows->world;
  const bool receives = world->host_rank == 0 || !gan_world_shares(world, rows->memory);
  const size_t size = (size_t)world->size;
  const int mine = receives;
  int *all = NULL;
  gan_status status = gan_allocate(size, sizeof *all, "the list of receiving ranks", &all);
  if (status == GAN_OK) status = gan_allocate(size, sizeof *rows->counts, "the ranks' rows", &rows->counts);
  if (status == GAN_OK) status = gan_allocate(size, sizeof *rows->firsts, "the ranks' rows", &rows->firsts);
  status = gan_world_agree(world, status);
  if (status == GAN_OK) {
    MPI_Request request;
    MPI_Iallgather(&mine, 1, MPI_INT, all, 1, MPI_INT, world->ranks, &request);
    gan_wait(world, 1, &request);
    list_receivers(rows, all);
    MPI_Comm_split(world->ranks, receives ? 0 : MPI_UNDEFINED, world->rank, &rows->receivers);
  }
  free(all);
  return status;
}

/* Whether one copy in shared memory is all that there is. */
static bool one_copy(gan_rows *rows) {
  gan_world *world = rows->world;
  return world->size == 1 || (world->host_count == 1 && gan_host_all(world, gan_world_shares(world, rows->memory)));
}

gan_status gan_rows_create(gan_world *world, int64_t count, size_t row_bytes, int64_t block, const char *what,
                           gan_rows **rows) {
  gan_rows *made = NULL;
  *rows = NULL;
  assert(count >= 0 && count <= INT32_MAX && block > 0);
  gan_status status = gan_world_agree(world, gan_allocate(1, sizeof *made, what, &made));
  if (status != GAN_OK) {
    free(made); /* another rank had no memory for its own */
    return status;
  }
  *made =
      (gan_rows){.world = world, .count = count, .block = block, .row_bytes = row_bytes, .receivers = MPI_COMM_NULL};
  const size_t bytes = (size_t)count * row_bytes;
  status = gan_world_share(world, bytes ? bytes : 1, clear, NULL, &made->memory);
  if (status == GAN_OK && !one_copy(made)) status = find_receivers(made);
  if (status == GAN_OK)
    *rows = made;
  else
    gan_rows_destroy(made);
  return status;
}

void gan_rows_destroy(gan_rows *rows) {
  if (!rows) return;
  if (rows->receivers != MPI_COMM_NULL) MPI_Comm_free(&rows->receivers);
  if (rows->memory) gan_world_unshare(rows->world, rows->memory);
  free(rows->counts);
  free(rows->firsts);
  free(rows);
}

void gan_rows_complete(gan_rows *rows) {
  if (rows->world->size == 1) return;
  gan_world_synchronise(rows->world, rows->memory);
  if (!rows->counts) return;
  if (rows->receivers != MPI_COMM_NULL) {
    MPI_Datatype row; /* counts in rows: those in bytes may not fit an int */
    MPI_Request request;
    MPI_Type_contiguous((int)rows->row_bytes, MPI_BYTE, &row);
    MPI_Type_commit(&row);
    MPI_Iallgatherv(MPI_IN_PLACE, 0, row, rows->memory, rows->counts, rows->firsts, row, rows->receivers, &request);
    gan_wait(rows->world, 1, &request);
    MPI_Type_free(&row);
  }
  gan_world_synchronise(rows->world, rows->memory);
}
