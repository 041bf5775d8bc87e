#include "cli/terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether mpirun reads what the rank writes there: stdout through a pseudo-terminal, stderr through a pipe. */
static bool may_end_at_mpirun(int descriptor) {
  struct stat about;
  return isatty(descriptor) || (fstat(descriptor, &about) == 0 && S_ISFIFO(about.st_mode));
}

/* The terminal that the stream ends at, to be closed; -1 when it ends elsewhere.

   mpirun gives every rank a pseudo-terminal of its own as stdout and a pipe as stderr, and copies what it reads there
   to where its own stdout and stderr go, be that a terminal, a pipe or a file. Whether a person watches is therefore
   for mpirun's stream to say: that of this process's parent. (On another host the parent is a daemon without a
   terminal: no live line, plain ones.) */
static int open_terminal(FILE *stream) {
  char path[64];
  struct stat about;
  const int own = fileno(stream); /* a memory stream has no descriptor */
  if (own < 0) return -1;
  if (!getenv("OMPI_COMM_WORLD_SIZE")) return isatty(own) ? dup(own) : -1;
  if (!may_end_at_mpirun(own)) return -1;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getppid(), own);
  if (stat(path, &about) != 0 || !S_ISCHR(about.st_mode)) return -1;
  const int descriptor = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (descriptor >= 0 && isatty(descriptor)) return descriptor;
  if (descriptor >= 0) close(descriptor);
  return -1;
}

bool gan_is_terminal(FILE *stream) {
  const int descriptor = open_terminal(stream);
  if (descriptor >= 0) close(descriptor);
  return descriptor >= 0;
}

int gan_terminal_width(FILE *stream) {
  enum { USUAL_COLUMNS = 80 };
  struct winsize size = {0};
  const int descriptor = open_terminal(stream);
  if (descriptor < 0) return USUAL_COLUMNS;
  const int failed = ioctl(descriptor, TIOCGWINSZ, &size);
  close(descriptor);
  return failed || size.ws_col == 0 ? USUAL_COLUMNS : size.ws_col;
}

bool gan_terminal_unicode(void) {
  const locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
  if (!user) return false;
  const bool unicode = strcmp(nl_langinfo_l(CODESET, user), "UTF-8") == 0;
  freelocale(user);
  return unicode;
}
