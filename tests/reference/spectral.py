"""Writes spectral.h: spectral normalisation by PyTorch's torch.nn.utils.spectral_norm in float64, for
tests/unit/spectral_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/spectral.py

A network's parameters change a little a few times, as by updates; after each, one forward pass in training mode makes one
round of power iteration. Of the last: the gradient of the scalar product of output and output gradient with respect to
weight_orig and all else, and that of the penalty mean (|g| - 1)^2, g being the gradient of the sum of outputs with respect
to the input; both by autograd through sigma. Then u and v, and the output in eval mode.

Nothing is written unless differences, taken numerically with u and v held fixed, agree with the gradients.
"""
import os

import torch

import layers
from layers import array, single, sizes
from tangents import check
from torch_layers import module_of_layers, parameters_in_order

HERE = os.path.dirname(os.path.abspath(__file__))

# name, layers, shape of a sample, parts, samples of each part, updates, whether a penalty can meet it
CASES = [
    ("dense", "dense 7 spectral_norm", (5,), 1, 3, 3, True),
    ("dense, one row", "dense 1 spectral_norm no_bias", (6,), 1, 3, 2, False),
    ("dense, one column", "dense 4 no_bias spectral_norm", (1,), 1, 3, 2, True),
    ("dense behind dense", "dense 6, tanh, dense 5 spectral_norm, leaky_relu 0.2, dense 3 no_bias spectral_norm", (4,), 2, 3, 3,
     True),
    ("conv", "conv 3 kernel 3 spectral_norm, leaky_relu 0.2, conv 4 kernel 2 no_bias spectral_norm", (2, 4, 5), 1, 2, 3, True),
    ("conv_transpose", "conv_transpose 3 kernel 4 stride 2 padding 1 spectral_norm, silu, "
     "conv_transpose 2 kernel 3 spectral_norm no_bias", (2, 3, 2), 1, 2, 3, True),
    ("conv over one axis and conv_transpose over three", "conv 4 kernel 3 spectral_norm padding 1, reshape 4 2 1 3, gelu, "
     "conv_transpose 2 kernel 2 1 2 spectral_norm", (2, 6), 1, 2, 2, True),
    ("embedding", "embedding 5 3 spectral_norm", (4,), 1, 3, 3, False),
    ("embedding behind which there is more", "embedding 6 4 spectral_norm, flatten, dense 5 spectral_norm, tanh, dense 2", (3,), 2, 3,
     2, False),
    ("a critic of images", "conv 3 kernel 4 stride 2 padding 1 spectral_norm, leaky_relu 0.2, conv 4 kernel 3 padding 1 spectral_norm, "
     "layer_norm, leaky_relu 0.2, dense 1 spectral_norm", (2, 6, 8), 1, 3, 3, True),
    ("a residual critic", "residual, conv 3 kernel 3 padding 1 spectral_norm, relu, conv 4 kernel 3 padding 1 spectral_norm, "
     "average_pool 2, shortcut, average_pool 2, conv 4 kernel 1 spectral_norm, end, residual, silu, "
     "conv 4 kernel 3 padding 1 spectral_norm, end, leaky_relu, global_average_pool, dense 1 spectral_norm", (1, 4, 6), 2, 2, 2, True),
    ("normalised and not", "dense 5 spectral_norm, gelu, dense 4, softplus, dense 3 spectral_norm, tanh, dense 1", (3,), 1, 4, 2, True),
    ("attention", "conv 8 kernel 3 padding 1 spectral_norm, leaky_relu 0.2, attention spectral_norm, leaky_relu 0.2, "
     "dense 1 spectral_norm", (2, 4, 6), 1, 2, 3, True),
    ("attention from the start", "attention key 2 pool 1 spectral_norm, tanh, conv 3 kernel 1", (3, 2, 3), 2, 1, 2, True),
    ("grouped convolutions", "conv 6 kernel 3 spectral_norm groups 2, leaky_relu 0.2, conv 6 kernel 2 groups 6 spectral_norm padding 1 dilation 2, "
     "tanh, conv_transpose 4 kernel 2 groups 2 spectral_norm", (4, 4, 5), 1, 2, 2, True),
]

FLOATS = ["parameters", "change", "singular", "input", "output_gradient"]
DOUBLES = ["outputs", "input_gradient", "parameter_gradient", "penalty_gradient", "singular_after", "inference"]


