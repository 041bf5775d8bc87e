/* See predict.h. What is counted here is what reduction_flat.c, sliced.c and batch.c do; the comments name the calls.

   Times are of the rank or host with most to do, since all wait for it: the root of a tree, and with slices whoever has
   the largest. They add up where one thing waits for another, and the largest counts where things overlap. */
#include "dist/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist/reduction.h"

/* Latencies and bandwidths between MPI ranks, as published measurements have them, not the data sheets' signal rates.
   - TCP over Ethernet: half of a round trip of 30 to 50 us on unloaded switches (Netperf and OSU micro-benchmarks in
     many reports); 94 % of the signal rate are left after the headers of Ethernet, IP and TCP with frames of 1,500
   bytes. 100 Gbit/s with one stream of TCP is bound by the cores' copying, which costs about a third.
   - HDR InfiniBand: OSU micro-benchmarks, 1.0 to 1.3 us for small messages through one switch, 24.5 GB/s. */
static const gan_named_link links[] = {
    {"10gbe", "10 Gbit/s Ethernet, TCP: 20 us, 1.17 GB/s", {18e-6, 1e-6, 1.17e9}},
    {"100gbe", "100 Gbit/s Ethernet, TCP: 15 us, 8 GB/s", {13e-6, 1e-6, 8e9}},
    {"hdr", "HDR InfiniBand, 200 Gbit/s: 1.3 us, 24.5 GB/s", {0.9e-6, 0.2e-6, 24.5e9}},
};

enum {
  CHUNK = 65536,      /* floats, reduction_flat.c */
  AHEAD = 2,          /* chunks of one sum under way at once, reduction_flat.c */
  LINEAR_MOST = 4,    /* ranks to which Open MPI's MPI_Ibcast sends from the root; more: a binomial tree */
  FEW = 8,            /* doubles of a sum beside those of a step: a round of a loss's statistics has most */
  SUM_SCRATCH = 8192, /* doubles that gan_world_sum sends at once, over the rows of its stack, batch.c */
  HASH_BYTES = 8,     /* gan_world_same_hash */
  SQUARE_BYTES = 8    /* of each block of the gradient, sliced.c */
};

const gan_named_link *gan_link_at(int i) { return i < (int)(sizeof links / sizeof *links) ? &links[i] : NULL; }

static int levels_of(int ranks) {
  int levels = 0;
  while ((1LL << levels) < ranks) levels++;
  return levels;
}

static double message(const gan_link *link, double bytes) {
  return 2 * link->overhead + link->latency + bytes / link->bandwidth;
}

/* Messages that a broadcast's root sends, and messages one after the other from it to the last rank. */
static int copies_of(int ranks) { return ranks <= LINEAR_MOST ? ranks - 1 : levels_of(ranks); }
static int depth_of(int ranks) { return ranks <= LINEAR_MOST ? 1 : levels_of(ranks); }

/* gan_world_sum between hosts: up the shard tree, whose root takes one message after the other, and a broadcast. Each
   rank has a tree's node for itself, and the levels within a host cost little beside the others. */
static void add_sums(double count, size_t scalars, const gan_link *link, int hosts, int ranks,
                     gan_predicted_time *time) {
  const double rows = 3 * levels_of(ranks) + 2, largest = floor(SUM_SCRATCH / rows);
  const double pieces = ceil((double)scalars / largest);
  const double bytes = (double)sizeof(double) * (double)scalars / pieces;
  const double up = levels_of(hosts) * message(link, bytes);
  const double down = depth_of(hosts) * message(link, bytes) +
                      (copies_of(hosts) - depth_of(hosts)) * (link->overhead + bytes / link->bandwidth);
  time->scalars += count * pieces * (up + down);
  time->messages += count * pieces * (levels_of(hosts) + copies_of(hosts));
}

/* reduction_flat.c: chunks go up the tree, two of each sum at a time, and are broadcast from rank 0, whose link carries
   each chunk once for every level, first in, then out. Filling this pipeline takes the first chunks through all levels
   of the tree; emptying it, the last ones down from the root, at each level to all children at once. In between rank 0
   sends each chunk to its children while the next ones come in. */
