#!/usr/bin/python3
"""The Fréchet distance of 2,048 features, Inception's number, here and by SciPy: seconds from features to distance, as a table
in Markdown.

    make frechet && . scripts/mpi-env.sh && scripts/compare/quality.py [--turns N] [--samples N] [--features N] [--program build/compare/frechet]

SciPy's is what pytorch-fid does: NumPy's mean and covariance, and the square root of a product by scipy.linalg.sqrtm; on one
thread, and on as many as there are cores, beside as many ranks of gan_dist's. The programs take turns, in processes of
their own; medians over the turns. `on cores` adds up the time of all threads or ranks, which other programs on the machine
change less. Features are made up: rectified
sums of normal numbers whose variances fall as those of networks do. Needs NumPy and SciPy."""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = ("moments", "distance")


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown CPU")


def write_features(path, samples, features, seed):
    random, mixing = numpy.random.default_rng(seed), numpy.random.default_rng(0)
    scale = numpy.arange(1, features + 1, dtype=numpy.float32) ** -0.75
    mix = mixing.standard_normal((features, features), dtype=numpy.float32) * scale[:, None] * (1 + 0.05 * seed)
    numpy.maximum(random.standard_normal((samples, features), dtype=numpy.float32) @ mix + 0.1 * seed, 0).tofile(path)


def by_scipy(features, real, fake):
    """Seconds on cores and elapsed of both parts, and the distance."""
    import scipy.linalg

    sets = [numpy.fromfile(path, dtype=numpy.float32).reshape(-1, features) for path in (real, fake)]
    times = [(time.process_time(), time.perf_counter())]
    (m, a), (n, b) = [(x.astype(float).mean(axis=0), numpy.cov(x.astype(float), rowvar=False)) for x in sets]
    times.append((time.process_time(), time.perf_counter()))
    root = numpy.asarray(scipy.linalg.sqrtm(a @ b))
    value = (m - n) @ (m - n) + numpy.trace(a) + numpy.trace(b) - 2 * numpy.trace(root.real)
    times.append((time.process_time(), time.perf_counter()))
    parts = {part: [after - before for before, after in zip(*times[i : i + 2])] for i, part in enumerate(PARTS)}
    print(json.dumps({**parts, "value": value}))


def run(command, threads, limit):
    environment = dict(os.environ, **{name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}")
    return json.loads(done.stdout)


def medians(turns):
    """Of both parts and their sum, [on cores, elapsed] of each."""
    sums = [[[sum(turn[part][i] for part in parts) for i in (0, 1)] for turn in turns] for parts in [("moments",), ("distance",), PARTS]]
    return [[statistics.median(turn[i] for turn in part) for i in (0, 1)] for part in sums]


def show(results):
    rows = {name: medians(turns) for name, turns in results.items()}
    print("| | mean and covariance, s on cores (elapsed) | distance | both | elapsed, times gan_dist's on as many cores |\n|---|---|---|---|---|")
    for (program, threads), row in rows.items():
        cells = " | ".join(f"{core:.2f} ({elapsed:.2f})" for core, elapsed in row)
        times = row[2][1] / rows["gan_dist", threads][2][1]
        print(f"| {program}, {threads} core{'s' if threads > 1 else ''} | {cells} | {times:.1f} |")
    values = {name: turns[0]["value"] for name, turns in results.items()}
    print("\ndistance: " + ", ".join(f"{value!r} by {name}, {threads}" for (name, threads), value in values.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--limit", type=float, default=600, help="seconds that one start may take")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/compare/frechet"))
    parser.add_argument("--mpirun", default=os.environ.get("MPIRUN", "mpirun"))
    parser.add_argument("--scipy", nargs=2, metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.scipy:
        by_scipy(arguments.features, *arguments.scipy)
        return
    if not os.access(arguments.program, os.X_OK):
        sys.exit(f"quality.py: no {arguments.program}: `make frechet` builds it")
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("real", "fake")]
        for seed, path in enumerate(files):
            write_features(path, arguments.samples, arguments.features, seed)
        scipy = [sys.executable, os.path.abspath(__file__), "--features", str(arguments.features), "--scipy", *files]
        ours = [arguments.program, str(arguments.features), *files]
        programs = {}
        for threads in sorted({1, cores}):
            programs["gan_dist", threads] = ([*shlex.split(arguments.mpirun), "-np", str(threads), *ours], 1)
            programs["SciPy", threads] = (scipy, threads)
        results = {name: [] for name in programs}
        for _ in range(arguments.turns):
            for name, (command, threads) in programs.items():
                results[name].append(run(command, threads, arguments.limit))
    print(f"{cpu_model()}, {cores} cores; {arguments.samples} samples of {arguments.features} features; medians of {arguments.turns} turns\n")
    show(results)


if __name__ == "__main__":
    main()
