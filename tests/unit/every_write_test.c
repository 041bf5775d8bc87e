/* A disk that is full at the first write of a run, the second, and so on up to the last: each time the run ends with an
   error that says so, what is in its folder is whole, and going on later gives what a run with room would have given.

   Each run is a process of its own, forked before anything but MPI was begun, since HDF5 does not get over a write that
   failed. What the program itself makes of it, on several ranks too, is in tests/cli/bad_input_test.sh. (run: slow) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "data/image.h"
#include "gan_dist/gan_dist.h"
#include "store/checkpoint.h"
#include "store/metrics.h"

/* How a process ends: as it has to, with the fault or without, or not so. */
/* Sanitizers take five times as long, and look for other things than the plain build. */
#if defined __SANITIZE_ADDRESS__
enum { STEP = 5 };
#else
enum { STEP = 1 };
#endif
enum { STRUCK = 10, WENT_THROUGH = 11, WRONG = 12, WRITES_MOST = 2000, SECONDS_MOST = 60 };

typedef const char *setting[2];

/* Pictures, evaluations and checkpoints, the best among them and old ones that go, every other iteration. The folder is
   gone on from in any case, so that the configuration, which checkpoints hold, is the same for all. */
static const setting whole_run[] = {{"run.iterations", "4"},
                                    {"run.dir", "run"},
                                    {"run.resume", "yes"},
                                    {"generator.latent", "2"},
                                    {"generator.layers", "dense 3, relu, dense 2"},
                                    {"critic.layers", "dense 3, relu, dense 1"},
                                    {"train.n_critic", "1"},
                                    {"train.batch", "4"},
                                    {"train.shards", "2"},
                                    {"checkpoint.every", "2"},
                                    {"checkpoint.keep", "1"},
                                    {"samples.every", "2"},
                                    {"eval.every", "2"},
                                    {"eval.samples", "8"},
                                    {NULL, NULL}};
/* A trace that is longer than the run: its last groups are written when it is closed, after the last iteration. */
static const setting traced_run[] = {{"run.iterations", "1"},      {"run.dir", "run"},
                                     {"generator.latent", "2"},    {"generator.layers", "dense 2"},
                                     {"critic.layers", "dense 1"}, {"train.n_critic", "1"},
                                     {"train.batch", "2"},         {"train.shards", "2"},
                                     {"eval.samples", "8"},        {"trace.file", "trace.h5"},
                                     {"trace.steps", "100"},       {NULL, NULL}};

static gan_world *world;
static char top[64];

/* ---- In the forked processes, whose working directory is the run's */

static gan_status configure(const setting *settings, gan_config **config) {
  GAN_TRY(gan_config_create(config));
  for (const setting *one = settings; (*one)[0]; one++) GAN_TRY(gan_config_set(*config, (*one)[0], (*one)[1]));
  return GAN_OK;
}

static gan_status train(const setting *settings) {
  gan_config *config = NULL;
  gan_trainer *trainer = NULL;
  gan_status status = configure(settings, &config);
  if (status == GAN_OK) status = gan_trainer_create(world, config, NULL, &trainer);
  if (status == GAN_OK) status = gan_trainer_run(trainer);
  gan_trainer_destroy(trainer);
  gan_config_destroy(config);
  return status;
}

/* Trains, with the nth write failing. */
static int strike(const setting *settings, int64_t nth) {
  gan_fault_arm(GAN_FAULT_WRITE, nth);
  const gan_status status = train(settings);
  const bool struck = gan_fault_has_struck(GAN_FAULT_WRITE);
  const char *message = status == GAN_OK ? "" : gan_error_message();
  if (!struck && status == GAN_OK) return WENT_THROUGH;
  if (struck && status == GAN_FAILED && strncmp(message, "cannot write ", 13) == 0 && strstr(message, "No space left"))
    return STRUCK;
  printf("%s, and the run ended with status %d: %s\n", struck ? "a write failed" : "no write failed", (int)status,
         message);
  return WRONG;
}

