#!/usr/bin/python3
"""Does the training of a trace again, in PyTorch and float64, and says how far gan_dist's numbers are from that.

    gan_dist train --iterations 5 --trace trace.h5 --trace-steps 30 --run.dir run
    scripts/replay_trace.py trace.h5 run/config.ini

For every update it takes the parameters before it, the real samples and the latents from the trace; computes scores,
loss and gradient by autograd and compares them with the trace's; then applies torch.optim's update and the clipping and
compares the parameters. PyTorch does the same in float32 beside it, and is off by some rounding, too: gan_dist differs
when it is off by more than a few times as much (--factor), and by more than --tolerance, in any update.

Where a value is nearly zero before a ReLU, rounding decides on which side it falls, and the gradient jumps; PyTorch's
float32 need not fall to the same side. So a gradient that is further off also agrees when float64 gives the same after
changes of the parameters no larger than float32's rounding.

The trace has to begin with the run (not with a resumed one), since optimiser moments are not in it, and the run has to be
one in float32. Debian: apt-get install python3-torch python3-h5py
"""
import argparse
import configparser
import math
import sys

try:
    import h5py
    import torch
except ImportError as error:
    sys.exit(f"replay_trace: {error}; on Debian: apt-get install python3-torch python3-h5py")

from torch_layers import MinibatchStddev, module_of_layers

torch.set_default_dtype(torch.float64)
NUDGES = 48

# What is read of a configuration; the config.ini that a run leaves has all of it.
KEYS = {
    "generator": ["layers"],
    "critic": ["layers", "clip"],
    "loss": ["name", "label_smoothing"],
    "batch_norm": ["epsilon", "sync"],
    "optimizer": ["name", "learning_rate", "weight_decay", "alpha", "epsilon", "momentum", "beta1", "beta2", "schedule",
                  "final_factor"],
    "train": ["shards"],
    "run": ["iterations"],
}


def losses(name, smoothing):
    """critic(real, fake) and generator(fake), as in docs/losses.md."""
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    target = 1 - smoothing / 2
    cross = lambda scores, value: entropy(scores, torch.full_like(scores, value))
    if name == "wasserstein":
        return (lambda r, f: f.mean() - r.mean()), (lambda f: -f.mean())
    critic = lambda r, f: cross(r, target) + cross(f, 0.0)
    if name == "minimax":
        return critic, lambda f: -cross(f, 0.0)
    if name == "modified_minimax":
        return critic, lambda f: cross(f, 1.0)
    sys.exit(f"replay_trace: the loss {name} is not known here")


class Player:
    """One network in torch, in one precision, and torch's optimiser with its moments."""

    def __init__(self, network, dtype, config, section):
        self.network, self.dtype = network.to(dtype), dtype
        options = config["optimizer"]
        self.gradient_clip = float(config[section].get("gradient_clip", "0"))
        self.rate = float(config[section].get("learning_rate", "0")) or float(options["learning_rate"])
        decay = float(options["weight_decay"])
        parameters = list(network.parameters())
        if options["name"] == "rmsprop":
            self.optimizer = torch.optim.RMSprop(parameters, self.rate, float(options["alpha"]), float(options["epsilon"]), decay,
                                                 float(options["momentum"]))
        elif options["name"] == "adam":
            betas = (float(options["beta1"]), float(options["beta2"]))
            self.optimizer = torch.optim.Adam(parameters, self.rate, betas, float(options["epsilon"]), decay)
        else:
            self.optimizer = torch.optim.SGD(parameters, self.rate, float(options["momentum"]), 0, decay)

    def set(self, flat):
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(torch.as_tensor(flat, dtype=self.dtype).clone(), self.network.parameters())

    def flat(self):
        return torch.cat([p.data.reshape(-1) for p in self.network.parameters()])

    def gradient(self):
        # Nothing of a gradient comes through an embedding to what is before it.
        return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.network.parameters()])

    def step(self, gradient, rate_factor, clip):
        """torch's update with a given gradient, and the clipping."""
        at = 0
        gradient = torch.as_tensor(gradient, dtype=self.dtype)
        for parameter in self.network.parameters():
            parameter.grad = gradient[at:at + parameter.numel()].reshape(parameter.shape).clone()
            at += parameter.numel()
        for options in self.optimizer.param_groups:
            options["lr"] = self.rate * rate_factor
        if self.gradient_clip > 0:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.gradient_clip)
        self.optimizer.step()
        if clip > 0:
            with torch.no_grad():
                for parameter in self.network.parameters():
                    parameter.clamp_(-clip, clip)


class Update:
    """What a trace has of one update."""

    def __init__(self, group):
        kind = group.attrs["network"]
        self.kind = kind.decode() if isinstance(kind, bytes) else kind
        self.iteration = int(group.attrs["iteration"])
        self.values = {name: torch.as_tensor(data[()]) for name, data in group.items()}


