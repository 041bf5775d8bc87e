"""Writes tangents.h and plane_tangents.h: second derivatives of small networks by PyTorch's autograd in float64, for tests/unit/tangent_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/tangents.py

Of a network y = f(x) and a tangent x', with y' = (df/dx) x': the derivatives of a . y + b . y' with respect to x, x' and
the parameters, a and b fixed. PyTorch gets b . y' as x' . d(b . y)/dx, by differentiating twice. Of critics: the gradient
g of the sum of scores, and what the penalty mean (|g| - 1)^2 of WGAN-GP (arXiv 1704.00028) gives the parameters.

Nothing is written unless differences of first derivatives, taken numerically, agree with it.
"""
import os

import torch

import layers
from layers import array, single, sizes

HERE = os.path.dirname(os.path.abspath(__file__))

# name, layers, shape of a sample, parts, samples of each part
CASES = [
    ("dense", "dense 7", (5,), 1, 3),
    ("dense, one sample", "dense 4 no_bias", (9,), 1, 1),
    ("dense on images, two parts", "dense 3", (2, 1, 3), 2, 2),
    ("relu", "relu", (7,), 1, 3),
    ("leaky_relu", "leaky_relu 0.05", (7,), 1, 3),
    ("tanh", "tanh", (7,), 1, 3),
    ("sigmoid", "sigmoid", (7,), 1, 3),
    ("elu, default", "elu", (7,), 1, 3),
    ("elu", "elu 0.5", (7,), 1, 3),
    ("gelu", "gelu", (7,), 1, 3),
    ("silu", "silu", (7,), 1, 3),
    ("softplus", "softplus", (7,), 1, 3),
    ("batch_norm", "batch_norm", (6,), 1, 5),
    ("batch_norm, two parts", "batch_norm", (5,), 2, 4),
    ("batch_norm on images", "batch_norm", (3, 3, 5), 1, 2),
    ("batch_norm on one image", "batch_norm", (2, 4, 3), 1, 1),
    ("batch_norm on images, two parts", "batch_norm", (2, 3, 3), 2, 2),
    ("batch_norm far from zero", "batch_norm", (4,), 1, 6),
    ("layer_norm", "layer_norm", (7,), 1, 3),
    ("layer_norm, one sample", "layer_norm", (11,), 1, 1),
    ("layer_norm on images, two parts", "layer_norm", (2, 3, 2), 2, 2),
    ("instance_norm", "instance_norm", (3, 3, 4), 1, 2),
    ("instance_norm, affine", "instance_norm affine", (3, 2, 3), 2, 2),
    ("instance_norm over one axis", "instance_norm affine", (2, 5), 1, 1),
    ("group_norm", "group_norm 2", (4, 3, 2), 1, 3),
    ("group_norm of vectors", "group_norm 3", (12,), 1, 2),
    ("group_norm, one group", "group_norm 1", (2, 3, 3), 2, 1),
    ("conv", "conv 3 kernel 3", (2, 4, 5), 1, 1),
    ("conv with padding", "conv 2 kernel 4 stride 2 padding 1", (2, 6, 7), 1, 2),
    ("conv, sizes for each axis, two parts", "conv 2 kernel 3 2 stride 2 3 padding 1 0 no_bias", (2, 5, 4), 2, 2),
    ("conv over one axis", "conv 3 kernel 3 stride 2 padding 1", (2, 7), 1, 1),
    ("conv over three axes", "conv 2 kernel 2 3 2 stride 1 2 2 padding 0 1 1", (2, 2, 4, 3), 1, 1),
    ("conv_transpose", "conv_transpose 2 kernel 4 stride 2 padding 1", (2, 3, 2), 1, 2),
    ("conv_transpose with output padding", "conv_transpose 2 kernel 3 stride 2 padding 1 output_padding 1", (2, 2, 3), 2, 1),
    ("conv_transpose over three axes", "conv_transpose 2 kernel 3 2 2 stride 2 1 2 padding 1 0 0 no_bias", (2, 2, 2, 2), 1, 1),
    ("upsample", "upsample 1 3", (2, 3, 2), 1, 2),
    ("upsample, bilinear", "upsample 2 3 bilinear", (2, 3, 2), 1, 1),
    ("max_pool", "max_pool 3 2 stride 2 1 padding 1", (1, 4, 5), 1, 2),
    ("average_pool", "average_pool 3 stride 2 1 padding 1 0", (1, 4, 5), 1, 2),
    ("average_pool, padding not counted", "average_pool 3 2 stride 2 1 padding 1 exclude_padding", (1, 4, 5), 1, 2),
    ("resize", "resize 5 2", (2, 3, 3), 1, 1),
    ("resize from_corner", "resize 5 from_corner", (1, 3, 2), 2, 1),
    ("rescale", "rescale 2 -3 shift 0.5, tanh", (2, 3, 2), 1, 2),
    ("global_average_pool", "global_average_pool", (3, 3, 2), 1, 2),
    ("minibatch_stddev", "minibatch_stddev", (2, 2, 3), 1, 4),
    ("minibatch_stddev of vectors, two parts", "minibatch_stddev", (5,), 2, 3),
    ("minibatch_stddev in groups", "minibatch_stddev 2", (2, 3, 2), 1, 4),
    ("dropout of nothing", "dropout 0", (6,), 1, 2),
    ("flatten and reshape", "flatten, reshape 3 1 4, tanh, flatten", (2, 3, 2), 1, 2),
    ("residual", "residual, tanh, conv 2 kernel 3 padding 1, end", (2, 3, 4), 1, 2),
    ("residual, shortcut", "residual, tanh, conv 3 kernel 2 stride 2, shortcut, average_pool 2, conv 3 kernel 1, end",
     (2, 4, 5), 1, 2),
    ("residual, within each other", "dense 6, residual, residual, dense 4, gelu, shortcut, dense 4, end, tanh, dense 6, end, "
     "residual, end, dense 2", (5,), 2, 3),
    ("residual at the beginning of a shortcut", "residual, dense 3, shortcut, residual, silu, dense 4, end, dense 3, end", (4,), 1, 3),
    ("concatenate", "concatenate, conv 2 kernel 1, tanh, with, conv 3 kernel 3 padding 1, relu, end", (2, 3, 4), 1, 2),
    ("concatenate, the input itself", "concatenate, with, dense 3, with, silu, end, dense 2", (4,), 2, 2),
    ("concatenate, within each other", "concatenate, dense 3, with, dense 2, relu, concatenate, dense 2, gelu, with, dense 1, end, with, "
     "residual, tanh, end, end, dense 3", (3,), 1, 3),
    ("attention", "attention key 2 value 3", (4, 4, 3), 1, 2),
    ("attention, every place, two parts", "tanh, attention key 1 pool 1, dense 2", (2, 2, 3), 2, 1),
    ("attention over one axis, within a block", "residual, attention key 2, conv 3 kernel 1, shortcut, conv 3 kernel 1, end, silu", (2, 6), 1, 2),
    ("conv, grouped and dilated", "conv 4 kernel 3 padding 2 dilation 2 1 groups 2", (4, 5, 4), 1, 2),
    ("conv, depthwise, two parts", "conv 6 kernel 3 stride 2 padding 1 groups 3 no_bias", (3, 5, 4), 2, 1),
    ("conv_transpose, grouped and dilated", "conv_transpose 4 kernel 3 2 stride 2 1 padding 1 dilation 1 2 groups 2", (6, 2, 3), 1, 2),
]

