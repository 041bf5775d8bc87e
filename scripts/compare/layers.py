#!/usr/bin/python3
"""Times of single layers beside PyTorch's, as a table in Markdown: numbers of docs/performance.md.

    make layers && python scripts/compare/layers.py [--turns N] [--samples N] [ROW ...]

Needs PyTorch. ROW: only rows whose layer's line begins with it. One thread each; milliseconds of that thread's time forward,
and back to input and parameters, medians of the turns, and the ratio of their sums, PyTorch's being 1. The two take
turns, so that both see the same machine.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from torch_layers import module_of_layers

ROWS = [("conv 64 kernel 3 padding 1 groups 64", (64, 32, 32)),
        ("conv 256 kernel 3 padding 1 groups 256", (256, 8, 8)),
        ("conv 128 kernel 4 stride 2 padding 1 groups 128", (128, 16, 16)),
        ("conv 64 kernel 3 padding 1 groups 16", (64, 32, 32)),
        ("conv 128 kernel 3 padding 1 groups 16", (128, 16, 16)),
        ("conv 128 kernel 3 padding 1 groups 8", (128, 16, 16)),
        ("conv 128 kernel 3 padding 1 groups 4", (128, 16, 16)),
        ("conv 256 kernel 3 padding 1 groups 8", (256, 16, 16)),
        ("conv_transpose 64 kernel 4 stride 2 padding 1 groups 4", (128, 16, 16)),
        ("conv 64 kernel 3 padding 2 dilation 2", (64, 32, 32)),
        ("conv 128 kernel 3 padding 4 dilation 4", (128, 16, 16)),
        ("conv 64 kernel 3 padding 1", (64, 32, 32)),
        ("attention", (64, 32, 32)),
        ("attention", (128, 16, 16)),
        ("attention pool 1", (128, 16, 16))]


def ours(layers, shape, samples, turns):
    command = [os.path.join(HERE, "../../build/compare/layers"), layers, str(samples), str(turns), *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ, OMP_NUM_THREADS="1"))
    return [tuple(map(float, line.split())) for line in done.stdout.splitlines()]


def pytorch(module, x, gradient, turns):
    times = []
    for _ in range(turns):
        start = time.thread_time()
        y = module(x)
        middle = time.thread_time()
        y.backward(gradient)
        times.append((middle - start, time.thread_time() - middle))
        x.grad = None
        module.zero_grad()
    return times


def measure(layers, shape, samples, turns):
    module = module_of_layers(layers, shape).float()
    x = torch.randn(samples, *shape).requires_grad_(True)
    gradient = torch.randn(module(x).shape)
    both = [[], []]
    for _ in range(turns):
        both[0] += ours(layers, shape, samples, 4)[1:]
        both[1] += pytorch(module, x, gradient, 4)[1:]
    return [[1e3 * statistics.median(column) for column in zip(*times)] for times in both]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--samples", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| layer, {arguments.samples} samples | input | ours | PyTorch {torch.__version__} | ratio |\n|---|---|---|---|---|")
    for layers, shape in ROWS:
        if arguments.rows and not any(layers.startswith(row) for row in arguments.rows):
            continue
        own, others = measure(layers, shape, arguments.samples, arguments.turns)
        print(f"| `{layers}` | {' × '.join(map(str, shape))} | {own[0]:.2f} / {own[1]:.2f} | {others[0]:.2f} / {others[1]:.2f} "
              f"| {sum(own) / sum(others):.2f} |", flush=True)


if __name__ == "__main__":
    main()
