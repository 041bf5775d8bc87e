#!/usr/bin/python3
"""Does the training of a trace again, in PyTorch and float64, and says how far gan_dist's numbers are from that.

    gan_dist train --iterations 5 --trace trace.h5 --trace-steps 30 --run.dir run
    scripts/replay_trace.py trace.h5 run/config.ini

For every update it takes the parameters before it, the real samples, the latents and what else was drawn from the trace;
computes samples, scores, penalties, loss and gradient by autograd and compares them with the trace's; then applies
torch.optim's update and the clipping and compares the parameters. PyTorch does the same in float32 beside it, and is off
by some rounding, too: gan_dist differs when it is off by more than a few times as much (--factor), and by more than
--tolerance, in any update.

Where a value is nearly zero before a ReLU, rounding decides on which side it falls, and the gradient jumps; PyTorch's
float32 need not fall to the same side. So a gradient that is further off also agrees when float64 gives the same with
such values on their other sides, or after changes of the parameters no larger than float32's rounding.

The trace has to begin with the run (not with a resumed one), since optimiser moments are not in it, and the run has to be
one in float32. Debian: apt-get install python3-torch python3-h5py
"""
import argparse
import sys

try:
    import h5py
    import torch
except ImportError as error:
    sys.exit(f"replay_trace: {error}; on Debian: apt-get install python3-torch python3-h5py")

from replay import augmentation, kinks, losses, optimizers, penalties, settings, spectral
from torch_layers import MinibatchStddev, module_of_layers, parameters_in_order

torch.set_default_dtype(torch.float64)
NUDGES = 48


class Player:
    """One network in torch, in one precision, and torch's optimiser with its moments."""

    def __init__(self, network, dtype, config, section):
        kinks.replace(network)
        self.network, self.dtype, self.config, self.section = network.to(dtype), dtype, config, section
        self.vectors = spectral.Vectors(network)
        self.parameters = parameters_in_order(network)
        self.optimizer = optimizers.create(self.parameters, config, section)

    def set(self, flat):
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(torch.as_tensor(flat, dtype=self.dtype).clone(), self.parameters)

    def flat(self):
        return torch.cat([p.data.reshape(-1) for p in self.parameters])

    def gradient(self):
        # Nothing of a gradient comes through an embedding to what is before it.
        return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.parameters])

    def step(self, gradient, iteration):
        """torch's update with a given gradient, and the clipping."""
        at = 0
        gradient = torch.as_tensor(gradient, dtype=self.dtype)
        for parameter in self.parameters:
            parameter.grad = gradient[at:at + parameter.numel()].reshape(parameter.shape).clone()
            at += parameter.numel()
        bound = self.config.number(self.section, "gradient_clip")
        if bound > 0:
            torch.nn.utils.clip_grad_norm_(self.parameters, bound)
        optimizers.move(self.optimizer, self.config, iteration)
        self.optimizer.step()
        if self.section == "critic":
            optimizers.clip_critic(self.parameters, self.config)


class Missing(KeyError):
    """A trace has not what its configuration says that it has."""


class Values(dict):
    """Data sets of an update, by name, read when they are asked for."""

    def __init__(self, group):
        super().__init__()
        self.group = group

    def __contains__(self, name):
        return name in self.group

    def __missing__(self, name):
        if name not in self.group:
            raise Missing(f"{self.group.name} has no {name}")
        self[name] = torch.as_tensor(self.group[name][()])
        return self[name]


class Update:
    """What a trace has of one update."""

    def __init__(self, group):
        kind = group.attrs["network"]
        self.kind = kind.decode() if isinstance(kind, bytes) else kind
        self.iteration, self.step = int(group.attrs["iteration"]), int(group.attrs["step"])
        self.values = Values(group)


def layers_of(config, section):
    layers = config.text(section, "layers")
    return spectral.everywhere(layers) if section == "critic" and config.flag("critic", "spectral_norm") else layers


