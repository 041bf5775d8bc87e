"""Writes layers.h, image_layers.h and block_layers.h: what PyTorch, in float64, makes of small networks, for tests/unit/layers_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/layers.py

Inputs, parameters and output gradients are float32 numbers, so that both sides start from the same values. The loss is
the scalar product of the output and the output gradient. Running statistics are those after one training step with
momentum 1, i.e. the batch's own.
"""
import os

import torch
from torch import nn

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

IMAGE_CASES = [
    ("conv", "conv 3 kernel 3", (2, 4, 5), 1, 1),
    ("conv, one sample, one position", "conv 2 kernel 3 2", (1, 3, 2), 1, 1),
    ("conv with padding", "conv 2 kernel 4 stride 2 padding 1", (2, 6, 7), 1, 2),
    ("conv, sizes for each axis", "conv 2 kernel 3 2 stride 2 3 padding 1 0 no_bias", (2, 5, 4), 1, 2),
    ("conv, more padding than kernel", "conv 2 kernel 1 2 padding 2 3", (1, 2, 3), 1, 2),
    ("conv, stride beyond kernel", "conv 2 kernel 2 stride 3", (1, 7, 5), 1, 2),
    ("conv, two parts", "conv 2 kernel 3 padding 1", (1, 4, 3), 2, 3),
    ("conv over one axis", "conv 3 kernel 3 stride 2 padding 1", (2, 7), 1, 1),
    ("conv over three axes", "conv 2 kernel 2 3 2 stride 1 2 2 padding 0 1 1", (2, 2, 4, 3), 1, 1),
    ("conv_transpose", "conv_transpose 2 kernel 4 stride 2 padding 1", (2, 3, 2), 1, 2),
    ("conv_transpose from a vector", "reshape 5 1 1, conv_transpose 3 kernel 3 2 no_bias", (5,), 1, 3),
    ("conv_transpose with output padding", "conv_transpose 2 kernel 3 stride 2 padding 1 output_padding 1", (2, 2, 3), 1, 2),
    ("conv_transpose, sizes for each axis", "conv_transpose 2 kernel 2 3 stride 3 2 padding 0 1 output_padding 2 0",
     (2, 2, 3), 1, 2),
    ("conv_transpose, two parts", "conv_transpose 1 kernel 2", (2, 2, 3), 2, 2),
    ("conv_transpose over one axis", "conv_transpose 2 kernel 5 stride 3 padding 2", (2, 4), 1, 2),
    ("conv_transpose over three axes", "conv_transpose 2 kernel 3 2 2 stride 2 1 2 padding 1 0 0", (2, 2, 2, 2), 1, 1),
    ("upsample", "upsample 2", (2, 3, 2), 1, 2),
    ("upsample, a factor for each axis", "upsample 1 3 nearest", (2, 2, 3), 1, 2),
    ("upsample over three axes", "upsample 2", (1, 2, 1, 2), 1, 2),
    ("upsample, bilinear", "upsample 2 bilinear", (2, 3, 4), 1, 1),
    ("upsample, bilinear, odd", "upsample 3 5 bilinear", (1, 2, 2), 1, 1),
    ("upsample, bilinear, one position", "upsample 4 2 bilinear", (1, 1, 3), 1, 2),
    ("upsample, linear over one axis", "upsample 3 bilinear", (2, 4), 1, 2),
    ("upsample, linear over three axes", "upsample 2 3 2 bilinear", (1, 2, 1, 3), 1, 1),
    ("max_pool", "max_pool 2", (2, 5, 4), 1, 2),
    ("max_pool with padding", "max_pool 3 2 stride 2 1 padding 1", (1, 4, 5), 1, 2),
    ("max_pool over three axes", "max_pool 2 stride 1", (1, 2, 3, 3), 1, 1),
    ("average_pool", "average_pool 2", (2, 4, 5), 1, 2),
    ("average_pool with padding", "average_pool 3 stride 2 1 padding 1 0", (1, 4, 5), 1, 2),
    ("average_pool over one axis", "average_pool 4 stride 1 padding 2", (2, 5), 1, 2),
    ("global_average_pool", "global_average_pool", (3, 3, 2), 1, 2),
    ("global_average_pool over three axes", "global_average_pool, dense 2", (2, 2, 1, 3), 1, 3),
]

