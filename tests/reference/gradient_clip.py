#!/usr/bin/python3
"""Writes gradient_clip.h: gradients before and after torch.nn.utils.clip_grad_norm_ in float64, for
tests/unit/gradient_clip_test.c. Three parameters together, whose values are float32 numbers."""
import torch

SIZES = (7, 1, 4)
CASES = [("longer than the bound", 3.0, 0.5), ("shorter", 0.01, 0.5), ("just longer", 1.0, 3.0), ("tiny", 1e-7, 1e-7),
         ("tiny, far above the bound", 1e-5, 1e-9), ("huge", 1e30, 2.0), ("zero", 0.0, 1.0)]

torch.manual_seed(8)
numbers = lambda values: "{" + ", ".join(repr(float(v)) for v in values) + "}"
print("/* Written by tests/reference/gradient_clip.py with PyTorch %s, float64. */" % torch.__version__.split("+")[0])
print("enum { REFERENCE_COUNT = %d };" % sum(SIZES))
print("""typedef struct reference_clip {
  const char *name;
  double bound, norm; /* the norm before */
  float gradient[REFERENCE_COUNT];
  double clipped[REFERENCE_COUNT];
} reference_clip;
static const reference_clip reference_clips[] = {""")
for name, scale, bound in CASES:
    gradients = [(torch.randn(size) * scale).double() for size in SIZES]
    parameters = [torch.zeros(size).double().requires_grad_() for size in SIZES]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, bound)
    print('{"%s", %r, %r, %s, %s},' % (name, bound, float(norm), numbers(torch.cat(gradients)),
                                      numbers(torch.cat([p.grad for p in parameters]))))
print("};")
