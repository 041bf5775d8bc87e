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
  begin --train.ema_decay=0.9 --batch_norm.sync=no && cp run/config.ini before.ini || return 1
  run 75 mpi 3 train "${tiny[@]}" --run.dir run --resume --run.stop_at=5 --optimizer.learning_rate=0.001 \
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
