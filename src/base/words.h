/* Lists of words as tables have them: one text, with a space between two words ("alpha epsilon"). */
#ifndef GAN_BASE_WORDS_H
#define GAN_BASE_WORDS_H

#include <stdbool.h>

/* Whether the word is one of them. */
bool gan_words_have(const char *words, const char *word);
/* Whether a key ("data.path") is one of them, or its section ("data"). */
bool gan_words_have_key(const char *words, const char *key);

#endif
