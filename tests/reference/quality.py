#!/usr/bin/python3
"""Writes quality.h: metrics of sample quality by NumPy, SciPy and scikit-learn in float64, for the unit tests of src/eval.

Run with a Python that has numpy, scipy and scikit-learn: python tests/reference/quality.py

Samples are made of addressed normal numbers (scripts/latents.py), as tests/unit/metric_support.h makes them, so that they
need not be recorded. The pyramid is by SciPy's convolution in two dimensions with mirrored borders, as TF-GAN's
sliced_wasserstein.py defines it, and Wasserstein distances are SciPy's.
"""
import os
import sys

import numpy as np
import scipy
import sklearn
from scipy.ndimage import convolve
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../scripts"))
from latents import normal, philox  # noqa: E402

STREAM_SYNTHETIC, STREAM_EVALUATION = 7, 8
REAL_SEED, FAKE_SEED, SEED = 11, 12, 5
f32 = np.float32


def normals(seed, count, width):
    return normal(seed, STREAM_SYNTHETIC, 0, np.arange(count), width)


def words(seed, stream, step, sample, count):
    """The 32-bit words of an address."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    counter = (blocks, sample, step & 0xFFFFFFFF, stream << 24 | step >> 32)
    x = philox(np.broadcast_arrays(*counter), (seed & 0xFFFFFFFF, seed >> 32))
    return np.stack(x, -1).reshape(-1)[:count].astype(np.int64)


# --- Images ---

IMAGES = [  # name, channels, height, width, real, fake
    ("colour", 3, 32, 32, 6, 6),
    ("one level, sets of different sizes", 1, 28, 28, 7, 4),
    ("odd sides", 3, 35, 50, 3, 3),
    ("three levels", 1, 64, 64, 2, 3),
    ("the smallest", 1, 16, 17, 5, 5),
]


def images(fake, count, channels, height, width):
    n = normals(FAKE_SEED if fake else REAL_SEED, count, channels * height * width)
    x = f32(0.25) * n
    if fake:  # smoother
        x = x + f32(0.25) * np.roll(n, -1, axis=1)
    x = x.reshape(count, channels, height, width)
    blank = f32(-1) + (f32(1e-5) * n if fake else f32(0) * n).reshape(x.shape)
    left = np.arange(width) < width // 3
    return np.where(left, blank, x).astype(f32)


KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def filtered(image, gain):
    return np.stack([convolve(channel, KERNEL * gain, mode="mirror") for channel in image])


def laplacian_pyramid(image, levels):
    pyramid = [image.astype(np.float64)]
    for _ in range(1, levels):
        smaller = filtered(pyramid[-1], 1)[:, ::2, ::2]
        spread = np.zeros_like(pyramid[-1])
        spread[:, ::2, ::2] = smaller
        pyramid[-1] = pyramid[-1] - filtered(spread, 4)
        pyramid.append(smaller)
    return pyramid


def step_of(level, purpose):
    return 0x737764 << 24 | level << 8 | purpose


def patches(pyramids, level, least):
    rows = []
    for number, pyramid in enumerate(pyramids):
        image = pyramid[level]
        chosen = words(SEED, STREAM_EVALUATION, step_of(level, 0), number, 128).reshape(64, 2)
        for y, x in chosen * [image.shape[1] - 6, image.shape[2] - 6] >> 32:
            patch = image[:, y:y + 7, x:x + 7]
            deviation = patch.std()
            rows.append((patch - patch.mean()).ravel() / deviation if deviation > 0 and deviation >= least
                        else np.zeros(patch.size))
    return np.array(rows)


def swd(channels, height, width, real_count, fake_count):
    real, fake = (images(f, c, channels, height, width) for f, c in ((0, real_count), (1, fake_count)))
    levels = int(np.log2(min(height, width))) - int(np.log2(16)) + 1
    least = float(np.abs(real).max()) * 2**-11
    pyramids = [[laplacian_pyramid(image, levels) for image in s] for s in (real, fake)]
    distances = []
    for level in range(levels):
        a, b = (patches(p, level, least) for p in pyramids)
        u = normal(SEED, STREAM_EVALUATION, step_of(level, 1), np.arange(147), a.shape[1]).astype(np.float64)
        u /= np.sqrt((u * u).sum(1, keepdims=True))
        distances.append(np.mean([wasserstein_distance(a @ v, b @ v) for v in u]))
        share = np.mean([(s == 0).all(1).mean() for s in (a, b)])
        print(f"swd ({channels}, {height}, {width}) level {level}: {distances[-1]:.6f}, constant patches {share:.2f}")
    return distances


# --- Tables ---

TABLES = [  # columns, real, fake
    (6, 200, 150),
    (16, 90, 120),
    (20, 120, 130),
    (130, 60, 50),
    (1, 40, 33),
]


def table(fake, count, columns):
    """Columns 1 and 3 of each four depend on the one before, column 2 has ties, column 5 is constant in the real set."""
    n = normals(FAKE_SEED if fake else REAL_SEED, count, columns)
    x = n.copy()
    for j in range(columns):
        if j % 4 == 1:
            x[:, j] = n[:, j] + (f32(0.25) if fake else f32(0.75)) * n[:, j - 1]
        if j % 4 == 2:
            x[:, j] = np.rint(f32(2) * n[:, j])
        if j % 4 == 3:
            x[:, j] = n[:, j] * n[:, j] + (f32(0.5) if fake else f32(0)) * n[:, j - 1]
        if j == 5 and not fake:
            x[:, j] = f32(3.3)
    return x


def ks(real, fake):
    return [ks_2samp(real[:, j], fake[:, j]).statistic for j in range(real.shape[1])]


def correlation_differences(real, fake):
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (np.nan_to_num(np.corrcoef(np.where(np.ptp(x, axis=0) > 0, x, 0), rowvar=False)) for x in (real, fake))
    return np.abs(a - b)[np.triu_indices(real.shape[1], 1)]


def standardised(x):
    deviation = x.std(0)
    constant = deviation <= 1e-12 * np.abs(x.mean(0))
    return np.where(constant, 0, (x - x.mean(0)) / np.where(constant, 1, deviation))


def auc(real, fake):
    x, y = standardised(np.concatenate([real, fake])), np.repeat([0, 1], [len(real), len(fake)])
    terms, columns = [x], x.shape[1]
    if columns <= 128:
        terms.append(x * x)
    if columns <= 16:
        terms += [x[:, j:j + 1] * x[:, j + 1:] for j in range(columns)]
    x, fold, areas = standardised(np.concatenate(terms, 1)), np.arange(len(x)) % 5, []
    for left_out in range(5):
        model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-13, max_iter=1000)
        model.fit(x[fold != left_out], y[fold != left_out])
        areas.append(roc_auc_score(y[fold == left_out], model.decision_function(x[fold == left_out])))
    return np.mean(areas)


def logistic():
    """Weights of a regression that leaves out fold 1 of 3."""
    x, y = normals(3, 60, 4).astype(np.float64), np.arange(60) % 2
    x[:, 0] += 1.5 * y
    kept = np.arange(60) % 3 != 1
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(x[kept], y[kept])
    return [*model.coef_[0], model.intercept_[0]]


# --- Showers ---

SHOWERS = [  # channels, depth, height, width, real, fake, power
    (1, 5, 4, 6, 50, 40, 0.5),
    (2, 3, 3, 2, 30, 45, 0.0),
    (1, 8, 8, 8, 60, 60, 0.3),
]


def showers(fake, count, channels, depth, height, width):
    """Energy falls along the depth, faster in the real set; half of all cells are empty; the last fake one is, all of it."""
    n = normals(FAKE_SEED if fake else REAL_SEED, count, channels * depth * height * width)
    fall = f32(1) / (f32(1) + np.arange(depth, dtype=f32) * (f32(0.5) if fake else f32(1)))
    x = n.reshape(count, channels, depth, height, width) * fall[:, None, None]
    x = np.maximum(x, f32(0)) * f32(0.25) - f32(1)
    if fake:
        x[-1] = f32(-2)
    return x.astype(f32)


def observables(energies):
    """(count, 9 + depth) as the CaloChallenge's HighLevelFeatures, over all cells instead of layer by layer."""
    count, depth = energies.shape[:2]
    total = energies.sum((1, 2, 3))
    layers = energies.sum((2, 3))
    centres, widths = [], []
    for axis in (1, 2, 3):
        profile = energies.sum(tuple(a for a in (1, 2, 3) if a != axis))
        place = np.arange(profile.shape[1])
        norm = np.where(total > 0, total, 1)
        centre = (profile * place).sum(1) / norm
        widths.append(np.sqrt(((place - centre[:, None])**2 * profile).sum(1) / norm))
        centres.append(centre)
    occupancy = (energies > 1e-3).mean((1, 2, 3))
    return np.column_stack([total, layers.argmax(1), *centres, *widths, occupancy, layers])


