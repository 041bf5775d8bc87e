/* Feature networks as a pair of stages: the layers up to the features, and those behind them up to the logits. Each is
   a network of its own, since a pass shows its input and its output only. */
#include "eval/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "eval/features_internal.h"
#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/prepare.h"

/* What the passes of a batch may take; of larger networks a batch has fewer samples. */
#define MEMORY_MOST ((size_t)256 << 20)

typedef struct stage {
  gan_network *network; /* NULL: there is none */
  float *parameters, *buffers;
  gan_preparation *preparation;
  gan_pass *pass;
} stage;

struct gan_features {
  gan_features_about about;
  char name[GAN_FEATURES_NAME];
  int64_t elements; /* of a sample */
  stage body, head; /* to the features, and on to the logits; without a body the features are the samples */
  gan_shards batch; /* one of the passes */
};

/* --- Making one --- */

/* What the whole network has in its vectors for layers `from`, .. , as many as the stage has: parameters in order, and
   likewise statistics, and singular vectors behind all statistics. */
static void copy_vectors(const gan_network *whole, int from, const float *parameters, const float *buffers,
                         stage *part) {
  const gan_network *network = part->network;
  const gan_layer *first = &whole->layers[from];
  memcpy(part->parameters, parameters + first->parameter_offset, network->parameter_count * sizeof(float));
  memcpy(part->buffers, buffers + first->statistic_offset, network->statistic_count * sizeof(float));
  memcpy(part->buffers + network->statistic_count, buffers + whole->statistic_count + first->singular_offset,
         network->singular_count * sizeof(float));
}

static gan_status make_stage(const gan_network *whole, int from, const gan_shape *input, const char *layers,
                             const float *parameters, const float *buffers, stage *part) {
  GAN_TRY(gan_network_create(layers, input, &whole->options, &part->network));
  GAN_TRY(gan_allocate(part->network->parameter_count, sizeof(float), "a feature network", &part->parameters));
  GAN_TRY(gan_allocate(part->network->buffer_count, sizeof(float), "a feature network", &part->buffers));
  copy_vectors(whole, from, parameters, buffers, part);
  GAN_TRY(gan_preparation_create(part->network, &part->preparation));
  gan_network_prepare(part->preparation, part->parameters, part->buffers);
  return GAN_OK;
}

/* A stage whose layers stand in for those of the whole network: a residual block that is cut has no end in the first,
   or no beginning in the second, which its parser finds. */
static gan_status make_stages(const gan_network *whole, const char *layers, int64_t feature_layers,
                              const float *parameters, const float *buffers, gan_features *made) {
  char *first = NULL, *rest = NULL;
  GAN_TRY(gan_layers_split(layers, feature_layers, &first, &rest));
  const int from = gan_network_layer_of_line(whole, (int)feature_layers);
  gan_status status = make_stage(whole, 0, &whole->input, first, parameters, buffers, &made->body);
  if (status == GAN_OK && from < whole->layer_count)
    status = make_stage(whole, from, &made->body.network->output, rest, parameters, buffers, &made->head);
  free(first);
  free(rest);
  return status;
}

static gan_status measure(const stage *part, const gan_shards *batch, size_t *bytes) {
  gan_pass_sizes sizes = {.bytes = 0};
  if (part->network) GAN_TRY(gan_pass_measure(part->network, batch, 1, GAN_KEEP_NOTHING, &sizes));
  *bytes += sizes.bytes;
  return GAN_OK;
}

/* The size of a batch is a function of the network alone, and with it the bits. */
static gan_status choose_batch(gan_features *made) {
  for (int64_t rows = GAN_FEATURES_BLOCK;; rows /= 2) {
    size_t bytes = 0;
    GAN_TRY(gan_shards_plan(1, rows, 1, 0, &made->batch));
    GAN_TRY(measure(&made->body, &made->batch, &bytes));
    GAN_TRY(measure(&made->head, &made->batch, &bytes));
    if (bytes <= MEMORY_MOST || rows == 1) return GAN_OK;
    gan_shards_release(&made->batch);
  }
}

static gan_status make_pass(const gan_shards *batch, stage *part) {
  if (!part->network) return GAN_OK;
  GAN_TRY(gan_pass_create_in(part->network, batch, 1, GAN_KEEP_NOTHING, NULL, &part->pass));
  part->pass->parameters = gan_prepared(part->preparation, part->parameters);
  part->pass->buffers = part->buffers;
  part->pass->training = false;
  return GAN_OK;
}

static uint64_t hash_text(const char *text, uint64_t hash) { return gan_hash(text, strlen(text), hash); }

static uint64_t hash_stage(const stage *part, uint64_t hash) {
  if (!part->network) return hash;
  hash = gan_hash(part->parameters, part->network->parameter_count * sizeof(float), hash);
  return gan_hash(part->buffers, part->network->buffer_count * sizeof(float), hash);
}

gan_status gan_features_check(const gan_network *network) {
  for (int i = 0; i < network->layer_count; i++)
    if (network->layers[i].type->critics_only)
      return gan_fail(GAN_BAD_USAGE, "layer %d (\"%s\"): features of a sample would depend on the other samples",
                      network->layers[i].line + 1, network->layers[i].type->name);
  return GAN_OK;
}

