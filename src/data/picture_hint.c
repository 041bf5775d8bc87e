#include "data/picture_hint.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/quote.h"

/* Enough to tell what a folder is for; it may hold millions. */
enum { ENTRIES_MOST = 2000, DEPTH = 1 };

typedef struct found_pictures {
  int looked_at;
  bool png, other; /* formats that convert reads, and that it does not */
} found_pictures;

bool gan_is_other_picture(const char *name) {
  static const char *const others[] = {"jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "ppm"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; dot && i < sizeof others / sizeof *others; i++)
    if (strcasecmp(dot + 1, others[i]) == 0) return true;
  return false;
}

/* The endings are those above; links are followed as convert follows them. */
const char *gan_picture_remedy(const char *folder, char out[GAN_PICTURE_REMEDY]) {
  char quoted[GAN_QUOTED];
  snprintf(
      out, GAN_PICTURE_REMEDY,
      "find -L %s -type f -iregex '.*[.]\\(jpe?g\\|webp\\|bmp\\|gif\\|tiff?\\|ppm\\)' -exec mogrify -format png {} +",
      gan_quote(folder, sizeof quoted, quoted));
  return out;
}

static void look_at_name(const char *name, found_pictures *found) {
  const char *dot = strrchr(name, '.');
  found->png = found->png || (dot && strcasecmp(dot + 1, "png") == 0);
  found->other = found->other || gan_is_other_picture(name);
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
      look_at_name(entry->d_name, found);
  }
  if (folder) closedir(folder);
}

gan_status gan_hint_at_pictures(const char *option, const char *path, gan_status status) {
  found_pictures found = {.looked_at = 0};
  struct stat about;
  if (stat(path, &about) != 0) return status;
  const bool folder = S_ISDIR(about.st_mode);
  if (folder)
    look_into_folder(path, DEPTH, &found);
  else
    look_at_name(path, &found);
  if (!found.png && !found.other) return status;
  const char *named = folder ? path : "FOLDER";
  char before[GAN_PICTURE_REMEDY + 128] = "", remedy[GAN_PICTURE_REMEDY], quoted[GAN_QUOTED];
  if (found.other)
    snprintf(before, sizeof before,
             " (convert reads PNG and IDX; before, make PNG of the others, as ImageMagick does: \"%s\")",
             gan_picture_remedy(named, remedy));
  return gan_fail(status,
                  "%s%s is a %s; training reads a data set made of a folder of them: \"gan_dist convert %s -o "
                  "data.h5 --size 64\"%s, then --data.source=hdf5 --data.path=data.h5",
                  option, path, folder ? "folder of pictures" : "picture", gan_quote(named, sizeof quoted, quoted),
                  before);
}
