"""Writes penalties.h: the critic's gradient penalties by PyTorch's double backward in float64, for tests/unit/penalty_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/penalties.py

For small critics of all kinds and each penalty of src/gan/penalty.h, alone and together: its value and its gradient with
respect to the critic's parameters, as a training loop in PyTorch has them (torch.autograd.grad with create_graph, then the
derivative of the mean). Nothing is written unless differences of values, taken numerically, agree with it.
"""
import os

import torch

import layers
import tangents
from layers import array, sizes

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = 4

# name, layers, shape of a sample
CRITICS = [
    ("dense, layer norm", "dense 8, leaky_relu 0.2, layer_norm, dense 6, tanh, dense 1", (5,)),
    ("1-D, group norm", "conv 4 kernel 3 padding 1, group_norm 2, leaky_relu 0.2, conv 3 kernel 2 stride 2, gelu, dense 1", (2, 7)),
    ("2-D, instance norm", "conv 4 kernel 3 stride 2 padding 1, leaky_relu 0.2, instance_norm affine, conv 3 kernel 2, silu, dense 1", (2, 5, 5)),
    ("3-D, layer norm", "conv 3 kernel 2, layer_norm, leaky_relu 0.2, conv 2 kernel 2, elu, dense 1", (1, 4, 3, 4)),
    ("residual, layer norm", "conv 3 kernel 3 padding 1, residual, leaky_relu 0.2, conv 4 kernel 3 padding 1, layer_norm, shortcut, "
     "conv 4 kernel 1, end, leaky_relu 0.2, average_pool 2, dense 1", (1, 4, 4)),
    ("relu alone", "dense 7, relu, dense 6, relu, dense 1", (5,)),
]
KINDS = ["GAN_PENALTY_GRADIENT", "GAN_PENALTY_DRAGAN", "GAN_PENALTY_R1", "GAN_PENALTY_R2"]
# weights of the four, target as a multiple of the samples' mean slope (0: 1), one-sided
SETS = [
    ((10, 0, 0, 0), 0, False),
    ((10, 0, 0, 0), 1, True),
    ((2, 0, 0, 0), 1.7, False),
    ((0, 3, 0, 0), 0, False),
    ((0, 0, 4, 0), 0, False),
    ((0, 0, 0, 0.7), 0, False),
    ((5, 0.5, 2, 1), 0.8, False),
]
EPSILON = 1e-10


def slopes(network, x, create_graph):
    return torch.autograd.grad(network(x).sum(), x, create_graph=create_graph)[0].flatten(1).square().sum(1)


def value_of(network, places, weights, target, one_sided, create_graph):
    """places: the samples that each penalty in use looks at."""
    total = 0
    for weight, kind, x in zip((w for w in weights if w), (k for w, k in zip(weights, KINDS) if w), places):
        squares = slopes(network, x, create_graph)
        if kind in ("GAN_PENALTY_R1", "GAN_PENALTY_R2"):
            total = total + weight / 2 * squares.mean()
        else:
            excess = (squares + EPSILON).sqrt() / target - 1
            total = total + weight * (excess.clamp(min=0) if one_sided else excess).square().mean()
    return total


def run(description, network, x, row):
    weights, relative, one_sided = row
    places = x[:sum(w > 0 for w in weights)]
    target = round(relative * float(slopes(network, x[0], False).sqrt().mean()), 3) or 1
    parameters = list(network.parameters())

    def again(*values):
        rebuilt = tangents.with_parameters(layers.build(description, tuple(x[0].shape[1:])).train(), values)
        return value_of(rebuilt, places, weights, target, one_sided, False)

    value = value_of(network, places, weights, target, one_sided, True)
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients)]
    tangents.check(description, again, parameters, gradients)
    return target, value.detach(), tangents.flat(gradients)


def main():
    layers.DECIMALS = 2
    text = ["/* Written by tests/reference/penalties.py with PyTorch " + torch.__version__ + "; see there. */\n",
            "/* clang-format off */\n", '#include "gan/penalty.h"\n', '#include "reference_case.h"\n\n',
            f"enum {{ PENALTY_SAMPLES = {SAMPLES} }};\n"]
    table = []
    for i, (name, description, shape) in enumerate(CRITICS):
        torch.manual_seed(sum(map(ord, name)))
        network = layers.build(description, shape).train()
        x = [layers.single(torch.randn(SAMPLES, *shape) * 1.5 + 0.2).requires_grad_(True) for _ in KINDS]
        text.append(array("float", f"penalty_parameters_{i}", tangents.flat(p.detach() for p in network.parameters()), 9))
        text.append(array("float", f"penalty_input_{i}", torch.cat([part.detach() for part in x]), 9))
        for j, row in enumerate(SETS):
            target, value, gradient = run(description, network, x, row)
            text.append(array("double", f"penalty_gradient_{i}_{j}", gradient, 7))
            table.append(f'    {{.name = "{name}, {j}",\n     .layers = "{description}",\n     .input_shape = {sizes(shape)},\n'
                         f"     .options = {{.weight = {{{', '.join(map(str, row[0]))}}}, .r1_final = NAN, .r2_final = NAN, .target = {target},"
                         f" .epsilon = {EPSILON}, .one_sided = {str(row[2]).lower()}, .every = 1}},\n"
                         f"     .parameter_count = {gradient.numel()}, .parameters = penalty_parameters_{i}, .input = penalty_input_{i},\n"
                         f"     .value = {float(value):.12g}, .gradient = penalty_gradient_{i}_{j}}},\n")
    text += ["typedef struct penalty_case {\n  const char *name, *layers;\n  gan_shape input_shape;\n  gan_penalty_options options;\n"
             "  size_t parameter_count;\n  const float *parameters, *input; /* (parts, samples, elements) */\n  double value;\n"
             "  const double *gradient;\n} penalty_case;\n", "static const penalty_case penalty_cases[] = {\n"] + table + ["};\n"]
    with open(os.path.join(HERE, "penalties.h"), "w") as out:
        out.writelines(text)


if __name__ == "__main__":
    main()