static gan_status read_picture(const char *path) {
  const gan_image_format *format = NULL;
  gan_image_reader reader;
  gan_image image;
  bool more = true;
  GAN_TRY(gan_image_format_of(path, &format));
  if (!format) return gan_fail(GAN_BAD_FILE, "%s is no picture", path);
  GAN_TRY(gan_image_open(format, path, false, &reader));
  gan_status status = GAN_OK;
  while (status == GAN_OK && more) status = gan_image_next(&reader, &image, &more);
  gan_image_close(&reader);
  return status;
}

static gan_status read_metrics(const char *path) {
  static const char *const columns[][2] = {
      {"train", "iteration"}, {"train", "critic_loss"}, {"eval", "sliced_wasserstein"}};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    size_t count = 0;
    double *values = NULL;
    GAN_TRY(gan_metrics_read(path, columns[i][0], columns[i][1], &count, &values));
    free(values);
  }
  return GAN_OK;
}

static gan_status read_config(const char *path) {
  gan_config *config = NULL;
  gan_status status = gan_config_create(&config);
  if (status == GAN_OK) status = gan_config_read_file(config, path);
  gan_config_destroy(config);
  return status;
}

/* Entries of whole lines, of which the first ones begin at the margin. */
static gan_status read_history(const char *path) {
  FILE *file = fopen(path, "r");
  char line[PATH_MAX];
  bool whole = file && fgets(line, sizeof line, file) && strncmp(line, "20", 2) == 0 && strchr(line, '\n');
  while (whole && fgets(line, sizeof line, file)) whole = strchr(line, '\n') != NULL;
  if (file) fclose(file);
  return whole ? GAN_OK : gan_fail(GAN_FAILED, "%s holds half an entry", path);
}

static bool ends_with(const char *text, const char *ending) {
  const size_t length = strlen(text);
  return length >= strlen(ending) && strcmp(text + length - strlen(ending), ending) == 0;
}

/* Whether a file of the run's folder is whole. Nothing may be left there under the name of a file on its way. */
static gan_status read_whole(const char *name) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "run/%s", name);
  if (strcmp(name, "metrics.h5") == 0) return read_metrics(path);
  if (strcmp(name, "config.ini") == 0) return read_config(path);
  if (strcmp(name, "history.txt") == 0) return read_history(path);
  if (ends_with(name, ".png")) return read_picture(path);
  if (ends_with(name, ".h5")) return gan_checkpoint_verify(path);
  return gan_fail(GAN_FAILED, "%s is left", path);
}

static bool folder_is_whole(void) {
  gan_status status = GAN_OK;
  DIR *folder = opendir("run");
  if (!folder) return errno == ENOENT;
  for (const struct dirent *entry = readdir(folder); entry && status == GAN_OK; entry = readdir(folder))
    if (entry->d_name[0] != '.') status = read_whole(entry->d_name);
  closedir(folder);
  if (status != GAN_OK) printf("%s\n", gan_error_message());
  return status == GAN_OK;
}

static bool same_bytes(const char *a, const char *b) {
  bool same = true;
  FILE *of_a = fopen(a, "rb"), *of_b = fopen(b, "rb");
  for (int byte = 0; of_a && of_b && same && byte != EOF;) {
    byte = getc(of_a);
    same = getc(of_b) == byte;
  }
  same = same && of_a && of_b;
  if (of_a) fclose(of_a);
  if (of_b) fclose(of_b);
  return same;
}

/* There is room again: the run goes on, and ends as the one in ../0 did. */
static bool goes_on(const setting *settings) {
  const gan_status status = train(settings);
  if (status != GAN_OK) printf("going on: %s\n", gan_error_message());
  if (status != GAN_OK || !folder_is_whole()) return false;
  if (same_bytes("run/latest.h5", "../0/run/latest.h5")) return true;
  printf("the last checkpoint is another one than without the fault\n");
  return false;
}

/* ---- In the test's process */

typedef struct task {
  enum { STRIKE, LOOK, GO_ON } what; /* in one folder, in this order */
  const setting *settings;
  int64_t nth; /* the write that fails, and the folder's name; 0: none */
} task;

