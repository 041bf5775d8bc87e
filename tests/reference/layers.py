"""Writes layers.h, image_layers.h, block_layers.h, volume_layers.h, plane_layers.h and index_layers.h: what PyTorch, in float64, makes of small networks, for tests/unit/layers_test.c.

Run with a Python that has torch: /usr/bin/python3 tests/reference/layers.py

Inputs, parameters and output gradients are float32 numbers, so that both sides start from the same values. The loss is
the scalar product of the output and the output gradient. Running statistics are those after one training step with
momentum 1, i.e. the batch's own.
"""
import os
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))
from torch_layers import module_of_layers

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
    ("average_pool, padding not counted", "average_pool 3 stride 1 padding 1 exclude_padding", (2, 3, 4), 1, 2),
    ("average_pool, padding not counted, sizes for each axis", "average_pool 3 2 stride 2 1 padding 1 exclude_padding", (1, 4, 3), 2, 1),
    ("resize", "resize 5 7", (2, 3, 4), 1, 1),
    ("resize, smaller", "resize 3 2", (1, 5, 6), 1, 2),
    ("resize, one size", "resize 4", (1, 1, 3), 1, 1),
    ("resize over one axis", "resize 5", (2, 3), 1, 2),
    ("resize over three axes", "resize 2 3 4", (1, 3, 2, 3), 1, 1),
    ("resize from_corner", "resize 5 7 from_corner", (2, 3, 4), 1, 1),
    ("resize from_corner, smaller", "resize 3 4 from_corner", (1, 5, 6), 2, 1),
    ("conv, dilated", "conv 3 kernel 3 2 stride 2 1 padding 1 2 dilation 2 3", (2, 6, 5), 1, 2),
    ("conv, dilated, over three axes", "conv 2 kernel 2 dilation 1 2 1 padding 0 1 0", (2, 2, 3, 3), 1, 1),
    ("conv in groups", "conv 6 kernel 3 padding 1 groups 2", (4, 4, 3), 1, 2),
    ("conv, depthwise, two parts", "conv 6 kernel 3 stride 2 padding 1 groups 3 no_bias", (3, 5, 4), 2, 1),
    ("conv, depthwise and dilated, over one axis", "conv 3 kernel 3 dilation 2 padding 2 groups 3", (3, 6), 1, 2),
    ("conv_transpose, dilated", "conv_transpose 2 kernel 3 2 stride 2 3 padding 2 dilation 2 3 output_padding 1 0", (2, 3, 2), 1, 2),
    ("conv_transpose in groups", "conv_transpose 4 kernel 4 stride 2 padding 1 groups 2", (6, 2, 3), 1, 2),
    ("conv_transpose, depthwise, over three axes", "conv_transpose 2 kernel 2 groups 2 dilation 2 1 1 no_bias", (2, 2, 2, 1), 2, 1),
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
     "average_pool 2, shortcut, average_pool 2, conv 4 kernel 1, end, instance_norm affine, leaky_relu, global_average_pool, dense 1", (1, 12, 12),
     2, 2),
    ("rescale", "rescale 2 shift -1", (2, 3, 2), 1, 2),
    ("rescale, without shift", "dense 5, rescale -0.5, tanh", (5,), 2, 2),
    ("rescale, numbers for each channel", "rescale 0.5 2 -1 shift 0.1 0 3, conv 1 kernel 2", (3, 3, 2), 1, 2),
    ("concatenate", "concatenate, conv 2 kernel 1, relu, with, conv 3 kernel 3 padding 1, tanh, end", (2, 3, 4), 1, 2),
    ("concatenate the input itself", "concatenate, with, with, conv 1 kernel 1, end, conv 2 kernel 2", (2, 2, 3), 1, 3),
    ("concatenate, the input last", "tanh, concatenate, dense 4, with, end, dense 2", (3,), 2, 3),
    ("concatenate, within each other", "concatenate, conv 3 kernel 2, with, conv 2 kernel 1, relu, concatenate, conv 2 kernel 1 2, "
     "conv 1 kernel 2 1, with, conv 2 kernel 2 1, conv 1 kernel 1 2, end, with, max_pool 2 stride 1, conv 2 kernel 1, end, gelu", (2, 3, 4), 1, 2),
    ("concatenate in residual", "residual, concatenate, dense 2, silu, with, dense 3, end, dense 4, shortcut, concatenate, with, dense 1, end, "
     "dense 4, end", (4,), 1, 3),
    ("residual in concatenate", "concatenate, residual, tanh, end, with, residual, relu, conv 2 kernel 1, shortcut, conv 2 kernel 1, end, with, "
     "average_pool 3 stride 1 padding 1 exclude_padding, end", (2, 3, 2), 1, 2),
    ("attention", "attention key 2 value 3", (4, 4, 6), 1, 2),
    ("attention, odd sizes, two parts", "attention pool 3 key 1", (2, 5, 4), 2, 1),
    ("attention, every place, over one axis", "attention key 2 pool 1", (3, 5), 1, 2),
    ("attention over three axes, within a block", "residual, tanh, attention key 1, conv 2 kernel 1, end", (2, 2, 2, 4), 1, 1),
]

