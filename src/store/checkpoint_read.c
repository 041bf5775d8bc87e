/* Reading checkpoints. Opening one checks the seal; what comes after deals with files that are whole but may be of
   another program, another network, or made to do harm: sizes are compared before memory is asked for. */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "store/checkpoint.h"
#include "store/hdf5_tools.h"
#include "store/seal.h"

struct gan_checkpoint_file {
  char path[PATH_MAX];
  char name[NAME_MAX + 1]; /* of the file that a link leads to */
  char hash[GAN_SEAL_HASH];
  hid_t file;
};

/* Checks and opens the file that the path leads to. */
static gan_status open_once(const char *path, gan_checkpoint_file *made) {
  char reason[GAN_HDF5_REASON];
  GAN_TRY(gan_seal_check(path, made->hash));
  made->file = gan_hdf5_open(path, false);
  if (made->file >= 0) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, gan_hdf5_reason(reason));
}

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Without its folder; of the path as it is given where it cannot be followed. */
static void take_name(const char *path, char *name) {
  char real[PATH_MAX];
  const char *whole = realpath(path, real) ? real : path, *slash = strrchr(whole, '/');
  snprintf(name, NAME_MAX + 1, "%.*s", NAME_MAX, slash ? slash + 1 : whole);
}

/* latest.h5 of a run that trains leads to another file from one moment to the next: what was checked has to be what was
   opened. */
static gan_status open_steady(const char *path, gan_checkpoint_file *made) {
  enum { TRIES = 100 };
  gan_status status = GAN_OK;
  for (int i = 0; i < TRIES; i++) {
    struct stat before = {0}, after = {0};
    const bool is_there = stat(path, &before) == 0;
    status = open_once(path, made);
    take_name(path, made->name);
    if (!is_there || (stat(path, &after) == 0 && is_same(&before, &after))) break;
    if (status == GAN_OK) H5Fclose(made->file);
    status = gan_fail(GAN_BAD_FILE, "cannot read %s: it leads to another file each time", path);
  }
  return status;
}

gan_status gan_checkpoint_open(const char *path, gan_checkpoint_file **opened) {
  GAN_HDF5_QUIET;
  gan_checkpoint_file *made = NULL;
  *opened = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "an open checkpoint", &made));
  snprintf(made->path, sizeof made->path, "%s", path);
  const gan_status status = open_steady(path, made);
  if (status != GAN_OK)
    free(made);
  else
    *opened = made;
  return status;
}

void gan_checkpoint_close(gan_checkpoint_file *opened) {
  GAN_HDF5_QUIET;
  if (!opened) return;
  H5Fclose(opened->file);
  free(opened);
}

const char *gan_checkpoint_name(const gan_checkpoint_file *opened) { return opened->name; }
const char *gan_checkpoint_hash(const gan_checkpoint_file *opened) { return opened->hash; }

gan_status gan_checkpoint_verify(const char *path) { return gan_seal_check(path, NULL); }

static gan_status fail_attribute(const char *path, const char *name) {
  return gan_fail(GAN_BAD_FILE, "%s is no checkpoint of this program: its attribute %s is absent or makes no sense",
                  path, name);
}

static gan_status read_text(hid_t file, const char *path, const char *name, char **copy) {
  char *text = NULL;
  if (!gan_hdf5_get_text(file, name, &text)) return fail_attribute(path, name);
  const gan_status status = gan_duplicate(text, copy);
  H5free_memory(text);
  return status;
}

/* Into memory of a fixed size, cut to it. */
static gan_status read_short_text(hid_t file, const char *path, const char *name, size_t size, char *text) {
  char *whole = NULL;
  GAN_TRY(read_text(file, path, name, &whole));
  snprintf(text, size, "%s", whole);
  free(whole);
  return GAN_OK;
}

static gan_status read_origin(hid_t file, const char *path, gan_checkpoint *checkpoint) {
  GAN_TRY(
      read_short_text(file, path, "program_version", sizeof checkpoint->program_version, checkpoint->program_version));
  if (H5Aexists(file, "backend") <= 0) return GAN_OK;
  return read_short_text(file, path, "backend", sizeof checkpoint->backend, checkpoint->backend);
}

static gan_status read_data_shape(hid_t file, const char *path, gan_shape *shape) {
  size_t rank = 0;
  if (!gan_hdf5_get_integers(file, "data_shape", GAN_SHAPE_RANK, &rank, shape->size))
    return fail_attribute(path, "data_shape");
  shape->rank = (int)rank;
  int64_t count = 1;
  for (int i = 0; i < shape->rank; i++)
    if (shape->size[i] < 1 || __builtin_mul_overflow(count, shape->size[i], &count))
      return fail_attribute(path, "data_shape");
  return GAN_OK;
}

/* No training comes to more; twice as much, or times some, is still a number. */
static const int64_t most_steps = INT64_C(1) << 53;

static gan_status read_count(hid_t file, const char *path, const char *name, int64_t *value) {
  if (!gan_hdf5_get_integer(file, name, value) || *value < 0 || *value > most_steps) return fail_attribute(path, name);
  return GAN_OK;
}