def separation_power(real, fake, bins=40):
    edges = np.linspace(real.min(), real.max(), bins + 1)
    h = []
    for x in (real, fake):
        inside = np.histogram(x, edges)[0]
        h.append(np.array([(x < edges[0]).sum(), *inside, (x > edges[-1]).sum()]) / len(x))
    sums = h[0] + h[1]
    return 0.5 * ((h[0] - h[1])**2 / np.where(sums > 0, sums, 1)).sum()


def separation(channels, depth, height, width, real_count, fake_count, power):
    real, fake = (showers(f, c, channels, depth, height, width).astype(np.float64)
                  for f, c in ((0, real_count), (1, fake_count)))
    least, most = real.min(), real.max()
    a, b = (observables(((np.maximum(x - least, 0) / (most - least))**(1 / (power or 1))).sum(1)) for x in (real, fake))
    powers = np.array([separation_power(a[:, i], b[:, i]) for i in range(a.shape[1])])
    return powers, (powers[:9].sum() + powers[9:].mean()) / 10


def number(x):
    return repr(float(x))


def array(values):
    return "{" + ", ".join(number(x) for x in values) + "}"


def main():
    lines = [f"/* Written by tests/reference/quality.py with NumPy {np.__version__}, SciPy {scipy.__version__}, "
             f"scikit-learn {sklearn.__version__}. */", "/* clang-format off */"]
    lines.append("static const struct { const char *name; int64_t channels, height, width, real, fake; int levels; "
                 "double distance[3]; } reference_images[] = {")
    for name, *sizes in IMAGES:
        distances = swd(*sizes)
        lines.append("  {" + ", ".join([f'"{name}"', *map(str, sizes), str(len(distances)), array(distances)]) + "},")
    lines.append("};")
    lines.append("static const struct { int64_t columns, real, fake; double ks, ks_worst, correlation, correlation_worst, auc; } "
                 "reference_tables[] = {")
    for columns, real_count, fake_count in TABLES:
        real, fake = (table(f, c, columns).astype(np.float64) for f, c in ((0, real_count), (1, fake_count)))
        statistics, area = ks(real, fake), auc(real, fake)
        differences = correlation_differences(real, fake) if columns > 1 else [0.0]
        values = [np.mean(statistics), max(statistics), np.mean(differences), max(differences), area]
        print(f"{columns} columns:", *(f"{v:.4f}" for v in values))
        lines.append("  {" + ", ".join([str(columns), str(real_count), str(fake_count), *map(number, values)]) + "},")
    lines.append("};")
    lines.append(f"static const double reference_logistic[] = {array(logistic())};")
    lines.append("static const struct { int64_t channels, depth, height, width, real, fake; double power, mean, worst; } "
                 "reference_showers[] = {")
    for *sizes, power in SHOWERS:
        powers, mean = separation(*sizes, power)
        print("separation", sizes, power, f"{mean:.4f} {powers.max():.4f}", powers.round(3))
        lines.append("  {" + ", ".join([*map(str, sizes), number(power), number(mean), number(powers.max())]) + "},")
    lines.append("};")
    with open(os.path.join(HERE, "quality.h"), "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
