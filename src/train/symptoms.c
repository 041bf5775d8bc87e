#include "train/symptoms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How many blocks in a row a symptom has to last. */
enum { LASTING = 3 };
_Static_assert((int)LASTING < (int)GAN_SYMPTOM_BLOCKS, "a rise needs one block more");

static gan_term_value term_at(const gan_symptoms *symptoms, gan_loss_side side, bool real, double score) {
  gan_term_value at = {0};
  return gan_loss_curve(symptoms->loss, symptoms->options, side, real, score, &at) ? at : (gan_term_value){0};
}

/* What one class of samples adds to the critic's loss at its best score, with the samples that count as of the other
   one. */
static double lowest_of(const gan_symptoms *symptoms, bool real) {
  const double flips = symptoms->options->label_flips;
  double lowest = INFINITY;
  for (int i = -500; i <= 500; i++) {
    const double score = 0.1 * i, own = term_at(symptoms, GAN_LOSS_CRITIC, real, score).value,
                 other = term_at(symptoms, GAN_LOSS_CRITIC, !real, score).value;
    lowest = fmin(lowest, (1 - flips) * own + flips * other);
  }
  return lowest;
}

void gan_symptoms_begin(gan_symptoms *symptoms, const gan_loss *loss, const gan_loss_options *options) {
  *symptoms = (gan_symptoms){.loss = loss, .options = options, .low_since = -1};
  symptoms->lowest_loss = lowest_of(symptoms, true) + lowest_of(symptoms, false);
}

/* What a row looks at. `numbers`: the figures that show the symptom. */
typedef struct gan_symptom {
  bool (*shows)(const gan_symptoms *symptoms, size_t size, char *numbers);
  const char *name, *remedy;
} gan_symptom;

static double gap_of(const gan_symptom_block *block) { return block->score_real - block->score_fake; }
static double magnitude_of(const gan_symptom_block *block) {
  return fmax(fabs(block->score_real), fabs(block->score_fake));
}

/* --- the rows --- */

/* So near to the least that its loss can be, the critic is as good as certain of each sample; one that can tell nothing
   is above by something between 0.25 (least_squares) and 2 (hinges). A loss whose value is a distance has no least. */
static const double certain = 1e-3;

static bool is_certain(const gan_symptoms *symptoms, size_t size, char *numbers) {
  if (symptoms->loss->wants_lipschitz || symptoms->blocks < LASTING) return false;
  for (int i = 0; i < LASTING; i++)
    if (!(symptoms->last[i].critic_loss - symptoms->lowest_loss < certain)) return false;
  snprintf(numbers, size, "its loss is %.2g, and the scores of real and generated samples are %.3g and %.3g",
           symptoms->last[0].critic_loss, symptoms->last[0].score_real, symptoms->last[0].score_fake);
  return true;
}

/* A generator's loss that hardly changes with the scores that its samples have, all of them bad. */
static const double saturated = 0.01;

static bool loss_has_saturated(const gan_symptoms *symptoms, size_t size, char *numbers) {
  if (!symptoms->loss->sign_decides || symptoms->blocks < LASTING) return false;
  const double usual = fabs(term_at(symptoms, GAN_LOSS_GENERATOR, false, 0).slope);
  for (int i = 0; i < LASTING; i++) {
    const double score = symptoms->last[i].score_fake;
    if (!(score < 0)) return false;
    if (!(fabs(term_at(symptoms, GAN_LOSS_GENERATOR, false, score).slope) < saturated * usual)) return false;
  }
  snprintf(numbers, size, "generated samples have a mean score of %.3g, where the loss %s is flat for the generator",
           symptoms->last[0].score_fake, symptoms->loss->name);
  return true;
}

/* Scores are as far apart as ever, while the generator no longer learns how to bring them together. Where it has
   learnt, its gradient may be small, too, but then the gap is. */
static const double vanished = 1e-3, far_apart = 0.5;

