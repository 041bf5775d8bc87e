/* Reading INI files, with inih.

   inih calls back for each key without saying where it is, gives the continuation lines of a value as further calls
   with the same name, and goes on after an error. So the lines go through a reader of our own, which counts them, sees
   whether the line at hand is indented (a continuation) and stops at the first error.

   A line holds 200 bytes in inih as it is usually built. Debian's inih lets that grow at run time by global variables;
   they are declared weak here, so that the program also links with an inih that has none, where longer lines are an
   error like any other. */
#include "config/ini.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "config/value.h"

extern int ini_max_line __attribute__((weak));
extern bool ini_use_stack __attribute__((weak));
extern bool ini_allow_realloc __attribute__((weak));

enum { LINE_LIMIT = 32768, FILE_LIMIT = 1 << 20, KEY_LIMIT = 128 };

typedef struct reading {
  gan_config *config;
  gan_ini_preset preset;
  const char *name; /* what the text calls the run unless it says run.name; NULL: nothing */
  const char *next; /* the line after the one at hand */
  int line;         /* number of the line at hand, from 1 */
  bool indented;    /* it begins with a blank */
  int key_count;    /* keys so far, run.preset included */
  char last_key[KEY_LIMIT];
  int error_line; /* 0: no error yet */
  gan_status status;
} reading;

static bool lines_can_grow(void) { return &ini_max_line && &ini_use_stack && &ini_allow_realloc; }

/* Once per process, before the first line is read. */
static void let_lines_grow(void) {
  if (!lines_can_grow()) return;
  ini_max_line = LINE_LIMIT;
  ini_use_stack = false;
  ini_allow_realloc = true;
}

static gan_status remember(reading *read, gan_status status) {
  if (read->status == GAN_OK) {
    read->status = status;
    read->error_line = read->line;
  }
  return status;
}

/* Bytes of the line at hand and its end, which is a line feed, a carriage return or both: as Unix, old Macs and Windows
   have it. */
static size_t line_bytes(const char *line) {
  const size_t length = strcspn(line, "\r\n");
  return length + (line[length] == '\r' && line[length + 1] == '\n') + (line[length] != '\0');
}

static bool begins_line(const reading *read) {
  if (read->line == 0 || read->next[-1] == '\n') return true;
  return read->next[-1] == '\r' && *read->next != '\n';
}

