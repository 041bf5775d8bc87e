# Losses in training: what they are computed from, label flips, weights of samples; and their pictures.
. "$(dirname "$0")/support.sh"

# points.h5: 60 points in the plane, with weights, some of them 0.
make_points() {
  /usr/bin/python3 - <<'P'
import h5py, numpy
random = numpy.random.default_rng(5)
with h5py.File("points.h5", "w") as file:
    file["points"] = random.normal(size=(60, 2)).astype("f4")
    file["weights"] = numpy.where(random.random(60) < 0.25, 0, random.random(60) * 3)
    file["ones"] = numpy.ones(60, "u1")
P
}
points=(--data.source=hdf5 --data.path=points.h5 --data.dataset=points)
# The trace's names and numbers, and the same from formulas of numpy.
formulas='
import sys, h5py, numpy
sys.path.insert(0, "'"$ROOT"'/scripts")
import latents
def softplus(x): return numpy.logaddexp(0, x)
def entropy(x, t): return softplus(x) - t * x
def mean(l, w): return (w * l).sum() / (w != 0).sum()
def average(x, w): return (w * x).sum() / w.sum()
def updates(trace):
    with h5py.File(trace) as file:
        names = sorted(name for name in file if name.startswith("update"))
        return [({key: file[name][key][()].astype("f8") for key in file[name]}, dict(file[name].attrs)) for name in names]
def weights_of(real, file="points.h5"):
    with h5py.File(file) as data:
        points, weights = data["points"][()].astype("f8"), data["weights"][()]
    return numpy.array([weights[abs(points - row).sum(1).argmin()] for row in real])
def is_critic(about): return about["network"] in ("critic", b"critic")
'

test_relativistic_losses_are_the_same_at_any_np_and_resumed() {
  local ranks loss options
  for loss in relativistic_average relativistic_paired relativistic_hinge; do
    options=("${tiny[@]}" --loss.name $loss --iterations 8 --train.n_critic=2 --critic.clip=0 --batch 29
      --critic.layers="dense 16, batch_norm, leaky_relu 0.2, dense 1")
    run 0 mpi 1 train "${options[@]}" --run.dir $loss-1 || return 1
    for ranks in 2 3 5 8; do
      [ $loss = relativistic_hinge ] || [ $ranks -eq 3 ] || continue
      run 0 mpi $ranks train "${options[@]}" --run.dir $loss-$ranks && same_state $loss-1/latest.h5 $loss-$ranks/latest.h5 || return 1
    done
    run 75 mpi 5 train "${options[@]}" --run.dir $loss-parts --run.stop_at=3 && run 0 mpi 2 train "${options[@]}" --run.dir $loss-parts --resume &&
      same_state $loss-1/latest.h5 $loss-parts/latest.h5 || return 1
  done
  other_bits relativistic_average-1/latest.h5 relativistic_paired-1/latest.h5 /generator
}

test_flips_and_weights_are_the_same_at_any_np_and_resumed() {
  make_points
  local ranks options=("${tiny[@]}" "${points[@]}" --data.weights=weights --loss.name minimax --loss.label_flips=0.1 --iterations 8
    --train.n_critic=2 --critic.clip=0 --batch 29)
  for ranks in 1 2 3 5 8; do
    run 0 mpi $ranks train "${options[@]}" --run.dir np$ranks && same_state np1/latest.h5 np$ranks/latest.h5 || return 1
  done
  run 75 mpi 8 train "${options[@]}" --run.dir parts --run.stop_at=3 && run 0 mpi 3 train "${options[@]}" --run.dir parts --resume &&
    same_state np1/latest.h5 parts/latest.h5 || return 1
  run 0 mpi 2 train "${options[@]}" --loss.label_flips=0 --run.dir without && other_bits np1/latest.h5 without/latest.h5 /critic || return 1
  run 0 mpi 2 train "${options[@]}" --data.weights= --run.dir alike && other_bits np1/latest.h5 alike/latest.h5 /critic || return 1
  # Weights of relativistic losses go with the real samples into the generator's step.
  options=("${tiny[@]}" "${points[@]}" --data.weights=weights --loss.name relativistic_average --iterations 4 --critic.clip=0)
  run 0 mpi 1 train "${options[@]}" --run.dir a1 && run 0 mpi 3 train "${options[@]}" --run.dir a3 && same_state a1/latest.h5 a3/latest.h5
}

