/* `gan_dist benchmark`: how fast training is here, how it scales, how fast gradients are summed, and what more hosts
   would make of it. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/benchmark.h"
#include "data/source.h"

enum { ITERATIONS_MOST = 10000000 };

/* Options that mean something in one kind of benchmark only. */
static gan_status check_flags(const gan_arguments *arguments, bool scaling, bool allreduce, bool predicts) {
  static const char *const of_scaling[] = {"--np", "--launcher", "--limit"};
  static const char *const of_allreduce[] = {"--update", "--smallest", "--largest"};
  if (scaling + allreduce + predicts > 1)
    return gan_fail(GAN_BAD_USAGE, "--scaling, --allreduce and --predict are benchmarks; ask for one at a time");
  for (size_t i = 0; i < sizeof of_scaling / sizeof *of_scaling; i++)
    if (!scaling && gan_argument(arguments, of_scaling[i]))
      return gan_fail(GAN_BAD_USAGE, "%s needs --scaling strong or --scaling weak%s", of_scaling[i],
                      strcmp(of_scaling[i], "--np") == 0 ? "; without it, mpirun -np sets the ranks" : "");
  for (size_t i = 0; i < sizeof of_allreduce / sizeof *of_allreduce; i++)
    if (!allreduce && gan_argument(arguments, of_allreduce[i]))
      return gan_fail(GAN_BAD_USAGE, "%s needs --allreduce", of_allreduce[i]);
  if (!scaling && !allreduce && !predicts && arguments->output)
    return gan_fail(GAN_BAD_USAGE,
                    "-o is for --scaling, --allreduce and --predict; without them benchmark prints, with --json for "
                    "programs");
  if (!predicts && gan_argument(arguments, "--network")) return gan_fail(GAN_BAD_USAGE, "--network needs --predict");
  return GAN_OK;
}

static gan_status run_benchmark(gan_arguments *arguments) {
  const bool scaling = gan_argument(arguments, "--scaling"), allreduce = gan_argument(arguments, "--allreduce");
  const bool predicts = gan_argument(arguments, "--predict");
  if (arguments->positional_count > 0)
    return gan_fail(GAN_BAD_USAGE, "benchmark takes one INI file at most, and '%.80s' is left over",
                    arguments->positional[0]);
  GAN_TRY(check_flags(arguments, scaling, allreduce, predicts));
  if (arguments->count > ITERATIONS_MOST)
    return gan_fail(GAN_BAD_USAGE, "-n: at most %d iterations, not %lld", ITERATIONS_MOST, (long long)arguments->count);
  if (scaling) return gan_benchmark_scaling(arguments);
  if (allreduce) return gan_benchmark_allreduce(arguments);
  if (predicts) return gan_benchmark_predict(arguments);
  return gan_benchmark_report(arguments);
}

/* Of the data: gradients need none, and of --scaling each start of its own. */
static gan_status probe_benchmark(const gan_arguments *arguments) {
  if (gan_argument(arguments, "--scaling") || gan_argument(arguments, "--allreduce")) return GAN_OK;
  return gan_source_probe(&arguments->config->data);
}

static const gan_flag flags[] = {
    {"--scaling", "strong|weak",
     "starts this benchmark through mpirun for each --np: strong keeps the global batch, weak the batch per rank"},
    {"--np", "1,2,4,..", "numbers of ranks for --scaling; without: 1, 2, 4, ... up to the cores"},
    {"--launcher", "COMMAND", "for --scaling, \"mpirun --bind-to core\" for example; -np N and the program follow it"},
    {"--limit", "SECONDS", "for --scaling: what each start may take at most; without: 600"},
    {"--allreduce", NULL, "times the gradient reduction beside MPI_Allreduce, for sizes from 4 bytes up"},
    {"--update", NULL,
     "for --allreduce: with the optimizer's update and the critic's clipping; MPI_Allreduce alone beside it"},
    {"--smallest", "BYTES",
     "for --allreduce: the smallest size, of which each further one is 4 times: 4096, 64KiB, 1MB; without: 4"},
    {"--largest", "BYTES", "for --allreduce: no size is larger; without: 64MiB"},
    {"--predict", "1,16,128,..",
     "predicts time and efficiency on so many hosts, from the computing measured here and a model of the network"},
    {"--network", "NAME",
     "for --predict: 10gbe (without this option), 100gbe, hdr, measured (between two ranks), or "
     "latency=..us,bandwidth=..GB/s[,overhead=..us]"},
    {NULL, NULL, NULL},
};

const gan_command gan_command_benchmark = {
    .name = "benchmark",
    .usage =
        "benchmark [CONFIG.ini] [--preset NAME] [-n ITERATIONS] [--json] [--section.key=VALUE ...]\n"
        "       gan_dist benchmark --scaling strong|weak [--np 1,2,4,..] [-o FILE.json|FILE.h5] ...\n"
        "       gan_dist benchmark --allreduce [--update] [-n REPETITIONS] [-o FILE.json|FILE.h5] [--json]\n"
        "       gan_dist benchmark --predict 1,16,128,.. [--network NAME] [-o FILE.json|FILE.h5] ...",
    .help =
        "times training without writing files: per iteration and phase, against the machine's peak; or scaling over "
        "numbers of ranks; or all-reduces; or predicts scaling over many hosts",
    .takes_config = true,
    .shares_work = true,
    .common = "onj",
    .keys =
        "run.preset run.name run.seed run.backend run.precision data generator critic loss augment train optimizer "
        "batch_norm dist",
    .flags = flags,
    .run = run_benchmark,
    .probe = probe_benchmark,
};
