# Traces of every loss, regulariser and normalisation, done again by PyTorch in float64.
. "$(dirname "$0")/support.sh"

# agrees NP OPTIONS: a short training, whose trace is replayed
agrees() {
  rm -rf run trace.h5
  run 0 mpi "$1" train "${tiny[@]}" --iterations 4 --train.n_critic 2 --trace trace.h5 --trace-steps 9 --run.dir run "${@:2}" &&
    run 0 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini && says out '^9 updates compared' && ! grep DIFFERS out
}
smooth=(--critic.layers="dense 16, layer_norm, leaky_relu 0.2, dense 8, tanh, dense 1")

test_losses_of_one_score_agree_with_pytorch() {
  pytorch_only
  agrees 3 --loss.name least_squares --loss.real_label=0.9 --loss.fake_label=-0.8 --loss.label_flips=0.2 &&
    agrees 2 --loss.name wasserstein_hinge --loss.real_margin=0.5 && agrees 1 --loss.name minimax --loss.label_smoothing=0.1 --loss.label_flips=0.3
}
# Real samples enter the generator's steps; and have weights.
test_losses_of_differences_agree_with_pytorch() {
  pytorch_only
  /usr/bin/python3 -c "
import h5py, numpy
random = numpy.random.default_rng(1)
with h5py.File('points.h5', 'w') as file:
    file['samples'] = random.standard_normal((60, 2)).astype('f4')
    file['weights'] = random.integers(0, 3, 60).astype('f4')"
  agrees 3 --loss.name relativistic_average --data.source hdf5 --data.path points.h5 --data.dataset samples --data.weights weights &&
    agrees 2 --loss.name relativistic_paired && agrees 1 --loss.name relativistic_hinge --loss.fake_margin=0.6
}
test_penalties_agree_with_pytorch() {
  pytorch_only
  agrees 3 "${smooth[@]}" --loss.name logistic --critic.gradient_penalty=3 --critic.gradient_penalty_one_sided --critic.gradient_penalty_target=0.5 \
    --critic.dragan=2 --critic.r1=5 --critic.r1_final=1 --critic.r2=1 --critic.penalty_every=2 --critic.lecam=0.3 && says out '^penalty .*agrees$' || return 1
  # What was added is what was asked for.
  sed -i 's/^r1 = 5/r1 = 5.01/' run/config.ini && run 1 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini && says out '^penalty .*DIFFERS$'
}
test_clipping_by_norm_agrees_with_pytorch() {
  pytorch_only
  agrees 2 --critic.clip=0 --critic.clip_norm=0.5 --critic.clip_norm_of=row && agrees 3 --critic.clip=0 --critic.clip_norm=0.9
}
test_spectral_normalisation_agrees_with_pytorch() {
  pytorch_only
  agrees 2 --critic.spectral_norm --critic.gradient_penalty=1 --critic.layers="dense 16, gelu, dense 8, silu, dense 1" \
    --generator.layers="dense 16 spectral_norm, batch_norm, relu, dense 2" && says out '^vectors .*agrees$'
}
test_what_moves_over_a_run_and_simultaneous_steps_agree_with_pytorch() {
  pytorch_only
  agrees 2 --optimizer.name adamw --optimizer.beta2_final=0.9 --optimizer.beta1_final=0.5 --optimizer.warmup=3 --optimizer.batch_scaling=sqrt \
    --optimizer.reference_batch=8 --train.order simultaneous --loss.name relativistic_paired &&
    agrees 3 --train.n_critic=1/3 --train.order simultaneous --critic.lecam=0.3 --loss.name logistic --critic.r1=1
}
# An update is small beside the parameters.
test_an_update_of_another_optimiser_differs() {
  pytorch_only
  local replay=("$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini)
  agrees 1 --optimizer.name adam --optimizer.beta2=0.999 && sed -i 's/^beta2 = .*/beta2 = 0.9/' run/config.ini && run 1 "${replay[@]}" &&
    says out '^parameters .*DIFFERS$' && says out '^gradient .*agrees$' || return 1
  agrees 1 --optimizer.name adamw && sed -i 's/^weight_decay = .*/weight_decay = 0/' run/config.ini && run 1 "${replay[@]}" && says out 'DIFFERS$' || return 1
}
test_a_trace_without_what_its_configuration_adds_is_one_of_another_run() {
  pytorch_only
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --train.n_critic 2 --critic.gradient_penalty=1 --critic.penalty_every=2 --trace trace.h5 --trace-steps 3 --run.dir run &&
    sed -i 's/^penalty_every = .*/penalty_every = 1/' run/config.ini && run 1 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini &&
    says err '^replay_trace: the trace and the configuration are not of the same run: .*update_0*[0-9] has no interpolation' && [ "$(wc -l <err)" = 1 ]
}
# The generator's gradient comes back through the augmentation, and those of r1 and r2 as well.
test_augmentation_agrees_with_pytorch() {
  pytorch_only
  agrees 3 --data.source showers --shower.cells 8 --augment.operations "translation, cutout, flip" --augment.strength=0.7 --critic.r1=1 --critic.r2=1 \
    --critic.gradient_penalty=1 --critic.clip=0 --generator.layers="dense 512, reshape 1 8 8 8" --critic.layers="conv 4 kernel 4 stride 2 padding 1, leaky_relu, dense 1"
}
# A replay that passes over what it does not know compares with something else.
test_a_replay_does_not_pass_over_a_key_that_it_does_not_know() {
  pytorch_only
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 --trace trace.h5 --trace-steps 2 --run.dir run &&
    sed -i 's/^\[critic\]/[critic]\nunheard_of = 1/' run/config.ini && run 1 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini &&
    says err '^replay_trace: run/config.ini has \[critic\] unheard_of, which is not known here' || return 1
  sed -i '/^unheard_of/d; s/^name = wasserstein/name = unheard_of/' run/config.ini && run 1 "$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini &&
    says err 'the loss unheard_of is not known here'
}

run_tests