# A weight of 1 for each sample costs an exchange, and changes no bit.
test_weights_of_one_change_nothing() {
  make_points
  local options=("${tiny[@]}" "${points[@]}" --iterations 3)
  run 0 mpi 2 train "${options[@]}" --run.dir plain && run 0 mpi 2 train "${options[@]}" --data.weights=ones --run.dir ones &&
    same_state plain/latest.h5 ones/latest.h5 /critic /generator
}

# By numpy, from the scores that a trace has: weights by the values of the points, flips by an independent Philox.
test_recorded_losses_follow_from_scores_weights_and_flips() {
  make_points
  local options=("${tiny[@]}" "${points[@]}" --data.weights=weights --critic.clip=0 --iterations 3 --train.n_critic=2 --seed 7 --trace-steps 9
    --optimizer.learning_rate=0.01)
  run 0 mpi 3 train "${options[@]}" --loss.name minimax --loss.label_flips=0.3 --loss.label_smoothing=0.5 --run.dir a --trace a.h5 &&
    run 0 mpi 3 train "${options[@]}" --loss.name relativistic_average --run.dir b --trace b.h5 &&
    run 0 mpi 3 train "${options[@]}" --loss.name relativistic_paired --run.dir c --trace c.h5 || return 1
  /usr/bin/python3 - <<P
$formulas
def minimax(r, f, w, about, critic):
    if not critic: return -softplus(f).mean()
    u = latents.uniform(7, 17, int(about["step"]), numpy.arange(len(f)), 2).astype("f8")
    flips = u < 0.3
    assert flips.any()
    real = numpy.where(flips[:, 0], entropy(r, 0), entropy(r, 0.75))
    fake = numpy.where(flips[:, 1], entropy(f, 0.75), entropy(f, 0))
    return mean(real, w) + fake.mean()
def relativistic_average(r, f, w, about, critic):
    sign = 1 if critic else -1
    return mean(softplus(-sign * (r - f.mean())), w) + softplus(sign * (f - average(r, w))).mean()
def relativistic_paired(r, f, w, about, critic):
    return mean(softplus((r - f) * (-1 if critic else 1)), w)
for trace, formula in ("a.h5", minimax), ("b.h5", relativistic_average), ("c.h5", relativistic_paired):
    found = updates(trace)
    assert len(found) == 9
    for values, about in found:
        critic = is_critic(about)
        weights = weights_of(values["real"]) if "real" in values else None
        assert critic or ("real" in values) == (trace != "a.h5")
        expected = formula(values.get("score_real"), values["score_fake"], weights, about, critic)
        assert abs(values["loss"] - expected) < 1e-6 * max(1, abs(expected)), (trace, values["loss"], expected)
P
}

# Of the generator, by differences: the networks are computed by numpy in float64 from the traced parameters, latents and
# real samples. Only the generated samples' scores depend on its parameters.
test_the_generators_gradient_of_a_relativistic_loss_is_its_slope() {
  local loss options=("${tiny[@]}" --critic.clip=0 --iterations 2 --train.n_critic=1 --trace-steps 4 --optimizer.learning_rate=0.05
    --generator.layers="dense 2" --critic.layers="dense 6, tanh, dense 1" --batch 12 --shards 3)
  for loss in relativistic_average relativistic_paired relativistic_hinge; do
    run 0 mpi 2 train "${options[@]}" --loss.name $loss --run.dir $loss --trace $loss.h5 || return 1
  done
  /usr/bin/python3 - <<P
$formulas
def score(c, x): return numpy.tanh(x @ c[:12].reshape(6, 2).T + c[12:18]) @ c[18:24] + c[24]
def generate(g, z): return z @ g[:8].reshape(2, 4).T + g[8:]
def hinge(x): return numpy.maximum(0, x)
losses = {
    "relativistic_average": lambda r, f: softplus(r - f.mean()).mean() + softplus(r.mean() - f).mean(),
    "relativistic_paired": lambda r, f: softplus(r - f).mean(),
    "relativistic_hinge": lambda r, f: hinge(1 + r - f.mean()).mean() + hinge(1 - (f - r.mean())).mean()}
for name, loss in losses.items():
    with h5py.File(name + ".h5") as file: generator = file["initial/generator"][()].astype("f8")
    for values, about in updates(name + ".h5"):
        if is_critic(about):
            critic = values["parameters"]
            continue
        def of(g): return loss(score(critic, values["real"]), score(critic, generate(g, values["z"])))
        slope = [(of(generator + step) - of(generator - step)) / 2e-5 for step in 1e-5 * numpy.eye(10)]
        assert abs(values["gradient"]).max() > 1e-3
        assert abs(values["gradient"] - slope).max() < 2e-5 * max(1, abs(values["gradient"]).max()), (name, values["gradient"], slope)
        generator = values["parameters"]
P
}

