#include "train/phases.h"

#include <math.h>

static double within(double value, double lowest, double highest) { return fmin(fmax(value, lowest), highest); }

gan_phase_clocks gan_phase_clocks_between(const gan_phase_clocks *start, const gan_phase_clocks *end) {
  return (gan_phase_clocks){.wall = end->wall - start->wall,
                            .data = end->data - start->data,
                            .exchange = end->exchange - start->exchange,
                            .waited = end->waited - start->waited,
                            .spinning = end->spinning - start->spinning,
                            .on_core = end->on_core - start->on_core};
}

gan_phases gan_phases_split(const gan_phase_clocks *clocks) {
  const double without_data = fmax(0, clocks->wall - clocks->data);
  const double waited = within(clocks->waited, 0, without_data);
  const double busy = without_data - waited; /* or would have been, with a core */
  /* What a trace gathers is waited for outside of exchanges. */
  const double summing = within(clocks->exchange - waited, 0, busy);
  const double without_core = within(busy - (clocks->on_core - clocks->spinning), 0, busy);
  const double share = busy > 0 ? 1 - without_core / busy : 0;
  return (gan_phases){.data = clocks->data,
                      .compute = share * (busy - summing),
                      .summing = share * summing,
                      .waiting = waited + without_core};
}
