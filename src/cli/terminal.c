#include "cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool gan_is_terminal(FILE *stream) {
  /* A memory stream has no descriptor. */
  const int descriptor = fileno(stream);
  return descriptor >= 0 && isatty(descriptor);
}

int gan_terminal_width(FILE *stream) {
  enum { USUAL_COLUMNS = 80 };
  struct winsize size;
  if (!gan_is_terminal(stream) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return USUAL_COLUMNS;
  return size.ws_col;
}

bool gan_terminal_unicode(void) {
  const locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
  if (!user) return false;
  const bool unicode = strcmp(nl_langinfo_l(CODESET, user), "UTF-8") == 0;
  freelocale(user);
  return unicode;
}
