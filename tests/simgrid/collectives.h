/* Put in front of each source of src/dist for the simulation (gcc -include): collective calls become this folder's own,
   see wait.c. */
#ifndef GAN_SIMGRID_COLLECTIVES_H
#define GAN_SIMGRID_COLLECTIVES_H

#include <mpi.h>

/* The one that training's iterations make. */
#define MPI_Ibcast gan_simulated_broadcast
int gan_simulated_broadcast(void *buffer, int count, MPI_Datatype type, int root, MPI_Comm ranks, MPI_Request *request);

/* Those of the start: SimGrid makes a message from each rank to each other of them, which takes it minutes. */
#define MPI_Iallreduce(from, to, count, type, operation, ranks, request) \
  (*(request) = MPI_REQUEST_NULL, MPI_Allreduce(from, to, count, type, operation, ranks))
#define MPI_Iallgather(from, sent, sent_type, to, received, received_type, ranks, request) \
  (*(request) = MPI_REQUEST_NULL, MPI_Allgather(from, sent, sent_type, to, received, received_type, ranks))
#define MPI_Ibarrier(ranks, request) (*(request) = MPI_REQUEST_NULL, MPI_Barrier(ranks))
#define MPI_Exscan(from, to, count, type, operation, ranks) gan_simulated_sum_before(from, to, ranks)
int gan_simulated_sum_before(const int *mine, int *before, MPI_Comm ranks);
/* SimGrid knows no threads, and the simulation starts none. */
#define MPI_Query_thread(provided) (*(provided) = MPI_THREAD_FUNNELED)
/* One rank to a host: alone on its own, and numbered as mpirun did. (SimGrid exchanges tables among all ranks for each
   communicator that it makes.) */
#define MPI_Comm_split_type(ranks, kind, key, info, made) (*(made) = MPI_COMM_SELF)
#define MPI_Comm_split(ranks, colour, key, made) ((void)(colour), (void)(key), *(made) = (ranks))
#define MPI_Comm_free(ranks) (*(ranks) = MPI_COMM_NULL)

#endif
