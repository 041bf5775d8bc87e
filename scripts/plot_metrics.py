#!/usr/bin/python3
"""Draws the course of a training run from its metrics.h5: losses, Wasserstein estimate, gradient norms, throughput,
time per phase and evaluations. Reads the file while the run goes on (HDF5 SWMR).

    scripts/plot_metrics.py runs/ring8                 writes runs/ring8/curves.png
    scripts/plot_metrics.py runs/a/metrics.h5 -o a.png
"""

import argparse
import os
import sys
import time

try:
    import h5py
    import matplotlib

    matplotlib.use("Agg")  # no display is needed
    import numpy
    from matplotlib import pyplot
except ImportError as error:
    sys.exit(
        f"plot_metrics.py: {error.name} is missing for {sys.executable}; install it with"
        " `apt install python3-h5py python3-matplotlib`, or `pip install h5py matplotlib`"
    )

COLOURS = ["#1f6fb4", "#d8401c", "#3a9a4b", "#8a5cc2"]

# Panels of /train: title, columns with their labels, logarithmic axis.
TRAIN_PANELS = [
    ("losses", [("critic_loss", "critic"), ("generator_loss", "generator")], False),
    ("Wasserstein estimate", [("wasserstein_distance", None)], False),
    ("scores", [("score_real", "real"), ("score_fake", "generated")], False),
    ("gradient norms", [("critic_gradient_norm", "critic"), ("generator_gradient_norm", "generator")], True),
    ("gradient penalty", [("gradient_penalty", None)], False),
    ("share of critic weights clipped", [("clipped_fraction", None)], False),
    ("throughput [samples/s]", [("samples_per_second", None)], False),
]
PHASES = ["seconds_data", "seconds_compute", "seconds_summing", "seconds_waiting"]
EARLIER_PHASES = ["seconds_data", "seconds_compute", "seconds_communication"]  # of files that know no time of waiting
EVALUATION_TITLES = {
    "sliced_wasserstein": "sliced Wasserstein distance",
    "modes_covered": "modes covered",
    "high_quality_share": "share of high-quality samples",
}


def fail(message):
    sys.exit(f"plot_metrics.py: {message}")


def read_group(file, name):
    """Columns of a group, all cut to one length: a writer may be between two of them."""
    if name not in file:
        return {}
    columns = {key: data[:] for key, data in file[name].items() if isinstance(data, h5py.Dataset) and data.ndim == 1}
    rows = min((len(values) for values in columns.values()), default=0)
    return {key: values[:rows].astype(float) for key, values in columns.items()}


def read_metrics(path):
    if os.path.isdir(path):
        path = os.path.join(path, "metrics.h5")
    if not os.path.exists(path):
        fail(f"{path} does not exist; name a run's folder or its metrics.h5")
    # The writer may hold a lock that a reader under SWMR does not need.
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    for attempt in range(5):
        try:
            with h5py.File(path, "r", libver="latest", swmr=True) as file:
                train, evaluation = read_group(file, "train"), read_group(file, "eval")
            break
        except (OSError, RuntimeError, ValueError) as error:
            # A chunk that is being written has no valid checksum for a moment.
            if attempt == 4:
                fail(f"{path} cannot be read as HDF5: {error}")
            time.sleep(0.1)
    if "iteration" not in train:
        fail(f"{path} is no metrics file: it has no data set /train/iteration")
    if len(train["iteration"]) == 0:
        fail(f"{path} has no rows yet; try again when the first iterations are done")
    return path, train, evaluation


def moving_average(values, window):
    """Mean over `window` neighbouring values, fewer at the ends; values that are not finite are left out."""
    finite = numpy.isfinite(values)
    kernel = numpy.ones(window)
    total = numpy.convolve(numpy.where(finite, values, 0.0), kernel, mode="same")
    count = numpy.convolve(finite.astype(float), kernel, mode="same")
    return numpy.divide(total, count, out=numpy.full(len(values), numpy.nan), where=count > 0.5)


def draw_curve(axes, x, y, colour, label, window):
    """The curve; when it has many points, pale, with its moving average on top."""
    if window < 2:
        axes.plot(x, y, color=colour, linewidth=1.4, label=label)
        return
    axes.plot(x, y, color=colour, linewidth=0.6, alpha=0.28)
    axes.plot(x, moving_average(y, window), color=colour, linewidth=1.5, label=label)


