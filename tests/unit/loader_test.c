/* The loader: the sampler's samples, step after step, read beside the caller; errors come back, destruction is clean.
 */
#include "data/loader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/fault.h"
#include "data_support.h"

/* A source whose sample i is (i, -i), label i % 10, and which can be slow or fail. */
typedef struct numbers_state {
  atomic_int reads;      /* begun */
  atomic_int reads_done; /* ended */
  int failing_read;      /* counted from 1; 0: none */
  int milliseconds;      /* that each read takes */
  pthread_t reader;      /* thread of the last read */
} numbers_state;

static void sleep_milliseconds(int milliseconds) {
  nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L}, NULL);
}

static gan_status read_numbers(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  numbers_state *state = source->state;
  const int read = atomic_fetch_add(&state->reads, 1) + 1;
  state->reader = pthread_self();
  if (state->milliseconds) sleep_milliseconds(state->milliseconds);
  for (int64_t i = 0; i < n; i++) {
    out[2 * i] = (float)indices[i];
    out[2 * i + 1] = (float)-indices[i];
    if (labels) labels[i] = (int32_t)(indices[i] % 10);
  }
  atomic_fetch_add(&state->reads_done, 1);
  if (read == state->failing_read) return gan_fail(GAN_BAD_FILE, "read %d met a scratch", read);
  return GAN_OK;
}

static void close_numbers(gan_source *source) { (void)source; }

static const gan_source_type numbers_type = {.name = "numbers", .read = read_numbers, .close = close_numbers};

static gan_source make_source(numbers_state *state, int64_t count, int label_count) {
  return (gan_source){.type = &numbers_type,
                      .shape = {.rank = 1, .size = {2}},
                      .count = count,
                      .label_count = label_count,
                      .state = state};
}

static gan_shards make_shards(int count, int64_t batch, int ranks, int rank) {
  gan_shards shards;
  assert_int_equal(gan_shards_plan(count, batch, ranks, rank, &shards), GAN_OK);
  return shards;
}

/* Waits until `counter` is `value`, for a minute at most. */
static void wait_for(atomic_int *counter, int value) {
  for (int i = 0; i < 60000 && atomic_load(counter) < value; i++) sleep_milliseconds(1);
  assert_int_equal(atomic_load(counter), value);
}

/* Steps 3 to 22 of batches of 10 out of 37 samples, over the ends of epochs. */
static void steps_bring_the_samplers_samples(void **state) {
  (void)state;
  numbers_state numbers = {0};
  gan_source source = make_source(&numbers, 37, 10);
  gan_shards shards = make_shards(4, 10, 1, 0);
  gan_loader *loader;
  assert_int_equal(gan_loader_create(&source, &shards, 5, 3, &loader), GAN_OK);
  for (int64_t step = 3; step < 23; step++) {
    const float *real;
    const int32_t *labels;
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    for (int i = 0; i < 10; i++) {
      const int64_t index = gan_sampler_index(5, 37, 10 * step + i);
      assert_true(real[2 * i] == (float)index && real[2 * i + 1] == (float)-index);
      assert_int_equal(labels[i], index % 10);
    }
  }
  gan_loader_destroy(loader);
  gan_shards_release(&shards);
}

static void every_sample_comes_once_in_an_epoch(void **state) {
  (void)state;
  numbers_state numbers = {0};
  gan_source source = make_source(&numbers, 40, 0);
  gan_shards shards = make_shards(1, 8, 1, 0);
  gan_loader *loader;
  int seen[40] = {0};
  assert_int_equal(gan_loader_create(&source, &shards, 9, 0, &loader), GAN_OK);
  for (int step = 0; step < 5; step++) {
    const float *real;
    const int32_t *labels;
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    assert_null(labels);
    for (int i = 0; i < 8; i++) seen[(int)real[2 * i]]++;
  }
  for (int i = 0; i < 40; i++) assert_int_equal(seen[i], 1);
  gan_loader_destroy(loader);
  gan_shards_release(&shards);
}

/* 13 samples in 5 shards: the ranks' parts one after the other are the whole batch, for any number of ranks. */
static void ranks_together_read_the_global_batch(void **state) {
  (void)state;
  for (int ranks = 1; ranks <= 5; ranks++) {
    float batch[13];
    int64_t filled = 0;
    for (int rank = 0; rank < ranks; rank++) {
      numbers_state numbers = {0};
      gan_source source = make_source(&numbers, 1000, 0);
      gan_shards shards = make_shards(5, 13, ranks, rank);
      gan_loader *loader;
      const float *real;
      const int32_t *labels;
      assert_int_equal(gan_loader_create(&source, &shards, 5, 7, &loader), GAN_OK);
      assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
      for (int64_t i = 0; i < gan_shards_samples(&shards); i++) batch[filled++] = real[2 * i];
      gan_loader_destroy(loader);
      gan_shards_release(&shards);
    }
    assert_int_equal(filled, 13);
    for (int i = 0; i < 13; i++) assert_true(batch[i] == (float)gan_sampler_index(5, 1000, 7 * 13 + i));
  }
}

static void reading_goes_on_beside_the_caller_one_step_ahead(void **state) {
  (void)state;
  numbers_state numbers = {0};
  gan_source source = make_source(&numbers, 1000, 0);
  gan_shards shards = make_shards(1, 4, 1, 0);
  gan_loader *loader;
  const float *real;
  const int32_t *labels;
  assert_int_equal(gan_loader_create(&source, &shards, 5, 0, &loader), GAN_OK);
  wait_for(&numbers.reads_done, 2); /* both buffers, before anything was asked for */
  assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
  float first[8];
  memcpy(first, real, sizeof first);
  sleep_milliseconds(30);
  assert_int_equal(atomic_load(&numbers.reads), 2); /* the buffer in use is left alone */
  assert_memory_equal(first, real, sizeof first);
  assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
  wait_for(&numbers.reads_done, 3); /* the first was given back by asking for the second */
  assert_false(pthread_equal(numbers.reader, pthread_self()));
  gan_loader_destroy(loader);
  gan_shards_release(&shards);
}

