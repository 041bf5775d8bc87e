#!/usr/bin/python3
"""Writes cross_entropy.h: the softmax's cross-entropy by PyTorch in float64 with its gradient by autograd, for
tests/unit/cross_entropy_test.c. The logits are float32 numbers."""
import torch

ROWS, CLASSES = 6, 5
torch.manual_seed(16)
ordinary = torch.randn(ROWS, CLASSES) * 2
CASES = [("ordinary", ordinary), ("far apart", ordinary * 40), ("large", ordinary + 3e4), ("all the same", torch.ones(ROWS, CLASSES))]
labels = torch.randint(CLASSES, (ROWS,))
numbers = lambda values: "{" + ", ".join(repr(float(v)) for v in values.flatten()) + "}"
print("/* Written by tests/reference/cross_entropy.py with PyTorch %s, float64. */" % torch.__version__.split("+")[0])
print("enum { REFERENCE_ROWS = %d, REFERENCE_CLASSES = %d };" % (ROWS, CLASSES))
print("static const int32_t reference_labels[] = {%s};" % ", ".join(str(int(label)) for label in labels))
print("""typedef struct reference_entropy {
  const char *name;
  double loss; /* the mean */
  int right;
  float logits[REFERENCE_ROWS * REFERENCE_CLASSES];
  double gradient[REFERENCE_ROWS * REFERENCE_CLASSES];
} reference_entropy;
static const reference_entropy reference_entropies[] = {""")
for name, logits in CASES:
    logits = logits.double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    right = int((logits.argmax(1) == labels).sum())
    print('{"%s", %r, %d, %s, %s},' % (name, float(loss), right, numbers(logits), numbers(logits.grad)))
print("};")
