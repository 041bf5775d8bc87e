"""Writes neighbours.h: precision, recall, density and coverage by the package prdc (Naeem et al.), and the weighted share of
samples that are nearer to training data than to held-out data, for tests of metrics by nearest neighbours.

Run with a Python that has numpy and prdc: python3 tests/reference/neighbours.py >tests/reference/neighbours.h

Points are made by a formula that tests/unit/neighbour_support.h has, too. prdc gets them in float64. It makes distances of
norms and products, so nothing is written unless sums of squared differences, by NumPy alone, give the same counts."""
import contextlib
import io
from importlib.metadata import version

import numpy as np
from prdc import compute_prdc

# width; of real, generated and held-out points each: seed, count, how many of them differ, clusters, their spread, spread
# around each, offset of all, grid that they are rounded to (0: none); k
CASES = [
    ("two clouds", 16, (1, 300, 300, 1, 0, 1, 0, 0), (2, 250, 250, 1, 0, 1, 0, 0), (3, 280, 280, 1, 0, 1, 0, 0), 5),
    ("clusters, not all of them reached", 3, (4, 320, 320, 9, 4, 1, 0, 0), (4, 200, 200, 5, 4, 1.5, 0, 0),
     (5, 100, 100, 9, 4, 1, 0, 0), 3),
    ("far from zero", 8, (6, 200, 200, 1, 0, 0.5, 1000, 0), (7, 200, 200, 1, 0, 0.5, 1000, 0), (8, 200, 200, 1, 0, 0.5, 1000, 0), 5),
    ("every sample twice", 6, (9, 200, 100, 1, 0, 1, 0, 0), (10, 160, 80, 1, 0, 1, 0, 0), (11, 160, 80, 1, 0, 1, 0, 0), 4),
    ("more equal generated samples than neighbours", 6, (12, 200, 200, 1, 0, 1, 0, 0), (13, 200, 20, 1, 0, 1, 0, 0),
     (14, 60, 60, 1, 0, 1, 0, 0), 5),
    ("copies of half of the training samples", 12, (15, 256, 256, 1, 0, 1, 0, 0), (15, 256, 128, 1, 0, 1, 0, 0),
     (16, 192, 192, 1, 0, 1, 0, 0), 5),
    ("a collapsed generator", 10, (17, 200, 200, 1, 0, 1, 0, 0), (18, 200, 200, 1, 0, 0.0009765625, 0, 0),
     (19, 200, 200, 1, 0, 1, 0, 0), 5),
    ("equal distances", 2, (20, 300, 300, 1, 0, 8, 0, 0.5), (21, 300, 300, 1, 0, 8, 0, 0.5), (22, 200, 200, 1, 0, 8, 0, 0.5), 5),
    ("as few samples as prdc takes", 4, (23, 7, 7, 1, 0, 1, 0, 0), (24, 7, 7, 1, 0, 1.25, 0, 0), (25, 3, 3, 1, 0, 1, 0, 0), 5),
    ("many features", 2500, (26, 90, 90, 3, 0.25, 1, 0, 0), (27, 80, 80, 3, 0.25, 1, 0, 0), (28, 70, 70, 3, 0.25, 1, 0, 0), 5),
    ("several tiles", 5, (29, 1300, 1300, 4, 2, 1, 0, 0), (29, 1100, 1100, 4, 2, 1.125, 0, 0), (30, 1050, 1050, 4, 2, 1, 0, 0), 5),
    ("one value", 1, (31, 150, 150, 1, 0, 1, 0, 0), (32, 150, 150, 1, 0, 1, 0.25, 0), (33, 150, 150, 1, 0, 1, 0, 0), 3),
]
CONSTANTS = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x94D049BB133111EB


def mixed(seed, place):
    """Numbers between -0.5 and 0.5 of 24 bits."""
    with np.errstate(over="ignore"):
        bits = np.uint64(seed) * np.uint64(CONSTANTS[0]) + (place + np.uint64(1)) * np.uint64(CONSTANTS[1])
        for shift in (30, 27):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(CONSTANTS[2])
        bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24) - np.float32(0.5)


def points(width, seed, count, differ, clusters, spread, scale, offset, grid):
    row, column = np.meshgrid(np.arange(count, dtype=np.uint64) % np.uint64(differ), np.arange(width, dtype=np.uint64), indexing="ij")
    centre = mixed(1000, row % np.uint64(clusters) * np.uint64(width) + column)
    value = mixed(seed, row * np.uint64(width) + column) * np.float32(scale) + centre * np.float32(spread) + np.float32(offset)
    if grid:
        value = np.rint(value / np.float32(grid)) * np.float32(grid)
    return value.astype(np.float64)


def squares(a, b):
    return np.stack([((b - row) ** 2).sum(axis=1) for row in a])


def radii(own, k):
    np.fill_diagonal(own, np.inf)
    return np.sort(own, axis=1)[:, k - 1]


def counted(real, fake, k):
    cross = squares(real, fake)
    inside = cross < radii(squares(real, real), k)[:, None]
    recalled = cross < radii(squares(fake, fake), k)[None, :]
    return inside.any(axis=0).mean(), recalled.any(axis=1).mean(), inside.sum() / (k * len(fake)), inside.any(axis=1).mean()


def memorised(real, fake, held_out):
    training, other = squares(fake, real).min(axis=1), squares(fake, held_out).min(axis=1)
    nearer = ((training < other) + 0.5 * (training == other)).sum()
    shares = nearer / len(real), (len(fake) - nearer) / len(held_out)
    return shares[0] / sum(shares)


print("/* Written by tests/reference/neighbours.py with prdc %s, NumPy %s, float64. */" % (version("prdc"), np.__version__))
print("""#include "unit/neighbour_support.h"

static const neighbour_case neighbour_cases[] = {""")
for name, width, real, fake, held_out, k in CASES:
    sets = [points(width, *of) for of in (real, fake, held_out)]
    with contextlib.redirect_stdout(io.StringIO()):
        prdc = compute_prdc(sets[0], sets[1], k)
    values = [float(prdc[key]) for key in ("precision", "recall", "density", "coverage")]
    assert np.allclose(values, counted(sets[0], sets[1], k), rtol=1e-13, atol=0), (name, values, counted(sets[0], sets[1], k))
    print('    {"%s", %d, %d, {%s}, {%s}, %r},' % (name, width, k, ", ".join("{%s}" % ", ".join(map(str, of)) for of in (real, fake, held_out)),
                                                  ", ".join(map(repr, values)), float(memorised(*sets))))
print("};")
