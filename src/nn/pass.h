/* A pass: the memory and the bookkeeping of one batch's way forward and backward through a network.

   Rows. A pass holds the samples of this rank's shards, shard after shard. It may have several parts, real and
   generated samples side by side, or those of several steps: then shard i's rows are first all of part 0, then all of
   part 1, each of the shard's size, so that all go through every matrix product together while batch statistics stay
   apart.

        rows:  [shard 0: part 0 | part 1] [shard 1: part 0 | part 1] ...

   All memory is planned (nn/plan.h) and taken when the pass is created; forward and backward allocate nothing. What a
   forward pass computed lasts until the backward step that reads it, and no longer: only input and output can be looked
   at afterwards. Layers run one after the other
   over all local shards, so that a layer which needs sums over the whole global batch meets all of them at once. */
#ifndef GAN_NN_PASS_H
#define GAN_NN_PASS_H

#include "nn/network.h"
#include "nn/plan.h"

enum { GAN_PARTS_MOST = 8 };

/* Sums over the shard tree for layers that need them inside a pass: per_shard (local shards, count) -> total (count),
   the same on every rank. Collective. Set by the trainer; NULL where all shards are local (then gan_pass sums). */
typedef struct gan_shard_sum {
  void (*sum)(void *context, const double *per_shard, size_t count, double *total);
  void *context;
} gan_shard_sum;

/* Told, in a backward pass that fills slots, that they are filled from `offset` to the end, after each layer with
   parameters, the last time with 0. Set by the trainer; NULL: nobody wants to know. */
typedef struct gan_pass_listener {
  void (*filled)(void *context, size_t offset);
  void *context;
} gan_pass_listener;

/* The work of a layer, in pieces that can be timed by themselves. */
typedef enum gan_layer_work {
  GAN_WORK_FORWARD,
  GAN_WORK_WEIGHTS, /* the parameters' gradient, where the layer computes it apart */
  GAN_WORK_INPUT,   /* the input's gradient, or all of the backward step where they cannot be told apart */
  GAN_WORKS
} gan_layer_work;

/* For who measures: called when a piece of work is done, which began at the call before. `rows`: that its products went
   over. A NULL layer: what was done since then belongs to no layer. With NULL for the function, nobody measures, and it
   costs a comparison for each piece. */
typedef struct gan_pass_watch {
  void (*done)(void *context, const gan_layer *layer, gan_layer_work work, int64_t rows);
  void *context;
} gan_pass_watch;

/* Memory that a pass uses, and others too while it holds nothing that is still needed: values from before a forward
   pass until the end of the backward pass, or of the use of what came out; the workspace during either. */
typedef struct gan_pass_memory {
  float *values[GAN_PARTS_MOST]; /* [parts - 1]: gan_pass_sizes.values floats, aligned to 64 bytes */
  float *workspace;              /* gan_pass_sizes.workspace floats */
} gan_pass_memory;

/* What a pass takes, as planned. */
typedef struct gan_pass_sizes {
  size_t values[GAN_PARTS_MOST];   /* [parts - 1], floats: outputs of layers, gradients, what layers keep */
  size_t unshared[GAN_PARTS_MOST]; /* that these would be if each had memory of its own */
  size_t workspace;                /* floats */
  size_t input;                    /* floats */
  size_t statistics, bookkeeping;  /* bytes: sums for batch statistics; pointers and plans */
  size_t bytes;                    /* of all: values for the number of parts that takes most */
} gan_pass_sizes;

/* What a pass that has tangents holds for them (nn/tangent.h). */
typedef struct gan_tangents gan_tangents;

