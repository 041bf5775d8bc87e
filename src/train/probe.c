#include "train/probe.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "data/source.h"
#include "store/kind.h"
#include "store/metrics.h"
#include "train/internal.h"

static bool resumes_from_file(const gan_config *config) {
  return strcmp(config->run.resume, "no") != 0 && strcmp(config->run.resume, "yes") != 0;
}

/* The folder that the run goes on in. */
static gan_status find_folder(const gan_config *config, char folder[PATH_MAX]) {
  const char *from = config->run.resume, *slash = strrchr(from, '/');
  folder[0] = '\0';
  if (strcmp(from, "no") == 0) return GAN_OK;
  if (config->run.dir[0] || !resumes_from_file(config)) return gan_folder_choose(config, folder);
  snprintf(folder, PATH_MAX, "%.*s", slash ? (int)(slash - from) : 1, slash ? from : ".");
  return GAN_OK;
}

gan_status gan_training_probe(const gan_config *config) {
  char folder[PATH_MAX], path[PATH_MAX + 32];
  GAN_TRY(gan_source_probe(&config->data));
  if (resumes_from_file(config)) gan_file_kind_try(config->run.resume);
  GAN_TRY(find_folder(config, folder));
  if (!folder[0]) return GAN_OK;
  snprintf(path, sizeof path, "%s/metrics.h5", folder);
  if (gan_metrics_probe(path) != GAN_OK) gan_error_set(""); /* remembered for the trainer, to which it is no error */
  return GAN_OK;
}
