#include "cli/work_bar.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "cli/terminal.h"

enum { BAR_COLUMNS = 24, LINE_BYTES = 256, COLUMNS_BESIDE = BAR_COLUMNS + 9 };
static const double REDRAW_SECONDS = 0.1;

void gan_work_bar_erase(gan_work_bar *bar) {
  if (!bar->columns) return;
  fprintf(bar->out, "\r%*s\r", bar->columns, "");
  fflush(bar->out);
  bar->columns = 0;
}

void gan_work_bar_step(gan_work_bar *bar, const char *what, double share) {
  char line[LINE_BYTES], filled[BAR_COLUMNS + 1];
  const double now = gan_seconds();
  if (!bar->draws || (bar->columns && now - bar->drawn < REDRAW_SECONDS)) return;
  const int columns = gan_terminal_width(bar->out) - 1, room = columns - COLUMNS_BESIDE;
  const int full = (int)(fmin(fmax(share, 0), 1) * BAR_COLUMNS);
  if (room < 1) return;
  memset(filled, '-', BAR_COLUMNS);
  memset(filled, '#', (size_t)full);
  filled[BAR_COLUMNS] = '\0';
  const int used = snprintf(line, sizeof line, "%.*s  [%s] %3d%%", room < 64 ? room : 64, what, filled,
                            (int)(100 * fmin(fmax(share, 0), 1)));
  fprintf(bar->out, "\r%s%*s", line, bar->columns > used ? bar->columns - used : 0, "");
  fflush(bar->out);
  bar->columns = used;
  bar->drawn = now;
}