BLOCK_CASES = [
    ("instance_norm", "instance_norm", (3, 3, 4), 1, 2),
    ("instance_norm, affine", "instance_norm affine", (3, 2, 3), 2, 2),
    ("instance_norm over one axis", "instance_norm affine", (2, 5), 1, 1),
    ("group_norm", "group_norm 2", (4, 3, 2), 1, 3),
    ("group_norm of vectors", "group_norm 3", (9,), 1, 2),
    ("group_norm, one group", "group_norm 1", (2, 3, 3), 2, 1),
    ("minibatch_stddev", "minibatch_stddev", (2, 2, 3), 1, 4),
    ("minibatch_stddev of vectors, two parts", "minibatch_stddev", (5,), 2, 3),
    ("minibatch_stddev in groups", "minibatch_stddev 2, conv 1 kernel 2", (2, 3, 2), 1, 5),
    ("dropout of nothing", "dropout 0", (6,), 1, 2),
    ("residual", "residual, relu, conv 2 kernel 3 padding 1, end", (2, 3, 4), 1, 2),
    ("residual, shortcut", "residual, tanh, conv 3 kernel 2 stride 2, shortcut, average_pool 2, conv 3 kernel 1, end",
     (2, 4, 5), 1, 2),
    ("residual, within each other", "dense 6, residual, residual, dense 4, gelu, shortcut, dense 4, end, tanh, dense 6, end, "
     "residual, end, dense 2", (5,), 2, 3),
    ("residual at the beginning of a shortcut", "residual, dense 3, shortcut, residual, silu, dense 4, end, dense 3, end", (4,), 1, 3),
    ("a generator of images", "dense 12, reshape 3 2 2, batch_norm, relu, conv_transpose 2 kernel 4 stride 2 padding 1 no_bias, "
     "batch_norm, relu, residual, batch_norm, relu, upsample 2, conv 2 kernel 3 padding 1, shortcut, upsample 2, end, "
     "conv 1 kernel 3 padding 1, softplus", (4,), 1, 3),
    ("a critic of images", "conv 3 kernel 4 stride 2 padding 1, leaky_relu 0.2, residual, conv 4 kernel 3 padding 1, leaky_relu, "
     "average_pool 2, shortcut, average_pool 2, conv 4 kernel 1, end, instance_norm affine, leaky_relu, global_average_pool, dense 1", (1, 8, 8),
     2, 2),
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


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(2)


class MinibatchStddev(nn.Module):
    """Karras et al. 2018: the standard deviation of each feature over a group, averaged, as one more channel."""

    def __init__(self, group):
        super().__init__()
        self.group = group

    def forward(self, x):
        groups = []
        for group in x.split(self.group or len(x)):
            deviation = (((group - group.mean(0)) ** 2).mean(0) + 1e-8).sqrt().mean()
            groups.append(torch.cat([group, deviation.expand(len(group), 1, *group.shape[2:])], 1))
        return torch.cat(groups)


class Residual(nn.Module):
    def __init__(self, main, shortcut):
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, x):
        return self.main(x) + (self.shortcut(x) if self.shortcut else x)


def axis_sizes(words, axes):
    """{"": [2, 2], "stride": [1, 2]} from "2 stride 1 2": numbers after each word, one or one for each axis."""
    sizes, word = {"": []}, ""
    for text in words:
        if text.isdigit():
            sizes[word].append(int(text))
        else:
            word = text
            sizes[word] = []
    return {word: tuple(numbers * axes if len(numbers) == 1 else numbers) for word, numbers in sizes.items()}


def image_module(name, words, shape):
    """Of a layer over images; None for another."""
    axes = len(shape) - 1
    if name in ("conv", "conv_transpose"):
        kind = {"conv": [nn.Conv1d, nn.Conv2d, nn.Conv3d],
                "conv_transpose": [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]}[name][axes - 1]
        sizes = axis_sizes(words[1:], axes)
        options = {word: sizes[word] for word in ("stride", "padding", "output_padding") if word in sizes}
        return kind(shape[0], int(words[0]), sizes["kernel"], bias="no_bias" not in words, **options)
    if name == "upsample":
        if "bilinear" not in words:
            return nn.Upsample(scale_factor=axis_sizes(words, axes)[""], mode="nearest")
        mode = ["linear", "bilinear", "trilinear"][axes - 1]
        return nn.Upsample(scale_factor=axis_sizes(words, axes)[""], mode=mode, align_corners=False)
    if name in ("max_pool", "average_pool"):
        kind = {"max_pool": [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d],
                "average_pool": [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d]}[name][axes - 1]
        sizes = axis_sizes(words, axes)
        return kind(sizes[""], sizes.get("stride"), sizes.get("padding", 0))
    if name == "instance_norm":
        return [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d][axes - 1](shape[0], affine="affine" in words)
    return {"global_average_pool": GlobalAverage}.get(name, lambda: None)()


