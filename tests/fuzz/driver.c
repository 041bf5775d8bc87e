/* A small fuzzer for where there is no libFuzzer: seeds with mutations, which know nothing of what the code does with
   them, so that any compiler and sanitizer will do.

     NAME_fuzz                      a moment, the same inputs every time
     NAME_fuzz EXECUTIONS SEED      so many others
     NAME_fuzz FILE...              these inputs, in this process, for a debugger
     NAME_fuzz --seeds FOLDER       writes the seeds, for libFuzzer to begin with

   Inputs are tried in a child process, which shows the input at hand in shared memory. When it dies, or takes longer
   than any input may, the input is written to NAME_fuzz.failed-SEED-NUMBER and the exit status is 1. Input n depends on
   the seed and n only. */
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

/* A moment ends by whichever of number and time comes first, on a slow machine with the least. */
enum {
  MOMENT_EXECUTIONS = 10000,
  MOMENT_SECONDS = 3,
  EXECUTIONS_LEAST = 100,
  MOMENT_SEED = 3,
  HANG_SECONDS = 20,
  HANG_SECONDS_OF_HDF5 = 2,
  PASSED_MOST = 3,
  SEEDS_MOST = 64,
  CHANGES_MOST = 6
};
enum { ENDED_BY_HDF5 = 77, FRAMES = 64 };
#define MEMORY_MOST ((rlim_t)4 << 30)

/* Shared with the child. */
typedef struct board {
  long number; /* of the input at hand */
  size_t size;
  uint8_t data[FUZZ_INPUT_MOST];
} board;

typedef struct seed_input {
  size_t size;
  uint8_t *data;
} seed_input;

static board *shown;
static seed_input seeds[SEEDS_MOST];
static int seed_count;

static void read_seeds(void) {
  static uint8_t data[FUZZ_INPUT_MOST];
  for (size_t size; seed_count < SEEDS_MOST && (size = fuzz_seed(seed_count, data)) > 0; seed_count++) {
    seeds[seed_count] = (seed_input){size, malloc(size)};
    fuzz_require(seeds[seed_count].data != NULL, "memory for seeds");
    memcpy(seeds[seed_count].data, data, size);
  }
}

/* ---- Mutations */

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t next_number(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t limit) { return limit ? (size_t)(next_number(state) % limit) : 0; }

static void insert(board *input, size_t place, const void *bytes, size_t count) {
  if (count > FUZZ_INPUT_MOST - input->size) return;
  uint8_t copy[256];
  if (count > sizeof copy) count = sizeof copy;
  memcpy(copy, bytes, count); /* may be of the input itself */
  memmove(input->data + place + count, input->data + place, input->size - place);
  memcpy(input->data + place, copy, count);
  input->size += count;
}

static void take_out(board *input, size_t place, size_t count) {
  if (count > input->size - place) count = input->size - place;
  memmove(input->data + place, input->data + place + count, input->size - place - count);
  input->size -= count;
}

/* Numbers at which sizes and signs turn, of 1 to 8 bytes, either end first. */
static void set_number(board *input, uint64_t *state) {
  static const uint64_t numbers[] = {0,          1,          2,          0x7f,       0x80,      0xff,
                                     0x100,      0x7fff,     0x8000,     0xffff,     0x10000,   0x1000001,
                                     0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX, INT64_MAX, (uint64_t)1 << 63};
  const uint64_t number = numbers[below(state, sizeof numbers / sizeof *numbers)] + below(state, 2);
  const size_t bytes = (size_t)1 << below(state, 4), place = below(state, input->size);
  const bool big = below(state, 2);
  for (size_t i = 0; i < bytes && place + i < input->size; i++)
    input->data[place + i] = (uint8_t)(number >> 8 * (big ? bytes - 1 - i : i));
}

static void add_word(board *input, uint64_t *state) {
  size_t count = 0;
  while (fuzz_words[count]) count++;
  if (count == 0) return;
  const char *word = fuzz_words[below(state, count)];
  insert(input, below(state, input->size + 1), word, strlen(word));
}

