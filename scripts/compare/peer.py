#!/usr/bin/python3
"""gan_dist beside PyTorch and MPI_Allreduce, on this machine, in one run: the same networks, batches and numbers of
processes. The programs take turns, so that whatever else the machine does meets all of them; what counts are medians over
the turns, and the head says where it was measured.

    scripts/compare/peer.py                        every row, 5 turns
    scripts/compare/peer.py --markdown             the same, as docs/benchmark.md shows it
    scripts/compare/peer.py --turns 3 --only mlp-8 --only memory
    scripts/compare/peer.py --json out.json        every single number too

Rows of bfloat16 stand beside PyTorch's float32; where gan_dist refuses `--precision bf16` they are left out, and its
message is shown.
"""

import argparse
import collections
import json
import math
import os
import platform
import shlex
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))

# --- what is run

# The same work on both sides: no long warm-up iterations as the paper has them, no average of the weights.
MLP = ["--preset", "fashion-mlp", "--train.warmup_iterations=0", "--critic.clip=0.01"]
RING8 = ["--preset", "ring8", "--train.ema_decay=0"]

# Each process computes its part of the batch at once, as PyTorch does: one shard a process (a training has 8 by default).
# Images are noise, batch norm per rank, which is what DistributedDataParallel makes of it.
DCGAN = ["--preset", "wgan-64", "--train.warmup_iterations=0", "--batch_norm.sync=no", "--data.source=idx", "--data.path=IMAGES"]
IMAGES = "images-idx4-ubyte"
BFLOAT16 = ["--precision", "bf16"]

# Processes, batch per process, PyTorch's model (None: not run), gan_dist's options, iterations of a turn; whether mpirun
# starts gan_dist also for one process.
Training = collections.namedtuple("Training", "processes batch model options iterations launched", defaults=[False])
TRAINING = {
    "mlp-64": Training(1, 64, "mlp", MLP, 30),
    "mlp-64-bf16": Training(1, 64, None, MLP + BFLOAT16, 30),
    "mlp-32": Training(2, 32, "mlp", MLP, 30),
    "mlp-8": Training(8, 8, "mlp", MLP, 15),
    "mlp-256": Training(1, 256, "mlp", MLP, 10),
    "mlp-128": Training(2, 128, "mlp", MLP, 10),
    "ring8-256": Training(1, 256, "ring8", RING8, 100),
    "ring8-256 by mpirun": Training(1, 256, None, RING8, 100, launched=True),
    "dcgan-64": Training(1, 64, "dcgan", DCGAN, 3),
    "dcgan-64-bf16": Training(1, 64, None, DCGAN + BFLOAT16, 3),
    "dcgan-32": Training(2, 32, "dcgan", DCGAN, 3),
    "dcgan-32-bf16": Training(2, 32, None, DCGAN + BFLOAT16, 3),
}
MACHINE = "ring8-256"
# Reductions: name -> processes. 4 Mi values of float32, RMSprop, clipping.
REDUCTIONS = {"reduction-2": 2, "reduction-8": 8}
# What `train` takes: name -> batch, options. It leaves a checkpoint, a picture and an evaluation in a temporary folder.
RUNS = {"dcgan-64 train": (64, [*DCGAN, "--iterations", "2"])}
REDUCTION = ["--allreduce", "--update", "--smallest", str(4 << 22), "--largest", str(4 << 22), "--critic.clip=0.01"]

# --- what is shown of it


def own(turn, workload):
    return turn[workload, "gan_dist"]


def peer(turn, workload):
    return turn[workload, "pytorch"]


def time_of(result):
    return result["milliseconds_per_iteration"]["median"]


def reduction(name):
    def values(turn):
        sizes = own(turn, name)["allreduce"][0]
        return 1e-3 * sizes["shared"]["microseconds_median"], 1e-3 * sizes["mpi_allreduce"]["microseconds_median"]

    return values