test_flips_are_refused_where_samples_have_no_class() {
  local loss
  for loss in wasserstein relativistic_average relativistic_paired relativistic_hinge; do
    run 2 "$PROGRAM" train "${tiny[@]}" --iterations 1 --loss.name $loss --loss.label_flips=0.05 && one_message && says err 'loss.label_flips' || return 1
  done
  run 2 "$PROGRAM" train "${tiny[@]}" --loss.name least_squares --loss.real_label=0 && one_message && says err 'tell apart' || return 1
  run 2 "$PROGRAM" train "${tiny[@]}" --loss.name minimax --loss.label_flips=0.6 && one_message && says err 'loss.label_flips' && [ ! -e runs ]
}

test_weights_that_are_none_are_refused() {
  make_points
  /usr/bin/python3 - <<'P'
import h5py, numpy
with h5py.File("points.h5", "a") as file:
    file["negative"] = numpy.where(numpy.arange(60) == 7, -1.0, 1.0)
    file["broken"] = numpy.where(numpy.arange(60) == 9, numpy.nan, 1.0)
    file["large"] = numpy.where(numpy.arange(60) == 9, 1e300, 1.0)
    file["zeros"] = numpy.zeros(60)
    file["short"] = numpy.ones(59)
    file["square"] = numpy.ones((60, 2))
    file["texts"] = [b"1"] * 60
    file["scalar"] = 1.0
P
  local name words=(train "${tiny[@]}" "${points[@]}" --iterations 1)
  for name in 'negative:sample 7 is -1' 'broken:sample 9 is nan' 'large:sample 9 is inf' 'zeros:all 60' 'short:59 rows' 'square:2 dimensions' 'texts:' 'scalar:weights one number for each' \
    'missing:missing'; do
    run 3 "$PROGRAM" "${words[@]}" --data.weights="${name%%:*}" && one_message && says err 'data.weights' && says err "${name#*:}" || return 1
  done
  # The first 8 samples have none but the seventh.
  run 3 mpi 2 "${words[@]}" --data.weights=negative --data.samples=8 && one_message && run 0 "$PROGRAM" "${words[@]}" --data.weights=negative --data.samples=7 \
    --run.dir few
}

test_a_column_of_weights_is_a_list() {
  make_points
  /usr/bin/python3 -c "
import h5py, numpy
with h5py.File('points.h5', 'a') as file:
    file['column'] = file['weights'][()][:, None]
    file['huge'] = numpy.full(60, 1e30)"
  local words=("${tiny[@]}" "${points[@]}" --iterations 2)
  run 0 "$PROGRAM" train "${words[@]}" --data.weights=weights --run.dir list && run 0 "$PROGRAM" train "${words[@]}" --data.weights=column --run.dir column &&
    same_state list/latest.h5 column/latest.h5 /critic /generator || return 1
  run 1 mpi 2 train "${words[@]}" --data.weights=huge --run.dir huge && one_message && says err 'gradient is .*data\.weights multiply the loss'
}
test_a_run_goes_on_with_its_weights_only() {
  make_points
  local options=("${tiny[@]}" "${points[@]}" --iterations 4 --run.dir run)
  run 75 mpi 2 train "${options[@]}" --data.weights=weights --run.stop_at=2 || return 1
  run 2 mpi 2 train "${options[@]}" --data.weights=ones --resume && one_message && says err 'other data' || return 1
  run 2 mpi 2 train "${options[@]}" --data.weights= --resume && one_message || return 1
  run 0 mpi 3 train "${options[@]}" --resume && says run/config.ini '^weights = weights$'
}

