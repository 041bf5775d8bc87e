/* What samples to judge stand beside: the real ones, all that training may have seen, in which copies are searched for,
   and the values of the floor and of noise. */
#include "cli/evaluate_work.h"
#include "dist/world.h"
#include "eval/metric_rows.h"

gan_comparison gan_evaluate_compare_with(const gan_evaluate_work *of, const gan_sample_set *fake) {
  return (gan_comparison){
      .world = of->world,
      .backend = of->backend,
      .real = &of->real_set.set,
      .fake = fake,
      .held_out = of->report->held_out && of->other_set.samples ? &of->other_set.set : NULL,
      .training_count = of->training.maker.count,
      .seed = GAN_METRIC_SEED,
      .neighbours = of->neighbours,
      .modes = of->modes,
      .centres = of->centres,
      .sigma = of->real->options.sigma,
      .power = gan_source_type_reads(of->real->type, "shower.power") ? of->real->options.shower.power : 0};
}

/* --- Copies of training samples --- */

static bool judges_memorisation(const gan_evaluate_work *of) {
  bool wanted = false;
  for (int row = 0; row < of->choice.count; row++)
    wanted = wanted || of->choice.metrics[row] == &gan_metric_memorisation;
  return wanted && of->has_floor && of->report->held_out;
}

/* All that a training may have seen, of which the reference is a part: data without end have no such thing. */
gan_status gan_evaluate_open_training(gan_evaluate_work *of) {
  const int64_t all = of->real->count;
  const bool there = of->rows.real_count == all;
  if (!all || !(judges_memorisation(of) || gan_argument(of->arguments, "--pairs"))) return GAN_OK;
  of->training_rows = of->rows.real;
  of->training_rows.in_order = !there; /* as they lie in the file, unless they have been read already */
  const gan_set_maker maker = gan_source_rows_maker(&of->training_rows, all);
  return gan_training_open(of->world, &maker, of->features, there ? &of->real_set.set : NULL, &of->watch,
                           &of->training);
}

gan_status gan_evaluate_search(gan_evaluate_work *of, gan_filled_set *set) {
  if (!of->training.maker.count) return GAN_OK;
  return gan_training_search(of->world, of->backend, &of->training, &of->watch, set);
}

/* Of a set that is no picture's. */
static gan_status search_for_value(gan_evaluate_work *of, gan_filled_set *set) {
  return judges_memorisation(of) ? gan_evaluate_search(of, set) : GAN_OK;
}

/* --- The floor and noise --- */

static gan_status compare_noise(gan_evaluate_work *of) {
  gan_noise noise;
  gan_filled_set set = {.set = {.count = 0}};
  gan_status status = gan_world_agree(of->world, gan_noise_create(&of->real_set.set, GAN_METRIC_SEED, &noise));
  const gan_set_maker maker = {
      .make = gan_noise_make, .context = &noise, .count = of->judged_count, .shape = of->real->shape};
  gan_rounding rounding;
  if (status == GAN_OK) status = gan_evaluate_fill_rounded(of, maker, "noise", &rounding, &set);
  if (status == GAN_OK) status = search_for_value(of, &set);
  if (status == GAN_OK) {
    const gan_comparison comparison = gan_evaluate_compare_with(of, &set.set);
    status = gan_metrics_compute(&of->choice, &comparison, "noise", &of->watch, of->report->noise);
  }
  gan_set_release(&set);
  gan_noise_release(&noise);
  return status;
}

/* The floor and noise are of as many samples as are judged, since values depend on how many they are of. */
gan_status gan_evaluate_compare_floor(gan_evaluate_work *of) {
  if (!of->has_floor) return GAN_OK;
  GAN_TRY(gan_evaluate_fill(of, gan_source_rows_maker(&of->rows.others, of->rows.other_count), "other real samples",
                            &of->other_set));
  GAN_TRY(search_for_value(of, &of->other_set));
  const gan_sample_set floor = gan_set_slice(&of->other_set.set, 0, of->report->floor_count);
  const gan_comparison comparison = gan_evaluate_compare_with(of, &floor);
  GAN_TRY(gan_metrics_floor(&of->choice, &comparison, &of->watch, of->report->floor));
  if (!of->report->held_out) gan_set_release(&of->other_set);
  return compare_noise(of);
}