static void describe(const gan_network *network, const char *layers, int64_t feature_layers, gan_features *made) {
  const int64_t cut = feature_layers;
  const double epsilon = network->options.batch_norm_epsilon;
  uint64_t hash = gan_hash(network->input.size, (size_t)network->input.rank * sizeof *network->input.size, 0);
  hash = gan_hash(&epsilon, sizeof epsilon, gan_hash(&cut, sizeof cut, hash_text(layers, hash)));
  made->elements = gan_shape_count(&network->input);
  made->about =
      (gan_features_about){.name = made->name,
                           .feature_count = gan_shape_count(&made->body.network->output),
                           .classes = made->head.network ? (int)gan_shape_count(&made->head.network->output) : 0,
                           .fingerprint = hash_stage(&made->head, hash_stage(&made->body, hash))};
  snprintf(made->name, sizeof made->name, "a network of %lld features", (long long)made->about.feature_count);
}

static gan_status create(const gan_network *network, const char *layers, int64_t feature_layers,
                         const float *parameters, const float *buffers, gan_features *made) {
  GAN_TRY(gan_features_check(network));
  if (feature_layers < 1 || feature_layers > network->line_count)
    return gan_fail(GAN_BAD_USAGE, "features after %lld layers: the network has %d", (long long)feature_layers,
                    network->line_count);
  GAN_TRY(make_stages(network, layers, feature_layers, parameters, buffers, made));
  GAN_TRY(choose_batch(made));
  GAN_TRY(make_pass(&made->batch, &made->body));
  GAN_TRY(make_pass(&made->batch, &made->head));
  describe(network, layers, feature_layers, made);
  return GAN_OK;
}

gan_status gan_features_create(const gan_network *network, const char *layers, int64_t feature_layers,
                               const float *parameters, const float *buffers, gan_features **features) {
  gan_features *made = NULL;
  *features = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a feature network", &made));
  const gan_status status = create(network, layers, feature_layers, parameters, buffers, made);
  if (status == GAN_OK)
    *features = made;
  else
    gan_features_close(made);
  return status;
}

void gan_features_rename(gan_features *features, const char *name) {
  snprintf(features->name, sizeof features->name, "%s", name);
}

gan_status gan_features_create_none(const gan_shape *shape, gan_features **features) {
  static const char name[] = "the samples themselves";
  gan_features *made = NULL;
  *features = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a feature network", &made));
  const uint64_t hash = gan_hash(shape->size, (size_t)shape->rank * sizeof *shape->size, 0);
  made->elements = gan_shape_count(shape);
  made->about =
      (gan_features_about){.name = made->name, .feature_count = made->elements, .fingerprint = hash_text(name, hash)};
  gan_features_rename(made, name);
  *features = made;
  return GAN_OK;
}

static void release_stage(stage *part) {
  gan_pass_destroy(part->pass);
  gan_preparation_destroy(part->preparation);
  free(part->parameters);
  free(part->buffers);
  gan_network_destroy(part->network);
}

void gan_features_close(gan_features *features) {
  if (!features) return;
  release_stage(&features->body);
  release_stage(&features->head);
  gan_shards_release(&features->batch);
  free(features);
}

static size_t stage_bytes(const gan_features *features, const stage *part) {
  gan_pass_sizes sizes = {.bytes = 0};
  if (!part->network) return 0;
  const gan_status status = gan_pass_measure(part->network, &features->batch, 1, GAN_KEEP_NOTHING, &sizes);
  if (status != GAN_OK) gan_error_set(""); /* it was measured before it was made */
  return sizes.bytes + gan_preparation_bytes(part->network) +
         (part->network->parameter_count + part->network->buffer_count) * sizeof(float);
}

size_t gan_features_bytes(const gan_features *features) {
  return stage_bytes(features, &features->body) + stage_bytes(features, &features->head);
}

gan_features_about gan_features_tell(const gan_features *features) { return features->about; }

/* --- Using it --- */

/* input (rows, in) of a batch -> its output, valid until the stage's next pass. */
static gan_status run_stage(stage *part, int64_t rows, const float *input, const float **output) {
  memcpy(gan_pass_input(part->pass), input, (size_t)(rows * gan_shape_count(&part->network->input)) * sizeof *input);
  gan_pass_forward(part->pass);
  *output = gan_pass_output(part->pass);
  return gan_pass_check(part->pass);
}

static void copy_rows(int64_t first, int64_t rows, int64_t width, const float *batch, float *out) {
  if (out) memcpy(out + first * width, batch, (size_t)(rows * width) * sizeof *out);
}

gan_status gan_features_of(gan_features *features, int64_t count, const float *samples, float *out, float *logits) {
  const gan_features_about *about = &features->about;
  if (!features->body.network) {
    copy_rows(0, count, features->elements, samples, out);
    return GAN_OK;
  }
  for (int64_t done = 0; done < count; done += features->batch.batch) {
    const int64_t rows = count - done < features->batch.batch ? count - done : features->batch.batch;
    const float *found = NULL;
    GAN_TRY(run_stage(&features->body, rows, samples + done * features->elements, &found));
    copy_rows(done, rows, about->feature_count, found, out);
    if (!logits || !features->head.network) continue;
    GAN_TRY(run_stage(&features->head, rows, found, &found));
    copy_rows(done, rows, about->classes, found, logits);
  }
  return GAN_OK;
}
