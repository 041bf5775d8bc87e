#include "store/holder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/folder_lock.h"

static void read_line(const char *path, size_t size, char *line) {
  FILE *file = fopen(path, "re");
  line[0] = '\0';
  if (!file) return;
  if (!fgets(line, (int)size, file)) line[0] = '\0';
  fclose(file);
  line[strcspn(line, "\n")] = '\0';
}

/* What /proc says of a process: fields 3, 9 and 22 of its stat, whose second, a name in brackets, may hold anything. */
typedef struct process {
  char state; /* 'Z': it has ended, and its parent has not looked yet */
  unsigned flags;
  unsigned long long started; /* ticks since the host's boot */
} process;

enum { EXITING = 0x4 }; /* PF_EXITING of linux/sched.h: it is being taken down */

/* False when there is no such process, or no /proc. */
static bool look_up(long pid, process *found) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  read_line(path, sizeof line, line);
  const char *name_end = strrchr(line, ')');
  return name_end &&
         sscanf(name_end + 1, " %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                &found->state, &found->flags, &found->started) == 3;
}

static bool has_ended(const process *found) { return found->state == 'Z' || found->state == 'X'; }

bool gan_process_lives(pid_t pid) {
  process found;
  if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)) return false;
  return !look_up(pid, &found) || !has_ended(&found);
}

static void name_host(char *host, size_t size) {
  if (gethostname(host, size) != 0) snprintf(host, size, "unknown");
  host[size - 1] = '\0';
}

static void identify_boot(char *boot, size_t size) { read_line("/proc/sys/kernel/random/boot_id", size, boot); }

void gan_holder_print_own(char *text) {
  gan_holder own = {.pid = (long)getpid()};
  process self = {0};
  const time_t now = time(NULL);
  struct tm utc;
  name_host(own.host, sizeof own.host);
  identify_boot(own.boot, sizeof own.boot);
  if (gmtime_r(&now, &utc)) strftime(own.since, sizeof own.since, "%Y-%m-%d %H:%M:%S UTC", &utc);
  (void)look_up(own.pid, &self);
  snprintf(text, GAN_HOLDER_TEXT, "gan_dist\nhost %s\npid %ld\nsince %s\nboot %s\nstarted %llu\n", own.host, own.pid,
           own.since, own.boot, self.started);
}

void gan_holder_read(int descriptor, gan_holder *holder) {
  char text[GAN_HOLDER_TEXT + 1] = "", since[sizeof holder->since] = "";
  struct stat about;
  *holder = (gan_holder){.pid = 0};
  if (fstat(descriptor, &about) == 0) holder->silence = difftime(time(NULL), about.st_mtime);
  if (pread(descriptor, text, GAN_HOLDER_TEXT, 0) <= 0) return;
  if (sscanf(text, "gan_dist\nhost %255s\npid %ld\nsince %63[^\n]\nboot %63[^\n]\nstarted %llu", holder->host,
             &holder->pid, since, holder->boot, &holder->started) < 2)
    holder->pid = 0;
  memcpy(holder->since, since, sizeof since);
}

static bool is_here(const gan_holder *holder) {
  char host[sizeof holder->host];
  name_host(host, sizeof host);
  return strcmp(host, holder->host) == 0;
}

bool gan_holder_lives(const gan_holder *holder) {
  char boot[sizeof holder->boot];
  if (!holder->pid || !is_here(holder)) return holder->silence < GAN_LOCK_SILENCE;
  identify_boot(boot, sizeof boot);
  if (boot[0] && holder->boot[0] && strcmp(boot, holder->boot) != 0) return false;
  process found;
  if (!gan_process_lives((pid_t)holder->pid)) return false;
  return !look_up(holder->pid, &found) || found.started == holder->started;
}

bool gan_holder_is_leaving(const gan_holder *holder) {
  process found;
  if (!holder->pid || !is_here(holder)) return false;
  return !look_up(holder->pid, &found) || has_ended(&found) || (found.flags & EXITING);
}

bool gan_holder_is_certain(const gan_holder *holder) { return holder->locked && holder->pid && is_here(holder); }

const char *gan_holder_describe(const gan_holder *holder, char *text) {
  if (holder->pid)
    snprintf(text, GAN_HOLDER_TEXT, "process %ld on host %s%s%s", holder->pid, holder->host,
             holder->since[0] ? ", since " : "", holder->since);
  else
    snprintf(text, GAN_HOLDER_TEXT, "another process, which has only just begun");
  return text;
}
