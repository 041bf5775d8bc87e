#include "base/words.h"

#include <string.h>

static bool have(const char *words, const char *text, size_t length) {
  for (const char *word = words; *word; word += strspn(word, " ")) {
    const size_t word_length = strcspn(word, " ");
    if (word_length == length && strncmp(word, text, length) == 0) return true;
    word += word_length;
  }
  return false;
}

bool gan_words_have(const char *words, const char *word) { return have(words, word, strlen(word)); }

bool gan_words_have_key(const char *words, const char *key) {
  return gan_words_have(words, key) || have(words, key, strcspn(key, "."));
}
