# How good samples are: the same numbers for a checkpoint, for its samples in a file and at any np; floors; wrong inputs.
. "$(dirname "$0")/support.sh"

made() { /usr/bin/python3 - "$@"; } # a check or a file made by numpy and h5py
evaluate() { run 0 "$PROGRAM" evaluate "$@"; }
refuses() { run "$1" "$PROGRAM" evaluate "${@:3}" && one_message && says err "$2"; } # refuses STATUS PATTERN ARGUMENT...
trained() { run 0 "$PROGRAM" train "${tiny[@]}" --checkpoint.every=2 --checkpoint.keep=9 --iterations 6 --run.dir run; }
# The members of a JSON object that do not say what it is of, sorted.
numbers() { made "$1" <<'P'
import json, sys
about = json.load(open(sys.argv[1]))
for name in ("checkpoint", "checkpoint_hash", "iteration", "weights", "file", "seed"): about.pop(name, None)
print(json.dumps(about, sort_keys=True))
P
}

# Images of two classes, in MNIST's files: NAME COUNT SEED
images() { made "$@" <<'P'
import numpy as np, sys
name, count, random = sys.argv[1], int(sys.argv[2]), np.random.default_rng(int(sys.argv[3]))
labels = (np.arange(count) % 2).astype(np.uint8)
pixels = random.integers(0, 100, (count, 8, 8)).astype(np.uint8) + 100 * labels[:, None, None]
def write(path, array):
    with open(path, "wb") as file:
        file.write(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.astype(np.uint8).tobytes())
write(name + "-images-idx3-ubyte", pixels)
write(name + "-labels-idx1-ubyte", labels)
P
}

# By numpy alone: modes within 3 sigma of the samples that `sample` writes, as the formula of the page has them.
test_numbers_are_those_of_the_same_samples_in_numpy() {
  run 0 "$PROGRAM" train --preset ring8 --iterations 200 --eval.every=0 --samples.every=0 --run.dir run &&
    run 0 "$PROGRAM" sample run -n 3000 -o samples.h5 && evaluate run --samples 3000 --metrics modes,high_quality --json && made <<'P'
import h5py, json, numpy as np
found = json.load(open("out"))
samples = h5py.File("samples.h5")["samples"][:].astype(np.float64)
angle = 2 * np.pi * np.arange(8) / 8
distance = np.linalg.norm(samples[:, None] - np.stack([np.cos(angle), np.sin(angle)], -1)[None], axis=2)
near = distance < 3 * 0.05
assert found["high_quality"] == round(float(near.any(1).mean()), 9) or abs(found["high_quality"] - near.any(1).mean()) < 1e-9
assert found["modes"] == (near.sum(0) >= max(1, 0.01 * 3000 / 8)).sum()
assert found["samples"] == found["real_samples"] == found["floor_samples"] == 3000 and found["held_out"] is True
assert found["checkpoint"] == "run/checkpoint-0000200.h5" and found["iteration"] == 200 and found["seed"] == 0
assert found["floor"]["modes"] == 8 and found["floor"]["high_quality"] > 0.98
assert found["noise"]["high_quality"] < 0.2 and found["noise"]["modes"] == 8
assert len(found["checkpoint_hash"]) == 32 and found["features"].startswith("none")
P
}

test_a_file_of_samples_gets_the_numbers_of_its_checkpoint() {
  trained && evaluate run --samples 500 --repeat 3 --json && numbers out >checkpoint.json &&
    run 0 "$PROGRAM" sample run -n 500 -o samples.h5 || return 1
  evaluate samples.h5 --against run --samples 500 --repeat 3 --json && says out '"file": "samples.h5"' && numbers out >file.json &&
    cmp checkpoint.json file.json || return 1
  made <<'P'
import h5py, numpy as np
samples = h5py.File("samples.h5")["samples"][:]
np.save("four.npy", samples)
np.save("eight.npy", samples.astype(np.float64))
P
  local file
  for file in four.npy eight.npy; do
    evaluate $file --against run/latest.h5 --samples 500 --repeat 3 --json && numbers out >file.json && cmp checkpoint.json file.json || return 1
  done
  # Other latents, other numbers; the real samples stay.
  evaluate run --samples 500 --seed 9 --features none --json && says out '"seed": 9,' && ! cmp -s <(numbers out) checkpoint.json
}

test_numbers_are_the_same_at_any_np() {
  local np
  trained && evaluate run --samples 700 --repeat 2 --json && cp out one.json && says one.json '"high_quality": [0-9.e-]+,' || return 1
  for np in 2 3 8; do
    run 0 mpi $np evaluate run --samples 700 --repeat 2 --json && cmp out one.json || { note "np $np"; return 1; }
  done
  GAN_PRETEND_HOSTS=2 run 0 mpi 3 evaluate run --samples 700 --repeat 2 --json && cmp out one.json
}