# Weights of IDX images: one-dimensional files of bytes, float32 or float64, big-endian, plain or gzip.
test_weights_of_idx_images_are_those_of_hdf5() {
  /usr/bin/python3 - <<'P'
import gzip, h5py, numpy, struct
random = numpy.random.default_rng(3)
images, weights = random.integers(0, 256, (50, 4, 4)).astype("u1"), random.integers(0, 4, 50).astype("u1")
def idx(code, values): return struct.pack(">BBBB%dI" % values.ndim, 0, 0, code, values.ndim, *values.shape) + values.tobytes()
open("images", "wb").write(idx(8, images))
open("bytes", "wb").write(idx(8, weights))
open("float32", "wb").write(idx(13, weights.astype(">f4")))
gzip.open("float64.gz", "wb").write(idx(14, weights.astype(">f8")))
open("int32", "wb").write(idx(12, weights.astype(">i4")))
open("cut", "wb").write(idx(13, weights.astype(">f4"))[:-1])
open("short", "wb").write(idx(13, weights[:49].astype(">f4")))
with h5py.File("images.h5", "w") as file: file["images"], file["w"] = images[:, None], weights
P
  local file networks=("${tiny[@]}" --eval.samples=16 --generator.layers="dense 16, tanh, reshape 1 4 4" --critic.layers="dense 4, relu, dense 1" --iterations 3)
  run 0 mpi 2 train "${networks[@]}" --data.source=hdf5 --data.path=images.h5 --data.weights=w --run.dir hdf5 || return 1
  for file in bytes float32 float64.gz; do
    run 0 mpi 2 train "${networks[@]}" --data.source=idx --data.path=images --data.weights=$file --run.dir run-$file &&
      same_state hdf5/latest.h5 run-$file/latest.h5 /critic /generator || return 1
  done
  for file in int32:int32 cut:announces short:'49 weights for the 50 images' missing:missing; do
    run 3 mpi 2 train "${networks[@]}" --data.source=idx --data.path=images --data.weights=${file%%:*} && one_message && says err 'data.weights' &&
      says err "${file#*:}" || return 1
  done
}

test_inspect_tells_of_weights() {
  make_points
  run 0 "$PROGRAM" inspect points.h5 --data.dataset=points --data.weights=ones && says out 'weights +1 to 1, mean 1; 0 are 0' &&
    run 0 "$PROGRAM" inspect points.h5 --data.dataset=points --data.weights=weights --json && /usr/bin/python3 -c "
import h5py, json
weights, found = h5py.File('points.h5')['weights'][()], json.load(open('out'))['weights']
assert found['zeros'] == (weights == 0).sum() > 5 and abs(found['maximum'] - weights.max()) < 1e-6 and abs(found['mean'] - weights.mean()) < 1e-6"
}

test_synthetic_data_have_no_weights_which_is_said() {
  "$PROGRAM" train "${tiny[@]}" --iterations 1 --data.weights=weights --run.dir run >out 2>&1
  says out 'data.weights'
}

# The block holds the critic's real and generated samples behind what the generator keeps; measured by memory_test.sh.
test_real_samples_in_the_generators_step_are_in_the_plan() {
  run 0 "$PROGRAM" config --memory --json --loss.name minimax && mv out plain && run 0 "$PROGRAM" config --memory --json --loss.name relativistic_average || return 1
  /usr/bin/python3 - <<'P'
import json
def rows(name): return {row["what"]: row["rank"] for row in json.load(open(name))["memory_bytes"] if row["of"] == "passes"}
plain, real = rows("plain"), rows("out")
generator, critic = real["in it, generator: forward and back"], real["in it, critic: real and generated"]
assert real["outputs and gradients of layers"] == generator + critic > plain["outputs and gradients of layers"]
assert "in it, critic: generated" in plain and "in it, critic: generated" not in real
P
}