class Training:
    """Both networks in one precision, and what an update does with them."""

    def __init__(self, config, latent, sample, dtype):
        options = {"eps": config.number("batch_norm", "epsilon")}
        shapes = {"generator": (latent,), "critic": sample}
        self.players = {section: Player(module_of_layers(layers_of(config, section), shape, **options), dtype, config, section)
                        for section, shape in shapes.items()}
        self.sample, self.dtype, self.config = sample, dtype, config
        hinge = kinks.Kinked(0.0)
        self.loss = losses.find(config, hinge)
        self.kinked = [hinge] + [module for player in self.players.values() for module in player.network.modules()
                                 if isinstance(module, kinks.Kinked)]
        self.operations = augmentation.chosen(config)
        self.lecam = penalties.LeCam(config)
        self.set_shards(None, 1)

    def set_shards(self, batch, shards):
        """Statistics are of a shard, or of the whole batch where batch norm is synchronised."""
        sizes = None
        if batch:
            cuts = [s * batch // shards for s in range(shards + 1)]
            sizes = [end - begin for begin, end in zip(cuts[:-1], cuts[1:])]
        synchronised = self.config.flag("batch_norm", "sync")
        self.parts = None if synchronised else sizes
        for player in self.players.values():
            for module in player.network.modules():
                if isinstance(module, MinibatchStddev):
                    module.shards = sizes if synchronised else None

    def by_part(self, name, rows):
        network = self.players[name].network
        return torch.cat([network(part) for part in rows.split(self.parts)]) if self.parts else network(rows)

    def scores(self, samples):
        return self.by_part("critic", samples).reshape(-1)

    def generate(self, update):
        """Generated samples, as the critic sees them."""
        fake = self.by_part("generator", update.values["z"].to(self.dtype)).reshape(-1, *self.sample)
        if not self.operations:
            return fake
        return augmentation.apply(self.operations, fake, update.values["augmentation_fake"])

    def differentiate(self, update):
        """Samples, scores, penalty, loss and gradient, by name; the parameters stay."""
        kinks.forget(self.kinked)
        for player in self.players.values():
            player.optimizer.zero_grad()
        found = {"fake": self.generate(update)}
        if update.kind == "critic":
            found["fake"] = found["fake"].detach()
        found["score_fake"] = self.scores(found["fake"])
        if update.kind == "critic" or "real" in update.values:
            found["score_real"] = self.scores(update.values["real"].to(self.dtype))
        loss = losses.value(self.loss, update.kind, found.get("score_real"), found["score_fake"], self.extras(update))
        if update.kind == "critic":
            loss = loss + self.penalise(update, found)
        loss.backward()
        found = {name: value.detach() for name, value in found.items()}
        return {**found, "loss": loss.detach(), "gradient": self.players[update.kind].gradient()}

    def extras(self, update):
        """What a loss takes beside scores. A run that has it has it in its trace."""
        wanted = ["flipped_real", "flipped_fake"] if self.config.number("loss", "label_flips") > 0 and update.kind == "critic" else []
        names = wanted + [name for name in ("weights",) if name in update.values]
        return {name: update.values[name].to(self.dtype) for name in names}

    def penalise(self, update, found):
        """What a critic's step adds to its loss; what is a penalty on gradients becomes one of the findings, too."""
        real = update.values["real"].to(self.dtype)
        penalty = penalties.of_gradients(self.config, update, self.scores, real, found["fake"], self.operations)
        if penalty is not None:
            found["penalty"] = penalty
        return self.lecam.value(found["score_real"], found["score_fake"]) + (0 if penalty is None else penalty)

    def step(self, update, found):
        """The parameters after the update, and the singular vectors of normalised weights. The optimiser is checked by itself: on the trace's own gradient, so that it does
        not amplify rounding; so the trace's parameters are those that the next update begins with."""
        player = self.players[update.kind]
        before = player.flat()
        player.step(update.values["gradient"], update.iteration)
        if update.kind == "critic":
            self.lecam.move(found["score_real"], found["score_fake"])
        after = {"before": before, "parameters": player.flat()}
        player.set(update.values["parameters"])
        if player.vectors.layers:
            player.vectors.iterate()
            after["vectors"] = player.vectors.flat()
            player.vectors.set(update.values["buffers"])
        return after

    def turned(self, update, values):
        """The gradient with these values on the other sides of their kinks."""
        kinks.turn(self.kinked, values)
        gradient = self.differentiate(update)["gradient"]
        kinks.turn(self.kinked, [])
        return gradient

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


def distance(values, exact, scale=None):
    """Largest difference, relative to the largest value."""
    values, exact = values.to(torch.float64), exact.to(torch.float64)
    return float((values - exact).abs().max()) / max(scale or float(exact.abs().max()), 1e-30)


def check_run(config, first):
    """Ends the program where a trace does not tell what was done."""
    layers = "\n".join(config.text(section, "layers") for section in ("generator", "critic")).replace(",", "\n")
    if "dropout" in [line.split()[0] for line in layers.splitlines() if line.split()]:
        sys.exit("replay_trace: what dropout drops is not in a trace; replay one of a run without it")
    precision = config.text("run", "precision")
    if precision != "float32":
        sys.exit(f"replay_trace: products were rounded to {precision}; replay a run with --precision float32")
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
                if player.vectors.layers:
                    player.vectors.set(trace[f"initial/{network}_buffers"][:])
        trainings[0].differentiate(first)
    except (KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
        sys.exit(f"replay_trace: the trace and the configuration are not of the same run: {' '.join(str(error).split())}")
    return trainings


def find_shards(config, exact, first):
    """Into how many shards batches were cut. Configurations of earlier versions say 0 for as many as there were ranks: then
    the least number that the first update's scores agree with."""
    batch, told = len(first.values["z"]), int(config.number("train", "shards"))
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
        """explain: of what is off by more than --tolerance, whether it agrees, and whether that is for kinks."""
        ours, theirs = distance(traced, exact, scale), distance(rounded, exact, scale)
        agrees = ours <= (self.tolerance if explain else self.limit(theirs))
        if not agrees and explain:
            agrees, kinks_met = explain()
            self.kinks += agrees and kinks_met
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


class Explanation:
    """Of gradients in one update: what is left of their distance to float64's, once values that lie beside kinks were put on
    the sides that they seem to have been on."""

    def __init__(self, exact, rounded, update, gradient):
        self.exact, self.update, self.gradient = exact, update, gradient
        exact.differentiate(update)
        rounded.differentiate(update)
        self.candidates = kinks.near(exact.kinked, rounded.kinked)

    def change(self, values):
        return self.exact.turned(self.update, values) - self.gradient

    def left(self, gradient, enough):
        residual, scale = gradient.double() - self.gradient, float(self.gradient.abs().max())
        turned = kinks.explain(residual, self.candidates, self.change, lambda left: float(left.abs().max()) <= enough * scale)
        return distance(gradient, self.gradient + self.change(turned) if turned else self.gradient)

    def is_nudge(self, gradient, enough):
        return any(distance(gradient, self.exact.nudged(self.update, seed)) <= enough for seed in range(NUDGES))


def explain_gradient(judge, exact, rounded, update, true, theirs):
    """Whether the trace's gradient agrees, and whether it does so for kinks. PyTorch's float32 meets kinks, too; they are no
    measure of its rounding."""
    explanation = Explanation(exact, rounded, update, true["gradient"])
    traced, tolerance = update.values["gradient"], judge.tolerance
    limit = judge.limit(explanation.left(theirs["gradient"], tolerance))
    if distance(traced, true["gradient"]) <= limit:
        return True, False
    return explanation.left(traced, limit) <= limit or explanation.is_nudge(traced, limit), True


def compare(judge, exact, rounded, update):
    """All but the parameters; what was found in both precisions."""
    ours, theirs, true = update.values, rounded.differentiate(update), exact.differentiate(update)
    # A loss may be a small difference of large scores.
    scale = max(float(true[scores].abs().max()) for scores in ("score_fake", "score_real") if scores in true)
    for what in ("fake", "score_real", "score_fake", "penalty"):
        if what in true:
            judge.compare(what, ours[what], true[what], theirs[what])
    judge.compare("loss", ours["loss"], true["loss"], theirs["loss"], scale=max(scale, float(true["loss"].abs())))
    judge.compare("gradient", ours["gradient"], true["gradient"], theirs["gradient"],
                  explain=lambda: explain_gradient(judge, exact, rounded, update, true, theirs))
    return true, theirs


def compare_parameters(judge, update, true, theirs):
    """How they moved, measured by how far: beside the parameters themselves an update is small. What rounding leaves of each
    is the same share of a parameter, so the mean square tells less of it, which the largest would hide behind."""
    before = true["before"]
    moves = [after.double() - before for after in (update.values["parameters"], true["parameters"], theirs["parameters"])]
    rounding = 2.0**-24 * before.abs()
    judge.compare("parameters", *moves, scale=max(float(moves[1].abs().max()), float(rounding.max())))
    lengths = [(move - moves[1]).norm().reshape(1) for move in moves]
    judge.compare("their norm", *lengths, scale=max(float(moves[1].norm()), float(rounding.norm())))


def compare_after(judge, update, true, theirs):
    compare_parameters(judge, update, true, theirs)
    if "vectors" in true:
        ours = update.values["buffers"][-len(true["vectors"]):]
        judge.compare("vectors", ours, true["vectors"], theirs["vectors"])


def at_same_parameters(config, updates):
    """Lists of updates whose gradients were taken before the first of them was made: a critic's and the generator's after it,
    in simultaneous order."""
    pairs = config.text("train", "order") == "simultaneous"
    while updates:
        both = pairs and updates[0].kind == "critic" and [update.kind for update in updates[1:2]] == ["generator"]
        yield updates[:1 + both]
        updates = updates[1 + both:]


def replay(trace, config, judge):
    names = sorted(name for name in trace if name.startswith("update_"))
    if not names or "initial" not in trace:
        sys.exit("replay_trace: this file holds no update; gan_dist train --trace FILE --trace-steps N writes one that does")
    updates = [Update(trace[name]) for name in names]
    check_run(config, updates[0])
    exact, rounded = prepare(trace, config, updates[0])
    rounded.set_shards(len(updates[0].values["z"]), find_shards(config, exact, updates[0]))
    for together in at_same_parameters(config, updates):
        found = [compare(judge, exact, rounded, update) for update in together]
        for update, (true, theirs) in zip(together, found):
            compare_after(judge, update, exact.step(update, true), rounded.step(update, theirs))
            update.values.clear()
    return judge.report(len(names))


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
    read = settings.read(arguments.config)
    with open_trace(arguments.trace) as file:
        try:
            sys.exit(0 if replay(file, read, Judge(arguments.factor, arguments.tolerance)) else 1)
        except Missing as error:
            sys.exit(f"replay_trace: the trace and the configuration are not of the same run: {error.args[0]}")
