# Regularisers of the critic: gradient penalties, LeCam, clipping by norm; what is refused; the default of critic.clip.
. "$(dirname "$0")/support.sh"

critic=(--critic.layers="dense 40, leaky_relu 0.2, layer_norm, dropout 0.1, dense 12, tanh, dense 1")
small=("${tiny[@]}" "${critic[@]}" --iterations 6 --train.n_critic 2 --critic.clip=0)
# Between them all of it, also several at once.
slopes=(--critic.gradient_penalty=10 --critic.gradient_penalty_target=0.7 --critic.dragan=1 --critic.lecam=0.3)
lazy=(--critic.r1=3 --critic.r2=1 --critic.r1_final=0.2 --critic.penalty_every=3 --critic.clip_norm=0.4 --critic.clip_norm_of=row
  --loss.name=modified_minimax)

same_at_any_np() {
  local ranks
  for ranks in 1 2 3 5 8; do
    run 0 mpi $ranks train "${small[@]}" "$@" --run.dir np$ranks || return 1
    same_state np1/latest.h5 np$ranks/latest.h5 && same_state np1/metrics.h5 np$ranks/metrics.h5 /train/gradient_penalty /train/critic_loss \
      /train/critic_gradient_norm /train/clipped_fraction || return 1
  done
}
test_penalties_of_slopes_and_lecam_are_the_same_at_any_np() { same_at_any_np "${slopes[@]}"; }
test_lazy_penalties_and_clipping_by_norm_are_the_same_at_any_np() { same_at_any_np "${lazy[@]}"; }

# Rows of both passes side by side, and batch statistics in the penalty's pass, which never become running ones.
test_r1_of_wide_layers_with_batch_norm_is_the_same_at_any_np() {
  local ranks
  for ranks in 1 3 8; do
    run 0 mpi $ranks train "${tiny[@]}" --critic.layers="dense 160, batch_norm, leaky_relu 0.2, dense 160, tanh, dense 1" --critic.r1=1 \
      --iterations 3 --run.dir np$ranks && same_state np1/latest.h5 np$ranks/latest.h5 || return 1
  done
}

# run: slow
test_clipping_by_norm_is_the_same_for_every_reduction() {
  local kind reduction options=("${tiny[@]}" --critic.layers="dense 96, leaky_relu 0.2, dense 96, tanh, dense 1" --iterations 3
    --train.n_critic 2 --critic.clip=0 --critic.clip_norm=0.8)
  for kind in tensor row; do
    run 0 "$PROGRAM" train "${options[@]}" --critic.clip_norm_of=$kind --run.dir $kind || return 1
    for reduction in flat shared hierarchical; do
      run 0 mpi 3 train "${options[@]}" --critic.clip_norm_of=$kind --reduction $reduction --run.dir $kind-$reduction &&
        same_state $kind/latest.h5 $kind-$reduction/latest.h5 || return 1
    done
    GAN_PRETEND_HOSTS=2 run 0 mpi 5 train "${options[@]}" --critic.clip_norm_of=$kind --run.dir $kind-hosts &&
      same_state $kind/latest.h5 $kind-hosts/latest.h5 &&
      same_state $kind/metrics.h5 $kind-hosts/metrics.h5 /train/clipped_fraction || return 1
  done
  other_bits tensor/latest.h5 row/latest.h5 /critic || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
longest = {}
for kind in ("tensor", "row"):
    with h5py.File(kind + "/latest.h5") as file:
        tensors = [item[()].astype(float) for item in file["critic"].values()]
    rows = [tensor.reshape(1 if kind == "tensor" else len(tensor), -1) for tensor in tensors]
    longest[kind] = max(numpy.sqrt((row**2).sum(1)).max() for row in rows)
    with h5py.File(kind + "/metrics.h5") as file:
        assert 0 < file["train/clipped_fraction"][-1] <= 1
print("    longest", longest)
assert all(0.79 < length < 0.800001 for length in longest.values())
P
}

