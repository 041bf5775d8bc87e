# Networks over volumes on calorimeter showers, which need no files, and embeddings: training, replay, samples.
. "$(dirname "$0")/support.sh"

# Volumes of 9 x 9 x 9, from 3 x 3 x 3; another size along each axis on the way.
volumes=(--data.source showers --shower.cells 9 --shower.cell_depth 2.5 --shower.cell_width 0.7 --batch 12 --shards 6
  --train.n_critic 2 --samples.every=0 --eval.every=0 --eval.samples=8 --samples.count=4 --batch_norm.sync=yes
  --generator.latent=5 --generator.layers="dense 81, reshape 3 3 3 3, batch_norm, relu,
  residual, conv 3 kernel 3 1 3 padding 1 0 1, end,
  conv_transpose 2 kernel 3 4 3 stride 2 2 1 padding 1 1 0 output_padding 0 1 0, batch_norm, relu,
  conv_transpose 1 kernel 3 3 5 stride 2 1 1 padding 1 0 0, tanh" --critic.layers="conv 2 kernel 3 stride 2 padding 1, leaky_relu 0.2, group_norm 2,
  average_pool 2 1 2, conv 3 kernel 1 3 2 stride 1 2 1 padding 0 1 0, leaky_relu, dense 1")

# Indices 0 and 1 out of normal latents: blocks that double a number, twenty times, drive tanh to exactly -1 and 1.
doubling=$(printf 'residual, flatten, end, %.0s' {1..20})
indices=("${tiny[@]}" --generator.layers="$doubling tanh, relu, embedding 2 4, dense 3, tanh, dense 2")

test_volumes_are_the_same_at_any_np_and_resumed() {
  run 0 mpi 1 train "${volumes[@]}" --iterations 4 --run.dir np1 || return 1
  run 0 mpi 3 train "${volumes[@]}" --iterations 4 --run.dir np3 &&
    same_state "$(checkpoint_name np1 4)" "$(checkpoint_name np3 4)" || return 1
  run 75 mpi 5 train "${volumes[@]}" --iterations 4 --run.dir np5 --run.stop_at=2 &&
    run 0 mpi 2 train "${volumes[@]}" --iterations 4 --run.dir np5 --resume &&
    same_state "$(checkpoint_name np1 4)" "$(checkpoint_name np5 4)" || return 1
  h5ls np1/latest.h5/critic/0.weight | grep -q '{2, 1, 3, 3, 3}' && h5ls np1/latest.h5/generator/5.weight | grep -q '{3, 2, 3, 4, 3}'
}

test_replaying_a_trace_of_volumes_in_pytorch_agrees() {
  pytorch_only
  run 0 mpi 2 train "${volumes[@]}" --iterations 3 --trace trace.h5 --trace-steps 9 --run.dir run &&
    run 0 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini &&
    says out "9 updates compared" && ! grep DIFFERS out
}

test_samples_of_volumes_are_an_array_and_two_views_in_a_picture() {
  run 0 mpi 2 train "${volumes[@]}" --iterations 1 --run.dir run &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 5 -o samples.h5 && h5ls samples.h5 | grep -q '{5, 1, 9, 9, 9}' &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 6 --interpolate -o samples.png || return 1
  # 9 cells of 6 pixels across and twice that down, 2 pixels between; six in a row.
  file samples.png | grep -q "334 x 110" && ls run/samples-0000001.png
}

test_the_preset_for_showers_trains_evaluates_and_draws() {
  run 0 mpi 2 --preset calo-3d --shards 2 --batch 8 --iterations 1 --eval.samples=16 --run.dir run --json || return 1
  file run/samples-0000001.png | grep -q "PNG image" &&
    python3 -c "import json, math; assert math.isfinite(json.load(open('out'))['sliced_wasserstein'])"
}

test_showers_that_cannot_be_are_refused() {
  run 2 "$PROGRAM" train --preset calo-3d --shower.cells 100 && says err "shower.cells has to be between 4 and 64" || return 1
  run 2 mpi 2 train --preset calo-3d --shower.energy_maximum 5 && one_message &&
    says err "shower.energy_maximum: 5 is not between 10 and 10000"
}

test_embeddings_are_the_same_at_any_np() {
  local ranks
  for ranks in 1 3 8; do
    run 0 mpi $ranks train "${indices[@]}" --iterations 6 --run.dir np$ranks &&
      same_state "$(checkpoint_name np1 6)" "$(checkpoint_name np$ranks 6)" || return 1
  done
  h5ls np1/latest.h5/generator/22.weight | grep -q '{2, 4}'
}

test_replaying_a_trace_with_an_embedding_in_pytorch_agrees() {
  pytorch_only
  run 0 mpi 2 train "${indices[@]}" --iterations 3 --trace trace.h5 --trace-steps 12 --run.dir run &&
    run 0 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini && ! grep DIFFERS out
}

# Normal latents are no indices: all ranks end, and one says why; a checkpoint laid over with such a layer likewise.
test_a_number_that_is_no_index_ends_training_with_its_layer_and_value() {
  run 1 mpi 3 train "${tiny[@]}" --generator.layers="embedding 10 4, dense 2" --run.dir run && one_message &&
    says err 'generator.layers: layer 1 \("embedding"\): its input holds -?[0-9.]+, but has to be a whole number from 0 to 9' || return 1
  run 1 mpi 2 train "${tiny[@]}" --critic.layers="embedding 3 2, dense 1" --run.dir run2 && one_message &&
    says err 'critic.layers: layer 1'
}

run_tests