# Volumes of odd and unequal sides, one sample or a few, another size along each axis.
VOLUME_CASES = [
    ("conv of a volume", "conv 2 kernel 3", (1, 3, 5, 4), 1, 1),
    ("conv of a volume, sizes for each axis", "conv 3 kernel 1 2 3 stride 1 2 3 padding 0 1 2", (2, 3, 4, 5), 1, 2),
    ("conv of a volume, odd, stride 2", "conv 2 kernel 3 stride 2 padding 1", (2, 5, 3, 7), 1, 1),
    ("conv of a volume, even kernel, no bias", "conv 2 kernel 4 stride 2 padding 1 no_bias", (1, 4, 5, 6), 2, 2),
    ("conv of a volume, wide padding", "conv 1 kernel 2 1 3 stride 3 2 1 padding 3 0 2", (2, 2, 3, 1), 1, 2),
    ("conv of a volume to one value", "conv 1 kernel 2 3 2", (3, 2, 3, 2), 1, 3),
    ("conv_transpose of a volume, stride 2", "conv_transpose 2 kernel 3 stride 2 padding 1", (2, 2, 3, 2), 1, 1),
    ("conv_transpose of a volume, output padding", "conv_transpose 2 kernel 3 stride 2 padding 1 output_padding 1", (1, 2, 1, 3), 1, 2),
    ("conv_transpose of a volume, sizes for each axis",
     "conv_transpose 2 kernel 2 3 4 stride 1 2 3 padding 0 1 2 output_padding 0 1 2 no_bias", (2, 3, 2, 2), 1, 1),
    ("conv_transpose of a volume, two parts", "conv_transpose 1 kernel 1 2 2 stride 2 1 2", (2, 2, 1, 2), 2, 2),
    ("conv_transpose from a vector to a volume", "reshape 3 1 1 1, conv_transpose 2 kernel 2 3 1", (3,), 1, 2),
    ("batch_norm on volumes", "batch_norm", (2, 3, 1, 2), 1, 3),
    ("batch_norm on one volume", "batch_norm", (3, 2, 2, 3), 1, 1),
    ("instance_norm on volumes", "instance_norm", (2, 2, 1, 3), 1, 2),
    ("instance_norm on volumes, affine", "instance_norm affine", (2, 3, 2, 1), 2, 1),
    ("group_norm on volumes", "group_norm 2", (4, 1, 3, 2), 1, 2),
    ("layer_norm on volumes", "layer_norm", (2, 1, 2, 3), 1, 2),
    ("upsample of volumes", "upsample 2 1 3", (2, 1, 3, 2), 1, 1),
    ("upsample of volumes, linear", "upsample 3 2 1 bilinear", (1, 3, 1, 2), 1, 2),
    ("max_pool of volumes", "max_pool 3 2 1 stride 2 1 1 padding 1 0 0", (2, 5, 3, 2), 1, 1),
    ("max_pool of volumes, odd", "max_pool 2", (1, 5, 3, 4), 1, 2),
    ("average_pool of volumes", "average_pool 2 3 1 stride 1 2 1 padding 1 1 0", (2, 3, 4, 2), 1, 1),
    ("average_pool of volumes, odd", "average_pool 2", (1, 3, 5, 2), 1, 2),
    ("minibatch_stddev of volumes", "minibatch_stddev", (1, 2, 1, 3), 1, 3),
    ("dense on a volume", "dense 3", (2, 1, 2, 2), 1, 2),
    ("residual on volumes", "residual, tanh, conv 2 kernel 3 stride 1 2 1 padding 1, shortcut, average_pool 1 2 1, conv 2 kernel 1, end",
     (1, 3, 2, 3), 1, 2),
    ("a generator of volumes", "dense 4, reshape 2 1 2 1, batch_norm, relu, conv_transpose 2 kernel 3 stride 2 padding 1 output_padding 1 0 1 "
     "no_bias, batch_norm, relu, conv_transpose 1 kernel 3 stride 2 padding 1, tanh", (3,), 1, 2),
    ("a critic of volumes", "conv 2 kernel 3 stride 2 padding 1, leaky_relu 0.2, conv 3 kernel 3 stride 2 padding 1, instance_norm affine, "
     "leaky_relu 0.2, dense 1", (1, 5, 7, 6), 2, 2),
]

