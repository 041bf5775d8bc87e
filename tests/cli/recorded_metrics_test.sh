# Metrics of `evaluate` in training (eval.metrics, eval.features) and the one by which best.h5 is kept (eval.best).
. "$(dirname "$0")/support.sh"

made() { /usr/bin/python3 - "$@"; }

# Images of two classes in MNIST's files, with test images beside those of training.
images() { mkdir -p data && made <<'P'
import numpy as np
def write(path, array):
    with open(path, "wb") as file:
        file.write(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.astype(np.uint8).tobytes())
for name, count, seed in (("train", 700, 1), ("t10k", 330, 2)):
    random, labels = np.random.default_rng(seed), np.arange(count) % 2
    write(f"data/{name}-images-idx3-ubyte", random.integers(0, 100, (count, 8, 8)) + 100 * labels[:, None, None])
    write(f"data/{name}-labels-idx1-ubyte", labels)
P
}
pictures=(--data.source idx --data.path data --generator.latent=4 --generator.layers="dense 64, batch_norm, tanh, reshape 1 8 8"
  --critic.layers="dense 8, relu, dense 1" --batch 24 --shards 8 --train.n_critic=1 --samples.every=0 --samples.count=4 --eval.samples=600
  --eval.every=2 --train.ema_decay=0.9)
four=(--eval.metrics "fcd, kid, precision,memorisation" --eval.best=fcd)

# same FOLDER FOLDER: all columns of /eval have the same bits and the same names
same() { made "$@" <<'P'
import h5py, numpy as np, sys
one, other = (h5py.File(f"{folder}/metrics.h5")["eval"] for folder in sys.argv[1:])
assert list(one) == list(other), (list(one), list(other))
for name in one:
    assert one[name][:].tobytes() == other[name][:].tobytes(), (name, one[name][:], other[name][:])
    assert np.float64(one[name].attrs.get("floor", 0)).tobytes() == np.float64(other[name].attrs.get("floor", 0)).tobytes(), name
assert len(one["iteration"]) > 1
P
}
best_of() { readlink "$1/best.h5"; }

test_metrics_have_the_same_bits_on_any_number_of_ranks() {
  local ranks
  images && run 0 mpi 1 train "${pictures[@]}" "${four[@]}" --iterations 4 --run.dir 1 || return 1
  for ranks in 2 3 8; do
    run 0 mpi $ranks train "${pictures[@]}" "${four[@]}" --iterations 4 --run.dir $ranks && same 1 $ranks && [ "$(best_of 1)" = "$(best_of $ranks)" ] || return 1
  done
  run 0 mpi 3 train "${pictures[@]}" "${four[@]}" --iterations 4 --reduction flat --run.dir flat && same 1 flat || return 1
  GAN_PRETEND_HOSTS=2 run 0 mpi 5 train "${pictures[@]}" "${four[@]}" --iterations 4 --run.dir hosts && same 1 hosts || return 1
  made <<'P'
import h5py, numpy as np
group = h5py.File("1/metrics.h5")["eval"]
for name in "fcd fcd_mean_only fcd_diagonal_only kid precision recall density coverage memorisation".split():
    assert np.isfinite(group[name][:]).all() and np.isfinite(group[name].attrs["floor"]), name
P
}

test_metrics_are_those_of_evaluate() {
  images && run 0 mpi 2 train "${pictures[@]}" "${four[@]}" --iterations 4 --run.dir run &&
    run 0 mpi 3 evaluate run --samples 600 --metrics fcd,kid,precision --json || return 1
  made <<'P'
import h5py, json, numpy as np
found, group, compared = json.load(open("out")), h5py.File("run/metrics.h5")["eval"], 0
for name in group:
    if "floor" not in group[name].attrs or name == "memorisation": continue
    for ours, theirs in ((group[name][-1], found[name]), (group[name].attrs["floor"], found["floor"][name])):
        assert np.isnan(ours) and theirs is None or abs(ours - theirs) <= 1e-8 * abs(theirs), (name, ours, theirs)
    compared += 1
assert compared == 9 and found["held_out"] and found["rounded"], compared
P
}

# Of data without labels and held-out samples, and of vectors, too.
test_all_are_those_that_can_be_computed() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 4 --eval.every=2 --eval.metrics=all --eval.best=ks --run.dir run && says out '^evaluated .*, ks, correlation_difference, auc; best.h5 has the least ks$' &&
    says out '^features +the samples themselves$' && ! says out 'classifier_score' >/dev/null || return 1
  run 0 mpi 1 evaluate run --samples 64 --json && made <<'P'
