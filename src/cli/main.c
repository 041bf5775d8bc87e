/* The program: joins the other ranks, finds the subcommand, runs it, and makes one exit status and one message of what
   the ranks return. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "dist/launcher.h"
#include "dist/time_limit.h"
#include "dist/watchdog.h"
#include "dist/world.h"
#include "gan_dist/version.h"
#include "kernels/environment.h"
#include "store/output.h"

/* The libraries below have read their environment when main begins: to have it right the program starts itself once
   more. If it cannot, it goes on as it is, with idle threads and perhaps slower. Before MPI, which could not be started
   twice. */
static void start_again_with_the_right_environment(char **argv) {
  if (!gan_set_kernel_environment()) return;
  gan_signals_hand_over();
  execv("/proc/self/exe", argv);
}

static bool is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

/* --help, -h or --version anywhere before "--", or the word help in front. */
static const char *find_question(int count, char *const *words) {
  if (count && strcmp(words[0], "help") == 0) return "--help";
  for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
    if (is_help(words[i]) || strcmp(words[i], "--version") == 0) return words[i];
  return NULL;
}

static gan_status answer(const char *question, int count, char *const *words, bool prints) {
  const gan_command *command;
  int named = 0;
  if (strcmp(question, "--version") == 0) {
    if (prints) printf("gan_dist %s\n", GAN_DIST_VERSION);
    return GAN_OK;
  }
  const int skip = strcmp(words[0], "help") == 0;
  if (count > skip && !is_help(words[skip]) && strcmp(words[skip], "help") != 0)
    GAN_TRY(gan_command_choose(count - skip, words + skip, &command, &named));
  if (skip && named && count > skip + named)
    return gan_fail(GAN_BAD_USAGE, "help takes a subcommand and nothing after it, not \"%s\"", words[skip + named]);
  if (!prints) return GAN_OK;
  if (named)
    gan_help_command(stdout, command);
  else
    gan_help_program(stdout);
  return GAN_OK;
}

/* What the words ask for, read before MPI starts, since its start has the configuration's time limit; and only once,
   for an INI file may be a pipe. */
typedef struct request {
  const char *question;
  const gan_command *command;
  gan_arguments arguments;
  gan_status status; /* what is wrong is told when all ranks are there */
  char message[1024];
} request;

/* The work is, as every rank knows: mpirun may end those that are left when one has left with an error. */
static atomic_bool is_over;

/* Ranks that are ended together say it once, unless there is something to say of a file, which one of them has. */
static void remove_partial_files(void) {
  static const char removed[] = "gan_dist: ended by a signal; what was written so far is removed\n",
                    ended[] = "gan_dist: ended by a signal\n";
  const bool any = gan_partial_remove_all();
  if (!any && (atomic_load(&is_over) || gan_launcher_rank() > 0)) return;
  if (write(STDERR_FILENO, any ? removed : ended, (any ? sizeof removed : sizeof ended) - 1) < 0) return;
}

/* Signals that ask to stop have waited until here. Not longer: the INI file may be a pipe that nobody writes to. */
static gan_status answer_signals(const gan_command *command) {
  if (command && command->stop) return gan_signals_take(command->stop);
  if (command && (!command->only_prints || command->writes)) return gan_signals_end(remove_partial_files);
  gan_signals_release();
  return GAN_OK;
}

static void read_words(int count, char *const *words, request *made) {
  int named = 0;
  *made = (request){.question = find_question(count, words)};
  if (!made->question) made->status = gan_command_choose(count, words, &made->command, &named);
  const gan_status answered = answer_signals(made->status == GAN_OK ? made->command : NULL);
  if (made->status == GAN_OK) made->status = answered;
  if (made->question) return;
  if (made->status == GAN_OK)
    made->status = gan_arguments_parse(made->command, count - named, words + named, &made->arguments);
  if (made->status == GAN_OK) made->status = gan_arguments_check_outputs(made->command, &made->arguments);
  snprintf(made->message, sizeof made->message, "%s", gan_error_message());
}

/* A child process reads what may be damaged beyond what its library bears. Before MPI, which may not bear a fork. */
static void try_files(request *made) {
  if (made->question || made->status != GAN_OK || gan_launcher_rank() > 0) return;
  gan_arguments_try_outputs(made->command, &made->arguments);
  if (made->command->probe) made->status = made->command->probe(&made->arguments);
  snprintf(made->message, sizeof made->message, "%s", gan_error_message());
}

