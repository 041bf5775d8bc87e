#!/usr/bin/env python3
"""Inception v3 by gan_dist and by PyTorch, with the same random weights: features, logits, and the time of each.

    make features && python scripts/compare/features.py [--side 64] [--count 4]

Needs PyTorch. The network here is written out from the descriptions of the architecture (Szegedy et al. 2016, arXiv
1512.00567, and what torchvision's and pytorch-fid's parameters are called), apart from scripts/inception.py, which it
checks: batch normalisations are not folded, and it runs in float64 too. Where torchvision is installed, torchvision's own
module takes its place for that structure.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import inception


class Conv(nn.Module):
    def __init__(self, inputs, outputs, **sizes):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, bias=False, **sizes)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


ROW, COLUMN = {"kernel_size": (1, 7), "padding": (0, 3)}, {"kernel_size": (7, 1), "padding": (3, 0)}
POINT = {"kernel_size": 1}
THREE, HALVE = {"kernel_size": 3, "padding": 1}, {"kernel_size": 3, "stride": 2}


class Mixed(nn.Module):
    """Branches by name: each a list of (name, channels, sizes). pool: what stands before the branch without a name of its
    own, or is a branch by itself."""

    def __init__(self, inputs, branches, pool, pool_channels=0, splits=()):
        super().__init__()
        self.chains, self.pool, self.splits = [], pool, dict(splits)
        for chain in branches:
            channels = inputs
            for name, outputs, sizes in chain:
                setattr(self, name, Conv(channels, outputs, **sizes))
                channels = outputs
            self.chains.append([name for name, _, _ in chain])
            for name in self.splits.get(chain[-1][0], ()):
                sizes = {"kernel_size": (1, 3), "padding": (0, 1)} if name.endswith("a") else {"kernel_size": (3, 1), "padding": (1, 0)}
                setattr(self, name, Conv(channels, channels, **sizes))
        if pool_channels:
            self.branch_pool = Conv(inputs, pool_channels, **POINT)

    def forward(self, x):
        outputs = []
        for chain in self.chains:
            y = x
            for name in chain:
                y = getattr(self, name)(y)
            outputs += [getattr(self, name)(y) for name in self.splits.get(chain[-1], ())] or [y]
        pooled = self.pool(x)
        outputs.append(self.branch_pool(pooled) if hasattr(self, "branch_pool") else pooled)
        return torch.cat(outputs, 1)


class Inception3(nn.Module):
    def __init__(self, is_fid):
        super().__init__()
        self.stem = []
        for name, inputs, outputs, sizes in (("Conv2d_1a_3x3", 3, 32, HALVE), ("Conv2d_2a_3x3", 32, 32, {"kernel_size": 3}),
                                             ("Conv2d_2b_3x3", 32, 64, THREE), ("pool", 0, 0, {}),
                                             ("Conv2d_3b_1x1", 64, 80, POINT), ("Conv2d_4a_3x3", 80, 192, {"kernel_size": 3}),
                                             ("pool", 0, 0, {})):
            self.stem.append(name)
            if inputs:
                setattr(self, name, Conv(inputs, outputs, **sizes))
        average = lambda x: F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=not is_fid)
        half = lambda x: F.max_pool2d(x, 3, stride=2)
        last = (lambda x: F.max_pool2d(x, 3, stride=1, padding=1)) if is_fid else average
        five = {"kernel_size": 5, "padding": 2}
        self.blocks = []

        def add(name, module):
            setattr(self, name, module)
            self.blocks.append(name)

        for name, inputs, pooled in (("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)):
            add(name, Mixed(inputs, [[("branch1x1", 64, POINT)], [("branch5x5_1", 48, POINT), ("branch5x5_2", 64, five)],
                                     [("branch3x3dbl_1", 64, POINT), ("branch3x3dbl_2", 96, THREE), ("branch3x3dbl_3", 96, THREE)]],
                            average, pooled))
        add("Mixed_6a", Mixed(288, [[("branch3x3", 384, HALVE)],
                                    [("branch3x3dbl_1", 64, POINT), ("branch3x3dbl_2", 96, THREE), ("branch3x3dbl_3", 96, HALVE)]], half))
        for name, c in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
            add(name, Mixed(768, [[("branch1x1", 192, POINT)],
                                  [("branch7x7_1", c, POINT), ("branch7x7_2", c, ROW), ("branch7x7_3", 192, COLUMN)],
                                  [("branch7x7dbl_1", c, POINT), ("branch7x7dbl_2", c, COLUMN), ("branch7x7dbl_3", c, ROW),
                                   ("branch7x7dbl_4", c, COLUMN), ("branch7x7dbl_5", 192, ROW)]], average, 192))
        add("Mixed_7a", Mixed(768, [[("branch3x3_1", 192, POINT), ("branch3x3_2", 320, HALVE)],
                                    [("branch7x7x3_1", 192, POINT), ("branch7x7x3_2", 192, ROW), ("branch7x7x3_3", 192, COLUMN),
                                     ("branch7x7x3_4", 192, HALVE)]], half))
        for name, inputs, pool in (("Mixed_7b", 1280, average), ("Mixed_7c", 2048, last)):
            add(name, Mixed(inputs, [[("branch1x1", 320, POINT)], [("branch3x3_1", 384, POINT)],
                                     [("branch3x3dbl_1", 448, POINT), ("branch3x3dbl_2", 384, THREE)]], pool, 192,
                            splits=(("branch3x3_1", ("branch3x3_2a", "branch3x3_2b")),
                                    ("branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")))))
        self.fc = nn.Linear(2048, 1008 if is_fid else 1000)

    def features(self, x):
        for name in self.stem:
            x = F.max_pool2d(x, 3, stride=2) if name == "pool" else getattr(self, name)(x)
        for name in self.blocks:
            x = getattr(self, name)(x)
        return x.mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


def randomise(network):
    """Weights that keep the size of what goes through, and statistics that are not trivial."""
    torch.manual_seed(7)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in ((module.weight, 0.7, 1.3), (module.bias, -0.3, 0.3), (module.running_mean, -0.3, 0.3),
                                      (module.running_var, 0.5, 1.5)):
                nn.init.uniform_(values, low, high)
    return network.eval()


def torchvision_features(network, images):
    """Of torchvision's module: what its fc is given."""
    seen = []
    network.fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    logits = network(images)
    return seen[0], logits


