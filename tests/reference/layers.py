"""Writes layers.h: what PyTorch, in float64, makes of small networks, for tests/unit/layers_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/layers.py

Inputs, parameters and output gradients are float32 numbers, so that both sides start from the same values. The loss is
the scalar product of the output and the output gradient. Running statistics are those after one training step with
momentum 1, i.e. the batch's own.
"""
import os

import torch
from torch import nn

torch.manual_seed(20240607)

# name, layers, shape of a sample, parts, samples of each part, offset and spread of the input
CASES = [
    ("dense", "dense 7", (5,), 1, 3),
    ("dense, one sample", "dense 4", (9,), 1, 1),
    ("dense, one feature", "dense 1", (1,), 1, 5),
    ("dense without bias", "dense 3 no_bias", (6,), 1, 4),
    ("dense on an image", "dense 5", (2, 3, 3), 1, 2),
    ("dense, two parts", "dense 3", (4,), 2, 3),
    ("relu", "relu", (7,), 1, 3),
    ("leaky_relu, default", "leaky_relu", (7,), 1, 3),
    ("leaky_relu", "leaky_relu 0.05", (7,), 1, 3),
    ("tanh", "tanh", (7,), 1, 3),
    ("sigmoid", "sigmoid", (7,), 1, 3),
    ("elu, default", "elu", (7,), 1, 3),
    ("elu", "elu 0.5", (7,), 1, 3),
    ("gelu", "gelu", (7,), 1, 3),
    ("silu", "silu", (7,), 1, 3),
    ("softplus", "softplus", (7,), 1, 3),
    ("batch_norm", "batch_norm", (6,), 1, 5),
    ("batch_norm, three samples", "batch_norm", (2,), 1, 3),
    ("batch_norm, two parts", "batch_norm", (9,), 2, 4),
    ("batch_norm on images", "batch_norm", (3, 3, 5), 1, 2),
    ("batch_norm on one image", "batch_norm", (2, 4, 3), 1, 1),
    ("batch_norm on images, two parts", "batch_norm", (2, 3, 3), 2, 2),
    ("batch_norm on sequences", "batch_norm", (3, 4), 1, 2),
    ("batch_norm far from zero", "batch_norm", (4,), 1, 6),
    ("layer_norm", "layer_norm", (7,), 1, 3),
    ("layer_norm, one sample", "layer_norm", (11,), 1, 1),
    ("layer_norm on images", "layer_norm", (2, 3, 4), 1, 2),
    ("layer_norm, two parts", "layer_norm", (5,), 2, 3),
    ("flatten", "flatten", (2, 2, 3), 1, 2),
    ("reshape", "reshape 3 1 4", (12,), 1, 2),
    ("reshape between layers", "dense 12, reshape 3 2 2, batch_norm, tanh, flatten, dense 2", (3,), 2, 3),
    ("a generator", "dense 8, batch_norm, relu, dense 6, layer_norm, silu, dense 2, tanh", (4,), 1, 7),
    ("a critic", "flatten, dense 9, leaky_relu 0.2, layer_norm, dense 5, gelu, dense 1", (1, 3, 3), 2, 4),
]


class Reshape(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(x.shape[0], *self.shape)


class Dense(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1))


def module_of(words, shape):
    """The PyTorch module of one layer and its output shape."""
    name, arguments = words[0], words[1:]
    elements = torch.Size(shape).numel()
    if name == "dense":
        out = int(arguments[0])
        return Dense(elements, out, bias="no_bias" not in arguments), (out,)
    if name == "batch_norm":
        kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        return kind(shape[0], momentum=1.0), shape
    if name == "layer_norm":
        return nn.LayerNorm(shape), shape
    if name == "flatten":
        return nn.Flatten(), (elements,)
    if name == "reshape":
        to = tuple(int(word) for word in arguments)
        return Reshape(to), to
    if name == "leaky_relu":
        return nn.LeakyReLU(float(arguments[0]) if arguments else 0.2), shape
    if name == "elu":
        return nn.ELU(float(arguments[0]) if arguments else 1.0), shape
    plain = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU,
             "softplus": nn.Softplus}
    return plain[name](), shape


def single(tensor):
    """Rounded to float32 numbers, in float64."""
    return tensor.float().double()


def build(description, shape):
    modules = []
    for entry in description.split(","):
        module, shape = module_of(entry.split(), shape)
        modules.append(module)
    network = nn.Sequential(*modules).double()
    for parameter in network.parameters():
        parameter.data = single(torch.randn(parameter.shape) * 0.5 + 0.1)
    return network


