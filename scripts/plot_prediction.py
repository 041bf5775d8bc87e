#!/usr/bin/python3
"""Draws what `gan_dist benchmark --predict` wrote (-o FILE.json): efficiency over the number of hosts, and where the time
goes. Several files make several curves; --table prints them for docs/scaling.md instead.

    for network in 10gbe 100gbe hdr; do
      ./gan_dist benchmark --preset fashion-mlp --predict 1,2,4,16,64,128,256,1024,4096,10000 --network $network -o $network.json
    done
    scripts/plot_prediction.py 10gbe.json 100gbe.json hdr.json -o docs/pictures/prediction.png
"""

import argparse
import json
import os
import sys

COLOURS = ["#1f6fb4", "#d8401c", "#3a9a4b", "#8a5cc2", "#b8860b"]
PARTS = [
    ("compute", "weak_milliseconds_compute"),
    ("adding", "milliseconds_adding"),
    ("network", "milliseconds_network"),
    ("stragglers", "weak_milliseconds_stragglers"),
]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for row in report["rows"]:
            for name in ["hosts", "weak_efficiency"] + [name for _, name in PARTS]:
                row[name] + 0
        return report
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"plot_prediction.py: {path} cannot be read as the result of gan_dist benchmark --predict -o: {error}")


def without_stragglers(report, row):
    first = report["rows"][0]["weak_milliseconds"]
    return first / (row["weak_milliseconds"] - row["weak_milliseconds_stragglers"])


def print_table(reports):
    first = reports[0]
    print(f"Measured on {first['cpu']}, {first['ranks_per_host']} rank(s), {first['preset']}, batch {first['batch']}.\n")
    print("| hosts | reduction | " + " | ".join(f"{report['network']['name']}: ms, efficiency" for report in reports) + " | stragglers, ms |")
    print("|---" * (len(reports) + 3) + "|")
    for rows in zip(*(report["rows"] for report in reports)):
        cells = [
            f"{row['milliseconds_network'] + row['milliseconds_adding']:.1f}, {100 * without_stragglers(report, row):.0f} %"
            for report, row in zip(reports, rows)
        ]
        slow = rows[-1]["weak_milliseconds_stragglers"]
        print(f"| {rows[0]['hosts']:,} | {rows[0]['critic_reduction']} | {' | '.join(cells)} | {slow:.0f} |")


def draw(reports, output):
    try:
        import matplotlib

        matplotlib.use("Agg")  # no display is needed
        from matplotlib import pyplot
    except ImportError as error:
        sys.exit(f"plot_prediction.py: {error.name} is missing for {sys.executable}; `apt install python3-matplotlib`")
    figure, axes = pyplot.subplots(1, 1 + len(reports), figsize=(4.4 * (1 + len(reports)), 4), constrained_layout=True)
    for report, colour in zip(reports, COLOURS * len(reports)):
        hosts, name = [row["hosts"] for row in report["rows"]], report["network"]["name"]
        whole = [100 * row["weak_efficiency"] for row in report["rows"]]
        calm = [100 * without_stragglers(report, row) for row in report["rows"]]
        axes[0].plot(hosts, calm, color=colour, marker="o", label=name)
        axes[0].plot(hosts, whole, color=colour, linestyle=":", marker=".", label=f"{name}, with stragglers")
    axes[0].set_title("weak scaling, efficiency [%]")
    axes[0].set_ylim(0, 105 + 13 * len(reports))  # the legend has its place above the curves
    for place, report in zip(axes[1:], reports):
        names, bottom = [f"{row['hosts']}" for row in report["rows"]], [0.0] * len(report["rows"])
        for (part, column), colour in zip(PARTS, COLOURS):
            values = [row[column] for row in report["rows"]]
            place.bar(names, values, bottom=bottom, color=colour, label=part)
            bottom = [low + value for low, value in zip(bottom, values)]
        place.set_title(f"ms per iteration: {report['network']['name']}")
        place.tick_params(axis="x", labelrotation=60)
    for place in axes:
        place.set_xlabel("hosts")
        place.grid(alpha=0.3)
        place.legend(fontsize=8, ncol=2 if place is axes[0] else 1, loc="upper left")
    axes[0].set_xscale("log")
    figure.suptitle(f"{reports[0]['preset']}, predicted from {reports[0]['cpu']}", fontsize=9)
    try:
        figure.savefig(output, dpi=80)
    except (OSError, ValueError) as error:
        sys.exit(f"plot_prediction.py: cannot write {output}: {error}")
    print(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="of gan_dist benchmark --predict -o FILE.json")
    parser.add_argument("-o", "--output", help="the picture; without: beside the first file, ending in .png")
    parser.add_argument("--table", action="store_true", help="prints a table, draws nothing")
    arguments = parser.parse_args()
    reports = [read(path) for path in arguments.files]
    if arguments.table:
        print_table(reports)
    else:
        draw(reports, arguments.output or os.path.splitext(arguments.files[0])[0] + ".png")


if __name__ == "__main__":
    main()
