"""torch.optim's optimisers with what gan_dist changes over a run, and what it does to parameters besides."""
import math
import sys

import torch


def rmsprop(parameters, settings, rate, decay):
    option = lambda key: settings.number("optimizer", key)
    return torch.optim.RMSprop(parameters, rate, option("alpha"), option("epsilon"), decay, option("momentum"))


def adam(parameters, settings, rate, decay):
    betas = (settings.number("optimizer", "beta1"), settings.number("optimizer", "beta2"))
    return torch.optim.Adam(parameters, rate, betas, settings.number("optimizer", "epsilon"), decay)


def adamw(parameters, settings, rate, decay):
    betas = (settings.number("optimizer", "beta1"), settings.number("optimizer", "beta2"))
    return torch.optim.AdamW(parameters, rate, betas, settings.number("optimizer", "epsilon"), decay)


def sgd(parameters, settings, rate, decay):
    return torch.optim.SGD(parameters, rate, settings.number("optimizer", "momentum"), 0, decay)


# The optimiser, and its weight decay where none is given.
OPTIMIZERS = {"rmsprop": (rmsprop, 0), "adam": (adam, 0), "adamw": (adamw, 0.01), "sgd": (sgd, 0)}

# Factor on the learning rate at `progress` of the run, where it ends at `final`.
SCHEDULES = {
    "constant": lambda progress, final: 1.0,
    "linear": lambda progress, final: 1 + (final - 1) * progress,
    "cosine": lambda progress, final: final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2,
    "exponential": lambda progress, final: final**progress if final > 0 else 0.0,
}

# And where rates are given for another batch, by how many times as large it is.
BATCH_SCALINGS = {"none": lambda batches: 1.0, "linear": lambda batches: batches, "sqrt": math.sqrt}


def choose(rows, settings, key):
    name = settings.text("optimizer", key)
    if name not in rows:
        sys.exit(f"replay_trace: optimizer.{key} = {name} is not known here")
    return rows[name]


def create(parameters, settings, section):
    """torch's optimiser of one network."""
    make, usual_decay = choose(OPTIMIZERS, settings, "name")
    decay = settings.text("optimizer", "weight_decay")
    rate = settings.number(section, "learning_rate") or settings.number("optimizer", "learning_rate")
    scaling, reference = choose(BATCH_SCALINGS, settings, "batch_scaling"), settings.number("optimizer", "reference_batch")
    rate *= scaling(settings.number("train", "batch") / reference) if reference else 1
    optimizer = make(parameters, settings, rate, usual_decay if decay == "auto" else float(decay))
    for group in optimizer.param_groups:
        group["first_lr"] = rate
    return optimizer


def rate_factor(settings, iteration):
    schedule = choose(SCHEDULES, settings, "schedule")
    factor = schedule(settings.progress(iteration), settings.number("optimizer", "final_factor"))
    warmup = settings.number("optimizer", "warmup")
    return factor * min((iteration + 1) / warmup, 1) if warmup else factor


def move(optimizer, settings, iteration):
    """To rates and betas of the iteration. Adam's corrections take the betas of the step, as they would if PyTorch's
    param_groups were changed."""
    for group in optimizer.param_groups:
        group["lr"] = group["first_lr"] * rate_factor(settings, iteration)
        if "betas" in group:
            group["betas"] = tuple(settings.moved("optimizer", beta, iteration) for beta in ("beta1", "beta2"))


def clip_norms(tensor, bound, rows):
    """w c / max(|w|, c), of a tensor, or of each of its rows."""
    parts = tensor.reshape(tensor.shape[0], -1) if rows else tensor.reshape(1, -1)
    parts.mul_(bound / parts.norm(dim=1, keepdim=True).clamp(min=bound))


def clip_critic(parameters, settings):
    """What bounds the critic's weights after an update."""
    bound, norm = settings.number("critic", "clip"), settings.number("critic", "clip_norm")
    rows = settings.text("critic", "clip_norm_of") == "row"
    with torch.no_grad():
        for parameter in parameters:
            if bound > 0:
                parameter.clamp_(-bound, bound)
            if norm > 0:
                clip_norms(parameter, norm, rows)
