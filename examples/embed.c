/* Trains a GAN from inside another program. Build and run:

     cc embed.c -lgandist -o embed && mpirun -np 4 ./embed
*/
#include <gan_dist/gan_dist.h>
#include <stdio.h>

int main(int argc, char **argv) {
  gan_world *world = NULL;
  gan_config *config = NULL;
  gan_trainer *trainer = NULL;
  gan_evaluation quality;
  gan_status status = gan_world_open(&argc, &argv, &world);
  if (status == GAN_OK) status = gan_config_create(&config);
  if (status == GAN_OK) status = gan_config_use_preset(config, "ring8");
  if (status == GAN_OK) status = gan_config_set(config, "run.iterations", "300");
  if (status == GAN_OK) status = gan_trainer_create(world, config, NULL, &trainer);
  for (gan_iteration now = {0}; status == GAN_OK && now.iteration < 300;) status = gan_trainer_iterate(trainer, &now);
  if (status == GAN_OK) status = gan_trainer_evaluate(trainer, &quality);
  if (status == GAN_OK && gan_world_rank(world) == 0) printf("%.0f of 8 modes\n", quality.modes_covered);
  if (status != GAN_OK) fprintf(stderr, "embed: %s\n", gan_error_message());
  gan_trainer_destroy(trainer);
  gan_config_destroy(config);
  gan_world_close(world);
  return status;
}
