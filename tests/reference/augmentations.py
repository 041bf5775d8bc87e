"""Writes augmentations.h: augmented samples and gradients by PyTorch's autograd in float64, for tests/unit/augmentation_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/augmentations.py

The operations are written here from the formulas of DiffAugment (arXiv 2006.10738, appendix and the authors' published
description: shifts by index with a border of zeros, a mask of a clamped grid, means over channels and over the sample), and of ADA's
flips and rotations (2006.06676, appendix B), for given parameters: gathers and masks where the program moves memory.
"""
import os

import torch

import layers
from layers import array, single, sizes

HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = ["flip", "rotate90", "brightness", "saturation", "contrast", "translation", "cutout"]


def axes_of(x):
    return list(range(1, x.dim()))


def translation(x, moves):
    """The value at place i is that at i + move, or 0 outside; one move an axis."""
    for axis, move in zip(axes_of(x), moves):
        size = x.shape[axis]
        border = list(x.shape)
        border[axis] = 1
        padded = torch.cat([x.new_zeros(border), x, x.new_zeros(border)], axis)
        index = (torch.arange(size) + move + 1).clamp(0, size + 1)
        x = padded.index_select(axis, index)
    return x


def cutout(x, offsets):
    """A box of half the size around an offset, clamped to the sample, becomes 0."""
    mask = torch.zeros(x.shape[1:], dtype=torch.bool)
    grids = []
    for size, offset in zip(x.shape[1:], offsets):
        cut = int(size * 0.5 + 0.5)
        grids.append((torch.arange(cut) + offset - cut // 2).clamp(0, size - 1))
    mask[torch.meshgrid(*grids, indexing="ij")] = True
    return x * (~mask).to(x.dtype)


def flip(x, parameters):
    return x.flip(-1)


def rotate90(x, parameters):
    return torch.rot90(x, parameters[0], [-2, -1])


def brightness(x, parameters):
    return x + parameters[0]


def saturation(x, parameters):
    mean = x.mean(dim=0, keepdim=True)
    return (x - mean) * parameters[0] + mean


def contrast(x, parameters):
    mean = x.mean()
    return (x - mean) * parameters[0] + mean


def draw(name, shape):
    """Parameters as the formulas here take them, and as the program keeps them."""
    positions = shape[1:]
    padded = lambda values: [0] * (3 - len(values)) + list(values)
    if name == "flip":
        return [], []
    if name == "rotate90":
        turns = 1 + int(torch.randint(3, ()))
        return [turns], [turns]
    if name == "brightness":
        value = float(single(torch.rand(()) - 0.5))
        return [value], [value]
    if name == "saturation":
        value = float(single(torch.rand(()) * 2))
        return [value], [value]
    if name == "contrast":
        value = float(single(torch.rand(()) + 0.5))
        return [value], [value]
    if name == "translation":
        most = [int(size * 0.125 + 0.5) for size in positions]
        moves = [int(torch.randint(-m, m + 1, ())) for m in most]
        return moves, padded([-move for move in moves])
    cuts = [int(size * 0.5 + 0.5) for size in positions]
    offsets = [int(torch.randint(0, size + (1 - cut % 2), ())) for size, cut in zip(positions, cuts)]
    return offsets, padded([offset - cut // 2 for offset, cut in zip(offsets, cuts)])


class Augmentation:
    """Fixed parameters for each sample of a batch."""

    def __init__(self, operations, shape, samples):
        self.names = [name for name in ORDER if name in operations.split(", ")]
        self.drawn = [[(name, *draw(name, shape)) for name in self.names] for _ in range(samples)]

    def __call__(self, batch):
        rows = []
        for x, operations in zip(batch, self.drawn):
            for name, parameters, _ in operations:
                x = globals()[name](x, parameters)
            rows.append(x)
        return torch.stack(rows)

    def numbers(self):
        return torch.tensor([[1.0] + (kept + [0, 0, 0])[:3] for sample in self.drawn for _, _, kept in sample]).double().flatten()


# operations, shape of a sample, samples
CASES = [
    ("flip", (3, 4, 5), 1),
    ("flip", (1, 2, 3, 4), 1),
    ("rotate90", (2, 5, 5), 6),
    ("rotate90", (1, 18, 18), 1),
    ("brightness", (3, 4, 5), 2),
    ("saturation", (3, 4, 5), 2),
    ("saturation", (2, 23, 25), 1),
    ("contrast", (3, 4, 5), 2),
    ("contrast", (1, 9, 13), 1),
    ("translation", (1, 16, 9), 6),
    ("translation", (1, 4, 24), 4),
    ("translation", (2, 17), 4),
    ("translation", (1, 4, 5, 12), 4),
    ("translation", (2, 2, 3), 1),
    ("cutout", (2, 8, 5), 5),
    ("cutout", (1, 7, 5), 4),
    ("cutout", (2, 11), 4),
    ("cutout", (1, 6, 4, 5), 4),
    ("cutout", (1, 1, 2), 3),
    ("brightness, saturation, contrast, translation, cutout", (3, 6, 8), 3),
    ("flip, rotate90, brightness, saturation, contrast, translation, cutout", (2, 9, 9), 4),
]

# operations, generator, critic, latent, shape of a sample, samples
TRAININGS = [
    ("brightness, saturation, contrast, translation, cutout",
     "dense 12, reshape 3 2 2, relu, conv_transpose 3 kernel 4 stride 2 padding 1, tanh",
     "conv 4 kernel 3 stride 2 padding 1, leaky_relu 0.2, dense 1", 4, (3, 4, 4), 5),
    ("flip, rotate90, brightness, saturation, contrast, translation, cutout",
     "dense 50, tanh, reshape 2 5 5", "conv 3 kernel 3, silu, layer_norm, dense 1", 3, (2, 5, 5), 4),
    ("translation, cutout", "dense 18, reshape 2 9, tanh", "flatten, dense 6, tanh, dense 1", 3, (2, 9), 4),
]


def seed(name):
    torch.manual_seed(sum(map(ord, name)))


def run(case):
    operations, shape, samples = case
    seed(operations + str(shape))
    augmentation = Augmentation(operations, shape, samples)
    x = single(torch.randn(samples, *shape)).requires_grad_(True)
    y = augmentation(x)
    gradient = single(torch.randn(y.shape))
    return {"draws": augmentation.numbers(), "input": x.detach(), "output_gradient": gradient, "output": y.detach(),
            "input_gradient": torch.autograd.grad(y, x, gradient)[0]}


def flat(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


def train(case):
    """The loss -E critic(augment(generator(z))), and the penalty E |d critic(augment(x)) / dx|^2."""
    operations, generator_layers, critic_layers, latent, shape, samples = case
    seed(operations + critic_layers)
    generator, critic = layers.build(generator_layers, (latent,)).train(), layers.build(critic_layers, shape).train()
    augmentation = Augmentation(operations, shape, samples)
    z, x = single(torch.randn(samples, latent)), single(torch.randn(samples, *shape)).requires_grad_(True)
    loss = -critic(augmentation(generator(z))).mean()
    g, = torch.autograd.grad(critic(augmentation(x)).sum(), x, create_graph=True)
    penalty = g.square().sum() / samples
    of_penalty = torch.autograd.grad(penalty, list(critic.parameters()), allow_unused=True)
    return {"draws": augmentation.numbers(), "z": z, "real": x.detach(), "generator": flat(generator.parameters()),
            "critic": flat(critic.parameters()), "generator_gradient": flat(torch.autograd.grad(loss, list(generator.parameters()))),
            "sample_gradient": g.detach(),
            "penalty_gradient": flat(torch.zeros_like(p) if g is None else g for p, g in zip(critic.parameters(), of_penalty))}


def members(prefix, floats, doubles):
    return ", ".join(f".{key} = {prefix}_{key}_##i" for key in floats + doubles)


def write(prefix, cases, function, head, floats, doubles):
    text, rows = [], []
    for i, case in enumerate(cases):
        result = function(case)
        text += [array("float", f"{prefix}_{key}_{i}", result[key], 6) for key in floats]
        text += [array("double", f"{prefix}_{key}_{i}", result[key], 8) for key in doubles]
        rows.append(f"    {{{head(case, result)}, {prefix.upper()}_VALUES({i})}},\n")
    return text + [f"#define {prefix.upper()}_VALUES(i) \\\n  {members(prefix, floats, doubles)}\n",
                   f"static const {prefix}_case {prefix}_cases[] = {{\n", *rows, "};\n\n"]


def main():
    layers.DECIMALS = 2
    declared = lambda names: ", ".join("*" + name for name in names)
    floats, doubles = ["draws", "input", "output_gradient"], ["output", "input_gradient"]
    more_floats = ["draws", "z", "real", "generator", "critic"]
    more_doubles = ["generator_gradient", "sample_gradient", "penalty_gradient"]
    text = ["/* Written by tests/reference/augmentations.py with PyTorch " + torch.__version__.split("+")[0] + "; see there. */\n",
            "/* clang-format off */\n", '#include "base/shape.h"\n\n',
            "typedef struct augmented_case {\n  const char *operations;\n  gan_shape shape;\n  int samples;\n"
            f"  const float {declared(floats)};\n  const double {declared(doubles)};\n}} augmented_case;\n\n",
            "typedef struct trained_case {\n  const char *operations, *generator_layers, *critic_layers;\n  int latent;\n"
            f"  gan_shape shape;\n  int samples;\n  const float {declared(more_floats)};\n"
            f"  const double {declared(more_doubles)};\n}} trained_case;\n\n"]
    text += write("augmented", CASES, run, lambda case, _: f'.operations = "{case[0]}", .shape = {sizes(case[1])}, .samples = {case[2]}',
                  floats, doubles)
    text += write("trained", TRAININGS, train, lambda case, _: f'.operations = "{case[0]}",\n     .generator_layers = "{case[1]}",\n'
                  f'     .critic_layers = "{case[2]}",\n     .latent = {case[3]}, .shape = {sizes(case[4])}, .samples = {case[5]}',
                  more_floats, more_doubles)
    with open(os.path.join(HERE, "augmentations.h"), "w") as out:
        out.writelines(text)


if __name__ == "__main__":
    main()
