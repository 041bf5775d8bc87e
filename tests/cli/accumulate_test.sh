# Gradient accumulation (train.accumulate): a rank's shards in groups, one after the other, with the bits of all at once. And
# bounds of the gradient's norm (generator.gradient_clip, critic.gradient_clip).
. "$(dirname "$0")/support.sh"

json() { python3 -c "import json,sys; d=json.load(open('${2:-out}')); $1"; }

# same_in_groups ITERATION "NP:GROUPS ..." OPTION...: each of these ends with the bits of one rank without groups.
same_in_groups() {
  local iteration=$1 pairs=$2 pair
  shift 2
  run 0 "$PROGRAM" train "$@" --run.dir whole || return 1
  for pair in $pairs; do
    run 0 mpi "${pair%:*}" train "$@" --train.accumulate="${pair#*:}" --run.dir "run$pair" &&
      same_state "$(checkpoint_name whole "$iteration")" "$(checkpoint_name "run$pair" "$iteration")" || return 1
  done
}

# Shards of unequal size; samples of several critic steps are generated together.
dense=("${tiny[@]}" --batch 61 --shards 8 --iterations 4 --train.n_critic=3)
test_any_number_of_groups_gives_the_bits_of_none_at_any_np() {
  same_in_groups 4 "1:2 1:3 1:4 1:8 2:2 2:4 3:2 3:3 5:2 8:4" "${dense[@]}"
}
test_many_shards_in_groups_end_where_the_tree_joins_them() {
  same_in_groups 2 "1:2 1:3 1:5 1:7 2:3 3:4 5:2" "${tiny[@]}" --batch 40 --shards 37 --iterations 2
}

