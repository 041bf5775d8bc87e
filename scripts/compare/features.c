/* What the network of a file makes of samples, for scripts/compare/features.py to compare with PyTorch; and how long
   it takes for it.

        make features && build/compare/features NETWORK.safetensors C H W SAMPLES OUTPUT TURNS BATCH

   SAMPLES has float32 numbers, (n, C, H, W); OUTPUT gets the features, (n, features), and behind them the logits.
   Prints the milliseconds of CPU time that a sample takes, of the fastest of so many turns over all of them. */
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/number.h"
#include "nn/pass.h"
#include "store/network_file.h"
#include "timing.h"

static void check(gan_status status) {
  if (status != GAN_OK) fail(gan_error_message());
}

static float *floats(size_t count) {
  float *values = calloc(count + 1, sizeof *values);
  if (!values) fail("out of memory");
  return values;
}

static int64_t integer(const char *text) {
  int64_t value;
  check(gan_parse_integer(text, &value));
  return value;
}

/* The whole network, or its layers up to the features. */
static gan_network *build(const gan_network_file *file, bool whole) {
  gan_network_options options = {.batch_norm_epsilon = file->batch_norm_epsilon};
  gan_network *network;
  check(gan_backend_open("auto", GAN_FLOAT32, &options.backend));
  char *text = strdup(file->layers), *end = text;
  if (!text) fail("out of memory");
  for (int64_t i = 0; !whole && i < file->feature_layers; i++) end += strcspn(end, ",\n") + 1;
  if (!whole && end < text + strlen(text)) *end = '\0';
  check(gan_network_create(text, &file->shape, &options, &network));
  free(text);
  return network;
}

typedef struct run {
  gan_network *network;
  gan_shards shards;
  gan_pass *pass;
} run;

static void start(run *made, gan_network *network, int64_t batch, const float *parameters, const float *buffers) {
  made->network = network;
  check(gan_shards_plan(1, batch, 1, 0, &made->shards));
  check(gan_pass_create_in(network, &made->shards, 1, GAN_KEEP_NOTHING, NULL, &made->pass));
  made->pass->training = false;
  made->pass->parameters = parameters;
  made->pass->buffers = buffers;
}

/* (count, in) -> (count, out); seconds of CPU time. */
static double go(const run *with, int64_t batch, int64_t count, const float *samples, float *out) {
  const int64_t in = gan_shape_count(&with->network->input), width = gan_shape_count(&with->network->output);
  const double before = cpu_seconds();
  for (int64_t done = 0; done < count; done += batch) {
    const int64_t rows = count - done < batch ? count - done : batch;
    memcpy(gan_pass_input(with->pass), samples + done * in, (size_t)(rows * in) * sizeof *samples);
    gan_pass_forward(with->pass);
    check(gan_pass_check(with->pass));
    memcpy(out + done * width, gan_pass_output(with->pass), (size_t)(rows * width) * sizeof *out);
  }
  return cpu_seconds() - before;
}

static float *read_samples(const char *path, int64_t elements, int64_t *count) {
  struct stat about;
  FILE *file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &about) != 0) fail("cannot read the samples");
  *count = about.st_size / (elements * (int64_t)sizeof(float));
  float *samples = floats((size_t)(*count * elements));
  if (fread(samples, sizeof *samples, (size_t)(*count * elements), file) != (size_t)(*count * elements))
    fail("cannot read the samples");
  fclose(file);
  return samples;
}

static void write_values(FILE *file, int64_t count, const float *values) {
  if (fwrite(values, sizeof *values, (size_t)count, file) != (size_t)count) fail("cannot write the features");
}

int main(int argc, char **argv) {
  if (argc != 9) fail("features NETWORK.safetensors C H W SAMPLES OUTPUT TURNS BATCH");
  const gan_shape shape = {.rank = 3, .size = {integer(argv[2]), integer(argv[3]), integer(argv[4])}};
  const int64_t turns = integer(argv[7]), batch = integer(argv[8]);
  gan_network_file *file;
  check(gan_network_file_open(argv[1], &shape, &file));
  gan_network *whole = build(file, true), *body = build(file, false);
  float *parameters = floats(whole->parameter_count), *buffers = floats(whole->buffer_count);
  check(gan_network_file_read(file, whole, parameters, buffers));
  int64_t count;
  float *samples = read_samples(argv[5], gan_shape_count(&shape), &count);
  const int64_t features = gan_shape_count(&body->output), logits = gan_shape_count(&whole->output);
  float *values = floats((size_t)(count * (features > logits ? features : logits)));
  FILE *output = fopen(argv[6], "wb");
  if (!output) fail("cannot write the features");
  run of_body, of_whole;
  start(&of_body, body, batch, parameters, buffers);
  double fastest = 1e9;
  for (int64_t turn = 0; turn < turns; turn++) {
    const double seconds = go(&of_body, batch, count, samples, values);
    if (seconds < fastest) fastest = seconds;
  }
  write_values(output, count * features, values);
  start(&of_whole, whole, batch, parameters, buffers);
  go(&of_whole, batch, count, samples, values);
  write_values(output, count * logits, values);
  if (fclose(output) != 0) fail("cannot write the features");
  printf("%.1f ms a sample, %.1f MB of memory for %lld at a time, %.2f GFLOP a sample\n", 1e3 * fastest / (double)count,
         1e-6 * (double)gan_pass_bytes(of_body.pass), (long long)batch, 1e-9 * gan_network_flops(body));
  return 0;
}
