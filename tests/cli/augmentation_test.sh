# Augmentation and flips of real data: the bits at any number of ranks and after a stop, what reaches the networks, refusals.
. "$(dirname "$0")/support.sh"

# Small images in a file of their own: 40 of 3 x 8 x 8, no two alike, bright on the left.
make_images() {
  /usr/bin/python3 - <<'P'
import h5py, numpy
numbers = numpy.random.default_rng(5).normal(0, 0.3, (40, 3, 8, 8)) + numpy.linspace(0.6, -0.6, 8)
with h5py.File("images.h5", "w") as file:
    file["images"] = numpy.clip(numbers, -1, 1).astype("float32")
    file["vectors"] = numbers[:, :2, 0, 0].astype("float32")
P
}
images=(--data.source hdf5 --data.path images.h5 --data.dataset images --data.labels none --batch 24 --shards 8
  --generator.latent=4 --generator.layers="dense 192, reshape 3 8 8, tanh"
  --critic.layers="conv 4 kernel 4 stride 2 padding 1, leaky_relu 0.2, dense 1"
  --loss.name modified_minimax --critic.clip=0 --train.n_critic=2 --optimizer.learning_rate=0.001
  --samples.every=0 --samples.count=4 --eval.every=0 --eval.samples=16)
all=(--augment.operations="translation, cutout, color, flip, rotate90")
adaptive=("${all[@]}" --augment.adaptive --augment.samples_to_full=200 --augment.target=0)

# same_at_any_np OPTIONS...: and with other bits than without augmentation
same_at_any_np() {
  local ranks
  for ranks in 1 2 3 5 8; do
    run 0 mpi $ranks train "${images[@]}" "$@" --iterations 4 --run.dir np$ranks && same_state np1/latest.h5 np$ranks/latest.h5 || return 1
  done
  run 0 mpi 1 train "${images[@]}" --iterations 4 --run.dir plain && other_bits plain/latest.h5 np1/latest.h5 /critic
}
test_fixed_augmentation_gives_the_same_bits_at_any_np() { make_images && same_at_any_np "${all[@]}" --augment.strength=0.7 --critic.r1=1; }
test_adaptive_augmentation_gives_the_same_bits_at_any_np() { make_images && same_at_any_np "${adaptive[@]}"; }
test_flipped_data_give_the_same_bits_at_any_np() { make_images && same_at_any_np --data.flip; }

# goes_on OPTIONS...: stopped in the midst, and resumed at another np
goes_on() {
  run 0 mpi 2 train "${images[@]}" "$@" --iterations 7 --run.dir whole &&
    run 75 mpi 2 train "${images[@]}" "$@" --iterations 7 --run.dir parts --run.stop_at=3 &&
    run 0 mpi 3 train --run.dir parts --resume && same_state "$(checkpoint_name whole 7)" "$(checkpoint_name parts 7)"
}
# It rises in all steps, so that there is something to be kept.
test_a_run_with_all_of_it_goes_on_at_another_np() { make_images && goes_on "${adaptive[@]}" --augment.target=-1 --data.flip; }
test_a_scheduled_run_goes_on_at_another_np() { make_images && goes_on "${all[@]}" --augment.strength=0 --augment.final_strength=0.5 \
  --augment.schedule cosine --loss.name relativistic_paired --critic.r1=1 --critic.r2=1; }

# 24 samples a step move 200 to full by 0.12: the sign of real scores at each step says to where. Without a checkpoint's number
# the strength begins anew.
test_the_adaptive_strength_follows_the_signs_of_real_scores_and_is_kept() {
  make_images && run 0 mpi 2 train "${images[@]}" "${adaptive[@]}" --train.n_critic=1 --iterations 30 --checkpoint.every=10 \
    --checkpoint.keep=9 --run.dir run || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
metrics = h5py.File("run/metrics.h5")["train"]
signs, strengths = metrics["sign_real"][()], metrics["augmentation_strength"][()]
expected, now = [], numpy.float32(0)
for sign in signs:
    now = numpy.float32(min(max(float(now) + numpy.sign(sign) * 24 / 200, 0), 1))
    expected.append(now)
assert numpy.allclose(strengths, expected, rtol=0, atol=1e-6), (strengths, expected)
assert strengths.max() > 0.2, strengths
kept = h5py.File("run/checkpoint-0000020.h5")["trainer/augmentation"]
assert kept.shape == () and kept.dtype == "float32" and kept[()] == strengths[19]
P
  [ $? -eq 0 ] || return 1
  run 75 mpi 1 train "${images[@]}" --iterations 9 --run.stop_at=4 --run.dir plain || return 1
  run 0 mpi 1 train --run.dir plain --resume "${adaptive[@]}" && says out 'augment.adaptive: no -> yes' &&
    "$PROGRAM" inspect plain/latest.h5 >out && says out 'trainer/augmentation'
}

