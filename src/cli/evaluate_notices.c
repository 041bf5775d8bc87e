/* What `evaluate` says beside its numbers: where sets are the same that should differ, values are in other units, or
   samples are too few for what a number is taken for. */
#include <inttypes.h>
#include <string.h>

#include "base/folder.h"
#include "cli/evaluate_work.h"

enum { SAMPLES_PUBLISHED = 10000 }; /* that published values are of at least */

const char *gan_evaluate_place(const gan_source *source) {
  return source->options.path[0] ? source->options.path : source->type->name;
}

typedef struct value_range {
  double low, high;
} value_range;

static value_range range_of(const gan_sample_set *set) {
  const int64_t count = set->count * gan_shape_count(&set->shape);
  float low = set->samples[0], high = low;
  for (int64_t i = 1; i < count; i++) {
    low = set->samples[i] < low ? set->samples[i] : low;
    high = set->samples[i] > high ? set->samples[i] : high;
  }
  return (value_range){(double)low, (double)high};
}

/* Of what all ranks have rounded, as it was before. */
static value_range range_before(gan_world *world, const gan_rounding *rounding) {
  const double low = -gan_world_maximum(world, -(double)rounding->low),
               high = gan_world_maximum(world, (double)rounding->high);
  return (value_range){low, high};
}

/* Samples in other units than the data's get bad numbers that look like bad samples. Half a width
   outside of the data there is hardly a sample of the same units; 0 to 1 is the upper half of -1 to 1; and -1 to 1 is
   next to nothing of 0 to 255. Other narrow ones are those of generators that have not learnt to spread yet. */
void gan_evaluate_notice_units(gan_evaluate_work *of, const gan_sample_set *judged, const gan_rounding *rounding) {
  if (!of->file) return;
  const value_range is = rounding ? range_before(of->world, rounding) : range_of(judged);
  if (gan_world_rank(of->world) != 0) return;
  const value_range real = range_of(&of->real_set.set);
  const double width = real.high - real.low;
  const bool outside = is.low < real.low - width / 2 || is.high > real.high + width / 2;
  const bool upper_half = is.low >= real.low + 0.495 * width && is.high - is.low >= 0.3 * width;
  if (outside || upper_half || is.high - is.low < 0.02 * width)
    gan_evaluate_notice(of->report,
                        "values of %s are from %.4g to %.4g, and those of the real samples from %.4g to %.4g: if they "
                        "are in other units, --range LOW,HIGH says which become -1 and 1",
                        gan_evaluate_place(of->file), is.low, is.high, real.low, real.high);
}

/* --- Sets that are the same --- */

/* The same file, or the same samples in another one. */
static bool are_same(const gan_source *one, const gan_source *other) {
  if (one->fingerprint == other->fingerprint || one->fingerprint == other->earlier_fingerprint ||
      one->earlier_fingerprint == other->fingerprint)
    return true;
  return one->options.path[0] && other->options.path[0] && gan_same_file(one->options.path, other->options.path) &&
         strcmp(one->options.dataset, other->options.dataset) == 0;
}

/* Samples that are named as held out have to be others than those that training saw and those that are judged. */
gan_status gan_evaluate_check_held_out(const gan_evaluate_work *of) {
  const char *named = gan_argument(of->arguments, "--held-out");
  if (!named) return GAN_OK;
  const bool trained = are_same(of->rows.opened, of->real);
  if (!trained && !(of->file && are_same(of->rows.opened, of->file))) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "--held-out %s: these are the samples of %s, %s; name samples that are neither", named,
                  gan_evaluate_place(trained ? of->real : of->file),
                  trained ? "which training has seen" : "which are to be judged");
}

void gan_evaluate_notice_same(gan_evaluate_work *of) {
  if (!of->file) return;
  if (are_same(of->file, of->real))
    gan_evaluate_notice(of->report, "%s and the real samples of %s are the same: this compares a set with itself",
                        gan_evaluate_place(of->file), gan_evaluate_place(of->real));
  else if (of->rows.opened && are_same(of->file, of->rows.opened))
    gan_evaluate_notice(of->report, "%s is judged and is the floor, too: this compares a set with itself",
                        gan_evaluate_place(of->file));
}

/* Which set has fewer samples than were asked for, and how many. */
static void notice_fewer(gan_evaluate_work *of, const char *what, const char *place, int64_t count) {
  if (gan_argument(of->arguments, "--samples") && count < of->wanted)
    gan_evaluate_notice(of->report, "--samples %" PRId64 ": there are fewer %s samples, %" PRId64 " of %s", of->wanted,
                        what, count, place);
}

/* Values that say how much like real ones samples are, each by itself. Others may be good for noise that is nothing
   like the data: recall, since what is spread over all of space covers the data, too; and distances, where few samples
   have a large floor and noise happens to have the data's mean and covariance, as on a ring. */
static const char *const likeness[] = {"precision", "density", NULL};

static bool says_likeness(const char *name) {
  for (int i = 0; likeness[i]; i++)
    if (strcmp(likeness[i], name) == 0) return true;
  return false;
}

/* Where noise is better than real samples, numbers of these features mean nothing. One notice, for the first. */
static void notice_noise(gan_evaluate_work *of) {
  const gan_evaluate_report *report = of->report;
  for (int row = 0; report->has_floor && row < of->choice.count; row++)
    for (int i = 0; gan_metric_has(of->choice.metrics[row], i); i++) {
      const gan_metric_value *value = &of->choice.metrics[row]->values[i];
      const double floor = report->floor[row].values[i], noise = report->noise[row].values[i];
      if (!says_likeness(value->name) || !(value->better * (noise - floor) > 0)) continue;
      gan_evaluate_notice(of->report,
                          "noise gets a better %s than real samples: these features (%s) do not tell noise from data, "
                          "and this number says nothing; take a classifier's or other features (--features)",
                          value->name, report->features);
      return;
    }
}

void gan_evaluate_add_notices(gan_evaluate_work *of) {
  gan_evaluate_report *report = of->report;
  const int64_t judged = of->judged_count, fewest = judged < of->rows.real_count ? judged : of->rows.real_count;
  if (of->file) notice_fewer(of, "judged", of->data.file.path, judged);
  notice_fewer(of, "real", gan_evaluate_place(of->real), of->rows.real_count);
  notice_noise(of);
  if (of->has_floor && report->floor_count < judged)
    gan_evaluate_notice(report,
                        "the floor is of %" PRId64 " samples, fewer than the %" PRId64
                        " that are judged: distances between fewer samples are larger",
                        report->floor_count, judged);
  if (fewest < SAMPLES_PUBLISHED)
    gan_evaluate_notice(report,
                        "%" PRId64
                        " samples are too few to compare with published values, which are of 10000 or 50000: "
                        "compare with the floor, and with evaluations of as many",
                        fewest);
  if (of->judged.damaged)
    gan_evaluate_notice(report, "%d damaged checkpoint%s passed over", of->judged.damaged,
                        of->judged.damaged == 1 ? "" : "s");
}
