/* Edit distance in its restricted form (optimal string alignment), by dynamic programming over three rows. */
#include "base/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* Longer names are never near to anything: what is typed as a name is short. */
enum { LONGEST = 127 };

static int smaller(int a, int b) { return a < b ? a : b; }

static int edit_distance(const char *a, const char *b) {
  const int rows = (int)strlen(a), columns = (int)strlen(b);
  int memory[3][LONGEST + 1];
  int *before_last = memory[0], *last = memory[1], *current = memory[2];
  for (int j = 0; j <= columns; j++) last[j] = j;
  for (int i = 1; i <= rows; i++) {
    const int letter = tolower((unsigned char)a[i - 1]);
    const int letter_before = i > 1 ? tolower((unsigned char)a[i - 2]) : 0;
    current[0] = i;
    for (int j = 1; j <= columns; j++) {
      const int other = tolower((unsigned char)b[j - 1]);
      const int other_before = j > 1 ? tolower((unsigned char)b[j - 2]) : 0;
      current[j] = smaller(last[j - 1] + (letter != other), smaller(last[j], current[j - 1]) + 1);
      if (i > 1 && j > 1 && letter == other_before && letter_before == other)
        current[j] = smaller(current[j], before_last[j - 2] + 1);
    }
    int *const free_row = before_last;
    before_last = last;
    last = current;
    current = free_row;
  }
  return last[columns];
}

const char *gan_nearest_name(const char *name, const char *const *names) {
  const size_t length = strlen(name);
  if (length > LONGEST) return NULL;
  /* Two slips, or one in three letters of a long name; and never as many as there are letters. */
  const int allowed = smaller((int)length - 1, length / 3 > 2 ? (int)length / 3 : 2);
  const char *nearest = NULL;
  int least = INT_MAX;
  for (; *names; names++) {
    if (strlen(*names) > LONGEST) continue;
    const int distance = edit_distance(name, *names);
    if (distance < least) {
      least = distance;
      nearest = *names;
    }
  }
  return least <= allowed ? nearest : NULL;
}