def module_of(words, shape):
    """The PyTorch module of one layer."""
    name, arguments = words[0], words[1:]
    elements = torch.Size(shape).numel()
    if name == "dense":
        return Dense(elements, int(arguments[0]), bias="no_bias" not in arguments)
    if name == "batch_norm":
        return (nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[0], momentum=1.0)
    if name == "layer_norm":
        return nn.LayerNorm(shape)
    if name == "group_norm":
        return nn.GroupNorm(int(arguments[0]), shape[0])
    if name == "minibatch_stddev":
        return MinibatchStddev(int(arguments[0]) if arguments else 0)
    if name == "dropout":
        return nn.Dropout(float(arguments[0]))
    if name == "flatten":
        return nn.Flatten()
    if name == "reshape":
        return Reshape(tuple(int(word) for word in arguments))
    if name == "leaky_relu":
        return nn.LeakyReLU(float(arguments[0]) if arguments else 0.2)
    if name == "elu":
        return nn.ELU(float(arguments[0]) if arguments else 1.0)
    plain = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU,
             "softplus": nn.Softplus}
    return plain[name]() if name in plain else image_module(name, arguments, shape)


DECIMALS = 16  # of inputs and parameters; few keep a header short


def single(tensor):
    """Rounded to the decimals and to float32 numbers, in float64."""
    return tensor.round(decimals=DECIMALS).float().double()


def sequence(entries, shape):
    """A Sequential of the entries up to the end of the block they are in, which are taken from the list; its output shape."""
    modules = []
    while entries and entries[0] not in (["shortcut"], ["end"]):
        words = entries.pop(0)
        if words == ["residual"]:
            main, out = sequence(entries, shape)
            shortcut = sequence(entries, shape)[0] if entries.pop(0) == ["shortcut"] else None
            if shortcut is not None:
                entries.pop(0)
            module = Residual(main, shortcut)
        else:
            module = module_of(words, shape)
        # Shapes as PyTorch has them, without a guess of ours; batch statistics need two samples.
        shape = tuple(module.double()(torch.zeros(2, *shape, dtype=torch.float64)).shape[1:])
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
        modules.append(module)
    return nn.Sequential(*modules), shape


def build(description, shape):
    network = sequence([entry.split() for entry in description.split(",")], shape)[0].double()
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
            buffer.copy_(buffer.float().double())
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


def write(file_name, cases, prefix, decimals, digits):
    global DECIMALS
    DECIMALS = decimals
    torch.manual_seed(20240607)
    text = ["/* Written by tests/reference/layers.py with PyTorch " + torch.__version__ + "; see there. */\n",
            "/* clang-format off */\n",
            '#include "reference_case.h"\n\n']
    rows = []
    for i, case in enumerate(cases):
        result = run(case)
        for key in FLOATS:
            text.append(array("float", f"{prefix}{key}_{i}", result[key], 9))
        for key in DOUBLES:
            if key == "inference" and result["statistics"].shape[1] == 0:
                text.append(f"#define {prefix}inference_{i} {prefix}output_{i} /* nothing in it depends on the batch */\n")
            else:
                text.append(array("double", f"{prefix}{key}_{i}", result[key], digits))
        rows.append(f'    {{.name = "{case[0]}",\n     .layers = "{case[1]}",\n     .input_shape = {sizes(case[2])},\n'
                    f"     .output_shape = {sizes(result['output_shape'])}, .parts = {case[3]},\n"
                    f"     .samples = {case[4]}, "
                    f".parameter_count = {result['parameters'].numel()}, "
                    f".buffer_count = {result['statistics'].shape[1]}, {prefix.upper()}VALUES({i})}},\n")
    members = ", ".join(f".{key} = {prefix}{key}_##i" for key in FLOATS + DOUBLES)
    text.append(f"#define {prefix.upper()}VALUES(i) \\\n  {members}\n")
    text.append(f"static const reference_case {prefix}reference_cases[] = {{\n" + "".join(rows) + "};\n")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), file_name), "w") as out:
        out.writelines(text)


def main():
    write("layers.h", CASES, "", 16, 8)
    write("image_layers.h", IMAGE_CASES, "image_", 2, 6)
    write("block_layers.h", BLOCK_CASES, "block_", 2, 6)


if __name__ == "__main__":
    main()