class Training:
    """Both networks in one precision, and what an update does with them."""

    def __init__(self, config, latent, sample, dtype):
        options = {"eps": float(config["batch_norm"]["epsilon"])}
        shapes = {"generator": (latent,), "critic": sample}
        self.players = {section: Player(module_of_layers(config[section]["layers"], shape, **options), dtype, config, section)
                        for section, shape in shapes.items()}
        self.sample, self.dtype, self.config = sample, dtype, config
        self.losses = losses(config["loss"]["name"], float(config["loss"]["label_smoothing"]))
        self.set_shards(1, 1)

    def set_shards(self, batch, shards):
        """Statistics are of a shard, or of the whole batch where batch norm is synchronised."""
        cuts = [s * batch // shards for s in range(shards + 1)]
        sizes = [end - begin for begin, end in zip(cuts[:-1], cuts[1:])]
        synchronised = self.config["batch_norm"]["sync"] in ("yes", "true", "on", "1")
        self.parts = [batch] if synchronised else sizes
        for player in self.players.values():
            for module in player.network.modules():
                if isinstance(module, MinibatchStddev):
                    module.shards = sizes if synchronised else None

    def by_part(self, name, rows):
        return torch.cat([self.players[name].network(part) for part in rows.split(self.parts)])

    def differentiate(self, update):
        """Scores, loss and gradient, by name; the parameters stay."""
        for player in self.players.values():
            player.optimizer.zero_grad()
        z = update.values["z"].to(self.dtype)
        found = {"score_fake": self.by_part("critic", self.by_part("generator", z).reshape(len(z), *self.sample)).reshape(-1)}
        if update.kind == "critic":
            found["score_real"] = self.by_part("critic", update.values["real"].to(self.dtype)).reshape(-1)
            loss = self.losses[0](found["score_real"], found["score_fake"])
        else:
            loss = self.losses[1](found["score_fake"])
        loss.backward()
        found = {name: scores.detach() for name, scores in found.items()}
        return {**found, "loss": loss.detach(), "gradient": self.players[update.kind].gradient()}

    def step(self, update):
        """The parameters after the update. The optimiser is checked by itself: on the trace's own gradient, so that it does
        not amplify rounding; so the trace's parameters are those that the next update begins with."""
        player = self.players[update.kind]
        clip = float(self.config["critic"]["clip"]) if update.kind == "critic" else 0
        player.step(update.values["gradient"], schedule(self.config, update.iteration), clip)
        after = player.flat()
        player.set(update.values["parameters"])
        return after

    def nudged(self, update, seed):
        """The gradient from parameters that are off by what float32 rounds, or some times that."""
        kept = {name: player.flat() for name, player in self.players.items()}
        random = torch.Generator().manual_seed(seed)
        for name, player in self.players.items():
            noise = torch.randn(len(kept[name]), generator=random, dtype=self.dtype)
            player.set(kept[name] * (1 + 2.0 ** (seed % 3 - 24) * noise))
        gradient = self.differentiate(update)["gradient"]
        for name, player in self.players.items():
            player.set(kept[name])
        return gradient


def schedule(config, iteration):
    kind, final = config["optimizer"]["schedule"], float(config["optimizer"]["final_factor"])
    progress = iteration / int(config["run"]["iterations"])
    return {"constant": 1.0, "linear": 1 + (final - 1) * progress, "exponential": final**progress if final > 0 else 0.0,
            "cosine": final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2}[kind]


def distance(values, exact, scale=None):
    """Largest difference, relative to the largest value."""
    values, exact = values.to(torch.float64), exact.to(torch.float64)
    return float((values - exact).abs().max()) / max(scale or float(exact.abs().max()), 1e-30)


def check_run(config, first):
    """Ends the program where a trace does not tell what was done."""
    layers = "\n".join(config[section]["layers"] for section in ("generator", "critic")).replace(",", "\n")
    if "dropout" in [line.split()[0] for line in layers.splitlines() if line.split()]:
        sys.exit("replay_trace: what dropout drops is not in a trace; replay one of a run without it")
    if config["run"].get("precision", "float32") != "float32":
        sys.exit(f"replay_trace: products were rounded to {config['run']['precision']}; replay a run with --precision float32")
    if first.iteration > 0:
        sys.exit(f"replay_trace: the trace begins after iteration {first.iteration}, and the optimiser's moments of then are not "
                 "in it; replay one that begins with the run")


def prepare(trace, config, first):
    """The training in float64 and in float32, as the run began; ends the program where the configuration is of another run."""
    try:
        latent, sample = first.values["z"].shape[1], tuple(first.values["real"].shape[1:])
        trainings = [Training(config, latent, sample, dtype) for dtype in (torch.float64, torch.float32)]
        for training in trainings:
            for network, player in training.players.items():
                initial = trace[f"initial/{network}"][:]
                if len(initial) != len(player.flat()):
                    raise ValueError(f"the {network} has {len(initial)} parameters in the one and {len(player.flat())} in the other")
                player.set(initial)
        trainings[0].differentiate(first)
    except (KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
        sys.exit(f"replay_trace: the trace and the configuration are not of the same run: {' '.join(str(error).split())}")
    return trainings


def find_shards(config, exact, first):
    """Into how many shards batches were cut. Configurations of earlier versions say 0 for as many as there were ranks: then
    the least number that the first update's scores agree with."""
    batch, told = len(first.values["z"]), int(config["train"]["shards"])
    off = {}
    for shards in [told] if told else range(1, batch + 1):
        exact.set_shards(batch, shards)
        if told:
            return told
        try:
            off[shards] = distance(first.values["score_fake"], exact.differentiate(first)["score_fake"])
        except ValueError:  # a shard of one sample has no statistics
            break
        if off[shards] < 1e-4:
            break
    return min(off, key=off.get)


class Judge:
    """The worst of each quantity over all updates, and whether each of them is within what float32 explains."""

    def __init__(self, factor, tolerance):
        self.factor, self.tolerance = factor, tolerance
        self.worst, self.kinks = {}, 0

    def limit(self, theirs):
        return max(self.tolerance, self.factor * theirs)

    def compare(self, what, traced, exact, rounded, explain=None, scale=None):
        """explain: gives gradients that rounding could have led to as well."""
        ours, theirs = distance(traced, exact, scale), distance(rounded, exact, scale)
        agrees = ours <= self.limit(theirs)
        if not agrees and explain:
            agrees = any(distance(traced, gradient) <= self.limit(theirs) for gradient in explain)
            self.kinks += agrees
        worst = self.worst.setdefault(what, [0.0, 0.0, True])
        self.worst[what] = [max(worst[0], ours), max(worst[1], theirs), worst[2] and agrees]

    def report(self, updates):
        print(f"{'off by':12s} {'gan_dist':>10s} {'PyTorch in float32':>20s}")
        for what, (ours, theirs, agrees) in self.worst.items():
            print(f"{what:12s} {ours:10.2e} {theirs:20.2e}  {'agrees' if agrees else 'DIFFERS'}")
        print(f"{updates} updates compared with PyTorch {torch.__version__} in float64")
        if self.kinks:
            print(f"in {self.kinks} of them a value beside a kink, as of a ReLU, was rounded to its other side")
        return all(agrees for _, _, agrees in self.worst.values())


def replay(trace, config, judge):
    names = sorted(name for name in trace if name.startswith("update_"))
    if not names or "initial" not in trace:
        sys.exit("replay_trace: this file holds no update; gan_dist train --trace FILE --trace-steps N writes one that does")
    first = Update(trace[names[0]])
    check_run(config, first)
    exact, rounded = prepare(trace, config, first)
    rounded.set_shards(len(first.values["z"]), find_shards(config, exact, first))
    for name in names:
        update = Update(trace[name])
        ours, theirs, true = update.values, rounded.differentiate(update), exact.differentiate(update)
        # A loss may be a small difference of large scores.
        scale = max(float(true[scores].abs().max()) for scores in ("score_fake", "score_real") if scores in true)
        for what in ("score_real", "score_fake"):
            if what in true:
                judge.compare(what, ours[what], true[what], theirs[what])
        judge.compare("loss", ours["loss"], true["loss"], theirs["loss"], scale=max(scale, float(true["loss"].abs())))
        judge.compare("gradient", ours["gradient"], true["gradient"], theirs["gradient"],
                      explain=(exact.nudged(update, seed) for seed in range(NUDGES)))
        judge.compare("parameters", ours["parameters"], exact.step(update), rounded.step(update))
    return judge.report(len(names))


def read_config(path):
    config = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            config.read_file(file)
    except UnicodeDecodeError:
        sys.exit(f"replay_trace: {path} is no text; the trace comes first, then the config.ini of the run's folder")
    except (OSError, configparser.Error) as error:
        sys.exit(f"replay_trace: {path} cannot be read: {' '.join(str(error).split())}")
    lacking = [f"[{section}] {key}" for section, keys in KEYS.items() for key in keys
               if not config.has_option(section, key)]
    if lacking:
        sys.exit(f"replay_trace: {path} is no config.ini of a run's folder: it has no {lacking[0]}")
    return config


def open_trace(path):
    try:
        return h5py.File(path, "r")
    except OSError as error:
        sys.exit(f"replay_trace: {path} cannot be read as a trace: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("config", help="config.ini in the run's folder")
    parser.add_argument("--factor", type=float, default=8, help="times PyTorch's float32 that agrees (default 8)")
    parser.add_argument("--tolerance", type=float, default=3e-5, help="what agrees anyway, of the largest value (default 3e-5)")
    arguments = parser.parse_args()
    settings = read_config(arguments.config)
    with open_trace(arguments.trace) as file:
        sys.exit(0 if replay(file, settings, Judge(arguments.factor, arguments.tolerance)) else 1)
