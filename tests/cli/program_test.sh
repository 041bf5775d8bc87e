# The program as a user meets it: help, lists, reports, pictures.
. "$(dirname "$0")/support.sh"

test_help_takes_one_subcommand() {
  run 0 "$PROGRAM" help train && says out 'gan_dist train' && run 0 "$PROGRAM" help help && says out 'trains generative' || return 1
  run 2 "$PROGRAM" help train loss && says err 'nothing after it, not "loss"' && [ ! -s out ]
}
test_help_on_losses_lists_no_key_that_they_refuse() {
  run 0 "$PROGRAM" loss --help && says out '--loss.label_smoothing' && ! grep -e '--loss.name' -e '--loss.label_flips' out
}
test_help_lists_every_subcommand() {
  run 0 "$PROGRAM" --help || return 1
  local command
  for command in train sample benchmark inspect loss config info; do says out "\b$command\b" || return 1; done
  for command in train sample benchmark inspect loss config info; do
    run 0 "$PROGRAM" $command --help && says out "gan_dist $command" || return 1
  done
}
# A program that embeds the library may have set a locale whose numbers have a decimal comma.
test_numbers_are_the_same_in_every_locale() {
  [[ $PROGRAM != *sanitize* ]] || skip "another library cannot come before the sanitizer's"
  mkdir locales && localedef -i de_DE -f UTF-8 locales/de_DE.UTF-8 2>/dev/null || skip "no locale can be made (locales)"
  cat >sets.c <<'C'
#include <locale.h>
__attribute__((constructor)) static void set(void) { setlocale(LC_ALL, "de_DE.UTF-8"); }
C
  printf '#include <stdio.h>\nint main(void) { printf("%%.1f\\n", 1.5); }\n' >prints.c
  cc -shared -fPIC -o sets.so sets.c && cc -o prints prints.c || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --optimizer.learning_rate=1.5e-3 --run.dir point &&
    run 0 env LOCPATH="$PWD/locales" LD_PRELOAD=./sets.so ./prints && says out '^1,5$' || return 1
  run 0 env LOCPATH="$PWD/locales" LD_PRELOAD=./sets.so "$PROGRAM" train "${tiny[@]}" --iterations 2 \
    --optimizer.learning_rate=1.5e-3 --run.dir comma && same_state "$(checkpoint_name point 2)" "$(checkpoint_name comma 2)"
}
test_the_process_is_found_by_its_name() {
  "$PROGRAM" train "${tiny[@]}" --iterations 1000000 --checkpoint.every=10 --run.dir run >out 2>err &
  wait_until 60 past run 0 || { kill -KILL $!; return 1; }
  cp /proc/$!/comm name
  kill -KILL $!
  wait $! 2>/dev/null
  says name '^gan_dist$'
}
test_version_is_printed() { run 0 "$PROGRAM" --version && says out '[0-9]+\.[0-9]+'; }

json() { python3 -c "import json,sys; d=json.load(open('out')); $1"; }

# Closed forms: sp(0) = log 2, and the derivatives at 0 are +-1/2; see docs/losses.md.
test_loss_prints_values_and_gradients_as_json() {
  run 0 "$PROGRAM" loss wasserstein --real 1,2,3 --fake 0,0.5,4 --json &&
    json "assert abs(d['critic_loss'] - (1.5 - 2)) < 1e-6 and abs(d['generator_loss'] + 1.5) < 1e-6
assert all(abs(g + 1/3) < 1e-6 for g in d['critic_gradient_real']) and all(abs(g - 1/3) < 1e-6 for g in d['critic_gradient_fake'])
assert d['generator_gradient_real'] == [0, 0, 0] and all(abs(g + 1/3) < 1e-6 for g in d['generator_gradient_fake'])" &&
    run 0 "$PROGRAM" loss modified_minimax --real 0 --fake 0 --loss.label_smoothing=0 --json &&
    json "import math
assert abs(d['critic_loss'] - 2 * math.log(2)) < 1e-6 and abs(d['generator_loss'] - math.log(2)) < 1e-6
assert abs(d['critic_gradient_real'][0] + .5) < 1e-6 and abs(d['critic_gradient_fake'][0] - .5) < 1e-6
assert abs(d['generator_gradient_fake'][0] + .5) < 1e-6" &&
    run 0 "$PROGRAM" loss minimax --real 0 --fake 0 --json &&
    json "import math
assert abs(d['critic_loss'] - 2 * math.log(2)) < 1e-6 and abs(d['generator_loss'] + math.log(2)) < 1e-6
assert abs(d['critic_gradient_real'][0] - (.5 - .875)) < 1e-6 and abs(d['generator_gradient_fake'][0] + .5) < 1e-6"
}

