/* Which layer is how far from the machine's peak. After the timed iterations come a few more with a watch on the
   passes; each layer's time is a mean over ranks and iterations, its operations are those of all ranks together, as
   those of the peak are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/benchmark.h"
#include "dist/world.h"

static const char *const work_names[GAN_WORKS] = {"forward", "backward_weights", "backward_input"};

enum { NUMBERS = 2 * GAN_WORKS }; /* of each layer: seconds, operations */

/* numbers (layers, NUMBERS), then the iterations' seconds: to sums over ranks, and back into the profile as a mean
   iteration's. */
static void to_numbers(const gan_profile *profile, double seconds, double *numbers) {
  for (int i = 0; i < profile->count; i++)
    for (int work = 0; work < GAN_WORKS; work++) {
      *numbers++ = profile->layers[i].seconds[work];
      *numbers++ = profile->layers[i].flops[work];
    }
  *numbers = seconds;
}

static void from_numbers(const double *numbers, int ranks, int64_t iterations, gan_profile *profile, double *seconds) {
  const double each = (double)iterations, of_rank = each * ranks;
  for (int i = 0; i < profile->count; i++)
    for (int work = 0; work < GAN_WORKS; work++) {
      profile->layers[i].seconds[work] = *numbers++ / of_rank;
      profile->layers[i].flops[work] = *numbers++ / each;
    }
  *seconds = *numbers / of_rank;
}

static gan_status merge_ranks(gan_world *world, int64_t iterations, gan_profile *profile, double *seconds) {
  const int ranks = gan_world_size(world);
  const size_t count = (size_t)profile->count * NUMBERS + 1;
  double *mine = NULL, *sums = NULL;
  gan_shards rows;
  GAN_TRY(gan_world_plan_shards(world, ranks, ranks, &rows));
  gan_status status = gan_allocate(count, sizeof *mine, "times of layers", &mine);
  if (status == GAN_OK) status = gan_allocate(count, sizeof *sums, "times of layers", &sums);
  status = gan_world_agree(world, status);
  if (status == GAN_OK) {
    to_numbers(profile, *seconds, mine);
    gan_world_sum(world, &rows, mine, count, sums);
    from_numbers(sums, ranks, iterations, profile, seconds);
  }
  free(mine);
  free(sums);
  gan_shards_release(&rows);
  return status;
}

gan_status gan_benchmark_layers(gan_world *world, gan_trainer *trainer, int64_t iterations, gan_layer_times *times) {
  gan_status status = gan_world_agree(world, gan_profile_begin(trainer, &times->profile));
  const double start = gan_seconds();
  for (int64_t i = 0; i < iterations && status == GAN_OK; i++) {
    gan_iteration values;
    status = gan_trainer_iterate(trainer, &values);
  }
  times->seconds = gan_seconds() - start;
  gan_profile_end(trainer);
  if (status == GAN_OK) status = merge_ranks(world, iterations, times->profile, &times->seconds);
  return status;
}

void gan_layer_times_release(gan_layer_times *times) { gan_profile_destroy(times->profile); }

/* --- What they tell --- */

static double of_all(const double *numbers) {
  double sum = 0;
  for (int work = 0; work < GAN_WORKS; work++) sum += numbers[work];
  return sum;
}

/* Of the peak, by operations in a time; NAN where there are none, or no peak. */
static double share(double flops, double seconds, double peak) {
  return flops > 0 && seconds > 0 ? flops / seconds / peak : (double)NAN;
}

double gan_layer_times_outside(const gan_layer_times *times) {
  double products = 0;
  for (int i = 0; i < times->profile->count; i++) {
    const gan_layer_time *layer = &times->profile->layers[i];
    if (of_all(layer->flops) > 0) products += of_all(layer->seconds);
  }
  return 1 - products / times->seconds;
}

/* The layer whose products take longest beyond what they would at the peak; NULL where there are no products, or no
   peak. */
static const gan_layer_time *slowest(const gan_layer_times *times, double peak, double *lost) {
  const gan_layer_time *found = NULL;
  *lost = 0;
  if (isnan(peak)) return NULL;
  for (int i = 0; i < times->profile->count; i++) {
    const gan_layer_time *layer = &times->profile->layers[i];
    const double beyond = of_all(layer->seconds) - of_all(layer->flops) / peak;
    if (of_all(layer->flops) <= 0 || (found && beyond <= *lost)) continue;
    found = layer;
    *lost = beyond;
  }
  return found;
}

