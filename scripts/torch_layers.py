"""gan_dist's layers as PyTorch modules, in float64, with the same order of parameters. For replay_trace.py, and for the
values that the tests compare with."""
import torch
from torch import nn


class Reshape(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(x.shape[0], *self.shape)


class Dense(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1))


class Embedding(nn.Embedding):
    """Indices come as floating point numbers; one alone gives a vector."""

    def forward(self, x):
        rows = super().forward(x.round().long())
        return rows.flatten(1) if x[0].numel() == 1 else rows


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(2)


class MinibatchStddev(nn.Module):
    """Karras et al. 2018: the standard deviation of each feature over a group, averaged, as one more channel. A single
    sample that is left over joins the last group. No group has samples of two shards, where their sizes are told."""

    def __init__(self, group):
        super().__init__()
        self.group = group
        self.shards = None

    def forward(self, x):
        groups = []
        for shard in x.split(self.shards) if self.shards else [x]:
            pieces = list(shard.split(self.group or len(shard)))
            if len(pieces) > 1 and len(pieces[-1]) == 1:
                pieces[-2:] = [torch.cat(pieces[-2:])]
            groups += pieces
        return torch.cat([self.with_deviation(group) for group in groups])

    @staticmethod
    def with_deviation(group):
        deviation = (((group - group.mean(0)) ** 2).mean(0) + 1e-8).sqrt().mean()
        return torch.cat([group, deviation.expand(len(group), 1, *group.shape[2:])], 1)


class Residual(nn.Module):
    def __init__(self, main, shortcut):
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, x):
        return self.main(x) + (self.shortcut(x) if self.shortcut else x)


