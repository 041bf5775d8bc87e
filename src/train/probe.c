#include "train/probe.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "data/source.h"
#include "store/metrics.h"

/* The folder that the run goes on in, as far as it was named; others the trainer finds, and tries their metrics. */
static gan_status find_folder(const gan_config *config, char folder[PATH_MAX]) {
  const char *from = config->run.resume, *slash = strrchr(from, '/');
  folder[0] = '\0';
  if (strcmp(from, "no") == 0) return GAN_OK;
  if (config->run.dir[0]) return gan_config_folder(config, folder);
  if (strcmp(from, "yes") == 0) return GAN_OK;
  snprintf(folder, PATH_MAX, "%.*s", slash ? (int)(slash - from) : 1, slash ? from : ".");
  return GAN_OK;
}

gan_status gan_training_probe(const gan_config *config) {
  char folder[PATH_MAX], path[PATH_MAX + 32];
  GAN_TRY(gan_source_probe(&config->data));
  GAN_TRY(find_folder(config, folder));
  if (!folder[0]) return GAN_OK;
  snprintf(path, sizeof path, "%s/metrics.h5", folder);
  if (gan_metrics_probe(path) != GAN_OK) gan_error_set(""); /* remembered for the trainer, to which it is no error */
  return GAN_OK;
}
