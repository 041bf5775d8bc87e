#!/usr/bin/python3
"""How good a preset's samples are after its training, and after as long a training of the same recipe in PyTorch: one table in
Markdown, whose rows are judged by the same feature networks.

    scripts/compare/recipe_quality.py fashion-10min --features fashion-classifier.h5 [--features ANOTHER.h5] --python PYTHON-WITH-TORCH

gan_dist trains on --np ranks (2), all of the preset's iterations or --iterations, with their schedules; the time that takes, from
its start to its end, is what PyTorch gets, too. Its recipe is read from the run's config.ini: networks, loss, penalties, Adam,
learning rates, average of the generator. It starts from the weights that gan_dist has after one iteration, and its schedules
follow the clock, so that they end with the time, whatever the speed. It runs in one process with --np threads: its convolutions
share work, and batch norm sees the whole batch. --bf16 adds a row for bfloat16 autocast, --seconds N makes it another time.

Each row is `gan_dist evaluate --metrics fcd` of 10,000 samples against the run's data, beside the floor. --runs FOLDER keeps runs
and samples; what is trained there is not trained again. PyTorch's Python needs h5py and NumPy."""
import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

# ---- PyTorch's side: a process of its own


def images_of(folder):
    """Fashion-MNIST's training images in [-1, 1], (60000, 1, 28, 28)."""
    import numpy

    with gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")) as file:
        pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16)
    return (pixels.reshape(-1, 1, 28, 28) / 127.5 - 1).astype(numpy.float32)


def load(network, checkpoint, name):
    """The weights and buffers of one network of a checkpoint, whose tensors have the names of a state_dict."""
    import torch

    network.load_state_dict({key: torch.as_tensor(checkpoint[name][key][()]).reshape(value.shape) for key, value in network.state_dict().items()})
    return network


def decay_of_average(settings, samples):
    """docs/training.md, "Average of the generator", after so many samples."""
    batch, decay = settings.number("train", "batch"), settings.number("train", "ema_decay")
    if decay > 0:
        return min(decay, (1 + samples / batch) / (10 + samples / batch))
    half_life, warmup = settings.number("train", "ema_half_life"), settings.number("train", "ema_warmup")
    half_life = min(half_life, warmup * samples) if warmup > 0 else half_life
    return 2 ** (-batch / half_life) if half_life > 0 else 0.0