test_a_scheduled_strength_rises_over_the_run() {
  local options=("${all[@]}" --augment.strength=0 --augment.final_strength=0.55 --iterations 8 --train.n_critic=1)
  make_images && run 0 mpi 1 train "${images[@]}" "${options[@]}" --augment.schedule linear --run.dir linear &&
    run 0 mpi 1 train "${images[@]}" "${options[@]}" --augment.schedule cosine --run.dir cosine || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
done = numpy.arange(8) / 8
for name, expected in ("linear", 0.55 * done), ("cosine", 0.55 * numpy.sin(numpy.pi * done / 2) ** 2):
    strengths = h5py.File(name + "/metrics.h5")["train/augmentation_strength"][()]
    assert numpy.allclose(strengths, expected, atol=1e-12), (name, strengths)
P
}

# Linear networks with penalties of gradients before augmentation, of which the trace has what the critic saw, and what was drawn; so what the gradients have to be is known.
test_real_and_generated_samples_are_augmented_and_the_gradient_comes_back_by_the_same_way() {
  make_images && run 0 mpi 2 train "${images[@]}" --generator.layers="dense 192, reshape 3 8 8" --critic.layers="flatten, dense 1" \
    --loss.name wasserstein --train.n_critic=1 --optimizer.name sgd --optimizer.learning_rate=0.1 --augment.operations=translation,flip \
    --augment.strength=0.8 --critic.clip=0 --critic.r1=0.3 --critic.r2=0.2 --iterations 2 --trace trace.h5 --trace-steps 4 --run.dir run || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
file = h5py.File("trace.h5")
images = h5py.File("images.h5")["images"][()]
parameters = {name: file["initial"][name][()].astype(float) for name in ("generator", "critic")}
def changed(sample, draws, back=False):
    """The sample flipped, and moved along both axes; or, back, moved the other way and flipped."""
    def move(x):
        moved = numpy.zeros_like(x)
        down, right = (int(n) * (-1 if back else 1) for n in draws[1, 2:4] * draws[1, 0])
        for i in range(8):
            for j in range(8):
                if 0 <= i - down < 8 and 0 <= j - right < 8:
                    moved[:, i, j] = x[:, i - down, j - right]
        return moved
    steps = [lambda x: x[..., ::-1] if draws[0, 0] else x, move]
    for step in reversed(steps) if back else steps:
        sample = step(sample)
    return sample
seen_draws = []
for update in range(4):
    group = file["update_%06d" % update]
    w, bias = parameters["critic"][:192], parameters["critic"][192]
    matrix, offset = parameters["generator"][:768].reshape(192, 4), parameters["generator"][768:]
    fake = (group["z"][()] @ matrix.T + offset).reshape(24, 3, 8, 8)
    draws = group["augmentation_fake"][()]
    seen_draws.append(draws)
    assert draws.shape == (24, 2, 4) and 2 < draws[:, 0, 0].sum() < 20 and 10 < draws[:, 1, 0].sum() < 24
    augmented = numpy.array([changed(*pair) for pair in zip(fake, draws)]).reshape(24, 192)
    assert numpy.allclose(group["fake"][()].reshape(24, 192), augmented, atol=1e-5)
    assert numpy.allclose(group["score_fake"][()], augmented @ w + bias, atol=1e-4)
    gradient, network = group["gradient"][()], group.attrs["network"]
    if (network.decode() if isinstance(network, bytes) else network) == "critic":
        drawn_real, real = group["augmentation_real"][()], group["real"][()]
        seen_draws.append(drawn_real)
        for sample, drawn in zip(real, drawn_real):
            assert any(numpy.array_equal(sample, changed(image, drawn)) for image in images)
        penalty = numpy.zeros(192)
        for gamma, draws_of_kind in (0.3, drawn_real), (0.2, draws):
            for drawn in draws_of_kind:
                penalty += gamma / 24 * changed(changed(w.reshape(3, 8, 8), drawn, back=True), drawn).ravel()
        assert abs(penalty - 0.5 * w).max() > 0.01
        assert numpy.allclose(gradient[:192], augmented.mean(0) - real.reshape(24, 192).mean(0) + penalty, atol=1e-5)
        parameters["critic"] = group["parameters"][()].astype(float)
    else:
        back = -numpy.array([changed(w.reshape(3, 8, 8), drawn, back=True).ravel() for drawn in draws]) / 24
        assert numpy.allclose(gradient[768:], back.sum(0), atol=1e-5)
        assert numpy.allclose(gradient[:768].reshape(192, 4), back.T @ group["z"][()], atol=1e-5)
        parameters["generator"] = group["parameters"][()].astype(float)
assert len(seen_draws) == 6 and len({draws.tobytes() for draws in seen_draws}) == 6, "two steps drew the same"
P
}

