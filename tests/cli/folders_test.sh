# Whose a run's folder is, and that nothing that is written takes the place of something that is needed.
. "$(dirname "$0")/support.sh"

# Checkpoints of some MB, beside which all else that is read is little.
large=("${tiny[@]}" --generator.layers="dense 1000, relu, dense 1000, relu, dense 2")

# bytes_read COMMAND...: what the program and those that it started have read from files, into the variable read
bytes_read() {
  read=$(bash -c '"$@" >out 2>err && awk "/^rchar/ {print \$2}" /proc/$$/io' _ timeout -k 5 "$limit" "$@")
  [ -n "$read" ] && return 0
  tail -n 5 err | sed 's/^/    | /'
  return 1
}

# Once to see that it is whole, once to take what is in it.
test_a_checkpoint_is_read_twice_to_go_on_from_it_and_to_sample() {
  local size read way
  [ -r /proc/self/io ] || { echo "/proc/self/io cannot be read here"; return 77; }
  run 0 "$PROGRAM" train "${large[@]}" --iterations 1 --run.dir run || return 1
  size=$(stat -Lc %s run/latest.h5)
  [ "$size" -gt 8000000 ] || { note "only $size bytes"; return 1; }
  for way in "train --run.dir run --resume" "train --resume=run/latest.h5" "sample run/latest.h5 -n 1"; do
    # shellcheck disable=SC2086 # a list of words
    if [[ $way = train* ]]; then bytes_read "$PROGRAM" $way "${large[@]}" --iterations 1; else bytes_read "$PROGRAM" $way; fi || return 1
    [ "$read" -gt "$size" ] && [ "$read" -lt $((size * 5 / 2)) ] || { note "$read bytes read of $size: $way"; return 1; }
  done
}

# rows RUN: the iterations in metrics.h5, in order
rows() { h5dump -w 1 -y -d /train/iteration -o rows -b LE "$1/metrics.h5" >/dev/null && od -An -v -w8 -t d8 rows | tr -d ' '; }

