#!/usr/bin/python3
"""Sets the messages' time that `gan_dist benchmark --predict` calculates beside that of the very code of src/dist on
clusters that SimGrid simulates (Debian: libsimgrid-dev), and fails where they differ by more than 15 %.

    scripts/predict-check.py                         16, 128 and 1,024 hosts, 10 Gbit/s Ethernet and HDR InfiniBand
    scripts/predict-check.py --full                  and what takes longer, large networks on 1,024 hosts: half an hour
    scripts/predict-check.py --json FILE             keeps the table

A simulated cluster has one rank on each host, and a switch that is as wide as all hosts' links together. What the ranks
compute is left out, since the model's other parts stand for it. tests/simgrid says what SimGrid runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOLERANCE = 0.15
NETWORKS = ["10gbe", "hdr"]
# Preset, hosts, reduction, critic steps in an iteration. The preset fashion-mlp has the WGAN paper's networks. SimGrid takes
# minutes for a large network's slices among 128 hosts, where each sends to each other one; those of a small one belong
# to few of the hosts.
SHORT = [
    ("fashion-mlp", 16, "auto", 1),
    ("fashion-mlp", 16, "flat", 5),
    ("fashion-mlp", 128, "flat", 1),
    ("ring8", 128, "hierarchical", 1),
]
# So many hosts take SimGrid most of a minute, even for a small network: on one of the networks.
LARGE = ("ring8", 1024, "flat", 1)
FULL = SHORT + [("fashion-mlp", 128, "auto", 1), ("fashion-mlp", 1024, "flat", 1), ("ring8", 1024, "hierarchical", 1)]
PLATFORM = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="cluster" prefix="host" suffix="" radical="0-{last}" speed="1f" bw="{bandwidth}Bps" lat="{latency}s"
           sharing_policy="SPLITDUPLEX"/>
</platform>
"""
# The platform's numbers as they are, without the corrections for one particular cluster that SimGrid comes with.
SETTINGS = {
    "smpi/simulate-computation": "no",
    "smpi/host-speed": "1f",
    "smpi/test": "0",  # looking whether messages have arrived takes no time
    "smpi/shared-malloc": "global",
    "smpi/coll-selector": "ompi",
    "smpi/lat-factor": "0:1",
    "smpi/bw-factor": "0:1",
    "network/TCP-gamma": "0",
    "network/crosstraffic": "0",
    "network/weight-S": "0",
}


def run(command, limit):
    finished = subprocess.run(command, capture_output=True, text=True, timeout=limit, cwd=ROOT, check=False)
    if finished.returncode != 0:
        sys.exit(f"predict-check.py: {' '.join(command)} failed:\n{finished.stderr}")
    return json.loads(finished.stdout[finished.stdout.index("{") :])


def predict(program, preset, network, hosts, reduction, steps):
    keys = [f"--train.n_critic={steps}", f"--dist.reduction={reduction}", "--train.verify_every=0", "--batch", "1"]
    command = [program, "benchmark", "--preset", preset, "--predict", str(hosts), "--network", network, "-n1", "--json"]
    return run(command + keys, 120)


def simulate(work, link, hosts, reduction, steps, folder, limit):
    path = os.path.join(folder, "platform.xml")
    with open(path, "w", encoding="utf-8") as file:
        bandwidth, latency = link["bytes_per_second"], link["latency_seconds"] / 2  # two links on each way
        file.write(PLATFORM.format(last=hosts - 1, bandwidth=bandwidth, latency=latency))
    overhead = f"0:{link['overhead_seconds']}:0"
    settings = dict(SETTINGS, **{"smpi/ois": overhead, "smpi/or": overhead})
    command = ["smpirun", "-no-privatize", "-np", str(hosts), "-platform", path, "--log=root.thresh:error"]
    command += [f"--cfg={name}:{value}" for name, value in settings.items()]
    command += [os.path.join(ROOT, "build/simgrid/iterate"), reduction]
    command += [str(work[name]) for name in ("critic_parameters", "generator_parameters")]
    command += [str(steps), str(work["critic_scalars"]), "1", "0"]
    return run(command, limit)


def compare(arguments, folder):
    rows = []
    print(f"{'preset':13}{'network':8}{'hosts':>7}  {'reduction':14}{'steps':>6}{'predicted':>12}{'simulated':>12}{'off by':>9}")
    for network in NETWORKS:
        for preset, hosts, reduction, steps in (FULL if arguments.full else SHORT) + [LARGE] * (network == NETWORKS[0]):
            work = predict(arguments.program, preset, network, hosts, reduction, steps)
            row = work["rows"][0]
            names, predicted = (row["critic_reduction"], row["generator_reduction"]), row["milliseconds_network"]
            found = simulate(work, work["network"], hosts, reduction, steps, folder, arguments.limit)
            if (found["critic"], found["generator"]) != names or found["hosts"] != hosts:
                sys.exit(f"predict-check.py: predicted {names} on {hosts} hosts, but simulated {found}")
            simulated = 1e3 * found["seconds_per_iteration"]
            off = predicted / simulated - 1
            times = f"{predicted:9.3f} ms{simulated:9.3f} ms{100 * off:+7.1f} %"
            print(f"{preset:13}{network:8}{hosts:7}  {names[0]:14}{steps:6}{times}", flush=True)
            rows.append({"preset": preset, "network": network, "hosts": hosts, "reduction": names[0]})
            rows[-1].update(critic_steps=steps, predicted_milliseconds=predicted, simulated_milliseconds=simulated)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, "gan_dist"), help="gan_dist to ask")
    parser.add_argument("--full", action="store_true", help="the large network's slices among 128 hosts too, and 1,024 hosts")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that one simulation may take")
    parser.add_argument("--json", help="a file for the table")
    arguments = parser.parse_args()
    run_make = subprocess.run(["make", "-s", "simgrid"], cwd=ROOT, check=False)
    if run_make.returncode != 0:
        sys.exit("predict-check.py: tests/simgrid cannot be built; is libsimgrid-dev installed?")
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(arguments, folder)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    worst = max(abs(row["predicted_milliseconds"] / row["simulated_milliseconds"] - 1) for row in rows)
    print(f"within {100 * worst:.1f} %")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
