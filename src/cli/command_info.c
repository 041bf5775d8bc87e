/* `gan_dist info`: what this program is made of and where it runs; the first thing to ask for when a cluster behaves
   otherwise than expected. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/cpu.h"
#include "cli/json.h"
#include "dist/reduction.h"
#include "dist/world.h"
#include "gan_dist/version.h"
#include "kernels/kernels.h"
#include "kernels/precision.h"
#include "store/library.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

typedef struct machine {
  gan_cpu cpu;
  const gan_backend *backend;
  const char *backend_description;
  gan_precision_speeds speeds;      /* of its products, measured on rank 0 */
  int ranks, hosts, ranks_per_host; /* the most on any host */
  char reduction[16];               /* how gradients would be summed */
  char reduction_reason[160];       /* why not as asked for; "": it is */
} machine;

enum { LARGE_NETWORK = 1 << 20 }; /* parameters */

/* Sets a reduction up and down again, so that what is told is what a training run would meet. */
static gan_status try_reduction(gan_arguments *arguments, machine *seen) {
  gan_world *world = arguments->world;
  gan_shards shards;
  gan_reduction *reduction = NULL;
  GAN_TRY(gan_world_plan_shards(world, seen->ranks, seen->ranks, &shards));
  const gan_status status =
      gan_reduction_create(world, &shards, arguments->config->dist.reduction, LARGE_NETWORK, 0, &reduction);
  if (status == GAN_OK) {
    snprintf(seen->reduction, sizeof seen->reduction, "%s", gan_reduction_name(reduction));
    snprintf(seen->reduction_reason, sizeof seen->reduction_reason, "%s", gan_reduction_reason(reduction));
  }
  gan_reduction_destroy(reduction);
  gan_shards_release(&shards);
  return status;
}

static gan_status look_around(gan_arguments *arguments, machine *seen) {
  seen->ranks = gan_world_size(arguments->world);
  seen->hosts = gan_world_host_count(arguments->world);
  seen->ranks_per_host = (int)gan_world_maximum(arguments->world, gan_world_host_size(arguments->world));
  GAN_TRY(try_reduction(arguments, seen));
  gan_cpu_describe(&seen->cpu);
  GAN_TRY(gan_backend_open(arguments->config->run.backend, gan_precision_find(arguments->config->run.precision),
                           &seen->backend));
  seen->backend_description = seen->backend->describe();
  seen->speeds = (gan_precision_speeds){0};
  return gan_world_rank(arguments->world) == 0 ? gan_precision_measure(seen->backend->name, &seen->speeds) : GAN_OK;
}

static void print_speeds(const gan_precision_speeds *speeds) {
  if (speeds->bfloat16 <= 0)
    printf("bf16            not with this backend and CPU\n");
  else
    printf("bf16            products at %.0f GF/s, in float32 at %.0f%s\n", speeds->bfloat16, speeds->float32,
           gan_bfloat16_is_slower(speeds) ? ": slower on this CPU" : "");
}

static void print_text(const machine *seen) {
  printf("program         gan_dist %s\n", GAN_DIST_VERSION);
  printf("compiler        %s\n", COMPILER);
  printf("mpi             %s\n", gan_world_library());
  printf("hdf5            %s\n", gan_store_library());
  printf("json-c          %s\n", json_c_version());
  printf("backend         %s: %s\n", seen->backend->name, seen->backend_description);
  print_speeds(&seen->speeds);
  printf("cpu             %s\n", seen->cpu.model);
  printf("vector_features %s\n", seen->cpu.features);
  printf("cores           %d, of which this process may use %d\n", seen->cpu.cores, seen->cpu.usable_cores);
  printf("ranks           %d\n", seen->ranks);
  printf("hosts           %d\n", seen->hosts);
  printf("ranks_per_host  %d%s\n", seen->ranks_per_host, seen->hosts > 1 ? " at most" : "");
  printf("reduction       %s%s%s\n", seen->reduction, *seen->reduction_reason ? ", as " : "", seen->reduction_reason);
}

static struct json_object *words_of(const char *text) {
  struct json_object *array = json_object_new_array();
  while (*text) {
    const size_t length = strcspn(text, " ");
    json_object_array_add(array, json_object_new_string_len(text, (int)length));
    text += length + (text[length] == ' ');
  }
  return array;
}

static void print_json(const machine *seen) {
  struct json_object *object = json_object_new_object();
  gan_json_add_text(object, "version", GAN_DIST_VERSION);
  gan_json_add_text(object, "compiler", COMPILER);
  gan_json_add_text(object, "mpi", gan_world_library());
  gan_json_add_text(object, "hdf5", gan_store_library());
  gan_json_add_text(object, "json_c", json_c_version());
  gan_json_add_text(object, "backend", seen->backend->name);
  gan_json_add_text(object, "backend_description", seen->backend_description);
  const bool compared = seen->speeds.bfloat16 > 0;
  gan_json_add(object, "gigaflops_float32", gan_json_number(compared ? seen->speeds.float32 : NAN));
  gan_json_add(object, "gigaflops_bf16", gan_json_number(compared ? seen->speeds.bfloat16 : NAN));
  gan_json_add_text(object, "cpu", seen->cpu.model);
  gan_json_add(object, "vector_features", words_of(seen->cpu.features));
  gan_json_add_integer(object, "cores", seen->cpu.cores);
  gan_json_add_integer(object, "usable_cores", seen->cpu.usable_cores);
  gan_json_add_integer(object, "ranks", seen->ranks);
  gan_json_add_integer(object, "hosts", seen->hosts);
  gan_json_add_integer(object, "ranks_per_host", seen->ranks_per_host);
  gan_json_add_text(object, "reduction", seen->reduction);
  gan_json_add_text(object, "reduction_reason", seen->reduction_reason);
  gan_json_print(object);
}

static gan_status run(gan_arguments *arguments) {
  if (arguments->positional_count)
    return gan_fail(GAN_BAD_USAGE, "info takes no file, and '%.80s' is one", arguments->positional[0]);
  machine seen;
  GAN_TRY(look_around(arguments, &seen));
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  if (arguments->json)
    print_json(&seen);
  else
    print_text(&seen);
  return GAN_OK;
}

const gan_command gan_command_info = {
    .name = "info",
    .usage = "info [--backend NAME] [--reduction NAME] [--json]",
    .help = "versions, CPU features, chosen kernels, MPI library, topology",
    .common = "j",
    .keys = "run.backend run.precision dist",
    .only_prints = true,
    .run = run,
};
