# Backends: each one reproducible by itself, equal to the others but for rounding, and exchangeable between two starts.
. "$(dirname "$0")/support.sh"

# Wide enough for each of a backend's ways: small products, few long rows, and large ones.
wide=(--generator.latent=16 --generator.layers="dense 320, relu, dense 320, relu, dense 2"
  --critic.layers="dense 320, leaky_relu 0.2, dense 320, leaky_relu 0.2, dense 1" --batch 48 --shards 6
  --samples.every=0 --eval.every=0 --eval.samples=64 --samples.count=4)

# Large enough, also in each shard, for convolutions of packed panels and products in bfloat16.
deep=(--generator.latent=48 --generator.layers="dense 512, reshape 32 4 4, batch_norm, relu,
  conv_transpose 16 kernel 4 stride 2 padding 1, relu, conv 16 kernel 3 padding 1, relu, dense 2"
  --critic.layers="dense 1024, reshape 16 8 8, conv 32 kernel 4 stride 2 padding 1, leaky_relu, conv 32 kernel 3 padding 1,
  leaky_relu, dense 64, leaky_relu, dense 1" --batch 160 --shards 5
  --samples.every=0 --eval.every=0 --eval.samples=64 --samples.count=4)

# Passes where bfloat16 is to be had; otherwise says why not.
has_bf16() {
  "$PROGRAM" info --precision bf16 >out 2>err && return 0
  note "$(tail -1 err)"
  return 77
}

built_in() { "$PROGRAM" config --list backends | grep -q "^ *$1\b"; }

# Whether the instructions of AVX-512 and AVX512_BF16 are there whatever the CPU.
emulated() { [[ $PROGRAM == *emulated* ]]; }

# Whether tests run as on a lesser CPU.
lowered() { [[ ${GAN_CPU_LEVEL:-avx512} != avx512 ]]; }

needs_onednn() {
  built_in onednn && return 0
  note "this build has no oneDNN"
  return 77
}

test_each_backend_is_the_same_at_any_np() {
  local backend ranks
  for backend in onednn openblas; do
    built_in $backend || continue
    for ranks in 1 3; do
      run 0 mpi $ranks train "${wide[@]}" --iterations 3 --backend $backend --run.dir $backend$ranks || return 1
      same_state "$(checkpoint_name ${backend}1 3)" "$(checkpoint_name $backend$ranks 3)" || return 1
    done
  done
}

test_convolutions_of_each_precision_are_the_same_at_any_np() {
  local precision ranks
  for precision in float32 bf16; do
    [ $precision = float32 ] || has_bf16 || continue
    for ranks in 1 2 5; do
      run 0 mpi $ranks train "${deep[@]}" --iterations 2 --precision $precision --run.dir $precision$ranks || return 1
      same_state "$(checkpoint_name ${precision}1 2)" "$(checkpoint_name $precision$ranks 2)" || return 1
    done
  done
  [ ! -e bf161 ] || ! cmp -s "$(checkpoint_name float321 2)" "$(checkpoint_name bf161 2)"
}

# On figures that are given, since a CPU is one or the other. Nothing of the training depends on them.
test_a_cpu_on_which_bfloat16_is_slower_is_told_once_with_both_figures() {
  local slow='bf16 is slower than float32 on this CPU: its products reach 79 GF/s, those of float32 150'
  has_bf16 || return
  run 0 env GAN_PRETEND_GFLOPS="150 79" $quiet_mpirun -np 2 "$PROGRAM" train "${tiny[@]}" --iterations 1 --precision bf16 --run.dir slow || return 1
  [ "$(cat out err | grep -c "$slow; --precision float32 takes less time")" -eq 1 ] || { note "not said once"; return 1; }
  run 0 env GAN_PRETEND_GFLOPS="240 477" "$PROGRAM" train "${tiny[@]}" --iterations 1 --precision bf16 --run.dir fast || return 1
  ! grep -q slower out err || { note "said of a fast CPU"; return 1; }
  run 0 env GAN_PRETEND_GFLOPS="150 79" "$PROGRAM" train "${tiny[@]}" --iterations 1 --run.dir other || return 1
  ! grep -q slower out err || { note "said of float32"; return 1; }
  same_state "$(checkpoint_name slow 1)" "$(checkpoint_name fast 1)" || return 1
  run 0 env GAN_PRETEND_GFLOPS="150 79" "$PROGRAM" info && says out '^bf16 +products at 79 GF/s, in float32 at 150: slower on this CPU$' &&
    run 0 env GAN_PRETEND_GFLOPS="240 477" "$PROGRAM" info && says out '^bf16 +products at 477 GF/s, in float32 at 240$'
}