static void a_slow_source_is_waited_for(void **state) {
  (void)state;
  numbers_state numbers = {.milliseconds = 20};
  gan_source source = make_source(&numbers, 0, 0);
  gan_shards shards = make_shards(1, 4, 1, 0);
  gan_loader *loader;
  assert_int_equal(gan_loader_create(&source, &shards, 5, 0, &loader), GAN_OK);
  for (int step = 0; step < 5; step++) {
    const float *real;
    const int32_t *labels;
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    assert_true(real[6] == (float)(4 * step + 3)); /* a set without end comes in order */
  }
  gan_loader_destroy(loader);
  gan_shards_release(&shards);
}

static void an_error_of_the_reading_thread_comes_back_with_its_message(void **state) {
  (void)state;
  for (int one_thread = 0; one_thread < 2; one_thread++) {
    numbers_state numbers = {.failing_read = 3};
    gan_source source = make_source(&numbers, 1000, 0);
    source.one_thread = one_thread;
    gan_shards shards = make_shards(1, 4, 1, 0);
    gan_loader *loader;
    const float *real;
    const int32_t *labels;
    assert_int_equal(gan_loader_create(&source, &shards, 5, 0, &loader), GAN_OK);
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    (void)gan_fail(GAN_FAILED, "something else");
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_BAD_FILE);
    assert_string_equal(gan_error_message(), "read 3 met a scratch");
    if (!one_thread) assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_BAD_FILE); /* and stays */
    gan_loader_destroy(loader);
    gan_shards_release(&shards);
  }
}

static void a_source_that_bears_no_thread_is_read_by_the_caller(void **state) {
  (void)state;
  numbers_state numbers = {0};
  gan_source source = make_source(&numbers, 37, 10);
  source.one_thread = true;
  gan_shards shards = make_shards(1, 4, 1, 0);
  gan_loader *loader;
  assert_int_equal(gan_loader_create(&source, &shards, 5, 2, &loader), GAN_OK);
  assert_int_equal(atomic_load(&numbers.reads), 0);
  for (int64_t step = 2; step < 12; step++) {
    const float *real;
    const int32_t *labels;
    assert_int_equal(gan_loader_next(loader, &real, &labels), GAN_OK);
    for (int i = 0; i < 4; i++) assert_true(real[2 * i] == (float)gan_sampler_index(5, 37, 4 * step + i));
    assert_true(pthread_equal(numbers.reader, pthread_self()));
  }
  gan_loader_destroy(loader);
  gan_shards_release(&shards);
}

/* Whatever the reading thread is doing: nothing yet, reading, waiting for a buffer, ended by an error. */
static void destruction_is_clean_at_any_moment(void **state) {
  (void)state;
  for (int moment = 0; moment < 4; moment++) {
    numbers_state numbers = {.milliseconds = moment == 1 ? 100 : 0, .failing_read = moment == 3 ? 1 : 0};
    gan_source source = make_source(&numbers, 1000, 10);
    gan_shards shards = make_shards(1, 4, 1, 0);
    gan_loader *loader;
    assert_int_equal(gan_loader_create(&source, &shards, 5, 0, &loader), GAN_OK);
    if (moment == 1) wait_for(&numbers.reads, 1);
    if (moment == 2) wait_for(&numbers.reads_done, 2);
    if (moment == 3) wait_for(&numbers.reads_done, 1);
    gan_loader_destroy(loader);
    assert_int_equal(atomic_load(&numbers.reads), atomic_load(&numbers.reads_done)); /* no read is left running */
    gan_shards_release(&shards);
  }
  gan_loader_destroy(NULL);
}

static void a_step_out_of_range_is_refused(void **state) {
  (void)state;
  numbers_state numbers = {0};
  gan_source source = make_source(&numbers, 1000, 0);
  gan_shards shards = make_shards(1, 1000, 1, 0);
  gan_loader *loader;
  assert_int_equal(gan_loader_create(&source, &shards, 5, -1, &loader), GAN_BAD_USAGE);
  assert_int_equal(gan_loader_create(&source, &shards, 5, INT64_MAX / 1000, &loader), GAN_BAD_USAGE);
  assert_null(loader);
  gan_shards_release(&shards);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  numbers_state numbers = {0};
  gan_source source = make_source(&numbers, 1000, 10);
  gan_shards shards = make_shards(1, 4, 1, 0);
  gan_status status = GAN_FAILED;
  int64_t nth = 0;
  while (status != GAN_OK && nth < 100) {
    gan_loader *loader;
    gan_fault_arm(GAN_FAULT_ALLOCATION, ++nth);
    status = gan_loader_create(&source, &shards, 5, 0, &loader);
    const bool struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    gan_loader_destroy(loader);
  }
  assert_true(nth > 4 && nth < 100);
  gan_shards_release(&shards);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_bring_the_samplers_samples),
      cmocka_unit_test(every_sample_comes_once_in_an_epoch),
      cmocka_unit_test(ranks_together_read_the_global_batch),
      cmocka_unit_test(reading_goes_on_beside_the_caller_one_step_ahead),
      cmocka_unit_test(a_slow_source_is_waited_for),
      cmocka_unit_test(an_error_of_the_reading_thread_comes_back_with_its_message),
      cmocka_unit_test(a_source_that_bears_no_thread_is_read_by_the_caller),
      cmocka_unit_test(destruction_is_clean_at_any_moment),
      cmocka_unit_test(a_step_out_of_range_is_refused),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