test_every_checkpoint_of_a_run_makes_a_curve_and_the_best_is_named() {
  trained && echo damaged >>run/checkpoint-0000004.h5 && evaluate run --all --samples 300 --metrics high_quality -o curve.png --json || return 1
  made <<'P' || return 1
import json
found = json.load(open("out"))
entries = found["checkpoints"]
assert [entry["iteration"] for entry in entries] == [2, 6], entries
best = max(entries, key=lambda entry: entry["high_quality"])
assert found["best"]["high_quality"]["value"] == best["high_quality"], found["best"]
assert found["best"]["modes"]["iteration"] in (2, 6) and found["picture"] == "curve.png"
assert any("1 damaged checkpoint passed over" in notice for notice in found["notices"])
assert open("curve.png", "rb").read(8) == b"\x89PNG\r\n\x1a\n"
P
  evaluate run --all --samples 300 && says out '^best high_quality +run/checkpoint-000000[26]\.h5$' && says out '^  iteration +2 ' || return 1
  # One by one they have the same numbers.
  evaluate run --all --samples 300 --json && made one <<'P' && evaluate run/checkpoint-0000002.h5 --samples 300 --json && made two <<'Q'
import json
json.dump(json.load(open("out"))["checkpoints"][0], open("first.json", "w"))
P
import json
first, alone = json.load(open("first.json")), json.load(open("out"))
assert all(alone[name] == value for name, value in first.items())
Q
}

test_several_checkpoints_may_be_named() {
  trained && evaluate run/checkpoint-0000002.h5 run/checkpoint-0000006.h5 --samples 200 --json -o curve.png && [ -s curve.png ] || return 1
  mkdir one && cp run/checkpoint-0000002.h5 one && refuses 2 'a curve needs two checkpoints' one --all -o curve.png || return 1
  refuses 2 'has no later one than' run/checkpoint-0000006.h5 run/checkpoint-0000002.h5 -o curve.png &&
    refuses 2 'several checkpoints: --all' run -o curve.png && refuses 2 'has to end in \.png' run --all -o curve.h5 &&
    refuses 2 'is a file that is read' run/checkpoint-0000002.h5 run/latest.h5 -o run/latest.h5 &&
    refuses 2 'checkpoint-0000006\.h5 is the checkpoint .*, which is named already' run/latest.h5 run &&
    refuses 2 'named already' run/checkpoint-0000002.h5 run/checkpoint-0000002.h5 -o curve.png
}

# More samples than any memory holds: who looks at the picture's place first never gets there.
test_pictures_that_cannot_be_written_are_told_before_the_work() {
  trained && touch file && refuses 1 'cannot write nowhere/c.png: No such file' run --all --samples 2000000000 -o nowhere/c.png &&
    refuses 1 'cannot write nowhere/p.png: No such file' run --samples 2000000000 --pairs nowhere/p.png &&
    refuses 1 'cannot write file/p.png: Not a directory' run --samples 2000000000 --pairs file/p.png || return 1
  run 1 mpi 2 evaluate run --samples 2000000000 --pairs nowhere/p.png && one_message
}

test_two_data_sets_are_compared() {
  made <<'P'
import h5py, numpy as np
random = np.random.default_rng(0)
angle = 2 * np.pi * random.integers(0, 8, 4000) / 8
points = np.stack([np.cos(angle), np.sin(angle)], -1) + 0.05 * random.standard_normal((4000, 2))
np.save("ring.npy", points.astype(np.float32))
with h5py.File("ring.h5", "w") as file:
    file["points"] = points
    file["other"] = points[:100]
np.save("wide.npy", 127.5 * (points + 1))
P
  evaluate ring.npy --data.source=ring --samples 2000 --metrics modes --json && says out '"modes": 8[.0]*,' && says out '"high_quality": 0\.98' || return 1
  evaluate ring.h5 --dataset points --against ring.npy --samples 1000 --json && says out '"real": "of the 4000 samples of ring.npy"' &&
    says out '"unable": \{ .*"modes": "needs data whose modes are known' && says out '"real_samples": 1000' && says out '"modes": null' || return 1
  # What is null is told by its own name.
  /usr/bin/python3 -c 'import json; all = json.load(open("out")); assert {n for n, v in all.items() if v is None} == set(all["unable"])' || return 1
  # Values in other units become those of the data.
  evaluate wide.npy --range 0,255 --data.source=ring --samples 2000 --metrics modes --json && says out '"high_quality": 0\.98' &&
    evaluate wide.npy --data.source=ring --samples 2000 --metrics modes --json && says out '"high_quality": 0[.0]*,' || return 1
  # Axes that do not tell what they are can be said.
  made <<'P'
import numpy as np
np.save("what.npy", np.random.default_rng(0).random((20, 32, 100), np.float32))
P
  refuses 2 'what its axes are.*--axes' what.npy --against what.npy --data.axes=NCL &&
    evaluate what.npy --axes NCL --against what.npy --data.axes=NCL --samples 5 --features none
}

test_the_floor_is_of_test_images_where_there_are_any() {
  images train 200 0 && images t10k 60 1 && images judged 80 2 && mkdir data && mv train-* t10k-* data || return 1
  evaluate judged-images-idx3-ubyte --against data --json && says out '"real": "of the 200 samples of data"' &&
    says out '"floor_set": "of the 60 samples of data/t10k-images-idx3-ubyte, held out of training"' && says out '"held_out": true' || return 1
  evaluate judged-images-idx3-ubyte --against data/train-images-idx3-ubyte && says out '^floor +60 of the 60 samples of data/t10k' &&
    says out 'the floor is of 60 samples, fewer than the 80 that are judged' || return 1
  gzip data/t10k-* && evaluate judged-images-idx3-ubyte --against data --json && says out 'of data/t10k-images-idx3-ubyte.gz, held out' || return 1
  # What data.samples leaves has not been seen; without it, real samples are halved.
  rm data/t10k-* && evaluate judged-images-idx3-ubyte --against data --data.samples=150 --json && says out '"floor_samples": 50, "held_out": true' &&
    says out '"real_samples": 150' && evaluate judged-images-idx3-ubyte --against data --json && says out '"floor_samples": 80, "held_out": false' &&
    says out '"real_samples": 100' && says out 'which training may have seen' || return 1
  images other 70 3 && evaluate judged-images-idx3-ubyte --against data --held-out other-images-idx3-ubyte --json && says out '"floor_samples": 70, "held_out": true' &&
    evaluate judged-images-idx3-ubyte --against data --no-floor --json && ! grep -q '"floor"' out && says out '"real_samples": 200'
}