import h5py, json, math
found, group = json.load(open("out")), h5py.File("run/metrics.h5")["eval"]
for name, value in found["floor"].items():
    if name in ("modes", "high_quality"): continue
    if name == "kid_error": continue # of one block there is none
    assert (name in group) == (value is not None), name
    if value is not None: assert abs(group[name][-1] - found[name]) <= 1e-8 * abs(found[name]) and abs(group[name].attrs["floor"] - value) <= 1e-8 * abs(value), name
P
}

test_resumed_it_is_as_never_stopped() {
  images && run 0 mpi 2 train "${pictures[@]}" "${four[@]}" --iterations 8 --run.dir whole &&
    run 75 mpi 3 train "${pictures[@]}" "${four[@]}" --iterations 8 --run.stop_at=3 --run.dir parts &&
    run 0 mpi 1 train --run.dir parts --resume || return 1
  same whole parts && same_state whole/checkpoint-0000008.h5 parts/checkpoint-0000008.h5 && [ "$(best_of whole)" = "$(best_of parts)" ]
}

# Which checkpoint that is, is another question than which has the least distance: in this run.
test_best_is_by_the_value_that_is_named() {
  local name options=("${tiny[@]}" --iterations 40 --eval.every=2 --optimizer.learning_rate=0.02 --eval.metrics=ks,precision)
  for name in sliced_wasserstein ks precision modes_covered; do
    run 0 "$PROGRAM" train "${options[@]}" --eval.best=$name --run.dir $name && best_of $name >$name.txt || return 1
  done
  made <<'P'
import h5py, numpy as np
group, first = h5py.File("ks/metrics.h5")["eval"], {}
for name, better in (("sliced_wasserstein", -1), ("ks", -1), ("precision", 1), ("modes_covered", 1)):
    values = better * np.nan_to_num(group[name][:], nan=-np.inf * better)
    first[name] = int(group["iteration"][np.argmax(values)])
    assert open(name + ".txt").read() == f"checkpoint-{first[name]:07d}.h5\n", (name, first)
    assert float(h5py.File(f"{name}/latest.h5").attrs["best"]) in (better * values.max(), better * values[:-1].max())
assert len(set(first.values())) > 1, first
P
}

refuses() { run "$1" mpi 2 train "${@:3}" --run.dir run && one_message && says err "$2" && [ ! -e run ]; }
test_what_cannot_be_recorded_is_refused_before_training() {
  refuses 2 'eval\.metrics: unknown metric "fdc"; did you mean fcd' "${tiny[@]}" --eval.metrics=kid,fdc &&
    refuses 2 'eval\.metrics: "all" stands alone' "${tiny[@]}" --eval.metrics=all,kid &&
    refuses 2 'eval\.metrics: eval\.samples = 1 are too few' "${tiny[@]}" --eval.metrics=fcd --eval.samples=1 &&
    refuses 2 'eval\.metrics: modes are always recorded.* as modes_covered and high_quality_share' "${tiny[@]}" --eval.metrics=modes &&
    refuses 2 'eval\.metrics: is cannot be computed: needs a feature network that classifies' "${tiny[@]}" --eval.metrics=is &&
    refuses 2 'eval\.metrics: swd cannot be computed: needs images' "${tiny[@]}" --eval.metrics=fcd,swd &&
    refuses 2 'eval\.best: kid is not recorded; --eval\.metrics=fcd,kid records it' "${tiny[@]}" --eval.metrics=fcd --eval.best=kid &&
    refuses 2 'eval\.best: kid is not recorded; --eval\.metrics=kid records it' "${tiny[@]}" --eval.best=kid &&
    refuses 2 'eval\.best: of kid_error neither more nor less is better; name one of .*, kid$' "${tiny[@]}" --eval.metrics=kid --eval.best=kid_error &&
    refuses 2 'eval\.best: nothing is recorded as "quality"; name one of sliced_wasserstein, modes_covered, high_quality_share$' "${tiny[@]}" --eval.best=quality &&
    refuses 2 'eval\.best: is cannot be computed: needs a feature network that classifies' "${tiny[@]}" --eval.metrics=all --eval.best=is &&
    refuses 3 'eval\.features: .*none\.h5' "${tiny[@]}" --eval.metrics=fcd --eval.features=none.h5 &&
    refuses 2 'eval\.features.*without effect|eval\.features.*no eval\.metrics' "${tiny[@]}" --eval.features=random || return 1
  images && refuses 2 'eval\.best: modes_covered is of data whose modes are known' "${pictures[@]}" --eval.best=modes_covered &&
    refuses 2 'eval\.metrics: label_accuracy cannot be computed' "${pictures[@]}" --eval.metrics=label_accuracy
}