static void change(board *input, uint64_t *state) {
  const size_t place = below(state, input->size);
  const seed_input *other = &seeds[below(state, (size_t)seed_count)];
  uint8_t byte = (uint8_t)next_number(state);
  switch (below(state, 9)) {
    case 0:
      if (input->size) input->data[place] ^= (uint8_t)(1u << (byte & 7));
      break;
    case 1:
      if (input->size) input->data[place] = byte;
      break;
    case 2:
      insert(input, place, &byte, 1);
      break;
    case 3:
      take_out(input, place, 1 + below(state, 1 + below(state, 64)));
      break;
    case 4: /* twice the same, or elsewhere, too */
      if (input->size) insert(input, below(state, input->size), input->data + place, below(state, input->size - place));
      break;
    case 5: { /* from another seed */
      const size_t from = below(state, other->size);
      insert(input, place, other->data + from, below(state, other->size - from));
      break;
    }
    case 6:
      add_word(input, state);
      break;
    case 7:
      if (below(state, 8) == 0) input->size = place; /* the rest is missing */
      break;
    default:
      if (input->size) set_number(input, state);
  }
}

static void make_input(board *input, uint64_t seed, long number) {
  uint64_t state = seed * 0xd1342543de82ef95u + (uint64_t)number;
  const seed_input *from = &seeds[(size_t)number % (size_t)seed_count];
  input->number = number;
  input->size = from->size;
  memcpy(input->data, from->data, from->size);
  if (number < seed_count) return; /* the seeds themselves first */
  for (size_t changes = 1 + below(&state, CHANGES_MOST); changes > 0; changes--) change(input, &state);
}

/* ---- The child */

/* Whose code the process is in: of HDF5's and this program's the innermost on the stack, beyond the handler that asks
   (and a sanitizer's backtrace before it). */
static bool is_within_hdf5(void) {
  void *frames[FRAMES];
  Dl_info own, about;
  enum { BEFORE_HANDLER, IN_HANDLER, BEYOND } place = BEFORE_HANDLER;
  const int count = backtrace(frames, FRAMES);
  if (!dladdr((void *)(uintptr_t)is_within_hdf5, &own)) return false;
  for (int i = 0; i < count; i++) {
    if (!dladdr(frames[i], &about) || !about.dli_fname) continue;
    const bool is_own = about.dli_fbase == own.dli_fbase;
    if (place == BEYOND && is_own) return false;
    if (strstr(about.dli_fname, "libhdf5")) return true;
    if (is_own) place = IN_HANDLER;
    if (place == IN_HANDLER && !is_own) place = BEYOND;
  }
  return false;
}

static void on_death(void) {
  if (fuzz_passes_hdf5 && is_within_hdf5()) _exit(ENDED_BY_HDF5);
}

static void on_signal(int number) {
  on_death();
  signal(number, SIG_DFL);
  raise(number);
}

#if defined __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>

static const bool has_address_sanitizer = true;
static void watch_sanitizer(void) { __sanitizer_set_death_callback(on_death); }
/* Signals are ours where HDF5 is passed. The environment goes before these. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return fuzz_passes_hdf5 ? "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_abort=0:allocator_may_return_null=1"
                          : "";
}
#else
static const bool has_address_sanitizer = false;
static void watch_sanitizer(void) {}
#endif

static void watch_signals(void) {
  static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
  static uint8_t own_stack[1 << 16];
  const stack_t stack = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
  void *frame;
  watch_sanitizer();
  backtrace(&frame, 1); /* loads what it needs, now and not in the handler */
  sigaltstack(&stack, NULL);
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
    if (deadly[i] == SIGALRM || fuzz_passes_hdf5) sigaction(deadly[i], &action, NULL);
}

/* Inputs that take memory without end are to meet an end themselves. */
static void limit_memory(void) {
  const struct rlimit memory = {MEMORY_MOST, MEMORY_MOST}, core = {0, 0};
  setrlimit(RLIMIT_CORE, &core);
  if (!has_address_sanitizer) setrlimit(RLIMIT_AS, &memory);
}

static void try_inputs(uint64_t seed, long first, long end, time_t until) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing goes on when the parent is ended */
  watch_signals();
  limit_memory();
  for (long number = first; number < end && (number < EXECUTIONS_LEAST || time(NULL) < until); number++) {
    make_input(shown, seed, number);
    alarm(fuzz_passes_hdf5 ? HANG_SECONDS_OF_HDF5 : HANG_SECONDS);
    const long before = fuzz_inputs_read;
    LLVMFuzzerTestOneInput(shown->data, shown->size);
    fuzz_require(number >= seed_count || fuzz_inputs_read > before, "a seed that is read");
    shown->number = number + 1;
  }
  alarm(0);
  fflush(NULL);
  /* A usual exit looks for leaks. */
  if (fuzz_passes_hdf5) _exit(0);
  exit(0);
}

/* ---- The parent */

static bool write_file(const char *path, const uint8_t *data, size_t size) {
  FILE *file = fopen(path, "wb");
  const bool written = file && fwrite(data, 1, size, file) == size;
  return file && fclose(file) == 0 && written;
}