def training(name, beside=None):
    """Milliseconds; of PyTorch's in another workload where `beside` names one."""
    return lambda turn: (time_of(own(turn, name)), time_of(peer(turn, beside or name)))


def scaling(one, two):
    """Percent of twice as fast."""
    return lambda turn: tuple(50 * time_of(of(turn, one)) / time_of(of(turn, two)) for of in (own, peer))


def scaling_of_products(one, two):
    """Percent of twice as fast: an iteration; matrix products alone, which a machine that others use keeps from it too."""

    def values(turn):
        peaks = [own(turn, name)["peak"]["flops_per_second"] for name in (one, two)]
        return scaling(one, two)(turn)[0], 50 * peaks[1] / peaks[0]

    return values


def memory(name):
    return lambda turn: tuple(1e-6 * of(turn, name)["memory_bytes"]["maximum"] for of in (own, peer))


def resident(run, name):
    """MB at the most: of `train`, and of PyTorch's benchmark."""
    return lambda turn: (1e-6 * own(turn, run)["peak_resident_bytes"], 1e-6 * peer(turn, name)["peak_resident_bytes"])


def startup(name):
    return lambda turn: tuple(of(turn, name)["startup_seconds"] for of in (own, peer))


def alone(name):
    """Milliseconds as one process; as one rank of mpirun."""
    return lambda turn: (time_of(own(turn, name)), time_of(own(turn, f"{name} by mpirun")))


def share(name, phase):
    """Percent of an iteration."""

    def values(turn):
        result = own(turn, name)
        if phase == "exchange":
            return 100 * result["scalar_exchange"]["share_of_iteration"], None
        return 100 * result["phases"][phase] / time_of(result), None

    return values


def outside(name):
    """Percent of an iteration that is not spent in layers with products."""
    return lambda turn: (100 * own(turn, name)["layers"]["share_outside_products"], None)


