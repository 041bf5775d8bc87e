# Networks with attention, and with grouped and dilated convolutions: training with penalties, clipping, replay, samples.
. "$(dirname "$0")/support.sh"

# Images of 4 x 4 on the way from and to points; of convolutions a depthwise one and one of groups of several channels, each way.
attentive=("${tiny[@]}" --generator.layers="dense 128, reshape 8 4 4, attention spectral_norm, conv_transpose 8 kernel 3 padding 2 dilation 2 groups 8,
  leaky_relu, conv_transpose 12 kernel 2 padding 1 2 dilation 3 groups 4 no_bias, conv 6 kernel 1 2 groups 2, tanh, dense 2"
  --critic.layers="dense 128, reshape 8 4 4, conv 8 kernel 3 padding 2 dilation 2 groups 8, leaky_relu 0.2, attention key 2 value 3 spectral_norm,
  conv 12 kernel 2 dilation 2 1 groups 4, silu, attention pool 1, conv_transpose 6 kernel 2 groups 2, leaky_relu 0.2, dense 1" --critic.clip=0)

same_at_any_np_and_resumed() {
  local ranks
  run 0 mpi 1 train "${attentive[@]}" "$@" --iterations 4 --run.dir np1 || return 1
  for ranks in 2 3; do
    run 0 mpi $ranks train "${attentive[@]}" "$@" --iterations 4 --run.dir np$ranks &&
      same_state "$(checkpoint_name np1 4)" "$(checkpoint_name np$ranks 4)" || return 1
  done
  run 75 mpi 8 train "${attentive[@]}" "$@" --iterations 4 --run.dir np8 --run.stop_at=2 &&
    run 0 mpi 3 train --run.dir np8 --resume && same_state "$(checkpoint_name np1 4)" "$(checkpoint_name np8 4)"
}

test_penalised_networks_are_the_same_at_any_np_and_resumed() {
  same_at_any_np_and_resumed --critic.gradient_penalty=2 --critic.r1=1 --train.ema_decay=0.9 --train.n_critic 2 || return 1
  # Attention comes in with gamma, and only then do its weights learn.
  run 75 mpi 1 train "${attentive[@]}" --critic.gradient_penalty=2 --critic.r1=1 --train.ema_decay=0.9 --train.n_critic 2 --iterations 4 --run.dir early \
    --run.stop_at=1 || return 1
  /usr/bin/python3 - <<'P'
import h5py
with h5py.File("early/latest.h5", "r") as early, h5py.File("np1/latest.h5", "r") as file:
    for line, theta in ("generator/2", "theta.weight_orig"), ("critic/4", "theta.weight_orig"), ("critic/7", "theta.weight"):
        gamma = file[line + ".gamma"][()]
        assert gamma.shape == (1,) and 0 < abs(gamma[0]) < 0.5, (line, gamma)
        assert (file[f"{line}.{theta}"][()] != early[f"{line}.{theta}"][()]).all(), line
    assert file["critic/2.weight"].shape == (8, 1, 3, 3) and file["generator/5.weight"].shape == (8, 3, 2, 2)
P
}

test_normalised_critics_are_the_same_at_any_np_and_resumed() {
  same_at_any_np_and_resumed --critic.spectral_norm --critic.r1=1 --critic.penalty_every=2
}

# A tensor of one number, whose norm is its size.
test_clipping_by_norm_bounds_gamma_too() {
  local kind bound=(--critic.clip_norm=0.003 --optimizer.name=adam --optimizer.learning_rate=0.002 --iterations 4)
  for kind in tensor row; do
    run 0 mpi 1 train "${attentive[@]}" "${bound[@]}" --critic.clip_norm_of=$kind --run.dir np1-$kind &&
      run 0 mpi 3 train "${attentive[@]}" "${bound[@]}" --critic.clip_norm_of=$kind --run.dir np3-$kind &&
      same_state np1-$kind/latest.h5 np3-$kind/latest.h5 || return 1
  done
  run 0 mpi 1 train "${attentive[@]}" "${bound[@]}" --critic.clip_norm=0 --run.dir free || return 1
  /usr/bin/python3 - <<'P'
import h5py
def gammas(run):
    with h5py.File(run + "/latest.h5", "r") as file:
        return [abs(float(file["critic/%d.gamma" % line][0])) for line in (4, 7)]
print("    gamma: tensor %s, row %s, without %s" % tuple(map(gammas, ("np1-tensor", "np1-row", "free"))))
assert all(gamma > 0.004 for gamma in gammas("free"))
assert all(0.00299 < gamma < 0.0030001 for run in ("np1-tensor", "np1-row") for gamma in gammas(run))
P
}

test_a_trace_of_such_networks_agrees_with_pytorch() {
  pytorch_only
  local options
  for options in "--critic.gradient_penalty=2" "--critic.r1=1 --critic.spectral_norm" "--critic.clip_norm=0.5"; do
    run 0 mpi 3 train "${attentive[@]}" $options --iterations 2 --train.n_critic 2 --trace trace.h5 --trace-steps 6 --run.dir run &&
      run 0 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini && says out '^6 updates compared' && ! grep DIFFERS out || return 1
    run 0 "$PROGRAM" sample run/latest.h5 -n 20 -o samples.h5 &&
      run 0 "$python" "$ROOT/scripts/replay_samples.py" samples.h5 run/latest.h5 && says out '^samples .*agrees$' || return 1
    rm -r run trace.h5 samples.h5
  done
}

run_tests