/* What ends a line for some editors and not here, where all that follows would be part of a comment. */
static const char *const foreign_ends[] = {"\v", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
enum { FOREIGN_ENDS = sizeof foreign_ends / sizeof *foreign_ends };

/* inih passes over comments, and over whatever follows a section's `]`. A comment is all that may stand there, and it
   has to be one to whoever wrote the line, too. */
static gan_status check_ignored(const char *line, size_t length) {
  const char *ignored = memchr(line, ';', length);
  const bool is_section = length > 0 && line[0] == '[';
  if (length > 0 && line[0] == '#') ignored = line;
  const char *close = is_section ? memchr(line, ']', length) : NULL;
  if (close) {
    const size_t rest = length - (size_t)(close + 1 - line), blanks = strspn(close + 1, " \t");
    if (blanks < rest && !strchr(";#", close[1 + blanks]))
      return gan_fail(GAN_BAD_USAGE,
                      "there is text after %.*s: keys begin a line of their own, which ends in a line feed",
                      (int)(close + 1 - line < 80 ? close + 1 - line : 80), line);
    ignored = close;
  }
  for (int i = 0; ignored && i < FOREIGN_ENDS; i++)
    if (memmem(ignored, length - (size_t)(ignored - line), foreign_ends[i], strlen(foreign_ends[i])))
      return gan_fail(GAN_BAD_USAGE,
                      "a comment holds a vertical tab or a Unicode line separator, which ends no line here: write line "
                      "feeds instead");
  return GAN_OK;
}

/* The line behind a mark of UTF-8 at the start of the text, and behind blanks where no value can go on. */
static const char *start_of(const reading *read) {
  const char *line = read->next;
  if (read->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0) line += 3;
  return read->last_key[0] ? line : line + strspn(line, " \t");
}

/* fgets for a text: at most size-1 bytes of the line at hand. inih asks again for the rest of a line where its buffer
   can grow. */
static char *next_line(char *buffer, int size, void *context) {
  reading *read = context;
  if (read->status != GAN_OK || !*read->next) return NULL;
  if (begins_line(read)) {
    read->line++;
    read->indented = isspace((unsigned char)*read->next);
    if (*read->next == '[') read->last_key[0] = '\0'; /* nothing goes on across a new section */
    const size_t length = strcspn(read->next, "\r\n");
    const size_t most = (lines_can_grow() ? LINE_LIMIT : INI_MAX_LINE) - 3; /* for line end and zero byte */
    if (length > most) {
      remember(read,
               gan_fail(GAN_BAD_USAGE, "the line is longer than %zu bytes; layers may go on in indented lines", most));
      return NULL;
    }
    const char *line = start_of(read);
    if (remember(read, check_ignored(line, strcspn(line, "\r\n"))) != GAN_OK) return NULL;
  }
  const size_t rest = line_bytes(read->next);
  const size_t taken = rest < (size_t)size - 1 ? rest : (size_t)size - 1;
  memcpy(buffer, read->next, taken);
  if (taken == rest && buffer[taken - 1] == '\r') buffer[taken - 1] = '\n'; /* which inih looks for */
  buffer[taken] = '\0';
  read->next += taken;
  return buffer;
}

/* Length of a continuation line without a comment at its end; inih cuts comments off first lines only. */
static size_t without_comment(const char *value) {
  for (size_t i = 1; value[i - 1]; i++)
    if (value[i] == ';' && isspace((unsigned char)value[i - 1])) return i;
  return strlen(value);
}

/* A further line of layers: appended to those before. */
static gan_status append_layers(reading *read, const gan_option *option, const char *value) {
  char *before, *both;
  GAN_TRY(gan_option_print(option, read->config, &before));
  const size_t length = without_comment(value), bytes = strlen(before) + length + 2;
  gan_status status = gan_allocate(bytes, 1, "a network's layers", &both);
  if (status == GAN_OK) {
    snprintf(both, bytes, "%s\n%.*s", before, (int)length, value);
    status = gan_option_set(option, read->config, both);
    free(both);
  }
  free(before);
  return status;
}

static gan_status take_preset(reading *read, const gan_option *option, const char *value) {
  if (read->key_count > 1)
    return gan_fail(GAN_BAD_USAGE,
                    "run.preset has to be the first key, since the preset's keys come before all others");
  if (read->preset == GAN_INI_PRESET_OVERRULED) return GAN_OK;
  GAN_TRY(gan_option_set(option, read->config, value));
  return read->name ? gan_config_set(read->config, "run.name", read->name) : GAN_OK;
}

static gan_status take(reading *read, const char *key, const char *value) {
  const bool continued = read->indented && strcmp(key, read->last_key) == 0;
  snprintf(read->last_key, sizeof read->last_key, "%s", key);
  read->key_count += !continued;
  const gan_option *option;
  GAN_TRY(gan_option_find_key(key, &option));
  if (continued && option->type != GAN_OPTION_LAYERS)
    return gan_fail(GAN_BAD_USAGE, "an indented line goes on with %s, which takes one line; unindent a new key", key);
  if (continued) return append_layers(read, option, value);
  if (option->type == GAN_OPTION_PRESET) return take_preset(read, option, value);
  return gan_option_set(option, read->config, value);
}

/* inih's callback: 0 is an error. Keys before the first section are written with their section: run.preset. */
static int handle(void *context, const char *section, const char *name, const char *value) {
  reading *read = context;
  if (read->status != GAN_OK) return 0;
  char key[KEY_LIMIT];
  const int length = snprintf(key, sizeof key, "%s%s%s", section, *section ? "." : "", name);
  if (length < 0 || (size_t)length >= sizeof key)
    return remember(read, gan_fail(GAN_BAD_USAGE, "unknown key %.80s...", key)) == GAN_OK;
  return remember(read, take(read, key, value)) == GAN_OK;
}

static gan_status read_named(gan_config *config, const char *text, const char *origin, gan_ini_preset preset,
                             const char *name) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, let_lines_grow);
  if (name) GAN_TRY(gan_config_set(config, "run.name", name));
  reading read = {.config = config, .preset = preset, .name = name, .next = text};
  const int first_bad_line = ini_parse_stream(next_line, &read, handle, &read);
  if (first_bad_line < 0) return gan_fail(GAN_FAILED, "out of memory: reading %s", origin);
  /* inih alone notices lines of no known form, and goes on behind them. */
  if (first_bad_line > 0 && (read.status == GAN_OK || first_bad_line < read.error_line))
    return gan_fail(GAN_BAD_USAGE, "%s:%d: the line is no [section], key = value or comment", origin, first_bad_line);
  if (read.status != GAN_OK) return gan_fail_prefix(read.status, "%s:%d: ", origin, read.error_line);
  return GAN_OK;
}