test_a_classifier_gives_features_and_scores() {
  images && run 0 mpi 2 classify --data.source idx --data.path data --classifier.layers="dense 6, relu" --batch 20 --iterations 20 -o c.h5 &&
    run 0 mpi 2 train "${pictures[@]}" --iterations 2 --eval.metrics=is,fcd --eval.features=c.h5 --eval.best=is --run.dir run --json || return 1
  json_says "1 <= d['is'] <= 2 and d['best_is'] == d['is'] and d['best_iteration'] == 2 and 1 <= d['floor']['is'] <= 2 and d['fcd'] > 0" && says err '^features +classifier'
}

# Columns come and stay; what best.h5 is kept by begins anew.
test_a_run_may_record_others_from_some_point_on() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 4 --eval.every=2 --run.dir run &&
    run 0 mpi 2 train --run.dir run --resume --iterations 8 --eval.metrics=ks --eval.best=ks && says out 'eval\.best: sliced_wasserstein -> ks' &&
    says out 'best\.h5 is kept by ks from the next evaluation on' && says out '^evaluation at iteration 6: .*  ks 0\.[0-9]+ \(floor [0-9.]+\)  ks_worst ' || return 1
  cp run/metrics.h5 ks.h5
  run 0 mpi 3 train --run.dir run --resume --iterations 12 --eval.metrics=fcd --eval.best=sliced_wasserstein && run 0 "$PROGRAM" inspect run/metrics.h5 && says out '^  ks +nan ' || return 1
  made <<'P'
import h5py, numpy as np
group = h5py.File("run/metrics.h5")["eval"]
assert list(group["iteration"]) == [2, 4, 6, 8, 10, 12]
defined = lambda name: list(np.isfinite(group[name][:]))
assert defined("ks") == defined("ks_worst") == [False] * 2 + [True] * 2 + [False] * 2 and defined("fcd") == [False] * 4 + [True] * 2
assert defined("sliced_wasserstein") == [True] * 6
assert group["ks"].attrs["floor"] == h5py.File("ks.h5")["eval/ks"].attrs["floor"]
P
}

# Nothing is better or worse than a value of another measure: a run whose samples are worse by a new one has a best all the same.
test_what_was_best_by_another_measure_is_no_longer_compared() {
  images && run 0 mpi 2 classify --data.source idx --data.path data --classifier.layers="dense 6, relu" --batch 20 --iterations 20 -o c.h5 &&
    run 0 mpi 2 classify --data.source idx --data.path data --classifier.layers="dense 9, relu" --batch 20 --iterations 20 -o other.h5 &&
    run 0 mpi 2 train "${pictures[@]}" --iterations 4 --eval.every=2 --eval.metrics=fcd --eval.best=fcd --eval.features=c.h5 --run.dir run || return 1
  cp -r run samples && run 0 mpi 2 train --run.dir samples --resume --iterations 6 --eval.samples=40 || return 1
  best_is_new samples && says out 'best\.h5 is kept by fcd from the next evaluation on' || return 1
  # The same name of another network.
  cp -r run features && mv other.h5 c.h5 && run 0 mpi 3 train --run.dir features --resume --iterations 6 && best_is_new features &&
    says out 'real samples get another fcd than so far .*features or data have changed'
}
best_is_new() { [ "$(readlink "$1/best.h5")" = checkpoint-0000006.h5 ] && says out '^evaluation at iteration 6: .* fcd [0-9.e-]+ \(floor [0-9.e-]+\)  fcd_mean_only'; }

test_the_end_and_the_memory_tell_of_them() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 4 --eval.every=2 --eval.metrics=fcd,kid --eval.best=fcd --run.dir run &&
    says out '^evaluated +every 2 iterations and at the end: sliced Wasserstein distance of 64 samples, modes, fcd, kid; best.h5 has the least fcd$' &&
    says out '^evaluation at iteration 4: .*  fcd [0-9.e-]+ \(floor [0-9.e-]+\) [+-][0-9]+% \((the best so far|best [0-9.e-]+ at iteration 2)\)' &&
    says out '^fcd +[0-9.e-]+ \(floor [0-9.e-]+\), (the best of the run|best [0-9.e-]+ at iteration 2 \(best.h5\))$' || return 1
  run 0 "$PROGRAM" config --memory --np 2 "${tiny[@]}" --eval.metrics=fcd && says out '^metrics +real samples, their features +1\.0 kB' || return 1
  run 0 "$PROGRAM" config --memory --np 2 "${tiny[@]}" && ! grep -q '^metrics' out
}

run_tests
