/* Prefetch: one thread, two buffers. The thread reads step after step, each into the buffer whose turn it is, as soon
   as the reader has given it back; the reader keeps a buffer until it asks for the next. Both wait on one condition.

   A source whose library bears no second thread (one_thread) is read when it is asked for, without a thread. */
#include "data/loader.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"
#include "kernels/kernels.h"

enum { BUFFERS = 2, MESSAGE_BYTES = 1024 };

typedef struct step_buffer {
  float *real;                 /* (samples, elements) */
  int32_t *labels;             /* (samples), or NULL */
  float *weights;              /* (samples), or NULL */
  bool full;                   /* read, and not given back yet */
  gan_status status;           /* of reading it */
  char message[MESSAGE_BYTES]; /* of the error; the recorded message is each thread's own */
} step_buffer;

struct gan_loader {
  gan_source *source;
  const gan_shards *shards;
  uint64_t seed;
  int64_t next_step; /* to be read; the reading thread's */
  int64_t samples;
  int64_t *indices; /* (samples); the reading thread's */
  step_buffer buffers[BUFFERS];
  int turn;        /* buffer that gan_loader_next hands out next */
  bool handed_out; /* the buffer before it is in use */
  bool threaded;   /* the three below exist */
  pthread_t thread;
  pthread_mutex_t lock; /* over `full` of all buffers, and `stop` */
  pthread_cond_t changed;
  bool stop;
};

/* data.flip: half of the step's samples, which ones is a function of step and place in the global batch. */
static void flip_half(const gan_loader *loader, float *real) {
  const gan_shape *shape = &loader->source->shape;
  const int64_t elements = gan_shape_count(shape), width = shape->size[shape->rank - 1];
  gan_random_address address = {.seed = loader->seed,
                                .stream = GAN_STREAM_DATA_FLIP,
                                .step = (uint64_t)loader->next_step,
                                .sample = (uint64_t)gan_shard_begin(loader->shards, loader->shards->first)};
  for (int64_t i = 0; i < loader->samples; i++, address.sample++, real += elements) {
    uint32_t word;
    gan_random_bits(address, 1, &word);
    if (word >> 31) gan_mirror(elements / width, width, real);
  }
}

/* Reads the next step. Not under the lock: the buffer is the reading thread's until it is full. */
static void read_step(gan_loader *loader, step_buffer *buffer) {
  const gan_shards *shards = loader->shards;
  const int64_t first = loader->next_step * shards->batch + gan_shard_begin(shards, shards->first);
  for (int64_t i = 0; i < loader->samples; i++)
    loader->indices[i] = gan_sampler_index(loader->seed, loader->source->count, first + i);
  buffer->status = gan_source_read(loader->source, loader->indices, loader->samples, buffer->real, buffer->labels);
  for (int64_t i = 0; buffer->weights && i < loader->samples; i++)
    buffer->weights[i] = loader->source->weights[loader->indices[i]];
  if (buffer->status == GAN_OK && loader->source->options.flip) flip_half(loader, buffer->real);
  if (buffer->status == GAN_OK)
    loader->next_step++;
  else
    snprintf(buffer->message, sizeof buffer->message, "%s", gan_error_message());
}

/* The reading thread. It ends when told to, and after an error, which stays in its buffer. */
static void *read_steps(void *context) {
  gan_loader *loader = context;
  for (int turn = 0;; turn = (turn + 1) % BUFFERS) {
    step_buffer *buffer = &loader->buffers[turn];
    pthread_mutex_lock(&loader->lock);
    while (buffer->full && !loader->stop) pthread_cond_wait(&loader->changed, &loader->lock);
    const bool stop = loader->stop;
    pthread_mutex_unlock(&loader->lock);
    if (stop) return NULL;
    read_step(loader, buffer);
    /* The status is the caller's once the buffer is full. */
    const gan_status status = buffer->status;
    pthread_mutex_lock(&loader->lock);
    buffer->full = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    if (status != GAN_OK) return NULL;
  }
}

