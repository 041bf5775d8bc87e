#!/usr/bin/env bash
# Runs all tests of one or more builds and counts them. The last line is "N passed, N failed"; the exit status says
# whether any failed. Details of a failing test are printed; passing ones are one line each.
#
#   tests/run.sh BUILD...      (made by `make tests`, e.g. build build/sanitize; or `make emulated`)
#
# A build that has some of the tests only names them in BUILD/tests.list.
# Kinds: tests/unit/*_test.c (cmocka, each prints "[       OK ] name"), tests/mpi/*_test.c (rank 0 prints "ok name" or
# "not ok name"; run at several np and on several hosts, pretended by GAN_PRETEND_HOSTS, see src/dist/world.c),
# tests/cli/*.sh (functions test_*, see tests/cli/support.sh). ONLY=pattern runs the files whose name contains the pattern.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/mpi-env.sh

passed=0 failed=0 skipped=0 failures=()
# mpirun waits this many seconds before it kills the other ranks of a job that failed; ours have left by then.
export OMPI_MCA_odls_base_sigkill_timeout=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unit_limit=300 mpi_limit=120 cli_limit=900

wanted() {
  [[ $1 == *"${ONLY:-}"* ]] && { [ ! -f "$build/tests.list" ] || grep -qx "$1" "$build/tests.list"; }
}

# count NAME STATUS PASSED FAILED SKIPPED LOG: adds up; a program that died without reporting a failure is one failure.
count() {
  local name=$1 status=$2 ok=$3 bad=$4 skip=$5 log=$6
  [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  [ "$status" -eq 0 ] && [ $((ok + bad + skip)) -eq 0 ] && bad=1
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
  if [ "$bad" -gt 0 ]; then
    echo "FAILED $name (exit status $status):"
    tail -n 60 "$log" | sed 's/^/    /'
    failures+=("$name (exit status $status): $(grep -hoE '^(not ok|\[  FAILED  \]) [a-z_0-9]+$' "$log" | awk '{print $NF}' | sort -u | paste -sd ' ')")
  else
    printf 'ok     %-60s %3d passed%s\n' "$name" "$ok" "$([ "$skip" -gt 0 ] && echo ", $skip skipped")"
  fi
}

lines() { grep -cE "$1" "$2" || true; }
names() { grep -E "^\[$1\] [a-z_0-9]+\$" "$work/log" | sort -u | wc -l; }

for build in "$@"; do
  program=./gan_dist
  [ "$build" = build ] || program=$build/gan_dist
  # mpirun and the libraries under it leak a little at exit; what tests look for are our own errors.
  export ASAN_OPTIONS=detect_leaks=${LEAKS:-1}:fast_unwind_on_malloc=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
  # OpenBLAS would start a pool of threads in every unit test; the program itself sees to it.
  export OPENBLAS_NUM_THREADS=1
  # What somebody has set for other programs is not what users get by default; tests set what they mean.
  unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
  # What is emulated is nothing for OpenBLAS, whose kernels the program would choose by it.
  if [[ $build == */emulated ]] && grep -qw avx2 /proc/cpuinfo; then export OPENBLAS_CORETYPE=Haswell; fi
  export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.txt:print_suppressions=0

  for source in tests/unit/*_test.c; do
    name=${source#tests/} name=${name%.c}
    wanted "$name" || continue
    timeout -k 5 "$unit_limit" "$build/tests/$name" >"$work/log" 2>&1
    status=$?
    # cmocka names a test again in its summary.
    count "$build $name" $status "$(lines '^\[       OK \]' "$work/log")" "$(names '  FAILED  ')" "$(names '  SKIPPED ')" \
      "$work/log"
  done

  for source in tests/mpi/*_test.c; do
    name=${source#tests/} name=${name%.c}
    wanted "$name" || continue
    # Ranks, on so many pretended hosts. The sanitizers look for other things than the plain build: fewer will do.
    jobs="1 2 3 5 8 2/2 3/2 5/2 5/3 8/2 8/3"
    [ "$build" = build ] || jobs="1 3 8 5/3"
    for job in $jobs; do
      hosts=${job#*/}
      [ "$hosts" = "$job" ] && hosts=1
      GAN_PRETEND_HOSTS=$hosts timeout -k 5 "$mpi_limit" mpirun -q -np "${job%/*}" "$build/tests/$name" >"$work/log" 2>&1
      count "$build $name np $job" $? "$(lines '^ok ' "$work/log")" "$(lines '^not ok ' "$work/log")" 0 "$work/log"
    done
  done

  for script in tests/cli/*_test.sh; do
    name=${script#tests/} name=${name%.sh}
    wanted "$name" || continue
    BUILD=$build PROGRAM=$program timeout -k 5 "$cli_limit" bash "$script" >"$work/log" 2>&1
    count "$build $name" $? "$(lines '^ok ' "$work/log")" "$(lines '^not ok ' "$work/log")" "$(lines '^skip ' "$work/log")" \
      "$work/log"
  done
done

[ "$skipped" -gt 0 ] && echo "$skipped skipped (the lines above say why)"
# Again, for those who see the end of a long log only.
for failure in ${failures[@]+"${failures[@]}"}; do echo "FAILED $failure"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
