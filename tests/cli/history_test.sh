# A run that goes on with other values says so, and keeps it in history.txt.
. "$(dirname "$0")/support.sh"

# begin OPTIONS: a run in folder run, stopped after iteration 4 of 8
begin() { run 75 mpi 2 train "${tiny[@]}" --iterations 8 --run.dir run --run.stop_at=4 --optimizer.schedule constant "$@"; }
# entry N: the N-th entry of history.txt
entry() { awk -v wanted="$1" '/^[^ ]/ {entry++} entry == wanted' run/history.txt; }

# recorded N KEY OLD NEW...: entry N names these, and no more; each is in the notice
recorded() {
  local number=$1 expected=()
  shift
  while [ $# -gt 0 ]; do
    expected+=("    $1: $2 -> $3")
    says out "^changed since then, .*[:;] $1: $2 -> $3(;|\$)" || return 1
    shift 3
  done
  cmp <(entry "$number" | tail -n +2 | sort) <(printf '%s\n' "${expected[@]}" | sort) || { cat run/history.txt; return 1; }
}

test_what_a_start_changes_is_said_once_and_kept() {
  begin --train.ema_decay=0.9 --batch_norm.sync=no --generator.layers="dense 16, batch_norm, relu, dense 2" && cp run/config.ini before.ini || return 1
  run 75 mpi 3 train --run.dir run --resume --run.stop_at=5 --optimizer.learning_rate=0.001 \
    --loss.name modified_minimax --critic.clip=0.5 --batch 16 --train.n_critic 2 --train.ema_decay=0.8 --batch_norm.sync=yes \
    --generator.latent_distribution uniform --optimizer.alpha=0.5 --eval.samples=32 --critic.layers="dense 16, gelu, dense 1" || return 1
  [ "$(grep -c '^changed' out)" -eq 1 ] && recorded 2 optimizer.learning_rate 0.0008 0.001 loss.name wasserstein modified_minimax \
    critic.clip 0.1 0.5 train.batch 24 16 train.n_critic 5 2 train.ema_decay 0.9 0.8 batch_norm.sync no yes \
    generator.latent_distribution normal uniform optimizer.alpha 0.99 0.5 eval.samples 64 32 \
    critic.layers '2: leaky_relu 0.2' gelu || return 1
  # The next start, with the same values, changes nothing; and each has its line.
  run 0 mpi 1 train --run.dir run --resume && ! grep -q '^changed' out && [ "$(entry 3 | wc -l)" -eq 1 ] || return 1
  entry 1 | grep -qE '^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC  begins: 2 ranks on 1 host, 8 shards, ' &&
    entry 2 | grep -qE 'UTC  goes on from iteration 4 \(run/checkpoint-0000004\.h5\): 3 ranks on 1 host, 8 shards, ' &&
    entry 3 | grep -qE 'UTC  goes on from iteration 5 \(run/checkpoint-0000005\.h5\): 1 rank on 1 host, 8 shards, '
}

test_what_does_not_change_results_is_not_named() {
  begin || return 1
  run 0 mpi 3 train "${tiny[@]}" --iterations 9 --run.dir run --resume --run.log_every=1 --checkpoint.keep=1 --checkpoint.every=2 \
    --samples.every=3 --reduction flat --timeout 60 --trace more.h5 --verify-every 2 && ! grep -q '^changed' out || return 1
  # Without a schedule, to be longer changes nothing of what is computed, but belongs to the history.
  [ "$(entry 2 | tail -n +2)" = "    run.iterations: 8 -> 9" ]
}

# Weights that were set long ago.
test_what_has_no_effect_is_not_named() {
  begin || return 1
  run 0 mpi 2 train --run.dir run --resume --generator.init=normal --generator.init_scale=0.5 --critic.init=normal --critic.init_scale=0.1 &&
    ! grep -q '^changed' out && [ "$(entry 2 | wc -l)" -eq 1 ]
}

test_a_start_that_trains_nothing_writes_and_claims_nothing() {
  local file
  begin && run 0 mpi 2 train --run.dir run --resume && cp -r run before || return 1
  run 0 mpi 2 train --run.dir run --resume --iterations 3 --critic.clip=0.7 --batch 16 && says out 'nothing to do: 8 of 3 iterations' &&
    ! grep -qE '^(changed|so far computed)' out || return 1
  for file in config.ini history.txt; do cmp run/$file before/$file || return 1; done
}

# kill_start OPTIONS: a start in folder run that is killed before it writes a checkpoint
kill_start() {
  $quiet_mpirun -np 1 sh -c 'echo $$ >pid; exec "$@"' sh "$PROGRAM" train --run.dir run --resume --iterations 100000000 --checkpoint.every=0 \
    "$@" >killed 2>&1 &
  local mpirun=$! starts
  starts=$(grep -c '^[^ ]' run/history.txt 2>/dev/null)
  begun() { [ "$(grep -c '^[^ ]' run/history.txt 2>/dev/null)" != "$starts" ] && [ run/config.ini -nt pid ]; }
  wait_until 60 begun && kill -9 "$(cat pid)" && { wait $mpirun; true; }
}

test_what_a_killed_start_was_given_holds_for_the_next() {
  begin && kill_start --critic.clip=0.02 --batch 16 && [ "$(newest run)" = 4 ] || return 1
  run 75 mpi 3 train --run.dir run --resume --iterations 9 --run.stop_at=5 &&
    says out 'critic.clip: 0.1 -> 0.02' && says out 'train.batch: 24 -> 16' || return 1
  cmp <(entry 3 | tail -n +2 | sort) <(printf '    %s\n' 'critic.clip: 0.1 -> 0.02' 'run.iterations: 8 -> 9' 'train.batch: 24 -> 16') || { cat run/history.txt; return 1; }
  # A checkpoint that lies elsewhere brings its own values.
  run 0 mpi 2 train --resume=run/checkpoint-0000004.h5 --run.dir other --iterations 5 && ! grep -q '^changed' out
}

test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew_as_it_was() {
  kill_start "${tiny[@]}" --data.source grid --data.modes 3 --critic.clip=0.3 && [ ! -e run/latest.h5 ] || return 1
  run 0 mpi 3 train --run.dir run --resume --iterations 4 && says out 'a new run begins, with what its config.ini says$' && ! grep -q '^changed' out || return 1
  run 0 mpi 1 train "${tiny[@]}" --data.source grid --data.modes 3 --critic.clip=0.3 --iterations 4 --run.dir whole &&
    same_state run/latest.h5 whole/latest.h5
}

test_a_config_ini_that_cannot_be_read_ends_the_start() {
  begin --critic.clip=0.3 && cp -r run before && echo 'nonsense' >>run/config.ini || return 1
  run 2 mpi 3 train --run.dir run --resume && one_message && says err "run/config\.ini:[0-9]+: .*remove it: then the checkpoint's values" || return 1
  rm run/config.ini && mkfifo run/config.ini && run 2 mpi 2 train --run.dir run --resume && one_message && says err 'run/config\.ini: .*regular' || return 1
  rm run/config.ini && run 0 mpi 2 train --run.dir run --resume && ! grep -q '^changed' out && says run/config.ini '^clip = 0\.3$'
}

# The average by hand: of one iteration, from the weights before and after. (Higher decays come into force later.)
test_an_average_can_be_switched_on() {
  begin --train.ema_decay=0 && run 75 mpi 3 train --run.dir run --resume --train.ema_decay=0.25 --run.stop_at=5 && recorded 2 train.ema_decay 0 0.25 || return 1
  /usr/bin/python3 -c "
import h5py, numpy
before, after = h5py.File('run/checkpoint-0000004.h5'), h5py.File('run/checkpoint-0000005.h5')
for name in ('0.weight', '0.bias', '2.weight', '2.bias'):
    old, new = before['generator/' + name][()], after['generator/' + name][()]
    assert (old != new).any()
    assert numpy.allclose(after['ema/' + name][()], 0.25 * old + 0.75 * new, rtol=1e-5, atol=1e-8), name"
}

test_an_optimizer_whose_state_is_not_there_is_refused() {
  begin --optimizer.name rmsprop || return 1
  run 2 mpi 2 train --run.dir run --resume --optimizer.name adam && one_message &&
    says err 'state exp_avg \(optimizer\.name: rmsprop -> adam\): go on with --optimizer\.name rmsprop,' || return 1
  run 2 mpi 2 train --run.dir run --resume --optimizer.momentum=0.5 && one_message &&
    says err 'state momentum_buffer \(optimizer\.momentum: 0 -> 0\.5\): go on with --optimizer\.momentum=0,' || return 1
  run 0 mpi 2 train --run.dir run --resume --optimizer.name sgd && recorded 2 optimizer.name rmsprop sgd
}

test_another_precision_names_the_way_back() {
  "$PROGRAM" info --precision bf16 >out 2>err || skip "this CPU or build has no bf16"
  begin && run 75 mpi 2 train --run.dir run --resume --precision bf16 --run.stop_at=5 && says out '; --precision float32 keeps to it$' &&
    [ "$(entry 2 | tail -n +2)" = '    run.precision: float32 -> bf16' ] || return 1
  run 0 mpi 2 train --run.dir run --resume --precision float32 && says out '; --precision bf16 keeps to it$'
}

test_another_number_of_shards_is_a_change() {
  begin && run 0 mpi 16 train "${tiny[@]}" --shards 16 --run.dir run --resume && recorded 2 train.shards 8 16 &&
    says run/config.ini '^shards = 16$' || return 1
  # The same as if it had been 16 ranks or 2 that went on so.
  cp -r run many && rm -r run && begin && run 0 mpi 2 train "${tiny[@]}" --shards 16 --run.dir run --resume &&
    same_state many/latest.h5 run/latest.h5
}

# The rates by the formula: down in a straight line to a hundredth.
test_a_longer_schedule_tells_both_learning_rates() {
  local from to
  begin --optimizer.schedule linear --optimizer.learning_rate=0.0005 || return 1
  from=$(awk 'BEGIN {printf "%.3g", 0.0005 * (1 - 0.99 * 3 / 8)}') to=$(awk 'BEGIN {printf "%.3g", 0.0005 * (1 - 0.99 * 4 / 400)}')
  run 75 mpi 2 train --run.dir run --resume --iterations 400 --run.stop_at=5 &&
    recorded 2 run.iterations 8 400 'learning rate of an iteration' "$from" "$to" || return 1
  /usr/bin/python3 -c "
import h5py
rates = h5py.File('run/metrics.h5')['train/learning_rate_critic'][3:5]
assert ['%.3g' % rate for rate in rates] == ['$from', '$to'], rates" || return 1
  # One network's own rate.
  run 75 mpi 2 train --run.dir run --resume --critic.learning_rate=0.001 --run.stop_at=6 &&
    says out "; critic's learning rate of an iteration: 0.000495 -> 0.000988\$" && ! grep -q "generator's" out
}

# Half a cosine from 4 to 1 and from 2 down to 0; the strength in a straight line, as the metrics have it.
test_what_else_moves_over_a_run_is_told_likewise() {
  local half_cosine='function at(from, to, share) { return to + (from - to) * (1 + cos(3.14159265358979 * share)) / 2 }' from to
  begin --critic.r1=4 --critic.r1_final=1 --critic.r2=2 --critic.r2_final=0 || return 1
  run 75 mpi 2 train --run.dir run --resume --iterations 40 --run.stop_at=5 || return 1
  from=$(awk "$half_cosine"' BEGIN {printf "%.3g", at(4, 1, 3 / 8)}') to=$(awk "$half_cosine"' BEGIN {printf "%.3g", at(4, 1, 4 / 40)}')
  says out "; critic\.r1 of an iteration: $from -> $to; " || return 1
  from=$(awk "$half_cosine"' BEGIN {printf "%.3g", at(2, 0, 3 / 8)}') to=$(awk "$half_cosine"' BEGIN {printf "%.3g", at(2, 0, 4 / 40)}')
  says out "; critic\.r2 of an iteration: $from -> $to\$" && [ "$(entry 2 | wc -l)" -eq 4 ] && rm -r run || return 1
  begin --data.source showers --shower.cells=8 --generator.layers="dense 512, reshape 1 8 8 8" --critic.layers="flatten, dense 1" \
    --augment.operations=flip --augment.strength=0.2 --augment.final_strength=0.8 --augment.schedule linear || return 1
  run 75 mpi 2 train --run.dir run --resume --iterations 48 --run.stop_at=5 &&
    recorded 2 run.iterations 8 48 'augment.strength of an iteration' 0.425 0.25 || return 1
  /usr/bin/python3 -c "
import h5py
strengths = h5py.File('run/metrics.h5')['train/augmentation_strength'][3:5]
assert ['%.3g' % strength for strength in strengths] == ['0.425', '0.25'], strengths"
}

test_another_backend_is_kept_too() {
  "$PROGRAM" config --list backends | grep -q onednn || skip "this build has no oneDNN"
  begin --backend openblas && run 0 mpi 2 train --run.dir run --resume --backend onednn && ! grep -q '^changed' out &&
    [ "$(entry 2 | tail -n +2)" = "    run.backend: openblas -> onednn" ] && entry 2 | grep -q ', 8 shards, onednn, ' || return 1
}

# reseal FILE OLD NEW: in the checkpoint's configuration, as another program would have written it (docs/file-formats.md)
reseal() {
  /usr/bin/python3 - "$@" <<'P'
import ctypes, sys
import h5py
name, old, new = sys.argv[1:]
with h5py.File(name, "r+") as file:
    text = file.attrs["config"]
    assert old in text
    file.attrs["config"] = text.replace(old, new)
class Hash(ctypes.Structure): _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]
library = ctypes.CDLL("libxxhash.so.0")
library.XXH3_128bits.restype, library.XXH3_128bits.argtypes = Hash, [ctypes.c_char_p, ctypes.c_size_t]
data = open(name, "rb").read()[512:]
found = library.XXH3_128bits(data, len(data))
seal = "gan_dist checkpoint 1\nlength %d\nxxh3-128 %016x%016x\n" % (len(data), found.high, found.low)
open(name, "wb").write(seal.encode().ljust(512, b"\0") + data)
P
}