# oneDNN held to SSE takes several times as long in float32, and the kernels of bfloat16 are not its own: the figures are real.
test_speeds_of_both_precisions_are_measured() {
  local figures='"gigaflops_float32": ([0-9.]+), "gigaflops_bf16": ([0-9.]+)'
  has_bf16 || return
  emulated && skip "plain C has no speed to tell"
  run 0 "$PROGRAM" info --json && [[ $(cat out) =~ $figures ]] || return 1
  local float32=${BASH_REMATCH[1]} bf16=${BASH_REMATCH[2]}
  run 0 env ONEDNN_MAX_CPU_ISA=SSE41 "$PROGRAM" info --json && [[ $(cat out) =~ $figures ]] || return 1
  awk "BEGIN { exit !(${BASH_REMATCH[1]} / ${BASH_REMATCH[2]} < 0.7 * $float32 / $bf16) }" ||
    { note "$float32 and $bf16, held to SSE ${BASH_REMATCH[1]} and ${BASH_REMATCH[2]}"; return 1; }
}
test_a_build_or_cpu_without_bfloat16_measures_none() {
  run 0 "$PROGRAM" info --backend openblas && says out '^bf16 +not with this backend and CPU$' &&
    run 0 "$PROGRAM" info --backend openblas --json && says out '"gigaflops_float32": null, "gigaflops_bf16": null'
}

test_a_cpu_or_backend_without_bfloat16_says_so() {
  run 2 "$PROGRAM" train --backend openblas --precision bf16 --run.dir run || return 1
  says err 'openblas has no products in bfloat16; use .*--precision float32' || return 1
  needs_onednn || return
  if lowered || { ! grep -qw avx512_bf16 /proc/cpuinfo && ! emulated; }; then
    run 2 "$PROGRAM" train --precision bf16 --run.dir run && says err 'needs .*instructions of AVX512_BF16'
  fi
}

test_a_run_goes_on_in_another_precision_and_says_so() {
  has_bf16 || return
  run 75 "$PROGRAM" train "${deep[@]}" --iterations 2 --precision bf16 --run.dir run --run.stop_at=1 || return 1
  run 0 "$PROGRAM" inspect run/latest.h5 && says out '^ *backend +onednn --precision bf16' || return 1
  run 0 "$PROGRAM" train "${deep[@]}" --iterations 2 --precision float32 --run.dir run --resume || return 1
  says out 'so far computed by onednn --precision bf16, from here on by onednn'
}

# SGD, since RMSprop's first steps have the gradient's sign only, which rounding can turn.
test_backends_differ_by_rounding_only() {
  needs_onednn || return
  local backend
  for backend in onednn openblas; do
    run 0 "$PROGRAM" train "${wide[@]}" --iterations 4 --optimizer.name sgd --optimizer.learning_rate=0.01 \
      --backend $backend --run.dir $backend || return 1
  done
  /usr/bin/python3 - "$(checkpoint_name onednn 4)" "$(checkpoint_name openblas 4)" <<'PYTHON'
import sys
import h5py

a, b = (h5py.File(path) for path in sys.argv[1:])
differing = 0
for network in "generator", "critic":
    for name, tensor in a[network].items():
        difference = abs(tensor[()] - b[network][name][()])
        assert difference.max() <= 1e-4 * abs(tensor[()]).max(), (network, name, difference.max())
        differing += (difference > 0).sum()
assert differing, "not one bit differs: was it really another backend?"
PYTHON
}

test_a_run_goes_on_with_another_backend_and_says_so() {
  needs_onednn || return
  run 75 "$PROGRAM" train "${wide[@]}" --iterations 4 --backend openblas --run.dir run --run.stop_at=2 || return 1
  cp -r run same
  run 0 "$PROGRAM" train "${wide[@]}" --iterations 4 --run.dir same --resume || return 1
  ! grep -q 'so far computed by' out || return 1
  run 0 "$PROGRAM" train "${wide[@]}" --iterations 4 --backend auto --run.dir run --resume || return 1
  says out 'so far computed by openblas, from here on by onednn' && run 0 "$PROGRAM" inspect run/latest.h5 &&
    says out '^ *backend +onednn'
}

test_an_unknown_backend_offers_the_nearest() {
  run 2 "$PROGRAM" train --backend openblaas && one_message && says err 'did you mean openblas\?'
}