# highest RUN: the iteration of its newest checkpoint by the names, to which a run that ended suddenly may have made no link yet
highest() {
  local names=("$1"/checkpoint-*.h5) name
  name=${names[-1]##*-}
  echo $((10#${name%.h5}))
}

# whole RUN ITERATIONS: a run from its first iteration to its last, and nothing left over
whole() {
  [ "$(newest "$1")" = "$2" ] && [ "$(rows "$1")" = "$(seq "$2")" ] || { note "$1: $(newest "$1"), $(rows "$1" | wc -l) rows"; return 1; }
  ls "$1" | grep -E 'partial|lock' || return 0
  return 1
}

# start NAME RUN OPTIONS...: trains in the background until it is stopped, its output in NAME.out and NAME.err, its number in
# NAME; goes on when it has written a checkpoint. Not the program's own number where it starts itself anew: exec keeps it.
start() {
  local name=$1 run=$2 number
  shift 2
  "$PROGRAM" train "${tiny[@]}" --iterations 100000000 --checkpoint.every=20 --run.dir "$run" "$@" >"$name.out" 2>"$name.err" &
  number=$!
  printf -v "$name" %s "$number"
  wait_until 60 past "$run" 0 && return 0
  cat "$name.err"
  end "$number" KILL
  return 1
}

# end NUMBER SIGNAL [STATUS]: ends a program that was started, which leaves with STATUS
end() {
  local status
  kill -"$2" "$1" 2>/dev/null
  wait "$1" 2>/dev/null
  status=$?
  [ -z "${3:-}" ] || [ "$status" -eq "$3" ] || { note "process $1 left with $status"; return 1; }
}

test_four_runs_that_start_together_leave_four_runs() {
  local seed numbers=() status=0
  for seed in 1 2 3 4; do
    "$PROGRAM" --seed $seed --iterations 30 -q >$seed.out 2>$seed.err &
    numbers+=($!)
  done
  for seed in "${numbers[@]}"; do wait "$seed" || status=1; done
  [ $status -eq 0 ] || { cat ./*.err; return 1; }
  for seed in runs/ring8 runs/ring8-2 runs/ring8-3 runs/ring8-4; do whole $seed 30 || return 1; done
  [ "$(grep -h '^seed' runs/*/config.ini | sort | paste -sd ' ')" = "seed = 1 seed = 2 seed = 3 seed = 4" ] || { ls -R runs; return 1; }
}

test_a_second_start_is_refused_and_told_who_holds_the_folder() {
  local first way
  start first run || return 1
  for way in "--run.dir run" "--run.dir run --resume" "--resume=run/latest.h5"; do
    # shellcheck disable=SC2086 # a list of words
    run 2 mpi 2 train "${tiny[@]}" $way || { end "$first" KILL; return 1; }
    one_message && says err "run is in use by process $first on host $(hostname), since 20" || { end "$first" KILL; return 1; }
  done
  # Neither is noticed by the one that trains; whoever only reads may.
  run 0 "$PROGRAM" sample run/latest.h5 -n 4 -o run/samples-extra.png && end "$first" TERM 75 && [ ! -e run/run.lock ] &&
    whole run "$(newest run)"
}

test_a_killed_run_goes_on_at_once() {
  local first before
  start first run || return 1
  end "$first" KILL 137
  before=$(highest run)
  [ -e run/run.lock ] || { note "no lock file"; return 1; }
  run 75 "$PROGRAM" train "${tiny[@]}" --iterations 100000000 --checkpoint.every=20 --run.dir run --resume --run.stop_at=$((before + 20)) &&
    whole run $((before + 20))
}

# A job that was submitted twice.
test_of_two_resumptions_at_once_one_goes_on() {
  local first=0 second=0 one two
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 20 --run.dir run || return 1
  "$PROGRAM" train "${tiny[@]}" --iterations 100000000 --checkpoint.every=20 --run.dir run --resume -q >1.out 2>1.err &
  one=$!
  "$PROGRAM" train "${tiny[@]}" --iterations 100000000 --checkpoint.every=20 --run.dir run --resume -q >2.out 2>2.err &
  two=$!
  wait_until 60 grep -q 'is in use by process' 1.err 2.err
  wait_until 60 past run 20
  kill -TERM $one $two 2>/dev/null
  wait $one || first=$?
  wait $two || second=$?
  [ $((first + second)) -eq 77 ] && [ $((first * second)) -eq 150 ] || { note "left with $first and $second"; cat ./*.err; return 1; }
  whole run "$(newest run)"
}

# What would be written goes to a place that nobody knows of, or to a folder that is another.
test_a_folder_that_is_moved_or_removed_ends_the_run_with_a_message() {
  local first
  start first run && mv run elsewhere || return 1
  wait_until 60 gone "$first"
  end "$first" KILL 1
  says first.err "the run's folder run was moved to $PWD/elsewhere while training: go on from there" && [ ! -e run ] &&
    run 75 "$PROGRAM" train "${tiny[@]}" --iterations 100000000 --run.dir elsewhere --resume --run.stop_at=$(($(highest elsewhere) + 5)) || return 1
  # Away at once: while rm is at work, a file may go from under the writer before the folder does.
  start first run && mv run away && wait_until 30 rm -rf away || return 1
  wait_until 60 gone "$first"
  end "$first" KILL 1
  says first.err "the run's folder run was (removed|moved to .*/away) while training" && [ ! -e run ]
}

# Each process would be rank 0 of 1. The third says nothing, for the first does.
test_a_foreign_launcher_is_named_and_refused() {
  local variables way
  for variables in "MPI_LOCALNRANKS=4 PMI_SIZE=4 PMI_RANK=" "PMI_SIZE=4 PMI_RANK=" "MV2_COMM_WORLD_SIZE=4 MV2_COMM_WORLD_RANK=" \
    "SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID="; do
    # shellcheck disable=SC2086 # a list of words
    run 2 env ${variables}0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run && one_message &&
      says err "(MPICH|PMI|MVAPICH|Slurm).* started 4 processes, but to this program's MPI \($("$PROGRAM" info | grep -o 'Open MPI v[0-9.]*' | head -1)\)" &&
      [ ! -e run ] && run 2 env ${variables}2 "$PROGRAM" -q && [ ! -s err ] && [ ! -e runs ] || { note "$variables"; return 1; }
    for way in info config "loss wasserstein --real 1 --fake 0"; do run 0 env ${variables}2 "$PROGRAM" $way && [ -s out ] || return 1; done
  done
  run 2 env PMI_SIZE=4 PMI_RANK=0 "$PROGRAM" benchmark -n 1 && run 2 env PMI_SIZE=4 PMI_RANK=0 "$PROGRAM" convert . -o x.h5 &&
    run 2 env PMI_SIZE=4 PMI_RANK=0 "$PROGRAM" sample x.h5
}

# One process that is alone by intention, and ranks whose mpirun was started by something else.
test_a_launcher_of_one_process_and_a_job_script_are_not_refused() {
  local train=(train "${tiny[@]}" --iterations 1 -q)
  export SLURM_NTASKS=8 SLURM_PROCID=0 SLURM_LOCALID=0
  run 0 "$PROGRAM" "${train[@]}" && run 0 env SLURM_STEP_ID=4294967291 SLURM_STEP_NUM_TASKS=8 "$PROGRAM" "${train[@]}" || return 1
  run 0 env SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1 "$PROGRAM" "${train[@]}" && run 0 env PMI_SIZE=1 PMI_RANK=0 "$PROGRAM" "${train[@]}" || return 1
  run 0 "$PROGRAM" benchmark --preset ring8 --scaling strong --np 1,2 -n 2 && ! grep -q failed out || return 1
  export SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=8
  run 0 mpi 1 "${train[@]}" && run 0 mpi 2 "${train[@]}"
}

run_tests