# One block of kernel distances has no spread.
test_an_error_that_one_block_does_not_have_is_told() {
  trained && evaluate run --samples 300 --metrics kid && ! grep -q '^kid_error' out && says out '^not computed' &&
    says out '^  kid_error +needs more than 1,024 samples' && evaluate run --samples 300 --metrics kid --json &&
    says out '"unable": \{ "kid_error": "needs more than' && says out '"kid_error": null' &&
    evaluate run --samples 1100 --metrics kid && says out '^kid_error +[0-9]' && ! grep -q 'not computed' out
}

test_samples_in_other_units_are_noticed() {
  made <<'P' || return 1
import numpy as np
random = np.random.default_rng(0)
for name in "real", "alike":
    np.save(name + ".npy", random.uniform(-1, 1, (100, 6)).astype(np.float32))
alike = np.load("alike.npy")
np.save("bytes.npy", 127.5 * (alike + 1))
np.save("unit.npy", (alike + 1) / 2)
np.save("narrow.npy", alike / 4)
np.save("point.npy", alike / 128)
P
  local against="--against real.npy --metrics fcd_mean_only" noticed='are in other units, --range'
  evaluate bytes.npy $against && says out '^values of bytes.npy are from [0-9.e-]+ to 25[0-9.]+, and those of the real samples from -[0-9.]+ to [0-9.]+: .*--range LOW,HIGH' &&
    evaluate unit.npy $against && says out "$noticed" && evaluate point.npy $against && says out "$noticed" && evaluate narrow.npy $against && ! grep -q -e "$noticed" out && evaluate alike.npy $against && ! grep -q -e "$noticed" out &&
    evaluate bytes.npy $against --range 0,255 && ! grep -q -e "$noticed" out && evaluate unit.npy $against --range 0,1 && ! grep -q -e "$noticed" out
}

# Values depend on how many samples they are of: the floor and noise have as many as are judged.
test_the_floor_is_of_as_many_samples_as_are_judged() {
  made <<'P' || return 1
import numpy as np
np.save("few.npy", np.random.default_rng(0).standard_normal((67, 2)).astype(np.float32))
P
  evaluate few.npy --data.source=ring --samples 2000 --metrics modes --json && made <<'P'
import json
found = json.load(open("out"))
assert found["samples"] == found["floor_samples"] == 67 and found["real_samples"] == 2000
for which in "floor", "noise":
    near = found[which]["high_quality"] * 67 # how many samples of the set
    assert near > 0 and abs(near - round(near)) < 1e-6, (which, near)
assert "--samples 2000: there are fewer judged samples, 67 of few.npy" in found["notices"], found["notices"]
P
}

test_sets_that_are_the_same_are_noticed() {
  images train 60 0 && images judged 40 1 && images other 40 2 && cp train-images-idx3-ubyte copy-images-idx3-ubyte && made <<'P' || return 1
import numpy as np
np.save("points.npy", np.random.default_rng(0).random((50, 2), np.float32))
np.save("more.npy", np.random.default_rng(1).random((50, 2), np.float32))
P
  local against="--against train-images-idx3-ubyte --features none --metrics fcd_mean_only"
  refuses 2 '--held-out train-images-idx3-ubyte: these are the samples of train-images-idx3-ubyte, which training has seen' judged-images-idx3-ubyte $against --held-out train-images-idx3-ubyte &&
    refuses 2 '--held-out copy-images-idx3-ubyte: these are the samples of train-images-idx3-ubyte' judged-images-idx3-ubyte $against --held-out copy-images-idx3-ubyte &&
    refuses 2 '--held-out judged-images-idx3-ubyte: these are the samples of judged-images-idx3-ubyte, which are to be judged' judged-images-idx3-ubyte $against --held-out judged-images-idx3-ubyte &&
    evaluate judged-images-idx3-ubyte $against --held-out other-images-idx3-ubyte && ! grep -q 'with itself' out || return 1
  evaluate copy-images-idx3-ubyte $against && says out '^copy-images-idx3-ubyte and the real samples of train-images-idx3-ubyte are the same' &&
    evaluate points.npy --against points.npy --range 0,1 && says out 'points.npy are the same: this compares a set with itself' &&
    evaluate points.npy --against more.npy && ! grep -q 'with itself' out
}