static bool gradient_has_vanished(const gan_symptoms *symptoms, size_t size, char *numbers) {
  if (symptoms->blocks <= LASTING) return false;
  for (int i = 0; i < LASTING; i++) {
    const gan_symptom_block *block = &symptoms->last[i];
    if (!(block->generator_gradient < vanished * symptoms->largest_gradient)) return false;
    if (!(gap_of(block) > far_apart * symptoms->largest_gap)) return false;
  }
  const gan_symptom_block *now = &symptoms->last[0];
  snprintf(numbers, size,
           "the scores of real and generated samples are %.3g and %.3g, and the generator's gradient has a norm of "
           "%.2g, of %.2g once",
           now->score_real, now->score_fake, now->generator_gradient, symptoms->largest_gradient);
  return true;
}

static bool critic_has_won(const gan_symptoms *symptoms, size_t size, char *numbers) {
  return is_certain(symptoms, size, numbers) || loss_has_saturated(symptoms, size, numbers) ||
         gradient_has_vanished(symptoms, size, numbers);
}

static const double exploded = 1e3;

static bool scores_explode(const gan_symptoms *symptoms, size_t size, char *numbers) {
  const gan_symptom_block *last = symptoms->last;
  const double first = fmax(fabs(symptoms->first_real), fabs(symptoms->first_fake));
  if (symptoms->blocks <= LASTING) return false;
  for (int i = 0; i < LASTING; i++)
    if (!(magnitude_of(&last[i]) > magnitude_of(&last[i + 1]))) return false;
  if (!(magnitude_of(&last[0]) > exploded * fmax(1, first))) return false;
  snprintf(numbers, size, "those of real and generated samples are %.3g and %.3g, and were %.3g and %.3g at first",
           last[0].score_real, last[0].score_fake, symptoms->first_real, symptoms->first_fake);
  return true;
}

/* Norms of a network that learns are at most ten times what they were in the hundred iterations before. */
static const double far_above = 50;

static bool gradients_jump(const gan_symptoms *symptoms, size_t size, char *numbers) {
  const bool critic = symptoms->critic.to > 0;
  const gan_gradient_watch *jumped = critic ? &symptoms->critic : &symptoms->generator;
  if (!(jumped->to > 0)) return false;
  snprintf(numbers, size, "the norm of the %s's gradient jumps to %.2g, of %.2g at most in the iterations before",
           critic ? "critic" : "generator", jumped->to, jumped->from);
  return true;
}

/* Shares of the data's variance. It is low from the start, too, until the generator has learnt something: so it has to
   fall from where it was, or to stay there for so many iterations. */
static const double low_variety = 0.02, once_varied = 0.2;
enum { LOW_ITERATIONS = 2000 };

static bool samples_collapse(const gan_symptoms *symptoms, size_t size, char *numbers) {
  if (symptoms->low_since < 0) return false;
  const bool fell = symptoms->largest_variety > once_varied;
  if (!fell && symptoms->evaluated - symptoms->low_since < LOW_ITERATIONS) return false;
  snprintf(numbers, size, "the variance of generated samples is %.2g %% of the data's", 100 * symptoms->variety);
  return true;
}

static const gan_symptom table[] = {
    {critic_has_won, "the critic has won",
     "the generator no longer learns from it; make the critic weaker: fewer steps (train.n_critic), a lower "
     "critic.learning_rate, a smaller network, a penalty (critic.r1), noise on its labels (loss.label_smoothing, "
     "loss.label_flips) or augment.operations; with loss.name = minimax, modified_minimax does not saturate"},
    {scores_explode, "the critic's scores explode",
     "bound the critic (critic.spectral_norm, critic.gradient_penalty, critic.r1, critic.clip), or lower "
     "critic.learning_rate"},
    {gradients_jump, "the learning rate may be too high",
     "lower optimizer.learning_rate, or bound the gradients (critic.gradient_clip, generator.gradient_clip)"},
    {samples_collapse, "the generator has collapsed",
     "it makes nearly the same sample of every latent; begin again, or from a checkpoint before, with lower learning "
     "rates, minibatch_stddev in critic.layers, more critic steps (train.n_critic) or another loss.name"},
};
enum { SYMPTOMS = sizeof table / sizeof *table };
_Static_assert((int)SYMPTOMS <= (int)GAN_SYMPTOMS_MOST, "room for what was told");