test_info_says_which_kernels_and_why() {
  run 0 "$PROGRAM" info --backend openblas && says out '^backend +openblas: OpenBLAS [0-9.]+, [A-Za-z0-9]+ kernels' || return 1
  run 0 env OPENBLAS_CORETYPE=Prescott "$PROGRAM" info --backend openblas || return 1
  says out ', set by OPENBLAS_CORETYPE=Prescott$'
}

# level_says LEVEL PATTERN: what the backend tells of a CPU of that level.
level_says() { run 0 env GAN_CPU_LEVEL="$1" "$PROGRAM" info && says out "$2"; }

# Whoever compares with another machine does so with equal libraries.
test_a_lesser_cpu_can_be_pretended() {
  [ "$(uname -m)" = x86_64 ] || skip "levels are x86-64's"
  unset OPENBLAS_CORETYPE
  run 2 env GAN_CPU_LEVEL=zen "$PROGRAM" info && one_message && says err 'there are baseline, avx2 and avx512' || return 1
  level_says baseline 'OpenBLAS [0-9.]+, [A-Za-z0-9]+ kernels, set by OPENBLAS_CORETYPE=PRESCOTT$' || return 1
  ! built_in onednn || says out 'oneDNN [0-9.]+, SSE4.1 kernels; OpenBLAS' || return 1
  grep -qw avx2 /proc/cpuinfo || return 0
  level_says avx2 'Haswell kernels, set by OPENBLAS_CORETYPE=HASWELL$' || return 1
  ! built_in onednn || { run 2 env GAN_CPU_LEVEL=avx2 "$PROGRAM" train --precision bf16 --run.dir run && one_message &&
    says err 'AVX512_BF16, which GAN_CPU_LEVEL=avx2 rules out; unset it' && level_says avx2 .; } || return 1
  ! built_in onednn || says out 'oneDNN [0-9.]+, AVX2 kernels; convolutions and large products of packed panels;' || return 1
  run 0 env GAN_CPU_LEVEL=avx2 OPENBLAS_CORETYPE=NEHALEM "$PROGRAM" info && says out 'set by OPENBLAS_CORETYPE=NEHALEM$' || return 1
  if grep -qw avx512vl /proc/cpuinfo || emulated; then
    local -x GAN_PRETEND_GFLOPS="150 79" # what is measured is never the same twice
    run 0 env GAN_CPU_LEVEL=avx512 "$PROGRAM" info && cp out asked && run 0 env -u GAN_CPU_LEVEL "$PROGRAM" info && cmp out asked
  else
    run 2 env GAN_CPU_LEVEL=avx512 "$PROGRAM" info && one_message && says err 'no more than avx2'
  fi
}

# An OpenBLAS that does not know the CPU, pretended: asked for its choice it says Haswell unless told which core to take.
test_openblas_is_told_the_core_of_a_cpu_that_it_does_not_know() {
  case $PROGRAM in *sanitize*) note "another library cannot come before the sanitizer's"; return 77 ;; esac
  grep -qw avx512vl /proc/cpuinfo || { note "this CPU has no AVX-512"; return 77; }
  unset GAN_CPU_LEVEL
  cat >chooses.c <<'C'
#include <stdlib.h>
char *openblas_get_corename(void) { return getenv("OPENBLAS_CORETYPE") ? "SkylakeX" : "Haswell"; }
C
  cc -shared -fPIC -o chooses.so chooses.c || return 1
  run 0 env -u OPENBLAS_CORETYPE LD_PRELOAD=./chooses.so "$PROGRAM" info --backend openblas || return 1
  says out 'SkylakeX kernels, set by the program since this CPU has AVX-512 and OpenBLAS chose Haswell$' || return 1
  # A user who asks for a core gets it.
  run 0 env LD_PRELOAD=./chooses.so OPENBLAS_CORETYPE=COOPERLAKE "$PROGRAM" info --backend openblas || return 1
  says out ', set by OPENBLAS_CORETYPE=COOPERLAKE$'
}

# Linux counts a process's threads; MPI has some of its own, which start only with mpirun.
test_no_backend_starts_threads() {
  local backend threads alone
  for backend in onednn openblas; do
    built_in $backend || continue
    "$PROGRAM" train "${wide[@]}" --iterations 1000000 --checkpoint.every=2 --backend $backend --run.dir $backend >out 2>err &
    wait_until 60 past $backend 0 || return 1
    threads=$(ls /proc/$!/task | wc -l)
    kill -KILL $!
    wait $! 2>/dev/null
    note "$backend: $threads threads"
    [ "$threads" -gt 0 ] && [ "$threads" -eq "${alone:=$threads}" ] || return 1
  done
}

run_tests