/* Absent in a GAN's checkpoint. What the layers come to is for who builds the network. */
static gan_status read_classifier(hid_t file, const char *path, gan_checkpoint_classifier *classifier) {
  if (H5Aexists(file, "layers") <= 0) return GAN_OK;
  GAN_TRY(read_count(file, path, "feature_layers", &classifier->feature_layers));
  GAN_TRY(read_count(file, path, "classes", &classifier->classes));
  GAN_TRY(read_count(file, path, "test_samples", &classifier->test_samples));
  if (!gan_hdf5_get_real(file, "batch_norm_epsilon", &classifier->batch_norm_epsilon) ||
      !(classifier->batch_norm_epsilon > 0) || !isfinite(classifier->batch_norm_epsilon))
    return fail_attribute(path, "batch_norm_epsilon");
  if (!gan_hdf5_get_real(file, "accuracy", &classifier->accuracy) || classifier->accuracy < 0 ||
      classifier->accuracy > 1)
    return fail_attribute(path, "accuracy");
  GAN_TRY(read_text(file, path, "trained_on", &classifier->trained_on));
  for (char *c = classifier->trained_on; *c; c++) /* it is for a terminal to show */
    if (iscntrl((unsigned char)*c)) *c = '?';
  return read_text(file, path, "layers", &classifier->layers);
}

static gan_status read_attributes(hid_t file, const char *path, gan_checkpoint *checkpoint) {
  int64_t format = 0, shards = 0;
  GAN_TRY(read_count(file, path, "format_version", &format));
  if (format != GAN_CHECKPOINT_FORMAT) return fail_attribute(path, "format_version");
  GAN_TRY(read_count(file, path, "iteration", &checkpoint->iteration));
  GAN_TRY(read_count(file, path, "critic_steps", &checkpoint->critic_steps));
  GAN_TRY(read_count(file, path, "generator_steps", &checkpoint->generator_steps));
  GAN_TRY(read_count(file, path, "shards", &shards));
  if (shards < 1 || shards > INT_MAX) return fail_attribute(path, "shards");
  checkpoint->shards = (int)shards;
  if (!gan_hdf5_get_unsigned(file, "seed", &checkpoint->seed)) return fail_attribute(path, "seed");
  if (!gan_hdf5_get_unsigned(file, "data_fingerprint", &checkpoint->data_fingerprint))
    return fail_attribute(path, "data_fingerprint");
  if (!gan_hdf5_get_real(file, "best", &checkpoint->best)) return fail_attribute(path, "best");
  GAN_TRY(read_data_shape(file, path, &checkpoint->data_shape));
  GAN_TRY(read_origin(file, path, checkpoint));
  GAN_TRY(read_classifier(file, path, &checkpoint->classifier));
  return read_text(file, path, "config", &checkpoint->config);
}

gan_status gan_checkpoint_header(const gan_checkpoint_file *opened, gan_checkpoint *checkpoint) {
  GAN_HDF5_QUIET;
  memset(checkpoint, 0, sizeof *checkpoint);
  const gan_status status = read_attributes(opened->file, opened->path, checkpoint);
  if (status != GAN_OK) gan_checkpoint_release(checkpoint);
  return status;
}

gan_status gan_checkpoint_read_header(const char *path, gan_checkpoint *checkpoint) {
  gan_checkpoint_file *opened = NULL;
  memset(checkpoint, 0, sizeof *checkpoint);
  GAN_TRY(gan_checkpoint_open(path, &opened));
  const gan_status status = gan_checkpoint_header(opened, checkpoint);
  gan_checkpoint_close(opened);
  return status;
}

static bool same_shape(const gan_shape *a, const gan_shape *b) {
  return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof *a->size) == 0;
}

static gan_status read_tensor(hid_t file, const char *path, const gan_tensor *tensor) {
  gan_shape found;
  char have[GAN_SHAPE_TEXT], want[GAN_SHAPE_TEXT], reason[GAN_HDF5_REASON];
  GAN_HDF5_ID data_set = gan_hdf5_open_array(file, tensor->path);
  if (data_set < 0)
    return gan_fail(GAN_BAD_FILE, "%s has no tensor %s: it is of another network or optimizer", path, tensor->path);
  if (!gan_hdf5_get_shape(data_set, &found))
    return gan_fail(GAN_BAD_FILE, "%s: %s is no tensor of 32-bit floats", path, tensor->path);
  if (!same_shape(&found, &tensor->shape))
    return gan_fail(GAN_BAD_FILE, "%s: tensor %s: checkpoint has %s, the network needs %s", path, tensor->path,
                    gan_shape_print(&found, have), gan_shape_print(&tensor->shape, want));
  if (gan_shape_count(&found) > 0 &&
      H5Dread(data_set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor->data) < 0)
    return gan_fail(GAN_BAD_FILE, "%s: cannot read tensor %s: %s", path, tensor->path, gan_hdf5_reason(reason));
  return GAN_OK;
}

