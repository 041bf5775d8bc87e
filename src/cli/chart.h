/* Line charts in the terminal: a curve's course without leaving the shell, also over ssh and in a batch job's log. */
#ifndef GAN_CLI_CHART_H
#define GAN_CLI_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct gan_chart {
  const char *title;
  const char *units; /* "" when the quantity has none */
  size_t count;
  const double *x; /* (count), rising; NULL: 0, 1, 2, ... */
  const double *y; /* (count); values that are not finite are gaps, and the title counts them */
  int width;       /* columns of text in all; at least 24 are used */
  int height;      /* rows of the plot itself, at least 2 are used */
  bool unicode;    /* false: plain ASCII */
} gan_chart;

/* Draws the chart with a title (last value), the y-axis with the range of the curve drawn, and the x-axis with its
   range. Where several values fall in one column of dots, their mean is drawn. Without any finite value, only the
   title. */
void gan_chart_draw(FILE *out, const gan_chart *chart);

#endif
