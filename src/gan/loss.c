/* The losses there are. Each is written as its formulas read: what real and generated samples contribute to the
   critic's loss, and to the generator's. How they are summed is in loss_share.c. */
#include "gan/loss.h"

#include <stddef.h>
#include <string.h>

#include "base/words.h"

/* The cross-entropy of a classifier of real against generated: E ce(r, 1 - s/2) + E sp(f). */
#define CROSS_ENTROPY \
  { .real = gan_term_smoothed, .fake = gan_term_softplus }

const gan_loss gan_losses[] = {
    {.name = "wasserstein",
     .help = "critic E f - E r, generator -E f; needs a Lipschitz critic",
     .source = "arXiv 1701.07875, eq. 3 and algorithm 1",
     .keys = "",
     .critic = {.real = gan_term_minus, .fake = gan_term_plus},
     .generator = {.fake = gan_term_minus},
     .wants_lipschitz = true},
    {.name = "wasserstein_hinge",
     .help = "critic E max(0, a - r) + E max(0, b + f), which is satisfied beyond the margins; generator -E f",
     .source = "arXiv 1705.02894; 1802.05957, eq. 16 and 17",
     .keys = "real_margin fake_margin label_flips",
     .critic = {.real = gan_term_above_real_margin, .fake = gan_term_below_fake_margin},
     .generator = {.fake = gan_term_minus},
     .sign_decides = true},
    {.name = "minimax",
     .help = "the original GAN: the critic classifies, the generator lowers its success E log(1 - s(f))",
     .source = "arXiv 1406.2661, eq. 1; label smoothing: 1606.03498, section 3.4",
     .keys = "label_smoothing label_flips",
     .critic = CROSS_ENTROPY,
     .generator = {.fake = gan_term_minus_softplus},
     .sign_decides = true},
    {.name = "modified_minimax",
     .help = "as minimax, but the generator raises E log s(f), which does not saturate",
     .source = "arXiv 1406.2661, section 3; label smoothing: 1606.03498, section 3.4",
     .keys = "label_smoothing label_flips",
     .critic = CROSS_ENTROPY,
     .generator = {.fake = gan_term_softplus_of_minus},
     .sign_decides = true},
    {.name = "least_squares",
     .help = "squares of how far scores are from labels: critic 1/2 E(r - a)^2 + 1/2 E(f - b)^2, generator "
             "1/2 E(f - a)^2",
     .source = "arXiv 1611.04076, eq. 2",
     .keys = "real_label fake_label label_flips",
     .critic = {.real = gan_term_square_to_real, .fake = gan_term_square_to_fake},
     .generator = {.fake = gan_term_square_to_real}},
    {.name = "relativistic_average",
     .help = "how much more real than the average of the other class: critic E sp(-(r - E f)) + E sp(f - E r), "
             "generator the same with r and f exchanged",
     .source = "arXiv 1807.00734, section 4.3",
     .keys = "",
     .pairing = GAN_PAIRING_MEANS,
     .critic = {.real = gan_term_softplus_of_minus, .fake = gan_term_softplus},
     .generator = {.real = gan_term_softplus, .fake = gan_term_softplus_of_minus},
     .generator_needs_real = true},
    {.name = "relativistic_paired",
     .help = "how much more real than the other sample of a pair: critic E sp(-(r - f)), generator E sp(r - f); goes "
             "with r1 and r2",
     .source = "arXiv 1807.00734, section 4.2; 2501.05441, section 2",
     .keys = "",
     .pairing = GAN_PAIRING_PAIRS,
     .critic = {.real = gan_term_softplus_of_minus},
     .generator = {.real = gan_term_softplus},
     .generator_needs_real = true},
    {.name = "relativistic_hinge",
     .help = "as relativistic_average with hinges: critic E max(0, a - (r - E f)) + E max(0, b + (f - E r)), generator "
             "the same with r and f exchanged",
     .source = "arXiv 1807.00734, appendix",
     .keys = "real_margin fake_margin",
     .pairing = GAN_PAIRING_MEANS,
     .critic = {.real = gan_term_above_real_margin, .fake = gan_term_below_fake_margin},
     .generator = {.real = gan_term_below_fake_margin, .fake = gan_term_above_real_margin},
     .generator_needs_real = true},
    {.name = "logistic",
     .help = "modified_minimax without label smoothing, as StyleGAN has it: critic E sp(-r) + E sp(f), generator "
             "E sp(-f); goes with r1",
     .source = "arXiv 1406.2661, section 3; with r1: 1801.04406",
     .keys = "label_flips",
     .critic = {.real = gan_term_softplus_of_minus, .fake = gan_term_softplus},
     .generator = {.fake = gan_term_softplus_of_minus},
     .sign_decides = true},
};
const int gan_loss_count = sizeof gan_losses / sizeof gan_losses[0];

const gan_loss *gan_loss_find(const char *name) {
  for (int i = 0; i < gan_loss_count; i++) {
    if (strcmp(gan_losses[i].name, name) == 0) return &gan_losses[i];
  }
  return NULL;
}

bool gan_loss_uses(const gan_loss *loss, const char *key) {
  static const char section[] = "loss.";
  if (strncmp(key, section, sizeof section - 1) != 0) return false;
  const char *name = key + sizeof section - 1;
  return strcmp(name, "name") == 0 || gan_words_have(loss->keys, name);
}

/* Why a sample of a loss that has no use for flips cannot count as one of the other class. */
static const char *without_flips(const gan_loss *loss) {
  return loss->pairing == GAN_PAIRING_NONE
             ? "its terms differ in their sign alone, so that a share p of flips does nothing but scale the loss by "
               "1 - 2p"
             : "it compares real samples with generated ones, and gives none of them a class";
}

gan_status gan_loss_check(const gan_loss_options *options) {
  const gan_loss *loss = gan_loss_find(options->name);
  if (!loss) return gan_fail(GAN_BAD_USAGE, "loss.name: there is no loss '%.80s'", options->name);
  if (options->label_flips > 0 && !gan_loss_uses(loss, "loss.label_flips"))
    return gan_fail(GAN_BAD_USAGE,
                    "loss.label_flips means nothing with loss.name = %s: %s; leave it 0, or take a loss that "
                    "classifies samples, as minimax, logistic or least_squares",
                    loss->name, without_flips(loss));
  if (gan_loss_uses(loss, "loss.real_label") && options->real_label == options->fake_label)
    return gan_fail(GAN_BAD_USAGE,
                    "loss.real_label and loss.fake_label are both %g: there is nothing for the critic to tell apart",
                    options->real_label);
  return GAN_OK;
}
