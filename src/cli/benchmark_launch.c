/* Starting mpirun from a program that is itself an MPI process.

   An MPI library leaves its mark in the environment, of its own process when it starts, and of the ranks when mpirun
   starts them; a second mpirun that finds such marks takes itself for a rank. So the child gets the environment that
   this process was started with, less the marks. The user's settings (OMPI_MCA_..., hosts, a batch system's allocation)
   stay. If this process dies, its child is told to end (prctl); Ctrl-C reaches both. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/benchmark.h"
#include "cli/signals.h"

enum { ENVIRONMENT_BYTES = 1 << 20, OUTPUT_BYTES = 1 << 20, GRACE_SECONDS = 10 };

/* What mpirun, or a batch system's launcher, sets for a rank. */
static const char *const marks[] = {
    "OMPI_COMM_WORLD_",
    "OMPI_UNIVERSE_SIZE=",
    "OMPI_WORLD_",
    "OMPI_MCA_num_procs=",
    "OMPI_NUM_APP_CTX=",
    "OMPI_FIRST_RANKS=",
    "OMPI_APP_CTX_",
    "OMPI_COMMAND=",
    "OMPI_ARGV=",
    "OMPI_FILE_",
    "OMPI_MCA_initial_wdir",
    "OMPI_MCA_orte_",
    "OMPI_MCA_ess",
    "OMPI_MCA_pmix",
    "OMPI_MCA_shmem_",
    "PMIX_",
    "PMI_",
    "PMI2_",
    "ORTE_",
    "PRTE_LAUNCHED=",
    "PRTE_SHARED_FS=",
    "PRTE_MCA_ess",
    "PRTE_MCA_prte_",
    "HYDI_",
    "MPI_LOCALNRANKS=",
    "MPI_LOCALRANKID=",
};
/* Some of them may be the user's own settings as well, but not those by which a rank knows its number. */
static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK=", "PMIX_RANK=", "PMI_RANK="};

static bool begins_with(const char *variable, size_t count, const char *const *beginnings) {
  for (size_t i = 0; i < count; i++)
    if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0) return true;
  return false;
}

static bool is_mark(const char *variable) { return begins_with(variable, sizeof marks / sizeof *marks, marks); }
static bool tells_rank(const char *variable) { return begins_with(variable, sizeof ranks / sizeof *ranks, ranks); }

/* The child's environment: its texts in `text`, which list's pointers point into, up to a NULL. Both are owned by the
   caller, also after an error. */
static gan_status clean_environment(char **text, char ***list) {
  size_t length = 0, count = 0;
  GAN_TRY(gan_allocate(ENVIRONMENT_BYTES + 1, 1, "an environment", text));
  FILE *file = fopen("/proc/self/environ", "re");
  if (file) length = fread(*text, 1, ENVIRONMENT_BYTES, file);
  if (file) fclose(file);
  if (length == 0 || length == ENVIRONMENT_BYTES)
    return gan_fail(GAN_FAILED, "cannot read this process's environment in /proc/self/environ");
  bool is_rank = false;
  for (char *variable = *text; variable < *text + length; variable += strlen(variable) + 1, count++)
    is_rank = is_rank || tells_rank(variable);
  GAN_TRY(gan_allocate(count + 1, sizeof **list, "an environment", list));
  count = 0;
  for (char *variable = *text; variable < *text + length; variable += strlen(variable) + 1)
    if (!is_rank || !is_mark(variable)) (*list)[count++] = variable;
  return GAN_OK;
}

/* In the child; only calls that are safe after fork() in a process with threads. */
_Noreturn static void become(char *const *words, char **environment, int output, int errors, pid_t parent) {
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  gan_signals_release_child();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  execvpe(words[0], words, environment);
  const char *const message[] = {"cannot start ", words[0], ": ", strerror(errno)};
  for (size_t i = 0; i < sizeof message / sizeof *message; i++)
    if (write(STDERR_FILENO, message[i], strlen(message[i])) < 0) break;
  _exit(127);
}

/* A stream of the child as it comes in. What does not fit is read and dropped. */
typedef struct stream {
  char *text; /* OUTPUT_BYTES + 1, ends with a NUL */
  size_t length;
  int descriptor; /* -1: over */
} stream;

static void take(stream *from) {
  char rest[4096];
  const bool fits = from->length < OUTPUT_BYTES;
  const ssize_t got = fits ? read(from->descriptor, from->text + from->length, OUTPUT_BYTES - from->length)
                           : read(from->descriptor, rest, sizeof rest);
  if (got < 0 && errno == EINTR) return;
  if (got > 0) {
    if (fits) from->length += (size_t)got;
    return;
  }
  close(from->descriptor);
  from->descriptor = -1;
}

