#!/usr/bin/env python3
"""Precision, recall, density and coverage beside the package prdc, on this machine: the same features, in turns; seconds
(medians), peak memory, and whether the values are the same.

    make build/compare/neighbours && . scripts/mpi-env.sh
    scripts/compare/neighbours.py                             10,000 x 10,000 samples of 2,048 features, 1 and 2 ranks
    scripts/compare/neighbours.py --samples 5000 --features 128 --turns 5 --ranks 1 2 4

Run with a Python that has numpy and prdc. Features are made to look like those behind a network's last ReLU and its average
over places: none is negative, most are small, and samples are correlated. Memory is that of all ranks together, features
included; pages that ranks share are counted once. prdc uses as many threads as it likes.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile

import numpy as np

from quality import cpu_model

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
NAMES = "precision", "recall", "density", "coverage"

PEER = """
import json, resource, sys, time
import numpy as np
from prdc import compute_prdc
real, fake = (np.fromfile(path, np.float32).reshape(-1, int(sys.argv[3])) for path in sys.argv[1:3])
start = time.perf_counter()
found = compute_prdc(real, fake, int(sys.argv[4]))
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6,
                  "values": [float(found[name]) for name in ("precision", "recall", "density", "coverage")]}))
"""


def features(random, samples, width, shift):
    hidden = random.standard_normal((samples, 64), dtype=np.float32)
    mixing = np.random.default_rng(1).standard_normal((64, width), dtype=np.float32) / 8
    values = hidden @ mixing + 0.6 * random.standard_normal((samples, width), dtype=np.float32) + shift
    return np.maximum(values, 0, out=values)


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit("%s failed:\n%s" % (shlex.join(command[:6]), done.stderr[-2000:]))
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10000, help="of each set")
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--neighbours", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--program", default=os.path.join(ROOT, "build/compare/neighbours"))
    parser.add_argument("--mpirun", default=os.environ.get("MPIRUN", "mpirun"))
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("real", "fake")]
        for path, seed, shift in zip(paths, (2, 3), (-0.2, -0.15)):
            features(np.random.default_rng(seed), options.samples, options.features, np.float32(shift)).tofile(path)
        arguments = [*paths, str(options.features), str(options.neighbours)]
        ways = {"prdc": [sys.executable, "-c", PEER, *arguments]}
        for ranks in options.ranks:
            ways["gan_dist, %d rank%s" % (ranks, "s" if ranks > 1 else "")] = [*shlex.split(options.mpirun), "-np", str(ranks), options.program, *arguments]
        for _ in range(options.turns):
            for name, command in ways.items():
                results.setdefault(name, []).append(run(command))
    print("%d x %d samples of %d features, k = %d; %s, %d cores, %d turns" % (options.samples, options.samples, options.features,
          options.neighbours, cpu_model(), os.cpu_count(), options.turns))
    print("| | seconds | of prdc's | MB | of prdc's | %s |\n|---|---|---|---|---|%s" % (" | ".join(NAMES), "---|" * len(NAMES)))
    medians = {name: [statistics.median(turn[key] for turn in turns) for key in ("seconds", "megabytes")]
               for name, turns in results.items()}
    for name, turns in results.items():
        (seconds, megabytes), (of_seconds, of_megabytes) = medians[name], medians["prdc"]
        print("| %s | %.2f | %.2f | %.0f | %.2f | %s |" % (name, seconds, seconds / of_seconds, megabytes, megabytes / of_megabytes,
              " | ".join("%.12g" % value for value in turns[0]["values"])))


main()
