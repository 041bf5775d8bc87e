/* What a mistyped name was meant to be. */
#ifndef GAN_BASE_NEAREST_H
#define GAN_BASE_NEAREST_H

/* The known name nearest to a mistyped one by edit distance (insertions, deletions, substitutions and swaps of
   neighbours, upper and lower case alike), the first of several equally near, or NULL when none is near. names:
   NULL-terminated; the result is one of them. */
const char *gan_nearest_name(const char *name, const char *const *names);

#endif