class Recipe:
    """A configuration as a training in PyTorch."""

    def __init__(self, settings, checkpoint, path_of_data, bf16):
        import torch
        from replay import losses
        from torch_layers import module_of_layers

        self.torch, self.settings, self.bf16 = torch, settings, bf16
        self.latent = int(settings.number("generator", "latent"))
        norm = {"eps": settings.number("batch_norm", "epsilon"), "momentum": settings.number("batch_norm", "momentum")}
        self.batch = int(settings.number("train", "batch"))
        self.images = torch.from_numpy(images_of(path_of_data))
        networks = [module_of_layers(settings.text(name, "layers"), shape, **norm).float()
                    for name, shape in (("generator", (self.latent,)), ("critic", (1, 28, 28)))]
        self.generator, self.critic = (load(network, checkpoint, name).to(memory_format=torch.channels_last)
                                       for network, name in zip(networks, ("generator", "critic")))
        self.average = module_of_layers(settings.text("generator", "layers"), (self.latent,), **norm).float()
        self.average.load_state_dict(self.generator.state_dict())
        self.loss = losses.find(settings, torch.relu)
        self.optimizers = {name: self.adam(name) for name in ("generator", "critic")}
        self.order, self.samples, self.step = torch.randperm(len(self.images)), 0, 0

    def adam(self, name):
        settings, network = self.settings, getattr(self, name)
        rate = settings.number(name, "learning_rate") or settings.number("optimizer", "learning_rate")
        betas = tuple(settings.number("optimizer", key) for key in ("beta1", "beta2"))
        group = {"params": list(network.parameters()), "lr": rate, "rate": rate}
        return self.torch.optim.Adam([group], betas=betas, eps=settings.number("optimizer", "epsilon"), foreach=True)

    def autocast(self):
        return self.torch.autocast("cpu", dtype=self.torch.bfloat16, enabled=self.bf16)

    def real(self):
        if len(self.order) < self.batch:
            self.order = self.torch.randperm(len(self.images))
        chosen, self.order = self.order[: self.batch], self.order[self.batch :]
        return self.images[chosen]

    def fake(self):
        return self.generator(self.torch.randn(self.batch, self.latent))

    def loss_of(self, kind, real, fake):
        from replay import losses

        return losses.value(self.loss, kind, real.float().flatten(), fake.float().flatten(), {})

    def update(self, name, loss):
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    def critic_step(self, progress):
        from replay import penalties

        real = self.real()
        with self.torch.no_grad(), self.autocast():
            fake = self.fake()
        fake = fake.float()
        with self.autocast():
            scores = self.critic(real), self.critic(fake)
        loss = self.loss_of("critic", *scores)
        update = types.SimpleNamespace(step=self.step, iteration=progress * self.settings.number("run", "iterations"), values={})
        penalty = penalties.of_gradients(self.settings, update, self.critic, real, fake, None)
        self.update("critic", loss if penalty is None else loss + penalty)
        self.step += 1

    def generator_step(self):
        self.critic.requires_grad_(False)
        with self.autocast():
            fake = self.critic(self.fake())
            # Losses that compare scores look at real ones, too.
            real = self.critic(self.real()) if self.loss.generator[0] or self.loss.pairing != "none" else fake.detach()
        self.update("generator", self.loss_of("generator", real, fake))
        self.critic.requires_grad_(True)

    def move_average(self):
        decay = decay_of_average(self.settings, self.samples)
        with self.torch.no_grad():
            for own, new in zip(self.average.state_dict().values(), self.generator.state_dict().values()):
                if own.is_floating_point():
                    own.lerp_(new, 1 - decay)
        self.samples += self.batch

    def set_rates(self, progress):
        import math

        final = self.settings.number("optimizer", "final_factor")
        factor = {"constant": 1.0, "linear": 1 + (final - 1) * progress, "exponential": final**progress,
                  "cosine": final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2}[self.settings.text("optimizer", "schedule")]
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * factor

    def train(self, seconds):
        """For so long; the number of iterations."""
        start, iterations = time.monotonic(), 0
        while (progress := (time.monotonic() - start) / seconds) < 1:
            self.set_rates(progress)
            for _ in range(int(self.settings.number("train", "n_critic"))):
                self.critic_step(progress)
            self.generator_step()
            self.move_average()
            iterations += 1
        return iterations

    def draw(self, count):
        self.average.eval()
        with self.torch.no_grad():
            return self.torch.cat([self.average(latents) for latents in self.torch.randn(count, self.latent).split(1000)]).numpy()


def refuse_unknown(settings):
    """Ends the program where the recipe has what is not done here: it would be another one."""
    known = [("optimizer", "name", "adam"), ("augment", "operations", ""), ("critic", "spectral_norm", "no"), ("train", "order", "alternating"),
             ("critic", "lecam", "0"), ("critic", "clip", "0"), ("critic", "clip_norm", "0"), ("loss", "label_flips", "0"),
             ("optimizer", "beta1_final", "constant"), ("optimizer", "beta2_final", "constant"), ("optimizer", "warmup", "0"),
             ("optimizer", "batch_scaling", "none"), ("generator", "gradient_clip", "0"), ("critic", "gradient_clip", "0"),
             ("critic", "gradient_penalty", "0"), ("critic", "dragan", "0")]
    for section, key, value in known:
        if settings.text(section, key) != value:
            sys.exit(f"recipe_quality: recipes with [{section}] {key} = {settings.text(section, key)} are not known here, only {value or 'none'}")


def train_in_pytorch(arguments):
    import h5py
    import numpy
    import torch
    from replay import settings as replayed

    replayed.READ["generator"]["latent"] = replayed.READ["batch_norm"]["momentum"] = replayed.READ["train"]["n_critic"] = None
    replayed.READ["train"].update(ema_decay="0", ema_half_life="0", ema_warmup="0.05")
    replayed.READ["data"] = {"path": None}
    settings = replayed.read(os.path.join(arguments.start, "config.ini"))
    refuse_unknown(settings)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.np)
    with h5py.File(os.path.join(arguments.start, "latest.h5"), "r") as checkpoint:
        recipe = Recipe(settings, checkpoint, settings.text("data", "path"), arguments.bf16)
    iterations = recipe.train(arguments.seconds)
    numpy.save(arguments.output, recipe.draw(arguments.samples))
    print(json.dumps({"iterations": iterations, "version": torch.__version__}))


# ---- both sides


