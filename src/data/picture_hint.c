#include "data/picture_hint.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* Enough to tell what a folder is for; it may hold millions. */
enum { ENTRIES_MOST = 2000, DEPTH = 1 };

typedef struct found_pictures {
  int looked_at;
  bool png, other;       /* formats that convert reads, and that it does not */
  char folder[PATH_MAX]; /* of the first other one */
  char ending[8];        /* of the first other one */
} found_pictures;

static void look_at_name(const char *folder, const char *name, found_pictures *found) {
  static const char *const others[] = {"jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "ppm"};
  const char *dot = strrchr(name, '.');
  if (!dot) return;
  found->png = found->png || strcasecmp(dot + 1, "png") == 0;
  for (size_t i = 0; i < sizeof others / sizeof *others && !found->other; i++)
    if (strcasecmp(dot + 1, others[i]) == 0) {
      found->other = true;
      snprintf(found->folder, sizeof found->folder, "%s", folder);
      snprintf(found->ending, sizeof found->ending, "%s", dot + 1);
    }
}

static void look_into_folder(const char *path, int depth, found_pictures *found) {
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && found->looked_at < ENTRIES_MOST && (entry = readdir(folder));) {
    char inside[PATH_MAX];
    struct stat about;
    if (entry->d_name[0] == '.') continue;
    found->looked_at++;
    const bool fits = snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name) < (int)sizeof inside;
    if (fits && depth > 0 && stat(inside, &about) == 0 && S_ISDIR(about.st_mode))
      look_into_folder(inside, depth - 1, found);
    else
      look_at_name(path, entry->d_name, found);
  }
  if (folder) closedir(folder);
}

gan_status gan_hint_at_pictures(const char *path, gan_status status) {
  found_pictures found = {.looked_at = 0};
  struct stat about;
  if (stat(path, &about) != 0) return status;
  const bool folder = S_ISDIR(about.st_mode);
  if (folder)
    look_into_folder(path, DEPTH, &found);
  else
    look_at_name(".", path, &found);
  if (!found.png && !found.other) return status;
  char before[PATH_MAX + 128] = "";
  if (!found.png && folder)
    snprintf(before, sizeof before,
             " (convert reads PNG and IDX: before, make PNG of %s, as ImageMagick's \"mogrify "
             "-format png %s/*.%s\" does)",
             found.ending, found.folder, found.ending);
  else if (!found.png)
    snprintf(before, sizeof before, " (convert reads PNG and IDX, not %s)", found.ending);
  return gan_fail(status,
                  "data.path: %s is a %s; training reads a data set made of a folder of them: \"gan_dist convert %s -o "
                  "data.h5 --size 64\"%s, then --data.source=hdf5 --data.path=data.h5",
                  path, folder ? "folder of pictures" : "picture", folder ? path : "FOLDER", before);
}
