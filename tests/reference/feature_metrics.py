#!/usr/bin/env python3
"""Writes feature_metrics.h: Fréchet distances, kernel distances and classifier scores of made-up features, for
tests/unit/frechet_test.c and its like. Needs NumPy, SciPy and mpmath; run in this folder:

    ./feature_metrics.py >feature_metrics.h

Features come from a formula of float32 (tests/feature_support.h has it in C). Fréchet distances are computed with 60 digits
by mpmath, so that they are right where matrices lack rank; kernel distances and scores by NumPy in float64, by TF-GAN's
definitions (classifier_metrics.py). What SciPy's sqrtm and, where they are installed, pytorch-fid and torch-fidelity say of
the same features is held against them, and told on the error output."""
import math
import sys

import mpmath
import numpy
import scipy.linalg
import scipy.special

mpmath.mp.dps = 60
f32 = numpy.float32

# Name, features, step, constant, (seed, count, distinct, mix, shift) of the reference and of what is judged.
CASES = [
    ("more samples than features", 24, 0, 0, (1, 400, 0, 0.5, 0), (2, 350, 0, 0.25, 0.125)),
    ("several blocks and tiles", 150, 0, 0, (3, 2500, 0, 0.5, 0), (4, 2101, 0, 0.5, 0.0625)),
    ("fewer samples than features", 48, 0, 0, (5, 20, 0, 0.5, 0), (6, 31, 0, 0.5, 0)),
    ("as many samples as features", 32, 0, 0, (7, 32, 0, 0.5, 0), (8, 33, 0, 0.5, 0)),
    ("duplicates", 32, 0, 0, (9, 100, 0, 0.5, 0), (10, 96, 8, 0.5, 0)),
    ("duplicates in both", 40, 0, 0, (11, 64, 5, 0.5, 0), (12, 60, 6, 0.5, 0.25)),
    ("constant features", 15, 0, 3, (13, 90, 0, 0.5, 0), (14, 80, 0, 0.5, 0)),
    ("nothing but constants", 4, 0, 1, (15, 10, 0, 0, 0), (16, 12, 0, 0, 0.5)),
    ("scales from 1 to 2^-38", 20, 2, 0, (17, 70, 0, 0.5, 0), (18, 75, 0, 0.25, 0)),
    ("small beside its mean", 12, 0, 0, (19, 60, 0, 0.5, 1000), (20, 70, 0, 0.25, 1000)),
    ("one set with itself", 16, 0, 0, (21, 50, 0, 0.5, 0), (21, 50, 0, 0.5, 0)),
    ("sets of one size", 10, 0, 0, (26, 200, 0, 0.5, 0), (27, 200, 0, 0.25, 0.25)),
    ("two samples", 6, 0, 0, (22, 2, 0, 0.5, 0), (23, 2, 0, 0.5, 0)),
    ("one feature", 1, 0, 0, (24, 30, 0, 0, 0), (25, 40, 0, 0, 1)),
]
# Name, classes, (seed, count, distinct, mix, factor).
SCORES = [
    ("even logits", 10, (31, 500, 0, 0.5, 0)),
    ("logits as of a classifier", 10, (32, 3000, 0, 0.5, 8)),
    ("logits beyond what exp holds", 7, (33, 200, 0, 0.5, 4096)),
    ("many classes", 300, (34, 1025, 0, 0.25, 12)),
    ("one sample", 5, (35, 1, 0, 0.5, 4)),
]


def made_up(sample, feature, seed):
    bits = sample * 0x9E3779B1 + feature * 0x85EBCA77 + seed * 0xC2B2AE3D & 0xFFFFFFFF
    bits = (bits ^ bits >> 15) * 0x2C1B3C6D & 0xFFFFFFFF
    bits = (bits ^ bits >> 12) * 0x297A2D39 & 0xFFFFFFFF
    return ((bits ^ bits >> 15) >> 8).astype(f32) / f32(8388608) - f32(1)