def run(command, limit, **environment):
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=dict(os.environ, **environment), cwd=ROOT)
    if done.returncode not in (0, 75):
        sys.exit(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def train_here(arguments, folder, *options):
    """Seconds that it took."""
    command = [*arguments.launcher.split(), "-np", str(arguments.np), arguments.program, "train", "--preset", arguments.preset, "--shards",
               str(arguments.np), "--run.dir", folder, "--eval.every=0", "--samples.every=0", f"--seed={arguments.seed}", *options]
    if arguments.iterations:
        command += ["--iterations", str(arguments.iterations)]
    start = time.monotonic()
    run(command, arguments.limit, OMP_NUM_THREADS="1")
    return time.monotonic() - start


def judge(arguments, samples, run_folder):
    """[(value, floor)] by each feature network."""
    results = []
    for features in arguments.features:
        what = [samples] if samples == run_folder else [samples, "--against", run_folder]
        found = json.loads(run([arguments.program, "evaluate", *what, "--features", features, "--metrics", "fcd", "--samples", str(arguments.samples),
                                "--json"], arguments.limit))
        results.append((found["fcd"], found["floor"]["fcd"]))
    return results


def trained_here(arguments, folder):
    """The run's folder, and the seconds that its training took, now or before."""
    mine, note = os.path.join(folder, "run"), os.path.join(folder, "seconds.json")
    if not os.path.exists(note):
        seconds = train_here(arguments, mine)
        with open(note, "w", encoding="utf-8") as file:
            json.dump(seconds, file)
    with open(note, encoding="utf-8") as file:
        return mine, json.load(file)


def compare(arguments, folder):
    start = os.path.join(folder, "start")
    mine, seconds = trained_here(arguments, folder)
    with open(os.path.join(mine, "config.ini"), encoding="utf-8") as file:
        iterations = next(int(line.split("=")[1]) for line in file if line.startswith("iterations ="))
    rows = [("gan_dist", seconds, iterations, judge(arguments, mine, mine))]
    if arguments.python:
        shutil.rmtree(start, ignore_errors=True)
        train_here(arguments, start, "--run.stop_at=1")
        for bf16 in [False, True] if arguments.bf16 else [False]:
            output = os.path.join(folder, "samples-bf16.npy" if bf16 else "samples.npy")
            command = [arguments.python, os.path.abspath(__file__), arguments.preset, "--start", start, "--seconds", str(arguments.seconds or seconds),
                       "--np", str(arguments.np), "--seed", str(arguments.seed), "--samples", str(arguments.samples), "--output", output] + ["--bf16"] * bf16
            found = json.loads(run(command, arguments.limit).splitlines()[-1])
            name = f"PyTorch {found['version']}" + ", bf16" * bf16
            rows.append((name, arguments.seconds or seconds, found["iterations"], judge(arguments, output, mine)))
    names = [os.path.basename(path) for path in arguments.features]
    print(f"| {arguments.preset}, {arguments.np} cores | seconds | iterations | " + " | ".join(f"FCD, {name}" for name in names) + " |")
    print("|---|---|---|" + "---|" * len(names))
    for name, took, count, results in rows:
        print(f"| {name} | {took:.0f} | {count:,} | " + " | ".join(f"{value:.1f}" for value, _ in results) + " |")
    print("| floor | | | " + " | ".join(f"{floor:.2f}" for _, floor in rows[0][3]) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--features", action="append", default=[], help="a feature network; may be given several times")
    parser.add_argument("--python", help="an interpreter that has PyTorch; without: gan_dist alone")
    parser.add_argument("--program", default=os.path.join(ROOT, "gan_dist"))
    parser.add_argument("--launcher", default=os.environ.get("MPIRUN", "mpirun"))
    parser.add_argument("--np", type=int, default=2, help="ranks of gan_dist, threads of PyTorch")
    parser.add_argument("--iterations", type=int, help="of gan_dist, instead of the preset's")
    parser.add_argument("--seconds", type=float, help="for PyTorch, instead of as long as gan_dist took")
    parser.add_argument("--samples", type=int, default=10000, help="that are judged")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that a part may take")
    parser.add_argument("--runs", help="a folder where runs and samples are kept; without: none are")
    parser.add_argument("--start", help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.start:
        return train_in_pytorch(arguments)
    if not arguments.features:
        parser.error("--features FILE says what judges; gan_dist classify makes one")
    arguments.features = [os.path.abspath(name) if os.path.exists(name) else name for name in arguments.features]
    arguments.program = os.path.abspath(arguments.program)
    folder = arguments.runs or tempfile.mkdtemp(prefix="recipe-")
    os.makedirs(folder, exist_ok=True)
    try:
        compare(arguments, os.path.abspath(folder))
    finally:
        if not arguments.runs:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
