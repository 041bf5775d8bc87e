"""Spectral normalisation of PyTorch's modules, with the vectors u and v that a trace has instead of their own: gan_dist makes one
round of power iteration after each update, PyTorch one in each forward pass."""
import torch
from torch.nn.functional import normalize
from torch.nn.utils.spectral_norm import SpectralNorm

LAYERS = ("dense", "conv", "conv_transpose", "embedding", "attention")


def everywhere(layers):
    """A description in which all layers with a weight matrix are normalised: critic.spectral_norm = yes."""
    entries = [entry.split() for entry in layers.replace(",", "\n").splitlines()]
    return "\n".join(" ".join(words + ["spectral_norm"] * (words[0] in LAYERS and "spectral_norm" not in words))
                     for words in entries if words)


class Vectors:
    """u and v of a network's normalised layers, in order."""

    def __init__(self, network):
        self.layers = [(module, hook) for module in network.modules() for hook in module._forward_pre_hooks.values()
                       if isinstance(hook, SpectralNorm)]
        for _, hook in self.layers:
            hook.n_power_iterations = 0

    def tensors(self):
        return [vector for module, hook in self.layers for vector in (getattr(module, f"{hook.name}_u"), getattr(module, f"{hook.name}_v"))]

    def flat(self):
        return torch.cat([vector.reshape(-1) for vector in self.tensors()])

    def set(self, buffers):
        """From a network's buffers, at the end of which they are."""
        tensors = self.tensors()
        at = len(buffers) - sum(vector.numel() for vector in tensors)
        for vector in tensors:
            vector.copy_(torch.as_tensor(buffers[at:at + vector.numel()]))
            at += vector.numel()

    def iterate(self):
        for module, hook in self.layers:
            with torch.no_grad():
                weight = hook.reshape_weight_to_matrix(getattr(module, f"{hook.name}_orig"))
                u, v = (getattr(module, f"{hook.name}_{vector}") for vector in "uv")
                v.copy_(normalize(weight.t() @ u, dim=0, eps=hook.eps))
                u.copy_(normalize(weight @ v, dim=0, eps=hook.eps))