# Copies are found wherever they are in the training data, though 60 of them are the reference. The share is NumPy's.
test_copies_are_searched_for_among_all_training_samples() {
  images train 300 0 && images judged 50 1 && images other 60 2 && made <<'P' || return 1
judged, train = bytearray(open("judged-images-idx3-ubyte", "rb").read()), open("train-images-idx3-ubyte", "rb").read()
for i in range(20): judged[16 + 64 * i:80 + 64 * i] = train[16 + 64 * (15 * i):80 + 64 * (15 * i)]
open("judged-images-idx3-ubyte", "wb").write(judged)
P
  local against="--against train-images-idx3-ubyte --features none --metrics memorisation --held-out other-images-idx3-ubyte" np
  evaluate judged-images-idx3-ubyte $against --samples 300 --json && cp out all.json || return 1
  for np in 1 3; do
    run 0 mpi $np evaluate judged-images-idx3-ubyte $against --samples 60 --pairs $np.png --repeat 4 --json && cp out $np.json || return 1
  done
  cmp 1.json 3.json && cmp 1.png 3.png && made <<'P'
import json, numpy as np
def read(name): return np.frombuffer(open(name + "-images-idx3-ubyte", "rb").read()[16:], np.uint8).reshape(-1, 64).astype(float)
judged, train, other = read("judged"), read("train"), read("other")
nearest = lambda among: ((judged[:, None] - among[None]) ** 2).sum(2).min(1)
difference = nearest(train) - nearest(other)
share = lambda sign: ((difference * sign < 0) + 0.5 * (difference == 0)).sum()
right = share(1) / 300 / (share(1) / 300 + share(-1) / 60)
for name in "1.json", "all.json":
    found = json.load(open(name))
    assert abs(found["memorisation"] - right) < 1e-8, (found["memorisation"], right)
found = json.load(open("1.json"))
assert found["real_samples"] == 60 and 0 < found["standard_error"]["memorisation"] < 0.2, found
P
}