def buffers_of(network):
    parts = [b.flatten() for n, b in network.named_buffers() if "num_batches" not in n]
    return torch.cat(parts) if parts else torch.zeros(0)


def run(case):
    name, description, shape, parts, samples = case
    network = build(description, shape)
    far = "far" in name
    x = single(torch.randn(parts * samples, *shape) * (0.1 if far else 1.5) + (20.0 if far else 0.2))
    x.requires_grad_(True)
    outputs, statistics = [], []
    network.train()
    for part in range(parts):
        outputs.append(network(x[part * samples:(part + 1) * samples]))
        statistics.append(buffers_of(network).clone())
    output = torch.cat(outputs)
    gradient = single(torch.randn(output.shape))
    (output * gradient).sum().backward()
    parameters = [p.detach().flatten() for p in network.parameters()]
    gradients = [p.grad.flatten() for p in network.parameters()]
    # In inference the last part's statistics, rounded to float32, serve as running ones.
    for buffer_name, buffer in network.named_buffers():
        if "num_batches" not in buffer_name:
            buffer.copy_(single(buffer))
    network.eval()
    return {
        "parameters": torch.cat(parameters) if parameters else torch.zeros(0),
        "input": x.detach(), "output_gradient": gradient, "output": output.detach(), "input_gradient": x.grad,
        "parameter_gradient": torch.cat(gradients) if gradients else torch.zeros(0),
        "statistics": torch.stack(statistics), "inference": network(x).detach(),
        "output_shape": output.shape[1:],
    }


FLOATS = ["parameters", "input", "output_gradient"]
DOUBLES = ["output", "input_gradient", "parameter_gradient", "statistics", "inference"]


def array(kind, symbol, tensor, digits):
    values = tensor.flatten().tolist() or [0.0]
    suffix = "f" if kind == "float" else ""
    texts = []
    for value in values:
        text = f"{value:.{digits}g}"
        texts.append(text + ("" if "." in text or "e" in text else ".0") + suffix)
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) + 2 > 118:
            lines.append(line)
            line = "   "
        line += " " + text + ","
    lines.append(line)
    return f"static const {kind} {symbol}[] = {{\n" + "\n".join(lines) + "\n};\n"


def sizes(shape):
    return f"{{.rank = {len(shape)}, .size = {{{', '.join(str(s) for s in shape)}}}}}"


def main():
    text = ["/* Written by tests/reference/layers.py with PyTorch " + torch.__version__ + "; see there. */\n",
            "/* clang-format off */\n",
            '#include <stddef.h>\n\n#include "base/shape.h"\n\n',
            "typedef struct reference_case {\n  const char *name, *layers;\n  gan_shape input_shape, output_shape;\n"
            "  int parts, samples;\n  size_t parameter_count, buffer_count;\n"
            "  const float *parameters, *input, *output_gradient;\n"
            "  const double *output, *input_gradient, *parameter_gradient, *statistics, *inference;\n"
            "} reference_case;\n\n"]
    rows = []
    for i, case in enumerate(CASES):
        result = run(case)
        for key in FLOATS:
            text.append(array("float", f"{key}_{i}", result[key], 9))
        for key in DOUBLES:
            if key == "inference" and result["statistics"].shape[1] == 0:
                text.append(f"#define inference_{i} output_{i} /* nothing in it depends on the batch */\n")
            else:
                text.append(array("double", f"{key}_{i}", result[key], 8))
        rows.append(f'    {{.name = "{case[0]}", .layers = "{case[1]}", .input_shape = {sizes(case[2])},\n'
                    f"     .output_shape = {sizes(result['output_shape'])}, .parts = {case[3]},\n"
                    f"     .samples = {case[4]}, "
                    f".parameter_count = {result['parameters'].numel()}, "
                    f".buffer_count = {result['statistics'].shape[1]}, VALUES({i})}},\n")
    members = ", ".join(f".{key} = {key}_##i" for key in FLOATS + DOUBLES)
    text.append(f"#define VALUES(i) \\\n  {members}\n")
    text.append("static const reference_case reference_cases[] = {\n" + "".join(rows) + "};\n")
    text.append("enum { REFERENCE_CASES = sizeof reference_cases / sizeof reference_cases[0] };\n")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.h"), "w") as out:
        out.writelines(text)


if __name__ == "__main__":
    main()
