#!/usr/bin/env bash
# Runs all tests of one or more builds, several at a time, and counts them. The last line is "N passed, N failed"; the exit
# status says whether any failed. Details of a failing test are printed; passing ones are one line each.
#
#   tests/run.sh BUILD[@LEVEL]...   BUILD: made by `make tests` (e.g. build, build/sanitize) or by `make emulated`;
#                                   @LEVEL: the tests that `make emulated` is about, with GAN_CPU_LEVEL (src/kernels/environment.h)
#
#   ONLY=pattern  runs the files whose name contains the pattern, or the shell tests whose "file test" does
#   FAST=1        leaves out what takes long, for whoever edits: see below; MPI tests run at two np only
#   CORES=N       tests that compute at the same time (default: one more than cores, since each waits now and then)
#   MAKE_TOO="BUILD MAKE-ARGUMENT..."   makes a build (several: one a line) beside the tests of the others, and then tests it
#
# A build that has some of the tests only names them in BUILD/tests.list. Kinds: tests/unit/*_test.c (cmocka, each prints
# "[       OK ] name"), tests/mpi/*_test.c (rank 0 prints "ok name" or "not ok name"; run at several np and on several hosts,
# pretended by GAN_PRETEND_HOSTS, see src/dist/world.c), tests/cli/*_test.sh (functions test_*, each run by itself, see
# tests/cli/support.sh).
#
# Most tests compute, and about as many run at a time as there are cores. A test of another kind says so: in the line before its
# function, or in the first ten lines of a file for all of it:
#   "run: waiting"   mostly waits (for time limits, daemons, ranks that are stopped): some run beside those that compute
#   "run: alone"     measures time: nothing else runs meanwhile
#   "run: slow"      computes for many seconds; FAST leaves it out, as those above
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/mpi-env.sh

[ $# -gt 0 ] || { echo "usage: tests/run.sh BUILD[@LEVEL]...   (build build/sanitize; see the head of the file)" >&2; exit 2; }
builds=("$@") cores=${CORES:-$(($(nproc) + 1))} waiting_at_once=4
unit_limit=300 mpi_limit=180 cli_limit=900

work=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; rm -rf "$work"' EXIT
export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.txt:print_suppressions=0 UBSAN_OPTIONS=print_stacktrace=1
# mpirun and the libraries under it leak a little at exit; what tests look for are our own errors.
export ASAN_OPTIONS=detect_leaks=${LEAKS:-1}:fast_unwind_on_malloc=1:exitcode=99
# mpirun waits this many seconds before it kills the other ranks of a job that failed; ours have left by then.
export OMPI_MCA_odls_base_sigkill_timeout=0
# OpenBLAS would start a pool of threads in every unit test; the program itself sees to it.
export OPENBLAS_NUM_THREADS=1
# What somebody has set for other programs is not what users get by default; tests set what they mean.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

# ---- the list of jobs: build, kind, name, what (ranks/hosts, or a function of a script), way to run

job_build=() job_kind=() job_name=() job_what=()
declare -A queue=([compute]="" [waiting]="" [alone]="")

# way_of FILE [FUNCTION]: compute, waiting, alone or slow
way_of() {
  awk -v wanted="${2:-}" '
    match($0, /run: (waiting|alone|slow)/) { way = substr($0, RSTART + 5, RLENGTH - 5); if (FNR <= 10) all = way; next }
    wanted && index($0, wanted "()") == 1 { if (way) all = way; exit }
    { way = "" }
    END { print all ? all : "compute" }' "$1"
}

add_job() { # BUILD KIND NAME WHAT WAY
  local number=${#job_build[@]} label="$3${4:+ $4}"
  [ "$2" = make ] || [[ $label == *"${ONLY:-}"* ]] || return 0
  [ -z "${FAST:-}" ] || [ "$5" = compute ] || return 0
  job_build[number]=$1 job_kind[number]=$2 job_name[number]=$3 job_what[number]=$4
  queue[${5/slow/compute}]+=" $number"
}

# in_list BUILD[@LEVEL] NAME: whether the build has the test
in_list() {
  local list=$1/tests.list
  [[ $1 == *@* ]] && list=${1%@*}/emulated/tests.list
  [ ! -f "$list" ] || grep -qx "$2" "$list"
}

list_build() {
  local build=$1 source name job jobs function
  for source in tests/cli/*_test.sh; do
    name=${source#tests/} name=${name%.sh}
    in_list "$build" "$name" || continue
    for function in $(BUILD=$build LIST=1 bash "$source"); do
      add_job "$build" cli "$name" "$function" "$(way_of "$source" "$function")"
    done
  done
  for source in tests/mpi/*_test.c; do
    name=${source#tests/} name=${name%.c}
    in_list "$build" "$name" || continue
    # Ranks, on so many pretended hosts. The sanitizers look for other things than the plain build: fewer will do.
    jobs="1 2 3 5 8 2/2 3/2 5/2 5/3 8/2 8/3"
    [ "$build" = build ] || jobs="1 3 8 5/3"
    [ -z "${FAST:-}" ] || jobs="3 5/2"
    for job in $jobs; do add_job "$build" mpi "$name" "$job" "$(way_of "$source")"; done
  done
  for source in tests/unit/*_test.c; do
    name=${source#tests/} name=${name%.c}
    in_list "$build" "$name" && add_job "$build" unit "$name" "" "$(way_of "$source")"
  done
}

# ---- running one job, in a process of its own: NUMBER.log, NUMBER.status, NUMBER.time

run_job() {
  local number=$1 build=${job_build[$1]%@*} name=${job_name[$1]} what=${job_what[$1]} hosts program=./gan_dist
  [[ ${job_build[$1]} == *@* ]] && export GAN_CPU_LEVEL=${job_build[$1]#*@}
  [ "$build" = build ] || program=$build/gan_dist
  # What is emulated is nothing for OpenBLAS, whose kernels the program would choose by it.
  if [[ $build == */emulated ]] && grep -qw avx2 /proc/cpuinfo; then export OPENBLAS_CORETYPE=Haswell; fi
  TIMEFORMAT='%R %U %S'
  time case ${job_kind[number]} in
    make) nice make -s BUILD="$build" $what ;;
    unit) timeout -k 5 $unit_limit "$build/tests/$name" ;;
    mpi)
      hosts=${what#*/}
      [ "$hosts" = "$what" ] && hosts=1
      GAN_PRETEND_HOSTS=$hosts timeout -k 5 $mpi_limit $quiet_mpirun -np "${what%/*}" "$build/tests/$name"
      ;;
    cli) BUILD=$build PROGRAM=$program EXACTLY=$what timeout -k 5 $cli_limit bash "tests/$name.sh" ;;
  esac >"$work/$number.log" 2>&1 </dev/null
  echo $? >"$work/$number.status"
} 2>"$work/$1.time"