json() { /usr/bin/python3 -c "import json; d = json.load(open('out')); $1"; }
test_a_picture_of_losses() {
  run 0 "$PROGRAM" loss minimax modified_minimax wasserstein --plot three.png && [ "$(cat out)" = "curves of minimax, modified_minimax, wasserstein in three.png" ] && [ ! -s err ] && [ "$(head -c 4 three.png | tail -c 3)" = PNG ] ||
    return 1
  run 0 "$PROGRAM" loss least_squares --plot one.png --loss.real_label=2 --from -1 --to 3 --real 1 --fake 0 --json && [ -s one.png ] &&
    json "assert d['path'] == 'one.png' and d['losses'] == ['least_squares'] and d['critic_loss'] == 0.5" &&
    run 0 "$PROGRAM" loss minimax logistic --plot two.png --json && [ -s two.png ] && [ ! -s err ] &&
    json "assert d == {'losses': ['minimax', 'logistic'], 'path': 'two.png'}" || return 1
  # A picture may be replaced, and nothing else.
  run 0 mpi 2 loss logistic --plot three.png && ! cmp -s one.png three.png && echo notes >notes.png &&
    run 2 "$PROGRAM" loss logistic --plot notes.png && one_message && [ "$(cat notes.png)" = notes ] || return 1
  run 2 "$PROGRAM" loss logistic --plot picture.jpg && one_message && says err 'has to end in .png' || return 1
  run 1 "$PROGRAM" loss logistic --plot nowhere/picture.png --real 1 --fake 2 --json && [ ! -s out ] && one_message && says err 'nowhere' || return 1
  run 2 "$PROGRAM" loss logistic --plot a.png --from 2 --to -2 && one_message && says err '\-\-from' || return 1
  run 2 "$PROGRAM" loss logistic minimax --real 1 --fake 2 && one_message && says err '\-\-plot' || return 1
  run 2 "$PROGRAM" loss logistic logistic --plot a.png && one_message && says err 'named twice' && [ ! -e a.png ] && [ -z "$(ls | grep partial)" ]
}

test_options_of_a_loss_on_the_command_line() {
  run 0 "$PROGRAM" loss relativistic_hinge --real 1 --fake 0 --loss.real_margin=3 --loss.fake_margin=2 --json &&
    json "assert d['critic_loss'] == 2 + 1 and d['generator_loss'] == 4 + 3 and d['generator_gradient_real'] == [2] and d['generator_gradient_fake'] == [-2]" &&
    run 0 "$PROGRAM" loss least_squares --real 1,0 --fake 0,3 --loss.real_label=2 --loss.fake_label=-1 --json &&
    json "assert d['critic_loss'] == (1 + 4) / 4 + (1 + 16) / 4 and d['critic_gradient_fake'] == [0.5, 2]" &&
    run 0 "$PROGRAM" loss least_squares --real 1,0 --fake 0,3 --real-flips 0,1 --json && json "assert d['critic_gradient_real'] == [0, 0]" &&
    run 0 "$PROGRAM" loss wasserstein --real 1,2,9 --fake 0,0,0 --real-weights 1,3,0 --json &&
    json "assert d['critic_loss'] == -3.5 and d['critic_gradient_real'] == [-0.5, -1.5, 0]" || return 1
  run 2 "$PROGRAM" loss wasserstein --real 1 --fake 0 --loss.label_smoothing=0.1 && one_message && says err 'label_smoothing' || return 1
  run 2 "$PROGRAM" loss minimax --real 1 --fake 0 --loss.label_flips=0.1 && one_message && says err '\-\-real-flips' || return 1
  run 2 "$PROGRAM" loss wasserstein --real 1 --fake 0 --real-flips 1 && one_message && says err 'no class' || return 1
  run 2 "$PROGRAM" loss minimax --real 1 --fake 0 --real-weights -1 && one_message && says err 'negative' || return 1
  run 2 "$PROGRAM" loss minimax --real 1 --fake 0 --real-weights 1e308 && one_message && says err 'does not fit a float32 weight' || return 1
  run 0 "$PROGRAM" loss --json && json "assert next(row['keys'] for row in d['losses'] if row['name'] == 'modified_minimax') == ['label_smoothing', 'label_flips'], d"
}

run_tests