test_data_flip_mirrors_half_of_the_real_samples_anew_in_each_epoch_and_leaves_the_file_as_it_is() {
  make_images && cp images.h5 before.h5 || return 1
  run 0 mpi 2 train "${images[@]}" --data.flip --train.n_critic=5 --iterations 2 --trace trace.h5 --trace-steps 12 --run.dir run || return 1
  cmp images.h5 before.h5 || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
images = h5py.File("images.h5")["images"][()]
ways = {}
for group in h5py.File("trace.h5").values():
    for sample in group["real"][()] if "real" in group else []:
        for mirrored, all_images in (False, images), (True, images[..., ::-1]):
            match = numpy.flatnonzero((all_images == sample).all((1, 2, 3)))
            if len(match): ways.setdefault(int(match[0]), []).append(mirrored)
counts = numpy.array([len(way) for way in ways.values()])
flipped = numpy.concatenate(list(ways.values()))
assert counts.sum() == 240 and (counts == 6).all(), counts
assert 90 < flipped.sum() < 150, flipped.sum()
assert sum(len(set(way)) == 2 for way in ways.values()) > 30
P
}

# refused PATTERN OPTIONS...
refused() {
  local pattern=$1
  shift
  run 2 "$PROGRAM" train --iterations 1 --run.dir refused "$@" && one_message && says err "$pattern" || return 1
}
test_what_makes_no_sense_is_refused() {
  make_images || return 1
  refused 'augment.operations: there is no operation "blur"; known are flip, rotate90' "${images[@]}" --augment.operations="color, blur" &&
    refused 'augment.operations = , names no operation' "${images[@]}" --augment.operations=, &&
    refused 'translation makes no sense for samples of shape \(2\)' --augment.operations=translation &&
    refused 'brightness makes no sense for samples of shape \(1, 8, 8, 8\)' --data.source showers --shower.cells=8 --augment.operations=color \
      --generator.layers="dense 512, reshape 1 8 8 8" --critic.layers="flatten, dense 1" &&
    refused 'augment.strength has no effect with no augment.operations: it needs augment.operations' "${images[@]}" --augment.strength=0.5 &&
    refused 'augment.adaptive has no effect with no augment.operations' "${images[@]}" --augment.adaptive &&
    refused 'augment.target has no effect with augment.adaptive = no: it needs augment.adaptive = yes' "${images[@]}" --augment.operations=flip --augment.target=0.5 &&
    refused 'augment.final_strength has no effect with augment.schedule = constant: it needs augment.schedule = linear or cosine' "${images[@]}" --augment.operations=flip --augment.final_strength=0.5 &&
    refused 'augment.adaptive finds the strength by itself' "${images[@]}" --augment.operations=flip --augment.adaptive --augment.schedule linear &&
    refused 'means nothing with loss.name = wasserstein' "${images[@]}" --augment.operations=flip --augment.adaptive --loss.name wasserstein &&
    refused 'data.flip has no effect with data.source = ring: it needs data.source = showers or idx or hdf5' --data.flip &&
    refused 'data.flip = yes: samples of shape \(2\) have no left and right' --data.source hdf5 --data.path images.h5 --data.dataset vectors --data.flip
}

test_augmentation_that_does_nothing_is_said() {
  said() { rm -rf run && run 0 "$PROGRAM" train "${images[@]}" --augment.operations=flip --iterations 1 --run.dir run "${@:2}" && says out "$1"; }
  make_images && said 'augment.strength = 0: no operation of augment.operations is ever applied' --augment.strength=0 &&
    said 'augment.strength = 0: no operation' --augment.strength=0 --augment.schedule linear --augment.final_strength=0 &&
    said 'augment.strength = 0 is the most that augment.adaptive may find: no operation' --augment.strength=0 --augment.adaptive &&
    said 'augment.schedule = linear goes from augment.strength = 1 to augment.final_strength = 1, so that nothing moves' --augment.schedule linear &&
    said . --augment.strength=0 --augment.schedule linear && ! grep -qE 'ever applied|nothing moves' out
}

test_a_folder_that_was_trained_with_augmentation_serves_as_a_configuration() {
  make_images && run 0 mpi 1 train "${images[@]}" "${adaptive[@]}" --iterations 2 --run.dir first &&
    run 0 mpi 1 train first/config.ini --run.dir second && same_state first/latest.h5 second/latest.h5
}

run_tests
