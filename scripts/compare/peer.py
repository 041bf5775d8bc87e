#!/usr/bin/python3
"""gan_dist beside PyTorch, on this machine, in the same run: milliseconds per iteration of the same networks, batches and
numbers of processes. The two take turns, so that whatever else the machine does meets both; what counts are medians over
the turns, and a table says where it was measured.

    scripts/compare/peer.py                    every workload, 5 turns each
    scripts/compare/peer.py --turns 3 --only mlp-64
    scripts/compare/peer.py --json out.json    every single number too
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))

# The same work on both sides: no long warm-up iterations as the paper has them, no average of the weights.
MLP = ["--preset", "fashion-mlp", "--train.warmup_iterations=0", "--critic.clip=0.01"]
RING8 = ["--preset", "ring8", "--train.ema_decay=0"]

# Name, processes, batch per process, PyTorch's model, gan_dist's options, iterations of a turn.
WORKLOADS = [
    ("mlp-64", 1, 64, "mlp", MLP, 40),
    ("mlp-32", 2, 32, "mlp", MLP, 40),
    ("mlp-8", 8, 8, "mlp", MLP, 15),
    ("ring8-256", 1, 256, "ring8", RING8, 100),
]


def fail(message):
    sys.exit(f"peer.py: {message}")


def environment():
    """One thread a process; as scripts/mpi-env.sh, more ranks than cores allowed."""
    values = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMPI_MCA_rmaps_base_oversubscribe="1")
    if os.geteuid() == 0:
        values.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return values


def measure(command, limit):
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=limit)
    except FileNotFoundError as error:
        fail(f"cannot start {error.filename}")
    except subprocess.TimeoutExpired:
        fail(f"more than {limit} s (--limit): {shlex.join(command)}")
    if done.returncode != 0:
        fail(f"exit status {done.returncode}: {shlex.join(command)}\n{done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)


def check_same_work(workload, own, peer):
    """A preset that changes must not leave the two with different networks unnoticed."""
    ours, theirs = own["work"]["gradient_bytes_per_rank"], peer["work"]["gradient_bytes_per_rank"]
    if ours != theirs or own["batch"] != peer["batch"]:
        fail(
            f"{workload[0]}: gan_dist has {ours:.0f} bytes of gradients and batch {own['batch']}, PyTorch {theirs:.0f} and"
            f" {peer['batch']}: MODELS in pytorch_wgan.py has to follow the preset"
        )


def commands(workload, arguments):
    _, processes, batch, model, options, iterations = workload
    own = [arguments.program, "benchmark", "--json", f"-n{iterations}", "--batch", str(batch * processes), *options]
    if processes > 1:
        own = ["mpirun", "-np", str(processes), *own]
    peer = [arguments.python, os.path.join(FOLDER, "pytorch_wgan.py"), "--model", model]
    peer += ["--batch", str(batch), "--processes", str(processes), "--iterations", str(iterations)]
    return {"gan_dist": own, "pytorch": peer}


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def median(results, field):
    return statistics.median(result["milliseconds_per_iteration"][field] for result in results)


def print_row(workload, results):
    name, processes, batch = workload[:3]
    own, peer = results["gan_dist"], results["pytorch"]
    ratios = [
        theirs["milliseconds_per_iteration"]["median"] / ours["milliseconds_per_iteration"]["median"]
        for ours, theirs in zip(own, peer)
    ]
    print(
        f"{name:12}{processes:4}{batch:7}{median(own, 'median'):12.2f}{median(own, 'minimum'):10.2f}"
        f"{median(peer, 'median'):12.2f}{median(peer, 'minimum'):10.2f}"
        f"{statistics.median(ratios):9.2f}   {min(ratios):.2f} .. {max(ratios):.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="runs of each program and workload")
    parser.add_argument("--only", action="append", choices=[row[0] for row in WORKLOADS], help="this workload; repeatable")
    parser.add_argument("--program", default=os.path.join(ROOT, "gan_dist"))
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has PyTorch")
    parser.add_argument("--limit", type=float, default=300, help="seconds that one run may take")
    parser.add_argument("--json", metavar="FILE", help="write every result")
    arguments = parser.parse_args()
    if arguments.turns < 1:
        parser.error("--turns has to be at least 1")

    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    print(f"machine   {cpu_model()}, {cores} cores usable, load {load:.1f} before the start")
    everything = {"cpu": cpu_model(), "cores": cores, "load_before": load, "workloads": {}}
    for workload in WORKLOADS:
        if arguments.only and workload[0] not in arguments.only:
            continue
        results = {"gan_dist": [], "pytorch": []}
        for _ in range(arguments.turns):
            for program, command in commands(workload, arguments).items():
                results[program].append(measure(command, arguments.limit))
            check_same_work(workload, results["gan_dist"][-1], results["pytorch"][-1])
        if not everything["workloads"]:
            own = results["gan_dist"][0]
            print(f"programs  gan_dist {own['version']} ({own['backend_description']}), {results['pytorch'][0]['program']}")
            print(f"medians of {arguments.turns} turns, in turn; milliseconds per iteration; ratio: PyTorch / gan_dist\n")
            print(
                f"{'workload':12}{'np':>4}{'batch':>7}{'gan_dist':>12}{'minimum':>10}{'PyTorch':>12}{'minimum':>10}"
                f"{'ratio':>9}   of single turns"
            )
        everything["workloads"][workload[0]] = results
        print_row(workload, results)
    print(f"\nload {os.getloadavg()[0]:.1f} after the end (a load above the number of processes: somebody else was busy too)")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()
