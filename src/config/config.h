/* The configuration as the program's parts see it: typed fields, filled from the option table (options.c).

   Texts are owned by the configuration and never NULL. Checks that concern one key alone are made when it is set; those
   that concern several (layers that fit the data, a batch that covers the shards) are made by whoever builds the thing.

   A value takes this way: its text is parsed, checked and stored by the option's row (value.c), whether it comes from
   the built-in defaults, a preset, an INI file (ini.c), the environment or the command line (src/cli/arguments.c). */
#ifndef GAN_CONFIG_CONFIG_H
#define GAN_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/source.h"
#include "gan/augmentation.h"
#include "gan/loss.h"
#include "gan/penalty.h"
#include "gan_dist/config.h"
#include "optim/optimizer.h"

enum { GAN_OPTIONS_MOST = 160 };

/* Steps of both networks in an iteration; one of the two numbers is 1. */
typedef struct gan_step_ratio {
  int64_t critic, generator;
} gan_step_ratio;

typedef struct gan_network_config {
  char *layers;
  char *init;
  double init_scale;    /* 0: the initialisation's default */
  double learning_rate; /* 0: optimizer.learning_rate */
  double gradient_clip; /* bound of the gradient's norm; 0: none */
} gan_network_config;

struct gan_config {
  struct {
    char *dir;  /* "" : runs/NAME */
    char *name; /* the preset's or INI file's base name unless set; "ring8" when neither was given */
    int64_t seed;
    int64_t iterations;
    int64_t stop_at;   /* checkpoint and exit with GAN_INTERRUPTED after this iteration; 0: never */
    char *resume;      /* "no", "yes" (newest checkpoint of run.dir, if there is one), or a checkpoint's path */
    char *backend;     /* "auto", "onednn", "openblas" */
    char *precision;   /* "float32" */
    int64_t log_every; /* plain progress line every so many iterations; 0: by time */
  } run;
  gan_data_options data; /* its texts are owned here */
  struct {
    gan_network_config network;
    int64_t latent;            /* elements of z */
    char *latent_distribution; /* normal, uniform */
  } generator;
  struct {
    gan_network_config network;
    double clip;        /* weight clipping bound; 0: none; NAN: not settled yet (train/regularisers.c) */
    double clip_norm;   /* the same for L2 norms */
    char *clip_norm_of; /* tensor, row */
    gan_penalty_options penalty;
    double lecam;       /* 0: none */
    bool spectral_norm; /* of all layers with a weight matrix */
  } critic;
  struct {
    char *layers; /* up to the features; the layer for the classes comes behind them */
    char *init;
    double init_scale; /* 0: the initialisation's default */
    char *test;        /* file of test samples; "": those that come with the data, or a share that is held out */
    double held_out;   /* that share; NAN: 0.1, where no test samples come with the data */
  } classifier;
  gan_loss_options loss;
  gan_augment_options augment; /* its texts are owned here */
  struct {
    int64_t batch;
    int64_t shards;     /* 0: gan_shards_count chooses; a trainer's own configuration has its choice */
    int64_t accumulate; /* groups of a rank's shards that are computed one after the other */
    gan_step_ratio n_critic;
    char *order;                /* alternating, simultaneous */
    int64_t warmup_iterations;  /* 25 in the WGAN paper; 0: no warm-up */
    int64_t warmup_n_critic;    /* 100 */
    int64_t warmup_every;       /* 500; 0: only at the start */
    double ema_decay;           /* moving average of the generator's weights; 0: none by this */
    double ema_half_life;       /* the same, in samples; 0: none by this */
    double ema_half_life_final; /* NAN: it stays */
    double ema_warmup;          /* bound of the half-life, as a share of the samples so far; 0: no bound */
    int64_t verify_every;       /* iterations between comparisons over ranks, also before checkpoints; 0: never */
  } train;
  gan_optimizer_options optimizer;
  struct {
    bool sync;
    double momentum, epsilon;
  } batch_norm;
  struct {
    char *reduction; /* "auto", or a row of dist/reduction.h */
    double timeout;  /* seconds without progress that end the run; 0: never */
  } dist;
  struct {
    int64_t every; /* iterations; 0: only at the end */
    int64_t keep;
  } checkpoint;
  struct {
    int64_t every; /* 0: only at the end */
    int64_t count;
    bool ema; /* draw from the averaged generator when there is one */
  } samples;
  struct {
    int64_t every; /* 0: only at the end */
    int64_t samples;
    int64_t projections;
    char *metrics;  /* names of eval/metric.h that are recorded, too; "": none, "all": all that can be computed */
    char *features; /* what they look at: a network's file, "random", "none"; "": by the data's shape */
    char *best;     /* the recorded value by which best.h5 is kept */
  } eval;
  struct {
    char *file;    /* "": no trace */
    int64_t steps; /* optimiser updates to trace, those of both networks counted together */
  } trace;
  /* By row of the option table. */
  bool given[GAN_OPTIONS_MOST];   /* somebody set the key, it is no built-in default */
  bool brought[GAN_OPTIONS_MOST]; /* nobody named it: a preset that was asked for has it, or the run so far */
  bool takes_preset;              /* what is set meanwhile is a preset's */
};