test_config_prints_what_reads_back() {
  run 0 "$PROGRAM" config --preset fashion --batch 48 || return 1
  cp out first.ini
  run 0 "$PROGRAM" config first.ini && diff out first.ini && says out '^batch *= *48'
}
# Which can be read only once.
test_an_ini_file_may_be_a_pipe() {
  run 0 "$PROGRAM" config <(printf '[train]\nbatch = 77\n') && says out '^batch *= *77'
}
test_precedence_is_preset_file_environment_command_line() {
  printf '[run]\npreset = fashion\n[train]\nbatch = 40\nn_critic = 2\n' >my.ini
  run 0 env GAN_DIST_TRAIN_N_CRITIC=3 GAN_DIST_TRAIN_SHARDS=4 "$PROGRAM" config my.ini --shards 5 &&
    says out '^batch *= *40' && says out '^n_critic *= *3' && says out '^shards *= *5' && says out 'idx'
}
test_config_lists_every_table() {
  local list
  for list in presets layers losses regularisers augmentations optimizers schedules initialisations sources backends options; do
    run 0 "$PROGRAM" config --list $list && [ "$(wc -l <out)" -ge 1 ] || return 1
  done
  run 0 "$PROGRAM" config --list losses && says out wasserstein && says out modified_minimax || return 1
  run 0 "$PROGRAM" config --list regularisers && [ "$(cut -d' ' -f3 out | grep . | tr '\n' ' ')" = "clip clip_norm gradient_penalty dragan r1 r2 lecam spectral_norm " ]
}
test_info_tells_which_reduction_suits_the_hosts() {
  run 0 mpi 1 info && says out '^reduction +flat$' && run 0 mpi 3 info && says out '^reduction +shared$' || return 1
  GAN_PRETEND_HOSTS=2 run 0 mpi 3 info && says out '^reduction +hierarchical$' || return 1
  GAN_FAULT=window:3:0 run 0 mpi 3 info && says out '^reduction +flat, as /dev/shm has no room'
}

test_info_reports_once_on_many_ranks() {
  run 0 mpi 3 info --json && json "assert d" && run 0 mpi 3 info && says out 'Open MPI' && says out 'OpenBLAS'
}

test_training_reports_phases_and_files() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 20 --run.dir run &&
    says out 'compute' && says out 'copying and summing' && says out 'waiting' && says out 'run/checkpoint-0000020.h5' && says out 'samples-0000020.png' &&
    says out 'modes covered' || return 1
  # Written to a pipe there are plain lines and no control characters.
  ! grep -q $'[\r\033]' out && says run/config.ini '^batch *= *24' && [ ! -s err ]
}
test_quiet_says_nothing() { run 0 mpi 2 train "${tiny[@]}" --iterations 3 -q && [ ! -s out ] && [ ! -s err ]; }
test_train_reports_json() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 5 --json &&
    json "assert d['status'] == 0 and d['iteration'] == 5 and d['checkpoint'].endswith('0000005.h5')
