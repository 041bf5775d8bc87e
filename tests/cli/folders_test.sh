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
  local size read way before
  [ -r /proc/self/io ] || { echo "/proc/self/io cannot be read here"; return 77; }
  run 0 "$PROGRAM" train "${large[@]}" --iterations 1 --run.dir run || return 1
  size=$(stat -Lc %s run/latest.h5)
  [ "$size" -gt 8000000 ] || { note "only $size bytes"; return 1; }
  bytes_read "$PROGRAM" info || return 1
  before=$read
  for way in "train --run.dir run --resume" "train --resume=run/latest.h5" "sample run/latest.h5 -n 1"; do
    # shellcheck disable=SC2086 # a list of words
    if [[ $way = train* ]]; then bytes_read "$PROGRAM" $way "${large[@]}" --iterations 1; else bytes_read "$PROGRAM" $way; fi || return 1
    read=$((read - before))
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

# Open MPI's folder for a program without mpirun is below one that the end of another removes: now and then none could be made.
test_a_program_without_mpirun_needs_no_folder_of_open_mpi() {
  TMPDIR=/proc run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run && whole run 2
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

# Its latest.h5 leads to another checkpoint from one moment to the next.
test_the_latest_checkpoint_of_a_run_that_trains_can_be_sampled() {
  local first i
  "$PROGRAM" train "${tiny[@]}" --iterations 100000000 --checkpoint.every=1 --run.dir run -q >first.out 2>first.err &
  first=$!
  wait_until 60 past run 10 || { kill -KILL $first; return 1; }
  for i in $(seq 20); do
    run 0 "$PROGRAM" sample run/latest.h5 -n 4 -o picture.png || { end $first KILL; return 1; }
  done
  end $first TERM 75
}

# The newest that is whole; it is named.
test_a_runs_folder_can_be_sampled_and_inspected() {
  local newest
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 6 --checkpoint.every=2 --run.dir run -q || return 1
  newest=$(checkpoint_name run 6)
  run 0 "$PROGRAM" sample run/ -o a.h5 && says out "samples of $newest in a.h5$" && run 0 "$PROGRAM" sample "$newest" -o b.h5 &&
    says out 'samples in b.h5$' && same_state a.h5 b.h5 /samples || return 1
  run 0 "$PROGRAM" inspect run && says out '^metrics run/metrics.h5$' && run 0 "$PROGRAM" inspect run// --json && says out '"path": "run/metrics.h5"' || return 1
  truncate -s 3000 "$newest" && rm run/metrics.h5
  run 0 "$PROGRAM" inspect run && says out "^checkpoint $(checkpoint_name run 4)$" && says out '^1 damaged checkpoint passed over$' || return 1
  run 0 "$PROGRAM" inspect run --json && python3 -m json.tool out >/dev/null && says err '^1 damaged checkpoint passed over$' && run 0 "$PROGRAM" sample run -o c.h5 &&
    says out '^1 damaged checkpoint passed over$' && says out "samples of $(checkpoint_name run 4) in c.h5$" || return 1
  for newest in run/checkpoint-*.h5; do truncate -s 3000 "$newest"; done
  run 3 "$PROGRAM" sample run && says err 'all checkpoints in run are damaged' && mkdir empty && run 3 "$PROGRAM" sample empty &&
    says err 'empty is a folder without a checkpoint' && run 3 "$PROGRAM" inspect empty && one_message
}
# What a child reads first is the file that was found in the folder.
test_a_folder_with_damaged_metrics_is_an_error() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run -q && truncate -s 900 run/metrics.h5 &&
    run 3 "$PROGRAM" inspect run && one_message && says err 'run/metrics.h5'
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

# unharmed COMMAND..: the program refuses, and every file is what it was
unharmed() {
  local pattern=$1 before
  shift
  before=$(find . ! -name out ! -name err -printf '%p %i %s %l\n' | sort; cat ./*.h5 ./*/*.h5 ./*/*.ini | cksum)
  run 2 "$PROGRAM" "$@" && one_message && says err "$pattern" || return 1
  [ "$before" = "$(find . ! -name out ! -name err -printf '%p %i %s %l\n' | sort; cat ./*.h5 ./*/*.h5 ./*/*.ini | cksum)" ] && return 0
  note "files have changed: $*"
  return 1
}

# Of whatever name: links lead to the same file.
test_no_output_of_any_subcommand_replaces_an_input() {
  local newest=run/checkpoint-0000004.h5 data=(train "${tiny[@]}" --data.source hdf5 --data.path points.h5 --iterations 2 --run.dir other)
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 4 --run.dir run && run 0 "$PROGRAM" sample run/latest.h5 -n 64 -o points.h5 || return 1
  ln $newest hard.h5 && ln -s run/latest.h5 soft.h5 && ln points.h5 also.h5 && ln -s points.h5 link.h5 && cp $newest picture.png &&
    cp run/config.ini my.ini && ln my.ini my.json && mkdir set && ln points.h5 set/train-images-idx3-ubyte || return 1
  for way in "run/latest.h5 -o run/latest.h5" "run/latest.h5 -o $newest" "$newest -o hard.h5" "hard.h5 -o soft.h5" \
    "picture.png -o picture.png"; do
    # shellcheck disable=SC2086 # a list of words
    unharmed 'is (a file that is read|the same file as .*, which is read): name another' sample $way || return 1
  done
  for way in points.h5 also.h5 link.h5; do unharmed 'points\.h5.* read' "${data[@]}" --trace $way || return 1; done
  unharmed 'my\.ini.* read' train my.ini --trace my.ini --run.dir other && unharmed 'is the same file as my.ini' train my.ini --trace my.json &&
    unharmed 'hard.h5 is the same file as run/latest.h5' train "${tiny[@]}" --resume=run/latest.h5 --trace hard.h5 &&
    unharmed 'is a file of the data in set' train "${tiny[@]}" --data.source idx --data.path set --trace link.h5 &&
    unharmed 'is the same file as my.ini' benchmark my.ini --scaling strong --np 1 -o my.json &&
    unharmed 'points.h5 is a file that is read' benchmark --data.source hdf5 --data.path points.h5 --allreduce -o points.h5 &&
    unharmed 'points.h5 is a file that is read' convert points.h5 -o points.h5 || return 1
  # An image, whatever its name.
  run 0 "$PROGRAM" sample run/latest.h5 -n 4 -o set/grid.png && mv set/grid.png set/grid.h5 &&
    unharmed 'set/grid.h5 is a picture' convert set -o set/grid.h5
}

# A run's own files are no data and no trace of it either, and what took time to make is not lost for a name given twice.
test_no_output_replaces_a_file_of_another_kind() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 4 --run.dir run && run 0 "$PROGRAM" train "${tiny[@]}" --iterations 3 --run.dir two \
    --trace trace.h5 && run 0 "$PROGRAM" sample run/latest.h5 -o points.h5 && touch empty.h5 && mkfifo pipe.png && mkdir folder.png || return 1
  unharmed 'run/latest.h5 is a checkpoint, which would be lost' sample two/latest.h5 -o run/latest.h5 &&
    unharmed 'metrics.h5 is a metrics file' sample run/latest.h5 -o run/metrics.h5 &&
    unharmed 'trace.h5 is a trace' sample run/latest.h5 -o trace.h5 &&
    unharmed 'points.h5 is a file of samples' convert folder.png -o points.h5 &&
    unharmed 'points.h5 is a file of samples' benchmark --allreduce -o points.h5 &&
    unharmed 'pipe.png is a device or a pipe' sample run/latest.h5 -o pipe.png &&
    unharmed 'folder.png is a folder' sample run/latest.h5 -o folder.png &&
    unharmed 'points.h5 is a file of samples' train "${tiny[@]}" --run.dir new --trace points.h5 &&
    gzip -c run/config.ini >labels.gz && ln labels.gz labels.h5 && ln -s nothing.h5 dangling.h5 &&
    unharmed 'labels.h5 is a file of an unknown kind' train "${tiny[@]}" --run.dir new --trace labels.h5 &&
    unharmed 'labels.h5 is a file of an unknown kind' sample run/latest.h5 -o labels.h5 &&
    unharmed 'dangling.h5 is a link to a file that is not there' train "${tiny[@]}" --run.dir new --trace dangling.h5 &&
    unharmed '/dev/null is a device' train "${tiny[@]}" --run.dir new --trace /dev/null &&
    unharmed 'trace.file: run/metrics.h5 is a file that the run itself' train "${tiny[@]}" --run.dir run --resume --trace run/metrics.h5 &&
    mkdir set && cp points.h5 set/metrics.h5 && unharmed 'data.path: ./set/metrics.h5 is a file that the run itself' \
      train "${tiny[@]}" --run.dir set --data.source hdf5 --data.path ./set/metrics.h5 || return 1
  # Text by the names of pictures and reports, and the other way round.
  echo notes >notes.png && echo notes >notes.json && cp run/samples-*4.png picture.json || return 1
  unharmed 'notes.png is a file of an unknown kind' sample run/latest.h5 -o notes.png &&
    unharmed 'notes.json is a file of an unknown kind' benchmark --allreduce -o notes.json &&
    unharmed 'picture.json is a picture' benchmark --allreduce -o picture.json || return 1
  # The same again is what -o is for, and a run's configuration is one to run by.
  run 0 "$PROGRAM" sample two/latest.h5 -n 3 -o points.h5 && run 0 "$PROGRAM" sample run/latest.h5 -n 3 -o empty.h5 &&
    run 0 "$PROGRAM" sample run/latest.h5 -o run/extra.png && run 0 "$PROGRAM" sample run/latest.h5 -o run/extra.png &&
    run 0 "$PROGRAM" train "${tiny[@]}" --iterations 3 --run.dir three --trace trace.h5 &&
    run 0 "$PROGRAM" run/config.ini --iterations 5 --run.dir run --resume
}

test_a_resumed_run_keeps_the_trace_of_its_earlier_part() {
  local options=(train "${tiny[@]}" --iterations 4 --run.dir run --trace-steps 4)
  run 75 mpi 2 "${options[@]}" --run.stop_at=2 --trace first.h5 && cp first.h5 kept.h5 || return 1
  run 2 mpi 2 "${options[@]}" --resume --trace first.h5 && one_message && says err 'first.h5 is there already.*name another file' &&
    cmp first.h5 kept.h5 && [ "$(newest run)" = 2 ] && [ ! -e run/run.lock ] || return 1
  run 0 mpi 2 "${options[@]}" --resume --trace second.h5 && cmp first.h5 kept.h5 && h5ls second.h5 | grep -q update_000003 && [ "$(newest run)" = 4 ]
}

# Rows go to the disk once a second, and with each checkpoint: what is missing has another cause, which somebody wants to know.
test_metrics_that_do_not_reach_back_to_the_checkpoint_are_said() {
  local options=(train "${tiny[@]}" --run.dir run)
  run 0 "$PROGRAM" "${options[@]}" --iterations 5 && run 0 "$PROGRAM" "${options[@]}" --iterations 7 --resume || return 1
  ! grep -q 'no rows' out || { cat out; return 1; }
  mv run/metrics.h5 first.h5 && run 0 "$PROGRAM" "${options[@]}" --iterations 8 --resume &&
    says out 'run/metrics.h5 has no rows of iterations 1 to 7, which' && [ "$(rows run)" = 8 ] || return 1
  # The newest checkpoint is later than the file ends, which is an older copy.
  cp first.h5 run/metrics.h5 && run 0 "$PROGRAM" "${options[@]}" --iterations 9 --resume && says out 'no rows of iterations 8, which' &&
    run 0 "$PROGRAM" train "${tiny[@]}" --iterations 10 --resume=run/latest.h5 --run.dir other && says out 'other/metrics.h5 has no rows of iterations 1 to 9,' &&
    run 0 "$PROGRAM" "${options[@]}" --iterations 11 --resume && says out 'no rows of iterations 8, which'
}

run_tests