static void add_flat(const gan_predicted_work *work, const gan_predicted_update *update, const gan_link *link,
                     int hosts, gan_predicted_time *time) {
  const double chunks = (double)update->parameters / CHUNK, ahead = fmin(chunks, AHEAD);
  const int levels = levels_of(hosts), copies = copies_of(hosts), depth = depth_of(hosts);
  const double chunk = fmin(chunks, 1) * CHUNK * sizeof(float), one = chunk / link->bandwidth;
  const double each = fmax((copies > levels ? copies : levels) * one, (copies + levels) * link->overhead);
  const double below = depth > 1 ? depth * (depth - 1) / 2.0 : 0;
  const double latencies = (levels + depth) * (link->latency + 2 * link->overhead);
  const double whole = fmax(chunks, 1);
  time->gradients += update->steps * (latencies + ahead / fmin(chunks, 1) * (levels + below) * one + whole * each);
  time->adding += update->steps * work->adding * (double)update->parameters * levels;
  time->messages += update->steps * ceil(chunks) * (levels + copies);
  time->bytes += update->steps * (double)update->parameters * sizeof(float) * fmax(levels, copies);
}

/* An exchange in which a rank sends `sent` messages and receives `received`, and a host `bytes` at most in one
   direction: the core's work goes along with the transfers, but for that of the messages that come `last`, together. */
static double exchange(const gan_link *link, double sent, double received, double last, double bytes) {
  if (sent + received == 0) return 0;
  const double along = sent + received - last;
  return link->latency + fmax(bytes / link->bandwidth, along * link->overhead) + fmax(last, 1) * link->overhead;
}

/* As in sliced_memory.c: as many buckets as leave each rank a block of each, and no more than are allowed. */
static double buckets_of(const gan_predicted_work *work, double blocks, int hosts) {
  return fmax(1, fmin(work->buckets, floor(blocks / ((double)hosts * work->ranks_per_host))));
}

/* The most blocks that one host's ranks, or one rank (`owners` of them), have in all buckets: sliced_memory.c. */
static double most_blocks(double blocks, double buckets, double owners) {
  double most = 0;
  for (double owner = 0; owner < owners; owner++) {
    double own = 0;
    for (double bucket = 0; bucket < buckets; bucket++) {
      const double count = floor(blocks * (bucket + 1) / buckets) - floor(blocks * bucket / buckets);
      own += floor(count * (owner + 1) / owners) - floor(count * owner / owners);
    }
    most = fmax(most, own);
  }
  return most;
}

/* sliced.c: each bucket is cut into one slice of whole blocks per rank. Every host sends its sums of all slices to the
   slices' ranks, which send the new values and the norms of the blocks back to every host. Each of the two waits for
   all of the one before; sums that left during the backward pass already, where it is slow enough, are a gain over
   this. */
static void add_sliced(const gan_predicted_work *work, const gan_predicted_update *update, const gan_link *link,
                       int hosts, gan_predicted_time *time) {
  const double blocks = ceil((double)update->parameters / GAN_REDUCTION_BLOCK), others = hosts - 1;
  const double ranks = (double)hosts * work->ranks_per_host, buckets = buckets_of(work, blocks, hosts);
  const double block_bytes = GAN_REDUCTION_BLOCK * sizeof(float);
  /* Slices of a bucket that a rank of each host sends to their owners elsewhere. */
  const double errands = fmin(blocks / buckets, ranks) * others / hosts / work->ranks_per_host;
  /* In with sums, out with values: all hosts' of the own slices; the other way: everybody's slices. */
  const double own = most_blocks(blocks, buckets, hosts) * others, foreign = blocks - floor(blocks / hosts);
  const double bytes = fmin(fmax(own, foreign) * block_bytes, others * (double)update->parameters * sizeof(float));
  const double squares = fmax(own, foreign) * SQUARE_BYTES;
  time->gradients +=
      update->steps * (exchange(link, buckets * errands, buckets * others, others, bytes) +
                       exchange(link, (buckets + 1) * others, (buckets + 1) * errands, 2 * errands, bytes + squares));
  time->adding += update->steps * work->adding * most_blocks(blocks, buckets, ranks) * GAN_REDUCTION_BLOCK * others;
  time->messages += update->steps * (2 * buckets + 1) * (others + errands);
  time->bytes += update->steps * (2 * bytes + squares);
}