p, total = d['phase_seconds'], d['phase_seconds'].pop('total')
assert set(p) == {'data', 'compute', 'summing', 'waiting', 'other'} and min(p.values()) >= 0 and p['compute'] > 0
assert abs(sum(p.values()) - total) < 1e-6 * total and d['host_ranks'] == 2 and d['host_cores'] >= 1"
}
# One core computes for one rank at a time, so what three ranks compute and sum on it takes no more than the time there was.
test_ranks_that_share_a_core_wait_for_it_and_are_told_so() {
  local core
  core=$(/usr/bin/python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
  run 0 taskset -c "$core" $quiet_mpirun -np 3 "$PROGRAM" --preset ring8 --shards 3 --iterations 60 --eval.every=0 --run.dir run &&
    says out '^  waiting  .*%  3 ranks share 1 core$' || return 1
  run 0 taskset -c "$core" $quiet_mpirun -np 3 "$PROGRAM" benchmark --shards 3 -n 60 && says out '^  waiting .*%\)  3 ranks share 1 core$' &&
    run 0 taskset -c "$core" $quiet_mpirun -np 3 "$PROGRAM" benchmark --shards 3 -n 60 --json && json "
p, median = d['phases'], d['milliseconds_per_iteration']['median']
assert 3 * (p['compute'] + p['summing']) < 1.1 * median and p['waiting'] > 0.3 * median, (p, median)
assert d['host_ranks'] == 3 and d['host_cores'] == 1"
}
test_a_run_goes_on_in_metrics_of_an_earlier_version_without_times_of_waiting() {
  run 75 "$PROGRAM" train "${tiny[@]}" --iterations 40 --run.stop_at=20 --run.dir run &&
    /usr/bin/python3 -c "
import h5py
with h5py.File('run/metrics.h5', 'r+') as f:
    for name in 'seconds_summing', 'seconds_waiting': del f['train'][name]" &&
    run 0 "$PROGRAM" train "${tiny[@]}" --iterations 40 --run.dir run --resume && [ ! -s err ] && /usr/bin/python3 -c "
import h5py, numpy
with h5py.File('run/metrics.h5', 'r') as f:
    t = {name: column[:] for name, column in f['train'].items()}
    assert len(t['iteration']) == 40
    for name in 'seconds_summing', 'seconds_waiting': assert (numpy.isfinite(t[name]) == (t['iteration'] > 20)).all()
    for name in 'seconds_data', 'seconds_compute', 'seconds_communication': assert numpy.isfinite(t[name]).all()" &&
    run 0 "$ROOT/scripts/plot_metrics.py" run -o curves.png && run 0 "$PROGRAM" inspect run/metrics.h5 && says out seconds_waiting
}
test_a_finished_run_resumed_says_that_nothing_is_left_to_do() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 5 --run.dir run && run 0 mpi 1 train "${tiny[@]}" --iterations 4 --run.dir run \
    --resume && says out 'nothing to do: 5 of 4 iterations' && says out '^checkpoint .*run/checkpoint-0000005.h5$' &&
    run 0 mpi 1 train "${tiny[@]}" --iterations 5 --run.dir run --resume --json && json "
assert d['iteration'] == d['iterations'] == 5 and d['critic_loss'] is None and d['seconds'] is None
assert d['checkpoint'] == 'run/checkpoint-0000005.h5'"
}
test_only_the_newest_checkpoints_are_kept() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 50 --checkpoint.every=5 --checkpoint.keep=2 --run.dir run &&
    [ -e run/checkpoint-0000050.h5 ] && [ -e run/checkpoint-0000045.h5 ] && [ ! -e run/checkpoint-0000040.h5 ] &&
    [ "$(readlink run/latest.h5)" = checkpoint-0000050.h5 ]
}

test_inspect_shows_checkpoint_and_curves() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 40 --eval.every=10 --run.dir run &&
    run 0 "$PROGRAM" inspect run/latest.h5 && says out '0\.weight' && says out '16, 4' &&
    run 0 "$PROGRAM" inspect run/metrics.h5 && says out 'critic_loss' && says out 'sliced_wasserstein' &&
    run 0 "$PROGRAM" inspect run/metrics.h5 --json && json "assert d"
}
test_sample_draws_pictures_and_arrays() {
  run 0 "$PROGRAM" train --preset fashion --batch 16 --iterations 2 --eval.samples=16 --run.dir run &&
    run 0 "$PROGRAM" sample run/latest.h5 -o a.png -n 16 && run 0 "$PROGRAM" sample run/latest.h5 -o b.png --interpolate -n 32 &&
    run 0 "$PROGRAM" sample run/latest.h5 -o a.h5 -n 10 --truncation 0.7 && h5ls a.h5 | grep -q 'samples.*{10, 1, 28, 28}' &&
    head -c 8 a.png | cmp - <(printf '\x89PNG\r\n\x1a\n') || return 1
  # The same latents give the same samples, however many are drawn together; another seed gives others.
  run 0 "$PROGRAM" sample run/latest.h5 -o ten.h5 -n 10 && run 0 "$PROGRAM" sample run/latest.h5 -o twenty.h5 -n 20 &&
    run 0 "$PROGRAM" sample run/latest.h5 -o others.h5 -n 10 --seed 9 || return 1
  /usr/bin/python3 -c "
import h5py
ten, twenty, others = (h5py.File(name + '.h5')['samples'][:] for name in ('ten', 'twenty', 'others'))
assert (ten == twenty[:10]).all() and (ten != others).any()"
}