# Two of the judged images are training images, of which one is turned a little brighter.
test_the_closest_pairs_are_drawn() {
  images train 100 0 && images judged 40 5 && made <<'P' || return 1
judged, train = bytearray(open("judged-images-idx3-ubyte", "rb").read()), open("train-images-idx3-ubyte", "rb").read()
judged[16:80], judged[80:144] = train[16 + 64 * 7:80 + 64 * 7], bytes(value + 1 for value in train[16 + 64 * 4:80 + 64 * 4])
open("judged-images-idx3-ubyte", "wb").write(judged)
P
  local np
  for np in 1 3; do
    run 0 mpi $np evaluate judged-images-idx3-ubyte --against train-images-idx3-ubyte --no-floor --features none --metrics fcd_mean_only --pairs $np.png || return 1
  done
  cmp 1.png 3.png && made <<'P' || return 1
import struct, zlib
def rows(path): # grey, 8 bits, whatever filter each row has
    data, place, packed = open(path, "rb").read(), 8, b""
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place:place + 8])
        if kind == b"IHDR": width, height, bits, colour = struct.unpack(">IIBB", data[place + 8:place + 18])
        if kind == b"IDAT": packed += data[place + 8:place + 8 + length]
        place += length + 12
    channels = {0: 1, 2: 3}[colour]
    raw, out, before, stride = zlib.decompress(packed), [], bytes(width * channels), width * channels
    for y in range(height):
        line, filtered = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)]), raw[y * (stride + 1)]
        for x in range(stride):
            a, b = line[x - channels] if x >= channels else 0, before[x]
            c = before[x - channels] if x >= channels else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[x] = (line[x] + [0, a, b, (a + b) // 2, paeth][filtered]) % 256
        out.append(bytes(line[::channels]))
        before = line
    return out
picture, train = rows("1.png"), open("train-images-idx3-ubyte", "rb").read()
scale, space = 6, 2 # small images are enlarged
margin = (len(picture[0]) - 8 * 8 * scale - 7 * space) // 2
def image(column): # of the first line
    left = margin + column * (8 * scale + space)
    return bytes(picture[margin + scale * y][left + scale * x] for y in range(8) for x in range(8))
assert image(0) == image(1) == train[16 + 64 * 7:80 + 64 * 7], "the first pair is the copy"
assert image(3) == train[16 + 64 * 4:80 + 64 * 4] and image(2) == bytes(value + 1 for value in image(3)), "the second is nearly one"
P
  trained && refuses 2 'are no images' run --samples 50 --metrics modes --pairs p.png && refuses 2 'has to end in \.png' run --pairs p.h5 &&
    refuses 2 '--pairs is for one checkpoint' run --all --pairs p.png
}

# Values of an image of 8 bits, where the real ones are: numbers of floats are those of the same images as bytes.
test_images_are_rounded_as_files_have_them() {
  images train 120 0 && images t10k 60 1 && mkdir data && mv train-* t10k-* data && made <<'P' || return 1
import numpy as np
random = np.random.default_rng(5)
values = np.clip(random.normal(-0.2, 0.5, (50, 1, 8, 8)), -1.3, 1.3).astype(np.float32)
np.save("floats.npy", values)
np.save("bytes.npy", np.rint((np.clip(values.astype(float), -1, 1) + 1) * 127.5).astype(np.uint8))
np.save("large.npy", 127.5 * (values + 1))
np.save("smooth.npy", random.random((120, 1, 8, 8), np.float32))
np.save("table.npy", random.integers(0, 256, (120, 64)).astype(np.uint8))
P
  local against="--against data --features none" np
  evaluate bytes.npy $against --json && numbers out >bytes.json && says bytes.json '"rounded": true' || return 1
  for np in 1 3; do
    run 0 mpi $np evaluate floats.npy $against --json && numbers out >floats.json && cmp bytes.json floats.json || return 1
  done
  evaluate floats.npy $against --round 8bit --json && numbers out >floats.json && cmp bytes.json floats.json &&
    evaluate floats.npy $against --round none --json && says out '"rounded": false' && ! cmp -s <(numbers out) bytes.json &&
    evaluate floats.npy $against && says out '^values +rounded to 8 bits' && ! grep -q 'other units' out || return 1
  # What was cut off is still seen; images of other depths and tables of bytes stay what they are.
  evaluate large.npy $against && says out '^values of large.npy are from [-0-9.e]+ to 2[0-9.]+,.* are in other units' &&
    evaluate floats.npy --against smooth.npy --features none --json && says out '"rounded": false' &&
    evaluate table.npy --against table.npy --json && says out '"rounded": false' || return 1
  refuses 2 '--round 8bit is for images, and samples of table\.npy are none' table.npy --against table.npy --round 8bit &&
    refuses 2 '--round is 8bit or none, not 16bit' floats.npy $against --round 16bit
}

# What is held out lies elsewhere, so that noise comes out better.
test_features_that_do_not_tell_noise_from_data_are_noticed() {
  made <<'P' || return 1
import numpy as np
random = np.random.default_rng(0)
np.save("real.npy", random.random((80, 3), np.float32))
np.save("judged.npy", random.random((80, 3), np.float32))
np.save("far.npy", 9 + random.random((80, 3), np.float32))
np.save("narrow.npy", (random.integers(0, 2, (400, 3)) + 0.01 * random.random((400, 3))).astype(np.float32))
P
  evaluate judged.npy --against real.npy --held-out far.npy &&
    says out '^noise gets a better [a-z]+ than real samples: these features \(none: .*\) do not tell noise from data' || return 1
  evaluate judged.npy --against narrow.npy --metrics precision,fcd && ! grep -q 'do not tell noise' out
}

# The same energies by two maps have the same separation, and another one where their map is mistaken. Of volumes from a
# file, of which no power is known, it is that of the values, by numpy alone.
test_separation_of_showers_is_that_of_their_energies() {
  made <<'P' || return 1
import numpy as np
energies = np.random.default_rng(0).exponential(0.02, (120, 1, 5, 5, 5)).clip(0, 1)
for power in 0.25, 0.5: np.save(f"{power}.npy", (2 * energies ** power - 1).astype(np.float32))
P
  local showers="--data.source=showers --shower.cells=5 --samples 120 --no-floor --metrics separation --json"
  evaluate 0.25.npy $showers --shower.power=0.25 && cp out quarter && evaluate 0.5.npy $showers --shower.power=0.5 && cp out half &&
    evaluate 0.5.npy $showers --shower.power=0.25 && made <<'P' || return 1
import json
quarter, half, mistaken = (json.load(open(name))["separation"] for name in ("quarter", "half", "out"))
assert 0.05 < quarter < 0.95 and abs(quarter - half) < 0.01 and abs(mistaken - half) > 0.03, (quarter, half, mistaken)
P
  made <<'P' || return 1
import numpy as np
samples = np.load("0.25.npy")
random = np.random.default_rng(1)
np.save("real.npy", np.clip(samples + 0.3 * random.standard_normal(samples.shape), -1, 1).astype(np.float32))
P
  evaluate 0.25.npy --against real.npy --samples 120 --no-floor --metrics separation --json && made <<'P'
import json, numpy as np
found = json.load(open("out"))
fake, real = np.load("0.25.npy").astype(float)[:, 0], np.load("real.npy").astype(float)[:, 0]
least, most = real.min(), real.max()
def observe(samples):
    e = np.maximum((samples - least) / (most - least), 0)
    total, out = e.sum((1, 2, 3)), {}
    out["energy"] = total
    for axis, name in ((1, "z"), (2, "y"), (3, "x")):
        profile = e.sum(tuple(a for a in (1, 2, 3) if a != axis))
        place = np.arange(5.0)
        centre = (profile * place).sum(1) / total
        out["centre " + name] = centre
        out["width " + name] = np.sqrt((profile * (place - centre[:, None]) ** 2).sum(1) / total)
        if name == "z":
            out["maximum"] = profile.argmax(1).astype(float)
            layers = [profile[:, i] for i in range(5)]
    out["occupancy"] = (e > 1e-3).mean((1, 2, 3))
    return out, layers
def power(a, b):
    low, high = a.min(), a.max()
    place = lambda v: np.where(v < low, 0, np.where(v > high, 41, 1 + np.minimum(((v - low) / max(high - low, 1e-300) * 40).astype(int), 39)))
    p, q = (np.bincount(place(v), minlength=42) / len(v) for v in (a, b))
    return ((p - q) ** 2 / np.where(p + q > 0, p + q, 1)).sum() / 2
(a, la), (b, lb) = observe(real), observe(fake)
powers = [power(a[name], b[name]) for name in a]
layer = np.mean([power(x, y) for x, y in zip(la, lb)])
assert abs(found["separation"] - np.mean(powers + [layer])) < 0.01, (found["separation"], powers, layer)
P
}

# Inception of two channels everywhere: the script and the program without PyTorch.
test_inception_of_numpy_files_gives_features() {
  made <<'P' || return 1
import json, numpy as np, struct
random, state = np.random.default_rng(0), {}
def conv(name, channels, height, width):
    state[name + ".conv.weight"] = random.normal(0, (2 / (channels * height * width)) ** 0.5, (2, channels, height, width)).astype(np.float32)
    for part, values in (("weight", random.uniform(0.5, 1.5, 2)), ("bias", random.normal(0, 0.1, 2)), ("running_mean", random.normal(0, 0.1, 2)), ("running_var", random.uniform(0.5, 1.5, 2))):
        state[f"{name}.bn.{part}"] = values.astype(np.float32)
    return 2
def chain(block, channels, *convs):
    for name, height, width in convs: channels = conv(f"{block}.{name}", channels, height, width)
    return channels
for name, channels, size in (("Conv2d_1a_3x3", 3, 3), ("Conv2d_2a_3x3", 2, 3), ("Conv2d_2b_3x3", 2, 3), ("Conv2d_3b_1x1", 2, 1), ("Conv2d_4a_3x3", 2, 3)): conv(name, channels, size, size)
c = 2
for block in "Mixed_5b", "Mixed_5c", "Mixed_5d":
    c = (chain(block, c, ("branch1x1", 1, 1)) + chain(block, c, ("branch5x5_1", 1, 1), ("branch5x5_2", 5, 5)) +
         chain(block, c, ("branch3x3dbl_1", 1, 1), ("branch3x3dbl_2", 3, 3), ("branch3x3dbl_3", 3, 3)) + chain(block, c, ("branch_pool", 1, 1)))
c = chain("Mixed_6a", c, ("branch3x3", 3, 3)) + chain("Mixed_6a", c, ("branch3x3dbl_1", 1, 1), ("branch3x3dbl_2", 3, 3), ("branch3x3dbl_3", 3, 3)) + c
for block in "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e":
    c = (chain(block, c, ("branch1x1", 1, 1)) + chain(block, c, ("branch7x7_1", 1, 1), ("branch7x7_2", 1, 7), ("branch7x7_3", 7, 1)) +
         chain(block, c, ("branch7x7dbl_1", 1, 1), ("branch7x7dbl_2", 7, 1), ("branch7x7dbl_3", 1, 7), ("branch7x7dbl_4", 7, 1), ("branch7x7dbl_5", 1, 7)) + chain(block, c, ("branch_pool", 1, 1)))
c = chain("Mixed_7a", c, ("branch3x3_1", 1, 1), ("branch3x3_2", 3, 3)) + chain("Mixed_7a", c, ("branch7x7x3_1", 1, 1), ("branch7x7x3_2", 1, 7), ("branch7x7x3_3", 7, 1), ("branch7x7x3_4", 3, 3)) + c
for block in "Mixed_7b", "Mixed_7c":
    chain(block, c, ("branch1x1", 1, 1)), chain(block, c, ("branch3x3_1", 1, 1)), chain(block, c, ("branch3x3dbl_1", 1, 1), ("branch3x3dbl_2", 3, 3)), chain(block, c, ("branch_pool", 1, 1))
    for name in "branch3x3_2", "branch3x3dbl_3": chain(block, 2, (name + "a", 1, 3)), chain(block, 2, (name + "b", 3, 1))
    c = 12
state["fc.weight"], state["fc.bias"] = random.normal(0, 1, (1008, c)).astype(np.float32), np.zeros(1008, np.float32)
np.savez("weights.npz", **state)
header, place = {}, 0
for name, values in state.items():
    header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [place, place + values.nbytes]}
    place += values.nbytes
text = json.dumps(header).encode()
open("weights.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + b"".join(values.tobytes() for values in state.values()))
images = random.integers(0, 256, (20, 3, 8, 8)).astype(np.uint8)
np.save("one.npy", images)
np.save("other.npy", images // 2)
P
  local weights
  for weights in npz safetensors; do run 0 /usr/bin/python3 "$ROOT/scripts/inception.py" weights.$weights -o $weights.net.safetensors || return 1; done
  cmp npz.net.safetensors safetensors.net.safetensors &&
    evaluate other.npy --against one.npy --features npz.net.safetensors --metrics fcd,is --samples 6 --no-floor --json && says out '"feature_count": 12,' && says out '"fcd": [0-9.e-]+,' && says out '"is": [0-9.e-]+,' || return 1
  # The first convolution has its normalisation in it.
  made <<'P'
import json, numpy as np, struct
data = open("npz.net.safetensors", "rb").read()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + length])
first = next(entry for name, entry in header.items() if name.endswith(".weight") and entry["shape"] == [2, 3, 3, 3])
begin, end = (8 + length + place for place in first["data_offsets"])
state = np.load("weights.npz")
scale = state["Conv2d_1a_3x3.bn.weight"].astype(float) / np.sqrt(state["Conv2d_1a_3x3.bn.running_var"].astype(float) + 1e-3)
assert np.allclose(np.frombuffer(data[begin:end], "<f4").reshape(2, 3, 3, 3), state["Conv2d_1a_3x3.conv.weight"] * scale[:, None, None, None], rtol=1e-6, atol=0)
P
}