# What moves the values of planes about, and what multiplies them.
PLANE_CASES = [
    ("pad with zeros", "pad zeros 1", (2, 3, 2), 1, 2),
    ("pad, reflected", "pad reflect 2", (2, 3, 4), 1, 1),
    ("pad, reflected as far as can be", "pad reflect 1 3", (1, 2, 4), 2, 1),
    ("pad, replicated beyond the size", "pad replicate 1 3", (2, 3, 2), 1, 2),
    ("pad around", "pad circular 3 0", (1, 3, 2), 1, 2),
    ("pad over one axis", "pad reflect 3", (2, 5), 1, 2),
    ("pad of volumes", "pad zeros 1 0 2", (1, 2, 3, 2), 1, 1),
    ("pad of volumes, reflected", "pad reflect 1 2 0", (1, 2, 3, 2), 1, 2),
    ("pad of volumes, replicated", "pad replicate 0 1 2", (1, 2, 1, 3), 2, 1),
    ("pad of volumes, around", "pad circular 1", (1, 2, 3, 1), 1, 1),
    ("pad before a convolution", "pad reflect 1, conv 2 kernel 3, tanh", (2, 3, 3), 1, 2),
    ("pixel_shuffle", "pixel_shuffle 2", (8, 2, 3), 1, 2),
    ("pixel_shuffle by three", "pixel_shuffle 3", (9, 1, 2), 2, 1),
    ("pixel_shuffle, a factor for each axis", "pixel_shuffle 1 3", (6, 3, 2), 1, 1),
    ("pixel_shuffle over one axis", "pixel_shuffle 2", (4, 3), 1, 2),
    ("pixel_shuffle of volumes", "pixel_shuffle 2 1 3", (12, 2, 1, 2), 1, 1),
    ("pixel_unshuffle", "pixel_unshuffle 2", (2, 4, 6), 1, 1),
    ("pixel_unshuffle, a factor for each axis", "pixel_unshuffle 2 3", (1, 2, 3), 1, 3),
    ("pixel_unshuffle over one axis", "pixel_unshuffle 3", (2, 6), 1, 2),
    ("pixel_unshuffle of volumes", "pixel_unshuffle 1 2 2", (1, 3, 2, 4), 1, 1),
    ("blur", "blur", (2, 3, 5), 1, 2),
    ("blur, reflected, stride 2", "blur stride 2 reflect", (1, 6, 5), 1, 2),
    ("blur, replicated, a stride for each axis", "blur replicate stride 3 2", (2, 4, 5), 2, 1),
    ("blur, around", "blur circular", (1, 2, 4), 1, 2),
    ("blur of one position", "blur replicate", (2, 1, 2), 1, 2),
    ("blur over one axis", "blur stride 2", (2, 9), 1, 2),
    ("blur of volumes", "blur reflect stride 1 2 1", (1, 2, 4, 3), 1, 1),
    ("scale", "scale 0.5", (5,), 1, 3),
    ("scale, two parts", "scale, conv 1 kernel 2", (2, 3, 2), 2, 2),
    ("scale at the end of a residual block", "residual, dense 4, tanh, scale, end, dense 2", (4,), 1, 3),
    ("normalise", "normalise", (3, 2, 4), 1, 2),
    ("normalise vectors", "normalise", (7,), 2, 2),
    ("normalise two channels", "normalise", (2, 1, 3), 1, 2),
    ("normalise volumes", "normalise", (3, 2, 1, 2), 1, 2),
    ("a generator of all these", "normalise, dense 8, reshape 8 1 1, pixel_shuffle 2, pad replicate 1, conv 3 kernel 3, leaky_relu, normalise, "
     "upsample 2, blur reflect, residual, conv 3 kernel 1, scale, end, conv 1 kernel 1, tanh", (4,), 1, 3),
    ("a network with skips, as U-Net", "conv 2 kernel 1, concatenate, with, leaky_relu, conv 3 kernel 4 stride 2 padding 1, concatenate, with, leaky_relu, "
     "conv 2 kernel 2 stride 2, relu, conv_transpose 2 kernel 2 stride 2, end, relu, conv_transpose 2 kernel 4 stride 2 padding 1, end, conv 1 kernel 1",
     (1, 4, 8), 1, 2),
    ("skips within each other, five deep", "concatenate, with, conv 2 kernel 2 stride 2, tanh, " * 5 + "conv_transpose 1 kernel 2 stride 2, end, " * 5
     + "conv 1 kernel 1", (1, 32), 1, 2),
]

