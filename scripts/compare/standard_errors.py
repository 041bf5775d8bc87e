#!/usr/bin/env python3
"""Standard errors of metrics of sample quality: those of a bootstrap, which draws samples with putting back, and those of
random halves, which do not, beside the deviation over sets that are drawn afresh. Needs NumPy.

    scripts/compare/standard_errors.py

Points are normal in 8 dimensions. A ratio of 1 is right. "shift" is how far the mean over resampled sets is from the value
of the set itself, in true standard errors: what a bootstrap's doubles do to a value.
"""
import numpy

SAMPLES, WIDTH, NEIGHBOURS, TRUE_DRAWS, SETS, RESAMPLES = 400, 8, 5, 300, 20, 60


def squares(a, b):
    return numpy.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0)


def frechet(a, b):
    first, second = numpy.cov(a.T), numpy.cov(b.T)
    values, vectors = numpy.linalg.eigh(first)
    root = (vectors * numpy.sqrt(numpy.maximum(values, 0))) @ vectors.T
    cross = numpy.sqrt(numpy.maximum(numpy.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + numpy.trace(first) + numpy.trace(second) - 2 * cross


def kernel(a, b):
    n, m = len(a), len(b)
    k = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3
    aa, bb = k(a, a), k(b, b)
    return ((aa.sum() - numpy.trace(aa)) / (n * (n - 1)) + (bb.sum() - numpy.trace(bb)) / (m * (m - 1))
            - 2 * k(a, b).mean())


def radii(points):
    distances = squares(points, points)
    numpy.fill_diagonal(distances, numpy.inf)
    return numpy.partition(distances, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]


def judge(real, fake):
    between, of_real, of_fake = squares(real, fake), radii(real), radii(fake)
    inside = between < of_real[:, None]
    return {"fcd": frechet(real, fake), "kid": kernel(real, fake), "precision": inside.any(0).mean(),
            "recall": (between < of_fake[None]).any(1).mean(), "density": inside.sum() / NEIGHBOURS / len(fake),
            "coverage": inside.any(1).mean(), "a mean": fake[:, 0].mean()}


def table(values):
    return numpy.array([list(value.values()) for value in values])


def main():
    random = numpy.random.default_rng(0)
    for name, scale, offset in (("the data's own distribution", 1, 0), ("another one", 0.8, 0.5)):
        draw = lambda: (random.standard_normal((SAMPLES, WIDTH)), scale * random.standard_normal((SAMPLES, WIDTH)) + offset)
        drawn = [judge(*draw()) for _ in range(TRUE_DRAWS)]
        true, names = table(drawn).std(0, ddof=1), list(drawn[0])
        ratios, shifts = {"bootstrap": [], "halves": []}, {"bootstrap": [], "halves": []}
        for _ in range(SETS):
            sets = draw()
            value = table([judge(*sets)])[0]
            for way, count, again in (("bootstrap", SAMPLES, True), ("halves", SAMPLES // 2, False)):
                found = table([judge(*(points[random.choice(SAMPLES, count, again)] for points in sets))
                               for _ in range(RESAMPLES)])
                ratios[way].append(found.std(0, ddof=1))
                shifts[way].append(found.mean(0) - value)
        print(f"samples of {name}\n{'':12}{'true error':>12}{'bootstrap':>11}{'shift':>8}{'halves':>11}{'shift':>8}")
        for i, metric in enumerate(names):
            line = f"{metric:12}{true[i]:12.4g}"
            for way in ratios:
                line += f"{numpy.mean(ratios[way], 0)[i] / true[i]:11.2f}{numpy.mean(shifts[way], 0)[i] / true[i]:8.1f}"
            print(line)


if __name__ == "__main__":
    main()
