/* A line on a terminal that tells how far some work is, "floor: fcd  [######------]  50%", for work that is no
   training (cli/progress.h). Elsewhere nothing is drawn. Used on rank 0 only. */
#ifndef GAN_CLI_WORK_BAR_H
#define GAN_CLI_WORK_BAR_H

#include <stdbool.h>
#include <stdio.h>

typedef struct gan_work_bar {
  FILE *out;    /* borrowed */
  bool draws;   /* to be false where `out` is no terminal */
  int columns;  /* of the line on the screen; 0: none */
  double drawn; /* when it was drawn last, seconds */
} gan_work_bar;

/* share: 0 to 1. Draws ten times a second at most. */
void gan_work_bar_step(gan_work_bar *bar, const char *what, double share);
/* Erases the line: whatever the stream is used for next begins on a fresh one. */
void gan_work_bar_erase(gan_work_bar *bar);

#endif