test_too_few_samples_are_noticed() {
  trained && evaluate run --samples 100 && says out '^100 samples are too few to compare with published values' &&
    evaluate run --samples 100 --json && says out '"notices": \[ "100 samples are too few' && [ ! -s err ]
}

test_changed_data_are_noticed() {
  images train 100 0 && run 0 "$PROGRAM" train --data.source=idx --data.path=train-images-idx3-ubyte --generator.latent=4 \
    --generator.layers="dense 64, reshape 1 8 8, tanh" --critic.layers="dense 1" --batch 16 --iterations 2 --samples.every=0 --eval.samples=16 --run.dir run &&
    evaluate run --samples 40 && ! grep -q 'data have changed' out && images train 100 7 && evaluate run --samples 40 &&
    says out 'is not what the generator was trained on'
}

test_output_to_a_pipe_has_no_progress_bar() {
  trained && "$PROGRAM" evaluate run --samples 5000 --metrics modes 2>err | cat >out && ! grep -q $'\r' out && [ ! -s err ] && says out '^high_quality +[0-9]'
}
test_a_terminal_shows_progress_and_ends_with_a_clean_line() {
  command -v script >/dev/null || skip "there is no script(1)"
  trained && script -qec "stty cols 90; $PROGRAM evaluate run --samples 20000 --metrics modes >table" shown >/dev/null && says table '^high_quality' && made <<'P'
shown = open("shown", newline="").read().split("\r")
assert any("samples  [" in line and line.endswith("%") for line in shown), shown
assert shown[-2] and not shown[-2].strip() and not shown[-1].split("Script done")[0].strip(), shown[-3:] # erased
P
}
test_a_terminal_shows_progress_of_ranks_too() {
  command -v script >/dev/null || skip "there is no script(1)"
  trained && script -qec "stty cols 90; $quiet_mpirun -np 2 $PROGRAM evaluate run --samples 20000 --metrics modes >table" shown >/dev/null &&
    says table '^high_quality' && grep -qE $'\r''real samples +\[#*-*\]' shown || return 1
  $quiet_mpirun -np 2 "$PROGRAM" evaluate run --samples 20000 --metrics modes >table 2>err && [ ! -s err ]
}

