#!/usr/bin/env python3
"""Turns the weights of Inception v3 into a feature network for gan_dist: one file with the layers and their tensors.

    scripts/inception.py pt_inception-2015-12-05-6726825d.pth -o inception.safetensors     the weights of pytorch-fid
    scripts/inception.py inception_v3_google-0cc3c7bd.pth -o inception.safetensors         those of torchvision
    scripts/inception.py torchvision -o inception.safetensors      what torchvision.models has or downloads

A .pth or .pt file is a state_dict, which is read with PyTorch (and without running anything that is in it); an .npz or a
.safetensors file with tensors of the same names needs NumPy only. Which of the two networks it is, the classes tell: FID's
has 1008, torchvision's 1000. FID's does not count the padding of its average pools, and pools by the maximum in its last
block (as pytorch-fid has it; Heusel et al. 2017, arXiv 1706.08500). Batch normalisations are folded into the convolutions
before them, in double precision.

Images are taken in [-1, 1], as gan_dist has them, of any size and with three channels or one: --range 0 1 makes a network
for images in [0, 1], and --resize from_corner one that enlarges them as TensorFlow 1 did (torch-fidelity), instead of
between the centres of pixels (pytorch-fid).
"""
import argparse
import json
import struct
import sys

try:
    import numpy
except ImportError:  # --help does without
    numpy = None

SIDE = 299
EPSILON = 1e-3  # of all batch normalisations
NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


class Network:
    """Layers as gan_dist reads them, and their tensors under its names."""

    def __init__(self):
        self.lines, self.tensors = [], {}
        self.sequences = [["", 0]]  # of each open block: what its part's names begin with, and the next one's number

    def layer(self, text, **tensors):
        sequence = self.sequences[-1]
        for name, values in tensors.items():
            self.tensors[f"{sequence[0]}{sequence[1]}.{name}"] = numpy.ascontiguousarray(values, "<f4")
        sequence[1] += 1
        self.lines.append(text)

    def branches(self, branches):
        """branches: functions that add the layers of one."""
        outer = self.sequences[-1]
        for i, branch in enumerate(branches):
            self.lines.append("with" if i else "concatenate")
            self.sequences.append([f"{outer[0]}{outer[1]}.branches.{i}.", 0])
            branch()
            self.sequences.pop()
        outer[1] += 1
        self.lines.append("end")


