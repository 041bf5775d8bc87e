/* What an iteration would cost on a given number of hosts: a model of the messages that src/dist sends, and of ranks
   that wait for the slowest of them. Pure arithmetic; nothing here communicates.

   A network is three numbers (Culler et al. 1993, LogP; Alexandrov et al. 1995, LogGP): a message of b bytes takes
   overhead + latency + b / bandwidth + overhead, a host sends and receives at the full bandwidth at the same time, and
   messages that share a host's link share its bandwidth. The network between the hosts' links is taken to be as wide as
   all of them together. docs/scaling.md sets the model beside a simulation of the very code. */
#ifndef GAN_DIST_PREDICT_H
#define GAN_DIST_PREDICT_H

#include <stddef.h>

typedef struct gan_link {
  double latency;   /* seconds from one rank to another on another host, without the overheads */
  double overhead;  /* seconds of a rank's core for each message that it sends, and for each that it receives */
  double bandwidth; /* bytes per second of a host, in each direction */
} gan_link;

typedef struct gan_named_link {
  const char *name, *help;
  gan_link link;
} gan_named_link;

/* The networks with names; NULL past the end. */
const gan_named_link *gan_link_at(int i);

/* One network's reduction and the sum of scalars before it, once in each of its steps. */
typedef struct gan_predicted_update {
  size_t parameters;
  size_t scalars; /* doubles that gan_world_sum adds up: the loss and its companions, batch statistics */
  int steps;      /* in an iteration */
} gan_predicted_update;

enum { GAN_PREDICT_BUCKETS = 8 }; /* as BUCKETS_MOST in sliced_memory.c */

typedef struct gan_predicted_work {
  gan_predicted_update updates[2]; /* critic, generator */
  double further_sums;             /* gan_world_sum of a few doubles, in an iteration, beside those of its steps */
  int ranks_per_host;              /* one shard to a rank */
  int buckets;                     /* at most: pieces of a network in a sliced reduction, each cut into slices */
  double verify_every;             /* iterations from one comparison of parameters to the next; 0: none */
  const char *reduction;           /* auto, flat or hierarchical */
  double adding;                   /* seconds that a rank takes to add a float32 to another in memory */
} gan_predicted_work;

/* Of an iteration, in seconds, on the rank that has most to do. */
typedef struct gan_predicted_time {
  const char *reductions[2]; /* the variant that each network gets: "flat", "shared", "hierarchical" */
  double scalars;            /* sums of scalars over all shards */
  double gradients;          /* messages of the gradients' sums, norms and new parameters */
  double verification;       /* comparison of parameters, spread over the iterations between two */
  double adding;             /* other hosts' sums, added up */
  double messages;           /* that the busiest rank sends and receives */
  double bytes;              /* that the busiest host sends or receives, whichever is more */
} gan_predicted_time;

/* For 1 host or more; on one host nothing but the choice of the reduction is filled in. */
void gan_predict_exchange(const gan_predicted_work *work, const gan_link *link, int hosts, gan_predicted_time *time);

/* How long a rank computes in an iteration, and how much that varies. */
enum { GAN_SPREAD_QUANTILES = 20 };
typedef struct gan_spread {
  double mean;
  double quantiles[GAN_SPREAD_QUANTILES]; /* 0, 5, 10 ... 95 % */
  double tail;                            /* mean of what goes beyond the last of them, of those that do */
} gan_spread;

/* Of `count` (at least 1) values, which get sorted. */
void gan_spread_measure(size_t count, double *seconds, gan_spread *spread);

/* Seconds by which `ranks` ranks that meet after each of an iteration's `steps` are slower, in the mean, than one
   alone: in each step they wait for the slowest. A rank's delay is the measured one with the measured frequency up to
   the 95th percentile, and exponential beyond it: the tail that the largest of many samples tends to for all
   distributions that are not heavier (Gumbel's case of the extreme-value theorem), and so the only part of the curve
   that is not measured where there are more ranks than measurements. Resampling alone would never exceed the largest of
   the measured times, however many ranks there are. An iteration's delay is taken to fall into one of its steps:
   interruptions do. */
double gan_predict_stragglers(const gan_spread *spread, int steps, double ranks);

#endif