static int carry_out(const task *to_do) {
  if (to_do->what == STRIKE) return strike(to_do->settings, to_do->nth);
  const bool well = to_do->what == LOOK ? folder_is_whole() : goes_on(to_do->settings);
  return well ? WENT_THROUGH : WRONG;
}

/* In a process of its own, in the folder top/NTH; a hang ends by a signal. */
static int carry_out_apart(task to_do) {
  char path[PATH_MAX];
  int outcome = 0;
  snprintf(path, sizeof path, "%s/%lld", top, (long long)to_do.nth);
  mkdir(path, 0777);
  fflush(NULL);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(SECONDS_MOST);
    const int status = chdir(path) == 0 ? carry_out(&to_do) : WRONG;
    fflush(NULL);
    _exit(status);
  }
  assert_int_equal(waitpid(child, &outcome, 0), child);
  return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : WRONG;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place) {
  (void)about, (void)kind, (void)place;
  return remove(path);
}

/* top, or what is below it. */
static void remove_all(const char *path) { assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0); }

static void remove_folder(int64_t nth) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%lld", top, (long long)nth);
  remove_all(path);
}

/* Names of the run's files, and where links lead to, each on a line of `list`. */
static void list_files(int64_t nth, size_t size, char *list) {
  char path[PATH_MAX];
  struct dirent **entries = NULL;
  snprintf(path, sizeof path, "%s/%lld/run", top, (long long)nth);
  const int count = scandir(path, &entries, NULL, alphasort), folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  size_t used = 0;
  list[0] = '\0';
  for (int i = 0; i < count; i++) {
    char target[PATH_MAX] = "";
    if (readlinkat(folder, entries[i]->d_name, target, sizeof target - 1) < 0) target[0] = '\0';
    used += (size_t)snprintf(list + used, size - used, "%s %s\n", entries[i]->d_name, target);
    assert_true(used < size);
    free(entries[i]);
  }
  free(entries);
  if (folder >= 0) close(folder);
}

/* Going on depends on which files there are, all of which are whole: it is tried when these are others than before. */
static void sweep(const setting *settings, bool resumes, int64_t writes_least) {
  char files[4096], before[4096] = "none yet";
  assert_int_equal(carry_out_apart((task){STRIKE, settings, 0}), WENT_THROUGH);
  int64_t nth = 1 - STEP;
  for (int outcome = STRUCK; outcome == STRUCK; remove_folder(nth)) {
    nth += STEP;
    assert_true(nth < WRITES_MOST);
    outcome = carry_out_apart((task){STRIKE, settings, nth});
    bool well = outcome != WRONG && carry_out_apart((task){LOOK, settings, nth}) == WENT_THROUGH;
    list_files(nth, sizeof files, files);
    if (well && resumes && strcmp(files, before) != 0)
      well = carry_out_apart((task){GO_ON, settings, nth}) == WENT_THROUGH;
    strcpy(before, files);
    if (!well) fail_msg("write %lld of a run: see above", (long long)nth);
  }
  remove_folder(0);
  assert_true(nth > writes_least); /* every one was struck, and there are as many as there have to be */
}

static void every_failing_write_of_a_run_is_reported_and_loses_nothing(void **state) {
  (void)state;
  sweep(whole_run, true, 100);
}

static void every_failing_write_of_a_trace_is_reported(void **state) {
  (void)state;
  sweep(traced_run, false, 100);
}

/* In memory where there is room: a disk takes its time to sync what is thrown away at once. */
static int make_top(void **state) {
  (void)state;
  strcpy(top, "/dev/shm/gan_every_write_XXXXXX");
  if (mkdtemp(top)) return 0;
  strcpy(top, "/tmp/gan_every_write_XXXXXX");
  return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state) {
  (void)state;
  remove_all(top);
  return 0;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_failing_write_of_a_run_is_reported_and_loses_nothing, make_top, remove_top),
      cmocka_unit_test_setup_teardown(every_failing_write_of_a_trace_is_reported, make_top, remove_top),
  };
  if (gan_world_open(&argc, &argv, &world) != GAN_OK) {
    fprintf(stderr, "cannot begin: %s\n", gan_error_message());
    return 1;
  }
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  gan_world_close(world);
  return failed;
}
