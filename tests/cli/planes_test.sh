# Networks that pad, blur, shuffle and scale images, and skips as U-Net has them: training with a penalty, replay, samples.
. "$(dirname "$0")/support.sh"

# Images of 4 x 4 on the way from and to points.
planes=("${tiny[@]}" --generator.layers="normalise, dense 48, reshape 12 2 2, pixel_shuffle 2, pad replicate 1, conv 4 kernel 3, leaky_relu,
  normalise, upsample 2, blur, residual, conv 4 kernel 1, tanh, scale, end, blur stride 2 reflect, dense 2"
  --critic.layers="dense 32, reshape 2 4 4, pad reflect 1, conv 4 kernel 3, leaky_relu, normalise, pixel_unshuffle 2, residual,
  pad circular 1, conv 16 kernel 3, silu, scale 0.5, end, blur stride 1 2, leaky_relu, scale 1, dense 1" --critic.clip=0 --critic.gradient_penalty=2)

test_such_networks_are_the_same_at_any_np_and_resumed() {
  local ranks
  run 0 mpi 1 train "${planes[@]}" --iterations 4 --run.dir np1 || return 1
  for ranks in 2 3; do
    run 0 mpi $ranks train "${planes[@]}" --iterations 4 --run.dir np$ranks &&
      same_state "$(checkpoint_name np1 4)" "$(checkpoint_name np$ranks 4)" || return 1
  done
  run 75 mpi 8 train "${planes[@]}" --iterations 4 --run.dir np8 --run.stop_at=2 &&
    run 0 mpi 2 train "${planes[@]}" --iterations 4 --run.dir np8 --resume &&
    same_state "$(checkpoint_name np1 4)" "$(checkpoint_name np8 4)" || return 1
  # A factor begins as its line says, and learns.
  /usr/bin/python3 - <<'P'
import h5py
with h5py.File("np1/latest.h5", "r") as file:
    for name, initial in ("generator/10.main.2.weight", 0), ("critic/7.main.3.weight", 0.5), ("critic/10.weight", 1):
        factor = file[name][()]
        assert factor.shape == (1,) and 0 < abs(factor[0] - initial) < 0.1, (name, factor)
P
}

test_a_trace_of_such_networks_agrees_with_pytorch() {
  pytorch_only
  run 0 mpi 3 train "${planes[@]}" --iterations 2 --train.n_critic 2 --trace trace.h5 --trace-steps 6 --run.dir run &&
    run 0 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini && says out '^penalty .*agrees$' &&
    says out '^6 updates compared' && ! grep DIFFERS out || return 1
  run 0 "$PROGRAM" sample run/latest.h5 -n 20 -o samples.h5 &&
    run 0 "$python" "$ROOT/scripts/replay_samples.py" samples.h5 run/latest.h5 && says out '^samples .*agrees$'
}

# As deep as blocks may stand within each other, with the longest names of tensors.
test_skips_of_a_deep_u_net_are_trained_saved_and_resumed() {
  local down="" up="" level layers
  for level in 1 2 3 4 5 6 7 8; do
    down+="concatenate, with, conv 1 kernel 2 stride 2, leaky_relu, "
    up+="conv_transpose 1 kernel 2 stride 2 spectral_norm, end, "
  done
  layers="dense 256, reshape 1 256, $down $up dense 2"
  local options=("${tiny[@]}" --generator.layers="$layers" --optimizer.name=adam --train.ema_decay=0.9)
  run 0 "$PROGRAM" train "${options[@]}" --iterations 4 --run.dir one && run 75 mpi 3 train "${options[@]}" --iterations 4 --run.dir run --run.stop_at=2 &&
    run 0 mpi 2 train "${options[@]}" --iterations 4 --run.dir run --resume && same_state "$(checkpoint_name one 4)" "$(checkpoint_name run 4)" || return 1
  run 0 "$PROGRAM" inspect run/latest.h5 &&
    says out '2\.branches\.1\.2\.branches\.1\.2\.branches\.1\.2\.branches\.1\.2\.branches\.1\.2\.branches\.1\.2\.branches\.1\.2\.branches\.1\.2\.weight_orig'
}

run_tests
