#!/usr/bin/python3
"""Does the training of a trace again, in PyTorch and float64, and says how far gan_dist's numbers are from that.

    gan_dist train --trace trace.h5 --trace-steps 30 --run.dir run
    scripts/replay_trace.py trace.h5 run/config.ini

For every update it takes the parameters before it, the real samples and the latents from the trace; computes scores,
loss and gradient by autograd and compares them with the trace's; then applies torch.optim's update and the clipping and
compares the parameters. Fails when anything is further off than float32 arithmetic explains. The trace has to begin with
the run (not with a resumed one), since optimiser moments are not in it. Debian: apt-get install python3-torch python3-h5py
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

from torch_layers import module_of_layers

torch.set_default_dtype(torch.float64)


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
    """One network: its float64 copy in torch, and torch's optimiser with its moments."""

    def __init__(self, network, config, section):
        self.network = network
        options = config["optimizer"]
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
        torch.nn.utils.vector_to_parameters(torch.as_tensor(flat, dtype=torch.float64), self.network.parameters())

    def flat(self, gradients=False):
        # Nothing of a gradient comes through an embedding to what is before it.
        gradient = lambda p: torch.zeros_like(p) if p.grad is None else p.grad
        return torch.cat([(gradient(p) if gradients else p.data).reshape(-1) for p in self.network.parameters()])


def schedule(config, iteration):
    kind, final = config["optimizer"]["schedule"], float(config["optimizer"]["final_factor"])
    progress = iteration / int(config["run"]["iterations"])
    return {"constant": 1.0, "linear": 1 + (final - 1) * progress, "exponential": final**progress if final > 0 else 0.0,
            "cosine": final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2}[kind]


def distance(ours, theirs):
    """Largest difference, relative to the largest value."""
    theirs = torch.as_tensor(theirs, dtype=torch.float64)
    return float((ours - theirs).abs().max() / max(float(theirs.abs().max()), 1e-30))


def check_layers(layers, synchronised):
    """Ends the program where a trace does not tell what a layer did."""
    names = [line.split()[0] for line in layers.replace(",", "\n").splitlines() if line.split()]
    if "dropout" in names:
        sys.exit("replay_trace: what dropout drops is not in a trace; replay one of a run without it")
    if "minibatch_stddev" in names and synchronised:
        sys.exit("replay_trace: minibatch_stddev beside synchronised batch norm over several shards; use --shards 1")


def replay(trace, config, tolerance):
    first = trace["update_000000"]
    batch, latent = first["z"].shape
    sample = first["real"].shape[1:]
    shards = int(config["train"]["shards"])
    synchronised = config["batch_norm"]["sync"] in ("yes", "true", "on", "1")
    cuts = [0, batch] if synchronised else [s * batch // shards for s in range(shards + 1)]
    parts = list(zip(cuts[:-1], cuts[1:]))
    epsilon = float(config["batch_norm"]["epsilon"])
    for section in ("generator", "critic"):
        check_layers(config[section]["layers"], synchronised and shards > 1)
    players = {section: Player(module_of_layers(config[section]["layers"], shape, eps=epsilon), config, section)
               for section, shape in {"generator": (latent,), "critic": sample}.items()}
    for name, player in players.items():
        player.set(trace[f"initial/{name}"][:])
    generator, critic = players["generator"].network, players["critic"].network
    by_shard = lambda network, rows: torch.cat([network(rows[a:b]) for a, b in parts])
    critic_loss, generator_loss = losses(config["loss"]["name"], float(config["loss"]["label_smoothing"]))
    clip = float(config["critic"]["clip"])
    worst = {}

    def compare(what, ours, theirs):
        worst[what] = max(worst.get(what, 0.0), distance(ours, theirs))

    updates = sorted(name for name in trace if name.startswith("update_"))
    for name in updates:
        group = trace[name]
        kind = group.attrs["network"]
        kind = kind.decode() if isinstance(kind, bytes) else kind
        player = players[kind]
        z = torch.as_tensor(group["z"][:], dtype=torch.float64)
        for other in players.values():
            other.optimizer.zero_grad()
        fake_scores = by_shard(critic, by_shard(generator, z).reshape(batch, *sample)).reshape(-1)
        if kind == "critic":
            real = torch.as_tensor(group["real"][:], dtype=torch.float64)
            real_scores = by_shard(critic, real).reshape(-1)
            compare("score_real", real_scores.detach(), group["score_real"][:])
            loss = critic_loss(real_scores, fake_scores)
        else:
            loss = generator_loss(fake_scores)
        compare("score_fake", fake_scores.detach(), group["score_fake"][:])
        loss.backward()
        worst["loss"] = max(worst.get("loss", 0.0), abs(float(loss.detach()) - float(group["loss"][()])))
        compare("gradient", player.flat(gradients=True), group["gradient"][:])
        for options in player.optimizer.param_groups:
            options["lr"] = player.rate * schedule(config, int(group.attrs["iteration"]))
        # The optimiser is checked by itself: on the trace's own gradient, so that it does not amplify rounding.
        at = 0
        gradient = torch.as_tensor(group["gradient"][:], dtype=torch.float64)
        for parameter in player.network.parameters():
            parameter.grad = gradient[at:at + parameter.numel()].reshape(parameter.shape).clone()
            at += parameter.numel()
        player.optimizer.step()
        if kind == "critic" and clip > 0:
            with torch.no_grad():
                for parameter in player.network.parameters():
                    parameter.clamp_(-clip, clip)
        compare("parameters", player.flat(), group["parameters"][:])
        player.set(group["parameters"][:])
    for what, value in worst.items():
        print(f"{what:12s} {value:.2e}  {'agrees' if value < tolerance else 'DIFFERS'}")
    print(f"{len(updates)} updates compared with PyTorch {torch.__version__} in float64")
    return max(worst.values()) < tolerance


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("config", help="config.ini in the run's folder")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(arguments.config)
    with h5py.File(arguments.trace, "r") as file:
        sys.exit(0 if replay(file, settings, arguments.tolerance) else 1)