class Concatenate(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Attention(nn.Module):
    """Self-attention as in SAGAN's code and BigGAN's (arXiv 1805.08318, 1809.11096), with BigGAN's names."""

    def __init__(self, channels, key, value, pool, axes):
        super().__init__()
        conv = [nn.Conv1d, nn.Conv2d, nn.Conv3d][axes - 1]
        self.pool = [nn.functional.max_pool1d, nn.functional.max_pool2d, nn.functional.max_pool3d][axes - 1]
        self.pool_size = pool
        self.gamma = nn.Parameter(torch.zeros(1))
        self.theta, self.phi = (conv(channels, key, 1, bias=False) for _ in range(2))
        self.g, self.o = conv(channels, value, 1, bias=False), conv(value, channels, 1, bias=False)

    def forward(self, x):
        query, key, value = self.theta(x), self.pool(self.phi(x), self.pool_size), self.pool(self.g(x), self.pool_size)
        weights = torch.softmax(query.flatten(2).transpose(1, 2) @ key.flatten(2), -1)
        found = value.flatten(2) @ weights.transpose(1, 2)
        return self.gamma * self.o(found.reshape(*found.shape[:2], *x.shape[2:])) + x


class Rescale(nn.Module):
    """scale * x + shift, each one number or one for each channel."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x):
        scale, shift = (torch.tensor(numbers, dtype=x.dtype).reshape(-1, *[1] * (x.dim() - 2))
                        for numbers in (self.scale, self.shift))
        return scale * x + shift


class Resize(nn.Module):
    """Linear along each axis. PyTorch has no name for positions that are counted from the corner: these are gathered,
    along one axis after the other."""

    def __init__(self, size, from_corner):
        super().__init__()
        self.size, self.from_corner = size, from_corner

    def forward(self, x):
        if not self.from_corner:
            mode = ["linear", "bilinear", "trilinear"][len(self.size) - 1]
            return nn.functional.interpolate(x, size=self.size, mode=mode, align_corners=False)
        for axis, size in enumerate(self.size, 2):
            at = torch.arange(size, dtype=x.dtype) * x.shape[axis] / size
            first = at.floor().long()
            second = (first + 1).clamp(max=x.shape[axis] - 1)
            weight = (at - first).reshape(-1, *[1] * (x.dim() - axis - 1))
            x = (1 - weight) * x.index_select(axis, first) + weight * x.index_select(axis, second)
        return x


class Pad(nn.Module):
    """PyTorch calls zeros "constant"."""

    def __init__(self, border, size):
        super().__init__()
        self.mode = {"zeros": "constant"}.get(border, border)
        self.sizes = [number for amount in reversed(size) for number in (amount, amount)]

    def forward(self, x):
        return nn.functional.pad(x, self.sizes, mode=self.mode)


class PixelShuffle(nn.Module):
    """PyTorch's, over any number of axes: the channels of a position become a block of positions."""

    def __init__(self, factors):
        super().__init__()
        self.factors = factors

    def forward(self, x):
        axes, places = len(self.factors), x.shape[2:]
        if axes == 2 and len(set(self.factors)) == 1:
            return nn.functional.pixel_shuffle(x, self.factors[0])
        x = x.reshape(len(x), -1, *self.factors, *places)
        order = [number for axis in range(axes) for number in (2 + axes + axis, 2 + axis)]
        return x.permute(0, 1, *order).reshape(len(x), -1, *(n * f for n, f in zip(places, self.factors)))


class PixelUnshuffle(PixelShuffle):
    def forward(self, x):
        axes = len(self.factors)
        if axes == 2 and len(set(self.factors)) == 1:
            return nn.functional.pixel_unshuffle(x, self.factors[0])
        places = [n // f for n, f in zip(x.shape[2:], self.factors)]
        x = x.reshape(len(x), -1, *(number for pair in zip(places, self.factors) for number in pair))
        order = [3 + 2 * axis for axis in range(axes)] + [2 + 2 * axis for axis in range(axes)]
        return x.permute(0, 1, *order).reshape(len(x), -1, *places)


class Blur(nn.Module):
    """A depthwise convolution by [1, 2, 1] / 4 along each axis."""

    def __init__(self, channels, axes, stride, border):
        super().__init__()
        self.pad = Pad(border, [1] * axes)
        self.stride = stride
        line = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
        kernel = line
        for _ in range(axes - 1):
            kernel = kernel[..., None] * line
        self.kernel = kernel.expand(channels, 1, *kernel.shape)

    def forward(self, x):
        convolve = [nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d][self.kernel.dim() - 3]
        return convolve(self.pad(x), self.kernel.to(x.dtype), stride=self.stride, groups=len(self.kernel))


class Scale(nn.Module):
    """One learned factor."""

    def __init__(self, initial):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([initial]))

    def forward(self, x):
        return self.weight * x


class Normalise(nn.Module):
    """Pixel norm of Karras et al. 2018."""

    def forward(self, x):
        return x / ((x ** 2).mean(1, keepdim=True) + 1e-8).sqrt()


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
        options = {word: sizes[word] for word in ("stride", "padding", "output_padding", "dilation") if word in sizes}
        return kind(shape[0], int(words[0]), sizes["kernel"], bias="no_bias" not in words, groups=sizes.get("groups", (1,))[0],
                    **options)
    if name == "attention":
        sizes = axis_sizes([word for word in words if word != "spectral_norm"], 1)
        of = {word: sizes[word][0] if word in sizes else default
              for word, default in (("key", shape[0] // 8), ("value", shape[0] // 2), ("pool", 2))}
        module = Attention(shape[0], of["key"], of["value"], of["pool"], axes)
        for part in ("theta", "phi", "g", "o") if "spectral_norm" in words else ():
            nn.utils.spectral_norm(getattr(module, part))
        return module
    if name == "upsample":
        if "bilinear" not in words:
            return nn.Upsample(scale_factor=axis_sizes(words, axes)[""], mode="nearest")
        mode = ["linear", "bilinear", "trilinear"][axes - 1]
        return nn.Upsample(scale_factor=axis_sizes(words, axes)[""], mode=mode, align_corners=False)
    if name in ("max_pool", "average_pool"):
        kind = {"max_pool": [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d],
                "average_pool": [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d]}[name][axes - 1]
        sizes = axis_sizes(words, axes)
        options = {"count_include_pad": False} if "exclude_padding" in words else {}
        return kind(sizes[""], sizes.get("stride"), sizes.get("padding", 0), **options)
    if name == "pad":
        return Pad(words[0], axis_sizes(words[1:], axes)[""])
    if name in ("pixel_shuffle", "pixel_unshuffle"):
        return {"pixel_shuffle": PixelShuffle, "pixel_unshuffle": PixelUnshuffle}[name](axis_sizes(words, axes)[""])
    if name == "blur":
        border = [word for word in words if word in ("zeros", "reflect", "replicate", "circular")]
        sizes = axis_sizes([word for word in words if word not in border], axes)
        return Blur(shape[0], axes, sizes.get("stride", 1), *(border or ["zeros"]))
    if name == "resize":
        return Resize(axis_sizes(words, axes)[""], "from_corner" in words)
    if name == "instance_norm":
        return [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d][axes - 1](shape[0], affine="affine" in words)
    return {"global_average_pool": GlobalAverage}.get(name, lambda: None)()


def module_of(words, shape, norm):
    """The PyTorch module of one layer; norm: arguments of batch normalisations."""
    name, arguments = words[0], words[1:]
    elements = torch.Size(shape).numel()
    if name == "dense":
        return Dense(elements, int(arguments[0]), bias="no_bias" not in arguments)
    if name == "embedding":
        return Embedding(int(arguments[0]), int(arguments[1]))
    if name == "batch_norm":
        return [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d][len(shape) - 1](shape[0], **norm)
    if name == "layer_norm":
        return nn.LayerNorm(shape)
    if name == "group_norm":
        return nn.GroupNorm(int(arguments[0]), shape[0])
    if name == "minibatch_stddev":
        return MinibatchStddev(int(arguments[0]) if arguments else 0)
    if name == "dropout":
        return nn.Dropout(float(arguments[0]))
    if name == "scale":
        return Scale(float(arguments[0]) if arguments else 0.0)
    if name == "normalise":
        return Normalise()
    if name == "rescale":
        at = arguments.index("shift") if "shift" in arguments else len(arguments)
        return Rescale([float(word) for word in arguments[:at]], [float(word) for word in arguments[at + 1:]] or [0.0])
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
    module = plain[name]() if name in plain else image_module(name, arguments, shape)
    if module is None:
        raise ValueError(f"the layer \"{' '.join(words)}\" is not known here")
    return module


def sequence(entries, shape, norm):
    """A Sequential of the entries up to the end of the block they are in, which are taken off the list; its output shape."""
    modules = []
    while entries and entries[0] not in (["shortcut"], ["with"], ["end"]):
        words = entries.pop(0)
        if words == ["residual"]:
            main, out = sequence(entries, shape, norm)
            shortcut = sequence(entries, shape, norm)[0] if entries.pop(0) == ["shortcut"] else None
            if shortcut is not None:
                entries.pop(0)
            module = Residual(main, shortcut)
        elif words == ["concatenate"]:
            branches = [sequence(entries, shape, norm)[0]]
            while entries.pop(0) == ["with"]:
                branches.append(sequence(entries, shape, norm)[0])
            module = Concatenate(branches)
        else:
            module = module_of(words, shape, norm)
            if "spectral_norm" in words and words[0] != "attention":
                module = nn.utils.spectral_norm(module)
        # Shapes as PyTorch has them, without a guess of ours; batch statistics need two samples.
        shape = tuple(module.double()(torch.zeros(2, *shape, dtype=torch.float64)).shape[1:])
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
        modules.append(module)
    return nn.Sequential(*modules), shape


def module_of_layers(description, shape, **norm):
    """The Sequential of a list of layers, separated by line ends or commas, for samples of this shape."""
    entries = [entry.split() for entry in description.replace(",", "\n").splitlines()]
    return sequence([words for words in entries if words], tuple(shape), norm)[0]


def parameters_in_order(network):
    """Parameters in the order of gan_dist's flat vectors: PyTorch's, but that a weight which is normalised spectrally comes
    before its bias, as any other; PyTorch registers weight_orig last."""
    return [parameter for module in network.modules()
            for _, parameter in sorted(module.named_parameters(recurse=False), key=lambda own: own[0] != "weight_orig")]