def build(structure):
    """The network, and a function that gives features and logits."""
    if structure == "torchvision":
        try:
            import torchvision
            network = randomise(torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=False))
            print(f"torchvision {torchvision.__version__}'s own module")
            return network, lambda images, network=network: torchvision_features(network, images)
        except ImportError:
            pass
    network = randomise(Inception3(structure == "fid"))
    return network, lambda images: (network.features(images), network(images))


def fraction(values, expected):
    """Of the largest value."""
    return float(numpy.abs(values - expected).max() / numpy.abs(expected).max())


def compare(structure, arguments):
    network, run = build(structure)
    images = torch.rand(arguments.count, 3, arguments.side, arguments.side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    program = os.path.join(HERE, "..", "..", "build", "compare", "features")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        torch.set_num_threads(1)
        file, samples, output = (os.path.join(folder, name) for name in ("network.safetensors", "samples", "output"))
        inception.write_safetensors(file, *inception.convert(network))
        images.numpy().tofile(samples)
        shown = subprocess.run([program, file, "3", str(arguments.side), str(arguments.side), samples, output,
                                str(arguments.turns), str(arguments.batch)], check=True, capture_output=True, text=True).stdout
        ours = numpy.fromfile(output, "<f4")
        resized = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False)
        times = []
        for _ in range(arguments.turns):
            begin = time.process_time()
            for part in resized.split(arguments.batch):
                network(part)
            times.append((time.process_time() - begin) / arguments.count)
        single = run(resized)
        network.double()
        # FID's own way: images in [0, 1], enlarged, then 2 x - 1.
        exact = run(2 * F.interpolate((images.double() + 1) / 2, size=(299, 299), mode="bilinear", align_corners=False) - 1)
    cut = exact[0].numel()
    print(f"{structure}: gan_dist {shown.strip()}; PyTorch, one thread, {1e3 * min(times):.1f} ms")
    for name, mine, of32, of64 in (("features", ours[:cut], single[0], exact[0]), ("logits", ours[cut:], single[1], exact[1])):
        expected = of64.numpy().ravel()
        print(f"  {name}: off float64 by {fraction(mine, expected):.1e} of the largest, PyTorch's float32 by "
              f"{fraction(of32.numpy().ravel(), expected):.1e}; largest {abs(expected).max():.3g}, spread {expected.std():.3g}")
        if not fraction(mine, expected) < 1e-4:
            raise SystemExit("they differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    for structure in ("fid", "torchvision"):
        compare(structure, arguments)


if __name__ == "__main__":
    main()
