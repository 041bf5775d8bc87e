# Real training: the presets reach what the README promises. (run: slow)
. "$(dirname "$0")/support.sh"
limit=${LIMIT:-600}

test_ring8_covers_all_modes() {
  plain_build_only "far too long with sanitizers"
  run 0 mpi 8 --json || return 1
  python3 -c "
import json
d = json.load(open('out'))
print(d['modes_covered'], d['high_quality_share'], d['seconds'])
assert d['modes_covered'] == 8 and d['high_quality_share'] >= 0.8"
}

# About a minute of Fashion-MNIST: the critic's estimate of the distance falls, and samples beat noise by far.
test_fashion_learns_from_real_images() {
  plain_build_only "far too long with sanitizers"
  run 0 mpi 2 train --preset fashion --shards 2 --iterations 300 --eval.every=50 --eval.samples=512 --run.dir run || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
with h5py.File("run/metrics.h5", "r") as f:
    distance = f["train/wasserstein_distance"][:]
    quality = f["eval/sliced_wasserstein"][:]
peak = numpy.convolve(distance, numpy.ones(10) / 10, "valid").max()
print("estimate", peak, distance[-30:].mean(), "sliced Wasserstein", quality)
assert distance[-30:].mean() < 0.7 * peak
assert quality[-1] < 0.7 * quality[0]
P
  # Noise: the same measure for a generator that has learnt nothing.
  run 0 mpi 2 train --preset fashion --shards 2 --iterations 1 --eval.samples=512 --json --optimizer.learning_rate=1e-12 \
    --run.dir noise || return 1
  /usr/bin/python3 - <<'P'
import h5py, json
with h5py.File("run/metrics.h5", "r") as f:
    trained = f["eval/sliced_wasserstein"][-1]
noise = json.load(open("out"))["sliced_wasserstein"]
print(trained, noise)
assert trained < 0.5 * noise
P
}

run_tests
