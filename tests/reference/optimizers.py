#!/usr/bin/python3
"""Writes optimizers.h: torch.optim's updates in float64, for tests/unit/optimizer_test.c."""
import torch

STEPS, COUNT = 5, 8
RUNS = [
    ("rmsprop", torch.optim.RMSprop, dict(lr=0.05, alpha=0.99, eps=1e-8)),
    ("rmsprop", torch.optim.RMSprop, dict(lr=0.02, alpha=0.9, eps=0.1, momentum=0.5, weight_decay=0.3)),
    ("adam", torch.optim.Adam, dict(lr=0.05, betas=(0.9, 0.999), eps=1e-8)),
    ("adam", torch.optim.Adam, dict(lr=0.1, betas=(0.0, 0.9), eps=0.2, weight_decay=0.3)),
    ("adamw", torch.optim.AdamW, dict(lr=0.05, betas=(0.9, 0.999), eps=1e-8)),
    ("adamw", torch.optim.AdamW, dict(lr=0.1, betas=(0.0, 0.9), eps=0.2, weight_decay=0.3)),
    ("sgd", torch.optim.SGD, dict(lr=0.1)),
    ("sgd", torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.3)),
]
STATES = {"rmsprop": ["square_avg", "momentum_buffer"], "adam": ["exp_avg", "exp_avg_sq"],
          "adamw": ["exp_avg", "exp_avg_sq"], "sgd": ["momentum_buffer"]}
# Of each step: param_groups are changed before it, as R3GAN's training does.
MOVING = [
    ("adam", torch.optim.Adam, dict(lr=1.0, eps=1e-8),
     dict(lr=[0.05, 0.04, 0.03, 0.02, 0.01], betas=[(0.0, b) for b in (0.9, 0.92, 0.95, 0.97, 0.99)])),
    ("adamw", torch.optim.AdamW, dict(lr=1.0, eps=0.1, weight_decay=0.3),
     dict(lr=[0.02, 0.04, 0.06, 0.08, 0.1], betas=[(0.9, 0.999), (0.8, 0.99), (0.7, 0.9), (0.6, 0.8), (0.5, 0.7)])),
]


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
    # Where AdamW is given no decay, it takes its own default.
    fields = dict(learning_rate=options["lr"], alpha=options.get("alpha", 0.0), epsilon=options.get("eps", 0.0),
                  momentum=options.get("momentum", 0.0), weight_decay=options.get("weight_decay", "NAN" if name == "adamw" else 0.0))
    fields["beta1"], fields["beta2"] = options.get("betas", (0.0, 0.0))
    print('    {{.name = "%s", %s},' % (name, ", ".join(".%s = %s" % f for f in fields.items())))
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

print("""typedef struct reference_moving {
  gan_optimizer_options options[REFERENCE_STEPS]; /* of each step */
  double parameters[REFERENCE_STEPS][REFERENCE_COUNT];
} reference_moving;
static const reference_moving reference_moving_runs[] = {""")
for name, optimizer_class, options, moving in MOVING:
    parameters = start.clone().requires_grad_()
    optimizer = optimizer_class([parameters], **options)
    rows = []
    print("    {{")
    for step, gradient in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = moving["lr"][step], moving["betas"][step]
        parameters.grad = gradient.clone()
        optimizer.step()
        rows.append(numbers(parameters.detach()))
        print('         {.name = "%s", .learning_rate = %r, .beta1 = %r, .beta2 = %r, .epsilon = %r, .weight_decay = %r},' % (
            name, moving["lr"][step], *moving["betas"][step], options["eps"], options.get("weight_decay", 0.0)))
    print("     },\n     {")
    for row in rows:
        print("         %s," % row)
    print("     }},")
print("};")
