/* How many of the data's known modes the samples reach. */
#include <math.h>

#include "eval/metric_rows.h"
#include "eval/quality.h"

static const char *unable(const gan_comparison *comparison) {
  return comparison->modes ? NULL : "needs data whose modes are known (ring or grid)";
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  const gan_mode_coverage found = gan_count_modes(comparison->fake->count, comparison->fake->samples, comparison->modes,
                                                  comparison->centres, comparison->sigma);
  values[0] = found.covered;
  values[1] = found.high_quality_share;
  return GAN_OK;
}

const gan_metric gan_metric_modes = {
    .name = "modes",
    .help = "modes of synthetic data that samples reach, and the share of samples near one",
    .source = "Srivastava et al. 2017, arXiv 1705.07761, section 4.1",
    .values = {{"modes", "modes that samples reach", 1},
               {"high_quality", "share of samples within 3 sigma of a mode", 1}},
    .unable = unable,
    .compute = compute};