# 0 / 0 has the sign bit on x86, which printf tells.
test_inspect_shows_no_sign_of_a_nan() {
  /usr/bin/python3 -c 'import h5py' 2>/dev/null || skip "python3-h5py is not installed"
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 4 --run.dir run -q || return 1
  /usr/bin/python3 - <<'P' || return 1
import h5py, struct
nan = struct.unpack("<d", struct.pack("<Q", 0xfff8000000000000))[0]
with h5py.File("run/metrics.h5", "r+") as file:
    file["train/critic_loss"][-1] = nan
    file["train/generator_loss"][...] = nan
P
  run 0 "$PROGRAM" inspect run/metrics.h5 && says out '^  critic_loss +nan ' && says out '^  generator_loss +nan +nan +nan +nan ' &&
    ! grep -- -nan out && run 0 "$PROGRAM" inspect run/metrics.h5 --json && ! grep -i nan out &&
    json "assert d['train']['columns']['critic_loss']['last'] is None"
}
test_inspect_checks_its_arguments() {
  echo hello >text && run 2 "$PROGRAM" inspect && one_message && run 3 "$PROGRAM" inspect text && one_message &&
    run 3 "$PROGRAM" inspect nowhere.h5 && one_message && run 2 "$PROGRAM" inspect text --batch 5 && one_message
}
test_inspect_reads_data_files() {
  run 0 "$PROGRAM" inspect /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz --json && json "assert d" &&
    says out 60000
}
test_inspect_says_what_a_trained_network_is_for() {
  python3 <<'P' && run 0 "$PROGRAM" inspect net.bin && says out '--features net\.bin' && run 0 "$PROGRAM" inspect net.bin --json || return 1
import struct
header = b'{"0.bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}  '
open("net.bin", "wb").write(struct.pack("<Q", len(header)) + header + bytes(4))
P
  json "assert d['kind'] == 'safetensors' and d['path'] == 'net.bin'" && run 2 "$PROGRAM" inspect net.bin --data.axes NHWC && one_message
}
# Without the packages of the system and of the user there is no NumPy.
test_the_script_of_inception_says_what_it_needs() {
  local bare=(python3 -I -S "$ROOT/scripts/inception.py")
  python3 -I -S -c 'import numpy' 2>/dev/null && skip "this Python has NumPy built in"
  run 0 "${bare[@]}" --help && says out 'usage: inception\.py' && run 1 "${bare[@]}" weights.npz -o net.safetensors && [ "$(wc -l <err)" = 1 ] &&
    says err 'has no NumPy, which this script needs' || return 1
  run 1 python3 "$ROOT/scripts/inception.py" nowhere.npz -o net.safetensors && [ "$(wc -l <err)" = 1 ] && says err 'nowhere\.npz|has no NumPy'
}
test_a_terminal_gets_a_live_line() {
  command -v script >/dev/null || skip "script is missing (util-linux)"
  run 0 script -qec "$quiet_mpirun -np 2 $PROGRAM train ${tiny[*]@Q} --iterations 2000 --run.dir run" log && grep -q $'\r' log
}

