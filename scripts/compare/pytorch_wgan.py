#!/usr/bin/python3
"""A WGAN with weight clipping in PyTorch, as fast as plain PyTorch code makes it: what `gan_dist benchmark` is compared
with by peer.py. One process, or several with DistributedDataParallel over gloo; one thread each.

One iteration is five critic steps (real and generated samples side by side in one pass; RMSprop; every weight of the
critic clipped) and one generator step, the same work as gan_dist's. Data are random numbers in memory, since no time
depends on them. Prints one JSON object: minimum and median milliseconds per iteration, each iteration's time being that
of its slowest process; the memory (PSS) of the largest process, data included; seconds from the start of the program to
the first iteration; and, with one process, what it reaches in matrix products.

    scripts/compare/pytorch_wgan.py --model mlp --batch 64 --iterations 50
    scripts/compare/pytorch_wgan.py --model mlp --batch 32 --processes 2      (batch: per process)
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

# Before PyTorch is loaded: parallelism is processes, as in gan_dist.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")

try:
    import torch
    from torch import distributed, multiprocessing, nn
except ImportError:
    sys.exit(f"pytorch_wgan.py: {sys.executable} has no PyTorch; `apt install python3-torch` brings it for /usr/bin/python3")

CRITIC_STEPS = 5
WARM_UP = 5


def dense(sizes, activation, last=None):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1], *([last] if last else []))


# Latent, elements of a sample, generator, critic, learning rate, clip: those of gan_dist's presets fashion-mlp (the WGAN
# paper's MLP, arXiv 1701.07875) and ring8.
MODELS = {
    "mlp": (
        128,
        784,
        lambda: dense([128, 512, 512, 512, 784], nn.ReLU, nn.Tanh()),
        lambda: dense([784, 512, 512, 512, 1], nn.ReLU),
        5e-5,
        0.01,
    ),
    "ring8": (
        2,
        2,
        lambda: dense([2, 128, 128, 128, 2], nn.ReLU),
        lambda: dense([2, 128, 128, 128, 1], lambda: nn.LeakyReLU(0.2)),
        8e-4,
        0.1,
    ),
}


class Trainer:
    def __init__(self, model, batch, processes):
        self.latent, elements, generator, critic, rate, self.clip = MODELS[model]
        self.batch = batch
        self.data = torch.rand(10000, elements) * 2 - 1
        self.generator, self.critic = generator(), critic()
        self.plain_critic = self.critic
        if processes > 1:
            wrap = nn.parallel.DistributedDataParallel
            self.generator = wrap(self.generator, broadcast_buffers=False, gradient_as_bucket_view=True)
            self.critic = wrap(self.critic, broadcast_buffers=False, gradient_as_bucket_view=True)
        self.critic_weights = list(self.plain_critic.parameters())
        self.optimize_generator = torch.optim.RMSprop(self.generator.parameters(), lr=rate)
        self.optimize_critic = torch.optim.RMSprop(self.critic_weights, lr=rate)

    def critic_step(self):
        real = self.data[torch.randint(len(self.data), (self.batch,))]
        with torch.no_grad():
            fake = self.generator(torch.randn(self.batch, self.latent))
        # Without a wrapper that keeps gradients in its buckets, dropping them saves a pass over them.
        self.optimize_critic.zero_grad(set_to_none=self.plain_critic is self.critic)
        scores = self.critic(torch.cat([real, fake]))
        (scores[self.batch :].mean() - scores[: self.batch].mean()).backward()
        self.optimize_critic.step()
        with torch.no_grad():
            for weight in self.critic_weights:
                weight.clamp_(-self.clip, self.clip)

    def generator_step(self):
        for weight in self.critic_weights:
            weight.requires_grad_(False)
        self.optimize_generator.zero_grad(set_to_none=self.plain_critic is self.critic)
        # Not through the distributed critic, which would wait for gradients of its own.
        (-self.plain_critic(self.generator(torch.randn(self.batch, self.latent))).mean()).backward()
        self.optimize_generator.step()
        for weight in self.critic_weights:
            weight.requires_grad_(True)

    def gradient_bytes(self):
        """Of an iteration: float32, the critic's in each of its steps, and the generator's."""
        critic = sum(weight.numel() for weight in self.critic_weights)
        return 4 * (CRITIC_STEPS * critic + sum(weight.numel() for weight in self.generator.parameters()))

    def iterate(self):
        for _ in range(CRITIC_STEPS):
            self.critic_step()
        self.generator_step()


def process_start():
    """When this process was started, in seconds since the system was."""
    with open("/proc/self/stat", encoding="utf-8") as file:
        return float(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")


def proportional_memory():
    """Bytes; pages that n processes share count as 1/n."""
    with open("/proc/self/smaps_rollup", encoding="utf-8") as file:
        return next(1024.0 * int(line.split()[1]) for line in file if line.startswith("Pss:"))


def matrix_peak():
    """Floating-point operations per second in products of 1024 x 1024 matrices, as gan_dist measures them: best of 5."""
    size, products, best = 1024, 4, float("inf")
    a, b = torch.rand(size, size), torch.rand(size, size)
    for _ in range(6):
        start = time.perf_counter()
        for _ in range(products):
            torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 * products / best


def run(rank, arguments, meeting, program_start):
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    processes = arguments.processes
    if processes > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes)
    trainer = Trainer(arguments.model, arguments.batch, processes)
    startup = time.clock_gettime(time.CLOCK_BOOTTIME) - program_start
    seconds = []
    for iteration in range(WARM_UP + arguments.iterations):
        start = time.perf_counter()
        trainer.iterate()
        seconds.append(time.perf_counter() - start)
    seconds = torch.tensor(seconds[WARM_UP:], dtype=torch.float64)
    largest = torch.tensor([proportional_memory(), startup], dtype=torch.float64)
    if processes > 1:
        distributed.all_reduce(seconds, distributed.ReduceOp.MAX)
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
        distributed.destroy_process_group()
    if rank == 0:
        milliseconds = [1e3 * value for value in seconds.tolist()]
        result = {
            "program": f"PyTorch {torch.__version__}",
            "model": arguments.model,
            "ranks": processes,
            "batch": arguments.batch * processes,
            "iterations": arguments.iterations,
            "work": {"gradient_bytes_per_rank": trainer.gradient_bytes()},
            "milliseconds_per_iteration": {"minimum": min(milliseconds), "median": statistics.median(milliseconds)},
            "memory_bytes": {"maximum": float(largest[0])},
            "startup_seconds": float(largest[1]),
        }
        if processes == 1:
            result["peak"] = {"flops_per_second": matrix_peak()}
        print(json.dumps(result), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="mlp")
    parser.add_argument("--batch", type=int, default=64, help="samples per process")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=50)
    arguments = parser.parse_args()
    if min(arguments.batch, arguments.processes, arguments.iterations) < 1:
        parser.error("numbers have to be at least 1")
    with tempfile.TemporaryDirectory() as folder:
        meeting = os.path.join(folder, "meeting")
        if arguments.processes == 1:
            run(0, arguments, meeting, process_start())
        else:
            multiprocessing.spawn(run, (arguments, meeting, process_start()), nprocs=arguments.processes)


if __name__ == "__main__":
    main()
