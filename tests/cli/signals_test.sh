# Signals: those that ask to stop, at any moment of a run; those that must not end it; crashes.
#
# A test that sends a signal waits for what the program has done before, never for a time. That a process is past the
# system's loader, whose time is nobody's to change, shows in the signals that it blocks.
. "$(dirname "$0")/support.sh"

endless=("${tiny[@]}" --iterations 1000000 --run.dir run)

# signals FIELD TASK: SigBlk (blocked), SigIgn (ignored) or SigCgt (caught) of a process or thread; bit 0 is signal 1
signals() { echo $((16#$(sed -n "s/^$1:[[:space:]]*//p" "/proc/$2/status" 2>/dev/null))); }
stops=0x4203 crashes=0x4e8 # TERM, USR1, INT, HUP; ILL, ABRT, BUS, FPE, SEGV
holds() { [ $(($(signals SigBlk "$1") & stops)) -eq $((stops)) ]; }

# quickly CONDITION...: as wait_until 60, for what takes a moment only
quickly() {
  local until=$((SECONDS + 60))
  until "$@"; do
    [ $SECONDS -lt $until ] || { note "waited in vain for: $*"; return 1; }
    sleep 0.005
  done
}

# launch COMMAND...: in the background, as process $job, which a test that fails does not leave behind
job=
launch() {
  trap end_job EXIT
  rm -f out err
  "$@" >out 2>err &
  job=$!
}
end_job() { [ -z "$job" ] || { pkill -KILL -P "$job"; kill -KILL "$job"; }; }
trains() { # the job does, or has ended
  reached() { grep -qs '^iteration ' out || gone "$job"; }
  quickly reached && grep -q '^iteration ' out && return 0
  note "does not train:"
  tail -n 20 out err | sed 's/^/    | /'
  return 1
}

# ends STATUS: the job does so by itself; over: its status then
over() {
  local status
  wait_until 60 gone "$job" || return 1
  wait "$job"
  status=$?
  job=
  return $status
}
ends() {
  local status
  over
  status=$?
  [ $status -eq "$1" ] && return 0
  note "exit status $status, expected $1"
  tail -n 20 out err | sed 's/^/    | /'
  return 1
}
stopped() { one_message && says err '^gan_dist: stopped (before the first of|after iteration [0-9]+ of) 1000000'; }
# goes_on OPTION...: a run of these options does, in folder run
goes_on() { run 75 "$PROGRAM" "$@" --run.dir run --resume --run.stop_at=$(($(newest run) + 2)) && says out 'goes on from'; }
ranks() { pgrep -P "$1" | head -n 3; }
all_hold() { # MPIRUN: has started three ranks, which hold signals
  local process
  [ "$(ranks "$1" | wc -l)" -eq 3 ] && for process in $(ranks "$1"); do holds "$process" || return 1; done
}

# The default network: its products are those of oneDNN, which uses the stack register for data.
test_a_stop_at_any_moment_leaves_a_run_that_goes_on() {
  local options=(--iterations 1000000 --samples.every=0 --eval.every=0 --eval.samples=64) moment
  for moment in 0 0.02 0.05 0.08 0.13 0.21 0.34 0.55; do
    launch "$PROGRAM" "${options[@]}" --run.dir run --resume --run.log_every=1
    trains || return 1
    sleep $moment
    kill -TERM $job
    ends 75 && stopped && run 0 "$PROGRAM" inspect run/latest.h5 || return 1
  done
  goes_on "${options[@]}"
}

test_every_thread_blocks_the_signals_that_ask_to_stop() {
  local task
  launch "$PROGRAM" "${endless[@]}" --run.log_every=1
  trains || return 1
  for task in /proc/$job/task/*; do
    task=$job/task/${task##*/}
    [ "$(cat /proc/$task/comm)" = signals ] && continue # it waits for them
    holds $task || { note "$(cat /proc/$task/comm) does not"; return 1; }
  done
  [ $(($(signals SigCgt $job) & stops)) -eq 0 ] || { note "there is a handler"; return 1; }
  kill -TERM $job
  ends 75
}

test_signals_count_from_the_start() {
  local signal moment
  for signal in TERM USR1 INT HUP; do
    for moment in 0 0.04; do
      launch "$PROGRAM" "${endless[@]}" --resume -q
      quickly holds $job && sleep $moment
      kill -$signal $job
      ends 75 && stopped || return 1
    done
  done
}

# Its configuration is a pipe, so it waits in its start as long as the test wants.
begins() { # COMMAND...: launched, waiting, and past the loader
  rm -f run.ini && mkfifo run.ini && launch "$@" && quickly holds $job
}
test_a_stop_before_the_first_iteration_trains_nothing() {
  local signal
  for signal in TERM USR1 INT HUP; do
    begins "$PROGRAM" run.ini "${endless[@]}" --run.dir run-$signal || return 1
    kill -$signal $job
    echo >run.ini
    ends 75 && one_message && says err 'stopped before the first of 1000000 iterations; run again with --resume' || return 1
    [ -z "$(ls run-$signal | grep checkpoint)" ] || return 1
  done
  run 75 "$PROGRAM" "${endless[@]}" --run.dir run-HUP --resume --run.stop_at=2 && says out 'a new run begins'
}
test_a_stop_before_a_resumed_run_trains_leaves_it_as_it_is() {
  run 75 "$PROGRAM" "${endless[@]}" --run.stop_at=3 && begins "$PROGRAM" run.ini "${endless[@]}" --resume || return 1
  kill -TERM $job
  echo >run.ini
  ends 75 && says err 'stopped after iteration 3 of 1000000' && [ "$(newest run)" -eq 3 ]
}
# run: waiting
test_a_second_signal_ends_a_start_that_hangs() {
  local signal
  for signal in TERM INT; do
    begins "$PROGRAM" run.ini "${endless[@]}" || return 1
    kill -USR1 $job
    sleep 1.3
    kill -$signal $job
    ends $((128 + $(kill -l $signal))) || return 1
  done
}
# And at once: a terminal and mpirun may both pass one on.
test_two_signals_together_are_one() {
  begins "$PROGRAM" run.ini "${endless[@]}" || return 1
  kill -INT $job && sleep 0.1 && kill -TERM $job
  echo >run.ini
  ends 75
}
# Iterations and evaluations of more than a second, where the machine is not a very fast one.
test_while_it_trains_no_second_signal_is_needed_nor_hurts() {
  launch "$PROGRAM" "${endless[@]}" --batch 200000 --eval.every=1 --eval.samples=100000 --run.log_every=1
  trains || return 1
  kill -TERM $job
  sleep 1.3
  kill -TERM $job 2>/dev/null
  ends 75 && stopped && run 0 "$PROGRAM" inspect run/latest.h5
}

test_nohup_is_respected() {
  rm -f run.ini && mkfifo run.ini
  launch bash -c 'trap "" HUP; exec "$@"' - "$PROGRAM" run.ini "${tiny[@]}" --iterations 3 --run.dir run
  waits() { [ $(($(signals SigBlk $job) & stops)) -eq $((0x4202)) ]; }
  quickly waits || return 1
  kill -HUP $job
  echo >run.ini
  ends 0 && [ "$(newest run)" -eq 3 ]
}
test_other_subcommands_end_by_the_signal() {
  local signal
  waits() { [ $(($(signals SigBlk $job) & stops)) -eq 0 ] && [ $(($(signals SigIgn $job) & 0x1000)) -ne 0 ]; }
  for signal in TERM USR1 HUP; do
    rm -f run.ini && mkfifo run.ini && launch "$PROGRAM" config run.ini && quickly waits || return 1
    kill -$signal $job
    ends $((128 + $(kill -l $signal))) || return 1
  done
}
test_programs_that_it_starts_have_the_usual_signals() {
  mkdir bin && printf '#!/bin/sh\nexec cat /proc/self/status >status\n' >bin/mpirun && chmod +x bin/mpirun
  PATH=$PWD/bin:$PATH timeout 60 "$PROGRAM" benchmark --scaling strong --np 1 -n 1 >out 2>err
  says status '^SigBlk:.0000000000000000$' && says status '^SigIgn:.*[02468ace]...$' && says status '^SigIgn:.*[02468ace]......$'
}

test_usr1_to_mpirun_stops_all_ranks() {
  launch $quiet_mpirun -np 3 "$PROGRAM" "${endless[@]}" --run.log_every=1
  trains || return 1
  kill -USR1 $job
  ends 75 && stopped && goes_on "${endless[@]}"
}
# mpirun passes SIGTERM on for any of these, and SIGKILL a second later, however far the ranks are.
# run: waiting
test_other_signals_to_mpirun_leave_a_run_that_goes_on() {
  local signal
  for signal in TERM HUP; do
    OMPI_MCA_odls_base_sigkill_timeout=1 launch $quiet_mpirun -np 3 "$PROGRAM" "${endless[@]}" --checkpoint.every=1 --resume \
      --run.log_every=1
    trains && wait_until 60 past run 0 || return 1
    kill -$signal $job
    over
    [ $? -ne 0 ] && [ -z "$job" ] && goes_on "${endless[@]}" || return 1
  done
}
test_signals_during_the_start_of_mpi_stop_all_ranks_alike() {
  local rank
  for rank in 1 2 3; do
    launch $quiet_mpirun -np 3 "$PROGRAM" "${endless[@]}" --resume -q
    quickly all_hold $job
    kill -HUP "$(ranks $job | sed -n ${rank}p)"
    ends 75 && stopped || return 1
  done
  launch $quiet_mpirun -np 3 "$PROGRAM" "${endless[@]}" --resume -q
  quickly all_hold $job
  kill -USR1 $job
  ends 75 && stopped
}

# Nobody's handler is in the way, in particular none that takes memory: Open MPI's waits for ever after a crash in malloc.
test_a_crash_ends_the_process_by_its_signal() {
  local signal
  for signal in SEGV ABRT; do
    launch "$PROGRAM" "${endless[@]}" --resume --run.log_every=1
    trains || return 1
    if [ "$BUILD" = build ] && [ $(($(signals SigCgt $job) & crashes)) -ne 0 ]; then
      note "crashes are caught: $(signals SigCgt $job)"
      return 1
    fi
    kill -$signal $job
    over
    [ $? -ge 99 ] || { note "no crash"; return 1; } # that is the sanitizers' status
  done
}
test_a_crash_of_a_rank_ends_the_job() {
  local left rank
  launch $quiet_mpirun -np 3 "$PROGRAM" "${endless[@]}" --run.log_every=1
  trains || return 1
  left=$(ranks $job)
  kill -SEGV "$(echo $left | cut -d ' ' -f 2)"
  over
  [ $? -ge 99 ] && for rank in $left; do wait_until 60 gone "$rank" || return 1; done
}

# What it would have given is nothing to keep. The signal's status is as the shell has it.
test_a_signal_leaves_no_unfinished_output() {
  local signal status
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 --run.dir run -q || return 1
  for signal in TERM INT HUP; do
    launch env --default-signal=INT "$PROGRAM" sample run -n 300000000 -o x.h5
    begun() { ls x.h5.partial-* >/dev/null 2>&1; }
    quickly begun && says out '^x.h5 will take [0-9]+\.[0-9] GiB$' || return 1
    kill -$signal $job
    over
    status=$?
    [ $status -eq $((128 + $(kill -l $signal))) ] || { note "$signal: status $status"; return 1; }
    one_message && says err 'ended by a signal' && ! ls | grep 'x\.h5' || return 1
  done
  run 0 "$PROGRAM" sample run -n 3 -o x.h5 && ! grep 'will take' out
}

# A pipe whose reader has left, as descriptor 5.
leave_pipe() { rm -f pipe && mkfifo pipe && exec 4<>pipe 5>pipe 4<&-; }
test_who_reads_the_output_may_leave() {
  local status
  leave_pipe
  timeout 60 "$PROGRAM" train "${tiny[@]}" --iterations 20 --run.log_every=1 --run.dir run >&5 2>err
  status=$?
  [ $status -eq 0 ] && [ ! -s err ] && [ "$(newest run)" -eq 20 ] || { note "status $status"; cat err; return 1; }
  timeout 60 "$PROGRAM" train "${endless[@]}" --run.dir stopped --run.stop_at=20 --run.log_every=1 >&5 2>err
  status=$?
  [ $status -eq 75 ] && one_message && [ "$(newest stopped)" -eq 20 ] || { note "status $status"; return 1; }
  # Neither does a message that nobody can read.
  timeout 60 "$PROGRAM" train "${endless[@]}" --run.dir nobody --run.stop_at=20 >&5 2>&5
  [ $? -eq 75 ] && [ "$(newest nobody)" -eq 20 ]
}
test_a_file_that_may_grow_no_further_is_a_message() {
  ulimit -f 200
  run 1 "$PROGRAM" train "${tiny[@]}" --generator.layers="dense 300, relu, dense 300, relu, dense 2" --iterations 3 --run.dir run &&
    one_message && says err 'checkpoint.*File too large' && ! ls run | grep 'checkpoint'
}

run_tests
