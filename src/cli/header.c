#include "cli/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { LINE = 512 };

static const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

/* "1.46 M", "950 ": three digits and a prefix of the unit that follows. */
static const char *short_number(double value, size_t size, char *text) {
  static const char *const prefixes[] = {" ", " k", " M", " G", " T"};
  size_t prefix = 0;
  while (value >= 999.5 && prefix + 1 < sizeof prefixes / sizeof *prefixes) {
    value /= 1000;
    prefix++;
  }
  snprintf(text, size, "%.3g%s", value, prefixes[prefix]);
  return text;
}

static void print_data(gan_progress *progress, const gan_overview *run) {
  char shape[GAN_SHAPE_TEXT], count[64] = "samples without end", classes[64] = "";
  if (run->samples) snprintf(count, sizeof count, "%" PRId64 " sample%s", run->samples, plural(run->samples));
  if (run->classes) snprintf(classes, sizeof classes, ", %d class%s", run->classes, run->classes == 1 ? "" : "es");
  gan_progress_note(progress, "data         %s%s%s, %s of shape %s, values from %.4g to %.4g%s%s", run->source,
                    run->path[0] ? " " : "", run->path, count, gan_shape_print(&run->shape, shape),
                    gan_shown(run->lowest), gan_shown(run->highest), classes, run->weighted ? ", weighted" : "");
}

static void print_network(gan_progress *progress, const char *name, const gan_network_overview *network) {
  gan_progress_note(progress, "%-12s %zu parameter%s, %.4g MFLOP a sample", name, network->parameters,
                    plural((int64_t)network->parameters), network->flops / 1e6);
}

static void print_iterations(gan_progress *progress, const gan_overview *run) {
  char flops[32], from[64] = "";
  if (run->iteration) snprintf(from, sizeof from, "%" PRId64 " to ", run->iteration);
  gan_progress_note(progress,
                    "iterations   %s%" PRId64 ", each %" PRId64 " step%s of the critic and %" PRId64
                    " of the generator with %" PRId64 " samples: %sFLOP",
                    from, run->iterations, run->work.critic_steps, plural(run->work.critic_steps),
                    run->work.generator_steps, run->work.batch, short_number(run->work.flops, sizeof flops, flops));
  gan_progress_note(progress, "recipe       %s, %s", run->loss, run->optimizer);
}

static void print_machine(gan_progress *progress, const gan_overview *run) {
  char hosts[64] = "";
  if (run->hosts > 1) snprintf(hosts, sizeof hosts, " on %d hosts", run->hosts);
  gan_progress_note(progress, "computed by  %d rank%s%s with %s, %d shard%s, %s reduction; %s, %s", run->ranks,
                    plural(run->ranks), hosts, run->ranks == 1 ? "one thread" : "a thread each", run->work.shards,
                    plural(run->work.shards), run->reduction, run->backend, run->precision);
}

static void print_evaluation(gan_progress *progress, const gan_overview *run) {
  char every[64] = "";
  if (run->evaluation_every)
    snprintf(every, sizeof every, "every %" PRId64 " iteration%s and ", run->evaluation_every,
             plural(run->evaluation_every));
  const bool usual = !run->best || strcmp(run->best, "sliced_wasserstein") == 0;
  gan_progress_note(progress,
                    "evaluated    %sat the end: sliced Wasserstein distance of %" PRId64
                    " sample%s%s%s%s; best.h5 has the %s%s%s",
                    every, run->evaluation_samples, plural(run->evaluation_samples), run->modes ? ", modes" : "",
                    run->metrics[0] ? ", " : "", run->metrics, run->better > 0 ? "most" : "least", usual ? "" : " ",
                    usual ? "" : run->best);
  if (run->features[0]) gan_progress_note(progress, "features     %s", run->features);
}

void gan_header_print(gan_progress *progress, const gan_overview *run) {
  print_data(progress, run);
  print_network(progress, "generator", &run->generator);
  print_network(progress, "critic", &run->critic);
  print_iterations(progress, run);
  print_machine(progress, run);
  print_evaluation(progress, run);
  gan_progress_note(progress, "run          %s", run->folder);
}
