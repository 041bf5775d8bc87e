/* The table of metrics: rows are added here and nowhere else. */
#include <string.h>

#include "eval/metric.h"
#include "eval/metric_rows.h"

const gan_metric *const gan_metrics[] = {
    &gan_metric_frechet,
    &gan_metric_kid,
    &gan_metric_classifier_score,
    &gan_metric_precision_recall,
    &gan_metric_memorisation,
    &gan_metric_modes,
    &gan_metric_label_accuracy,
    &gan_metric_swd,
    &gan_metric_ks,
    &gan_metric_correlation_difference,
    &gan_metric_auc,
    &gan_metric_separation,
};
const int gan_metric_count = sizeof gan_metrics / sizeof *gan_metrics;

const gan_metric *gan_metric_find(const char *name, int *value) {
  for (int row = 0; row < gan_metric_count; row++)
    for (int i = 0; i < GAN_METRIC_VALUES && gan_metrics[row]->values[i].name; i++) {
      if (strcmp(gan_metrics[row]->values[i].name, name) != 0) continue;
      *value = i;
      return gan_metrics[row];
    }
  return NULL;
}