CRITICS = [
    ("a dense critic", "flatten, dense 8, leaky_relu 0.2, layer_norm, dense 6, gelu, dense 1", (1, 3, 3), 1, 4),
    ("a dense critic of one sample", "dense 7, tanh, dense 5, silu, dense 1", (5,), 1, 1),
    ("a dense critic with batch statistics", "dense 6, batch_norm, softplus, dense 4, batch_norm, elu, dense 1", (4,), 2, 5),
    ("a critic of images", "conv 3 kernel 4 stride 2 padding 1, leaky_relu 0.2, conv 4 kernel 3 padding 1, leaky_relu, dense 1",
     (2, 6, 8), 1, 2),
    ("a residual critic", "conv 3 kernel 3 padding 1, residual, layer_norm, relu, conv 4 kernel 3 padding 1, leaky_relu, "
     "average_pool 2, shortcut, average_pool 2, conv 4 kernel 1, end, residual, silu, conv 4 kernel 3 padding 1, end, "
     "leaky_relu, global_average_pool, dense 1", (1, 6, 5), 1, 3),
    ("a critic with instance and group norm", "conv 4 kernel 3 padding 1, instance_norm affine, leaky_relu, max_pool 2, "
     "conv 4 kernel 2, group_norm 2, tanh, dense 1", (2, 5, 7), 2, 1),
    ("a critic with batch norm and minibatch standard deviation", "conv 3 kernel 3 stride 2 padding 1, batch_norm, leaky_relu, "
     "minibatch_stddev, conv 2 kernel 2, softplus, flatten, dense 1", (1, 5, 4), 1, 4),
    ("a residual critic linear in pieces", "conv 3 kernel 3 padding 1, relu, residual, relu, conv 4 kernel 3 padding 1, leaky_relu, "
     "max_pool 2, shortcut, average_pool 2, conv 4 kernel 1, end, residual, relu, conv 4 kernel 1, end, dense 1",
     (1, 4, 6), 1, 2),
    ("a critic curved in a shortcut only", "dense 6, residual, relu, dense 5, shortcut, residual, relu, dense 6, end, dense 5, tanh, "
     "end, leaky_relu, dense 1", (4,), 1, 3),
    ("a critic curved in a block only", "dense 6, residual, dense 5, silu, residual, relu, dense 5, end, shortcut, dense 5, end, "
     "leaky_relu, dense 1", (4,), 2, 2),
    ("a critic of branches, curved in one", "dense 6, concatenate, relu, dense 4, with, dense 3, leaky_relu, with, dense 3, tanh, end, "
     "leaky_relu, dense 1", (4,), 1, 3),
    ("a critic of branches, curved in the first", "dense 6, concatenate, silu, dense 4, with, relu, with, dense 3, leaky_relu, end, "
     "dense 1", (4,), 2, 2),
    ("a critic of branches linear in pieces", "conv 3 kernel 3 padding 1, concatenate, conv 2 kernel 1, relu, with, max_pool 3 stride 1 padding 1, "
     "conv 2 kernel 1, with, average_pool 3 stride 1 padding 1 exclude_padding, end, leaky_relu, dense 1", (1, 4, 3), 1, 2),
    ("a critic over one axis", "conv 3 kernel 3 stride 2 padding 1, gelu, upsample 2 bilinear, conv_transpose 2 kernel 2, "
     "sigmoid, dense 1", (2, 7), 1, 2),
    ("a critic with attention", "conv 8 kernel 3 padding 1, leaky_relu, attention, leaky_relu, conv 4 kernel 2 stride 2, "
     "attention key 2 value 1 pool 1, dense 1", (1, 4, 6), 1, 2),
    ("a critic that begins with attention", "attention key 1, leaky_relu, dense 1", (2, 4, 3), 2, 2),
    ("a critic of depthwise and dilated convolutions", "conv 4 kernel 3 padding 1, leaky_relu, conv 4 kernel 3 stride 2 padding 1 groups 4, "
     "conv 6 kernel 1, tanh, conv 6 kernel 3 padding 2 dilation 2 groups 2, leaky_relu, dense 1", (2, 6, 5), 1, 2),
]

