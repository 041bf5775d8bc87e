/* Waiting and broadcasting under SimGrid, in place of src/dist/wait.c and the library's MPI_Ibcast.

   Under SimGrid time passes in MPI calls only, so there is nothing to yield or to sleep for: a rank waits for one
   request after the other. And SimGrid's MPI_Ibcast has its root send to everybody, which no MPI library does on many
   ranks. So the broadcast is made here as Open MPI's libnbc makes it by default: root to all of at most 4 ranks, a
   binomial tree of whole messages otherwise, where a rank passes a message on whenever it waits for anything.

   All simulated ranks are threads of one process and share these variables; each has its list of broadcasts. */
#include "dist/wait.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "collectives.h"

enum { RANKS_MOST = 1 << 14, CHILDREN_MOST = 14, LINEAR_MOST = 4, TAG = 1 << 20, UNDER_WAY_MOST = 256 };

typedef struct broadcast {
  struct broadcast *next;
  MPI_Request *handle; /* where the caller will wait for it */
  void *buffer;
  int count, root, tag;
  MPI_Datatype type;
  MPI_Comm ranks;
  MPI_Request receive; /* MPI_REQUEST_NULL: it is here */
  MPI_Request sends[CHILDREN_MOST];
  int send_count;
} broadcast;

static broadcast *under_way[RANKS_MOST];
static int made[RANKS_MOST];

static broadcast **own_list(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  assert(rank < RANKS_MOST);
  return &under_way[rank];
}

static void send_to(broadcast *this, int place, int size) {
  assert(this->send_count < CHILDREN_MOST);
  MPI_Isend(this->buffer, this->count, this->type, (place + this->root) % size, this->tag, this->ranks,
            &this->sends[this->send_count++]);
}

/* To this rank's children: places are counted from the root, and place p has the parent p less its highest bit. */
static void pass_on(broadcast *this) {
  int rank, size;
  MPI_Comm_rank(this->ranks, &rank);
  MPI_Comm_size(this->ranks, &size);
  const int place = (rank - this->root + size) % size;
  if (size <= LINEAR_MOST) {
    for (int child = 1; place == 0 && child < size; child++) send_to(this, child, size);
    return;
  }
  for (int bit = 1; place + bit < size; bit *= 2)
    if (place < bit) send_to(this, place + bit, size);
}

static int parent_of(int place, int size) {
  int bit = 1;
  if (size <= LINEAR_MOST) return 0;
  while (2 * bit <= place) bit *= 2;
  return place - bit;
}

int gan_simulated_broadcast(void *buffer, int count, MPI_Datatype type, int root, MPI_Comm ranks,
                            MPI_Request *request) {
  int rank, size, all;
  broadcast **list = own_list(), *this = calloc(1, sizeof *this);
  if (!this) abort();
  MPI_Comm_rank(MPI_COMM_WORLD, &all);
  MPI_Comm_rank(ranks, &rank);
  MPI_Comm_size(ranks, &size);
  *this = (broadcast){.handle = request, .buffer = buffer, .count = count, .root = root, .type = type, .ranks = ranks};
  this->tag = TAG + made[all]++ % TAG;
  this->receive = *request = MPI_REQUEST_NULL;
  while (*list) list = &(*list)->next;
  *list = this;
  const int place = (rank - root + size) % size;
  if (place == 0)
    pass_on(this);
  else
    MPI_Irecv(buffer, count, type, (parent_of(place, size) + root) % size, this->tag, ranks, &this->receive);
  return MPI_SUCCESS;
}

/* MPI_Exscan of one integer: from rank to rank. */
int gan_simulated_sum_before(const int *mine, int *before, MPI_Comm ranks) {
  int rank, size;
  MPI_Comm_rank(ranks, &rank);
  MPI_Comm_size(ranks, &size);
  if (rank > 0) MPI_Recv(before, 1, MPI_INT, rank - 1, TAG, ranks, MPI_STATUS_IGNORE);
  const int after = (rank > 0 ? *before : 0) + *mine;
  if (rank + 1 < size) MPI_Send(&after, 1, MPI_INT, rank + 1, TAG, ranks);
  return MPI_SUCCESS;
}

/* Forgets broadcasts that are over; true when those that the caller waits for are among them. */
static bool settle(broadcast **list, int count, const MPI_Request *requests) {
  bool done = true;
  while (*list) {
    broadcast *this = *list;
    bool over = this->receive == MPI_REQUEST_NULL;
    for (int i = 0; i < this->send_count; i++) over = over && this->sends[i] == MPI_REQUEST_NULL;
    if (over) {
      *list = this->next;
      free(this);
      continue;
    }
    if (this->handle >= requests && this->handle < requests + count) done = false;
    list = &this->next;
  }
  for (int i = 0; i < count; i++) done = done && requests[i] == MPI_REQUEST_NULL;
  return done;
}

/* Waits until anything of all that is under way has arrived or left. */
static void make_progress(broadcast *list, int count, MPI_Request *requests) {
  MPI_Request *places[UNDER_WAY_MOST], all[UNDER_WAY_MOST];
  broadcast *of[UNDER_WAY_MOST];
  int found = 0, which = MPI_UNDEFINED;
  for (int i = 0; i < count; i++)
    if (requests[i] != MPI_REQUEST_NULL) of[found] = NULL, places[found++] = &requests[i];
  for (broadcast *this = list; this; this = this->next) {
    assert(found + CHILDREN_MOST + 1 < UNDER_WAY_MOST);
    if (this->receive != MPI_REQUEST_NULL) of[found] = this, places[found++] = &this->receive;
    for (int i = 0; i < this->send_count; i++)
      if (this->sends[i] != MPI_REQUEST_NULL) of[found] = NULL, places[found++] = &this->sends[i];
  }
  for (int i = 0; i < found; i++) all[i] = *places[i];
  MPI_Waitany(found, all, &which, MPI_STATUS_IGNORE);
  assert(which != MPI_UNDEFINED);
  *places[which] = MPI_REQUEST_NULL;
  if (of[which]) pass_on(of[which]);
}

void gan_wait(gan_world *world, int count, MPI_Request *requests) {
  (void)world;
  broadcast **list = own_list();
  if (!*list) {
    for (int i = 0; i < count; i++) MPI_Wait(&requests[i], MPI_STATUS_IGNORE);
    return;
  }
  while (!settle(list, count, requests)) make_progress(*list, count, requests);
}