# Goal: of the design, for a machine whose cores reach 240 GF/s each. More: larger values are better ones.
Row = collections.namedtuple("Row", "name label unit goal beside workloads values more", defaults=[False])
DDP = "PyTorch DDP (gloo)"
FLOAT32 = "PyTorch, float32"
ROWS = [
    Row("reduction-2", "reduction + RMSprop + clip of 4M float32, np 2", "ms", "≤ 2.0", "MPI_Allreduce alone",
        ["reduction-2"], reduction("reduction-2")),
    Row("reduction-8", "reduction + RMSprop + clip of 4M float32, np 8", "ms", "≤ 7", "MPI_Allreduce alone", ["reduction-8"], reduction("reduction-8")),
    Row("mlp-8", "WGAN MLP, 8 per rank, np 8, an iteration", "ms", "≤ 30", DDP, ["mlp-8"], training("mlp-8")),
    Row("mlp-32", "WGAN MLP, 32 per rank, np 2", "ms", "≤ 14", DDP, ["mlp-32"], training("mlp-32")),
    Row("mlp-64", "WGAN MLP, 64, np 1", "ms", "≤ 21", "PyTorch", ["mlp-64"], training("mlp-64")),
    Row("mlp-64-bf16", "WGAN MLP, 64, np 1, bf16", "ms", "≤ 13", FLOAT32, ["mlp-64-bf16", "mlp-64"], training("mlp-64-bf16", "mlp-64")),
    Row("dcgan-64", "WGAN DCGAN 64 × 64, 64, np 1", "ms", "≤ 2750", "PyTorch", ["dcgan-64"], training("dcgan-64")),
    Row("dcgan-64-bf16", "WGAN DCGAN 64 × 64, 64, np 1, bf16", "ms", "≤ 1500", FLOAT32, ["dcgan-64-bf16", "dcgan-64"],
        training("dcgan-64-bf16", "dcgan-64")),
    Row("dcgan-32", "WGAN DCGAN 64 × 64, 32 per rank, np 2", "ms", "≤ 1450", DDP, ["dcgan-32"], training("dcgan-32")),
    Row("dcgan-32-bf16", "WGAN DCGAN 64 × 64, 32 per rank, np 2, bf16", "ms", "≤ 800", f"{DDP}, float32", ["dcgan-32-bf16", "dcgan-32"],
        training("dcgan-32-bf16", "dcgan-32")),
    Row("dcgan-outside", "DCGAN, 64, np 1, outside of layers with products, share", "%", "≤ 10", "", ["dcgan-64"], outside("dcgan-64")),
    Row("dcgan-outside-bf16", "the same, bf16", "%", "≤ 10", "", ["dcgan-64-bf16"], outside("dcgan-64-bf16")),
    Row("dcgan-memory", "peak memory (RSS), DCGAN, 64, np 1", "MB", "≤ 320", "PyTorch", ["dcgan-64 train", "dcgan-64"],
        resident("dcgan-64 train", "dcgan-64")),
    Row("ring8-256", "ring8, 256, np 1", "ms", "≤ 4", "PyTorch", ["ring8-256"], training("ring8-256")),
    Row("scaling", "WGAN MLP, global batch 256, np 1 to 2, efficiency", "%", "≥ 90", DDP, ["mlp-256", "mlp-128"],
        scaling("mlp-256", "mlp-128"), True),
    Row("scaling-products", "the same", "%", "", "matrix products alone", ["mlp-256", "mlp-128"],
        scaling_of_products("mlp-256", "mlp-128"), True),
    Row("memory", "memory per rank (PSS), WGAN MLP, np 8", "MB", "≤ 40", DDP, ["mlp-8"], memory("mlp-8")),
    Row("startup", "start to first iteration, WGAN MLP, np 8", "s", "≤ 1", DDP, ["mlp-8"], startup("mlp-8")),
    Row("alone", "ring8, 256, one process without mpirun", "ms", "", "mpirun -np 1",
        ["ring8-256", "ring8-256 by mpirun"], alone("ring8-256")),
    Row("one-rank", "communication at np 1, ring8, share of an iteration", "%", "", "", ["ring8-256"],
        share("ring8-256", "communication")),
    Row("agreement-2", "exchange of scalars and errors, np 2, WGAN MLP, share", "%", "", "", ["mlp-32"],
        share("mlp-32", "exchange")),
    Row("agreement-8", "exchange of scalars and errors, np 8, WGAN MLP, share", "%", "", "", ["mlp-8"], share("mlp-8", "exchange")),
]

# --- running


def fail(message):
    sys.exit(f"peer.py: {message}")


