#!/usr/bin/python3
"""Writes optimizers.h: torch.optim's updates in float64, for tests/unit/optimizer_test.c."""
import torch

STEPS, COUNT = 5, 8
RUNS = [
    ("rmsprop", torch.optim.RMSprop, dict(lr=0.05, alpha=0.99, eps=1e-8)),
    ("rmsprop", torch.optim.RMSprop, dict(lr=0.02, alpha=0.9, eps=0.1, momentum=0.5, weight_decay=0.3)),
    ("adam", torch.optim.Adam, dict(lr=0.05, betas=(0.9, 0.999), eps=1e-8)),
    ("adam", torch.optim.Adam, dict(lr=0.1, betas=(0.0, 0.9), eps=0.2, weight_decay=0.3)),
    ("sgd", torch.optim.SGD, dict(lr=0.1)),
    ("sgd", torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.3)),
]
STATES = {"rmsprop": ["square_avg", "momentum_buffer"], "adam": ["exp_avg", "exp_avg_sq"], "sgd": ["momentum_buffer"]}


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


torch.manual_seed(1)
start = torch.randn(COUNT).double()
gradients = torch.randn(STEPS, COUNT).double()
gradients[:, 1] = 0.0
gradients[:, 2] *= 1e-4
gradients[:, 3] *= 1e3
gradients = gradients.float().double()

print("/* Written by tests/reference/optimizers.py with PyTorch %s, float64. */" % torch.__version__.split("+")[0])
print("enum { REFERENCE_STEPS = %d, REFERENCE_COUNT = %d };" % (STEPS, COUNT))
print("static const float reference_start[REFERENCE_COUNT] = %s;" % numbers(start))
print("static const float reference_gradients[REFERENCE_STEPS][REFERENCE_COUNT] = {")
for row in gradients:
    print("    %s," % numbers(row))
print("};")
print("""typedef struct reference_run {
  gan_optimizer_options options;
  double parameters[REFERENCE_STEPS][REFERENCE_COUNT]; /* after each step */
  double states[GAN_OPTIMIZER_STATES][REFERENCE_COUNT]; /* after the last */
} reference_run;
static const reference_run reference_runs[] = {""")
for name, optimizer_class, options in RUNS:
    parameters = start.clone().requires_grad_()
    optimizer = optimizer_class([parameters], **options)
    fields = dict(learning_rate=options["lr"], alpha=options.get("alpha", 0.0), epsilon=options.get("eps", 0.0),
                  momentum=options.get("momentum", 0.0), weight_decay=options.get("weight_decay", 0.0))
    fields["beta1"], fields["beta2"] = options.get("betas", (0.0, 0.0))
    print('    {{.name = "%s", %s},' % (name, ", ".join(".%s = %r" % f for f in fields.items())))
    print("     {")
    for gradient in gradients:
        parameters.grad = gradient.clone()
        optimizer.step()
        print("         %s," % numbers(parameters.detach()))
    print("     },\n     {")
    state = optimizer.state[parameters]
    for key in STATES[name]:
        kept = state.get(key)
        print("         %s," % numbers(torch.zeros(COUNT) if kept is None else kept))
    print("     }},")
print("};")