test_metrics_can_be_read_by_h5py_while_training() {
  local job
  $quiet_mpirun -np 2 "$PROGRAM" train "${tiny[@]}" --iterations 1000000 --run.dir run >out 2>err &
  job=$!
  wait_until 60 test -s run/metrics.h5
  /usr/bin/python3 - <<'P'
import time, h5py
with h5py.File("run/metrics.h5", "r", swmr=True) as f:
    loss = f["train/critic_loss"]
    def rows_beyond(before):
        limit = time.monotonic() + 60
        while True:
            try:
                loss.refresh()
            except OSError: # in the middle of a write, see docs/file-formats.md
                continue
            if loss.shape[0] > before or time.monotonic() > limit:
                return loss.shape[0]
            time.sleep(0.1)
    first = rows_beyond(0)
    later = rows_beyond(first)
    assert later > first > 0, (first, later)
    assert f["train/seconds"].attrs["units"] in ("s", b"s")
P
  local result=$?
  pkill -USR1 -P $job
  wait $job
  [ $? -eq 75 ] && [ $result -eq 0 ]
}
test_plot_script_draws_the_curves() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 40 --eval.every=10 --run.dir run &&
    run 0 "$ROOT/scripts/plot_metrics.py" run -o curves.png && head -c 4 curves.png | grep -q PNG
}
test_trace_holds_every_update() {
  run 0 mpi 3 train "${tiny[@]}" --iterations 2 --train.n_critic 2 --trace trace.h5 --trace-steps 6 --run.dir run &&
    [ "$(h5ls trace.h5 | grep -c update_)" -eq 6 ] && h5ls trace.h5/update_000000 | grep -q 'real.*{24, 2}' &&
    h5ls trace.h5/update_000000 | grep -q 'z .*{24, 4}' && ! h5ls trace.h5/update_000002 | grep -q real &&
    h5ls trace.h5/update_000002 | grep -q 'fake.*{24, 2}' && ! h5ls -r trace.h5 | grep -q buffers &&
    h5dump -a /update_000002/network trace.h5 | grep -q generator
}
# Running statistics by hand, as PyTorch moves them; and samples, as the critic saw them, by the first layer of the network.
test_trace_has_running_statistics_and_what_the_critic_saw() {
  run 0 mpi 3 train "${tiny[@]}" --generator.layers="dense 2" --critic.layers="dense 16, batch_norm, dense 1" --iterations 2 --train.n_critic 2 --trace trace.h5 \
    --trace-steps 4 --run.dir run && ! h5ls -r trace.h5 | grep -q generator_buffers || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
with h5py.File("trace.h5") as file:
    weights, buffers = file["initial/critic"][:], file["initial/critic_buffers"][:]
    generator = file["initial/generator"][:]
    assert (buffers == [0] * 16 + [1] * 16).all()
    for number in range(2):
        update = file["update_%06d" % number]
        assert numpy.allclose(update["fake"], update["z"] @ generator[:8].reshape(2, 4).T + generator[8:], atol=1e-6)
        for samples in (update["real"][:], update["fake"][:]):
            values = samples.astype(float) @ weights[:32].reshape(16, 2).T + weights[32:48]
            batch = numpy.concatenate([values.mean(0), values.var(0, ddof=1)])
            buffers = 0.9 * buffers + 0.1 * batch
        assert numpy.allclose(update["buffers"], buffers, rtol=1e-5, atol=1e-7), number
        weights = update["parameters"][:]
P
}
replay=("$python" "$ROOT/scripts/replay_trace.py" trace.h5 run/config.ini)
# The two lines of its own help, as a user would copy them.
test_a_trace_is_replayed_as_the_script_says() {
  pytorch_only
  local line
  ln -s "$PROGRAM" gan_dist && ln -s "$ROOT/scripts" scripts
  sed -n '2,/"""/s/^    \(.*trace\.h5.*\)/\1/p' scripts/replay_trace.py >lines && [ "$(wc -l <lines)" -eq 2 ] || return 1
  while read -r line; do run 0 env PATH="$PWD:$PATH" bash -c "${line/#scripts/$python scripts}" || return 1; done <lines
  says out '^gradient .* agrees$' && says out '^30 updates compared' && ! grep DIFFERS out
}
# As configurations of earlier versions have it: as many shards as there were ranks, which is not told.
test_a_trace_is_replayed_without_a_number_of_shards() {
  pytorch_only
  run 0 mpi 3 train "${tiny[@]}" --shards 3 --generator.layers="dense 16, batch_norm, relu, dense 2" --batch_norm.sync=no --iterations 2 \
    --train.n_critic 2 --trace trace.h5 --trace-steps 6 --run.dir run && sed -i 's/^shards *=.*/shards = 0/' run/config.ini &&
    run 0 "${replay[@]}" && ! grep DIFFERS out
}
test_a_replay_finds_a_gradient_or_an_update_that_is_wrong() {
  pytorch_only
  run 0 mpi 2 train "${tiny[@]}" --iterations 2 --train.n_critic 2 --trace trace.h5 --trace-steps 6 --run.dir run && cp trace.h5 right.h5 || return 1
  /usr/bin/python3 -c "
import h5py
with h5py.File('trace.h5', 'r+') as f:
    values = f['update_000003/gradient'][:]
    values[7] += 2e-4 * abs(values).max()
    f['update_000003/gradient'][:] = values"
  run 1 "${replay[@]}" && says out '^gradient .* DIFFERS$' && says out '^score_real .* agrees$' || return 1
  cp right.h5 trace.h5 && sed -i 's/^learning_rate *=.*/learning_rate = 0.0101/' run/config.ini
  run 1 "${replay[@]}" && says out '^parameters .* DIFFERS$' && says out '^gradient .* agrees$'
}
# Statistics of shards, beside those of the whole batch; another loss, another optimiser.
test_a_trace_of_statistics_of_both_kinds_agrees_with_pytorch() {
  pytorch_only
  run 0 mpi 3 train "${tiny[@]}" --generator.layers="dense 16, batch_norm, relu, dense 2" --batch_norm.sync=yes --loss.name minimax --optimizer.name adam \
    --critic.layers="dense 16, reshape 16 1 1, minibatch_stddev, leaky_relu 0.2, dense 1" --iterations 3 --train.n_critic 2 --trace trace.h5 \
    --trace-steps 9 --run.dir run && run 0 "${replay[@]}" && ! grep DIFFERS out
}
test_a_trace_that_does_not_tell_enough_is_refused() {
  pytorch_only
  run 75 "$PROGRAM" train "${tiny[@]}" --iterations 4 --run.stop_at=2 --run.dir run &&
    run 0 "$PROGRAM" train "${tiny[@]}" --iterations 4 --run.dir run --resume --trace trace.h5 --trace-steps 6 &&
    run 1 "${replay[@]}" && says err 'begins after iteration 2' || return 1
  run 1 "${replay[@]:0:2}" run/metrics.h5 run/config.ini && says err 'holds no update' && ! grep Traceback err &&
    run 1 "${replay[@]:0:2}" none.h5 run/config.ini && says err 'none.h5' && ! grep Traceback err &&
    run 1 "${replay[@]:0:2}" trace.h5 none.ini && says err 'none.ini cannot be read: .*No such file' && ! grep Traceback err
}
# Each is one line that says what is wrong.
test_a_replay_of_files_that_do_not_fit_says_so() {
  pytorch_only
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 --trace trace.h5 --trace-steps 2 --run.dir run &&
    run 0 "$PROGRAM" train --batch 24 --eval.every=0 --iterations 1 --critic.layers="dense 20, relu, dense 1" --run.dir other || return 1
  replay_says() { run 1 "${replay[@]:0:2}" "$1" "$2" && [ "$(wc -l <err)" -eq 1 ] && says err "^replay_trace: $3"; }
  replay_says trace.h5 other/config.ini 'the trace and the configuration are not of the same run: the .* parameters' &&
    replay_says run/config.ini trace.h5 'trace.h5 is no text; the trace comes first' || return 1
  sed '/^\[batch_norm\]/,/^$/d' run/config.ini >less.ini && replay_says trace.h5 less.ini '.*it has no \[batch_norm\] epsilon' &&
    grep -v '^sync' run/config.ini >less.ini && replay_says trace.h5 less.ini '.*it has no \[batch_norm\] sync' &&
    sed 's/^batch *= .*/batch/' run/config.ini >less.ini && replay_says trace.h5 less.ini '.*less.ini cannot be read' &&
    replay_says run/config.ini run/config.ini 'run/config.ini cannot be read as a trace'
}
# The mathematics of each step, done again by PyTorch in float64.
test_a_trace_agrees_with_pytorch() {
  pytorch_only
  run 0 mpi 3 train "${tiny[@]}" --iterations 2 --train.n_critic 2 --trace trace.h5 --trace-steps 6 --run.dir run &&
    run 0 "${replay[@]}" && says out 'agrees' && ! grep DIFFERS out
}
# The same with samples larger than latents, several shards to a rank, batch norm and averaging.
test_a_trace_of_images_agrees_with_pytorch() {
  pytorch_only
  run 0 mpi 2 train --preset fashion --batch 32 --shards 4 --iterations 3 --train.n_critic 2 --eval.samples=16 \
    --trace trace.h5 --trace-steps 9 --run.dir run &&
    run 0 "${replay[@]}" && says out 'agrees' && ! grep DIFFERS out
}
# Strictly: no tensor is missing, none is left over, and they are in the order of PyTorch.
test_a_checkpoint_loads_into_pytorch_strictly() {
  pytorch_only
  run 0 mpi 2 train "${tiny[@]}" --generator.layers="dense 16, batch_norm, relu, dense 2" --train.ema_decay=0.5 \
    --critic.layers="dense 16, batch_norm, leaky_relu 0.2, residual, batch_norm, relu, dense 16, end, batch_norm, dense 1" --iterations 3 --train.n_critic 2 --run.dir run &&
    run 0 "$PROGRAM" inspect run/latest.h5 && says out '/critic/1.num_batches_tracked +\(\) +12 ' || return 1
  run 0 "$python" - <<'P'
import h5py, torch
from torch.nn import BatchNorm1d, LeakyReLU, Linear, Module, ReLU, Sequential

class Residual(Module):
    def __init__(self):
        super().__init__()
        self.main = Sequential(BatchNorm1d(16), ReLU(), Linear(16, 16))

networks = {"generator": Sequential(Linear(4, 16), BatchNorm1d(16), ReLU(), Linear(16, 2)),
            "critic": Sequential(Linear(2, 16), BatchNorm1d(16), LeakyReLU(0.2), Residual(), BatchNorm1d(16),
                                 Linear(16, 1))}
networks["ema"] = networks["generator"]
with h5py.File("run/latest.h5", "r") as file:
    for name, network in networks.items():
        state = {tensor: torch.as_tensor(values[()]) for tensor, values in file[name].items()}
        network.load_state_dict(state, strict=True)
        assert list(state) == list(network.state_dict()), list(state)
        counted = network[1].num_batches_tracked
        assert counted.dtype == torch.int64 and int(counted) == (12 if name == "critic" else 3), (name, counted)
P
}
test_a_trace_of_convolutional_networks_agrees_with_pytorch() {
  pytorch_only
  run 0 mpi 2 train --preset fashion --batch 12 --shards 4 --iterations 3 --train.n_critic 2 --eval.samples=16 \
    --batch_norm.sync=no "${image_layers[@]}" --trace trace.h5 --trace-steps 9 --run.dir run &&
    run 0 "${replay[@]}" && says out 'agrees' && ! grep DIFFERS out
}
test_a_trace_is_the_same_at_any_np() {
  run 0 mpi 1 train "${tiny[@]}" --iterations 2 --trace a.h5 --trace-steps 6 -q && run 0 mpi 5 train "${tiny[@]}" \
    --iterations 2 --trace b.h5 --trace-steps 6 -q && same_state a.h5 b.h5
}
test_example_of_the_readme_embeds_the_library() {
  local ranks
  for ranks in 1 3; do run 0 $quiet_mpirun -np $ranks "$ROOT/$BUILD/examples/embed" && says out '[1-8] of 8 modes' || return 1; done
}
test_installed_library_can_be_used() {
  plain_build_only "what is installed is the plain build"
  run 0 make -s -C "$ROOT" install PREFIX="$PWD/prefix" && run 0 prefix/bin/gan_dist --version &&
    run 0 gcc -std=c11 -Iprefix/include "$ROOT/examples/embed.c" -Lprefix/lib -Wl,-rpath,"$PWD/prefix/lib" -lgandist -o embed &&
    run 0 ./embed
}
# A pipe whose reader has left already holds nothing, so each write fails, however much a pipe might hold.
test_output_to_a_closed_pipe_is_no_drama() {
  local words
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run -q || return 1
  mkfifo pipe && exec 4<>pipe 5>pipe 4<&- || return 1
  for words in 'config --list options' 'inspect run/latest.h5' 'loss wasserstein --real 1 --fake 2 --json' '--help' info; do
    # shellcheck disable=SC2086 # words
    timeout 60 "$PROGRAM" $words >&5 2>err || { note "exit status $? of $words"; return 1; }
    [ ! -s err ] || { note "$words: $(cat err)"; return 1; }
  done
}
test_help_on_batch_norm_tells_the_default() {
  run 0 "$PROGRAM" config && says out '^sync *= *yes' && run 0 "$PROGRAM" config --list layers &&
    says out '^ *batch_norm .* over the batch; over each shard with'
}
test_output_to_a_full_disk_is_an_error() {
  timeout 60 "$PROGRAM" config --list options >/dev/full 2>err
  [ $? -eq 1 ] && one_message && says err 'standard output: No space left' || return 1
  timeout 60 "$PROGRAM" --help >/dev/full 2>err
  [ $? -eq 1 ] && one_message && says err 'standard output: No space left' || return 1
  # Flushed long before the end.
  timeout 60 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run >/dev/full 2>err
  [ $? -eq 1 ] && one_message && says err 'standard output: No space left'
}

run_tests
