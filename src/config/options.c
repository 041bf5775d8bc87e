/* The option table: every key of the configuration, one row each.

   Parser, checks, help text, environment variables, INI files, `gan_dist config --list options` and the text kept in
   checkpoints all read this table, so an option is added by a field in config.h and a row here. Sections stand
   together, in the order in which they are printed. Fields that a row does not name are zero: no short form, needs a
   value, inclusive bounds, a part of what is computed. */
#include <float.h>
#include <stdint.h>
#include <string.h>

#include "base/nearest.h"
#include "config/choices.h"
#include "config/config.h"

#define FIELD(member) .offset = offsetof(struct gan_config, member), .size = sizeof(((struct gan_config *)0)->member)
#define TEXT(member) .type = GAN_OPTION_TEXT, FIELD(member)
#define LAYERS(member) .type = GAN_OPTION_LAYERS, FIELD(member)
#define NAME(member, table) .type = GAN_OPTION_NAME, FIELD(member), .choice = table
#define BOOLEAN(member) .type = GAN_OPTION_BOOLEAN, FIELD(member), .alone = "yes"
#define INTEGER(member, low, high) .type = GAN_OPTION_INTEGER, FIELD(member), .minimum = (low), .maximum = (high)
#define RATIO(member, low, high) .type = GAN_OPTION_RATIO, FIELD(member), .minimum = (low), .maximum = (high)
#define REAL(member, low, high) .type = GAN_OPTION_REAL, FIELD(member), .minimum = (low), .maximum = (high)
#define ABOVE_MINIMUM .minimum_exclusive = true
#define BELOW_MAXIMUM .maximum_exclusive = true
#define OR_ZERO .or_zero = true

/* Of rows that are not about what is computed; nor are those about the data: other data, by their fingerprint, are
   another run's. */
#define LENGTH .scope = GAN_SCOPE_LENGTH
#define BEGIN .scope = GAN_SCOPE_BEGIN
#define RUN .scope = GAN_SCOPE_RUN
#define START .scope = GAN_SCOPE_START
#define ONCE .scope = GAN_SCOPE_ONCE

/* 2^53: whole numbers up to it are the same as doubles; far beyond anything that could be counted. */
#define MANY 9007199254740992.0

