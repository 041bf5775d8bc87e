/* Progress of a training run: one live line on a terminal, plain lines in a log, and where the time went at the end.

   The line is drawn on the same stream as everything else that is said while training, through gan_progress_note, so
   that nothing lands in its middle. Used on rank 0 only. */
#ifndef GAN_CLI_PROGRESS_H
#define GAN_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/terminal.h"
#include "gan_dist/trainer.h"

typedef struct gan_progress gan_progress;

/* out is borrowed. terminal: draw a live line (gan_is_terminal(out)). quiet: draw nothing at all. log_every: a plain
   line every so many iterations, on a terminal too; 0: about every five seconds, and none on a terminal. Owned by the
   caller. */
gan_status gan_progress_create(FILE *out, bool terminal, bool quiet, int64_t log_every,
                               gan_progress **progress) GAN_CHECKED;
/* Erases a live line that is still there (after an error). NULL is allowed. */
void gan_progress_destroy(gan_progress *progress);

/* Another clock than gan_seconds(), and another width and character set than the terminal's own: for tests. Before the
   first iteration. width 0: the terminal's. */
void gan_progress_set_clock(gan_progress *progress, double (*now)(void *context), void *context);
void gan_progress_set_display(gan_progress *progress, int width, bool unicode);

/* What lines say of an iteration where it is not that of a GAN's training, in place of both losses: into `text` (`room`
   bytes), briefly for narrow terminals. Before the first iteration. */
typedef void (*gan_progress_words)(void *context, bool brief, size_t room, char *text);
void gan_progress_set_words(gan_progress *progress, gan_progress_words words, void *context);
/* Whether the difference of scores estimates a Wasserstein distance, and is shown as W; else lines that have room show
   the scores. Before the first iteration. */
void gan_progress_show_distance(gan_progress *progress, bool distance);

void gan_progress_iteration(gan_progress *progress, const gan_iteration *values);
/* A line of its own, with how it compares with the one before and the best; and for some seconds in the live line. */
void gan_progress_evaluation(gan_progress *progress, const gan_evaluation *values);
/* A line of its own (without a line end), above the live line. */
void gan_progress_note(gan_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Erases the live line, writes the last plain line if it has not been written, and stops the clock. Whatever the stream
   is used for next begins on a fresh line. Calling it again does nothing. */
void gan_progress_finish(gan_progress *progress);

/* Where the time went. The last but one is all the rest (checkpoints, pictures, evaluations), the last the sum. */
enum { GAN_PHASES = 6 };
typedef struct gan_phase {
  const char *name;  /* in JSON */
  const char *label; /* in a table */
  double seconds;
} gan_phase;

/* After gan_progress_finish; times are this rank's. */
void gan_progress_phases(const gan_progress *progress, gan_phase phases[GAN_PHASES]);
/* After gan_progress_finish: the phases and their shares, iterations and samples per second. `waiting` is said beside
   the time of waiting; "": nothing. Nothing when no iteration was done. */
void gan_progress_summary(FILE *out, const gan_progress *progress, const char *waiting);

#endif