test_a_run_of_a_build_with_other_backends_goes_on() {
  begin --backend openblas --critic.clip=0.7 && cp run/latest.h5 other.h5 && reseal other.h5 'backend = openblas' 'backend = another' || return 1
  run 0 mpi 2 train --resume=other.h5 --run.dir next && says next/config.ini '^clip = 0.7$' && says next/config.ini '^backend = auto$' &&
    ! grep -q 'cannot be read' out
}

test_a_configuration_that_cannot_be_read_is_no_end() {
  begin --shards 4 && cp run/latest.h5 other.h5 && reseal other.h5 '[train]' $'[train]\nunheard_of = 1' || return 1
  run 0 mpi 2 train "${tiny[@]/8/4}" --iterations 8 --resume=other.h5 --run.dir next && says out 'cannot be read, .*unheard_of' &&
    ! grep -q '^changed' out || return 1
  run 0 mpi 2 train "${tiny[@]}" --iterations 8 --resume=other.h5 --run.dir last && says out '^changed .*: train.shards: 4 -> 8$'
}

# Whoever reads the history may have left no more than half of it.
test_a_history_that_cannot_be_written_ends_the_run_and_hangs_nobody() {
  begin && rm run/history.txt && mkfifo run/history.txt && run 1 mpi 2 train --run.dir run --resume && one_message &&
    says err 'run/history\.txt: it is not a regular file; remove it$' || return 1
  rm run/history.txt && mkdir run/history.txt && run 1 mpi 2 train --run.dir run --resume && one_message &&
    says err 'run/history\.txt: it is not a regular file; remove it$' && rmdir run/history.txt || return 1
  printf 'old\n' >run/history.txt
  if chattr +i run/history.txt 2>/dev/null; then # where the file system and the rights allow it
    run 1 mpi 2 train --run.dir run --resume
    local status=$?
    chattr -i run/history.txt
    [ $status -eq 0 ] && one_message && says err 'history\.txt: Operation not permitted; make it a file that you may write to, or remove it$' || return 1
  fi
  printf 'half a li' >run/history.txt && run 0 mpi 2 train --run.dir run --resume && [ "$(entry 1)" = 'half a li' ] &&
    entry 2 | grep -q 'goes on from iteration 4'
}

run_tests