/* clang-format off: a row is two lines, what it is and what it says */
const gan_option gan_options[] = {
    {"run.preset", "--preset", ONCE, .type = GAN_OPTION_PRESET, .choice = gan_choice_preset, .default_value = "",
     .help = "take over a preset's keys first, below the INI file's, the environment's and the command line's"},
    {"run.dir", NULL, START, TEXT(run.dir), .default_value = "", .value_name = "FOLDER",
     .help = "the run's folder; empty: runs/ and run.name"},
    {"run.name", NULL, START, TEXT(run.name), .default_value = "ring8",
     .help = "the run's name; a preset or an INI file that is read brings its own"},
    {"run.seed", "--seed", INTEGER(run.seed, 0, (double)INT64_MAX), .default_value = "0",
     .help = "key of every random number of the run"},
    {"run.iterations", "--iterations", LENGTH, INTEGER(run.iterations, 0, MANY), .default_value = "1000",
     .help = "iterations to train, each train.n_critic critic steps and one generator step (n_critic 1/k: one and k)"},
    {"run.stop_at", NULL, ONCE, INTEGER(run.stop_at, 0, MANY), .default_value = "0",
     .help = "write a checkpoint and exit with status 75 after this iteration; 0: never"},
    {"run.resume", "--resume", ONCE, TEXT(run.resume), .default_value = "no", .alone = "yes",
     .value_name = "yes|no|FILE",
     .help = "yes: go on from the newest checkpoint in run.dir, if any; FILE: from that one; no: start anew"},
    {"run.backend", "--backend", RUN, NAME(run.backend, gan_choice_backend), .default_value = "auto",
     .help = "who computes the matrix products"},
    {"run.precision", "--precision", RUN, NAME(run.precision, gan_choice_precision), .default_value = "float32",
     .help = "what products are computed from; parameters and sums are always float32"},
    {"run.log_every", NULL, START, INTEGER(run.log_every, 0, MANY), .default_value = "0",
     .help = "iterations between plain progress lines, on a terminal too; 0: by time, and none beside a live line"},

    {"data.source", NULL, RUN, NAME(data.source, gan_choice_source), .default_value = "ring",
     .help = "where real samples come from"},
    {"data.path", NULL, RUN, TEXT(data.path), .default_value = "", .value_name = "FILE",
     .help = "the data file of sources that read one"},
    {"data.labels", NULL, RUN, TEXT(data.labels), .default_value = "", .value_name = "FILE",
     .help = "file (IDX) or data set (HDF5) of labels; empty: the one beside the samples, if any; none: no labels"},
    {"data.weights", NULL, RUN, TEXT(data.weights), .default_value = "", .value_name = "FILE",
     .help = "file (IDX) or data set (HDF5) of how much each sample counts in the loss; empty: all count 1"},
    {"data.dataset", NULL, RUN, TEXT(data.dataset), .default_value = "",
     .help = "path of the data set inside an HDF5 file"},
    {"data.axes", NULL, RUN, NAME(data.axes, gan_choice_axes), .default_value = "auto",
     .help = "what a file's axes are: N samples, C channels, L length, D depth (of ND: features), H height, W width"},
    {"data.minimum", NULL, RUN, REAL(data.minimum, -1e30, 1e30), .default_value = "0",
     .help = "an HDF5 or NumPy file's value that becomes -1, when data.maximum becomes 1; both 0: see data.maximum"},
    {"data.maximum", NULL, RUN, REAL(data.maximum, -1e30, 1e30), .default_value = "0",
     .help = "its value that becomes 1; both 0: of uint8 0 becomes -1 and 255 1, and other types stay as they are"},
    {"data.memory", NULL, RUN, INTEGER(data.memory, 0, 1 << 30), .default_value = "256",
     .help = "hold an HDF5 file's samples in memory, once per host, if they take so many MiB at most; 0: never"},
    {"data.origin", NULL, RUN, TEXT(data.origin), .default_value = "",
     .help = "how to get the data, in words; said when data.path is missing"},
    {"data.samples", NULL, RUN, INTEGER(data.samples, 0, MANY), .default_value = "0",
     .help = "use the first so many samples of a file (0: all), or make so many synthetic ones (0: without end)"},
    {"data.flip", NULL, BOOLEAN(data.flip), .default_value = "no",
     .help = "flip each real image or volume left to right half of the time, and so double a small data set"},
    {"data.modes", NULL, RUN, INTEGER(data.modes, 1, 10000), .default_value = "8",
     .help = "Gaussians on the ring, or along each side of the grid"},
    {"data.radius", NULL, RUN, REAL(data.radius, 0, 1e6), ABOVE_MINIMUM, .default_value = "1",
     .help = "radius of the ring, half the side of the grid, outer radius of the roll, in the data's units"},
    {"data.sigma", NULL, RUN, REAL(data.sigma, 0, 1e6), .default_value = "0.05",
     .help = "standard deviation of each Gaussian or of the roll's noise, in the data's units"},

    {"shower.cells", NULL, RUN, INTEGER(data.shower.cells, 4, 64), .default_value = "25",
     .help = "showers: cells of the calorimeter along each of its three axes"},
    {"shower.cell_depth", NULL, RUN, REAL(data.shower.cell_depth, 0.01, 10), .default_value = "0.9",
     .help = "showers: depth of a cell in radiation lengths"},
    {"shower.cell_width", NULL, RUN, REAL(data.shower.cell_width, 0.01, 10), .default_value = "0.25",
     .help = "showers: width and height of a cell in Moliere radii"},
    {"shower.energy_minimum", NULL, RUN, REAL(data.shower.energy_minimum, 0.1, 1e4), .default_value = "10",
     .help = "showers: lowest energy of the particle that enters, in GeV"},
    {"shower.energy_maximum", NULL, RUN, REAL(data.shower.energy_maximum, 0.1, 1e4), .default_value = "100",
     .help = "showers: highest energy of that particle, in GeV; energies are uniform between the two"},
    {"shower.start", NULL, RUN, REAL(data.shower.start, 0, 100), .default_value = "1.2857142857142858",
     .help = "showers: mean depth of the exponential law of where they begin, in radiation lengths; 9/7 for photons"},
    {"shower.angle", NULL, RUN, REAL(data.shower.angle, 0, 60), .default_value = "5",
     .help = "showers: largest angle between a shower and the depth's axis, in degrees"},
    {"shower.impact", NULL, RUN, REAL(data.shower.impact, 0, 32), .default_value = "1",
     .help = "showers: half the side of the square of cells around the middle of the front face that they enter by"},
    {"shower.resolution", NULL, RUN, REAL(data.shower.resolution, 0, 1), .default_value = "0.15",
     .help = "showers: relative standard deviation of the energy measured at 1 GeV, in quanta; 0: no fluctuations"},
    {"shower.full_scale", NULL, RUN, REAL(data.shower.full_scale, 1e-6, 1), .default_value = "0.06",
     .help = "showers: energy of a cell that becomes the value 1, as a share of shower.energy_maximum"},
    {"shower.power", NULL, RUN, REAL(data.shower.power, 0.1, 1), .default_value = "0.5",
     .help = "showers: a cell's value is 2 (energy / full scale)^power - 1"},

    {"generator.layers", NULL, LAYERS(generator.network.layers),
     .default_value = "dense 128, relu, dense 128, relu, dense 2",
     .help = "the generator's layers from latent to sample, separated by line ends or commas"},
    {"generator.latent", NULL, INTEGER(generator.latent, 1, 1 << 20), .default_value = "128",
     .help = "elements of the latent z"},
    {"generator.latent_distribution", NULL, NAME(generator.latent_distribution, gan_choice_latent_distribution),
     .default_value = "normal", .help = "distribution of each element of the latent z"},
    {"generator.init", NULL, BEGIN, NAME(generator.network.init, gan_choice_initialisation), .default_value = "pytorch",
     .help = "how the generator's weights start"},
    {"generator.init_scale", NULL, BEGIN, REAL(generator.network.init_scale, 0, 1e6), .default_value = "0",
     .help = "the initialisation's standard deviation (normal) or gain; 0: its default"},
    {"generator.learning_rate", NULL, REAL(generator.network.learning_rate, 0, 1e6), .default_value = "0",
     .help = "learning rate of the generator; 0: optimizer.learning_rate"},
    {"generator.gradient_clip", NULL, REAL(generator.network.gradient_clip, 0, 1e30), .default_value = "0",
     .help = "bound of the L2 norm of the generator's whole gradient: a longer one is scaled down to it; 0: none"},

    {"critic.layers", NULL, LAYERS(critic.network.layers), .default_value = "dense 128, relu, dense 128, relu, dense 1",
     .help = "the critic's layers from sample to score, separated by line ends or commas"},
    {"critic.init", NULL, BEGIN, NAME(critic.network.init, gan_choice_initialisation), .default_value = "pytorch",
     .help = "how the critic's weights start"},
    {"critic.init_scale", NULL, BEGIN, REAL(critic.network.init_scale, 0, 1e6), .default_value = "0",
     .help = "the initialisation's standard deviation (normal) or gain; 0: its default"},
    {"critic.learning_rate", NULL, REAL(critic.network.learning_rate, 0, 1e6), .default_value = "0",
     .help = "learning rate of the critic; 0: optimizer.learning_rate"},
    {"critic.gradient_clip", NULL, REAL(critic.network.gradient_clip, 0, 1e30), .default_value = "0",
     .help = "bound of the L2 norm of the critic's whole gradient: a longer one is scaled down to it; 0: none"},
    {"critic.clip", NULL, REAL(critic.clip, 0, 1e6), .default_value = "auto", .unset = "auto",
     .help = "bound c: after every critic step each of its weights is set into [-c, c]; 0: no clipping; auto: 0.01 for "
             "a wasserstein critic that nothing else constrains, else 0"},
    {"critic.clip_norm", NULL, REAL(critic.clip_norm, 0, 1e6), .default_value = "0",
     .help = "bound c: after every critic step each of its tensors or rows w is set to w c / max(|w|, c); 0: none"},
    {"critic.clip_norm_of", NULL, NAME(critic.clip_norm_of, gan_choice_clip_norm), .default_value = "tensor",
     .help = "what critic.clip_norm bounds the norm of"},
    {"critic.gradient_penalty", NULL, REAL(critic.penalty.weight[GAN_PENALTY_GRADIENT], 0, 1e9), .default_value = "0",
     .help = "lambda: adds lambda E (|g|/k - 1)^2 between real and generated samples (WGAN-GP: 10); 0: none"},
    {"critic.gradient_penalty_target", NULL, REAL(critic.penalty.target, 0, 1e9), ABOVE_MINIMUM, .default_value = "1",
     .help = "k: the norm of the gradient that gradient_penalty and dragan ask for"},
    {"critic.gradient_penalty_one_sided", NULL, BOOLEAN(critic.penalty.one_sided), .default_value = "no",
     .help = "gradients smaller than that cost nothing (gradient_penalty, dragan)"},
    {"critic.gradient_penalty_epsilon", NULL, REAL(critic.penalty.epsilon, 0, 1), ABOVE_MINIMUM,
     .default_value = "1e-10", .help = "added to the squared norm under its root (gradient_penalty, dragan)"},
    {"critic.dragan", NULL, REAL(critic.penalty.weight[GAN_PENALTY_DRAGAN], 0, 1e9), .default_value = "0",
     .help = "lambda: the penalty of critic.gradient_penalty around real samples instead (DRAGAN: 10); 0: none"},
    {"critic.r1", NULL, REAL(critic.penalty.weight[GAN_PENALTY_R1], 0, 1e9), .default_value = "0",
     .help = "gamma: adds gamma/2 E |g|^2 at real samples (StyleGAN: 10); 0: none"},
    {"critic.r1_final", NULL, REAL(critic.penalty.r1_final, 0, 1e9), .default_value = "constant", .unset = "constant",
     .help = "gamma of r1 at the end of the run, reached along half a cosine; constant: as at first"},
    {"critic.r2", NULL, REAL(critic.penalty.weight[GAN_PENALTY_R2], 0, 1e9), .default_value = "0",
     .help = "gamma: adds gamma/2 E |g|^2 at generated samples; 0: none"},
    {"critic.r2_final", NULL, REAL(critic.penalty.r2_final, 0, 1e9), .default_value = "constant", .unset = "constant",
     .help = "gamma of r2 at the end of the run, reached along half a cosine; constant: as at first"},
    {"critic.penalty_every", NULL, INTEGER(critic.penalty.every, 1, 1000000), .default_value = "1",
     .help = "k: these four are added in every k-th critic step only, k times as much"},
    {"critic.lecam", NULL, REAL(critic.lecam, 0, 1e9), .default_value = "0",
     .help = "lambda: adds lambda (E (r - a_f)^2 + E (f - a_r)^2), a moving averages of the scores; 0: none"},
    {"critic.spectral_norm", NULL, BOOLEAN(critic.spectral_norm), .default_value = "no",
     .help = "spectral normalisation of all dense, conv, conv_transpose, embedding and attention layers of the critic"},

    {"classifier.layers", NULL, LAYERS(classifier.layers), .default_value = "dense 256, relu, dense 128, relu",
     .help = "classify: the layers from a sample to its features; a dense layer for the classes is put behind them"},
    {"classifier.init", NULL, NAME(classifier.init, gan_choice_initialisation), .default_value = "pytorch",
     .help = "classify: how the weights start"},
    {"classifier.init_scale", NULL, REAL(classifier.init_scale, 0, 1e6), .default_value = "0",
     .help = "classify: the initialisation's standard deviation (normal) or gain; 0: its default"},
    {"classifier.test", NULL, RUN, TEXT(classifier.test), .default_value = "", .value_name = "FILE",
     .help = "classify: file of test samples, read as data.path is; empty: MNIST's t10k files beside it, or see "
             "classifier.held_out"},
    {"classifier.held_out", NULL, REAL(classifier.held_out, 0, 0.9), ABOVE_MINIMUM, .default_value = "auto",
     .unset = "auto",
     .help = "classify: share of the data kept back to test with; auto: 0.1 where there is no file of test samples"},

    {"loss.name", NULL, NAME(loss.name, gan_choice_loss), .default_value = "wasserstein",
     .help = "what both networks minimise"},
    {"loss.label_smoothing", NULL, REAL(loss.label_smoothing, 0, 2), .default_value = "0.25",
     .help = "s: the real class's target is 1 - s/2 in the critic's cross-entropy (minimax, modified_minimax)"},
    {"loss.label_flips", NULL, REAL(loss.label_flips, 0, 0.5), .default_value = "0",
     .help = "share of samples, real and generated, that count as of the other class in the critic's loss"},
    {"loss.real_label", NULL, REAL(loss.real_label, -1e6, 1e6), .default_value = "1",
     .help = "least_squares: what the critic draws scores of real samples to, and the generator those of its own"},
    {"loss.fake_label", NULL, REAL(loss.fake_label, -1e6, 1e6), .default_value = "0",
     .help = "least_squares: what the critic draws scores of generated samples to"},
    {"loss.real_margin", NULL, REAL(loss.real_margin, 0, 1e6), ABOVE_MINIMUM, .default_value = "1",
     .help = "hinges: the critic is satisfied with real samples whose score is above it"},
    {"loss.fake_margin", NULL, REAL(loss.fake_margin, 0, 1e6), ABOVE_MINIMUM, .default_value = "1",
     .help = "hinges: and with generated ones whose score is below minus it"},

    {"augment.operations", NULL, TEXT(augment.operations), .default_value = "", .value_name = "NAMES",
     .help = "random changes of all that the critic sees, for small data sets: translation, cutout, color, ...; empty: "
             "none"},
    {"augment.strength", NULL, REAL(augment.strength, 0, 1), .default_value = "1",
     .help = "probability that an operation is applied to a sample; with augment.adaptive, the most that it becomes"},
    {"augment.schedule", NULL, NAME(augment.schedule, gan_choice_augment_schedule), .default_value = "constant",
     .help = "how that probability changes over run.iterations"},
    {"augment.final_strength", NULL, REAL(augment.final_strength, 0, 1), .default_value = "1",
     .help = "what the schedule ends at"},
    {"augment.adaptive", NULL, BOOLEAN(augment.adaptive), .default_value = "no",
     .help = "begin with probability 0 and raise it while the critic is surer of real samples than augment.target"},
    {"augment.target", NULL, REAL(augment.target, -1, 1), .default_value = "0.6",
     .help = "adaptive: mean sign of real samples' scores that is aimed at"},
    {"augment.samples_to_full", NULL, REAL(augment.samples_to_full, 0, 1e18), ABOVE_MINIMUM, .default_value = "500000",
     .help = "adaptive: real samples in which the probability can move from 0 to 1"},

    {"train.batch", "--batch", INTEGER(train.batch, 1, INT32_MAX), .default_value = "64",
     .help = "samples of the global batch of a critic step, over all ranks"},
    {"train.shards", "--shards", INTEGER(train.shards, 0, INT32_MAX), .default_value = "0",
     .help =
         "slices of the global batch, which the rounding depends on, and ranks share; 0: 8, or as many as ranks where "
         "more"},
    {"train.accumulate", NULL, RUN, INTEGER(train.accumulate, 1, INT32_MAX), .default_value = "1",
     .help = "groups that a rank's shards are computed in, one after the other, to take less memory; changes no bit"},
    {"train.n_critic", NULL, RATIO(train.n_critic, 1, 1000000), .default_value = "5",
     .help = "critic steps before each generator step; 1/k: k generator steps after each critic step"},
    {"train.order", NULL, NAME(train.order, gan_choice_order), .default_value = "alternating",
     .help = "which parameters of the critic the generator's gradient is taken at"},
    {"train.warmup_iterations", NULL, INTEGER(train.warmup_iterations, 0, MANY), .default_value = "0",
     .help = "first iterations that make train.warmup_n_critic critic steps and one generator step; 0: no warm-up (25 "
             "in the WGAN paper)"},
    {"train.warmup_n_critic", NULL, INTEGER(train.warmup_n_critic, 1, 1000000), .default_value = "100",
     .help = "critic steps of a warm-up iteration"},
    {"train.warmup_every", NULL, INTEGER(train.warmup_every, 0, MANY), .default_value = "500",
     .help = "with a warm-up, every so many iterations is a warm-up iteration again; 0: only the first ones"},
    {"train.ema_decay", NULL, REAL(train.ema_decay, 0, 1), BELOW_MAXIMUM, .default_value = "0",
     .help = "decay per generator step of the moving average of the generator's weights; 0: no average by this key"},
    {"train.ema_half_life", NULL, REAL(train.ema_half_life, 0, 1e15), .default_value = "0",
     .help = "the same as a half-life, in samples of the global batch (StyleGAN: 10000 to 20000); 0: no average by "
             "this key"},
    {"train.ema_half_life_final", NULL, REAL(train.ema_half_life_final, 0, 1e15), ABOVE_MINIMUM, .unset = "constant",
     .default_value = "constant",
     .help = "half-life at the end of the run, reached along half a cosine; constant: as at first"},
    {"train.ema_warmup", NULL, REAL(train.ema_warmup, 0, 1e6), .default_value = "0.05",
     .help = "the half-life is at most this share of the samples so far; 0: no such bound"},
    {"train.verify_every", "--verify-every", RUN, INTEGER(train.verify_every, 0, MANY), .default_value = "100",
     .help = "iterations between comparisons of the parameters of all ranks, made before a checkpoint too; 0: never"},

    {"optimizer.name", NULL, NAME(optimizer.name, gan_choice_optimizer), .default_value = "rmsprop",
     .help = "how a gradient becomes an update"},
    {"optimizer.learning_rate", NULL, REAL(optimizer.learning_rate, 0, 1e6), ABOVE_MINIMUM, .default_value = "5e-5",
     .help = "learning rate of both networks where they do not set their own"},
    {"optimizer.alpha", NULL, REAL(optimizer.alpha, 0, 1), BELOW_MAXIMUM, .default_value = "0.99",
     .help = "rmsprop: decay of the mean square"},
    {"optimizer.beta1", NULL, REAL(optimizer.beta1, 0, 1), BELOW_MAXIMUM, .default_value = "0.9",
     .help = "adam, adamw: decay of the mean"},
    {"optimizer.beta1_final", NULL, REAL(optimizer.beta1_final, 0, 1), BELOW_MAXIMUM, .default_value = "constant",
     .unset = "constant",
     .help = "adam, adamw: beta1 at the end of the run, reached along half a cosine; constant: as at first"},
    {"optimizer.beta2", NULL, REAL(optimizer.beta2, 0, 1), BELOW_MAXIMUM, .default_value = "0.999",
     .help = "adam, adamw: decay of the mean square"},
    {"optimizer.beta2_final", NULL, REAL(optimizer.beta2_final, 0, 1), BELOW_MAXIMUM, .default_value = "constant",
     .unset = "constant",
     .help = "adam, adamw: beta2 at the end of the run, reached along half a cosine; constant: as at first"},
    /* From what float32 still has as a normal number: 0 would make a gradient of 0 a NaN. */
    {"optimizer.epsilon", NULL, REAL(optimizer.epsilon, 1e-38, 1e6), .default_value = "1e-8",
     .help = "rmsprop, adam, adamw: added to the root of the mean square"},
    {"optimizer.momentum", NULL, REAL(optimizer.momentum, 0, 1), BELOW_MAXIMUM, .default_value = "0",
     .help = "sgd, rmsprop: momentum"},
    {"optimizer.weight_decay", NULL, REAL(optimizer.weight_decay, 0, 1e6), .default_value = "auto", .unset = "auto",
     .help =
         "factor of the weights added to their gradient; of adamw beside it; auto: PyTorch's, 0.01 for adamw, else 0"},
    {"optimizer.schedule", NULL, NAME(optimizer.schedule, gan_choice_schedule), .default_value = "constant",
     .help = "how the learning rate changes over run.iterations"},
    {"optimizer.final_factor", NULL, REAL(optimizer.final_factor, 0, 1e6), .default_value = "0.01",
     .help = "what the schedule ends at, as a factor of the learning rate"},
    {"optimizer.warmup", NULL, INTEGER(optimizer.warmup, 0, MANY), .default_value = "0",
     .help = "first iterations in which the learning rate rises from 0 in a straight line; 0: none"},
    {"optimizer.batch_scaling", NULL, NAME(optimizer.batch_scaling, gan_choice_batch_scaling), .default_value = "none",
     .help = "how learning rates, given for a batch of optimizer.reference_batch, become those of train.batch"},
    {"optimizer.reference_batch", NULL, INTEGER(optimizer.reference_batch, 0, INT32_MAX), .default_value = "0",
     .help = "the batch that learning rates are given for, with optimizer.batch_scaling; 0: none"},

    {"batch_norm.sync", NULL, BOOLEAN(batch_norm.sync), .default_value = "yes",
     .help = "batch statistics over the whole global batch; no: over each shard by itself"},
    {"batch_norm.momentum", NULL, REAL(batch_norm.momentum, 0, 1), .default_value = "0.1",
     .help = "weight of the newest batch in the running statistics"},
    {"batch_norm.epsilon", NULL, REAL(batch_norm.epsilon, 0, 1e6), ABOVE_MINIMUM, .default_value = "1e-5",
     .help = "added to the variance"},

    {"dist.reduction", "--reduction", START, NAME(dist.reduction, gan_choice_reduction), .default_value = "auto",
     .help = "how gradients are summed over ranks; makes no difference to the result"},
    {"dist.timeout", "--timeout", START, REAL(dist.timeout, 1, 1e9), OR_ZERO, .default_value = "120",
     .help = "seconds that a rank may stand still before the run is ended; 0: for ever"},

    {"checkpoint.every", NULL, RUN, INTEGER(checkpoint.every, 0, MANY), .default_value = "1000",
     .help = "iterations between checkpoints; 0: only at the end"},
    {"checkpoint.keep", NULL, RUN, INTEGER(checkpoint.keep, 1, INT32_MAX), .default_value = "3",
     .help = "newest checkpoints that are kept, besides the best"},

    {"samples.every", NULL, RUN, INTEGER(samples.every, 0, MANY), .default_value = "1000",
     .help = "iterations between sample pictures; 0: only at the end"},
    {"samples.count", NULL, RUN, INTEGER(samples.count, 1, 1 << 20), .default_value = "64",
     .help = "samples in a picture"},
    {"samples.ema", NULL, BOOLEAN(samples.ema), .default_value = "yes",
     .help = "draw from the averaged generator where there is one"},

    {"eval.every", NULL, RUN, INTEGER(eval.every, 0, MANY), .default_value = "1000",
     .help = "iterations between evaluations; 0: only at the end"},
    {"eval.samples", NULL, INTEGER(eval.samples, 1, INT32_MAX), .default_value = "2048",
     .help = "samples of each side, real and generated, in an evaluation"},
    {"eval.projections", NULL, INTEGER(eval.projections, 1, 1000000), .default_value = "128",
     .help = "random directions of the sliced Wasserstein distance"},
    {"eval.metrics", NULL, TEXT(eval.metrics), .default_value = "", .value_name = "NAMES",
     .help = "metrics of `evaluate` that evaluations record, too: fcd, kid, ..., or all; empty: none"},
    {"eval.features", NULL, TEXT(eval.features), .default_value = "", .value_name = "FILE",
     .help = "what eval.metrics look at: a network's file, random or none; empty: random for images, none for others"},
    {"eval.best", NULL, TEXT(eval.best), .default_value = "sliced_wasserstein", .value_name = "NAME",
     .help = "best.h5 is the checkpoint with the best of this: sliced_wasserstein, or what eval.metrics records"},

    {"trace.file", "--trace", ONCE, TEXT(trace.file), .default_value = "", .value_name = "FILE",
     .help = "write what every optimiser update computed to this HDF5 file; empty: no trace"},
    {"trace.steps", "--trace-steps", ONCE, INTEGER(trace.steps, 1, MANY), .default_value = "10",
     .help = "optimiser updates to trace, those of both networks counted together"},
};
/* clang-format on */

