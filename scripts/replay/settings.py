"""What a replay reads of a run's configuration, config.ini in its folder, which lists every key with its value.

Every key of the sections that say what an update computes is either read here or known not to matter. One that is neither
ends the program: a replay that passed over it would compare with something else."""
import configparser
import math
import sys

# What is read, and what a key is where a configuration of an earlier version has none; None: all versions have it.
READ = {
    "run": {"iterations": None, "precision": "float32"},
    "generator": {"layers": None, "learning_rate": "0", "gradient_clip": "0"},
    "critic": {"layers": None, "learning_rate": "0", "gradient_clip": "0", "spectral_norm": "no", "clip": None, "clip_norm": "0",
               "clip_norm_of": "tensor", "gradient_penalty": "0", "gradient_penalty_target": "1",
               "gradient_penalty_one_sided": "no", "gradient_penalty_epsilon": "1e-10", "dragan": "0", "r1": "0",
               "r1_final": "constant", "r2": "0", "r2_final": "constant", "penalty_every": "1", "lecam": "0"},
    "loss": {"name": None, "label_smoothing": None, "label_flips": "0", "real_label": "1", "fake_label": "0",
             "real_margin": "1", "fake_margin": "1"},
    "augment": {"operations": ""},
    "train": {"batch": None, "shards": None, "order": "alternating"},
    "optimizer": {"name": None, "learning_rate": None, "weight_decay": None, "alpha": None, "epsilon": None, "momentum": None,
                  "beta1": None, "beta2": None, "beta1_final": "constant", "beta2_final": "constant", "schedule": None,
                  "final_factor": None, "warmup": "0", "batch_scaling": "none", "reference_batch": "0"},
    "batch_norm": {"epsilon": None, "sync": None},
}

# What changes nothing of an update, or only how often and where something is done, or what the trace has the outcome of.
NO_MATTER = {
    "run": "dir name seed stop_at resume backend log_every",
    "generator": "init init_scale latent latent_distribution",
    "critic": "init init_scale",
    "augment": "strength schedule final_strength adaptive target samples_to_full",
    "train": "n_critic warmup_iterations warmup_n_critic warmup_every accumulate ema_decay ema_half_life ema_half_life_final "
             "ema_warmup verify_every",
    "batch_norm": "momentum",
    "classifier": None, "data": None, "shower": None, "dist": None, "checkpoint": None, "samples": None, "eval": None, "trace": None,
}


class Settings:
    """The values, by section and key."""

    def __init__(self, values, path):
        self.values, self.path = values, path

    def text(self, section, key):
        return self.values.get(section, {}).get(key, READ[section][key])

    def number(self, section, key):
        return float(self.text(section, key))

    def flag(self, section, key):
        return self.text(section, key) in ("yes", "true", "on", "1")

    def moved(self, section, key, iteration):
        """What moves from `key` to `key`_final along half a cosine, unless that says that it stays."""
        begin, end = self.number(section, key), self.text(section, f"{key}_final")
        if end == "constant":
            return begin
        return float(end) + (begin - float(end)) * (1 + math.cos(math.pi * self.progress(iteration))) / 2

    def progress(self, iteration):
        return min(iteration / self.number("run", "iterations"), 1)


def is_known(section, key):
    if section in NO_MATTER and NO_MATTER[section] is None:
        return True
    return key in READ.get(section, {}) or key in NO_MATTER.get(section, "").split()


def read(path):
    """The settings of a file; ends the program where it is no config.ini of a run, or has what is not known here."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except UnicodeDecodeError:
        sys.exit(f"replay_trace: {path} is no text; the trace comes first, then the config.ini of the run's folder")
    except (OSError, configparser.Error) as error:
        sys.exit(f"replay_trace: {path} cannot be read: {' '.join(str(error).split())}")
    values = {section: dict(parser[section]) for section in parser.sections()}
    for section, keys in READ.items():
        for key, otherwise in keys.items():
            if otherwise is None and key not in values.get(section, {}):
                sys.exit(f"replay_trace: {path} is no config.ini of a run's folder: it has no [{section}] {key}")
    for section, keys in values.items():
        for key in keys:
            if not is_known(section, key):
                sys.exit(f"replay_trace: {path} has [{section}] {key}, which is not known here: it may change what an update does")
    return Settings(values, path)
