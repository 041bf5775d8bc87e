/* INI files and texts. One that is taken is printed as a text that is taken, too, and means the same. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/ini.h"
#include "fuzz/fuzz.h"

const bool fuzz_passes_hdf5 = false;
const char *const fuzz_words[] = {"[run]",       "[critic]",
                                  "[optimizer]", "layers =\n  dense 3\n",
                                  "\n  relu",    "preset = ring8",
                                  "seed = -1",   "=",
                                  ":",           "\n",
                                  "\r\n",        " ; comment",
                                  "# comment",   "1e308",
                                  "nan",         "inf",
                                  "-0",          "0x10",
                                  "yes",         "\xef\xbb\xbf",
                                  "\t",          "batch = 9007199254740993",
                                  NULL};

/* The presets: all of what a configuration can say. */
size_t fuzz_seed(int index, uint8_t *data) {
  if (index >= gan_preset_count) return 0;
  const size_t size = strlen(gan_presets[index].text);
  fuzz_require(size < FUZZ_INPUT_MOST, "room for a preset");
  memcpy(data, gan_presets[index].text, size);
  return size;
}

static char *print(const gan_config *config) {
  char *text = NULL;
  fuzz_require(gan_config_print(config, &text) == GAN_OK, "a configuration that can be printed");
  return text;
}

static gan_config *make(void) {
  gan_config *config = NULL;
  fuzz_require(gan_config_create(&config) == GAN_OK, "a configuration");
  return config;
}

static void check_text(const char *text) {
  gan_config *config = make(), *again = make();
  if (fuzz_accepted(gan_ini_read_text(config, text, "input", GAN_INI_PRESET_TAKEN), GAN_BAD_USAGE)) {
    char *printed = print(config);
    if (gan_ini_read_text(again, printed, "printed", GAN_INI_PRESET_TAKEN) != GAN_OK)
      fuzz_require(false, gan_error_message());
    char *twice = print(again);
    fuzz_require(strcmp(printed, twice) == 0, "what is printed, and read, is the same when printed again");
    fuzz_reached_the_end();
    free(twice);
    free(printed);
  }
  gan_config_destroy(again);
  gan_config_destroy(config);
}

static void check_file(const uint8_t *data, size_t size) {
  gan_config *config = make();
  const gan_status status = gan_ini_read_file(config, fuzz_file(data, size), GAN_INI_PRESET_TAKEN);
  fuzz_accepted(status == GAN_BAD_USAGE ? GAN_BAD_FILE : status, GAN_BAD_FILE);
  gan_config_destroy(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  fuzz_require(text != NULL, "memory");
  memcpy(text, data, size);
  text[size] = '\0';
  check_text(text);
  check_file(data, size);
  free(text);
  return 0;
}