test_wrong_inputs_are_told_in_one_line() {
  trained && made <<'P' || return 1
import h5py, numpy as np
points = np.random.default_rng(0).random((50, 2), np.float32)
np.save("constant.npy", np.full((50, 2), 0.5, np.float32))
np.save("points.npy", points)
np.save("three.npy", np.zeros((50, 3), np.float32))
np.save("one.npy", points[:1])
np.save("few.npy", np.random.default_rng(1).random((3, 2), np.float32))
points[7, 1] = np.nan
np.save("nan.npy", points)
with h5py.File("two.h5", "w") as file: file["a"], file["b"] = points, points
P
  head -c 150 points.npy >cut.npy && head -c 3000 run/latest.h5 >cut.h5 && echo text >text.txt && mkdir empty &&
    refuses 2 'what is to be evaluated' && refuses 3 'missing\.h5' missing.h5 && refuses 3 'text\.txt is neither a checkpoint nor samples' text.txt --against run &&
    refuses 3 'empty is a folder without a checkpoint' empty && refuses 3 'empty has no checkpoint' empty --all &&
    refuses 3 'cut\.npy is cut short' cut.npy --against run && refuses 3 'cut\.h5' cut.h5 && refuses 2 'which are the real samples' points.npy &&
    refuses 2 'three\.npy are of shape \(3\), and the real ones of \(2\)' three.npy --against run && refuses 2 'one\.npy has too few samples .* there are 1, and 2 are needed$' one.npy --against run &&
    refuses 2 'one\.npy has too few held-out samples .* there are 1, and 2 are needed for the floor; --no-floor' few.npy --against points.npy --held-out one.npy &&
    refuses 2 'few\.npy has too few samples .* there are 3, and 4 are needed with a floor, .*; --no-floor' points.npy --against few.npy &&
    refuses 2 'memorisation cannot be computed: .* and --no-floor leaves them out' few.npy --against points.npy --held-out one.npy --no-floor --metrics memorisation &&
    refuses 3 'element 1 of sample 7 is nan' nan.npy --against run && refuses 2 'out of a, b; .*--dataset' two.h5 --against run &&
    refuses 3 'is neither a checkpoint' points.npy --against text.txt && refuses 2 '--all is for a run' points.npy --against run --all &&
    refuses 2 'which are judged by themselves' points.npy run --against run && refuses 2 'unknown metric "mods"; did you mean modes' run --metrics mods &&
    refuses 2 'all 25 real samples of constant\.npy have the same features \(none: the samples themselves\)' points.npy --against constant.npy &&
    refuses 2 'modes cannot be computed: needs data whose modes' points.npy --against points.npy --metrics modes || return 1
  refuses 2 '--metrics names none' run --metrics "" && evaluate run --samples 50 --metrics " modes , kid" && says out '^kid ' && says out '^modes ' &&
    refuses 2 '--samples has to be from 2' run --samples 1 && refuses 2 '--samples: ' run --samples many && refuses 2 '--repeat has to be' run --repeat 1 &&
    refuses 2 '--neighbours has to be' run --neighbours 0 && refuses 2 '--range' points.npy --against run --range 1 &&
    refuses 2 '--range: 2 is not less than 1' points.npy --against run --range 2,1 && refuses 2 '--range, --dataset and --axes are for files' run --range 0,1 &&
    refuses 3 'missing\.net' run --features missing.net && refuses 2 '--held-out run: it has to be a file' run --held-out run &&
    refuses 1 'GiB of memory, and .* GiB are there' run --samples 2000000000
}