test_a_run_that_goes_on_at_another_np_ends_as_if_never_stopped() {
  run 0 mpi 1 train "${small[@]}" "${slopes[@]}" --critic.r1=2 --critic.r1_final=0 --run.dir whole || return 1
  run 75 mpi 5 train "${small[@]}" "${slopes[@]}" --critic.r1=2 --critic.r1_final=0 --run.stop_at=4 --run.dir parts || return 1
  run 0 mpi 2 train --resume --run.dir parts && same_state whole/latest.h5 parts/latest.h5 || return 1
  h5ls parts/latest.h5/trainer | grep -q '^lecam' || { note "no averages of scores"; return 1; }
}

# What began without LeCam takes it up, with averages that begin then; what leaves it off forgets them.
test_lecam_may_be_taken_up_by_a_run_that_goes_on() {
  run 75 mpi 2 train "${small[@]}" --run.stop_at=2 --run.dir run && run 75 mpi 3 train --critic.lecam=0.5 --run.stop_at=4 --resume --run.dir run &&
    says out 'critic.lecam: 0 -> 0.5' && h5ls run/latest.h5/trainer | grep -q lecam &&
    run 0 mpi 1 train --critic.lecam=0 --resume --run.dir run && ! h5ls run/latest.h5/trainer >/dev/null 2>&1
}

