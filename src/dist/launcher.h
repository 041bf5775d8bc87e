/* What started this process says of the ranks: mpirun and its like put it into the environment of each.

   Two questions need it. Who speaks when MPI is not up, and so no world is there to ask; and whether the MPI library
   has found the ranks that were started: a library that does not understand its launcher (MPICH's mpiexec before a
   program built on Open MPI, say) makes each process a world of its own. To be asked before MPI starts, since a library
   sets some of the variables itself. Not collective. */
#ifndef GAN_DIST_LAUNCHER_H
#define GAN_DIST_LAUNCHER_H

/* "Open MPI's mpirun", "Slurm", ...; NULL when none that is known started this process. */
const char *gan_launcher_name(void);

/* This process's rank, how many ranks there are, and how many of them on this host; each -1 when it is not said. */
int gan_launcher_rank(void);
int gan_launcher_size(void);
int gan_launcher_local_size(void);

#endif