# ---- counting

passed=0 failed=0 skipped=0 failures=() times=()
lines() { grep -cE "$1" "$2" || true; }
# cmocka names a test again in its summary.
names() { grep -E "^\[$1\] [a-z_0-9]+\$" "$2" | sort -u | wc -l; }

# Adds up; a program that died without reporting a failure is one failure.
count() {
  local number=$1 log=$work/$1.log status seconds user system ok bad skip label build
  label="${job_build[number]} ${job_name[number]}"
  status=$(cat "$work/$number.status" 2>/dev/null || echo 125)
  read -r seconds user system <<<"$(tail -n 1 "$work/$number.time")"
  case ${job_kind[number]} in
    make) ok=0 bad=$((status != 0)) skip=0 label+=" (make)" ;;
    unit) ok=$(lines '^\[       OK \]' "$log") bad=$(names '  FAILED  ' "$log") skip=$(names '  SKIPPED ' "$log") ;;
    mpi) label+=" np ${job_what[number]}" ;;&
    cli) label+=" ${job_what[number]#test_}" ;;&
    mpi | cli) ok=$(lines '^ok ' "$log") bad=$(lines '^not ok ' "$log") skip=$(lines '^skip ' "$log") ;;
  esac
  [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  [ "$status" -eq 0 ] && [ $((ok + bad + skip)) -eq 0 ] && [ "${job_kind[number]}" != make ] && bad=1
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
  times+=("$(printf '%7.1f s, %5.1f s of a core: %s' "$seconds" "$(awk "BEGIN {print $user + $system}")" "$label")")
  if [ "$bad" -gt 0 ]; then
    echo "FAILED $label (exit status $status, $seconds s):"
    tail -n 60 "$log" | sed 's/^/    /'
    failures+=("$label (exit status $status): $(grep -hoE '^(not ok|\[  FAILED  \]) [a-z_0-9]+$' "$log" | awk '{print $NF}' | sort -u | paste -sd ' ')")
  else
    printf 'ok     %-90s %3d passed %6.1f s%s\n' "$label" "$ok" "$seconds" "$([ "$skip" -gt 0 ] && echo ", $skip skipped")"
    [ "$skip" -gt 0 ] && [ "${job_kind[number]}" = cli ] && grep '^    ' "$log" | head -n 3
  fi
  if [ "${job_kind[number]}" = make ] && [ "$bad" -eq 0 ]; then
    for build in "${builds[@]}"; do [ "${build%/emulated}" = "${job_build[number]}" ] && list_build "$build"; done
  fi
  rm -f "$work/$number".*
}

# ---- the pool

declare -A job_of=() way_of_process=() busy=([compute]=0 [waiting]=0 [alone]=0)

# take WAY: the first job of a queue, as $taken; false if there is none
take() {
  read -r taken queue[$1] <<<"${queue[$1]}"
  [ -n "$taken" ]
}

start_jobs() { # WAY AT-ONCE
  while [ "${busy[$1]}" -lt "$2" ] && take "$1"; do
    run_job "$taken" &
    job_of[$!]=$taken way_of_process[$!]=$1
    busy[$1]=$((busy[$1] + 1))
  done
}

finish_one() {
  local process way
  wait -n -p process
  way=${way_of_process[$process]}
  busy[$way]=$((busy[$way] - 1))
  count "${job_of[$process]}"
  unset "job_of[$process]" "way_of_process[$process]"
}

while read -r build arguments; do
  [ -n "$build" ] && add_job "$build" make "" "$arguments" compute
done <<<"${MAKE_TOO:-}"
for build in "${builds[@]}"; do [[ ${MAKE_TOO:-} == *"${build%/emulated} "* ]] || list_build "$build"; done

while :; do
  start_jobs compute "$cores"
  start_jobs waiting $waiting_at_once
  [ ${#job_of[@]} -gt 0 ] || break
  finish_one
done
while start_jobs alone 1 && [ ${#job_of[@]} -gt 0 ]; do finish_one; done

[ ${#times[@]} -gt 0 ] || { echo "tests/run.sh: no test's name contains \"${ONLY:-}\"" >&2; exit 2; }
echo "the slowest:"
printf '%s\n' "${times[@]}" | sort -rn | head -n 10
[ "$skipped" -gt 0 ] && echo "$skipped skipped (the lines above say why)"
# Again, for those who see the end of a long log only.
for failure in ${failures[@]+"${failures[@]}"}; do echo "FAILED $failure"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
