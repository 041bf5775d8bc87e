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
    scripts/compare/pytorch_wgan.py --model dcgan --batch 64 --iterations 3
"""

import argparse
import collections
import json
import os
import resource
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


def dense(sizes, activation, last=None):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1], *([last] if last else []))


def deconvolutions(channels):
    """From 1 x 1, doubling from 4 x 4 on."""
    layers = [nn.ConvTranspose2d(channels[0], channels[1], 4, bias=False)]
    for inputs, outputs in zip(channels[1:], channels[2:]):
        layers += [nn.BatchNorm2d(inputs), nn.ReLU(True), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
    return nn.Sequential(*layers, nn.Tanh())


def convolutions(channels):
    """Halving to 4 x 4, then to one number."""
    layers = [nn.Conv2d(channels[0], channels[1], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for inputs, outputs in zip(channels[1:], channels[2:]):
        layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, bias=False), nn.Flatten())


def normalised_convolutions(channels, size):
    """The same with layer norm, as critics with a gradient penalty have; size: of the first layer's output."""
    layers = [nn.Conv2d(channels[0], channels[1], 4, 2, 1), nn.LeakyReLU(0.2)]
    for inputs, outputs in zip(channels[1:], channels[2:]):
        size //= 2
        layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LayerNorm([outputs, size, size]), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4), nn.Flatten())


# The networks and recipes of gan_dist's presets fashion-mlp (the WGAN paper's MLP, arXiv 1701.07875), ring8, and wgan-64.
# Bytes: data are kept as images are, a byte a value. Apart: real and generated samples pass through the critic one after
# the other, because batch norm is to see them so. Warm-up: iterations before those that are timed.
Model = collections.namedtuple("Model", "latent sample bytes apart generator critic rate clip warm_up")
MODELS = {
    "mlp": Model(
        latent=(128,),
        sample=(784,),
        bytes=False,
        apart=False,
        generator=lambda: dense([128, 512, 512, 512, 784], nn.ReLU, nn.Tanh()),
        critic=lambda: dense([784, 512, 512, 512, 1], nn.ReLU),
        rate=5e-5,
        clip=0.01,
        warm_up=5,
    ),
    "ring8": Model(
        latent=(2,),
        sample=(2,),
        bytes=False,
        apart=False,
        generator=lambda: dense([2, 128, 128, 128, 2], nn.ReLU),
        critic=lambda: dense([2, 128, 128, 128, 1], lambda: nn.LeakyReLU(0.2)),
        rate=8e-4,
        clip=0.1,
        warm_up=5,
    ),
    "dcgan": Model(
        latent=(100, 1, 1),
        sample=(3, 64, 64),
        bytes=True,
        apart=True,
        generator=lambda: deconvolutions([100, 512, 256, 128, 64, 3]),
        critic=lambda: convolutions([3, 64, 128, 256, 512]),
        rate=5e-5,
        clip=0.01,
        warm_up=2,
    ),
    # The critic alone counts.
    "dcgan-ln": Model(
        latent=(16,),
        sample=(3, 64, 64),
        bytes=True,
        apart=False,
        generator=lambda: nn.Sequential(nn.Linear(16, 3 * 64 * 64), nn.Tanh(), nn.Unflatten(1, (3, 64, 64))),
        critic=lambda: normalised_convolutions([3, 64, 128, 256, 512], 32),
        rate=5e-5,
        clip=0.01,
        warm_up=1,
    ),
}


def make_data(model):
    """10,000 samples in [-1, 1], of images 1,024 as bytes."""
    if model.bytes:
        return torch.randint(256, (1024, *model.sample), dtype=torch.uint8)
    return torch.rand(10000, *model.sample) * 2 - 1