def flat(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


def vectors(network):
    return [b for n, b in network.named_buffers() if n.endswith("weight_u") or n.endswith("weight_v")]


def penalty_of(y, x):
    g = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def check_gradients(name, description, network, x, output_gradient, parameters, gradients, penalty_gradients):
    """Numerically, with the vectors that the gradients were taken with."""
    names = [n for q in parameters for n, p in network.named_parameters() if p is q]
    fixed = {n: b.clone() for n, b in network.named_buffers()}

    def rebuilt(values):
        other = module_of_layers(description, x.shape[1:])
        other.load_state_dict({**fixed, **dict(zip(names, values))}, strict=True)
        other.eval()
        return other

    def of_loss(*values):
        return (rebuilt(values)(x) * output_gradient).sum()

    def of_penalty(*values):
        inner = x.detach().requires_grad_(True)
        return penalty_of(rebuilt(values)(inner), inner)

    values = [p.detach() for p in parameters]
    check(name, of_loss, values, gradients)
    if penalty_gradients:
        check(name, of_penalty, values, penalty_gradients)


def run(case):
    name, description, shape, parts, samples, updates, has_penalty = case
    torch.manual_seed(sum(map(ord, name)))
    network = module_of_layers(description, shape).train()
    parameters = parameters_in_order(network)
    for parameter in parameters:
        parameter.data = single(torch.randn(parameter.shape) * 0.5 + 0.1)
    changes = [single(torch.randn(p.shape) * 0.2) for p in parameters]
    x = single(torch.randn(parts * samples, *shape) * 1.5 + 0.2)
    if description.startswith("embedding"):
        x = torch.randint(int(description.split()[1]), x.shape).double()
    x.requires_grad_(has_penalty)
    for vector in vectors(network):
        vector.copy_(torch.nn.functional.normalize(torch.randn(vector.shape), dim=0).float().double())
    result = {"parameters": flat(parameters), "change": flat(changes), "singular": flat(vectors(network)), "input": x.detach()}
    outputs = []
    for update in range(updates):
        if update > 0:
            for parameter, change in zip(parameters, changes):
                parameter.data = parameter.data + change
        outputs.append(network(x))
    y = outputs[-1]
    output_gradient = single(torch.randn(y.shape))
    objective = (y * output_gradient).sum()
    gradients = torch.autograd.grad(objective, parameters + ([x] if has_penalty else []), retain_graph=True)
    penalties = None
    if has_penalty:
        penalties = torch.autograd.grad(penalty_of(y, x), parameters, allow_unused=True)
        penalties = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, penalties)]
    check_gradients(name, description, network, x, output_gradient, parameters, gradients[:len(parameters)], penalties)
    network.eval()
    return {**result, "output_gradient": output_gradient, "outputs": torch.stack(outputs).detach(),
            "input_gradient": gradients[-1] if has_penalty else torch.zeros(0),
            "parameter_gradient": flat(gradients[:len(parameters)]),
            "penalty_gradient": flat(penalties) if has_penalty else torch.zeros(0), "singular_after": flat(vectors(network)),
            "inference": network(x).detach()}


def main():
    layers.DECIMALS = 2
    text = ["/* Written by tests/reference/spectral.py with PyTorch " + torch.__version__ + "; see there. */\n",
            "/* clang-format off */\n",
            '#include "reference_case.h"\n\n']
    table = []
    for i, case in enumerate(CASES):
        result = run(case)
        text += [array("float", f"spectral_{key}_{i}", result[key], 9) for key in FLOATS]
        text += [array("double", f"spectral_{key}_{i}", result[key], 8) for key in DOUBLES]
        table.append(f'    {{.name = "{case[0]}",\n     .layers = "{case[1]}",\n     .input_shape = {sizes(case[2])},\n'
                     f"     .parts = {case[3]}, .samples = {case[4]}, .updates = {case[5]}, "
                     f".has_penalty = {'true' if case[6] else 'false'},\n     .parameter_count = {result['parameters'].numel()}, "
                     f".singular_count = {result['singular'].numel()}, SPECTRAL_VALUES({i})}},\n")
    members = ", ".join(f".{key} = spectral_{key}_##i" for key in FLOATS + DOUBLES)
    text.append(f"#define SPECTRAL_VALUES(i) \\\n  {members}\n")
    text += ["static const spectral_case spectral_cases[] = {\n"] + table + ["};\n"]
    with open(os.path.join(HERE, "spectral.h"), "w") as out:
        out.writelines(text)


if __name__ == "__main__":
    main()
