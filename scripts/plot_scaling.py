#!/usr/bin/python3
"""Draws what `gan_dist benchmark` wrote (-o FILE.h5 or FILE.json). Of --scaling: speed-up and efficiency over the number of
ranks, and where the time of an iteration goes; several files make several curves. Of --allreduce: time and rate over the
size, one curve for each way to sum; several files stand side by side.

    scripts/plot_scaling.py strong.h5                     writes strong.png
    scripts/plot_scaling.py strong.h5 weak.json -o scaling.png
    scripts/plot_scaling.py allreduce.h5
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
PHASES = ["data", "compute", "summing", "waiting"]
EARLIER_PHASES = ["data", "compute", "communication"]  # of files that know no time of waiting


def fail(message):
    sys.exit(f"plot_scaling.py: {message}")


SCALING, ALLREDUCE = "gan_dist scaling", "gan_dist allreduce"


def text(value):
    """h5py gives texts of fixed length as bytes; in files of earlier versions they are strings."""
    return value.decode() if isinstance(value, bytes) else value


def read_hdf5(path):
    """Texts, and columns by name."""
    with h5py.File(path, "r") as file:
        texts = {name: text(value) for name, value in file.attrs.items() if isinstance(value, (bytes, str))}
        if texts.get("kind") not in (SCALING, ALLREDUCE):
            fail(f"{path} was not written by gan_dist benchmark --scaling or --allreduce")
        return texts, {name: column[:].tolist() for name, column in file.items()}


def number(value):
    return float("nan") if value is None else value


def read_json(path):
    """The same texts and columns, as far as they are drawn."""
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    if "allreduce" in report:
        rows = report["allreduce"]
        columns = {"bytes": [row["bytes"] for row in rows], "ranks": [report["ranks"]] * len(rows)}
        for way in (name for name, value in rows[0].items() if isinstance(value, dict)):
            columns[f"{way}_microseconds_median"] = [number(row[way]["microseconds_median"]) for row in rows]
        return {"kind": ALLREDUCE, "cpu": report["cpu"], "update": report["update"] or ""}, columns
    rows = report["rows"]
    columns = {name: [row[name] for row in rows] for name in ("ranks", "speedup", "efficiency")}
    columns["milliseconds_median"] = [row["milliseconds_per_iteration"]["median"] for row in rows]
    columns.update({f"milliseconds_{phase}": [row["phases"][phase] for row in rows] for phase in rows[0]["phases"]})
    return {"kind": SCALING, "scaling": report["scaling"], "preset": rows[0]["preset"], "cpu": rows[0]["cpu"]}, columns


def read(path):
    try:
        return read_json(path) if path.endswith(".json") else read_hdf5(path)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        fail(f"{path} cannot be read as the result of gan_dist benchmark: {error}")


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
    phases = PHASES if "milliseconds_waiting" in columns else EARLIER_PHASES
    for phase, colour in zip(phases, COLOURS):
        values = columns[f"milliseconds_{phase}"]
        axes.bar(names, values, bottom=bottom, color=colour, label=phase)
        bottom = [low + value for low, value in zip(bottom, values)]
    axes.plot(names, columns["milliseconds_median"], color="black", marker="_", linestyle="none", label="iteration")
    axes.set_title(f"ms per iteration: {texts['preset']}, {texts['scaling']}")
    axes.set_xlabel("ranks")
    axes.legend()


def draw_scaling(results):
    panels = 2 + len(results)
    figure, axes = pyplot.subplots(1, panels, figsize=(4.6 * panels, 4), constrained_layout=True)
    draw_curves(axes[0], axes[1], results)
    for place, (texts, columns) in zip(axes[2:], results):
        draw_phases(place, texts, columns)
    return figure


def draw_sizes(time, rate, texts, columns):
    """A way that does not suit the ranks and hosts has no numbers, and no curve."""
    end = "_microseconds_median"
    ways = [name[: -len(end)] for name in columns if name.endswith(end) and any(value == value for value in columns[name])]
    for way, colour in zip(ways, COLOURS * len(ways)):
        label = way + (" + update" if texts["update"] and way != "mpi_allreduce" else "")
        median = columns[way + end]
        time.plot(columns["bytes"], median, color=colour, marker="o", markersize=4, label=label)
        gigabytes = [1e-3 * size / value for size, value in zip(columns["bytes"], median)]
        rate.plot(columns["bytes"], gigabytes, color=colour, marker="o", markersize=4, label=label)
    for axes, title in ((time, "time [µs]"), (rate, "rate [GB/s]")):
        axes.set_title(f"{title}, {columns['ranks'][0]:.0f} ranks")
        axes.set_xscale("log", base=2)
        axes.set_xlabel("bytes")
        axes.grid(alpha=0.3)
    time.set_yscale("log")
    time.legend()
    if texts["update"]:
        rate.set_xlabel(f"bytes; update: {texts['update']}")


def draw_allreduce(results):
    panels = 2 * len(results)
    figure, axes = pyplot.subplots(1, panels, figsize=(4.6 * panels, 4), constrained_layout=True)
    for i, (texts, columns) in enumerate(results):
        draw_sizes(axes[2 * i], axes[2 * i + 1], texts, columns)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="of gan_dist benchmark --scaling or --allreduce -o FILE")
    parser.add_argument("-o", "--output", help="the picture; without: beside the first file, ending in .png")
    arguments = parser.parse_args()
    results = [read(path) for path in arguments.files]
    if len({texts["kind"] for texts, _ in results}) > 1:
        fail("scaling and all-reduces are two pictures: draw one at a time")
    output = arguments.output or os.path.splitext(arguments.files[0])[0] + ".png"
    try:
        figure = (draw_allreduce if results[0][0]["kind"] == ALLREDUCE else draw_scaling)(results)
        figure.suptitle(results[0][0]["cpu"], fontsize=9)
    except KeyError as error:
        fail(f"{arguments.files[0]} lacks {error}: was it written by another version of gan_dist?")
    try:
        figure.savefig(output, dpi=110)
    except (OSError, ValueError) as error:
        fail(f"cannot write {output}: {error}")
    print(output)


if __name__ == "__main__":
    main()
