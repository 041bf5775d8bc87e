#!/usr/bin/python3
"""Draws what `gan_dist benchmark --scaling` wrote (-o FILE.h5 or FILE.json): speed-up and efficiency over the number of
ranks, and where the time of an iteration goes. Several files make several curves.

    scripts/plot_scaling.py strong.h5                     writes strong.png
    scripts/plot_scaling.py strong.h5 weak.json -o scaling.png
"""

import argparse
import json
import os
import sys

try:
    import matplotlib

    matplotlib.use("Agg")  # no display is needed
    import h5py
    from matplotlib import pyplot
except ImportError as error:
    sys.exit(
        f"plot_scaling.py: {error.name} is missing for {sys.executable}; install it with"
        " `apt install python3-h5py python3-matplotlib`, or `pip install h5py matplotlib`"
    )

COLOURS = ["#1f6fb4", "#d8401c", "#3a9a4b", "#8a5cc2", "#b8860b"]
PHASES = ["data", "compute", "communication"]


def fail(message):
    sys.exit(f"plot_scaling.py: {message}")


def read_hdf5(path):
    with h5py.File(path, "r") as file:
        texts = {name: file.attrs.get(name, "") for name in ("kind", "scaling", "preset", "cpu")}
        if texts["kind"] != "gan_dist scaling":
            fail(f"{path} was not written by gan_dist benchmark --scaling")
        columns = {name: file[name][:].tolist() for name in ("ranks", "speedup", "efficiency", "milliseconds_median")}
        columns.update({phase: file[f"milliseconds_{phase}"][:].tolist() for phase in PHASES})
    return texts, columns


def read_json(path):
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    rows = report["rows"]
    columns = {name: [row[name] for row in rows] for name in ("ranks", "speedup", "efficiency")}
    columns["milliseconds_median"] = [row["milliseconds_per_iteration"]["median"] for row in rows]
    columns.update({phase: [row["phases"][phase] for row in rows] for phase in PHASES})
    return {"scaling": report["scaling"], "preset": rows[0]["preset"], "cpu": rows[0]["cpu"]}, columns


def read(path):
    try:
        return read_json(path) if path.endswith(".json") else read_hdf5(path)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        fail(f"{path} cannot be read as the result of gan_dist benchmark --scaling: {error}")


def draw_curves(speed, efficiency, results):
    ranks = sorted({rank for _, columns in results for rank in columns["ranks"]})
    first = min(ranks)
    speed.plot(ranks, [rank / first for rank in ranks], color="#999999", linestyle="--", label="ideal")
    efficiency.axhline(100, color="#999999", linestyle="--")
    for (texts, columns), colour in zip(results, COLOURS * len(results)):
        label = f"{texts['preset']}, {texts['scaling']}"
        speed.plot(columns["ranks"], columns["speedup"], color=colour, marker="o", label=label)
        efficiency.plot(columns["ranks"], [100 * value for value in columns["efficiency"]], color=colour, marker="o")
    for axes, title in ((speed, "speed-up"), (efficiency, "efficiency [%]")):
        axes.set_title(title)
        axes.set_xscale("log", base=2)
        axes.set_xticks(ranks, [f"{rank:.0f}" for rank in ranks])
        axes.set_xlabel("ranks")
        axes.grid(alpha=0.3)
    efficiency.set_ylim(bottom=0)
    speed.legend()


def draw_phases(axes, texts, columns):
    """Stacked; what is left to the median is time in which ranks did not start or end together."""
    names = [f"{rank:.0f}" for rank in columns["ranks"]]
    bottom = [0.0] * len(names)
    for phase, colour in zip(PHASES, COLOURS):
        axes.bar(names, columns[phase], bottom=bottom, color=colour, label=phase)
        bottom = [low + value for low, value in zip(bottom, columns[phase])]
    axes.plot(names, columns["milliseconds_median"], color="black", marker="_", linestyle="none", label="iteration")
    axes.set_title(f"ms per iteration: {texts['preset']}, {texts['scaling']}")
    axes.set_xlabel("ranks")
    axes.legend()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="of gan_dist benchmark --scaling -o FILE")
    parser.add_argument("-o", "--output", help="the picture; without: beside the first file, ending in .png")
    arguments = parser.parse_args()
    results = [read(path) for path in arguments.files]
    output = arguments.output or os.path.splitext(arguments.files[0])[0] + ".png"
    panels = 2 + len(results)
    figure, axes = pyplot.subplots(1, panels, figsize=(4.6 * panels, 4), constrained_layout=True)
    draw_curves(axes[0], axes[1], results)
    for place, (texts, columns) in zip(axes[2:], results):
        draw_phases(place, texts, columns)
    figure.suptitle(results[0][0]["cpu"], fontsize=9)
    try:
        figure.savefig(output, dpi=110)
    except (OSError, ValueError) as error:
        fail(f"cannot write {output}: {error}")
    print(output)


if __name__ == "__main__":
    main()
