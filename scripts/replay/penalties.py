"""Regularisers of the critic that are a part of its loss. Those on gradients by PyTorch's double backward: with g the
gradient of the sum of scores with respect to samples x, a mean over the batch of a function of each sample's |g|^2."""
import torch

from replay import augmentation


def slope(settings, squares):
    """(|g|/k - 1)^2, with |g| = sqrt(sum of squares + epsilon)."""
    excess = (squares + settings.number("critic", "gradient_penalty_epsilon")).sqrt()
    excess = excess / settings.number("critic", "gradient_penalty_target") - 1
    if settings.flag("critic", "gradient_penalty_one_sided"):
        excess = excess.clamp(min=0)
    return excess**2


def square(settings, squares):
    """|g|^2 / 2."""
    return squares / 2


def interpolates(update, real, fake):
    place = update.values["interpolation"].to(real.dtype).reshape(-1, *[1] * (real.dim() - 1))
    return real + place * (fake - real)


# Key of the weight: whether it moves over the run, where it looks, what a sample costs, whose augmentation it looks through.
GRADIENT_PENALTIES = {
    "gradient_penalty": (False, interpolates, slope, None),
    "dragan": (False, lambda update, real, fake: update.values["around_real"].to(real.dtype), slope, None),
    "r1": (True, lambda update, real, fake: real, square, "augmentation_real"),
    "r2": (True, lambda update, real, fake: fake, square, "augmentation_fake"),
}


def gradients(scores_of, seen, operations, draws):
    """Of the scores of what the critic saw; with draws, with respect to samples before they were augmented: augmentations are
    linear but for a constant, so any samples do."""
    x = torch.zeros_like(seen).requires_grad_()
    moved = x if draws is None else augmentation.apply(operations, x, draws)
    return torch.autograd.grad(scores_of(seen.detach() + moved - moved.detach()).sum(), x, create_graph=True)[0]


def of_gradients(settings, update, scores_of, real, fake, operations):
    """The value in this step; None where there is none. scores_of: the critic, as a function of samples that it sees."""
    every = int(settings.number("critic", "penalty_every"))
    total = None
    for key, (moves, place, cost, through) in GRADIENT_PENALTIES.items():
        weight = settings.moved("critic", key, update.iteration) if moves else settings.number("critic", key)
        if weight <= 0 or update.step % every != 0:
            continue
        draws = update.values[through] if operations and through else None
        g = gradients(scores_of, place(update, real, fake), operations, draws)
        of_site = every * weight * cost(settings, (g.flatten(1) ** 2).sum(1)).mean()
        total = of_site if total is None else total + of_site
    return total


class LeCam:
    """lambda (E (r - a_f)^2 + E (f - a_r)^2), with moving averages a of the mean scores, decay 0.99; 0 in the first step."""
    DECAY = 0.99

    def __init__(self, settings):
        self.weight = settings.number("critic", "lecam")
        self.averages = None

    def value(self, real, fake):
        if self.weight == 0 or self.averages is None:
            return 0
        return self.weight * (((real - self.averages[1]) ** 2).mean() + ((fake - self.averages[0]) ** 2).mean())

    def move(self, real, fake):
        means = (float(real.mean()), float(fake.mean()))
        if self.averages is None:
            self.averages = means
        self.averages = tuple(self.DECAY * a + (1 - self.DECAY) * mean for a, mean in zip(self.averages, means))
