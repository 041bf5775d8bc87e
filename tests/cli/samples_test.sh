# Files of samples: what they say of themselves, and that others can make the samples again from it (docs/sampling.md).
. "$(dirname "$0")/support.sh"

made() { /usr/bin/python3 - "$@"; } # a check in Python, of numpy and h5py
replay() { run "$1" /usr/bin/python3 "$ROOT/scripts/replay_samples.py" "${@:2}"; }
# snippet N: the Nth snippet of Python on the page
snippet() { awk -v wanted="$1" '/^```python/ {n++; on = 1; next} /^```/ {on = 0} on && n == wanted' "$ROOT/docs/sampling.md"; }
average() { run 0 "$PROGRAM" train "${tiny[@]}" --iterations 3 --train.ema_decay=0.9 --run.dir run; }

test_samples_say_where_they_come_from() {
  average && run 0 "$PROGRAM" sample run/latest.h5 -n 10 --seed 7 -o a.h5 &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 10 --truncation 1.5 --samples.ema=no --backend openblas -o b.h5 &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 10 --interpolate -o c.h5 || return 1
  made "$("$PROGRAM" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -1)" <<'P' || return 1
import h5py, sys
seal = open("run/checkpoint-0000003.h5", "rb").read(512).decode().split("xxh3-128 ")[1].split("\n")[0]
def attributes(name):
    values = dict(h5py.File(name, "r").attrs)
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in values.items()}
a, b, c = (attributes(name) for name in ("a.h5", "b.h5", "c.h5"))
same = {"kind": "gan_dist samples", "program_version": sys.argv[1], "checkpoint": "checkpoint-0000003.h5",
        "checkpoint_hash": seal, "iteration": 3, "precision": "float32", "latent_stream": 5, "latent_distribution": "normal"}
own = {"weights": "ema", "seed": 7, "truncation": 0, "interpolation_steps": 0}
assert a.pop("backend") in ("onednn", "openblas")
assert a == {**same, **own}, a
assert b == {**same, **own, "weights": "generator", "seed": 0, "truncation": 1.5, "backend": "openblas"}, b
assert c["interpolation_steps"] == 8 and c["seed"] == 0, c
P
  run 0 "$PROGRAM" inspect b.h5 && says out '^  checkpoint +checkpoint-0000003\.h5$' && says out '^  weights +generator$' &&
    says out '^  truncation +1\.5$' && says out '^  latent distribution +normal$' || return 1
  run 0 "$PROGRAM" inspect a.h5 --json && says out '"origin": \{.*"iteration": 3, "weights": "ema".*"seed": 7' || return 1
  # The hash is what inspect shows of the checkpoint.
  local hash
  hash=$(grep -oE '"checkpoint_hash": "[0-9a-f]{32}"' out | cut -d'"' -f4) && run 0 "$PROGRAM" inspect run/latest.h5 && says out "^  hash +$hash\$"
}

# What earlier versions wrote, and other programs.
test_samples_without_an_origin_are_shown_as_before() {
  average && run 0 "$PROGRAM" sample run/latest.h5 -n 10 -o new.h5 && h5copy -i new.h5 -o old.h5 -s samples -d samples &&
    run 0 "$PROGRAM" inspect old.h5 && says out '^  samples +10$' && ! grep -q 'made by' out &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 10 -o old.h5 && run 0 "$PROGRAM" inspect old.h5 && says out 'made by gan_dist sample'
}

# Every setting; odd numbers of latents, seeds of more than 32 bits, more rows than are written together.
test_latents_are_those_of_the_formula_bit_for_bit() {
  run 0 "$PROGRAM" train "${tiny[@]}" --generator.latent=7 --iterations 1 --run.dir run &&
    run 0 "$PROGRAM" train "${tiny[@]}" --generator.latent_distribution=uniform --iterations 1 --run.dir uniform || return 1
  local way
  for way in "run/latest.h5" "run/latest.h5 --seed 1234567890123456789" "run/latest.h5 --truncation 0.5" "run/latest.h5 --truncation 0.1" \
    "run/latest.h5 --interpolate" "run/latest.h5 --interpolate --truncation 1" "uniform/latest.h5" "uniform/latest.h5 --interpolate"; do
    run 0 "$PROGRAM" sample $way -n 4501 -o samples.h5 && replay 0 samples.h5 --latents && says out '^latents .*agrees$' || { note "$way"; return 1; }
  done
}
test_the_formula_is_philox_and_box_muller() {
  PYTHONPATH=$ROOT/scripts made <<'P'
import numpy as np
from latents import drawn, normal, philox, uniform
# kat_vectors of Random123
f = 0xFFFFFFFF
for counter, key, answer in [
        ((0, 0, 0, 0), (0, 0), (0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)),
        ((f, f, f, f), (f, f), (0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)),
        ((0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344), (0xa4093822, 0x299f31d0), (0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1))]:
    assert tuple(int(word) for word in philox(counter, key)) == answer
u = uniform(3, 5, 0, np.arange(1000), 10).astype(np.float64)
radius, angle = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]
expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1).reshape(1000, 10)
assert abs(normal(3, 5, 0, np.arange(1000), 10) - expected).max() < 2e-6
assert abs(drawn(3, np.arange(1000), 10, truncation=0.3)).max() <= 0.3
P
}
test_the_documented_snippet_gives_the_latents() {
  average && run 0 "$PROGRAM" sample run/latest.h5 -n 1000 -o samples.h5 && snippet 1 >snippet.py &&
    run 0 /usr/bin/python3 snippet.py && awk '{exit !($1 < 1e-5)}' out || { cat out; return 1; }
}
test_latents_of_training_have_the_documented_addresses() {
  run 0 mpi 2 train "${tiny[@]}" --train.n_critic 3 --iterations 4 --seed 11 --trace trace.h5 --trace-steps 16 --run.dir run || return 1
  PYTHONPATH=$ROOT/scripts made <<'P'
import h5py, numpy as np
from latents import normal
updates = [group for name, group in h5py.File("trace.h5", "r").items() if name.startswith("update_")]
done = {"critic": 0, "generator": 0}
for update in updates:
    network = update.attrs["network"]
    network = network.decode() if isinstance(network, bytes) else network
    z = update["z"][:]
    assert (z == normal(11, {"critic": 3, "generator": 4}[network], done[network], np.arange(len(z)), z.shape[1])).all(), update.name
    done[network] += 1
assert done == {"critic": 12, "generator": 4}, done
P
}