def finish(axes, title, logarithmic=False):
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(True, color="#e4e6ea", linewidth=0.6)
    axes.tick_params(which="both", labelsize=8, color="#787c82")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#787c82")
    if logarithmic:
        axes.set_yscale("log")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8, frameon=True, framealpha=0.75, edgecolor="none")


def has_values(columns, name):
    """Whether there is anything to see: a penalty or clipping that a run does not have is zero all along."""
    return name in columns and numpy.any(numpy.isfinite(columns[name])) and numpy.any(columns[name] != 0.0)


def train_panel(train, title, curves, logarithmic, window):
    def draw(axes):
        for colour, (name, label) in zip(COLOURS, curves):
            draw_curve(axes, train["iteration"], train[name], colour, label, window)
        positive = all(numpy.nanmin(train[name]) > 0.0 for name, _ in curves)
        finish(axes, title, logarithmic and positive)

    return draw


def phases_panel(train, names, window):
    def draw(axes):
        shares = [1000.0 * moving_average(train[name], max(window, 1)) for name in names]
        labels = [name.replace("seconds_", "") for name in names]
        axes.stackplot(train["iteration"], shares, labels=labels, colors=COLOURS, alpha=0.75, linewidth=0)
        finish(axes, "time of an iteration [ms]")

    return draw


def evaluation_panel(evaluation, name):
    def draw(axes):
        axes.plot(evaluation["iteration"], evaluation[name], color=COLOURS[2], linewidth=1.4, marker="o", markersize=3)
        if name == "modes_covered" and has_values(evaluation, "modes"):
            axes.plot(evaluation["iteration"], evaluation["modes"], color="#787c82", linewidth=1, linestyle=":")
            axes.set_ylim(0, 1.08 * numpy.nanmax(evaluation["modes"]))
        finish(axes, EVALUATION_TITLES.get(name, name.replace("_", " ")))

    return draw


def panels_of(train, evaluation, window):
    panels = []
    for title, curves, logarithmic in TRAIN_PANELS:
        present = [curve for curve in curves if has_values(train, curve[0])]
        if present:
            panels.append(train_panel(train, title, present, logarithmic, window))
    known = PHASES if "seconds_waiting" in train else EARLIER_PHASES
    phases = [name for name in known if has_values(train, name)]
    if phases:
        panels.append(phases_panel(train, phases, window))
    for name in evaluation:
        if name not in ("iteration", "modes") and has_values(evaluation, name):
            panels.append(evaluation_panel(evaluation, name))
    return panels


def draw_figure(panels, title, output):
    columns = min(3, len(panels))
    rows = (len(panels) + columns - 1) // columns
    figure, axes = pyplot.subplots(rows, columns, figsize=(4.6 * columns, 2.7 * rows), squeeze=False)
    for place, draw in zip(axes.flat, panels):
        draw(place)
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    for column in range(columns):
        lowest = max(row for row in range(rows) if row * columns + column < len(panels))
        axes[lowest][column].set_xlabel("iteration", fontsize=8)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    figure.tight_layout()
    try:
        figure.savefig(output, dpi=110)
    except (OSError, ValueError) as error:
        fail(f"cannot write {output}: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run's folder, or its metrics.h5")
    parser.add_argument("-o", "--output", help="the picture (.png, .pdf, .svg); default: curves.png beside metrics.h5")
    parser.add_argument("--window", type=int, help="iterations in the moving average; default: a fiftieth of the run")
    arguments = parser.parse_args()
    if arguments.window is not None and arguments.window < 1:
        parser.error("--window has to be at least 1")
    path, train, evaluation = read_metrics(arguments.run)
    rows = len(train["iteration"])
    window = min(rows, arguments.window or rows // 50)
    output = arguments.output or os.path.join(os.path.dirname(path), "curves.png")
    name = os.path.basename(os.path.dirname(os.path.abspath(path)))
    title = f"{name}: {rows} iterations" + (f", moving average over {window}" if window > 1 else "")
    panels = panels_of(train, evaluation, window)
    if not panels:
        fail(f"{path} holds no finite values to draw")
    draw_figure(panels, title, output)
    print(output)


if __name__ == "__main__":
    main()
