#!/usr/bin/python3
"""Writes losses.h: losses by PyTorch in float64 with gradients by autograd, for tests/unit/loss_test.c."""
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

torch.manual_seed(2)
COUNT = 10
ordinary = [(torch.randn(COUNT) * 3).double() for _ in range(2)]
extreme = [torch.cat([torch.randn(COUNT - 4) * 3, torch.tensor(ends)]).double()
           for ends in ([1e4, -1e4, 40.0, -40.0], [-1e4, 1e4, -100.0, 100.0])]
equal = [torch.ones(COUNT).double()] * 2  # at the bend of a hinge with margin 1, too
SETS = {"ordinary": ordinary, "extreme": extreme, "equal": equal}
WEIGHTS = [torch.cat([torch.rand(COUNT - 2) * 2, torch.zeros(2)]).double().roll(shift) for shift in (3, 6)]
FLIPS = [torch.tensor([i in flipped for i in range(COUNT)]) for flipped in ((1, 4, 8), (0, 4))]
DEFAULTS = {"label_smoothing": 0.25, "real_label": 1.0, "fake_label": 0.0, "real_margin": 1.0, "fake_margin": 1.0}


def mean(values, weights):
    """Weighted, over the samples that have a weight."""
    return (weights * values).sum() / (weights != 0).sum()


def average(scores, weights):
    return (weights * scores).sum() / weights.sum()


def cross_entropy(scores, target):
    return binary_cross_entropy_with_logits(scores, torch.full_like(scores, target), reduction="none")


def classes(real_term, fake_term):
    """The loss of a critic that tells classes apart, some of which are exchanged."""
    def critic(r, f, rw, fw, flips):
        of_real = torch.where(flips[0], fake_term(r), real_term(r))
        of_fake = torch.where(flips[1], real_term(f), fake_term(f))
        return mean(of_real, rw) + mean(of_fake, fw)
    return critic


def wasserstein(o):
    return (lambda r, f, rw, fw, flips: mean(f, fw) - mean(r, rw)), lambda r, f, rw, fw: -mean(f, fw)


def wasserstein_hinge(o):
    return (classes(lambda x: relu(o["real_margin"] - x), lambda x: relu(o["fake_margin"] + x)),
            lambda r, f, rw, fw: -mean(f, fw))


def minimax(o):
    return (classes(lambda x: cross_entropy(x, 1 - o["label_smoothing"] / 2), lambda x: cross_entropy(x, 0.0)),
            lambda r, f, rw, fw: -mean(cross_entropy(f, 0.0), fw))


def modified_minimax(o):
    return minimax(o)[0], lambda r, f, rw, fw: mean(cross_entropy(f, 1.0), fw)


def logistic(o):
    return classes(lambda x: softplus(-x), softplus), lambda r, f, rw, fw: mean(softplus(-f), fw)


def least_squares(o):
    return (classes(lambda x: 0.5 * (x - o["real_label"]) ** 2, lambda x: 0.5 * (x - o["fake_label"]) ** 2),
            lambda r, f, rw, fw: mean(0.5 * (f - o["real_label"]) ** 2, fw))


def relativistic_average(o):
    def critic(r, f, rw, fw, flips):
        return (mean(cross_entropy(r - average(f, fw), 1.0), rw) + mean(cross_entropy(f - average(r, rw), 0.0), fw))
    return critic, lambda r, f, rw, fw: critic(f, r, fw, rw, None)


def relativistic_paired(o):
    def critic(r, f, rw, fw, flips):
        return mean(cross_entropy(r - f, 1.0), rw * fw)
    return critic, lambda r, f, rw, fw: critic(f, r, fw, rw, None)


def relativistic_hinge(o):
    def critic(r, f, rw, fw, flips):
        return (mean(relu(o["real_margin"] - (r - average(f, fw))), rw) +
                mean(relu(o["fake_margin"] + (f - average(r, rw))), fw))
    return critic, lambda r, f, rw, fw: critic(f, r, fw, rw, None)


LOSSES = {
    wasserstein: [{}], wasserstein_hinge: [{}, {"real_margin": 2.5, "fake_margin": 0.5}],
    minimax: [{}, {"label_smoothing": 0.0}, {"label_smoothing": 1.0}],
    modified_minimax: [{}, {"label_smoothing": 0.0}, {"label_smoothing": 1.0}],
    least_squares: [{}, {"real_label": 0.9, "fake_label": -1.0}], relativistic_average: [{}], relativistic_paired: [{}],
    relativistic_hinge: [{}, {"real_margin": 2.5, "fake_margin": 0.5}], logistic: [{}]}
FLIPPING = (wasserstein_hinge, minimax, modified_minimax, least_squares, logistic)


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


def gradient(loss, scores):
    value, = torch.autograd.grad(loss, scores, retain_graph=True, allow_unused=True)
    return torch.zeros(COUNT) if value is None else value


def write_case(loss, options, scores, weighted, flipped):
    o = dict(DEFAULTS, **options)
    r, f = (side.clone().requires_grad_() for side in SETS[scores])
    weights = WEIGHTS if weighted else [torch.ones(COUNT).double()] * 2
    flips = FLIPS if flipped else [torch.zeros(COUNT, dtype=torch.bool)] * 2
    critic, generator = loss(o)
    values = critic(r, f, *weights, flips), generator(r, f, *weights)
    print('    {{.name = "%s", %s}, SCORES_%s, %s, %s, %r, %r,' %
          (loss.__name__, ", ".join(".%s = %r" % item for item in sorted(o.items())), scores.upper(),
           str(weighted).lower(), str(flipped).lower(), values[0].item(), values[1].item()))
    for value in values:
        for side in (r, f):
            print("     %s," % numbers(gradient(value, side)))
    print("    },")


print("/* Written by tests/reference/losses.py with PyTorch %s, float64. */" % torch.__version__.split("+")[0])
print("/* clang-format off */")
print("enum { REFERENCE_COUNT = %d };" % COUNT)
print("enum { %s, SCORE_SETS };" % ", ".join("SCORES_" + name.upper() for name in SETS))
for i, side in enumerate(("real", "fake")):
    print("static const float reference_%s[SCORE_SETS][REFERENCE_COUNT] = {%s};" %
          (side, ", ".join(numbers(scores[i]) for scores in SETS.values())))
    print("static const float reference_%s_weights[REFERENCE_COUNT] = %s;" % (side, numbers(WEIGHTS[i])))
    print("static const bool reference_%s_flips[REFERENCE_COUNT] = {%s};" %
          (side, ", ".join(str(bool(flip)).lower() for flip in FLIPS[i])))
print("""typedef struct reference_loss {
  gan_loss_options options;
  int scores;
  bool weighted, flipped;
  double critic, generator;
  double critic_gradient_real[REFERENCE_COUNT], critic_gradient_fake[REFERENCE_COUNT];
  double generator_gradient_real[REFERENCE_COUNT], generator_gradient_fake[REFERENCE_COUNT];
} reference_loss;
static const reference_loss reference_losses[] = {""")
for loss, choices in LOSSES.items():
    for options in choices:
        for scores in SETS:
            for weighted in (False, True):
                write_case(loss, options, scores, weighted, False)
    if loss in FLIPPING:
        for weighted in (False, True):
            write_case(loss, choices[-1], "ordinary", weighted, True)
print("};")