class Inception(Network):
    """The network of a state_dict. Channels and kernels are those of its tensors."""

    def __init__(self, state, is_fid):
        super().__init__()
        self.state, self.used = state, set()
        self.average = "average_pool 3 stride 1 padding 1" + (" exclude_padding" if is_fid else "")
        self.last_pool = "max_pool 3 stride 1 padding 1" if is_fid else self.average

    def take(self, name):
        if name not in self.state:
            raise SystemExit(f"there is no tensor {name}: these are no weights of Inception v3")
        self.used.add(name)
        return numpy.asarray(self.state[name], numpy.float64)

    def conv(self, name, stride=1, same=True):
        """A convolution, its batch normalisation and relu; same: padded so that the image keeps its size."""
        weight = self.take(f"{name}.conv.weight")
        scale = self.take(f"{name}.bn.weight") / numpy.sqrt(self.take(f"{name}.bn.running_var") + EPSILON)
        bias = self.take(f"{name}.bn.bias") - self.take(f"{name}.bn.running_mean") * scale
        text = f"conv {weight.shape[0]} kernel {weight.shape[2]} {weight.shape[3]}"
        if stride > 1:
            text += f" stride {stride}"
        if same and max(weight.shape[2:]) > 1:
            text += f" padding {weight.shape[2] // 2} {weight.shape[3] // 2}"
        self.layer(text, weight=weight * scale[:, None, None, None], bias=bias)
        self.layer("relu")

    def chain(self, block, *names, pool=None, last_stride=1, split=None):
        """A branch: a pool, convolutions of a block, and two of them beside each other."""
        def build():
            if pool:
                self.layer(pool)
            for name in names:
                last = last_stride > 1 and name == names[-1]
                self.conv(f"{block}.{name}", last_stride if last else 1, not last)
            if split:
                self.branches([self.chain(block, name) for name in split])
        return build

    def block_a(self, name):
        self.branches([self.chain(name, "branch1x1"),
                       self.chain(name, "branch5x5_1", "branch5x5_2"),
                       self.chain(name, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
                       self.chain(name, "branch_pool", pool=self.average)])

    def block_b(self, name):
        self.branches([self.chain(name, "branch3x3", last_stride=2),
                       self.chain(name, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", last_stride=2),
                       self.chain(name, pool="max_pool 3 stride 2")])

    def block_c(self, name):
        self.branches([self.chain(name, "branch1x1"),
                       self.chain(name, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
                       self.chain(name, *(f"branch7x7dbl_{i}" for i in range(1, 6))),
                       self.chain(name, "branch_pool", pool=self.average)])

    def block_d(self, name):
        self.branches([self.chain(name, "branch3x3_1", "branch3x3_2", last_stride=2),
                       self.chain(name, *(f"branch7x7x3_{i}" for i in range(1, 5)), last_stride=2),
                       self.chain(name, pool="max_pool 3 stride 2")])

    def block_e(self, name, pool):
        self.branches([self.chain(name, "branch1x1"),
                       self.chain(name, "branch3x3_1", split=("branch3x3_2a", "branch3x3_2b")),
                       self.chain(name, "branch3x3dbl_1", "branch3x3dbl_2", split=("branch3x3dbl_3a", "branch3x3dbl_3b")),
                       self.chain(name, "branch_pool", pool=pool)])

    def build(self, resize, low, high):
        if resize != "none":
            self.layer(f"resize {SIDE}" + (" from_corner" if resize == "from_corner" else ""))
        if (low, high) != (-1.0, 1.0):
            scale = 2 / (high - low)
            self.layer(f"rescale {scale!r} shift {-1 - low * scale!r}")
        self.conv("Conv2d_1a_3x3", 2, same=False)
        self.conv("Conv2d_2a_3x3", same=False)
        self.conv("Conv2d_2b_3x3")
        self.layer("max_pool 3 stride 2")
        self.conv("Conv2d_3b_1x1")
        self.conv("Conv2d_4a_3x3", same=False)
        self.layer("max_pool 3 stride 2")
        for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            self.block_a(name)
        self.block_b("Mixed_6a")
        for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            self.block_c(name)
        self.block_d("Mixed_7a")
        self.block_e("Mixed_7b", self.average)
        self.block_e("Mixed_7c", self.last_pool)
        self.layer("global_average_pool")
        feature_layers = len(self.lines)
        if "fc.weight" in self.state:
            weight = self.take("fc.weight")
            self.layer(f"dense {weight.shape[0]}", weight=weight, bias=self.take("fc.bias"))
        return feature_layers

    def check_all_used(self):
        """What only training looks at may be left; anything else means that this is another network."""
        left = [name for name in self.state
                if name not in self.used and not name.startswith("AuxLogits.") and not name.endswith("num_batches_tracked")]
        if left:
            raise SystemExit(f"{len(left)} tensors, such as {left[0]}, have no place in Inception v3")


def convert(state, name="Inception v3", structure="auto", resize="centres", low=-1.0, high=1.0):
    """The metadata and tensors of the file. state: a state_dict, or a module of torchvision's or pytorch-fid's making."""
    if hasattr(state, "state_dict"):
        state = state.state_dict()
    if structure == "auto":
        structure = "fid" if "fc.bias" in state and len(state["fc.bias"]) == 1008 else "torchvision"
    network = Inception({key: value.cpu().numpy() if hasattr(value, "cpu") else value for key, value in state.items()},
                        structure == "fid")
    feature_layers = network.build(resize, low, high)
    network.check_all_used()
    metadata = {"gan_dist": "network 1", "name": f"{name} ({structure})", "channels": "3",
                "feature_layers": str(feature_layers), "layers": "\n".join(network.lines)}
    return metadata, network.tensors


def write_safetensors(path, metadata, tensors):
    header, offset = {"__metadata__": metadata}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # elements begin at a multiple of 8 bytes
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.tobytes())


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] in NUMPY_TYPES:
            tensors[name] = numpy.frombuffer(data[begin:end], NUMPY_TYPES[entry["dtype"]]).reshape(entry["shape"])
        elif not name.endswith("num_batches_tracked"):
            raise SystemExit(f"{path}: {name} has elements of type {entry['dtype']}, which this script does not read")
    return tensors


def read_state(path):
    if path == "torchvision":
        import torchvision
        return torchvision.models.inception_v3(weights="DEFAULT", aux_logits=True).state_dict()
    if path.endswith(".npz"):
        return dict(numpy.load(path, allow_pickle=False))
    if path.endswith(".safetensors"):
        return read_safetensors(path)
    import torch
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("state_dict", state)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="a state_dict (.pth, .pt, .npz, .safetensors), or \"torchvision\"")
    parser.add_argument("-o", "--output", required=True, help="the file to write, NAME.safetensors")
    parser.add_argument("--structure", choices=["auto", "fid", "torchvision"], default="auto")
    parser.add_argument("--resize", choices=["centres", "from_corner", "none"], default="centres")
    parser.add_argument("--range", nargs=2, type=float, default=[-1.0, 1.0], metavar=("LOW", "HIGH"), help="of images")
    parser.add_argument("--name", default="Inception v3", help="for people")
    arguments = parser.parse_args()
    low, high = arguments.range
    if not low < high:
        parser.error("--range: LOW has to be less than HIGH")
    if numpy is None:
        raise SystemExit(f"{sys.executable} has no NumPy, which this script needs: install it, or use another Python")
    try:
        state = read_state(arguments.weights)
    except ImportError as error:
        raise SystemExit(f"{arguments.weights}: {error}; install it, or give tensors as .npz or .safetensors") from None
    metadata, tensors = convert(state, arguments.name, arguments.structure, arguments.resize, low, high)
    write_safetensors(arguments.output, metadata, tensors)
    print(f"{arguments.output}: {metadata['name']}, {len(metadata['layers'].splitlines())} layers, "
          f"{sum(values.size for values in tensors.values()):,} parameters; features after layer {metadata['feature_layers']}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as problem:  # a file that is not there, or cannot be written
        sys.exit(f"{sys.argv[0]}: {problem}")
