#!/usr/bin/python3
"""Makes the samples of a file again, from the checkpoint that they are of, and says how far gan_dist's are from that.

    gan_dist sample run/latest.h5 -n 1000 -o samples.h5
    scripts/replay_samples.py samples.h5 run/latest.h5    # or the run's folder: the samples say which checkpoint it was

The latents are computed in numpy (latents.py, docs/sampling.md), and have to be the same bits, but those of --interpolate
to a unit in the last place. The samples are what PyTorch, in float64, makes of the latents with the checkpoint's weights.
Fails when they are further off than float32 arithmetic explains, and when the checkpoint is another one. --latents checks
these alone, without PyTorch and checkpoint. Debian: apt-get install python3-torch python3-h5py
"""
import argparse
import configparser
import pathlib
import sys

try:
    import h5py
    import numpy as np
except ImportError as error:
    sys.exit(f"replay_samples: {error}; on Debian: apt-get install python3-h5py")

from latents import latents_of_file

ROWS = 1024  # at a time


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def seal_of(path):
    """The hash that a checkpoint's first lines state; None for what is no checkpoint."""
    with open(path, "rb") as file:
        lines = file.read(512).rstrip(b"\0").decode("ascii", "replace").splitlines()
    if not lines or not lines[0].startswith("gan_dist checkpoint "):
        return None
    return dict(line.split(" ", 1) for line in lines[1:] if " " in line).get("xxh3-128")


def find_checkpoint(path, file):
    """`path`, or of a run's folder the checkpoint in it, that the samples in `file` are of."""
    wanted = text(file.attrs["checkpoint_hash"])
    what = f"{text(file.attrs['checkpoint'])} of iteration {file.attrs['iteration']}"
    if pathlib.Path(path).is_dir():
        for candidate in sorted(pathlib.Path(path).glob("*.h5")):
            if candidate.is_file() and seal_of(candidate) == wanted:
                return candidate
        sys.exit(f"replay_samples: the checkpoint of these samples, {what}, is not in {path}")
    seal = seal_of(path)
    if seal is None:
        sys.exit(f"replay_samples: {path} is no checkpoint")
    if seal != wanted:
        sys.exit(f"replay_samples: {path} is not the checkpoint of these samples, {what}")
    return path


def generator_of(path, weights):
    """The checkpoint's generator as a PyTorch module; weights: "generator" or "ema"."""
    import torch
    from torch_layers import module_of_layers

    with h5py.File(path, "r") as file:
        config = configparser.ConfigParser(interpolation=None)
        config.read_string(text(file.attrs["config"]))
        generator = module_of_layers(config["generator"]["layers"], (int(config["generator"]["latent"]),),
                                     eps=float(config["batch_norm"]["epsilon"]))
        generator.load_state_dict({name: torch.as_tensor(tensor[()]) for name, tensor in file[weights].items()})
    return generator.double().eval()


def pieces(count):
    return [(first, min(ROWS, count - first)) for first in range(0, count, ROWS)]


def report(what, value, agrees, meaning):
    print(f"{what:8s} {value:.2e} {meaning}  {'agrees' if agrees else 'DIFFERS'}")
    return agrees


def check_latents(file):
    worst, unit = 0.0, np.finfo(np.float32).eps
    for first, rows in pieces(len(file["latents"])):
        ours, theirs = latents_of_file(file, first, rows), file["latents"][first:first + rows]
        worst = max(worst, float(np.abs(ours.astype(np.float64) - theirs).max() / max(1.0, np.abs(theirs).max())))
    interpolated = int(file.attrs["interpolation_steps"]) > 0
    return report("latents", worst, worst <= (unit if interpolated else 0), "of the largest")


def check_samples(file, path, tolerance):
    checkpoint = find_checkpoint(path, file)
    try:
        import torch
    except ImportError as error:
        sys.exit(f"replay_samples: {error}; on Debian: apt-get install python3-torch; --latents does without")
    generator, largest, worst = generator_of(checkpoint, text(file.attrs["weights"])), 0.0, 0.0
    for first, rows in pieces(len(file["samples"])):
        z, theirs = file["latents"][first:first + rows], file["samples"][first:first + rows].astype(np.float64)
        with torch.no_grad():
            ours = generator(torch.as_tensor(z, dtype=torch.float64)).numpy().reshape(theirs.shape)
        worst, largest = max(worst, float(np.abs(ours - theirs).max())), max(largest, float(np.abs(theirs).max()))
    worst /= max(largest, 1e-30)
    return report("samples", worst, worst < tolerance, f"of the largest, beside PyTorch {torch.__version__}")


def check(arguments):
    with h5py.File(arguments.samples, "r") as file:
        if text(file.attrs.get("kind", "")) != "gan_dist samples":
            sys.exit(f"replay_samples: {arguments.samples} does not say how it was made")
        tolerance = arguments.tolerance or (2e-2 if text(file.attrs["precision"]) == "bf16" else 1e-5)
        agrees = check_latents(file)
        return agrees if arguments.latents else check_samples(file, arguments.checkpoint, tolerance) and agrees


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples")
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--latents", action="store_true", help="check the latents alone")
    parser.add_argument("--tolerance", type=float, help="of samples; 1e-5, or 2e-2 for products in bfloat16")
    arguments = parser.parse_args()
    if not arguments.latents and not arguments.checkpoint:
        parser.error("name the checkpoint, or give --latents")
    for name in [arguments.samples] + ([] if arguments.latents else [arguments.checkpoint]):
        if not pathlib.Path(name).exists():
            sys.exit(f"replay_samples: there is no {name}")
    try:
        sys.exit(0 if check(arguments) else 1)
    except (OSError, KeyError, ValueError) as error:  # what h5py says of files that are damaged, or of another kind
        reason = " ".join(str(error).split())  # HDF5's may have several lines
        sys.exit(f"replay_samples: cannot read {arguments.samples} or the checkpoint: {reason}")
