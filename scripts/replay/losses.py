"""The losses, as docs/losses.md defines them: means over the global batch of a function (a term) of one score, of a score's
distance from the mean of the other class, or of the difference of a real and a generated sample's scores."""
import sys
from dataclasses import dataclass

import torch

softplus = torch.nn.functional.softplus


@dataclass
class Loss:
    """A term for real and one for generated scores, of each network; None: the class has none."""
    critic: tuple
    generator: tuple
    pairing: str = "none"  # none, means, pairs: the real samples' term alone, of r - f


def table(settings, relu):
    """The losses by name. relu: max(0, x), so that who knows of its kink can look at it."""
    option = lambda key: settings.number("loss", key)
    target = 1 - option("label_smoothing") / 2
    rise, fall = (lambda x: x), (lambda x: -x)
    is_real, is_fake = (lambda x: softplus(-x)), softplus
    smoothed = lambda x: softplus(x) - target * x
    to_real = lambda x: (x - option("real_label")) ** 2 / 2
    to_fake = lambda x: (x - option("fake_label")) ** 2 / 2
    above = lambda x: relu(option("real_margin") - x)
    below = lambda x: relu(option("fake_margin") + x)
    return {
        "wasserstein": Loss((fall, rise), (None, fall)),
        "wasserstein_hinge": Loss((above, below), (None, fall)),
        "minimax": Loss((smoothed, is_fake), (None, lambda x: -softplus(x))),
        "modified_minimax": Loss((smoothed, is_fake), (None, is_real)),
        "logistic": Loss((is_real, is_fake), (None, is_real)),
        "least_squares": Loss((to_real, to_fake), (None, to_real)),
        "relativistic_average": Loss((is_real, is_fake), (is_fake, is_real), "means"),
        "relativistic_paired": Loss((is_real, None), (is_fake, None), "pairs"),
        "relativistic_hinge": Loss((above, below), (below, above), "means"),
    }


def weighted_mean(values, weights):
    """The sum of weighted values over the number of those that have a weight."""
    return (weights * values).sum() / max(int((weights != 0).sum()), 1)


def average(values, weights):
    return (weights * values).sum() / weights.sum()


def flipped(own, other, scores, flips):
    """The term of the own class; where flips is not 0, that of the other."""
    return own(scores) if flips is None else torch.where(flips != 0, other(scores), own(scores))


def value(loss, kind, real, fake, extras):
    """kind: critic or generator. extras: weights and flips, by name, as far as a trace has them."""
    of_real, of_fake = loss.critic if kind == "critic" else loss.generator
    ones = torch.ones_like(fake)
    weights = extras.get("weights", ones)
    if loss.pairing == "pairs":
        return weighted_mean(of_real(real - fake), weights)
    to_real = to_fake = 0
    if loss.pairing == "means":
        to_real, to_fake = average(fake, ones), average(real, weights)
    flips = extras if kind == "critic" else {}
    total = weighted_mean(flipped(of_fake, of_real, fake - to_fake, flips.get("flipped_fake")), ones)
    if of_real is not None:
        total = total + weighted_mean(flipped(of_real, of_fake, real - to_real, flips.get("flipped_real")), weights)
    return total


def find(settings, relu):
    name = settings.text("loss", "name")
    known = table(settings, relu)
    if name not in known:
        sys.exit(f"replay_trace: the loss {name} is not known here")
    return known[name]