gan_status gan_checkpoint_tensors(const gan_checkpoint_file *opened, size_t tensor_count, const gan_tensor *tensors) {
  GAN_HDF5_QUIET;
  for (size_t i = 0; i < tensor_count; i++) GAN_TRY(read_tensor(opened->file, opened->path, &tensors[i]));
  return GAN_OK;
}

bool gan_checkpoint_has(const gan_checkpoint_file *opened, const char *path) {
  GAN_HDF5_QUIET;
  char part[GAN_TENSOR_PATH];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (H5Lexists(opened->file, part, H5P_DEFAULT) <= 0) return false;
    *slash = '/';
  }
  return H5Lexists(opened->file, part, H5P_DEFAULT) > 0;
}

gan_status gan_checkpoint_read_tensors(const char *path, size_t tensor_count, const gan_tensor *tensors) {
  gan_checkpoint_file *opened = NULL;
  GAN_TRY(gan_checkpoint_open(path, &opened));
  const gan_status status = gan_checkpoint_tensors(opened, tensor_count, tensors);
  gan_checkpoint_close(opened);
  return status;
}

typedef struct visit_state {
  const char *path;
  uint64_t file_bytes; /* no tensor can be larger: they are not compressed */
  gan_tensor_visitor visit;
  void *context;
  gan_status status;
} visit_state;

static void summarise(size_t count, const float *values, gan_tensor_summary *summary) {
  double sum = 0.0, squares = 0.0, minimum = INFINITY, maximum = -INFINITY;
  summary->minimum = summary->maximum = summary->mean = summary->standard_deviation = NAN;
  for (size_t i = 0; i < count; i++) {
    if (isnan(values[i])) return;
    if (values[i] < minimum) minimum = values[i];
    if (values[i] > maximum) maximum = values[i];
    sum += values[i];
  }
  if (count == 0) return;
  summary->minimum = minimum;
  summary->maximum = maximum;
  summary->mean = sum / (double)count;
  for (size_t i = 0; i < count; i++) squares += (values[i] - summary->mean) * (values[i] - summary->mean);
  summary->standard_deviation = sqrt(squares / (double)count);
}

static bool count_elements(const gan_shape *shape, uint64_t limit, uint64_t *count) {
  *count = 1;
  for (int i = 0; i < shape->rank; i++)
    if (__builtin_mul_overflow(*count, (uint64_t)shape->size[i], count)) return false;
  return *count <= limit;
}

static gan_status visit_tensor(hid_t file, const char *name, const visit_state *state) {
  char tensor_path[GAN_TENSOR_PATH], reason[GAN_HDF5_REASON];
  gan_tensor_summary summary = {.path = tensor_path};
  uint64_t count = 0;
  float *values = NULL;
  int64_t number = 0;
  GAN_HDF5_ID data_set = gan_hdf5_open_array(file, name);
  const bool named = snprintf(tensor_path, sizeof tensor_path, "/%s", name) < (int)sizeof tensor_path;
  if (named && data_set >= 0 && gan_hdf5_get_number(data_set, &number)) {
    summary.minimum = summary.maximum = summary.mean = (double)number;
    state->visit(state->context, &summary);
    return GAN_OK;
  }
  if (!named || data_set < 0 || !gan_hdf5_get_shape(data_set, &summary.shape) ||
      !count_elements(&summary.shape, state->file_bytes / sizeof(float), &count))
    return gan_fail(GAN_BAD_FILE, "%s: /%s is no tensor as this program writes them", state->path, name);
  GAN_TRY(gan_allocate((size_t)count, sizeof *values, "a tensor of a checkpoint", &values));
  gan_status status = GAN_OK;
  if (count && H5Dread(data_set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    status = gan_fail(GAN_BAD_FILE, "%s: cannot read /%s: %s", state->path, name, gan_hdf5_reason(reason));
  if (status == GAN_OK) {
    summarise((size_t)count, values, &summary);
    state->visit(state->context, &summary);
  }
  free(values);
  return status;
}

/* HDF5 calls this for every link below the root. Only hard links lead to what the file itself holds. */
static herr_t visit_link(hid_t file, const char *name, const H5L_info_t *link, void *context) {
  visit_state *state = context;
  H5O_info_t object;
  if (link->type != H5L_TYPE_HARD) return 0;
  if (H5Oget_info_by_name2(file, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  if (object.type != H5O_TYPE_DATASET) return 0;
  state->status = visit_tensor(file, name, state);
  return state->status == GAN_OK ? 0 : -1;
}

gan_status gan_checkpoint_visit(const gan_checkpoint_file *opened, gan_tensor_visitor visit, void *context) {
  GAN_HDF5_QUIET;
  const char *path = opened->path;
  visit_state state = {.path = path, .visit = visit, .context = context, .status = GAN_OK};
  struct stat about;
  char reason[GAN_HDF5_REASON];
  if (stat(path, &about) == 0) state.file_bytes = (uint64_t)about.st_size;
  if (H5Lvisit(opened->file, H5_INDEX_CRT_ORDER, H5_ITER_INC, visit_link, &state) < 0 && state.status == GAN_OK)
    return gan_fail(GAN_BAD_FILE, "cannot list the tensors of %s: %s", path, gan_hdf5_reason(reason));
  return state.status;
}