static int report_failure(const char *name, uint64_t seed, int outcome) {
  char path[256];
  snprintf(path, sizeof path, "%s.failed-%llu-%ld", name, (unsigned long long)seed, shown->number);
  const bool written = write_file(path, shown->data, shown->size);
  if (WIFSIGNALED(outcome))
    printf("input %ld of seed %llu: %s\n", shown->number, (unsigned long long)seed,
           WTERMSIG(outcome) == SIGALRM ? "it takes too long" : strsignal(WTERMSIG(outcome)));
  else
    printf("input %ld of seed %llu, or one before if it is a leak: exit status %d\n", shown->number,
           (unsigned long long)seed, WEXITSTATUS(outcome));
  printf("%s %s\nnot ok %s\n", written ? "it is in" : "it could not be written to", path, name);
  return 1;
}

/* Inputs `first` up to `end` in a child, or until time is up; how it ended, as waitpid tells. */
static int try_apart(uint64_t seed, long first, long end, time_t until) {
  int outcome = 0;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) try_inputs(seed, first, end, until);
  fuzz_require(child > 0 && waitpid(child, &outcome, 0) == child, "a child process");
  return outcome;
}

static bool is_by_hdf5(int outcome) {
  return fuzz_passes_hdf5 && WIFEXITED(outcome) && WEXITSTATUS(outcome) == ENDED_BY_HDF5;
}

/* What HDF5 does to memory may come to light long after, anywhere: then the input at hand does no harm by itself. */
static bool is_harmless_alone(uint64_t seed, time_t until) {
  const long number = shown->number;
  const int outcome = fuzz_passes_hdf5 ? try_apart(seed, number, number + 1, until + HANG_SECONDS) : 1;
  make_input(shown, seed, number);
  return outcome == 0 || is_by_hdf5(outcome);
}

static int fuzz(const char *name, long executions, uint64_t seed, time_t until) {
  long ended_by_hdf5 = 0;
  shown->number = 0;
  while (shown->number < executions && (shown->number < EXECUTIONS_LEAST || time(NULL) < until)) {
    const int outcome = try_apart(seed, shown->number, executions, until);
    if (outcome == 0) continue;
    if (!is_by_hdf5(outcome) && !is_harmless_alone(seed, until)) return report_failure(name, seed, outcome);
    /* What it took does not count, within limits. */
    if (ended_by_hdf5 < PASSED_MOST) until += HANG_SECONDS_OF_HDF5;
    ended_by_hdf5++;
    shown->number++;
  }
  if (ended_by_hdf5) printf("%ld inputs were too much for HDF5\n", ended_by_hdf5);
  if (shown->number < seed_count || 2 * ended_by_hdf5 > shown->number) {
    printf("not ok %s (%ld executions, of which HDF5 ended %ld)\n", name, shown->number, ended_by_hdf5);
    return 1;
  }
  printf("ok %s (%ld executions)\n", name, shown->number);
  return 0;
}

static int write_seeds(const char *folder) {
  char path[4096];
  mkdir(folder, 0777);
  for (int i = 0; i < seed_count; i++) {
    snprintf(path, sizeof path, "%s/seed-%d", folder, i);
    if (!write_file(path, seeds[i].data, seeds[i].size)) return 1;
  }
  return 0;
}

static int try_files(int count, char **paths) {
  for (int i = 0; i < count; i++) {
    shown->size = fuzz_read_file(paths[i], shown->data);
    LLVMFuzzerTestOneInput(shown->data, shown->size);
    printf("%s passes\n", paths[i]);
  }
  return 0;
}

int main(int count, char **words) {
  const char *slash = strrchr(words[0], '/'), *name = slash ? slash + 1 : words[0];
  shown = mmap(NULL, sizeof *shown, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  fuzz_require(shown != MAP_FAILED, "shared memory");
  read_seeds();
  fuzz_require(seed_count > 0, "a seed");
  (void)fuzz_file(NULL, 0); /* the one that children use, too, and which is removed at the end */
  if (count == 3 && strcmp(words[1], "--seeds") == 0) return write_seeds(words[2]);
  char *rest = NULL;
  const long executions = count == 3 ? strtol(words[1], &rest, 10) : 0;
  if (rest && *rest == '\0') return fuzz(name, executions, strtoull(words[2], NULL, 10), time(NULL) + 24 * 3600);
  if (count > 1) return try_files(count - 1, words + 1);
  return fuzz(name, MOMENT_EXECUTIONS, MOMENT_SEED, time(NULL) + MOMENT_SECONDS);
}