gan_status gan_ini_read_text(gan_config *config, const char *text, const char *origin, gan_ini_preset preset) {
  return read_named(config, text, origin, preset, NULL);
}

/* Seconds until a pipe has to have come to its end: one that nobody writes to would keep its reader waiting for ever.
 */
enum { PIPE_TIME = 60 };

/* Whether there is something to be read, or the end, before the time `until`. */
static bool wait_for_bytes(int descriptor, double until) {
  const double left = until - gan_seconds();
  struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
  return left > 0 && poll(&wanted, 1, (int)(1000 * left) + 1) != 0;
}

/* Up to `most` bytes of a file, which may be a pipe (`gan_dist <(...)`); *got is less at its end only. 0 or an errno.
 */
static int read_bytes(int descriptor, size_t most, char *text, size_t *got) {
  const double until = gan_seconds() + PIPE_TIME;
  for (*got = 0; *got < most;) {
    if (!wait_for_bytes(descriptor, until)) return ETIMEDOUT;
    const ssize_t count = read(descriptor, text + *got, most - *got);
    if (count < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (count == 0) break;
    if (count > 0) *got += (size_t)count;
  }
  return 0;
}

static gan_status fail_read(const char *path, int error) {
  return gan_fail(GAN_BAD_FILE, "%s: cannot read the configuration: %s", path,
                  error == ETIMEDOUT ? "nobody has written it to its end within a minute" : strerror(error));
}

/* UTF-16 and UTF-32 have a zero byte in each plain letter; a text in them begins with a byte order mark or a letter. */
static bool is_wide_text(const char *text, size_t bytes) {
  if (bytes < 2) return false;
  return memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 || (!text[0] != !text[1]);
}

static gan_status fail_wide_text(const char *path) {
  return gan_fail(GAN_BAD_FILE,
                  "%s is text in UTF-16 or UTF-32; save it as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE > CONFIG.ini)",
                  path);
}

/* A checkpoint, perhaps. Its run has written beside it what else it takes to go on. */
static gan_status fail_binary(const char *path) {
  char beside[PATH_MAX];
  const char *slash = strrchr(path, '/');
  const int length = snprintf(beside, sizeof beside, "%.*sconfig.ini", slash ? (int)(slash - path) + 1 : 0, path);
  const bool found = length > 0 && (size_t)length < sizeof beside && access(beside, R_OK) == 0;
  return gan_fail(GAN_BAD_FILE,
                  "%s is no configuration but a binary file (to go on from a checkpoint: gan_dist %s --resume=%s)",
                  path, found ? beside : "CONFIG.ini", path);
}

gan_status gan_ini_read_whole(const char *path, char **text) {
  const int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return fail_read(path, errno);
  size_t bytes = 0;
  gan_status status = gan_allocate(FILE_LIMIT + 1, 1, "a configuration file", text);
  const int error = status == GAN_OK ? read_bytes(descriptor, FILE_LIMIT + 1, *text, &bytes) : 0;
  close(descriptor);
  GAN_TRY(status);
  if (error)
    status = fail_read(path, error);
  else if (bytes > FILE_LIMIT)
    status = gan_fail(GAN_BAD_FILE, "%s is no configuration: it is larger than %d bytes", path, (int)FILE_LIMIT);
  else if (memchr(*text, 0, bytes))
    status = is_wide_text(*text, bytes) ? fail_wide_text(path) : fail_binary(path);
  if (status == GAN_OK)
    (*text)[bytes] = '\0';
  else
    free(*text);
  return status;
}

/* "configs/ring8.ini" -> "ring8". */
static gan_status base_name(const char *path, char **name) {
  const char *slash = strrchr(path, '/');
  GAN_TRY(gan_duplicate(slash ? slash + 1 : path, name));
  const size_t length = strlen(*name);
  if (length > 4 && strcmp(*name + length - 4, ".ini") == 0) (*name)[length - 4] = '\0';
  return GAN_OK;
}

gan_status gan_ini_read_file(gan_config *config, const char *path, gan_ini_preset preset) {
  char *text, *name;
  GAN_TRY(base_name(path, &name));
  gan_status status = gan_ini_read_whole(path, &text);
  if (status == GAN_OK) {
    status = read_named(config, text, path, preset, name);
    free(text);
  }
  free(name);
  return status;
}
