#include "cli/loss_plot.h"

#include <stdlib.h>

#include "base/memory.h"
#include "store/picture.h"

enum { POINTS = 481, KINDS = 3 };

/* The curves of one kind of sample, as one network sees it. */
static const struct {
  gan_loss_side side;
  bool real;
} kinds[KINDS] = {{GAN_LOSS_CRITIC, false}, {GAN_LOSS_CRITIC, true}, {GAN_LOSS_GENERATOR, false}};

/* Two panels for each network, with its curves as they are drawn. */
typedef struct panel_curves {
  gan_curve loss[2 * GAN_LOSSES_PLOTTED], slope[2 * GAN_LOSSES_PLOTTED];
  int count;
} panel_curves;

/* Adds a loss's curves of one kind; `values`: room for both, (2, POINTS). */
static void add_curves(const gan_loss_plot *plot, const gan_loss_options *options, int loss, int kind, double *values,
                       panel_curves *panel) {
  for (int i = 0; i < POINTS; i++) {
    const double x = plot->from + (plot->to - plot->from) * i / (POINTS - 1);
    gan_term_value at = {0, 0};
    if (!gan_loss_curve(plot->losses[loss], options, kinds[kind].side, kinds[kind].real, x, &at)) return;
    values[i] = at.value;
    values[POINTS + i] = at.slope;
  }
  const gan_curve curve = {.series = loss, .dashed = kinds[kind].real, .y = values};
  panel->loss[panel->count] = panel->slope[panel->count] = curve;
  panel->slope[panel->count++].y = values + POINTS;
}

static gan_status draw(const gan_loss_plot *plot, const gan_loss_options *options, const char *path, double *values) {
  panel_curves critic = {.count = 0}, generator = {.count = 0};
  const char *names[GAN_LOSSES_PLOTTED];
  for (int loss = 0; loss < plot->count; loss++) {
    names[loss] = plot->losses[loss]->name;
    for (int kind = 0; kind < KINDS; kind++, values += 2 * POINTS)
      add_curves(plot, options, loss, kind, values, kinds[kind].side == GAN_LOSS_CRITIC ? &critic : &generator);
  }
  const gan_curve_panel panels[] = {{"critic: loss of a sample", critic.count, critic.loss},
                                    {"generator: loss of a sample", generator.count, generator.loss},
                                    {"critic: gradient (0: nothing learned)", critic.count, critic.slope},
                                    {"generator: gradient (0: nothing learned)", generator.count, generator.slope}};
  const gan_curve_picture picture = {.from = plot->from,
                                     .to = plot->to,
                                     .points = POINTS,
                                     .axis = "score",
                                     .low = "generated",
                                     .high = "real",
                                     .series_count = plot->count,
                                     .series = names,
                                     .solid = "of a generated sample",
                                     .dashed = "of a real sample",
                                     .columns = 2,
                                     .rows = 2,
                                     .panels = panels};
  return gan_picture_curves(path, &picture);
}

gan_status gan_loss_plot_draw(const gan_loss_plot *plot, const gan_loss_options *options, const char *path) {
  double *values = NULL;
  GAN_TRY(gan_allocate((size_t)plot->count * KINDS * 2 * POINTS, sizeof *values, "curves", &values));
  const gan_status status = draw(plot, options, path, values);
  free(values);
  return status;
}