/* "12.345 ms  83 %", without the share where there are no products or no peak, and nothing where there is no work. */
static void print_work(double seconds, double flops, double peak) {
  char text[32] = "", part[16] = "";
  if (flops > 0 && !isnan(peak)) snprintf(part, sizeof part, "%3.0f %%", 100 * share(flops, seconds, peak));
  if (seconds > 0) snprintf(text, sizeof text, "%.3f ms %5s", 1e3 * seconds, part);
  printf(" %18s", text);
}

/* What a column of texts takes. */
static int widest(int least, int length) { return length > least ? length : least; }

void gan_layer_times_print(const gan_layer_times *times, double peak) {
  double lost;
  int path = 8, kind = 15;
  for (int i = 0; i < times->profile->count; i++) {
    path = widest(path, (int)strlen(times->profile->layers[i].path));
    kind = widest(kind, (int)strlen(times->profile->layers[i].kind));
  }
  const int name = 9 + 1 + path + 1 + kind;
  printf("\n%-*s %18s %18s %18s %9s\n", name, "layer, time in an iteration,", "forward", "backward: weights",
         "backward: input", "of the");
  printf("%-*s %18s %18s %18s %9s\n", name, isnan(peak) ? "" : "share of the measured peak", "", "", "", "iteration");
  for (int i = 0; i < times->profile->count; i++) {
    const gan_layer_time *layer = &times->profile->layers[i];
    printf("%-9s %-*s %-*s", layer->network, path, layer->path, kind, layer->kind);
    for (int work = 0; work < GAN_WORKS; work++) print_work(layer->seconds[work], layer->flops[work], peak);
    printf(" %7.1f %%\n", 100 * of_all(layer->seconds) / times->seconds);
  }
  printf("outside of layers with products: %.1f %% of the iteration\n", 100 * gan_layer_times_outside(times));
  const gan_layer_time *worst = slowest(times, peak, &lost);
  if (worst)
    printf("most to gain: %s %s (%s), %.3f ms an iteration more than at the peak\n", worst->network, worst->path,
           worst->kind, 1e3 * lost);
}

static struct json_object *json_layer(const gan_layer_times *times, const gan_layer_time *layer, double peak) {
  struct json_object *object = json_object_new_object(), *milliseconds = json_object_new_object(),
                     *flops = json_object_new_object(), *shares = json_object_new_object();
  gan_json_add_text(object, "network", layer->network);
  gan_json_add_text(object, "layer", layer->path);
  gan_json_add_text(object, "kind", layer->kind);
  for (int work = 0; work < GAN_WORKS; work++) {
    gan_json_add(milliseconds, work_names[work], gan_json_number(1e3 * layer->seconds[work]));
    gan_json_add(flops, work_names[work], gan_json_number(layer->flops[work]));
    gan_json_add(shares, work_names[work], gan_json_number(share(layer->flops[work], layer->seconds[work], peak)));
  }
  gan_json_add(object, "milliseconds", milliseconds);
  gan_json_add(object, "flops", flops);
  gan_json_add(object, "share_of_peak", shares);
  gan_json_add(object, "share_of_iteration", gan_json_number(of_all(layer->seconds) / times->seconds));
  return object;
}

struct json_object *gan_layer_times_json(const gan_layer_times *times, double peak) {
  struct json_object *object = json_object_new_object(), *rows = json_object_new_array();
  double lost;
  const gan_layer_time *worst = slowest(times, peak, &lost);
  for (int i = 0; i < times->profile->count; i++)
    json_object_array_add(rows, json_layer(times, &times->profile->layers[i], peak));
  gan_json_add(object, "milliseconds_per_iteration", gan_json_number(1e3 * times->seconds));
  gan_json_add(object, "share_outside_products", gan_json_number(gan_layer_times_outside(times)));
  gan_json_add(object, "most_to_gain", worst ? json_layer(times, worst, peak) : NULL);
  gan_json_add(object, "rows", rows);
  return object;
}