/* The configuration's --timeout, 0: none. */
static double time_limit_of(const request *made) {
  if (made->status == GAN_OK && made->arguments.config) return made->arguments.config->dist.timeout;
  double usual = 0;
  const gan_status status = gan_parse_real(gan_option_find("dist.timeout")->default_value, &usual);
  return status == GAN_OK ? usual : 0;
}

static gan_status run_command(gan_world *world, request *made) {
  made->arguments.world = world;
  if (made->status == GAN_OK && !gan_command_only_prints(made->command, &made->arguments))
    GAN_TRY(gan_world_check_launcher(world));
  gan_error_set(made->message);
  /* A rank whose INI file is missing must not leave the others waiting in the command's first exchange. */
  return gan_world_maximum(world, made->status != GAN_OK) == 0 ? made->command->run(&made->arguments) : made->status;
}

/* Whoever read standard output has left (`| head`, a terminal that is closed): no error, they have what they wanted. */
static bool reader_has_left(void) {
  struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP));
}

/* 0 when all was written, or an errno. */
static int finish_output(void) {
  if (fflush(stdout) != 0) return errno;
  if (!ferror(stdout)) return 0;
  /* What an earlier write failed of is forgotten by now; one more meets it again. */
  return write(STDOUT_FILENO, "\n", 1) < 0 ? errno : EIO;
}

static gan_status run_program(gan_world *world, request *made, int count, char *const *words) {
  const bool prints = gan_world_rank(world) == 0;
  gan_status status = made->question ? answer(made->question, count, words, prints) : run_command(world, made);
  const int error = prints ? finish_output() : 0;
  if (error && status == GAN_OK && !reader_has_left())
    status = gan_fail(GAN_FAILED, "cannot write to standard output: %s", strerror(error));
  return status;
}

/* Tells the error once. Before the ranks leave: mpirun ends those that are left when one leaves with an error. */
static void report(const gan_world *world) {
  /* Without a world only the launcher can tell which rank this is; the message is then the same on all. */
  if (world ? gan_world_speaks(world) : gan_launcher_rank() <= 0)
    fprintf(stderr, "gan_dist: %s\n", gan_error_message());
}

/* Whether MPI has to start: where a launcher started this process, and for what ranks share. All else one process does
   by itself, in a small part of the time that the start of MPI takes. A launcher that nobody here knows would have each
   of its processes print the same; but where they share work, only MPI is asked. */
static bool needs_mpi(const request *made) {
  const bool shares_work = !made->question && made->status == GAN_OK && made->command->shares_work;
  return shares_work || gan_launcher_name() != NULL;
}

/* From the start of MPI to its end there is always something that ends the run when a rank stands still. */
static gan_status open_world(int *argc, char ***argv, double limit, gan_world **world, bool *watched) {
  gan_time_limit *start = NULL;
  *world = NULL;
  GAN_TRY(gan_time_limit_begin(limit, "start", &start));
  gan_status status = gan_world_join(argc, argv, world);
  if (status == GAN_OK) status = gan_watchdog_start(*world, limit, watched);
  gan_time_limit_end(start);
  return status;
}

static void close_world(gan_world *world, double limit, bool watched) {
  gan_time_limit *end = NULL;
  const gan_status limited = gan_time_limit_begin(limit, "end", &end);
  (void)limited; /* better to end without than to fail now */
  if (watched) gan_watchdog_stop(world);
  gan_world_close(world);
  gan_time_limit_end(end);
}

int main(int argc, char **argv) {
  gan_signals_begin();
  (void)prctl(PR_SET_NAME, "gan_dist"); /* started again by /proc/self/exe it would be called "exe" */
  start_again_with_the_right_environment(argv);
  gan_world *world;
  bool watched = false;
  request made;
  read_words(argc - 1, argv + 1, &made);
  try_files(&made);
  const bool mpi = needs_mpi(&made);
  const double limit = mpi ? time_limit_of(&made) : 0; /* alone there is nobody to wait for */
  gan_status status = mpi ? open_world(&argc, &argv, limit, &world, &watched) : gan_world_alone(&world);
  if (status == GAN_OK) status = gan_world_agree(world, run_program(world, &made, argc - 1, argv + 1));
  atomic_store(&is_over, true);
  if (status != GAN_OK) report(world);
  gan_arguments_release(&made.arguments);
  close_world(world, limit, watched);
  return status;
}