# By numpy alone: "dense 16, relu, dense 2" of the checkpoint's tensors.
test_samples_of_a_dense_generator_are_what_numpy_makes_of_the_checkpoint() {
  local weights
  average || return 1
  for weights in ema generator; do
    run 0 "$PROGRAM" sample run/latest.h5 -n 5000 --samples.ema=$([ $weights = ema ] && echo yes || echo no) -o samples.h5 || return 1
    made $weights <<'P' || return 1
import h5py, numpy as np, sys
file = h5py.File("samples.h5", "r")
tensors = {name: tensor[()].astype(np.float64) for name, tensor in h5py.File("run/latest.h5", "r")[sys.argv[1]].items()}
hidden = np.maximum(file["latents"][:].astype(np.float64) @ tensors["0.weight"].T + tensors["0.bias"], 0)
samples = hidden @ tensors["2.weight"].T + tensors["2.bias"]
assert abs(samples - file["samples"][:]).max() < 1e-5 * abs(samples).max()
P
  done
}
test_pytorch_makes_the_same_samples() {
  pytorch_only
  run 0 "$PROGRAM" train --preset fashion "${image_layers[@]}" --batch 24 --iterations 2 --train.n_critic 1 --eval.samples=16 --run.dir run &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 100 -o samples.h5 && replay 0 samples.h5 run && says out '^samples .*agrees$' || return 1
  cp run/latest.h5 checkpoint.h5 && snippet 2 | sed "s:\"scripts\":\"$ROOT/scripts\":" >snippet.py && run 0 "$python" snippet.py &&
    awk '{exit !($1 < 1e-5)}' out || { cat out; return 1; }
}
test_a_replay_finds_what_is_not_of_the_formula() {
  average && run 0 "$PROGRAM" sample run/latest.h5 -n 1500 -o samples.h5 && made <<'P' || return 1
import h5py, numpy as np
with h5py.File("samples.h5", "r+") as file:
    file["latents"][1400, 2] = np.nextafter(file["latents"][1400, 2], np.float32(9))
P
  replay 1 samples.h5 --latents && says out '^latents .*DIFFERS$' && replay 1 run/latest.h5 --latents && says err 'does not say how it was made'
}
# A traceback is for who mends the script. What needs no PyTorch is told before it is looked for.
test_a_replay_says_in_a_line_what_is_wrong_with_its_files() {
  average && run 0 "$PROGRAM" sample run -n 20 -o samples.h5 && mkdir empty && head -c 3000 samples.h5 >half.h5 && echo text >text.h5 || return 1
  says_no() { replay 1 "${@:2}" && [ "$(wc -l <err)" -eq 1 ] && says err "^replay_samples: $1"; }
  says_no 'there is no nothing.h5' nothing.h5 run && says_no 'there is no nowhere' samples.h5 nowhere &&
    says_no 'cannot read empty' empty run && says_no 'cannot read half.h5' half.h5 run && says_no 'cannot read text.h5' text.h5 run &&
    says_no 'text.h5 is no checkpoint' samples.h5 text.h5 && says_no 'the checkpoint of these samples, .* is not in empty' samples.h5 empty
}

test_samples_are_the_same_at_any_np_and_for_any_number() {
  local way
  average || return 1
  for way in "" --interpolate --truncation=0.6; do
    run 0 "$PROGRAM" sample run/latest.h5 -n 9001 $way -o many.h5 && run 0 mpi 3 sample run/latest.h5 -n 9001 $way -o three.h5 &&
      cmp many.h5 three.h5 && run 0 "$PROGRAM" sample run/latest.h5 -n 77 $way -o few.h5 && made <<'P' || return 1
import h5py
many, few = h5py.File("many.h5", "r"), h5py.File("few.h5", "r")
for name in ("samples", "latents"):
    assert (many[name][:77] == few[name][:]).all() and len(many[name]) == 9001, name
assert len({row.tobytes() for row in many["latents"][:]}) >= 9001 * 3 // 4
P
  done
}
# 2 million samples and their latents are 48 MB.
test_many_samples_take_no_more_memory_than_some() {
  plain_build_only
  average && made "$PROGRAM" <<'P'
import resource, subprocess, sys
def peak(count):
    subprocess.run([sys.argv[1], "sample", "run/latest.h5", "-n", str(count), "-o", "samples.h5"], check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
some = peak(5000)
assert peak(2000000) < some + 8000, (some, peak(2000000))
P
}
test_more_samples_than_addresses_are_refused() {
  average && run 2 "$PROGRAM" sample run/latest.h5 -n 4294967297 -o samples.h5 && one_message && says err '4294967296 samples' && [ ! -e samples.h5 ]
}

run_tests