def mixed(seed, count, distinct, mix, dimension):
    samples = numpy.arange(count, dtype=numpy.uint64)[:, None] % numpy.uint64(distinct or count)
    places = numpy.arange(dimension, dtype=numpy.uint64)[None]
    return made_up(samples, places, seed) + f32(mix) * made_up(samples, (places + numpy.uint64(1)) % numpy.uint64(dimension), seed)


def features(dimension, step, constant, of):
    seed, count, distinct, mix, shift = of
    places = numpy.arange(dimension)
    values = mixed(seed, count, distinct, mix, dimension) * (f32(2) ** (-step * places)).astype(f32)
    if constant:
        values[:, places % constant == 0] = 1.5
    values = values + f32(shift)
    assert values.dtype == f32
    return values


def moments(x):
    """Mean and covariance with 60 digits: all values are multiples of 2^-63, whose sums and products are whole numbers."""
    count = len(x)
    scaled = x.astype(float) * 2.0**63
    assert (scaled == numpy.floor(scaled)).all()
    whole = numpy.array([[int(v) for v in row] for row in scaled], dtype=object)
    total = whole.sum(axis=0)
    scatter = count * whole.T.dot(whole) - numpy.outer(total, total)  # exact
    unit = mpmath.ldexp(1, -63)
    mean = [mpmath.mpf(int(v)) * unit / count for v in total]
    covariance = mpmath.matrix([[mpmath.mpf(int(v)) * unit * unit / (count * (count - 1)) for v in row] for row in scatter])
    return mean, covariance


def trace_of_root(a, b):
    """Sum of the roots of the eigenvalues of A^(1/2) B A^(1/2)."""
    values, vectors = mpmath.eigsy(a)
    root = vectors * mpmath.diag([mpmath.sqrt(max(v, 0)) for v in values]) * vectors.T
    product = root * b * root
    return sum(mpmath.sqrt(max(v, 0)) for v in mpmath.eigsy((product + product.T) / 2, eigvals_only=True))


def frechet(x, y):
    """In float64 where there are too many features for the other way, and enough samples for this one."""
    if x.shape[1] > 64:
        a, b, difference = x.astype(float).var(axis=0), y.astype(float).var(axis=0), x.astype(float).mean(axis=0) - y.astype(float).mean(axis=0)
        return [by_scipy(x, y), difference @ difference, difference @ difference + ((a**0.5 - b**0.5) ** 2).sum()]
    (m, a), (n, b) = moments(x), moments(y)
    squared = sum((u - v) ** 2 for u, v in zip(m, n))
    size = range(len(m))
    trace = sum(a[i, i] + b[i, i] for i in size)
    shares = [mpmath.mpf(len(s) - 1) / len(s) for s in (x, y)]
    diagonal = sum(a[i, i] * shares[0] + b[i, i] * shares[1] - 2 * mpmath.sqrt(a[i, i] * b[i, i] * shares[0] * shares[1]) for i in size)
    return [float(v) for v in (squared + trace - 2 * trace_of_root(a, b), squared, squared + diagonal)]


def by_scipy(x, y):
    """As pytorch-fid has it, without its offset for singular products."""
    a, b = (numpy.atleast_2d(numpy.cov(s.astype(float), rowvar=False)) for s in (x, y))
    difference = x.astype(float).mean(axis=0) - y.astype(float).mean(axis=0)
    return difference @ difference + numpy.trace(a + b) - 2 * numpy.trace(scipy.linalg.sqrtm(a @ b).real)


def kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def bounds(count, blocks):
    size, more = divmod(count, blocks)
    return numpy.cumsum([0] + [size] * (blocks - more) + [size + 1] * more)


def kid(x, y, largest=1024):
    blocks = math.ceil(max(len(x), len(y)) / largest)
    estimates = []
    of_x, of_y = bounds(len(x), blocks), bounds(len(y), blocks)
    for i in range(blocks):
        r, g = x[of_x[i] : of_x[i + 1]].astype(float), y[of_y[i] : of_y[i + 1]].astype(float)
        own = [(k.sum() - numpy.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(r, r), kernel(g, g))]
        estimates.append(sum(own) - 2 * kernel(r, g).mean())
    return [numpy.mean(estimates), numpy.std(estimates, ddof=1) / math.sqrt(blocks) if blocks > 1 else math.nan]


