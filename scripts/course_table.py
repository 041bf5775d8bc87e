#!/usr/bin/env python3
"""Makes the tables of docs/losses-compared.md for scripts/course.sh: reads lines of experiment|loss|regulariser|seed|hash|file
from stdin, in the order of the table; each file is what `gan_dist train --json` wrote, or {"status": 1} for a run that ended
because a number was not finite.

    ... | scripts/course_table.py --machine "$(gan_dist info --json)"
"""

import argparse
import json
import re
import statistics
import sys

TITLES = {
    "ring8": "8 Gaussians in a ring",
    "grid25": "25 Gaussians in a grid",
    "ahead": "8 Gaussians far apart, and a critic that is ahead",
}


class Outcome:
    """What became of one run."""

    def __init__(self, result):
        self.ended = result["status"] == 0
        self.modes = int(result["modes"]) if self.ended else None
        self.covered = int(result["modes_covered"]) if self.ended else 0
        self.quality = result["high_quality_share"] if self.ended else 0.0
        self.seconds = result["phase_seconds"]["compute"] if self.ended else None
        self.collapsed = not self.ended or 2 * self.covered <= self.modes


def read_outcomes(lines):
    """{experiment: {(loss, regulariser): [Outcome, one a seed]}}, in the order of the lines."""
    experiments = {}
    for line in lines:
        experiment, loss, regulariser, _, _, path = line.rstrip("\n").split("|", 5)
        with open(path) as file:
            outcome = Outcome(json.load(file))
        experiments.setdefault(experiment, {}).setdefault((loss, regulariser), []).append(outcome)
    return experiments


def whole(number):
    return f"{number:g}"


def percent(share):
    return f"{100 * share:.0f} %"


def summary(pairs):
    """A row for each loss, a column for each regulariser: share of high quality, and in bold where runs collapsed."""
    losses = list(dict.fromkeys(loss for loss, _ in pairs))
    columns = list(dict.fromkeys(regulariser for _, regulariser in pairs if ";" not in regulariser))
    yield "| loss | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for loss in losses:
        cells = []
        for regulariser in columns:
            outcomes = pairs.get((loss, regulariser))
            if not outcomes:
                cells.append("")
                continue
            share = percent(statistics.median(outcome.quality for outcome in outcomes))
            cells.append(f"**{share}**" if any(outcome.collapsed for outcome in outcomes) else share)
        yield f"| `{loss}` | " + " | ".join(cells) + " |"


def details(pairs):
    yield "| loss | regulariser | modes covered: median (worst) | high quality: median | collapsed | seconds |"
    yield "|---|---|---|---|---|---|"
    for (loss, regulariser), outcomes in pairs.items():
        covered = [outcome.covered for outcome in outcomes]
        seconds = [outcome.seconds for outcome in outcomes if outcome.seconds is not None]
        collapsed = sum(outcome.collapsed for outcome in outcomes)
        time = f"{statistics.median(seconds):.1f}" if seconds else "–"
        yield (
            f"| `{loss}` | {regulariser} | {whole(statistics.median(covered))} ({min(covered)})"
            f" | {percent(statistics.median(outcome.quality for outcome in outcomes))}"
            f" | {collapsed} of {len(outcomes)} | {time} |"
        )


def machine_of(info):
    here = json.loads(info)
    name = re.sub(r"\([RTM]+\)|\bCPU\b.*|@.*|\b[0-9]+-Core\b|\bProcessor\b", "", here["cpu"])
    return f"{' '.join(name.split())}, {here['usable_cores']} cores; backend {here['backend']}, gan_dist {here['version']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machine", required=True, help="what `gan_dist info --json` prints")
    arguments = parser.parse_args()
    experiments = read_outcomes(sys.stdin)
    runs = sum(len(outcomes) for pairs in experiments.values() for outcomes in pairs.values())
    print(f"\n{runs} runs, measured on: {machine_of(arguments.machine)}.")
    for name, pairs in experiments.items():
        seeds = max(len(outcomes) for outcomes in pairs.values())
        print(f"\n### {TITLES.get(name, name)} (`{name}`)")
        of_seeds = f"median of {seeds} seeds" if seeds > 1 else "one seed"
        print(f"Share of high quality, {of_seeds}; bold where a run collapsed:\n")
        print("\n".join(summary(pairs)))
        print("\nAll of it:\n")
        print("\n".join(details(pairs)))
    print()


if __name__ == "__main__":
    main()
