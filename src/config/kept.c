/* A run and its starts: what of a configuration config.ini and checkpoints keep, and what a start that goes on takes
   over from there.

   Whoever goes on with a run expects it to stay what it was in all that he does not ask for otherwise, even if he gave
   an option at the first start alone, or a newer program has other defaults. So the checkpoint's configuration stands
   in for the built-in defaults, key by key. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"

void gan_config_count_as_default(gan_config *config) { memset(config->given, 0, sizeof config->given); }

static bool is_taken_over(const gan_option *option) { return option->scope <= GAN_SCOPE_RUN; }

gan_status gan_config_take_over(gan_config *config, const gan_config *from) {
  gan_status status = GAN_OK;
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++)
    if (is_taken_over(&gan_options[i]) && !config->given[i]) status = gan_option_copy(&gan_options[i], from, config);
  return status;
}

gan_status gan_config_print_run(const gan_config *config, char **text) {
  gan_config *run = NULL;
  GAN_TRY(gan_config_copy(config, &run));
  gan_status status = GAN_OK;
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++)
    if (gan_options[i].scope == GAN_SCOPE_ONCE && gan_options[i].type != GAN_OPTION_PRESET)
      status = gan_option_set(&gan_options[i], run, gan_options[i].default_value);
  if (status == GAN_OK) status = gan_config_print(run, text);
  gan_config_destroy(run);
  return status;
}