def score(logits):
    log_p = logits.astype(float) - scipy.special.logsumexp(logits.astype(float), axis=1, keepdims=True)
    p = numpy.exp(log_p)
    log_q = numpy.log(p.mean(axis=0), where=p.mean(axis=0) > 0, out=numpy.zeros(p.shape[1]))
    return math.exp((p * (log_p - log_q)).sum(axis=1).mean())


# --- what published programs say of the same


def tell(name, what, value, ours):
    off = abs(value - ours) / max(abs(ours), 1e-6)
    print(f"{name}: {what} {value:.16g}, here {ours:.16g}, off by {off:.1e}", file=sys.stderr)
    return off


def compare_frechet(name, x, y, ours, regular):
    off = tell(name, "SciPy", by_scipy(x, y), ours)
    assert off < 1e-6 or not regular
    try:
        from pytorch_fid.fid_score import calculate_frechet_distance
    except ImportError:
        return
    if x.shape[1] == 1:
        return  # it takes matrices only
    a, b = (numpy.cov(s.astype(float), rowvar=False) for s in (x, y))
    means = [s.astype(float).mean(axis=0) for s in (x, y)]
    off = tell(name, "pytorch-fid", float(calculate_frechet_distance(means[0], a, means[1], b)), ours)
    assert off < 1e-6 or not regular


def compare_kid(name, x, y, ours):
    try:
        import torch
        from torch_fidelity.metric_kid import kid_features_to_metric
    except ImportError:
        return
    x, y = (torch.from_numpy(s.astype(float)) for s in (x, y))
    value = kid_features_to_metric(x, y, kid_subsets=1, kid_subset_size=len(x), verbose=False)  # all of them
    assert tell(name, "torch-fidelity's kernel distance", value["kernel_inception_distance_mean"], ours) < 1e-6


def compare_score(name, logits, ours):
    try:
        import torch
        from torch_fidelity.metric_isc import isc_features_to_metric
    except ImportError:
        return
    value = isc_features_to_metric(torch.from_numpy(logits.astype(float)), splits=1, shuffle=False)
    assert tell(name, "torch-fidelity's score", value["inception_score_mean"], ours) < 1e-6


def number(value):
    return "NAN" if math.isnan(value) else repr(float(value))


def of_set(values):
    return "{%d, %d, %d, %rf, %rf}" % (*values[:3], float(values[3]), float(values[4]))


def main():
    print("/* Written by tests/reference/feature_metrics.py with NumPy %s, SciPy %s and mpmath %s. */"
          % (numpy.__version__, scipy.__version__, mpmath.__version__))
    print("#include <math.h>\n\n#include \"feature_support.h\"\n\nstatic const feature_case feature_cases[] = {")
    for name, dimension, step, constant, real, fake in CASES:
        x, y = features(dimension, step, constant, real), features(dimension, step, constant, fake)
        values = frechet(x, y) + kid(x, y)
        compare_frechet(name, x, y, values[0], name in ("more samples than features", "several blocks and tiles", "sets of one size"))
        if name == "sets of one size":  # torch-fidelity knows no others
            compare_kid(name, x, y, values[3])
        print('{"%s", %d, %d, %d, %s, %s, %s},' % (name, dimension, step, constant, of_set(real), of_set(fake), ", ".join(map(number, values))))
    print("};\n\nstatic const score_case score_cases[] = {")
    for name, classes, of in SCORES:
        logits = f32(of[4]) * mixed(*of[:4], classes)
        compare_score(name, logits, score(logits))
        print('{"%s", %d, %s, %s},' % (name, classes, of_set(of), number(score(logits))))
    print("};")


if __name__ == "__main__":
    main()