def environment():
    """One thread a process; scripts/mpi-env.sh, so more ranks than cores are allowed, by any mpirun."""
    said = subprocess.check_output(["bash", "-c", '. "$0" && env -0', os.path.join(FOLDER, "..", "mpi-env.sh")], text=True)
    values = dict(variable.split("=", 1) for variable in said.split("\0") if variable)
    return dict(values, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


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


def peak_resident(command, limit):
    """What the kernel counted when the process ended."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment())
        alarm = threading.Timer(limit, process.kill)
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        alarm.cancel()
        output.seek(0)
        if process.returncode == -signal.SIGKILL:
            fail(f"killed, or more than {limit} s (--limit): {shlex.join(command)}")
        if process.returncode != 0:
            fail(f"exit status {process.returncode}: {shlex.join(command)}\n{output.read().strip()[-1000:]}")
    return {"peak_resident_bytes": 1024.0 * usage.ru_maxrss}


def write_images(path):
    """1,024 images of noise, 3 x 64 x 64, as an IDX file: times do not depend on what they show."""
    sizes = (1024, 3, 64, 64)
    with open(path, "wb") as file:
        file.write(struct.pack(">4B4I", 0, 0, 8, len(sizes), *sizes) + os.urandom(math.prod(sizes)))


def with_images(options, folder):
    return [option.replace("IMAGES", os.path.join(folder, IMAGES)) for option in options]


def refusal(arguments):
    """What gan_dist says against bfloat16 on this machine; None where it can."""
    command = [arguments.program, "benchmark", "-n1", "--preset", "ring8", *BFLOAT16]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=arguments.limit)
    return None if done.returncode == 0 else done.stderr.strip()


def commands(workload, arguments, folder):
    """Program -> command line."""
    program = [arguments.program, "benchmark", "--json"]
    if workload in REDUCTIONS:
        return {"gan_dist": ["mpirun", "-np", str(REDUCTIONS[workload]), *program, *REDUCTION]}
    it = TRAINING[workload]
    line = [*program, f"-n{it.iterations}", "--batch", str(it.batch * it.processes), "--shards", str(it.processes), *with_images(it.options, folder)]
    if it.processes > 1 or it.launched:
        line = ["mpirun", "-np", str(it.processes), *line]
    both = {"gan_dist": line}
    if it.model:
        both["pytorch"] = [arguments.python, os.path.join(FOLDER, "pytorch_wgan.py"), "--model", it.model]
        both["pytorch"] += ["--batch", str(it.batch), "--processes", str(it.processes), "--iterations", str(it.iterations)]
    return both


def check_same_work(workload, turn):
    """A preset that changes must not leave the two with different networks unnoticed."""
    if (workload, "pytorch") not in turn:
        return
    ours, theirs = own(turn, workload), peer(turn, workload)
    if ours["work"]["gradient_bytes_per_rank"] != theirs["work"]["gradient_bytes_per_rank"] or ours["batch"] != theirs["batch"]:
        fail(
            f"{workload}: gan_dist has {ours['work']['gradient_bytes_per_rank']:.0f} bytes of gradients and batch"
            f" {ours['batch']}, PyTorch {theirs['work']['gradient_bytes_per_rank']:.0f} and {theirs['batch']}:"
            " MODELS in pytorch_wgan.py has to follow the preset"
        )


def train_once(workload, arguments, folder):
    batch, options = RUNS[workload]
    with tempfile.TemporaryDirectory() as place:
        command = [arguments.program, "train", "-q", "--batch", str(batch), *with_images(options, folder)]
        return peak_resident([*command, f"--run.dir={place}/run"], arguments.limit)


def run_turn(workloads, arguments, folder):
    turn = {}
    for workload in workloads:
        if workload in RUNS:
            turn[workload, "gan_dist"] = train_once(workload, arguments, folder)
            continue
        for program, command in commands(workload, arguments, folder).items():
            turn[workload, program] = measure(command, arguments.limit)
        check_same_work(workload, turn)
    return turn


# --- showing


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def medians(turns, pick):
    """Of what pick finds in the results of each turn; None where it finds nothing."""
    found = [value for value in (pick(turn) for turn in turns) if value is not None]
    return statistics.median(found) if found else None


def peak(turns, program, ranks, field):
    def pick(turn):
        mine = [result for (_, by), result in turn.items() if by == program and "peak" in result]
        found = [r["peak"][field] for r in mine if r["ranks"] == ranks and r.get("precision") != "bf16"]
        return 1e-9 * max(found) if found else None

    return medians(turns, pick)


def machine_lines(turns, load):
    results = {program: result for (_, program), result in turns[0].items()}
    lines = [f"machine: {cpu_model()}, {len(os.sched_getaffinity(0))} cores usable"]
    parts = [
        (peak(turns, "gan_dist", 1, "flops_per_second"), "{:.0f} GF/s in one rank's float32 matrix products by gan_dist's backend"),
        (peak(turns, "pytorch", 1, "flops_per_second"), "{:.0f} by PyTorch"),
        (peak(turns, "gan_dist", 1, "memory_bytes_per_second"), "{:.1f} GB/s of memory bandwidth with one rank"),
        (peak(turns, "gan_dist", 2, "memory_bytes_per_second"), "{:.1f} with two"),
    ]
    measured = [text.format(value) for value, text in parts if value is not None]
    if measured:
        lines.append("measured: " + ", ".join(measured))
    ours = own(turns[0], MACHINE)
    backend = next((result["backend_description"] for result in turns[0].values() if "backend_description" in result), "")
    lines.append(
        f"programs: gan_dist {ours['version']}{f' ({backend})' if backend else ''}"
        + (f", {results['pytorch']['program']}" if "pytorch" in results else "")
    )
    lines.append(f"load {load:.1f} before and {os.getloadavg()[0]:.1f} after (the programs themselves included)")
    lines.append(f"medians of {len(turns)} turn{'s' if len(turns) > 1 else ''}; ratio: how many times better gan_dist is")
    return lines


def shown(value, unit):
    if value is None:
        return ""
    digits = 1 if unit == "MB" or value >= 100 else 2 if value >= 0.1 else 4
    return f"{value:.{digits}f} {unit}"


def cells(row, turns):
    pairs = [row.values(turn) for turn in turns]
    ours = statistics.median(pair[0] for pair in pairs)
    texts = [row.label, row.goal and f"{row.goal} {row.unit}", shown(ours, row.unit)]
    if pairs[0][1] is None:
        return [*texts, "", ""]
    ratios = [a / b if row.more else b / a for a, b in pairs]
    theirs = statistics.median(pair[1] for pair in pairs)
    ratio = f"{statistics.median(ratios):.2f}"
    if len(ratios) > 1:
        ratio += f" ({min(ratios):.2f} to {max(ratios):.2f})"
    return [*texts, f"{shown(theirs, row.unit)}, {row.beside}", ratio]


HEAD = ["work", "design goal at 240 GF/s a core", "gan_dist", "beside it", "ratio (of single turns)"]


def show(rows, turns, load, markdown, left_out):
    lines = machine_lines(turns, load) + ([left_out] if left_out else [])
    table = [HEAD] + [cells(row, turns) for row in rows]
    if markdown:
        print("\n".join(f"- {line}" for line in lines) + "\n")
        table.insert(1, ["---"] * len(HEAD))
        print("\n".join("| " + " | ".join(line) + " |" for line in table))
        return
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    print("\n".join(lines) + "\n")
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="runs of each program and workload")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS], help="this row; repeatable")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--program", default=os.path.join(ROOT, "gan_dist"))
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has PyTorch")
    parser.add_argument("--limit", type=float, default=300, help="seconds that one run may take")
    parser.add_argument("--json", metavar="FILE", help="write every result")
    arguments = parser.parse_args()
    if arguments.turns < 1:
        parser.error("--turns has to be at least 1")

    rows = [row for row in ROWS if not arguments.only or row.name in arguments.only]
    bfloat16 = [row for row in rows if row.name.endswith("bf16")]
    refused = refusal(arguments) if bfloat16 else None
    left_out = f"left out: {', '.join(row.name for row in bfloat16)} ({refused})" if refused else ""
    if refused:
        rows = [row for row in rows if row not in bfloat16]
        print(left_out, file=sys.stderr, flush=True)
    # The first tells what the machine can do, whatever else is asked for.
    workloads = list(dict.fromkeys([MACHINE, *(workload for row in rows for workload in row.workloads)]))
    load = os.getloadavg()[0]
    turns = []
    with tempfile.TemporaryDirectory() as folder:
        write_images(os.path.join(folder, IMAGES))
        for turn in range(arguments.turns):
            print(f"turn {turn + 1} of {arguments.turns}", file=sys.stderr, flush=True)
            turns.append(run_turn(workloads, arguments, folder))
    show(rows, turns, load, arguments.markdown, left_out)
    if arguments.json:
        results = [[{"workload": w, "program": p, "result": r} for (w, p), r in turn.items()] for turn in turns]
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"cpu": cpu_model(), "load_before": load, "turns": results}, file, indent=1)


if __name__ == "__main__":
    main()