# Files of other programs, by accident or not.
test_strange_files_are_told_in_one_line() {
  trained && made <<'P' || return 1
import h5py, numpy as np
points = np.random.default_rng(0).random((50, 2))
np.save("complex.npy", points.astype(complex))
np.save("text.npy", points.astype(str))
np.save("object.npy", np.array([{}, 1], object), allow_pickle=True)
np.save("half.npy", points.astype(np.float16))
np.save("integer.npy", (points * 9).astype(np.int64))
np.save("none.npy", points[:0])
np.save("scalar.npy", np.float32(1))
np.save("narrow.npy", points[:, :0])
np.save("huge.npy", np.where(points > 0.5, 1e300, 0))
np.save("large.npy", np.where(points > 0.5, 3e38, -3e38).astype(np.float32))
open("empty.npy", "w").close()
open("empty.h5", "w").close()
h5py.File("nothing.h5", "w").close()
with h5py.File("words.h5", "w") as file: file["words"] = [b"a", b"b"]
with h5py.File("empty_set.h5", "w") as file: file["samples"] = points[:0]
with h5py.File("nan.h5", "w") as file: file["samples"] = np.where(np.arange(100).reshape(50, 2) == 77, np.nan, points)
with h5py.File("points.h5", "w") as file: file["samples"] = points
P
  local file
  for file in complex text object half integer none scalar narrow huge; do refuses 3 "$file\.npy" $file.npy --against run || return 1; done
  for file in empty.npy empty.h5 nothing.h5 words.h5 empty_set.h5; do refuses 3 "${file/./\\.}" $file --against run || return 1; done
  refuses 3 'element 1 of sample 38 is nan' nan.h5 --against run && refuses 3 'missing' points.h5 --dataset missing --against run &&
    refuses 3 'object\.npy' points.h5 --against object.npy && refuses 3 'nan\.h5' points.h5 --against nan.h5 && refuses 3 'nan\.h5' points.h5 --against run --held-out nan.h5 || return 1
  # Values that float32 just holds: numbers, or one message of all ranks.
  timeout 60 $quiet_mpirun -np 2 "$PROGRAM" evaluate large.npy --against run >out 2>err || one_message
}

# Ranks agree on what only one of them meets, too.
test_wrong_inputs_end_all_ranks() {
  trained && made <<'P' || return 1
import numpy as np
points = np.zeros((2000, 2), np.float32)
points[1999, 1] = np.inf
np.save("inf.npy", points)
P
  run 3 mpi 3 evaluate inf.npy --against run && one_message && says err 'element 1 of sample 1999 is inf' &&
    run 3 mpi 2 evaluate missing.h5 && one_message && run 2 mpi 3 evaluate run --metrics nothing && one_message
}

# In the midst of its work a process has used a second of the CPU.
works() { local ticks; ticks=$(awk '{print $14 + $15}' "/proc/$1/stat" 2>/dev/null) && [ "${ticks:-0}" -ge 100 ]; }
ended_by() { # STATUS (a pattern: mpirun's is its own) SIGNAL COMMAND...: the job is ended by the signal while its last process works
  local status=$1 signal=$2 job process
  shift 2
  "$@" --samples 400000 --repeat 1000 >out 2>err &
  job=$!
  working() { process=$(pgrep -n -P $job || echo $job); works "$process"; }
  wait_until 60 working && kill -$signal $job && wait_until 20 gone $job && wait_until 20 gone "$process" || { kill -KILL $job; return 1; }
  wait $job
  local is=$?
  [[ $is == $status ]] && says err '^gan_dist: ended by a signal' && one_message && [ ! -s out ] && return 0
  note "exit status $is, expected $status"
  cat err
  return 1
}
# A run keeps the path of its data as it was given.
test_data_of_a_run_that_are_elsewhere_now_are_named_by_an_option() {
  images train 100 0 && run 0 "$PROGRAM" train --data.source=idx --data.path=train-images-idx3-ubyte --generator.latent=4 \
    --generator.layers="dense 64, reshape 1 8 8, tanh" --critic.layers="dense 1" --batch 16 --iterations 2 --samples.every=0 --eval.samples=16 --run.dir run || return 1
  mkdir elsewhere && cd elsewhere || return 1
  run 3 mpi 2 evaluate ../run --metrics fcd && one_message && says err 'train-images-idx3-ubyte: No such file.*--data\.path' || return 1
  run 0 mpi 2 evaluate ../run --metrics fcd --data.path=../train-images-idx3-ubyte
}

# A job in the background ignores SIGINT, unless it is told not to.
test_a_signal_in_its_midst_ends_it_on_all_ranks_and_leaves_nothing() {
  images train 300 0 && run 0 "$PROGRAM" train --data.source=idx --data.path=train-images-idx3-ubyte --generator.latent=4 \
    --generator.layers="dense 64, reshape 1 8 8, tanh" --critic.layers="dense 1" --batch 16 --iterations 2 --samples.every=0 --eval.samples=16 --run.dir run || return 1
  touch out err before && ls . run >before
  ended_by 143 TERM "$PROGRAM" evaluate run --pairs pairs.png && ended_by 130 INT env --default-signal=INT "$PROGRAM" evaluate run --pairs pairs.png &&
    OMPI_MCA_odls_base_sigkill_timeout=1 ended_by '[1-9]*' TERM $quiet_mpirun -np 3 "$PROGRAM" evaluate run --pairs pairs.png || return 1
  ls . run | diff before -
}

run_tests