static const char *choose(const gan_predicted_work *work, size_t parameters, int hosts) {
  const int ranks = hosts * work->ranks_per_host;
  const bool free = ranks == 1 || strcmp(work->reduction, "auto") == 0;
  return free ? gan_reduction_choice(ranks, hosts, parameters) : work->reduction;
}

void gan_predict_exchange(const gan_predicted_work *work, const gan_link *link, int hosts, gan_predicted_time *time) {
  const int ranks = hosts * work->ranks_per_host;
  *time = (gan_predicted_time){0};
  for (int i = 0; i < 2; i++) {
    const gan_predicted_update *update = &work->updates[i];
    time->reductions[i] = choose(work, update->parameters, hosts);
    if (hosts == 1 || update->steps == 0) continue;
    add_sums(update->steps, update->scalars, link, hosts, ranks, time);
    if (strcmp(time->reductions[i], "flat") == 0)
      add_flat(work, update, link, ranks, time);
    else
      add_sliced(work, update, link, hosts, time);
  }
  if (hosts > 1) add_sums(work->further_sums, FEW, link, hosts, ranks, time);
  /* MPI_Iallgather of the hashes: Open MPI's default sends from each rank to each other. */
  if (hosts > 1 && work->verify_every > 0)
    time->verification =
        exchange(link, ranks - 1, ranks - 1, ranks - 1, (double)ranks * work->ranks_per_host * HASH_BYTES) /
        work->verify_every;
}

/* --- stragglers --- */

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void gan_spread_measure(size_t count, double *seconds, gan_spread *spread) {
  size_t beyond = 0;
  *spread = (gan_spread){0};
  qsort(seconds, count, sizeof *seconds, compare);
  for (int i = 0; i < GAN_SPREAD_QUANTILES; i++) {
    const double place = (double)(count - 1) * i / GAN_SPREAD_QUANTILES;
    const size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;
    spread->quantiles[i] = seconds[below] + (place - (double)below) * (seconds[above] - seconds[below]);
  }
  const double last = spread->quantiles[GAN_SPREAD_QUANTILES - 1];
  for (size_t i = 0; i < count; i++) {
    spread->mean += seconds[i] / (double)count;
    if (seconds[i] > last) beyond++, spread->tail += seconds[i] - last;
  }
  if (beyond > 0) spread->tail /= (double)beyond;
}

/* The probability that at least one of `ranks` is delayed, where each is with probability `one`. */
static double any_of(double ranks, double one) { return -expm1(ranks * log1p(-one)); }

/* The integral over delays of the probability that the slowest of `ranks` is later than that in one of `steps` steps.
 */
static double mean_delay(const gan_spread *spread, int steps, double ranks) {
  enum { PIECES = 32, TAIL_PIECES = 4000, TAIL_LENGTHS = 80 };
  const double step_share = 1.0 / steps, last_share = 1.0 / GAN_SPREAD_QUANTILES;
  double mean = 0;
  /* Between two quantiles each delay is equally likely. The midpoints of small pieces; the first share may be 1. */
  for (int i = 0; i + 1 < GAN_SPREAD_QUANTILES; i++)
    for (int piece = 0; piece < PIECES; piece++) {
      const double share = 1 - (i + (piece + 0.5) / PIECES) / GAN_SPREAD_QUANTILES;
      mean += any_of(ranks, share * step_share) * (spread->quantiles[i + 1] - spread->quantiles[i]) / PIECES;
    }
  const double width = (double)TAIL_LENGTHS / TAIL_PIECES;
  for (int piece = 0; piece < TAIL_PIECES; piece++)
    mean += any_of(ranks, last_share * step_share * exp(-(piece + 0.5) * width)) * spread->tail * width;
  return steps * mean;
}

double gan_predict_stragglers(const gan_spread *spread, int steps, double ranks) {
  return ranks > 1 ? mean_delay(spread, steps, ranks) - mean_delay(spread, steps, 1) : 0;
}
