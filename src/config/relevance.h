/* Which keys have an effect: some count only where another key has certain values. What somebody gave in vain he wants
   to know before hours of training, not after. */
#ifndef GAN_CONFIG_RELEVANCE_H
#define GAN_CONFIG_RELEVANCE_H

#include "config/config.h"

/* Whether an option has an effect beside the configuration's other values. */
bool gan_option_counts(const gan_option *option, const gan_config *config);

/* Looks at each key that has no effect and has not its default. GAN_BAD_USAGE when it was given itself (INI file,
   environment, command line): the message names it, the key that decides with its value, and what would help. Otherwise
   it is put to its default, so that a config.ini written from here on can be used as it is; those that a preset or the
   run so far brought are listed in *idle, "loss.label_smoothing (loss.name = wasserstein), ..", owned by the caller, ""
   for none. Of two keys that say one thing in two ways, one that nobody gave is without effect beside one that was. */
gan_status gan_config_settle(gan_config *config, char **idle) GAN_CHECKED;

#endif