static void tell_new(gan_symptoms *symptoms, int64_t iteration, gan_symptom_tell tell, void *context) {
  for (int i = 0; i < SYMPTOMS; i++) {
    char numbers[256], text[GAN_SYMPTOM_TEXT];
    if (symptoms->told[i] || !table[i].shows(symptoms, sizeof numbers, numbers)) continue;
    symptoms->told[i] = true;
    snprintf(text, sizeof text, "iteration %lld: %s: %s: %s", (long long)iteration, table[i].name, numbers,
             table[i].remedy);
    tell(context, text);
  }
}

/* --- what they look at --- */

static void watch_gradient(gan_gradient_watch *watch, double norm) {
  const double largest = fmax(watch->now, watch->before);
  if (largest > 0 && norm > far_above * largest && watch->to == 0) watch->from = largest, watch->to = norm;
  watch->now = fmax(watch->now, norm);
}

static void end_gradient_block(gan_gradient_watch *watch) {
  watch->before = watch->now;
  watch->now = 0;
}

static void add(gan_symptoms *symptoms, const gan_iteration *values) {
  const double penalty = isnan(values->gradient_penalty) ? 0 : values->gradient_penalty;
  gan_symptom_block *sums = &symptoms->sums;
  if (symptoms->blocks == 0 && symptoms->count == 0)
    symptoms->first_real = values->score_real, symptoms->first_fake = values->score_fake;
  symptoms->count++;
  sums->score_real += values->score_real;
  sums->score_fake += values->score_fake;
  sums->critic_loss += values->critic_loss - penalty;
  sums->generator_gradient += values->generator_gradient_norm;
  watch_gradient(&symptoms->critic, values->critic_gradient_norm);
  watch_gradient(&symptoms->generator, values->generator_gradient_norm);
}

static void end_block(gan_symptoms *symptoms) {
  const gan_symptom_block *sums = &symptoms->sums;
  const double count = symptoms->count;
  const gan_symptom_block means = {.score_real = sums->score_real / count,
                                   .score_fake = sums->score_fake / count,
                                   .critic_loss = sums->critic_loss / count,
                                   .generator_gradient = sums->generator_gradient / count};
  memmove(symptoms->last + 1, symptoms->last, (GAN_SYMPTOM_BLOCKS - 1) * sizeof *symptoms->last);
  symptoms->last[0] = means;
  symptoms->blocks++;
  symptoms->largest_gap = fmax(symptoms->largest_gap, gap_of(&means));
  symptoms->largest_gradient = fmax(symptoms->largest_gradient, means.generator_gradient);
  symptoms->sums = (gan_symptom_block){0};
  symptoms->count = 0;
  end_gradient_block(&symptoms->critic);
  end_gradient_block(&symptoms->generator);
}

void gan_symptoms_iteration(gan_symptoms *symptoms, const gan_iteration *values, gan_symptom_tell tell, void *context) {
  add(symptoms, values);
  if (symptoms->count == GAN_SYMPTOM_ITERATIONS) end_block(symptoms);
  if (symptoms->count == 0 || symptoms->critic.to > 0 || symptoms->generator.to > 0)
    tell_new(symptoms, values->iteration, tell, context);
}

void gan_symptoms_evaluation(gan_symptoms *symptoms, int64_t iteration, double real, double fake, gan_symptom_tell tell,
                             void *context) {
  if (!(real > 0) || !isfinite(fake)) return;
  symptoms->evaluated = iteration;
  symptoms->variety = fake / real;
  symptoms->largest_variety = fmax(symptoms->largest_variety, symptoms->variety);
  if (!(symptoms->variety < low_variety))
    symptoms->low_since = -1;
  else if (symptoms->low_since < 0)
    symptoms->low_since = iteration;
  tell_new(symptoms, iteration, tell, context);
}