# Inputs are whole numbers below the table's rows.
INDEX_CASES = [
    ("embedding", "embedding 5 3", (4,), 1, 3),
    ("embedding of one index", "embedding 3 4", (1,), 1, 5),
    ("embedding of one row", "embedding 1 2", (2,), 1, 1),
    ("embedding, two parts", "embedding 7 2", (3,), 2, 4),
    ("embedding of images", "embedding 4 2, conv 2 kernel 1 2 1", (2, 1, 3), 1, 2),
    ("embedding between layers", "embedding 6 5, flatten, layer_norm, tanh, dense 2", (2,), 2, 3),
]


DECIMALS = 16  # of inputs and parameters; few keep a header short


def single(tensor):
    """Rounded to the decimals and to float32 numbers, in float64."""
    return tensor.round(decimals=DECIMALS).float().double()


def build(description, shape):
    network = module_of_layers(description, shape, momentum=1.0)
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
    if description.startswith("embedding"):
        x = torch.randint(int(description.split()[1]), x.shape).double()
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
        "input": x.detach(), "output_gradient": gradient, "output": output.detach(), "input_gradient": torch.zeros_like(x) if x.grad is None else x.grad,
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
    with open(os.path.join(HERE, file_name), "w") as out:
        out.writelines(text)


def main():
    write("layers.h", CASES, "", 16, 8)
    write("image_layers.h", IMAGE_CASES, "image_", 2, 6)
    write("block_layers.h", BLOCK_CASES, "block_", 2, 6)
    write("volume_layers.h", VOLUME_CASES, "volume_", 2, 6)
    write("plane_layers.h", PLANE_CASES, "plane_", 2, 6)
    write("index_layers.h", INDEX_CASES, "index_", 2, 6)


if __name__ == "__main__":
    main()
