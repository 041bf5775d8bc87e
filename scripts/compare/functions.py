#!/usr/bin/env python3
"""Which functions an iteration of training spends its time in: the tables of docs/performance.md.

    scripts/compare/functions.py --preset wgan-64 --precision bf16
    scripts/compare/functions.py --more 200 --preset fashion-mlp

Records `gan_dist benchmark` twice with `perf record`, with 2 iterations and with more, and takes the difference: without
start-up, and without what benchmark measures of the machine. All options but --more go to gan_dist. Needs perf
(Debian: linux-perf)."""
import collections
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FEW, FREQUENCY, SHOWN = 2, 4000, 25
# As `perf report -n` prints them: share, samples, command, library, [.] or [k], function.
LINE = re.compile(r"\s+[\d.]+%\s+(\d+)\s+\S+\s+\S+\s+\[.\]\s+(\S+)")


def record(folder, iterations, options):
    data = os.path.join(folder, f"{iterations}.data")
    command = [os.path.join(ROOT, "gan_dist"), "benchmark", *options, "-n", str(iterations)]
    subprocess.run(["perf", "record", "-q", "-F", str(FREQUENCY), "-o", data, *command], check=True, stdout=subprocess.DEVNULL)
    report = subprocess.run(["perf", "report", "-i", data, "--stdio", "-n"], check=True, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    samples = collections.Counter()
    for line in report.stdout.splitlines():
        found = LINE.match(line)
        if found:
            samples[found[2]] += int(found[1])
    return samples


def main():
    options, more = sys.argv[1:], 10
    if "-h" in options or "--help" in options:
        print(__doc__)
        return
    if options[:1] == ["--more"]:
        more, options = int(options[1]), options[2:]
    with tempfile.TemporaryDirectory() as folder:
        few, many = record(folder, FEW, options), record(folder, FEW + more, options)
    spent = {name: many[name] - few[name] for name in many}
    total = sum(spent.values())
    print(f"{'function':48} {'share':>8} {'ms an iteration':>16}")
    for name, samples in sorted(spent.items(), key=lambda item: -item[1])[:SHOWN]:
        print(f"{name:48} {100 * samples / total:6.2f} % {1000 * samples / FREQUENCY / more:16.2f}")


if __name__ == "__main__":
    main()