# Those of layers.PLANE_CASES.
PLANE_CASES = [
    ("pad, reflected", "pad reflect 1 2", (1, 2, 3), 1, 2),
    ("pad, replicated, before what is curved", "pad replicate 1, conv 2 kernel 3, tanh", (2, 3, 2), 2, 1),
    ("pixel_shuffle", "pixel_shuffle 2, tanh", (4, 2, 3), 1, 2),
    ("pixel_unshuffle", "pixel_unshuffle 2, sigmoid", (1, 4, 2), 2, 1),
    ("blur", "blur, tanh", (2, 3, 4), 1, 2),
    ("blur, reflected, stride 2", "blur reflect stride 2", (1, 4, 5), 2, 1),
    ("scale", "scale 0.5", (5,), 1, 3),
    ("scale between layers that are curved", "tanh, scale, conv 2 kernel 2, silu, scale", (2, 3, 3), 2, 2),
    ("normalise", "normalise", (3, 2, 3), 1, 2),
    ("normalise vectors, two parts", "normalise", (6,), 2, 2),
    ("normalise two channels", "normalise", (2, 1, 2), 1, 2),
    ("normalise volumes", "conv 3 kernel 1, normalise, dense 2", (2, 2, 1, 2), 1, 2),
]

PLANE_CRITICS = [
    ("a critic of padded and blurred images", "pad reflect 1, conv 3 kernel 3, leaky_relu 0.2, blur stride 2, conv 4 kernel 2, normalise, leaky_relu, "
     "scale 1, dense 1", (1, 5, 6), 1, 3),
    ("a residual critic with a factor", "pixel_unshuffle 2, residual, conv 4 kernel 3 padding 1, gelu, conv 4 kernel 1, scale, end, normalise, "
     "global_average_pool, dense 1", (1, 6, 4), 2, 2),
    ("a critic with a factor, linear in pieces", "dense 6, leaky_relu, scale, dense 5, relu, dense 1", (4,), 1, 4),
]

