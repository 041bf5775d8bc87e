"""ReLUs beside whose kink a value lies so closely that rounding decides on which side it falls. Scores hardly change by
that, but the gradient jumps, and PyTorch's float32 need not fall to the same side as gan_dist's."""
import torch
from torch import nn

MOST = 200  # values that are looked at in one update


class Kinked(nn.Module):
    """A ReLU, leaky or not, that notes what it is given, and takes the other side where it is told to."""

    def __init__(self, slope):
        super().__init__()
        self.slope, self.seen, self.turned = slope, [], {}

    def forward(self, x):
        right = x > 0
        for place in self.turned.get(len(self.seen), ()):
            right.view(-1)[place] = ~right.view(-1)[place]
        self.seen.append(x.detach())
        return torch.where(right, x, self.slope * x)


def replace(network):
    """Puts one in the place of each ReLU of a network, which is then changed."""
    for name, module in network.named_children():
        if isinstance(module, nn.ReLU):
            setattr(network, name, Kinked(0.0))
        elif isinstance(module, nn.LeakyReLU):
            setattr(network, name, Kinked(module.negative_slope))
        else:
            replace(module)


def forget(kinked):
    for module in kinked:
        module.seen = []


def near(exact, rounded):
    """Values (number of the module, call, place) that rounding could put on either side, the nearest to the kink first.
    exact, rounded: the modules after the same computation in float64 and float32: what they differ by is what rounding
    does."""
    found = []
    for number, (of_exact, of_rounded) in enumerate(zip(exact, rounded)):
        for call, (x, theirs) in enumerate(zip(of_exact.seen, of_rounded.seen)):
            reach = 4 * float((theirs.double() - x).abs().max())
            distance = x.abs().reshape(-1)
            places = ((distance <= reach) & ((distance > 0) | (theirs.reshape(-1) != 0))).nonzero().reshape(-1)
            found += [(float(distance[place]) / reach, number, call, int(place)) for place in places if reach > 0]
    return [value[1:] for value in sorted(found)[:MOST]]


def turn(kinked, values):
    """Has these values taken to the other side, and no others."""
    for module in kinked:
        module.turned = {}
    for number, call, place in values:
        kinked[number].turned.setdefault(call, []).append(place)


def explain(residual, candidates, change, enough):
    """Whether the changes of some values' sides add up to a residual. change: of the gradient, with these values turned;
    enough: whether a residual is small."""
    turned = []
    for value in candidates:
        less = residual - change([value])
        if float(less.norm()) < float(residual.norm()):
            residual, turned = less, turned + [value]
        if turned and enough(residual):
            break
    return turned