static gan_status start_thread(gan_loader *loader) {
  pthread_mutex_init(&loader->lock, NULL);
  pthread_cond_init(&loader->changed, NULL);
  const gan_status status = gan_thread_start(&loader->thread, "loader", read_steps, loader);
  loader->threaded = status == GAN_OK;
  if (loader->threaded) return GAN_OK;
  pthread_cond_destroy(&loader->changed);
  pthread_mutex_destroy(&loader->lock);
  return status;
}

size_t gan_loader_bytes(const gan_source *source, int64_t samples) {
  const size_t sample =
      (size_t)gan_shape_count(&source->shape) * sizeof(float) + sizeof(int32_t) + (source->weights ? sizeof(float) : 0);
  return (size_t)samples * (sizeof(int64_t) + BUFFERS * sample);
}

static gan_status allocate_buffers(gan_loader *loader) {
  const size_t samples = (size_t)loader->samples, elements = (size_t)gan_shape_count(&loader->source->shape);
  GAN_TRY(gan_allocate(samples, sizeof *loader->indices, "the numbers of a step's samples", &loader->indices));
  for (int i = 0; i < BUFFERS; i++) {
    step_buffer *buffer = &loader->buffers[i];
    GAN_TRY(gan_allocate(samples, elements * sizeof *buffer->real, "a step's samples", &buffer->real));
    if (loader->source->label_count > 0)
      GAN_TRY(gan_allocate(samples, sizeof *buffer->labels, "a step's labels", &buffer->labels));
    if (loader->source->weights)
      GAN_TRY(gan_allocate(samples, sizeof *buffer->weights, "a step's weights", &buffer->weights));
  }
  return GAN_OK;
}

gan_status gan_loader_create(gan_source *source, const gan_shards *shards, uint64_t seed, int64_t first_step,
                             gan_loader **loader) {
  gan_loader *created;
  *loader = NULL;
  /* Half of the range is left for the steps to come. */
  if (first_step < 0 || first_step > INT64_MAX / 2 / shards->batch)
    return gan_fail(GAN_BAD_USAGE, "no data can be read for critic step %" PRId64 ": it is out of range", first_step);
  GAN_TRY(gan_allocate(1, sizeof *created, "the data loader", &created));
  created->source = source;
  created->shards = shards;
  created->seed = seed;
  created->next_step = first_step;
  created->samples = gan_shards_samples(shards);
  gan_status status = allocate_buffers(created);
  if (status == GAN_OK && !source->one_thread) status = start_thread(created);
  if (status != GAN_OK) {
    gan_loader_destroy(created);
    return status;
  }
  *loader = created;
  return GAN_OK;
}

void gan_loader_destroy(gan_loader *loader) {
  if (!loader) return;
  if (loader->threaded) {
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    pthread_join(loader->thread, NULL);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
  }
  for (int i = 0; i < BUFFERS; i++) {
    free(loader->buffers[i].real);
    free(loader->buffers[i].labels);
    free(loader->buffers[i].weights);
  }
  free(loader->indices);
  free(loader);
}

/* Gives the buffer before back to the reading thread, and waits for this one. */
static void await(gan_loader *loader, const step_buffer *wanted) {
  pthread_mutex_lock(&loader->lock);
  if (loader->handed_out) {
    loader->buffers[(loader->turn + BUFFERS - 1) % BUFFERS].full = false;
    pthread_cond_broadcast(&loader->changed);
  }
  while (!wanted->full) pthread_cond_wait(&loader->changed, &loader->lock);
  pthread_mutex_unlock(&loader->lock);
}

gan_status gan_loader_next(gan_loader *loader, const float **real, const int32_t **labels) {
  step_buffer *next = &loader->buffers[loader->turn];
  if (loader->threaded)
    await(loader, next);
  else
    read_step(loader, next);
  loader->handed_out = next->status == GAN_OK;
  if (next->status != GAN_OK) return gan_fail(next->status, "%s", next->message);
  loader->turn = (loader->turn + 1) % BUFFERS;
  *real = next->real;
  *labels = next->labels;
  return GAN_OK;
}

const float *gan_loader_weights(const gan_loader *loader) {
  return loader->buffers[(loader->turn + BUFFERS - 1) % BUFFERS].weights;
}