const int gan_option_count = (int)(sizeof gan_options / sizeof *gan_options);
_Static_assert(sizeof gan_options / sizeof *gan_options <= GAN_OPTIONS_MOST, "gan_config.given has room for each key");

const gan_option *gan_option_find(const char *name) {
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    if (strcmp(option->key, name) == 0 || (option->short_form && strcmp(option->short_form, name) == 0)) return option;
  }
  return NULL;
}

/* The last key of the table whose last word is that of `key`; so "learning_rate" gives the one for both networks. */
static const char *same_last_word(const char *key) {
  const char *dot = strrchr(key, '.');
  const char *word = dot ? dot + 1 : key;
  for (int i = gan_option_count - 1; i >= 0; i--)
    if (strcmp(strchr(gan_options[i].key, '.') + 1, word) == 0) return gan_options[i].key;
  return NULL;
}

const char *gan_option_nearest(const char *key) {
  const char *names[sizeof gan_options / sizeof *gan_options + 1] = {NULL};
  for (int i = 0; i < gan_option_count; i++) names[i] = gan_options[i].key;
  const char *nearest = strchr(key, '.') ? gan_nearest_name(key, names) : same_last_word(key);
  if (nearest) return nearest;
  return strchr(key, '.') ? same_last_word(key) : gan_nearest_name(key, names);
}

const gan_preset *gan_preset_find(const char *name) {
  for (int i = 0; i < gan_preset_count; i++)
    if (strcmp(gan_presets[i].name, name) == 0) return &gan_presets[i];
  return NULL;
}
