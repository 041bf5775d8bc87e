/* Checkpoints: attributes, and a table of all tensors. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "cli/inspect.h"
#include "store/checkpoint.h"

typedef struct tensor_row {
  char path[GAN_TENSOR_PATH];
  gan_tensor_summary summary; /* its path is borrowed by the visitor and not kept */
} tensor_row;

typedef struct tensor_table {
  size_t count, capacity;
  tensor_row *rows;
  gan_status status; /* of the visits so far */
} tensor_table;

static gan_status grow(tensor_table *table) {
  const size_t capacity = table->capacity ? 2 * table->capacity : 64;
  tensor_row *rows = NULL;
  GAN_TRY(gan_allocate(capacity, sizeof *rows, "the table of tensors", &rows));
  if (table->count) memcpy(rows, table->rows, table->count * sizeof *rows);
  free(table->rows);
  table->rows = rows;
  table->capacity = capacity;
  return GAN_OK;
}

static void collect(void *context, const gan_tensor_summary *tensor) {
  tensor_table *table = context;
  if (table->status == GAN_OK && table->count == table->capacity) table->status = grow(table);
  if (table->status != GAN_OK) return;
  tensor_row *row = &table->rows[table->count++];
  snprintf(row->path, sizeof row->path, "%s", tensor->path);
  row->summary = *tensor;
}

static void print_table(const tensor_table *table) {
  char text[GAN_SHAPE_TEXT];
  int path_width = 0, shape_width = 0;
  int64_t values = 0;
  for (size_t i = 0; i < table->count; i++) {
    const int path_length = (int)strlen(table->rows[i].path);
    const int shape_length = (int)strlen(gan_shape_print(&table->rows[i].summary.shape, text));
    path_width = path_length > path_width ? path_length : path_width;
    shape_width = shape_length > shape_width ? shape_length : shape_width;
    values += gan_shape_count(&table->rows[i].summary.shape);
  }
  printf("\n%zu tensors, %" PRId64 " values\n", table->count, values);
  printf("  %-*s  %-*s %12s %12s %12s %12s\n", path_width, "", shape_width, "shape", "minimum", "maximum", "mean",
         "deviation");
  for (size_t i = 0; i < table->count; i++) {
    const gan_tensor_summary *tensor = &table->rows[i].summary;
    printf("  %-*s  %-*s %12.4g %12.4g %12.4g %12.4g\n", path_width, table->rows[i].path, shape_width,
           gan_shape_print(&tensor->shape, text), gan_shown(tensor->minimum), gan_shown(tensor->maximum),
           gan_shown(tensor->mean), gan_shown(tensor->standard_deviation));
  }
}

static void print_gan(const gan_checkpoint *checkpoint) {
  printf("  critic steps      %" PRId64 "\n", checkpoint->critic_steps);
  printf("  generator steps   %" PRId64 "\n", checkpoint->generator_steps);
  if (isnan(checkpoint->best))
    printf("  best evaluation   none yet\n");
  else
    printf("  best evaluation   %.6g\n", gan_shown(checkpoint->best));
}

static void print_classifier(const gan_checkpoint_classifier *classifier) {
  printf("  trained on        %s\n", classifier->trained_on);
  printf("  classes           %" PRId64 "\n", classifier->classes);
  printf("  features after    %" PRId64 " layers\n", classifier->feature_layers);
  if (!isnan(classifier->accuracy))
    printf("  accuracy          %.2f %% of %" PRId64 " test samples\n", 100 * classifier->accuracy,
           classifier->test_samples);
}

static const char *kind_of(const gan_checkpoint *checkpoint) {
  return checkpoint->classifier.layers ? "classifier" : "checkpoint";
}

static void print_text(const char *path, const char *hash, const gan_checkpoint *checkpoint, const tensor_table *table,
                       bool config) {
  char text[GAN_SHAPE_TEXT];
  printf("%s %s\n", kind_of(checkpoint), path);
  printf("verified: every checksum holds\n\n");
  printf("  iteration         %" PRId64 "\n", checkpoint->iteration);
  if (checkpoint->classifier.layers)
    print_classifier(&checkpoint->classifier);
  else
    print_gan(checkpoint);
  printf("  shards            %d\n", checkpoint->shards);
  printf("  seed              %" PRIu64 "\n", checkpoint->seed);
  printf("  data shape        %s\n", gan_shape_print(&checkpoint->data_shape, text));
  printf("  data fingerprint  %016" PRIx64 "\n", checkpoint->data_fingerprint);
  printf("  hash              %s\n", hash);
  printf("  program version   %s\n", checkpoint->program_version);
  printf("  backend           %s\n", checkpoint->backend[0] ? checkpoint->backend : "unknown");
  print_table(table);
  if (config)
    printf("\nconfiguration\n%s", checkpoint->config);
  else
    printf("\n-v shows the configuration\n");
}