typedef struct gan_option gan_option;

gan_status gan_config_copy(const gan_config *config, gan_config **copy) GAN_CHECKED;

/* kept.c: a run and its starts. Precedence: built-in defaults < the checkpoint that is gone on from < config.ini in
   the run's folder < what was given. */

/* What was set so far counts as defaults, not as given. */
void gan_config_count_as_default(gan_config *config);
/* Takes over from the configuration `from`, which a run has had so far, what belongs to the run and is not given. */
gan_status gan_config_take_over(gan_config *config, const gan_config *from) GAN_CHECKED;
/* Whether two configurations have other values of an option: "critic.clip: 0.01 -> 0.02", owned by the caller, else
   NULL. Of layers, those that differ: "critic.layers: 2: relu -> gelu". */
gan_status gan_config_difference(const gan_option *option, const gan_config *before, const gan_config *after,
                                 char **text) GAN_CHECKED;
/* As gan_config_print, but for what one start alone was asked for (gan_option_scope), which has its default. */
gan_status gan_config_print_run(const gan_config *config, char **text) GAN_CHECKED;

/* The run's folder as configured, into `folder` (PATH_MAX bytes): run.dir, or runs/NAME (run.name) when that is empty.
   GAN_BAD_USAGE when run.name is needed and empty, or the path is too long. */
gan_status gan_config_folder(const gan_config *config, char *folder) GAN_CHECKED;

/* How an option's text becomes a field. */
typedef enum gan_option_type {
  GAN_OPTION_TEXT,    /* char *: any text */
  GAN_OPTION_NAME,    /* char *: one of the names of a table */
  GAN_OPTION_LAYERS,  /* char *: a network's description; line ends and commas are the same */
  GAN_OPTION_INTEGER, /* int64_t (int where the field is one; see size) */
  GAN_OPTION_REAL,    /* double */
  GAN_OPTION_RATIO,   /* gan_step_ratio: "5", "1/2" or 0.5 */
  GAN_OPTION_BOOLEAN, /* bool: yes/no, true/false, on/off, 1/0 */
  GAN_OPTION_PRESET   /* run.preset: no field of its own; setting it takes over the named preset's keys */
} gan_option_type;

/* What a key is about, and so what becomes of it where a run goes on from a checkpoint. */
typedef enum gan_option_scope {
  GAN_SCOPE_RESULT, /* what is computed: taken over unless given, named where it changes */
  GAN_SCOPE_LENGTH, /* run.iterations: the same, but a change is one of what is computed where a schedule runs over it
                     */
  GAN_SCOPE_BEGIN,  /* what is computed before the first iteration: taken over; a change comes too late to be one */
  GAN_SCOPE_RUN,    /* what else belongs to the run: where its data lie, what is written and when: taken over */
  GAN_SCOPE_START,  /* where and how a start runs: not taken over */
  GAN_SCOPE_ONCE    /* what one start alone is asked for: neither config.ini nor a checkpoint keeps it */
} gan_option_scope;

struct gan_option {
  const char *key;        /* "train.batch" */
  const char *short_form; /* "--batch", or NULL */
  gan_option_type type;
  gan_option_scope scope;
  size_t offset, size; /* of the field in gan_config */
  const char *default_value;
  const char *alone;       /* what the option means on the command line without a value; NULL: it needs one */
  double minimum, maximum; /* of numbers, inclusive unless said so below */
  bool minimum_exclusive, maximum_exclusive;
  bool or_zero;      /* 0 is allowed too, and stands for none */
  const char *unset; /* of a GAN_OPTION_REAL: the text that stands for no number, a NAN; NULL: there is none */
  /* For GAN_OPTION_NAME: the i-th known name (and its help, unless NULL), NULL past the end. */
  const char *(*choice)(int i, const char **help);
  const char *value_name; /* of its value in help texts, "FILE"; NULL: after the type */
  const char *help;       /* one sentence with its unit */
};

extern const gan_option gan_options[];
extern const int gan_option_count;
/* By key or short form; NULL when unknown. */
const gan_option *gan_option_find(const char *name);
/* The key nearest to an unknown one: by spelling, or one with the same last word ("clip" -> "critic.clip"); or NULL. */
const char *gan_option_nearest(const char *key);
/* Parses `value`, checks it, stores it. GAN_BAD_USAGE, naming the key, when it does not parse or is out of range. */
gan_status gan_option_set(const gan_option *option, gan_config *config, const char *value) GAN_CHECKED;
/* A field's value as text, owned by the caller. */
gan_status gan_option_print(const gan_option *option, const gan_config *config, char **text) GAN_CHECKED;

/* Presets: INI files of configs/, compiled in. */
typedef struct gan_preset {
  const char *name;
  const char *help; /* the file's first comment line */
  const char *text;
} gan_preset;
extern const gan_preset gan_presets[];
extern const int gan_preset_count;
const gan_preset *gan_preset_find(const char *name);

#endif