# What of a layer's is of a shard or of a sample: statistics of each shard, groups of samples, random numbers.
convolutional=(--preset fashion --batch 44 --shards 8 --iterations 2 --train.n_critic 2 --eval.samples=16 --samples.count=4
  --generator.latent=8 --generator.layers="dense 98, reshape 2 7 7, batch_norm, relu, conv_transpose 3 kernel 4 stride 2 padding 1,
  residual, conv 3 kernel 3 padding 1, batch_norm, end, relu, conv_transpose 1 kernel 4 stride 2 padding 1, tanh"
  --critic.layers="conv 4 kernel 4 stride 2 padding 1, leaky_relu 0.2, dropout 0.2, conv 16 kernel 4 stride 2 padding 1, layer_norm,
  leaky_relu 0.2, minibatch_stddev, dense 20, group_norm 4, dense 1" --batch_norm.sync=no --train.ema_decay=0.9)
test_convolutional_networks_in_groups_have_the_bits_of_all_at_once() {
  same_in_groups 2 "1:2 1:8 2:4 3:2 8:2" "${convolutional[@]}" && h5ls whole/latest.h5/generator | grep -q running_mean
}

# Losses of the whole batch's scores, and weights: those of all groups come first. Samples that count as of the other class.
test_losses_of_the_whole_batch_in_groups_have_the_bits_of_all_at_once() {
  local loss weighted=(--data.source=hdf5 --data.path="$PWD/data.h5" --data.weights=weights)
  /usr/bin/python3 -c "
import h5py, numpy
random = numpy.random.default_rng(1)
with h5py.File('data.h5', 'w') as file:
    file['images'] = random.normal(size=(200, 2)).astype('f4')
    file['weights'] = random.integers(0, 3, 200).astype('f4')"
  for loss in "relativistic_average" "relativistic_paired ${weighted[*]}" "minimax ${weighted[*]} --loss.label_flips=0.2"; do
    (mkdir "${loss%% *}" && cd "${loss%% *}" && same_in_groups 3 "1:3 2:2 3:2 5:2" "${dense[@]}" --iterations 3 --loss.name=$loss) || return 1
  done
}

# What goes along tangents, and what is corrected by sums over shards.
test_regularised_critics_in_groups_have_the_bits_of_all_at_once() {
  local critic=(--generator.layers="dense 16, relu, dense 2" --critic.layers="dense 24, layer_norm, silu, dense 16, tanh, dense 1")
  (mkdir gp && cd gp && same_in_groups 4 "1:3 2:2 3:2" "${dense[@]}" "${critic[@]}" --critic.gradient_penalty=10 --critic.r1=2 \
    --critic.penalty_every=2 --critic.lecam=0.1 --critic.gradient_clip=1) &&
    (mkdir sn && cd sn && same_in_groups 4 "1:3 2:2 3:2 8:2" "${dense[@]}" "${critic[@]}" --critic.spectral_norm --critic.clip=0 --loss.name=wasserstein_hinge \
      --critic.gradient_clip=0.2 --generator.gradient_clip=0.2) || return 1
  run 2 "$PROGRAM" train "${dense[@]}" --critic.dragan=10 --train.accumulate=2 --run.dir refused && one_message && says err 'critic.gradient_penalty does without'
}

# Large enough for every backend's packed kernels, which keep partial sums to themselves.
test_packed_kernels_in_groups_have_the_bits_of_all_at_once() {
  local backend
  for backend in onednn openblas; do
    "$PROGRAM" config --list backends | grep -q "^ *$backend\b" || continue
    (mkdir $backend && cd $backend && same_in_groups 2 "1:2 1:5 3:2" "${tiny[@]}" --run.backend=$backend --batch 144 --shards 12 \
      --iterations 2 --train.n_critic=1 --generator.layers="dense 256, reshape 16 4 4, conv 48 kernel 3 padding 1, layer_norm, relu, dense 2" \
      --critic.layers="dense 384, layer_norm, leaky_relu 0.2, dense 256, tanh, dense 1") || return 1
  done
}

test_several_hosts_in_groups_have_the_bits_of_all_at_once() {
  export GAN_PRETEND_HOSTS=2
  same_in_groups 3 "3:2 5:3" "${tiny[@]}" --shards 24 --batch 48 --iterations 3 --generator.layers="dense 96, relu, dense 64, relu, dense 2"
}

test_a_run_in_groups_goes_on_at_another_np_and_in_others() {
  run 0 "$PROGRAM" train "${dense[@]}" --run.dir whole &&
    run 75 mpi 2 train "${dense[@]}" --train.accumulate=3 --run.dir parts --run.stop_at=1 &&
    run 75 mpi 3 train --run.dir parts --resume --run.stop_at=2 || return 1
  says parts/config.ini '^accumulate = 3$' || return 1
  run 0 "$PROGRAM" train --run.dir parts --train.accumulate=8 --resume &&
    same_state "$(checkpoint_name whole 4)" "$(checkpoint_name parts 4)" && ! grep -q 'train.accumulate' parts/history.txt
}

test_more_groups_than_shards_are_told_once() {
  run 0 mpi 3 train "${dense[@]}" --train.accumulate=8 --run.dir a && says out 'train.accumulate: 8 groups are asked for, but a rank has 3 shards at most' &&
    [ "$(grep -c 'train.accumulate' out)" -eq 1 ] && run 0 "$PROGRAM" train "${dense[@]}" --train.accumulate=8 --run.dir b &&
    ! grep -q 'train.accumulate' out
}

test_what_needs_the_whole_batch_is_refused_in_groups() {
  local statistics=("${tiny[@]}" --iterations 1 --train.accumulate=2 --critic.layers="dense 16, batch_norm, tanh, dense 1")
  run 2 mpi 2 train "${statistics[@]}" --run.dir a && one_message && says err 'layer 2 of critic.layers \("batch_norm"\) .*--batch_norm.sync=no' &&
    run 2 "$PROGRAM" config --memory "${statistics[@]}" && says err 'batch_norm.sync=no' &&
    run 0 "$PROGRAM" train "${statistics[@]}" --batch_norm.sync=no --run.dir b &&
    run 2 "$PROGRAM" train "${dense[@]}" --train.accumulate=2 --trace trace.h5 --run.dir c && one_message && says err '--train.accumulate=1' &&
    run 2 "$PROGRAM" train "${dense[@]}" --train.accumulate=0 --run.dir d && one_message
}

# Passes shrink with the groups, and what is foretold is what they are; the rest stays.
test_memory_of_passes_is_that_of_a_group() {
  local groups
  for groups in 1 4 8; do
    run 0 "$PROGRAM" config --memory --json --np 2 --shards 16 --batch 256 --data.source=showers --critic.clip=0 \
      --generator.layers="dense 512, reshape 8 4 4 4, upsample 2, conv 8 kernel 3 padding 1, relu, dense 15625" \
      --critic.layers="conv 8 kernel 3 padding 1, leaky_relu, dense 1" --train.n_critic=1 --train.accumulate=$groups && mv out $groups.json || return 1
  done
  json "
def read(name): return json.load(open(name))
def bytes_of(d, what): return [r['rank'] for r in d['memory_bytes'] if r['what'] == what][0]
one, four, eight = (read('%d.json' % k) for k in (1, 4, 8))
assert [d['samples_at_once'] for d in (one, four, eight)] == [128, 32, 16] and all(d['samples_per_rank'] == 128 for d in (one, four, eight))
values = [bytes_of(d, 'outputs and gradients of layers') for d in (one, four, eight)]
print('    outputs of layers: %s' % values)
assert 0.99 < values[0] / values[1] / 4 < 1.01 and 0.99 < values[0] / values[2] / 8 < 1.01
for what in ('gradients', 'parameters', 'samples of a step, read ahead', 'sums over shards'):
    assert len({bytes_of(d, what) for d in (one, four, eight)}) == 1, what
" 8.json && run 0 "$PROGRAM" config --memory --batch 64 --train.accumulate=4 && says out 'a batch of 64 \(64 samples on the rank with most, 16 at a time\)'
}

# ---- bounds of the gradient's norm

clipped=("${tiny[@]}" --batch 29 --shards 8 --iterations 6 --generator.layers="dense 96, relu, dense 64, relu, dense 2"
  --critic.layers="dense 96, leaky_relu 0.2, dense 1" --critic.gradient_clip=0.3 --generator.gradient_clip=0.05 --optimizer.name sgd
  --optimizer.learning_rate=0.1 --optimizer.schedule=constant --critic.clip=0)
test_bounded_gradients_are_the_same_at_any_np_in_every_reduction() {
  local ranks reduction
  run 0 "$PROGRAM" train "${clipped[@]}" --run.dir whole || return 1
  for ranks in 2 3 8; do
    for reduction in flat shared hierarchical; do
      run 0 mpi $ranks train "${clipped[@]}" --reduction $reduction --run.dir $reduction$ranks &&
        same_state "$(checkpoint_name whole 6)" "$(checkpoint_name $reduction$ranks 6)" || return 1
    done
  done
  GAN_PRETEND_HOSTS=3 run 0 mpi 5 train "${clipped[@]}" --train.accumulate=2 --run.dir hosts &&
    same_state "$(checkpoint_name whole 6)" "$(checkpoint_name hosts 6)" || return 1
  run 75 mpi 8 train "${clipped[@]}" --run.dir parts --run.stop_at=2 && run 0 mpi 2 train --run.dir parts --resume &&
    same_state "$(checkpoint_name whole 6)" "$(checkpoint_name parts 6)"
}

# With sgd and no momentum an update is the learning rate times the gradient: its length cannot be above the bound.
test_updates_keep_the_bound_and_metrics_tell_how_many_had_to() {
  run 0 "$PROGRAM" train "${clipped[@]}" --run.dir bounded --checkpoint.every=1 --checkpoint.keep=10 --train.n_critic=1 &&
    run 0 "$PROGRAM" train "${clipped[@]}" --run.dir wide --critic.gradient_clip=1e6 --generator.gradient_clip=1e6 &&
    run 0 "$PROGRAM" train "${clipped[@]}" --run.dir free --critic.gradient_clip=0 --generator.gradient_clip=0 &&
    same_state "$(checkpoint_name wide 6)" "$(checkpoint_name free 6)" || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
def weights(iteration, network):
    with h5py.File("bounded/checkpoint-%07d.h5" % iteration) as file:
        return numpy.concatenate([file[network][key][()].ravel() for key in sorted(file[network])]).astype(numpy.float64)
def column(run, name):
    with h5py.File(run + "/metrics.h5") as file: return file["train"][name][()]
norms = {"critic": column("bounded", "critic_gradient_norm"), "generator": column("bounded", "generator_gradient_norm")}
shortened = numpy.zeros(6)
for network, bound in (("critic", 0.3), ("generator", 0.05)):
    shortened += norms[network] > bound
    for i in range(1, 6):
        step = numpy.linalg.norm(weights(i + 1, network) - weights(i, network)) / (0.1 * min(norms[network][i], bound))
        assert abs(step - 1) < 1e-3, (network, i, step)
print("    updates scaled:", column("bounded", "gradient_clipped"))
assert (shortened > 0).any() and (column("bounded", "gradient_clipped") == shortened / 2).all()
assert (column("wide", "gradient_clipped") == 0).all() and numpy.isnan(column("free", "gradient_clipped")).all()
P
}

# Squares of such gradients are infinite, in float32, and those of the scaled ones are not.
test_gradients_too_large_to_be_squared_may_be_scaled() {
  local optimizer large=("${tiny[@]}" --optimizer.learning_rate=1e6 --critic.clip=0 --iterations 3)
  for optimizer in rmsprop adam; do
    run 1 "$PROGRAM" train "${large[@]}" --optimizer.name $optimizer --run.dir $optimizer-free && one_message &&
      says err "too large for $optimizer to square it .* critic.gradient_clip" &&
      run 0 mpi 2 train "${large[@]}" --optimizer.name $optimizer --generator.gradient_clip=1 --critic.gradient_clip=1 \
        --run.dir $optimizer || return 1
  done
}

run_tests
