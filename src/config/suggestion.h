/* What somebody meant who gave a key that there is not: another program's name of it, or a slip of the pen. */
#ifndef GAN_CONFIG_SUGGESTION_H
#define GAN_CONFIG_SUGGESTION_H

#include "config/config.h"

typedef struct gan_suggestion {
  const gan_option *option; /* NULL: there is no such option */
  bool renamed;             /* the option is known to be what was meant; otherwise it is merely near */
  const char *note;         /* what to know or do besides, or instead; NULL: nothing */
} gan_suggestion;

/* What an unknown key, "section.key" or "key", may stand for. Upper and lower case, "_" and "-" make no difference. */
gan_suggestion gan_suggest(const char *key);
/* The same for what an environment variable is called, "SECTION_KEY" or "KEY". */
gan_suggestion gan_suggest_for_variable(const char *name);

enum { GAN_SUGGESTION_TEXT = 320 };
/* "; here it is NAME", "; did you mean NAME?", with the note or the note alone, or "": the end of an error message,
   into a text of GAN_SUGGESTION_TEXT bytes; returns it. `name` is how the option is written where the error was made.
 */
char *gan_suggestion_print(const gan_suggestion *suggestion, const char *name, char *text);

#endif