FLOATS = ["parameters", "input", "tangent", "output_gradient", "output_tangent_gradient"]
DOUBLES = ["output_tangent", "input_gradient", "input_tangent_gradient", "parameter_gradient"]
CRITIC_FLOATS = ["parameters", "input"]
CRITIC_DOUBLES = ["score_gradient", "penalty_gradient"]


def outputs(network, x, parts):
    return torch.cat([network(part) for part in x.chunk(parts)])


def flat(tensors):
    tensors = [t.flatten() for t in tensors]
    return torch.cat(tensors) if tensors else torch.zeros(0)


def check(name, function, variables, gradients):
    """That the derivative of the scalar function along random directions is what the gradients say."""
    for _ in range(3):
        directions = [torch.randn_like(v) for v in variables]
        values = []
        for step in (-2e-6, -1e-6, 1e-6, 2e-6):
            moved = [(v + step * d).detach().requires_grad_(True) for v, d in zip(variables, directions)]
            values.append(function(*moved).detach())
        numerical = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-6
        exact = sum((g * d).sum() for g, d in zip(gradients, directions))
        scale = sum((g * d).abs().sum() for g, d in zip(gradients, directions))
        assert abs(numerical - exact) <= 1e-6 * scale, (name, float(numerical), float(exact))


def with_parameters(network, parameters):
    """The network as a function of its input and parameters, by exchanging what the modules hold."""
    names = [name for name, _ in network.named_parameters()]
    for name, value in zip(names, parameters):
        owner = network
        *path, last = name.split(".")
        for step in path:
            owner = getattr(owner, step)
        owner._parameters.pop(last, None)
        setattr(owner, last, value)
    return network


def make(case):
    name, description, shape, parts, samples = case
    torch.manual_seed(sum(map(ord, name)))
    network = layers.build(description, shape).train()
    far = "far" in name
    x = single(torch.randn(parts * samples, *shape) * (0.1 if far else 1.5) + (5.0 if far else 0.2)).requires_grad_(True)
    return network, x


