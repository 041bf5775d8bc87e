# What the command-line tests share; to be sourced. A test is a function test_NAME; run_tests runs each in an empty folder of
# its own and prints "ok NAME" or "not ok NAME". $PROGRAM is the program under test, $ROOT the repository.
set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PROGRAM=$ROOT/${PROGRAM:-gan_dist}
. "$ROOT/scripts/mpi-env.sh"
# What `make tests` made to look at results; the emulated kernels have no build of their own of it.
build=${BUILD:-build}
tools=$ROOT/${build%/emulated}/tests/tools
# With PyTorch, for tests that need it; what needs h5py alone takes the system's.
python=${PYTHON:-/usr/bin/python3}
# Tests about damage want to see the message, not the shell's report of a killed job.
limit=${LIMIT:-120}

# A small network that trains in a moment; shards fixed so that any np gives the same bits.
tiny=(--generator.latent=4 --generator.layers="dense 16, relu, dense 2" --critic.layers="dense 16, leaky_relu 0.2, dense 1"
  --batch 24 --shards 8 --samples.every=0 --eval.every=0 --eval.samples=64 --samples.count=4)

# Small convolutional networks for 28 x 28 images with layers of every kind that a trace can be replayed of.
image_layers=(--generator.layers="dense 98, reshape 2 7 7, batch_norm, relu, residual, upsample 2, conv 3 kernel 3 padding 1,
  batch_norm, relu, shortcut, upsample 2 bilinear, conv 3 kernel 1, end, conv_transpose 1 kernel 4 stride 2 padding 1, tanh"
  --critic.layers="conv 4 kernel 4 stride 2 padding 1, leaky_relu 0.2, group_norm 2, conv 4 kernel 3 5 stride 2 padding 1 2,
  instance_norm affine, leaky_relu, average_pool 2, minibatch_stddev, dense 1")

note() { echo "    $*"; }

# skip REASON: ends the test, which could not be made here. A test never passes for want of something.
skip() { note "$*"; exit 77; }
plain_build_only() { [ "${BUILD:-build}" = build ] || skip "${*:-tested with the plain build}"; }
pytorch_only() { "$python" -c 'import torch, h5py' 2>/dev/null || skip "$python has no torch or no h5py"; }

# run EXPECTED_STATUS COMMAND...: runs with a time limit; stdout and stderr are left in files out and err. "mpi NP ..." stands
# for the program on NP ranks, without mpirun's own report of a failure. "ranks NP TEXT ARGUMENT..." has each rank run a text of
# bash, in which $rank is its number. (mpirun of Open MPI 5.0.7 crashes where it is to start several programs.)
run() {
  local expected=$1 status
  shift
  [ "$1" = mpi ] && set -- $quiet_mpirun -np "$2" "$PROGRAM" "${@:3}"
  [ "$1" = ranks ] && set -- $quiet_mpirun -np "$2" bash -c 'rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; '"$3" rank "${@:4}"
  timeout -k 5 "$limit" "$@" >out 2>err
  status=$?
  [ "$status" -eq "$expected" ] && return 0
  note "exit status $status, expected $expected: $*"
  tail -n 20 out err | sed 's/^/    | /'
  return 1
}

says() { # says FILE PATTERN: the file has a line that matches
  grep -qE -- "$2" "$1" && return 0
  note "no \"$2\" in $1:"
  head -n 20 "$1" | sed 's/^/    | /'
  return 1
}

json_says() { # json_says CONDITION: what the program printed (in out), as d
  python3 -c "
import json
d = json.load(open('out'))
assert $1" && return 0
  note "not so: $1"
  head -n 30 out
  return 1
}

one_message() { # exactly one error message of the program in err
  local count
  count=$(grep -c '^gan_dist: ' err)
  [ "$count" -eq 1 ] && return 0
  note "$count messages instead of one:"
  head -n 20 err | sed 's/^/    | /'
  return 1
}

# same_state A B [/OBJECT...]: two checkpoints hold the same tensors, of the same types and shapes, with the same bits, and the
# same attributes, but for the configuration. Or: so do these groups or data sets of any two HDF5 files.
same_state() {
  "$tools/same_state" "$@" >difference && return 0
  note "$1 and $2: $(cat difference)"
  return 1
}

# other_bits A B [/OBJECT...]: both can be read and have the same objects, of which one has other bits.
other_bits() {
  "$tools/same_state" "$@" >difference
  [ $? -eq 1 ] && grep -q 'has other bits$' difference && return 0
  note "$1 and $2 ${*:3}: $(cat difference)"
  return 1
}

checkpoint_name() { printf '%s/checkpoint-%07d.h5' "$1" "$2"; }

# Tests that act on a running program wait for what it has done, never for a time: it may be ten times faster or slower
# elsewhere. The limits only end a test that has failed.
# wait_until SECONDS CONDITION...: at most so long
wait_until() {
  local until=$((SECONDS + $1))
  shift
  while [ $SECONDS -lt $until ]; do
    "$@" && return 0
    sleep 0.1
  done
  note "waited in vain for: $*"
  return 1
}

# newest RUN: the iteration of its newest checkpoint, past RUN ITERATION: whether that is later
newest() {
  local name
  name=$(readlink "$1/latest.h5" 2>/dev/null) || return 1
  [[ $name =~ ([0-9]+)\.h5$ ]] && echo $((10#${BASH_REMATCH[1]}))
}
past() { [ "$(newest "$1" || echo -1)" -gt "$2" ]; }

gone() { ! kill -0 "$1" 2>/dev/null; }

# All tests of a script; with TEST=pattern those whose name contains it, with EXACTLY=name that one. LIST=1 prints their names.
run_tests() {
  local name folder failures=0
  for name in $(declare -F | awk '$3 ~ /^test_/ {print $3}'); do
    [[ $name == *"${TEST:-}"* && $name == "${EXACTLY:-$name}" ]] || continue
    [ -z "${LIST:-}" ] || { echo "$name"; continue; }
    folder=$(mktemp -d)
    (unset TEST EXACTLY; cd "$folder" && set +e && "$name") >"$folder.log" 2>&1
    case $? in
      0) echo "ok ${name#test_}" ;;
      77)
        [ -s "$folder.log" ] && echo "skip ${name#test_}" || { echo "not ok ${name#test_}: skipped without a reason"; failures=$((failures + 1)); }
        cat "$folder.log"
        ;;
      *) echo "not ok ${name#test_}"; cat "$folder.log"; failures=$((failures + 1)) ;;
    esac
    rm -rf "$folder" "$folder.log"
  done
  [ $failures -eq 0 ]
}
