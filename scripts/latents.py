"""gan_dist's latents in numpy, bit for bit as docs/sampling.md has them. For replay_samples.py, and for your own programs:

    from latents import latents_of_file
    with h5py.File("samples.h5") as file:
        z = latents_of_file(file)

All sums and products below are of float32, each rounded by itself and in this order: that makes the bits.
"""
import numpy as np

STREAM_SAMPLES = 5
MASK = np.uint64(0xFFFFFFFF)
TRUNCATION_DRAWS = 256


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., SC 2011) of four arrays and two numbers, of 32 bits each: four arrays of uint64."""
    x = [np.asarray(word, np.uint64) for word in counter]
    k = [np.uint64(word) for word in key]
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * x[0], np.uint64(0xCD9E8D57) * x[2]
        x = [second >> np.uint64(32) ^ x[1] ^ k[0], second & MASK, first >> np.uint64(32) ^ x[3] ^ k[1], first & MASK]
        k = [np.uint64(int(k[0]) + 0x9E3779B9 & 0xFFFFFFFF), np.uint64(int(k[1]) + 0xBB67AE85 & 0xFFFFFFFF)]
    return x


def uniform(seed, stream, step, samples, count):
    """(rows, count) numbers in (0, 1), a row for each of the samples."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)[None, :]
    rows = np.asarray(samples, np.uint64)[:, None]
    counter = (blocks, rows, step & 0xFFFFFFFF, stream << 24 | step >> 32)
    words = philox(np.broadcast_arrays(*counter), (seed & 0xFFFFFFFF, seed >> 32))
    words = np.stack(words, -1).reshape(len(rows), -1)[:, :count]
    return np.minimum(((words + 0.5) * 2.0**-32).astype(np.float32), np.float32(1 - 2.0**-24))


def fractions(*denominators):
    return [np.float32(1) / np.float32(n) for n in denominators]


def logarithm(u):
    """u = 2^e m with sqrt(1/2) <= m < sqrt(2); log m = 2 artanh((m - 1) / (m + 1)), by its series."""
    above = u.view(np.uint32) - np.uint32(0x3F3504F3)
    e = (above.view(np.int32) >> 23).astype(np.float32)
    m = ((above & np.uint32(0x7FFFFF)) + np.uint32(0x3F3504F3)).view(np.float32)
    third, fifth, seventh, ninth = fractions(3, 5, 7, 9)
    s = (m - np.float32(1)) / (m + np.float32(1))
    q = s * s
    series = q * (third + q * (fifth + q * (seventh + q * ninth)))
    high, low = (np.float32(float.fromhex(text)) for text in ("0x1.62ep-1", "0x1.0bfbe8p-15"))
    return e * high + (e * low + np.float32(2) * (s + s * series))


def turn(v):
    """Cosine and sine of v turns: of the nearest quarter, and of the rest by their Taylor series."""
    quarter = np.rint(np.float32(4) * v)
    t = (np.float32(4) * v - quarter) * np.float32(float.fromhex("0x1.921fb6p0"))
    q = t * t
    a, b, c, d = fractions(-6, 120, -5040, 362880)
    sine = t + t * q * (a + q * (b + q * (c + q * d)))
    a, b, c, d = fractions(-2, 24, -720, 40320)
    cosine = np.float32(1) + q * (a + q * (b + q * (c + q * d)))
    quarter = quarter.astype(np.int64) % 4
    swap = quarter % 2 == 1
    first, second = np.where(swap, sine, cosine), np.where(swap, cosine, sine)
    return np.where((quarter == 1) | (quarter == 2), -first, first), np.where(quarter >= 2, -second, second)


def normal(seed, stream, step, samples, count):
    """(rows, count) standard normal numbers: pairs, by Box and Muller."""
    u = uniform(seed, stream, step, samples, (count + 1) // 2 * 2)
    radius = np.sqrt(np.float32(-2) * logarithm(np.ascontiguousarray(u[:, 0::2])))
    cosine, sine = turn(u[:, 1::2])
    return np.stack([radius * cosine, radius * sine], -1).reshape(len(u), -1)[:, :count]


def drawn(seed, samples, latent, distribution="normal", truncation=0.0, stream=STREAM_SAMPLES):
    """The latents (rows, latent) of samples of these numbers."""
    samples = np.asarray(samples, np.uint64)
    if distribution == "uniform":
        return np.float32(2) * uniform(seed, stream, 0, samples, latent) - np.float32(1)
    z, bound = normal(seed, stream, 0, samples, latent), np.float32(truncation)
    if truncation > 0:
        for column in range(latent):  # step 1 + column: the first draw within the bound, else the last, clipped
            beyond = np.flatnonzero(np.abs(z[:, column]) > bound)
            if len(beyond) == 0:
                continue
            draws = normal(seed, stream, 1 + column, samples[beyond], TRUNCATION_DRAWS)
            within = np.abs(draws) <= bound
            place = np.where(within.any(1), within.argmax(1), TRUNCATION_DRAWS - 1)
            z[beyond, column] = np.clip(draws[np.arange(len(beyond)), place], -bound, bound)
    return z


def interpolated(ends, straight, steps, count):
    """count latents, rows of `steps` of them from ends[2 w] to ends[2 w + 1]: to a unit in the last place."""
    a, b = ends[0::2].astype(np.float64), ends[1::2].astype(np.float64)
    cosine = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    angle = np.arccos(np.clip(cosine, -1, 1))[:, None]
    straight = np.full(angle.shape, True) if straight else np.sin(angle) < 1e-6
    sine = np.where(straight, 1.0, np.sin(angle))
    t = (np.arange(steps) / (steps - 1))[None, :]
    of_a = np.where(straight, 1 - t, np.sin((1 - t) * angle) / sine)[:, :, None]
    of_b = np.where(straight, t, np.sin(t * angle) / sine)[:, :, None]
    z = of_a * a[:, None, :] + of_b * b[:, None, :]
    return z.reshape(-1, ends.shape[1])[:count].astype(np.float32)


def latents_of_file(file, first=0, count=None):
    """The latents of rows first .. first + count - 1 of an open file of samples, by its attributes; first a multiple of the
    interpolation's steps."""
    text = lambda name: file.attrs[name].decode() if isinstance(file.attrs[name], bytes) else file.attrs[name]
    rows, latent = file["latents"].shape
    count = rows - first if count is None else count
    seed, stream, steps = (int(file.attrs[name]) for name in ("seed", "latent_stream", "interpolation_steps"))
    draw = lambda samples: drawn(seed, samples, latent, text("latent_distribution"), float(file.attrs["truncation"]), stream)
    if steps == 0:
        return draw(np.arange(first, first + count))
    begin, end = first // steps, (first + count + steps - 1) // steps
    return interpolated(draw(np.arange(2 * begin, 2 * end)), text("latent_distribution") == "uniform", steps, count)