def run(case):
    name, description, shape, parts, samples = case
    network, x = make(case)
    tangent = single(torch.randn(x.shape)).requires_grad_(True)
    y = outputs(network, x, parts)
    a, b = single(torch.randn(y.shape)), single(torch.randn(y.shape))
    parameters = list(network.parameters())

    def first_order(x, tangent, *values):
        rebuilt = with_parameters(layers.build(description, shape).train(), values)
        y = outputs(rebuilt, x, parts)
        return (a * y).sum() + (tangent * torch.autograd.grad((b * y).sum(), x)[0]).sum()

    transposed = torch.autograd.grad((b * y).sum(), x, create_graph=True)[0]
    objective = (a * y).sum() + (tangent * transposed).sum()
    gradients = torch.autograd.grad(objective, [x, tangent] + parameters)
    check(name, first_order, [x, tangent] + parameters, gradients)
    dummy = torch.zeros_like(y, requires_grad=True)
    of_dummy = torch.autograd.grad((dummy * outputs(network, x, parts)).sum(), x, create_graph=True)[0]
    return {
        "parameters": flat(p.detach() for p in parameters), "input": x.detach(), "tangent": tangent.detach(),
        "output_gradient": a, "output_tangent_gradient": b,
        "output_tangent": torch.autograd.grad((of_dummy * tangent).sum(), dummy)[0].detach(),
        "input_gradient": gradients[0], "input_tangent_gradient": gradients[1], "parameter_gradient": flat(gradients[2:]),
    }


def run_critic(case):
    name, description, shape, parts, samples = case
    network, x = make(case)
    parameters = list(network.parameters())

    def penalty(*values):
        rebuilt = with_parameters(layers.build(description, shape).train(), values)
        g = torch.autograd.grad(outputs(rebuilt, x, parts).sum(), x)[0]
        return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()

    g = torch.autograd.grad(outputs(network, x, parts).sum(), x, create_graph=True)[0]
    value = ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients)]
    check(name, penalty, parameters, gradients)
    return {"parameters": flat(p.detach() for p in parameters), "input": x.detach(), "score_gradient": g.detach(),
            "penalty_gradient": flat(gradients)}


def cases(prefix, kind, rows, function, floats, doubles):
    text, table = [], []
    for i, case in enumerate(rows):
        result = function(case)
        text += [array("float", f"{prefix}{key}_{i}", result[key], 9) for key in floats]
        text += [array("double", f"{prefix}{key}_{i}", result[key], 7) for key in doubles]
        table.append(f'    {{.name = "{case[0]}",\n     .layers = "{case[1]}",\n     .input_shape = {sizes(case[2])},\n'
                     f"     .parts = {case[3]}, .samples = {case[4]}, "
                     f".parameter_count = {result['parameters'].numel()}, {prefix.upper()}VALUES({i})}},\n")
    members = ", ".join(f".{key} = {prefix}{key}_##i" for key in floats + doubles)
    text.append(f"#define {prefix.upper()}VALUES(i) \\\n  {members}\n")
    return text + [f"static const {kind} {prefix}cases[] = {{\n"] + table + ["};\n"]


def write(prefix, rows, critics):
    text = ["/* Written by tests/reference/tangents.py with PyTorch " + torch.__version__ + "; see there. */\n",
            "/* clang-format off */\n",
            '#include "reference_case.h"\n\n']
    text += cases(prefix + "tangent_", "tangent_case", rows, run, FLOATS, DOUBLES)
    text += cases(prefix + "critic_", "critic_case", critics, run_critic, CRITIC_FLOATS, CRITIC_DOUBLES)
    with open(os.path.join(HERE, prefix + "tangents.h"), "w") as out:
        out.writelines(text)


def main():
    layers.DECIMALS = 2
    write("", CASES, CRITICS)
    write("plane_", PLANE_CASES, PLANE_CRITICS)


if __name__ == "__main__":
    main()
