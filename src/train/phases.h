/* What an iteration's time was for, on one rank.

   The clock on the wall tells what a rank waits for data and how long it is in exchanges with other ranks. It does not
   tell work from waiting there, nor, where ranks outnumber cores, computing from waiting for a core that another rank
   has. So two more things are measured: how long the rank waited for others (src/dist notes it), and how long its
   thread had a core. A look at the thread's clock is a call into the system, 2 microseconds on some virtual machines,
   too much for each of an iteration's many exchanges: it is looked at once an iteration. What the thread lacks of the
   time that it did not wait for others, it waited for a core; that is taken off computing and summing in proportion,
   since who has to make room for another rank or program is not asked what it is at. */
#ifndef GAN_TRAIN_PHASES_H
#define GAN_TRAIN_PHASES_H

/* Seconds: readings, or those of an iteration. */
typedef struct gan_phase_clocks {
  double wall;     /* all of it */
  double data;     /* waiting for data */
  double exchange; /* in exchanges with other ranks, without the optimiser's work inside */
  double waited;   /* for other ranks */
  double spinning; /* part of it in which the rank kept its core */
  double on_core;  /* that the thread had a core, in all */
} gan_phase_clocks;

/* They add up to the iteration. */
typedef struct gan_phases {
  double data;
  double compute; /* on a core */
  double summing; /* on a core: copying and summing what is exchanged */
  double waiting; /* for other ranks, or for a core */
} gan_phases;

gan_phase_clocks gan_phase_clocks_between(const gan_phase_clocks *start, const gan_phase_clocks *end);
gan_phases gan_phases_split(const gan_phase_clocks *clocks);

#endif