struct gan_pass {
  const gan_network *network;
  const gan_shards *shards; /* not owned; in use */
  const gan_shards *room;   /* not owned; that there is memory for */
  int parts;                /* 1 to most_parts, in use */
  int most_parts;           /* that there is memory for */
  int64_t rows;             /* parts * samples of the local shards */
  bool training;            /* batch statistics (and kept values for backward), or running ones */
  const float *parameters;  /* not owned; set before forward */
  const float *buffers;     /* not owned; set before forward; read when not training */
  float *const *slots;      /* gradient slots (gan_shards.slot_count vectors); NULL: input gradients only */
  /* (local shards, spectral_count): what a backward pass that fills slots sums for each normalised weight beside its
     gradient (nn/spectral.h). Set with slots; NULL: not wanted. */
  double *spectral_sums;
  gan_shard_sum shard_sum;
  gan_pass_listener listener;
  gan_pass_watch watch;
  /* Batch statistics of this pass that are to become running ones: (local shards, statistic_count), written by forward
     when training. The trainer sums them over the tree, divides by S and moves its buffers towards them. */
  double *statistics[GAN_PARTS_MOST]; /* [part] */
  /* Where layers that draw random numbers find them (dropout): seed, stream, and a step of which there is one for each
     forward pass in training. Set by the trainer; sample is ignored. */
  gan_random_address random;
  gan_keep keep;
  float **activations; /* [layer_count + 1]: (rows, elements); [0] is the input, to be filled before forward */
  float **gradients;   /* [layer_count + 1]: (rows, elements); of the activations. NULLs with GAN_KEEP_NOTHING */
  float **kept;        /* [layer_count] */
  gan_plan *plans[GAN_PARTS_MOST]; /* [parts - 1] */
  float *input;
  gan_pass_memory memory;
  float *own_values, *own_workspace; /* NULL: they belong to somebody else */
  /* Sums for batch statistics: (local shards, parts, the largest scratch_per_part) for layers to use as they like,
     followed by what gan_pass_sum_shards needs. */
  double *scratch;
  double *total;                /* within scratch: (parts, the largest scratch_per_part) */
  double **sum_slots;           /* [slot_count], within scratch, as long as total */
  float *workspace;             /* the largest gan_layer.workspace; holds nothing from one layer's work to the next */
  const gan_layer *rejected_by; /* the first layer that was given a value it has no answer for; NULL: none */
  float rejected;               /* that value */
  gan_tangents *tangents;       /* NULL: none asked for */
  bool slopes_known;            /* `gradients` are those of the sum of outputs (gan_pass_score_gradient), and kept */
  gan_pass *joined;             /* during a backward pass: the one with tangents that goes along; NULL: none */
  size_t bytes;
};

/* Takes all memory for `parts` parts of the local shards' samples. Owned by the caller. */
gan_status gan_pass_create(const gan_network *network, const gan_shards *shards, int parts,
                           gan_pass **pass) GAN_CHECKED;
/* The same for a purpose, with values and workspace in memory that is borrowed; NULL: its own. */
gan_status gan_pass_create_in(const gan_network *network, const gan_shards *shards, int parts, gan_keep keep,
                              const gan_pass_memory *memory, gan_pass **pass) GAN_CHECKED;
/* What such a pass takes, without taking it. `bytes` is gan_pass_bytes of one with memory of its own. */
gan_status gan_pass_measure(const gan_network *network, const gan_shards *shards, int parts, gan_keep keep,
                            gan_pass_sizes *sizes) GAN_CHECKED;
void gan_pass_destroy(gan_pass *pass);
/* The largest scratch_per_part of the layers; with that of their tangents, or without. */
size_t gan_pass_scratch_width(const gan_network *network, bool tangents);

/* Uses the pass for fewer parts than it was created for, or again for all of them; what it held is void. */
void gan_pass_set_parts(gan_pass *pass, int parts);

/* Uses the pass for other shards, of which there are no more, nor more samples, than of those that it was created for;
   what it held is void. `shards` is borrowed. */
void gan_pass_set_shards(gan_pass *pass, const gan_shards *shards);

/* (rows, input elements), to be filled; (rows, output elements), valid after forward until the next one. */
float *gan_pass_input(const gan_pass *pass);
const float *gan_pass_output(const gan_pass *pass);
/* Copies the rows of one part, of whatever has `width` floats a row, one local shard after the other. */
void gan_pass_copy_part(const gan_pass *pass, int part, size_t width, const float *rows, float *copy);
/* The same from a part of one pass to a part of one of as many samples, or of the same pass. */
void gan_pass_copy_between(const gan_pass *from, int part, size_t width, const float *rows, const gan_pass *to,
                           int to_part, float *to_rows);
