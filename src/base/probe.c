/* See probe.h. The child answers through a pipe; one that dies closes it without a word. */
#include "base/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GAN_SANITIZED 1
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define GAN_SANITIZED 1
#endif

typedef struct answer {
  gan_status status;
  char message[1024];
} answer;

/* A file as it was tried. */
typedef struct tried_file {
  dev_t device;
  ino_t inode;
  off_t bytes;
  struct timespec written, changed;
  uint64_t way;
  answer found;
} tried_file;

/* A process opens few files of others: the data, and the metrics of a run that goes on. */
enum { REMEMBERED = 8 };
static tried_file remembered[REMEMBERED];
static int next_place;

static bool same_time(struct timespec a, struct timespec b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

static const tried_file *recall(const struct stat *about, uint64_t way) {
  for (int i = 0; i < REMEMBERED; i++) {
    const tried_file *file = &remembered[i];
    if (file->way == way && file->inode == about->st_ino && file->device == about->st_dev &&
        file->bytes == about->st_size && same_time(file->written, about->st_mtim) &&
        same_time(file->changed, about->st_ctim))
      return file;
  }
  return NULL;
}

static void remember(const struct stat *about, uint64_t way, const answer *found) {
  remembered[next_place] = (tried_file){.device = about->st_dev,
                                        .inode = about->st_ino,
                                        .bytes = about->st_size,
                                        .written = about->st_mtim,
                                        .changed = about->st_ctim,
                                        .way = way,
                                        .found = *found};
  next_place = (next_place + 1) % REMEMBERED;
}

gan_probe_limits gan_probe_limits_of(int64_t file_bytes) {
  const int64_t gibibytes = file_bytes >> 30;
  return (gan_probe_limits){
      .seconds = gibibytes < 18 ? 60 + 30.0 * (double)gibibytes : 600,
      .processor = 5 + 10 * gibibytes,
      .bytes = ((int64_t)2 << 30) + file_bytes,
  };
}

/* The hard limit on time, at which the kernel kills, comes a second after the soft one, whose signal tells why. */
static void limit(int resource, int64_t most) {
  const struct rlimit limits = {(rlim_t)most, (rlim_t)most + 1};
  struct rlimit now;
  if (getrlimit(resource, &now) == 0 && now.rlim_max > limits.rlim_max) setrlimit(resource, &limits);
}

/* A sanitizer reserves terabytes of addresses. */
static void limit_memory(int64_t more) {
#ifdef GAN_SANITIZED
  (void)more;
#else
  long long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%lld", &pages) == 1) limit(RLIMIT_AS, pages * sysconf(_SC_PAGESIZE) + more);
  if (file) fclose(file);
#endif
}

/* No words, no core file, no handler of somebody else's between a crash and its end, and no life after the parent's. */
static void withdraw(const gan_probe_limits *limits) {
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGTERM, SIGINT};
  const int nowhere = open("/dev/null", O_WRONLY);
  sigset_t none;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 0);
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  limit(RLIMIT_CPU, limits->processor);
  limit_memory(limits->bytes);
}

static _Noreturn void look_and_answer(const gan_probe_limits *limits, gan_probe_look look, void *context, int pipe) {
  answer mine = {.status = GAN_OK};
  withdraw(limits);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0); /* tests mean this program's allocations, not those of a trial */
  mine.status = look(context);
  if (mine.status != GAN_OK) snprintf(mine.message, sizeof mine.message, "%s", gan_error_message());
  const ssize_t written = write(pipe, &mine, sizeof mine); /* less than what a pipe takes at once */
  _exit(written == (ssize_t)sizeof mine ? 0 : 1);
}

/* Whether all of an answer came before the time was over; *late: it was. */
static bool receive(int pipe, double limit_seconds, answer *found, bool *late) {
  const double end = gan_seconds() + limit_seconds;
  size_t got = 0;
  *late = false;
  while (got < sizeof *found) {
    const double left = end - gan_seconds();
    struct pollfd wanted = {.fd = pipe, .events = POLLIN};
    *late = left <= 0;
    if (*late) return false;
    if (poll(&wanted, 1, (int)(left * 1000) + 1) <= 0) continue;
    const ssize_t bytes = read(pipe, (char *)found + got, sizeof *found - got);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return false;
    got += (size_t)bytes;
  }
  found->message[sizeof found->message - 1] = '\0';
  return true;
}

/* The signal that ended the child, 0 when that was none or cannot be known. One that hangs in a read from a dead file
   system outlives even SIGKILL: it is not waited for. */
static int end_child(pid_t child, bool kills) {
  const struct timespec nap = {0, 1000000};
  int outcome = 0;
  if (kills) kill(child, SIGKILL);
  for (int naps = 0; naps < 10000; naps++) {
    const pid_t ended = waitpid(child, &outcome, WNOHANG);
    if (ended == child) return WIFSIGNALED(outcome) ? WTERMSIG(outcome) : 0;
    if (ended < 0 && errno != EINTR) return 0;
    nanosleep(&nap, NULL);
  }
  return 0;
}

static answer describe_death(const char *path, const gan_probe_limits *limits, bool late, int signal_number) {
  answer found = {.status = GAN_BAD_FILE};
  if (late || signal_number == SIGXCPU)
    snprintf(found.message, sizeof found.message,
             "%s is damaged, or cannot be read: reading it came to no end in %g s%s", path,
             late ? limits->seconds : (double)limits->processor, late ? "" : " of computing");
  else
    snprintf(found.message, sizeof found.message,
             "%s is damaged: reading it ended the process that tried it first (%s)", path,
             signal_number ? strsignal(signal_number) : "without a signal");
  return found;
}

/* False when there can be no child; then the file is read untried, as without all this. */
static bool try_file(const char *path, const gan_probe_limits *limits, gan_probe_look look, void *context,
                     answer *found) {
  int ends[2];
  bool late = false;
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const pid_t child = fork();
  if (child == 0) look_and_answer(limits, look, context, ends[1]);
  close(ends[1]);
  const bool answered = child > 0 && receive(ends[0], limits->seconds, found, &late);
  close(ends[0]);
  if (child < 0) return false;
  const int signal_number = end_child(child, late);
  if (!answered) *found = describe_death(path, limits, late, signal_number);
  /* What failed within the limits, for want of memory most likely, would go on without them. */
  if (found->status == GAN_FAILED) found->status = GAN_BAD_FILE;
  if (found->status != GAN_BAD_FILE) found->status = GAN_OK;
  return true;
}

gan_status gan_probe_file(const char *path, uint64_t way, const gan_probe_limits *limits, gan_probe_look look,
                          void *context) {
  struct stat about;
  answer found;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return GAN_OK;
  const gan_probe_limits usual = gan_probe_limits_of(about.st_size);
  const tried_file *known = recall(&about, way);
  if (known) {
    found = known->found;
  } else {
    if (!try_file(path, limits ? limits : &usual, look, context, &found)) return GAN_OK;
    remember(&about, way, &found);
  }
  return found.status == GAN_OK ? GAN_OK : gan_fail(found.status, "%s", found.message);
}

bool gan_probe_has_failed(const char *path, uint64_t way) {
  struct stat about;
  const tried_file *known = stat(path, &about) == 0 ? recall(&about, way) : NULL;
  return known && known->found.status != GAN_OK;
}
