/* The configuration of a run: the keys of `gan_dist config`, set by name. */
#ifndef GAN_DIST_CONFIG_H
#define GAN_DIST_CONFIG_H

#include "gan_dist/status.h"

typedef struct gan_config gan_config;

/* A configuration with the built-in defaults. Owned by the caller. */
GAN_API gan_status gan_config_create(gan_config **config) GAN_CHECKED;
GAN_API void gan_config_destroy(gan_config *config);

/* Sets `section.key` from its text form. GAN_BAD_USAGE for an unknown key (the nearest is offered), a value that does
   not parse, or one out of range. */
GAN_API gan_status gan_config_set(gan_config *config, const char *key, const char *value) GAN_CHECKED;

/* Takes over every key of a preset ("ring8"), or of an INI file. */
GAN_API gan_status gan_config_use_preset(gan_config *config, const char *name) GAN_CHECKED;
GAN_API gan_status gan_config_read_file(gan_config *config, const char *path) GAN_CHECKED;
/* Takes over keys from INI text; `origin` names it in errors. */
GAN_API gan_status gan_config_read_text(gan_config *config, const char *text, const char *origin) GAN_CHECKED;

/* The value of a key as text, owned by the caller (free()). */
GAN_API gan_status gan_config_get(const gan_config *config, const char *key, char **value) GAN_CHECKED;
/* The whole configuration as INI text, owned by the caller (free()). */
GAN_API gan_status gan_config_print(const gan_config *config, char **text) GAN_CHECKED;

#endif
