#include "cli/outputs.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/folder.h"
#include "store/kind.h"

typedef struct output {
  const char *option, *path; /* "-o"; NULL or "": there is none */
} output;

static gan_status compare(output written, const char *input) {
  if (!written.path || !written.path[0] || !input || !input[0] || !gan_same_file(written.path, input)) return GAN_OK;
  if (strcmp(written.path, input) == 0)
    return gan_fail(GAN_BAD_USAGE, "%s %s is a file that is read: name another one", written.option, written.path);
  return gan_fail(GAN_BAD_USAGE, "%s %s is the same file as %s, which is read: name another one", written.option,
                  written.path, input);
}

static gan_status compare_data(output written, const char *path) {
  GAN_TRY(compare(written, path));
  if (!written.path || !written.path[0] || !path || !path[0] || !gan_folder_has(path, written.path)) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s %s is a file of the data in %s: name another one", written.option, written.path,
                  path);
}

static bool uses(const gan_command *command, const char *key) {
  return gan_command_uses(command, gan_option_find(key));
}

static gan_status compare_all(const gan_command *command, const gan_arguments *arguments, output written) {
  const gan_config *config = arguments->config;
  GAN_TRY(compare(written, arguments->ini));
  for (int i = 0; i < arguments->positional_count; i++) GAN_TRY(compare(written, arguments->positional[i]));
  if (uses(command, "run.resume")) GAN_TRY(compare(written, config->run.resume));
  if (!uses(command, "data.path")) return GAN_OK;
  GAN_TRY(compare_data(written, config->data.path));
  GAN_TRY(compare(written, config->data.labels));
  return compare(written, config->data.weights);
}

/* What the command's own flag names. */
static output own_output(const gan_command *command, const gan_arguments *arguments) {
  return (output){command->writes, command->writes ? gan_argument(arguments, command->writes) : NULL};
}

gan_status gan_arguments_check_outputs(const gan_command *command, const gan_arguments *arguments) {
  if (gan_command_only_prints(command, arguments)) return GAN_OK;
  GAN_TRY(compare_all(command, arguments, (output){"-o", arguments->output}));
  GAN_TRY(compare_all(command, arguments, own_output(command, arguments)));
  if (!uses(command, "trace.file")) return GAN_OK;
  return compare_all(command, arguments, (output){"--trace", arguments->config->trace.file});
}

void gan_arguments_try_outputs(const gan_command *command, const gan_arguments *arguments) {
  if (gan_command_only_prints(command, arguments)) return;
  const output own = own_output(command, arguments);
  if (arguments->output) gan_file_kind_try(arguments->output);
  if (own.path && own.path[0]) gan_file_kind_try(own.path);
  if (uses(command, "trace.file") && arguments->config->trace.file[0]) gan_file_kind_try(arguments->config->trace.file);
}

bool gan_name_ends_in(const char *name, const char *ending) {
  const size_t length = strlen(name), end = strlen(ending);
  return length > end && strcasecmp(name + length - end, ending) == 0;
}

bool gan_is_hdf5_name(const char *name) { return gan_name_ends_in(name, ".h5") || gan_name_ends_in(name, ".hdf5"); }
