/* A checkpoint holds finite numbers only: with an infinite moment a run would go on and learn nothing more. Neither is
   one written, nor gone on from. */
#include <float.h>
#include <hdf5.h>
#include <math.h>
#include <string.h>

#include "store/hdf5_tools.h"
#include "store/seal.h"
#include "support.h"
#include "train/internal.h"

enum { FOLDER = 64 };

static const char *const settings[][2] = {
    {"train.batch", "32"},
    {"train.shards", "16"},
    {"train.ema_decay", "0.9"},
    {"optimizer.name", "adam"},
    {"samples.count", "4"},
    {"eval.samples", "16"},
    {"generator.latent", "3"},
    {"run.iterations", "2"},
    {"critic.layers", "dense 5, relu, dense 1"},
    {"generator.layers", "dense 4, batch_norm, relu, dense 2"},
};

static gan_status create(gan_world *world, const char *folder, const char *resume, gan_trainer **trainer) {
  gan_config *config = NULL;
  *trainer = NULL;
  GAN_TRY(gan_config_create(&config));
  gan_status status = gan_config_set(config, "run.dir", folder);
  if (status == GAN_OK) status = gan_config_set(config, "run.resume", resume);
  for (size_t i = 0; i < sizeof settings / sizeof *settings && status == GAN_OK; i++)
    status = gan_config_set(config, settings[i][0], settings[i][1]);
  if (status == GAN_OK) status = gan_trainer_create(world, config, NULL, trainer);
  gan_config_destroy(config);
  return status;
}

/* Whether all ranks get `status` and a message that has `text`. */
static bool says(gan_world *world, gan_status got, gan_status status, const char *text) {
  const bool said = got == status && strstr(gan_error_message(), text);
  if (!said) fprintf(stderr, "status %d: %s\n", (int)got, gan_error_message());
  return gan_world_maximum(world, !said) == 0;
}

/* Each rank sees the number, in memory of its own or its host's. */
static void put(gan_world *world, float *place, float number) {
  gan_world_maximum(world, 0);
  *place = number;
  gan_world_maximum(world, 0);
}

/* With `number` in place of one of the state, whoever owns that. */
static void check_saving(gan_world *world, gan_trainer *trainer, const char *what, const char *path, float *place,
                         float number, int *failures) {
  char name[96];
  const float before = *place;
  put(world, place, number);
  /* Not gan_trainer_save, after whose failure the trainer would refuse the next. */
  const gan_status status = gan_state_save(trainer);
  snprintf(name, sizeof name, "no_checkpoint_is_written_with_%s_that_is_not_finite", what);
  check(world, name, says(world, status, GAN_FAILED, path), failures);
  put(world, place, before);
}

/* Makes a checkpoint that an earlier version could have written. */
static void spoil(const char *path, const char *tensor) {
  float values[64];
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), data_set = H5Dopen2(file, tensor, H5P_DEFAULT);
  H5Dread(data_set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  values[0] = INFINITY;
  H5Dwrite(data_set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose(data_set);
  H5Fclose(file);
  if (gan_seal_write(path, path) != GAN_OK) fprintf(stderr, "%s\n", gan_error_message());
}

static void check_loading(gan_world *world, const char *folder, const char *path, int *failures) {
  static const char tensor[] = "/optimizer/critic/exp_avg_sq/0.weight";
  gan_trainer *trainer;
  check(world, "a_whole_checkpoint_is_gone_on_from", create(world, folder, "yes", &trainer) == GAN_OK, failures);
  gan_trainer_destroy(trainer);
  if (gan_world_rank(world) == 0) spoil(path, tensor);
  const gan_status status = create(world, folder, "yes", &trainer);
  check(world, "no_run_goes_on_from_an_infinite_moment", says(world, status, GAN_BAD_FILE, tensor), failures);
  gan_trainer_destroy(trainer);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_trainer *trainer;
  gan_iteration values;
  char folder[FOLDER] = "/tmp/gan-state-XXXXXX", path[PATH_MAX], command[PATH_MAX + 16];
  gan_world *world = open_world(&argc, &argv);
  const bool first = gan_world_rank(world) == 0, made = !first || mkdtemp(folder);
  gan_world_broadcast(world, folder, sizeof folder);
  gan_status status = made ? create(world, folder, "no", &trainer) : GAN_FAILED;
  if (status == GAN_OK) status = gan_trainer_iterate(trainer, &values);
  check(world, "a_trainer_begins", status == GAN_OK, &failures);
  if (status != GAN_OK) {
    fprintf(stderr, "%s\n", gan_error_message());
    exit(1);
  }

  check_saving(world, trainer, "a_weight", "/critic/2.bias", trainer->critic.parameters + 20, NAN, &failures);
  check_saving(world, trainer, "a_running_statistic", "/generator/1.running_var", trainer->generator.buffers + 7,
               INFINITY, &failures);
  check_saving(world, trainer, "a_mean_gradient", "/optimizer/critic/exp_avg/0.weight", trainer->critic.states[0],
               -INFINITY, &failures);
  check_saving(world, trainer, "a_mean_square", "/optimizer/generator/exp_avg_sq/3.bias",
               trainer->generator.states[1] + 33, INFINITY, &failures);
  check_saving(world, trainer, "an_average", "/ema/0.weight", trainer->generator.ema, NAN, &failures);
  put(world, trainer->critic.states[1], FLT_MAX);
  check(world, "the_largest_number_is_kept", gan_state_save(trainer) == GAN_OK, &failures);
  snprintf(path, sizeof path, "%s", gan_trainer_checkpoint(trainer));
  gan_trainer_destroy(trainer);

  check_loading(world, folder, path, &failures);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (first && system(command) != 0) fprintf(stderr, "%s is still there\n", folder);
  gan_world_close(world);
  return failures > 0;
}
