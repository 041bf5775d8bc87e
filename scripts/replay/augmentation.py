"""Augmentations of samples (channels, axes..), as docs describe them, from the numbers that were drawn: [0] 1 where the
operation is applied, then its parameters; those about places for depth, height and width, of which a sample may lack the
first ones."""
import sys

import torch


def rotate90(x, values):
    return torch.rot90(x, int(values[0]), (-2, -1))


def saturation(x, values):
    mean = x.mean(0, keepdim=True)
    return values[0] * (x - mean) + mean


def contrast(x, values):
    mean = x.mean()
    return values[0] * (x - mean) + mean


def axes_of(x, values):
    """Pairs of an axis and its number."""
    count = x.dim() - 1
    return [(axis + 1, int(values[3 - count + axis])) for axis in range(count)]


def translation(x, values):
    for axis, shift in axes_of(x, values):
        size, kept = x.shape[axis], max(x.shape[axis] - abs(shift), 0)
        part = x.narrow(axis, max(-shift, 0) if kept else 0, kept)
        edge = lambda count: x.new_zeros([*x.shape[:axis], count, *x.shape[axis + 1:]])
        x = torch.cat([edge(size - kept), part] if shift > 0 else [part, edge(size - kept)], axis)
    return x


def cutout(x, values):
    kept = torch.ones((), dtype=x.dtype)
    inside = torch.ones(x.shape, dtype=torch.bool)
    for axis, begin in axes_of(x, values):
        place = torch.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.dim())])
        inside = inside & (place >= begin) & (place < begin + int(x.shape[axis] * 0.5 + 0.5))
    return torch.where(inside, 0 * kept, x)


# In the order in which they are applied.
OPERATIONS = {
    "flip": lambda x, values: x.flip(-1),
    "rotate90": rotate90,
    "brightness": lambda x, values: x + values[0],
    "saturation": saturation,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
}
POLICIES = {"color": ["brightness", "saturation", "contrast"]}


def chosen(settings):
    """The operations that a run takes, in order."""
    names = settings.text("augment", "operations").replace(",", " ").split()
    names = [single for name in names for single in POLICIES.get(name, [name])]
    for name in names:
        if name not in OPERATIONS:
            sys.exit(f"replay_trace: the augmentation {name} is not known here")
    return [OPERATIONS[name] for name in OPERATIONS if name in names]


def apply(operations, samples, draws):
    """draws: (samples, operations, values)"""
    out = []
    for x, drawn in zip(samples, draws):
        for operation, values in zip(operations, drawn):
            x = operation(x, values[1:].to(x.dtype)) if values[0] else x
        out.append(x)
    return torch.stack(out)
