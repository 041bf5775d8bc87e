#!/usr/bin/python3
"""Writes losses.h: losses by PyTorch in float64 with gradients by autograd, for tests/unit/loss_test.c."""
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

torch.manual_seed(2)
COUNT = 10
real = torch.cat([torch.randn(COUNT - 4) * 3, torch.tensor([1e4, -1e4, 40.0, -40.0])]).double()
fake = torch.cat([torch.randn(COUNT - 4) * 3, torch.tensor([-1e4, 1e4, -100.0, 100.0])]).double()
real_weights = torch.rand(COUNT).double() * 2
fake_weights = torch.rand(COUNT).double() * 2


def mean_cross_entropy(scores, target, weights):
    """Mean over the batch of weight times the cross-entropy of each logit."""
    return cross_entropy(scores, torch.full_like(scores, target), weight=weights, reduction="sum") / len(scores)


def wasserstein(r, f, rw, fw, smoothing):
    return (f * fw).mean() - (r * rw).mean(), -(f * fw).mean()


def minimax(r, f, rw, fw, smoothing):
    critic = mean_cross_entropy(r, 1 - smoothing / 2, rw) + mean_cross_entropy(f, 0.0, fw)
    return critic, -mean_cross_entropy(f, 0.0, fw)


def modified_minimax(r, f, rw, fw, smoothing):
    return minimax(r, f, rw, fw, smoothing)[0], mean_cross_entropy(f, 1.0, fw)


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


def gradient(loss, scores):
    value, = torch.autograd.grad(loss, scores, retain_graph=True, allow_unused=True)
    return torch.zeros(COUNT) if value is None else value


print("/* Written by tests/reference/losses.py with PyTorch %s, float64. */" % torch.__version__.split("+")[0])
print("enum { REFERENCE_COUNT = %d };" % COUNT)
for name in ("real", "fake", "real_weights", "fake_weights"):
    print("static const float reference_%s[REFERENCE_COUNT] = %s;" % (name, numbers(globals()[name])))
print("""typedef struct reference_loss {
  const char *name;
  double label_smoothing;
  bool weighted;
  double critic, generator;
  double critic_gradient_real[REFERENCE_COUNT], critic_gradient_fake[REFERENCE_COUNT];
  double generator_gradient_real[REFERENCE_COUNT], generator_gradient_fake[REFERENCE_COUNT];
} reference_loss;
static const reference_loss reference_losses[] = {""")
for loss in (wasserstein, minimax, modified_minimax):
    for smoothing in (0.0, 0.25, 1.0):
        for weighted in (False, True):
            r, f = real.clone().requires_grad_(), fake.clone().requires_grad_()
            ones = torch.ones(COUNT).double()
            weights = (real_weights, fake_weights) if weighted else (ones, ones)
            critic, generator = loss(r, f, *weights, smoothing)
            print('    {"%s", %r, %s, %r, %r,' %
                  (loss.__name__, smoothing, str(weighted).lower(), critic.item(), generator.item()))
            for value in (critic, generator):
                for scores in (r, f):
                    print("     %s," % numbers(gradient(value, scores)))
            print("    },")
print("};")