class Trainer:
    def __init__(self, model, batch, processes, penalty=0.0, critic_steps=CRITIC_STEPS):
        self.model, self.batch, self.penalty, self.critic_steps = MODELS[model], batch, penalty, critic_steps
        self.data = make_data(self.model)
        self.generator, self.critic = self.model.generator(), self.model.critic()
        self.plain_critic = self.critic
        if processes > 1:
            wrap = nn.parallel.DistributedDataParallel
            self.generator = wrap(self.generator, broadcast_buffers=False, gradient_as_bucket_view=True)
            self.critic = wrap(self.critic, broadcast_buffers=False, gradient_as_bucket_view=True)
        self.critic_weights = list(self.plain_critic.parameters())
        self.optimize_generator = torch.optim.RMSprop(self.generator.parameters(), lr=self.model.rate)
        self.optimize_critic = torch.optim.RMSprop(self.critic_weights, lr=self.model.rate)

    def draw_real(self):
        real = self.data[torch.randint(len(self.data), (self.batch,))]
        return real.float().mul_(1 / 127.5).sub_(1) if self.model.bytes else real

    def generate(self):
        return self.generator(torch.randn(self.batch, *self.model.latent))

    def critic_loss(self, real, fake):
        if self.model.apart:
            return self.critic(fake).mean() - self.critic(real).mean()
        scores = self.critic(torch.cat([real, fake]))
        return scores[self.batch :].mean() - scores[: self.batch].mean()

    def gradient_penalty(self, real, fake):
        """WGAN-GP's (arXiv 1704.00028), by double backward."""
        place = torch.rand(self.batch, *[1] * (real.dim() - 1))
        x = (real + place * (fake - real)).requires_grad_(True)
        slope = torch.autograd.grad(self.plain_critic(x).sum(), x, create_graph=True)[0]
        return self.penalty * (slope.flatten(1).norm(dim=1) - 1).square().mean()

    def critic_step(self):
        real = self.draw_real()
        with torch.no_grad():
            fake = self.generate()
        # Without a wrapper that keeps gradients in its buckets, dropping them saves a pass over them.
        self.optimize_critic.zero_grad(set_to_none=self.plain_critic is self.critic)
        loss = self.critic_loss(real, fake)
        if self.penalty > 0:
            loss = loss + self.gradient_penalty(real, fake)
        loss.backward()
        self.optimize_critic.step()
        if self.penalty > 0:
            return
        with torch.no_grad():
            for weight in self.critic_weights:
                weight.clamp_(-self.model.clip, self.model.clip)

    def generator_step(self):
        for weight in self.critic_weights:
            weight.requires_grad_(False)
        self.optimize_generator.zero_grad(set_to_none=self.plain_critic is self.critic)
        # Not through the distributed critic, which would wait for gradients of its own.
        (-self.plain_critic(self.generate()).mean()).backward()
        self.optimize_generator.step()
        for weight in self.critic_weights:
            weight.requires_grad_(True)

    def gradient_bytes(self):
        """Of an iteration: float32, the critic's in each of its steps, and the generator's."""
        critic = sum(weight.numel() for weight in self.critic_weights)
        return 4 * (self.critic_steps * critic + sum(weight.numel() for weight in self.generator.parameters()))

    def iterate(self):
        for _ in range(self.critic_steps):
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
    trainer = Trainer(arguments.model, arguments.batch, processes, arguments.penalty, arguments.critic_steps)
    startup = time.clock_gettime(time.CLOCK_BOOTTIME) - program_start
    seconds, on_core = [], []
    for _ in range(trainer.model.warm_up + arguments.iterations):
        start, used = time.perf_counter(), time.process_time()
        trainer.iterate()
        seconds.append(time.perf_counter() - start)
        on_core.append(time.process_time() - used)
    on_core = 1e3 * statistics.median(on_core[trainer.model.warm_up :])
    seconds = torch.tensor(seconds[trainer.model.warm_up :], dtype=torch.float64)
    resident = 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = torch.tensor([proportional_memory(), resident, startup], dtype=torch.float64)
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
            "milliseconds_on_core": on_core,
            "memory_bytes": {"maximum": float(largest[0])},
            "peak_resident_bytes": float(largest[1]),
            "startup_seconds": float(largest[2]),
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
    parser.add_argument("--penalty", type=float, default=0.0, help="lambda of a gradient penalty instead of clipping (one process)")
    parser.add_argument("--critic-steps", type=int, default=CRITIC_STEPS, help="to each generator step")
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
