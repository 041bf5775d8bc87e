#!/usr/bin/env python3
"""What the number of shards and synchronised statistics cost, as a table in Markdown.

    scripts/compare/shards.py [--turns N] [--limit SECONDS] [--program ./gan_dist] [PRESET [OPTION ...]] ...

Each PRESET may be followed by options of its own, such as --data.path=FILE; without any, ring8. Two settings are timed
in turns, so that a change of the machine's speed meets both: 8 shards against 1 on one rank, and, where the networks
have batch norm, statistics of the whole batch against those of each shard on 2 ranks. A row gives the median of the
turns' medians for both settings, and the median of the turns' ratios with the smallest and the largest. Needs mpirun in
PATH, or what MPIRUN says; the benchmark writes no files.
"""
import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import sys

# ranks, what is compared, options of the one and of the other
COMPARISONS = [
    (1, "8 shards against 1", ["--shards", "8"], ["--shards", "1"]),
    (2, "statistics of the batch against those of shards", ["--batch_norm.sync=yes"], ["--batch_norm.sync=no"]),
]


def run(command, limit):
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def milliseconds(arguments, ranks, options, iterations, limit):
    launcher = shlex.split(os.environ.get("MPIRUN", "mpirun --oversubscribe")) + ["-np", str(ranks)]
    command = [*launcher, arguments.program, "benchmark", *options, "-n", str(iterations), "--json"]
    return json.loads(run(command, limit))["milliseconds_per_iteration"]["median"]


def iterations_for(arguments, options, limit):
    """As many as take two seconds, 3 at least."""
    return max(3, round(2000 / milliseconds(arguments, 1, options, 3, limit)))


def has_batch_norm(arguments, options, limit):
    return "batch_norm" in re.sub(r"(?m)^#.*|^batch_norm\..*|\[batch_norm\]", "",
                                  run([arguments.program, "config", *options], limit))


def compare(arguments, ranks, options, one, other, iterations, limit):
    turns = []
    for turn in range(arguments.turns):
        pair = [None, None]
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            pair[which] = milliseconds(arguments, ranks, options + (one, other)[which], iterations, limit)
        turns.append(pair)
    ratios = [a / b for a, b in turns]
    medians = [statistics.median(column) for column in zip(*turns)]
    return *medians, statistics.median(ratios), min(ratios), max(ratios)


def settings(words):
    """[[PRESET, OPTION, ...], ...]"""
    presets = []
    for word in words or ["ring8"]:
        if word.startswith("-") and presets:
            presets[-1].append(word)
        elif word.startswith("-"):
            sys.exit(f"{word}: an option follows the preset that it is for")
        else:
            presets.append([word])
    return presets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--limit", type=float, default=600, help="seconds that one start may take")
    parser.add_argument("--program", default="./gan_dist")
    arguments, words = parser.parse_known_args()
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    print(f"{model.group(1) if model else 'CPU'}, {len(os.sched_getaffinity(0))} cores, {arguments.turns} turns\n")
    print("| preset | ranks | compared | ms | ms | ratio (smallest, largest) |\n|---|---|---|---|---|---|")
    for preset, *extra in settings(words):
        options = ["--preset", preset, *extra]
        iterations = iterations_for(arguments, options, arguments.limit)
        for ranks, what, one, other in COMPARISONS:
            if ranks > 1 and not has_batch_norm(arguments, options, arguments.limit):
                continue
            first, second, ratio, low, high = compare(arguments, ranks, options, one, other, iterations,
                                                      arguments.limit)
            print(f"| {preset} | {ranks} | {what} | {first:.4g} | {second:.4g} | {ratio:.3f} ({low:.3f}, {high:.3f}) |",
                  flush=True)


if __name__ == "__main__":
    main()