/* (rows, output elements): d loss / d output, to be filled before backward (before or after forward). */
float *gan_pass_output_gradient(gan_pass *pass);

/* First row and number of rows of local shard i's part; part -1 means all parts of the shard. */
int64_t gan_pass_first_row(const gan_pass *pass, int local_shard, int part);
int64_t gan_pass_row_count(const gan_pass *pass, int local_shard, int part);

void gan_pass_forward(gan_pass *pass);
/* After a forward pass: GAN_FAILED when a layer was given a value that it has no answer for (an embedding's index that
   is none), which names layer and value. The output holds NaN then. Not collective: other ranks may have done well. */
gan_status gan_pass_check(const gan_pass *pass) GAN_CHECKED;
/* Follows a forward pass in training, once (what it has read is gone), or with GAN_KEEP_ALL any number of times.
   Parameter gradients go into pass->slots (the forest of gan_shards), if set. With `input_gradient` true, returns
   (rows, input elements): d loss / d input, valid until the next pass; otherwise NULL.
 */
const float *gan_pass_backward(gan_pass *pass, bool input_gradient);

/* For layers that compute the parameters' gradient before the input's: says that it is done, of so many rows. */
static inline void gan_pass_done(const gan_pass *pass, const gan_layer *layer, gan_layer_work work, int64_t rows) {
  if (pass->watch.done) pass->watch.done(pass->watch.context, layer, work, rows);
}

/* The first layer that a backward pass has to reach: below the first one with parameters nobody asks for a gradient. */
int gan_pass_first_needed(const gan_pass *pass, bool input_gradient);
/* Adds the joined pass's gradient of the layer's parameters, of one shard, to what is in this pass's slot. */
void gan_pass_add_joined(const gan_pass *pass, const gan_layer *layer, int local_shard);

/* For layers: where local shard i's gradient of the layer's parameters goes; and the fold after it has been written. */
static inline float *gan_pass_gradient(const gan_pass *pass, const gan_layer *layer, int local_shard) {
  return pass->slots[pass->shards->slot[local_shard]] + layer->parameter_offset;
}
static inline void gan_pass_fold(const gan_pass *pass, const gan_layer *layer, int local_shard) {
  if (pass->joined) gan_pass_add_joined(pass, layer, local_shard);
  gan_shards_fold(pass->shards, local_shard, pass->slots, layer->parameter_offset, layer->parameter_count);
}

/* For layers: what the layer keeps from forward to backward, of one row and of one local shard's part. */
static inline float *gan_pass_kept_row(const gan_pass *pass, const gan_layer *layer, int64_t row) {
  return pass->kept[layer->index] + (size_t)row * layer->kept_per_row;
}
static inline float *gan_pass_kept_part(const gan_pass *pass, const gan_layer *layer, int local_shard, int part) {
  return pass->kept[layer->index] + (size_t)pass->rows * layer->kept_per_row +
         ((size_t)local_shard * (size_t)pass->parts + (size_t)part) * layer->kept_per_part;
}

/* For layers: what gan_pass_check tells of. The first call after the beginning of a forward pass counts. */
static inline void gan_pass_reject(gan_pass *pass, const gan_layer *layer, float value) {
  if (pass->rejected_by) return;
  pass->rejected_by = layer;
  pass->rejected = value;
}

/* For layers: sums per_shard (local shards, count) over all shards of the global batch along the tree; count is at most
   parts * scratch_per_part. The result (count) is valid until the next call. Collective where shard_sum is set. */
const double *gan_pass_sum_shards(gan_pass *pass, const double *per_shard, size_t count);

/* Bytes that the pass holds, without what is borrowed. */
size_t gan_pass_bytes(const gan_pass *pass);

#endif
