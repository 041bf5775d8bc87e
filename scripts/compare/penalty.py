#!/usr/bin/python3
"""What regularisers cost, gradient penalties beside PyTorch's, as a table in Markdown: numbers of docs/regularisers.md and
docs/augmentation.md.

    scripts/compare/penalty.py [--turns N] [--python PYTHON-WITH-TORCH] [--program ./gan_dist] [ROW ...]

Rows: `step`, a WGAN-GP critic step over a plain one (64 x 64 x 3, DCGAN's critic with layer norm, batch 64); `mlp`, a
whole iteration of WGAN-GP with the networks of fashion-mlp, here over PyTorch's; `spectral` and `augment`, an iteration of
dcgan-64 (batch 64) with spectral normalisation of all of the critic's layers, and with DiffAugment, over one without. One thread; all settings of a row are timed
in turns, and a ratio is the median of the turns' ratios, with the smallest and the largest. What is timed is the time on a
core: other programs on the machine make it longer too, but not by what they take of the core. A critic step is half of what
an iteration with three has more than one with one. Without --python, PyTorch is left out; needs h5py.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import h5py
import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
NORMALISED = ["conv %d kernel 4 stride 2 padding 1\n  layer_norm\n  leaky_relu 0.2" % channels for channels in (128, 256, 512)]
DCGAN = "\n  ".join(["conv 64 kernel 4 stride 2 padding 1", "leaky_relu 0.2", *NORMALISED, "conv 1 kernel 4", "flatten"])
INI = f"""[data]
source = hdf5
path = images.h5
[generator]
latent = 16
layers =
  dense 12288
  tanh
  reshape 3 64 64
[critic]
layers =
  {DCGAN}
[train]
batch = 64
"""
PENALTY, PLAIN = ["--critic.clip=0", "--critic.gradient_penalty=10"], ["--critic.clip=0.01"]

ADDITIONS = [("spectral", "iteration of dcgan-64, spectral normalisation over none", ["--critic.spectral_norm=yes"]),
             ("augment", "iteration of dcgan-64, DiffAugment over none", ["--augment.operations=color, translation, cutout"])]


def run(command, limit):
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=dict(os.environ, OMP_NUM_THREADS="1"))
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}")
    return json.loads(done.stdout)


def ours(arguments, options, iterations):
    phases = run([arguments.program, "benchmark", *options, "-n", str(iterations), "--json"], arguments.limit)["phases"]
    return phases["compute"] + phases["summing"]


def theirs(arguments, options, iterations):
    script = os.path.join(HERE, "pytorch_wgan.py")
    return run([arguments.python, script, *options, "--iterations", str(iterations)], arguments.limit)["milliseconds_on_core"]


def step_of(measure, arguments, options, steps, iterations):
    """Of a critic step, from iterations with three and with one."""
    three, one = (measure(arguments, options + [*steps, str(count)][: len(steps) + 1], iterations) for count in (3, 1))
    return (three - one) / 2


def time_step(arguments, folder):
    """[plain, penalised] of ours, and of PyTorch's"""
    ini = os.path.join(folder, "critic.ini")
    pair = [step_of(ours, arguments, [ini, *options], ["--train.n_critic"], arguments.iterations) for options in (PLAIN, PENALTY)]
    if not arguments.python:
        return [pair]
    peer = [step_of(theirs, arguments, ["--model", "dcgan-ln", "--penalty", weight], ["--critic-steps"], arguments.iterations) for weight in ("0", "10")]
    return [pair, peer]


def time_mlp(arguments, folder):
    """[PyTorch, ours] of a whole iteration, ours with 8 shards as by default, and with 1"""
    options = ["--preset", "fashion-mlp", "--train.warmup_iterations=0", *PENALTY, "--data.path", arguments.data]
    peer = theirs(arguments, ["--model", "mlp", "--penalty", "10"], 20 * arguments.iterations)
    return [[peer, ours(arguments, [*options, "--shards", shards], 20 * arguments.iterations)] for shards in ("8", "1")]


def time_addition(arguments, folder, options):
    """[without, with] of a whole iteration of dcgan-64"""
    plain = ["--preset", "dcgan-64", "--data.path", os.path.join(folder, "images.h5"), "--batch", "64", "--train.warmup_iterations=0",
             "--critic.clip=0"]
    return [[ours(arguments, [*plain, *more], arguments.iterations) for more in ([], options)]]


def tell(name, turns):
    for i in range(len(turns[0])):
        ratios = [turn[i][1] / turn[i][0] for turn in turns]
        first, second = (statistics.median(turn[i][j] for turn in turns) for j in (0, 1))
        print(f"| {name[i]} | {first:.4g} | {second:.4g} | {statistics.median(ratios):.3g} ({min(ratios):.3g}, {max(ratios):.3g}) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=3, help="timed in each start; 20 times as many of the small networks")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one start may take")
    parser.add_argument("--program", default="./gan_dist")
    parser.add_argument("--python", default="", help="one that has torch")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("rows", nargs="*", default=["step", "mlp", "spectral", "augment"], metavar="ROW")
    arguments = parser.parse_args()
    arguments.program = os.path.abspath(arguments.program)
    print("| | ms of one | ms of the other | ratio (smallest, largest) |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(os.path.join(folder, "images.h5"), "w") as file:
            file["samples"] = numpy.random.default_rng(0).integers(0, 256, (256, 3, 64, 64), dtype=numpy.uint8)
        with open(os.path.join(folder, "critic.ini"), "w") as file:
            file.write(INI.replace("images.h5", os.path.join(folder, "images.h5")))
        if "step" in arguments.rows:
            tell(["critic step, WGAN-GP over plain, gan_dist", "the same, PyTorch"], [time_step(arguments, folder) for _ in range(arguments.turns)])
        if "mlp" in arguments.rows and arguments.python:
            tell(["iteration of WGAN-GP, fashion-mlp, gan_dist with 8 shards over PyTorch", "the same, 1 shard"],
                 [time_mlp(arguments, folder) for _ in range(arguments.turns)])
        for row, name, options in ADDITIONS:
            if row in arguments.rows:
                tell([name], [time_addition(arguments, folder, options) for _ in range(arguments.turns)])


if __name__ == "__main__":
    main()