/* Reads both streams until they are over. False when `seconds` passed first. */
static bool follow(stream *streams, double seconds) {
  const double end = gan_seconds() + seconds;
  while (streams[0].descriptor >= 0 || streams[1].descriptor >= 0) {
    struct pollfd waits[2];
    const double left = end - gan_seconds();
    for (int i = 0; i < 2; i++) waits[i] = (struct pollfd){.fd = streams[i].descriptor, .events = POLLIN};
    if (left <= 0) return false;
    if (poll(waits, 2, left < 1 ? (int)(1000 * left) + 1 : 1000) <= 0) continue;
    for (int i = 0; i < 2; i++)
      if (waits[i].revents) take(&streams[i]);
  }
  return true;
}

/* Asks the child to end, and insists when it does not: mpirun takes its ranks with it. */
static void end_child(pid_t child, stream *streams) {
  kill(child, SIGTERM);
  if (!follow(streams, GRACE_SECONDS)) kill(child, SIGKILL);
}

/* The text's lines as one, without the rules that mpirun draws around its messages. */
static void join_lines(const char *text, char *reason) {
  size_t used = 0;
  for (; *text && used + 2 < GAN_LAUNCH_REASON; text++) {
    const bool ruler = strncmp(text, "-----", 5) == 0;
    if (ruler)
      while (text[1] == '-') text++;
    const char letter = ruler || isspace((unsigned char)*text) ? ' ' : *text;
    if (letter != ' ' || (used && reason[used - 1] != ' ')) reason[used++] = letter;
  }
  while (used && reason[used - 1] == ' ') used--;
  reason[used] = '\0';
}

/* Why a program failed: this program's own message if it is in there, otherwise all that it said. */
static void find_reason(const char *errors, int exit_status, char *reason) {
  static const char own[] = "gan_dist: ";
  const char *found = strstr(errors, own);
  if (found)
    snprintf(reason, GAN_LAUNCH_REASON, "%.*s", (int)strcspn(found, "\n") - (int)(sizeof own - 1),
             found + sizeof own - 1);
  else
    join_lines(errors, reason);
  if (!reason[0]) snprintf(reason, GAN_LAUNCH_REASON, "exit status %d and no message", exit_status);
}

static gan_status start(char *const *words, char **environment, stream *streams, pid_t *child) {
  int output[2] = {-1, -1}, errors[2] = {-1, -1};
  const pid_t parent = getpid();
  const bool piped = pipe2(output, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0;
  *child = piped ? fork() : -1;
  if (*child == 0) become(words, environment, output[1], errors[1], parent);
  const int error = errno;
  if (output[1] >= 0) close(output[1]);
  if (errors[1] >= 0) close(errors[1]);
  streams[0].descriptor = output[0];
  streams[1].descriptor = errors[0];
  return *child < 0 ? gan_fail(GAN_FAILED, "cannot start %s: %s", words[0], strerror(error)) : GAN_OK;
}

static gan_status run_child(char *const *words, char **environment, double seconds, stream *streams,
                            gan_launched *launched) {
  pid_t child = -1;
  int status = 0;
  GAN_TRY(start(words, environment, streams, &child));
  const bool ended = follow(streams, seconds);
  if (!ended) end_child(child, streams);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  launched->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (launched->exit_status != 0) find_reason(streams[1].text, launched->exit_status, launched->reason);
  if (ended) return GAN_OK;
  return gan_fail(GAN_FAILED, "did not end within %g seconds (--limit) and was ended", seconds);
}

gan_status gan_launch(char *const *words, double seconds, gan_launched *launched) {
  char *text = NULL, **environment = NULL;
  stream streams[2] = {{.descriptor = -1}, {.descriptor = -1}};
  *launched = (gan_launched){0};
  gan_status status = clean_environment(&text, &environment);
  for (int i = 0; i < 2 && status == GAN_OK; i++)
    status = gan_allocate(OUTPUT_BYTES + 1, 1, "a program's output", &streams[i].text);
  if (status == GAN_OK) status = run_child(words, environment, seconds, streams, launched);
  for (int i = 0; i < 2; i++)
    if (streams[i].descriptor >= 0) close(streams[i].descriptor);
  launched->output = streams[0].text;
  free(streams[1].text);
  free(environment);
  free(text);
  return status;
}
