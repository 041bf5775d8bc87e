/* INI files and texts as configurations. */
#ifndef GAN_CONFIG_INI_H
#define GAN_CONFIG_INI_H

#include "config/config.h"

/* What a text's `run.preset` does: it takes the preset's keys over, or nothing since a preset of higher precedence (the
   command line's) has been taken over already. */
typedef enum gan_ini_preset { GAN_INI_PRESET_TAKEN, GAN_INI_PRESET_OVERRULED } gan_ini_preset;

/* Takes over keys from INI text. The first error ends it, with "ORIGIN:LINE: " in front; keys before it are set. */
gan_status gan_ini_read_text(gan_config *config, const char *text, const char *origin,
                             gan_ini_preset preset) GAN_CHECKED;

/* Takes over keys from an INI file, and, unless it says run.name, its base name as the run's name. GAN_BAD_FILE when it
   cannot be read or is no text. */
gan_status gan_ini_read_file(gan_config *config, const char *path, gan_ini_preset preset) GAN_CHECKED;

/* An INI file's text as it is, owned by the caller. GAN_BAD_FILE as above. */
gan_status gan_ini_read_whole(const char *path, char **text) GAN_CHECKED;

#endif
