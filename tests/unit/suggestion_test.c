/* What other programs call an option leads to the option, wherever it is written. The names are those of the programs
   named in each row, looked up there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

/* cmocka.h needs the three above before it. */
#include <cmocka.h>
#include <string.h>

#include "config/config.h"
#include "config/suggestion.h"

static void other_programs_names_lead_to_the_option(void **state) {
  (void)state;
  static const char *const names[][2] = {
      /* ADA and DiffAugment */
      {"augment.probability", "augment.strength"},
      {"augment.ops", "augment.operations"},
      {"train.gradient_accumulation", "train.accumulate"},
      /* torch.optim */
      {"lr", "optimizer.learning_rate"},
      {"optimizer.lr", "optimizer.learning_rate"},
      {"optim.eps", "optimizer.epsilon"},
      {"weight-decay", "optimizer.weight_decay"},
      {"momentum", "optimizer.momentum"},
      /* PyTorch's examples/dcgan */
      {"batchSize", "train.batch"},
      {"nz", "generator.latent"},
      {"niter", "run.iterations"},
      {"manualSeed", "run.seed"},
      {"outf", "run.dir"},
      {"dataroot", "data.path"},
      {"netG", "generator.layers"},
      /* The first WGAN's program */
      {"clamp_upper", "critic.clip"},
      {"gp_lambda", "critic.gradient_penalty"},
      {"max_grad_norm", "critic.gradient_clip"},
      {"generator.clip_grad_norm", "generator.gradient_clip"},
      {"Diters", "train.n_critic"},
      {"lrD", "critic.learning_rate"},
      {"lrG", "generator.learning_rate"},
      /* StudioGAN's configurations */
      {"OPTIMIZATION.g_lr", "generator.learning_rate"},
      {"OPTIMIZATION.d_lr", "critic.learning_rate"},
      {"OPTIMIZATION.batch_size", "train.batch"},
      {"OPTIMIZATION.d_updates_per_step", "train.n_critic"},
      {"OPTIMIZATION.total_steps", "run.iterations"},
      {"MODEL.z_dim", "generator.latent"},
      {"MODEL.apply_d_sn", "critic.spectral_norm"},
      {"LOSS.adv_loss", "loss.name"},
      /* TF-GAN and Keras */
      {"noise_dims", "generator.latent"},
      {"num_steps", "run.iterations"},
      {"max_number_of_steps", "run.iterations"},
      {"epochs", "run.iterations"},
      {"learning_rate", "optimizer.learning_rate"},
      {"beta_1", "optimizer.beta1"},
      {"latent_dim", "generator.latent"},
      /* A section's own, where it has one. */
      {"generator.lr", "generator.learning_rate"},
      {"discriminator.lr", "critic.learning_rate"},
      {"train.lr", "optimizer.learning_rate"},
      {"bn.eps", "batch_norm.epsilon"},
      {"Discriminator.Layers", "critic.layers"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const gan_suggestion found = gan_suggest(names[i][0]);
    if (!found.option || !found.renamed || strcmp(found.option->key, names[i][1]) != 0)
      fail_msg("%s leads to %s", names[i][0], found.option ? found.option->key : "nothing");
  }
}

static void variables_lead_to_the_option(void **state) {
  (void)state;
  static const char *const names[][2] = {
      {"LR", "optimizer.learning_rate"},     {"OPTIMIZER_LR", "optimizer.learning_rate"},
      {"CRITIC_LR", "critic.learning_rate"}, {"TRAIN_BATCH_SIZE", "train.batch"},
      {"Z_DIM", "generator.latent"},         {"BATCH_NORM_EPS", "batch_norm.epsilon"},
      {"TRAIN_BATCHES", "train.batch"},      {"BATCH", "train.batch"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const gan_suggestion found = gan_suggest_for_variable(names[i][0]);
    if (!found.option || strcmp(found.option->key, names[i][1]) != 0)
      fail_msg("%s leads to %s", names[i][0], found.option ? found.option->key : "nothing");
  }
}

static void what_works_otherwise_is_told(void **state) {
  (void)state;
  static const char *const notes[][2] = {
      {"betas", "optimizer.beta1 and optimizer.beta2"}, {"gpus", "mpirun -np"},
      {"apply_g_sn", "the word spectral_norm"},         {"imageSize", "generator.layers"},
      {"num_workers", "nothing is to be set"},
  };
  for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
    char text[GAN_SUGGESTION_TEXT];
    const gan_suggestion found = gan_suggest(notes[i][0]);
    assert_null(found.option);
    assert_non_null(strstr(gan_suggestion_print(&found, "", text), notes[i][1]));
  }
}

static void errors_end_with_the_suggestion(void **state) {
  (void)state;
  gan_config *config;
  assert_int_equal(gan_config_create(&config), GAN_OK);
  assert_int_equal(gan_config_set(config, "optimizer.lr", "1"), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(), "unknown key optimizer.lr; here it is optimizer.learning_rate");
  assert_int_equal(gan_config_set(config, "train.epochs", "1"), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(),
                      "unknown key train.epochs; here it is run.iterations, counted in iterations: an epoch is samples "
                      "/ (train.batch * train.n_critic) of them");
  assert_int_equal(gan_config_set(config, "train.bacth", "1"), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(), "unknown key train.bacth; did you mean train.batch?");
  assert_int_equal(gan_config_set(config, "qqqqqqqq", "1"), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(), "unknown key qqqqqqqq");
  gan_config_destroy(config);
}

/* Whatever is typed is no harm. */
static void nothing_is_too_long(void **state) {
  (void)state;
  char key[10000];
  memset(key, 'a', sizeof key - 1);
  key[sizeof key - 1] = '\0';
  for (size_t dot = 0; dot < sizeof key; dot += 37) {
    key[dot] = '.';
    const gan_suggestion found = gan_suggest(key), of_variable = gan_suggest_for_variable(key);
    assert_null(found.note);
    assert_null(of_variable.note);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(other_programs_names_lead_to_the_option),
      cmocka_unit_test(variables_lead_to_the_option),
      cmocka_unit_test(what_works_otherwise_is_told),
      cmocka_unit_test(errors_end_with_the_suggestion),
      cmocka_unit_test(nothing_is_too_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