# The trace's samples and places, and numpy: its own critic, and derivatives taken numerically. The noise of DRAGAN comes from
# this Philox.
test_an_update_is_what_numpy_makes_of_the_trace() {
  run 0 mpi 2 train --generator.latent=3 --generator.layers="dense 6, tanh, dense 2" --critic.layers="dense 5, tanh, dense 1" --batch 8 --shards 4 \
    --iterations 2 --train.n_critic 2 --critic.gradient_penalty=10 --critic.gradient_penalty_target=0.6 --critic.dragan=3 --critic.r1=4 \
    --critic.r2=2 --critic.r2_final=0.5 --critic.lecam=0.3 --critic.penalty_every=2 --optimizer.name sgd --optimizer.learning_rate=0.05 \
    --seed 5 --critic.clip=0 --trace trace.h5 --run.dir run || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy

def philox(stream, step, sample, count):
    words = []
    for block in range((count + 3) // 4):
        # The counter as src/base/random.c lays it out, for steps below 2^32.
        counter = [block, sample, step, stream << 24]
        key = [5, 0]
        for _ in range(10):
            low, high = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
            counter = [high >> 32 ^ counter[1] ^ key[0], high & 0xffffffff, low >> 32 ^ counter[3] ^ key[1], low & 0xffffffff]
            key = [key[0] + 0x9E3779B9 & 0xffffffff, key[1] + 0xBB67AE85 & 0xffffffff]
        words += counter
    return (numpy.array(words[:count]) + 0.5) / 2**32

def unpack(w):
    return w[:10].reshape(5, 2), w[10:15], w[15:20], w[20]

def scores_and_slopes(w, x):
    first, bias, second, last = unpack(w)
    h = numpy.tanh(x @ first.T + bias)
    return h @ second + last, ((1 - h * h) * second) @ first

def slope(w, x, target):
    norm = numpy.sqrt((scores_and_slopes(w, x)[1]**2).sum(1) + 1e-10)
    return ((norm / target - 1)**2).mean()

def squares(w, x):
    return (scores_and_slopes(w, x)[1]**2).sum(1).mean() / 2

with h5py.File("trace.h5") as file:
    weights, step, averages, looked = file["initial/critic"][()].astype(float), 0, None, 0
    for name in sorted(key for key in file if key.startswith("update")):
        update = file[name]
        if update.attrs["network"] in ("generator", b"generator"):
            continue
        real, fake = update["real"][()].astype(float), update["fake"][()].astype(float)
        due, iteration = step % 2 == 0, int(update.attrs["iteration"])
        assert ("penalty" in update) == ("interpolation" in update) == due
        def penalty(w):
            if not due:
                return 0
            place = update["interpolation"][()].astype(float)
            assert all(abs(place[i] - philox(10, step, i, 1)[0]) < 1e-7 for i in range(8))
            noise = numpy.array([philox(14, step, i, 2) for i in range(8)])
            final = 0.5 + 1.5 * 0.5 * (1 + numpy.cos(numpy.pi * iteration / 2))
            return 2 * (10 * slope(w, real + place[:, None] * (fake - real), 0.6) + 3 * slope(w, real + real.std() / 2 * noise, 1 * 0.6) +
                        4 * squares(w, real) + final * squares(w, fake))
        def loss(w):
            r, f = scores_and_slopes(w, real)[0], scores_and_slopes(w, fake)[0]
            kept = 0.3 * (((r - averages[1])**2).mean() + ((f - averages[0])**2).mean()) if averages else 0
            return f.mean() - r.mean() + kept + penalty(w)
        numerical = numpy.array([(loss(weights + d) - loss(weights - d)) / 2e-5 for d in 1e-5 * numpy.eye(21)])
        gradient = update["gradient"][()]
        off = abs(gradient - numerical).max() / abs(numerical).max()
        value = update["loss"][()] if "loss" in update else update.attrs["loss"]
        print("    step %d: loss %g (%g), gradient off by %.1g" % (step, value, loss(weights), off))
        assert off < 2e-5 and abs(value - loss(weights)) < 1e-5 * abs(value)
        if due:
            looked += 1
            assert abs(update["penalty"][()] - penalty(weights)) < 1e-5 * penalty(weights)
        means = scores_and_slopes(weights, real)[0].mean(), scores_and_slopes(weights, fake)[0].mean()
        averages = [0.99 * a + 0.01 * m for a, m in zip(averages, means)] if averages else list(means)
        weights, step = update["parameters"][()].astype(float), step + 1
    assert step == 4 and looked == 2
P
}

test_the_metrics_have_the_penalty_as_a_part_of_the_loss() {
  run 0 mpi 2 train "${small[@]}" --critic.gradient_penalty=10 --run.dir run && /usr/bin/python3 - <<'P'
import h5py, numpy
train = h5py.File("run/metrics.h5")["train"]
loss, penalty, real, fake = (train[name][()] for name in ("critic_loss", "gradient_penalty", "score_real", "score_fake"))
assert (penalty > 0).all() and numpy.allclose(loss, fake - real + penalty, rtol=1e-12, atol=1e-12), (loss, penalty)
P
  [ $? -eq 0 ] && run 0 "$PROGRAM" train "${small[@]}" --run.dir none &&
    /usr/bin/python3 -c "import h5py, numpy; assert numpy.isnan(h5py.File('none/metrics.h5')['train/gradient_penalty'][()]).all()"
}

clip_of() { sed -n '/^\[critic\]/,/^\[/s/^clip = //p' "$1/config.ini"; }
ends_with_clip() { # ends_with_clip BOUND OPTION...
  local bound=$1
  shift
  echo '[run]' >bare.ini # no preset's bound
  run 0 "$PROGRAM" train bare.ini "${tiny[@]}" --iterations 1 "$@" --run.dir clip && [ "$(clip_of clip)" = "$bound" ] || { note "clip $(clip_of clip), not $bound: $*"; return 1; }
  cat out err >said
  rm -r clip
}
test_weights_are_clipped_only_where_the_loss_needs_it_and_nothing_else_does_it() {
  ends_with_clip 0.01 && ! grep -q "keeps the critic's slope" said || return 1
  ends_with_clip 0 --loss.name=modified_minimax && ! grep -q "keeps the critic's slope" said || return 1
  ends_with_clip 0.3 --loss.name=modified_minimax --critic.clip=0.3 && ends_with_clip 0 --critic.gradient_penalty=10 && ends_with_clip 0 --critic.clip_norm=1 &&
    ends_with_clip 0 --critic.clip=0 && says said "nothing keeps the critic's slope bounded" &&
    ends_with_clip 0.2 --critic.clip=0.2 --critic.r1=1 && says said 'critic.clip = 0.2 stays beside'
}

# The preset that is taken where none is named brings a bound for its own loss.
test_the_usual_presets_bound_gives_way() {
  local option
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 --run.dir usual && [ "$(clip_of usual)" = 0.1 ] || return 1
  for option in --loss.name=modified_minimax --critic.gradient_penalty=1 --critic.clip_norm=1; do
    run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 $option --run.dir run && [ "$(clip_of run)" = 0 ] || { note "clip $(clip_of run): $option"; return 1; }
    rm -r run
  done
}

# begins_with_clip BOUND OPTION...: what a run of these is clipped by; its notices are in said
begins_with_clip() {
  local bound=$1
  shift
  run 0 "$PROGRAM" train "$@" --iterations 1 --run.dir run && [ "$(clip_of run)" = "$bound" ] || { note "clip $(clip_of run), not $bound: $*"; return 1; }
  cat out err >said
  mv run/config.ini used.ini && rm -r run
}
gave_way() { says said "^(gan_dist: )?critic\.clip = $1 of $2 gives way" && [ "$(grep -c 'gives way' said)" -eq 1 ]; }

# ring8 has a bound of 0.1 for its loss.
test_a_presets_bound_gives_way_to_what_needs_none_and_one_that_is_given_stays() {
  local preset=(--preset ring8 "${tiny[@]}")
  begins_with_clip 0.1 "${preset[@]}" && ! grep -q 'gives way' said || return 1
  begins_with_clip 0 "${preset[@]}" --loss.name=minimax && gave_way 0.1 'the preset' && says said 'minimax needs no bound; --critic.clip=0.1 keeps it' || return 1
  # Its config.ini makes the same run, and says no more.
  begins_with_clip 0 used.ini && ! grep -q 'gives way' said || return 1
  begins_with_clip 0 "${preset[@]}" --critic.gradient_penalty=1 && gave_way 0.1 'the preset' && says said 'other regularisers; --critic.clip=0.1 clips besides' &&
    begins_with_clip 0 "${preset[@]}" --critic.spectral_norm && gave_way 0.1 'the preset' &&
    begins_with_clip 0 "${preset[@]}" --critic.layers="dense 8 spectral_norm, dense 1 spectral_norm" && gave_way 0.1 'the preset' &&
    begins_with_clip 0 "${preset[@]}" --critic.clip_norm=1 && gave_way 0.1 'the preset' || return 1
  begins_with_clip 0.1 "${preset[@]}" --loss.name=minimax --critic.clip=0.1 && ! grep -q 'gives way' said &&
    begins_with_clip 0.1 used.ini && ! grep -q 'gives way' said &&
    begins_with_clip 0.3 used.ini --critic.r1=1 --critic.clip=0.3 && says said 'critic.clip = 0.3 stays beside' || return 1
  # What `config` prints is what a run would have.
  run 0 "$PROGRAM" config --preset ring8 --loss.name=minimax && says out '^clip = 0$' &&
    run 0 "$PROGRAM" config --preset ring8 --critic.layers="dense 8 spectral_norm, dense 1 spectral_norm" && says out '^clip = 0$' &&
    run 0 "$PROGRAM" config --loss.name=minimax --critic.clip=0.1 && says out '^clip = 0.1$'
}

# goes_on_with BOUND OPTION...: the run in folder run, one iteration more
goes_on_with() {
  local bound=$1
  shift
  run 75 "$PROGRAM" train --run.dir run --resume --iterations 9 --run.stop_at=$((++iteration)) "$@" && cat out err >said &&
    [ "$(clip_of run)" = "$bound" ] || { note "clip $(clip_of run), not $bound: $*"; return 1; }
}
test_a_runs_bound_gives_way_where_it_goes_on_with_what_needs_none() {
  local iteration=0 begin=(run 75 "$PROGRAM" train "${tiny[@]}" --iterations 9 --run.dir run)
  "${begin[@]}" --run.stop_at=$((++iteration)) && goes_on_with 0.1 && ! grep -q 'gives way' said &&
    goes_on_with 0 --loss.name=minimax && gave_way 0.1 'the run so far' && says run/history.txt 'critic.clip: 0.1 -> 0$' &&
    goes_on_with 0 && ! grep -q 'gives way' said && rm -r run || return 1
  # Asked for beside a loss that needs none, it is the run's, as long as nothing else is said.
  iteration=0
  "${begin[@]}" --loss.name=minimax --critic.clip=0.2 --run.stop_at=$((++iteration)) && goes_on_with 0.2 && goes_on_with 0.2 --loss.name=logistic &&
    ! grep -qE 'gives way' said && goes_on_with 0.2 --critic.r1=1 && says said 'critic.clip = 0.2 stays beside' && rm -r run || return 1
  iteration=0
  "${begin[@]}" --run.stop_at=$((++iteration)) && goes_on_with 0.1 --loss.name=minimax --critic.clip=0.1 && goes_on_with 0.1 && ! grep -q 'gives way' said
}

# What is printed is what trains, and trains the same when it is read again.
test_the_configuration_that_is_printed_is_the_one_that_trains() {
  local option
  for option in --loss.name=minimax --critic.gradient_penalty=10 --critic.spectral_norm --critic.clip_norm=1 --critic.clip=0.2 --seed=3; do
    run 0 "$PROGRAM" config --memory "${tiny[@]}" $option && run 0 "$PROGRAM" config "${tiny[@]}" --iterations 2 $option && cp out printed.ini &&
      run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 $option --run.dir words && run 0 "$PROGRAM" printed.ini --run.dir printed || return 1
    [ "$(clip_of words)" = "$(sed -n '/^\[critic\]/,/^\[/s/^clip = //p' printed.ini)" ] || { note "trains with clip $(clip_of words): $option"; return 1; }
    same_state words/latest.h5 printed/latest.h5 && [ "$(clip_of words)" = "$(clip_of printed)" ] || return 1
    rm -r words printed
  done
}

# As it was: a run of an earlier version has the bound that it was given or had by default then.
test_an_older_run_keeps_its_bound() {
  gzip -dc "$ROOT/tests/reference/checkpoint-format-1.h5.gz" >old.h5
  run 0 "$PROGRAM" train --resume=old.h5 --run.dir run && ! grep -q '^changed' out || return 1
  [ "$(clip_of run)" = "$(/usr/bin/python3 -c "
import configparser, h5py
config = configparser.ConfigParser(); text = h5py.File('old.h5').attrs['config']
config.read_string(text if isinstance(text, str) else text.decode()); print(config['critic']['clip'])")" ]
}

refuses() { # refuses PATTERN OPTION...
  local pattern=$1
  shift
  run 2 "$PROGRAM" train "${tiny[@]}" --iterations 1 "$@" --run.dir refused && one_message && says err "$pattern" && [ ! -e refused/config.ini ]
}
test_what_makes_no_sense_is_refused_with_a_remedy() {
  local norm=(--critic.layers="dense 8, batch_norm, relu, dense 1")
  refuses 'layer 2 \("batch_norm"\).*layer_norm' "${norm[@]}" --critic.gradient_penalty=1 && refuses 'critic.dragan.*batch_norm.*critic.r1' "${norm[@]}" --critic.dragan=1 &&
    refuses 'minibatch_stddev' --critic.layers="dense 8, minibatch_stddev, dense 1" --critic.gradient_penalty=1 &&
    refuses 'critic.clip and critic.clip_norm' --critic.clip=1 --critic.clip_norm=1 && refuses 'spectral' --critic.spectral_norm --critic.clip=1 &&
    refuses 'spectral' --critic.spectral_norm --critic.clip_norm=1 && refuses 'second derivatives' --critic.layers="relu, embedding 9 2, dense 1" --critic.r1=1 &&
    refuses 'critic.penalty_every' --critic.penalty_every=0 --critic.r1=1 && refuses 'critic.gradient_penalty_target' --critic.gradient_penalty_target=0 &&
    refuses 'critic.gradient_penalty_one_sided' --critic.gradient_penalty_one_sided --critic.r1=1 &&
    refuses 'critic.penalty_every' --critic.penalty_every=4 && refuses 'critic.clip_norm_of' --critic.clip_norm_of=row
  run 2 "$PROGRAM" config --memory "${norm[@]}" --critic.gradient_penalty=1 && one_message && says err 'batch_norm'
}

run_tests