static void add_gan(struct json_object *object, const gan_checkpoint *checkpoint) {
  gan_json_add_integer(object, "critic_steps", checkpoint->critic_steps);
  gan_json_add_integer(object, "generator_steps", checkpoint->generator_steps);
  gan_json_add(object, "best", gan_json_number(checkpoint->best));
}

static void add_classifier(struct json_object *object, const gan_checkpoint_classifier *classifier) {
  gan_json_add_text(object, "trained_on", classifier->trained_on);
  gan_json_add_text(object, "layers", classifier->layers);
  gan_json_add_integer(object, "feature_layers", classifier->feature_layers);
  gan_json_add_integer(object, "classes", classifier->classes);
  gan_json_add(object, "accuracy", gan_json_number(classifier->accuracy));
  gan_json_add_integer(object, "test_samples", classifier->test_samples);
}

static void print_json(const char *path, const char *hash, const gan_checkpoint *checkpoint,
                       const tensor_table *table) {
  char fingerprint[17];
  snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, checkpoint->data_fingerprint);
  struct json_object *object = gan_inspect_object(kind_of(checkpoint), path), *tensors = json_object_new_array();
  gan_json_add(object, "verified", json_object_new_boolean(true));
  gan_json_add_integer(object, "iteration", checkpoint->iteration);
  if (checkpoint->classifier.layers)
    add_classifier(object, &checkpoint->classifier);
  else
    add_gan(object, checkpoint);
  gan_json_add_integer(object, "shards", checkpoint->shards);
  gan_json_add(object, "seed", json_object_new_uint64(checkpoint->seed));
  gan_inspect_add_shape(object, "data_shape", &checkpoint->data_shape);
  gan_json_add_text(object, "data_fingerprint", fingerprint);
  gan_json_add_text(object, "hash", hash);
  gan_json_add_text(object, "program_version", checkpoint->program_version);
  gan_json_add_text(object, "backend", checkpoint->backend);
  gan_json_add_text(object, "config", checkpoint->config);
  for (size_t i = 0; i < table->count; i++) {
    const gan_tensor_summary *summary = &table->rows[i].summary;
    struct json_object *tensor = json_object_new_object();
    gan_json_add_text(tensor, "path", table->rows[i].path);
    gan_inspect_add_shape(tensor, "shape", &summary->shape);
    gan_json_add(tensor, "minimum", gan_json_number(summary->minimum));
    gan_json_add(tensor, "maximum", gan_json_number(summary->maximum));
    gan_json_add(tensor, "mean", gan_json_number(summary->mean));
    gan_json_add(tensor, "standard_deviation", gan_json_number(summary->standard_deviation));
    json_object_array_add(tensors, tensor);
  }
  gan_json_add(object, "tensors", tensors);
  gan_json_print(object);
}

static gan_status read_file(const gan_checkpoint_file *opened, gan_checkpoint *checkpoint, tensor_table *table) {
  GAN_TRY(gan_checkpoint_header(opened, checkpoint));
  GAN_TRY(gan_checkpoint_visit(opened, collect, table));
  return table->status;
}

gan_status gan_inspect_checkpoint(const gan_arguments *arguments, const char *path) {
  gan_checkpoint checkpoint = {0};
  gan_checkpoint_file *opened = NULL;
  tensor_table table = {.status = GAN_OK};
  GAN_TRY(gan_checkpoint_open(path, &opened));
  const gan_status status = read_file(opened, &checkpoint, &table);
  const char *hash = gan_checkpoint_hash(opened);
  if (status == GAN_OK && arguments->json) print_json(path, hash, &checkpoint, &table);
  if (status == GAN_OK && !arguments->json) print_text(path, hash, &checkpoint, &table, arguments->verbose);
  gan_checkpoint_close(opened);
  free(table.rows);
  gan_checkpoint_release(&checkpoint);
  return status;
}
