# The scripts of scripts/cluster do what they promise: a training goes on after time limits and lost hosts and ends in the
# same bits. Slurm is Debian's, with two nodes on this machine; lost hosts are network namespaces whose link goes down.
#
# Where the system lets us, these tests run in namespaces of their own (network, processes, mounts, host name): nothing they
# start can outlive them, and no port or interface is anybody else's. (run: waiting)
. "$(dirname "$0")/support.sh"
cluster=$ROOT/scripts/cluster

# With the plain build only: what is under test here are scripts; and no sanitizer option gets through ssh.
need() { # PROGRAM...
  local name
  for name in "$@"; do
    [ -n "$(PATH=$PATH:/usr/sbin:/sbin command -v "$name")" ] || skip "$name is missing: scripts/install-deps.sh --test"
  done
}

box=(unshare --net --mount --uts --pid --fork --kill-child --mount-proc)
can_box() { [ "$(id -u)" -eq 0 ] && "${box[@]}" mount -t tmpfs none /run 2>/dev/null; }
# For what hangs: many times as long as it takes on a busy machine.
in_box() { INSIDE=$1 PROGRAM=${PROGRAM#"$ROOT/"} timeout -k 5 400 "${box[@]}" bash "$ROOT/tests/cli/cluster_test.sh"; }

# A learning rate that is the same whatever the end is.
training=("${tiny[@]}" --checkpoint.every=50 --optimizer.schedule=constant)

# ./trainer is the program, training without an end: however fast the machine is, nothing is over before a test has done to
# it what it wants to. end_training sets the end for the starts to come, a little ahead, while the present one cannot go on.
make_trainer() {
  cat >trainer <<END
#!/bin/sh
exec "$PROGRAM" "\$@" --iterations "\$(cat "$PWD/end" 2>/dev/null || echo 1000000000)"
END
  chmod +x trainer
}
end_training() { # RUN
  echo $(($(newest "$1") + 200)) >end.new && mv end.new end
}
# ends_as_if_undisturbed RUN: its last checkpoint is that of a training with nothing in its way
ends_as_if_undisturbed() {
  local last
  last=$(cat end)
  run 0 "$PROGRAM" train "${training[@]}" --checkpoint.every=0 --iterations "$last" --run.dir whole &&
    same_state "$(checkpoint_name whole "$last")" "$(checkpoint_name "$1" "$last")"
}

# ---- run-elastic on this machine

# supervise EXPECTED_STATUS OPTIONS -- TRAINING: run-elastic with ranks on this machine
supervise() { local expected=$1; shift; run "$expected" "$cluster/run-elastic" --hostfile hosts "$@"; }

test_elastic_ends_with_the_programs_final_status() {
  plain_build_only
  echo 'localhost slots=2 # this machine' >hosts
  supervise 0 -- "$PROGRAM" train "${training[@]}" --iterations 20 --run.dir run || return 1
  says err 'start 1: 2 ranks on localhost' && says err 'done after 1 start' || return 1
  supervise 2 -- "$PROGRAM" train "${training[@]}" --no.such=1 || return 1
  echo nonsense >broken.ini
  supervise 2 -- "$PROGRAM" broken.ini || return 1
  supervise 3 -- "$PROGRAM" train "${training[@]}" --data.source idx --data.path "$PWD/hosts" --run.dir b || return 1
  says err 'another start would not change' || return 1
  echo >file
  supervise 1 -- "$PROGRAM" train "${training[@]}" --iterations 20 --run.dir file/run || return 1
  says err 'no host is lost: not started again' || return 1
  supervise 75 -- "$PROGRAM" train "${training[@]}" --iterations 20 --run.stop_at=5 --run.dir stopped
}

test_elastic_keeps_the_shards_of_the_run() {
  plain_build_only
  local options=(--generator.layers="dense 8, relu, dense 2" --critic.layers="dense 8, relu, dense 1" --eval.samples=16)
  echo 'localhost slots=2' >hosts
  supervise 0 -- "$PROGRAM" train "${options[@]}" --iterations 5 && says err 'shards: 8; ' && says runs/ring8/config.ini '^shards = 8$' || return 1
  run 0 "$PROGRAM" train "${options[@]}" --iterations 5 --shards 1 && [ -e runs/ring8-2 ] || return 1
  supervise 0 -- "$PROGRAM" train "${options[@]}" --iterations 10 && ! grep -q shards: err && says err 'start 1: 1 ranks on localhost' &&
    says runs/ring8-2/config.ini '^shards = 1$'
}

test_elastic_refuses_wrong_arguments() {
  echo localhost >hosts
  supervise 2 -- no-such-program && says err 'cannot run no-such-program' || return 1
  supervise 2 && says err 'no program' || return 1
  supervise 2 --np-per-host few -- true && says err 'no number: few' || return 1
  supervise 2 --hosts x && says err 'unknown option --hosts' || return 1
  printf 'localhost\nlocalhost\n' >hosts
  supervise 2 -- true && says err 'localhost is twice' || return 1
  echo '# none' >hosts
  supervise 2 -- true && says err 'names no host'
}

test_elastic_told_to_stop_checkpoints_and_ends_with_75() {
  local job signal
  plain_build_only
  echo 'localhost slots=2' >hosts
  for signal in TERM HUP; do
    "$cluster/run-elastic" --hostfile hosts -- "$PROGRAM" train "${training[@]}" --iterations 1000000 --run.dir $signal >out 2>err &
    job=$!
    wait_until 120 past $signal 50 || { kill -KILL $job; return 1; }
    kill -$signal $job
    wait $job
    [ $? -eq 75 ] || { note "exit status not 75"; cat err; return 1; }
    says err 'told to stop' && says err 'stopped after iteration [0-9]+ of 1000000' || return 1
  done
}

test_elastic_starts_again_after_a_killed_rank() {
  local job ranks
  plain_build_only
  make_trainer
  echo localhost >hosts
  "$cluster/run-elastic" --hostfile hosts --np-per-host 3 -- ./trainer train "${training[@]}" --run.dir run >out 2>err &
  job=$!
  wait_until 120 past run 100 || { kill -TERM $job; return 1; }
  # run-elastic, its mpirun, whose children the ranks are
  ranks=$(pgrep -P "$(pgrep -P $job 'mpirun|prterun')")
  kill -KILL "$(head -n 1 <<<"$ranks")"
  end_training run
  wait $job || { cat out err; return 1; }
  says err 'mpirun ended with status 137; restart 1 of 10' && says out 'goes on from' && ends_as_if_undisturbed run
}

test_elastic_gives_up_when_no_host_answers() {
  plain_build_only
  echo nowhere.invalid >hosts
  OMPI_MCA_plm_rsh_agent=false supervise 1 --max-restarts 1 --probe-timeout 1 -- "$PROGRAM" train "${training[@]}" || return 1
  says err 'nowhere.invalid does not answer' && says err 'no host answers; giving up after 1 restart'
}

# ---- three hosts, one of which is cut off

# Three namespaces with an sshd each, joined by a bridge; "head" has the bridge. Host I is 10.77.0.I, its link link.I.
make_hosts() {
  local i
  mount -t tmpfs none /run && mkdir /run/netns /run/sshd || return 1
  # Ranks that are cut off and killed leave their shared memory and session folders.
  mount -t tmpfs none /dev/shm || return 1
  mkdir tmp
  export OMPI_MCA_orte_tmpdir_base=$PWD/tmp
  hostname head
  ip link set lo up
  ip link add bridge type bridge && ip address add 10.77.0.1/24 dev bridge && ip link set bridge up || return 1
  ssh-keygen -q -t ed25519 -N '' -f host_key
  ssh-keygen -q -t ed25519 -N '' -f user_key
  for i in 2 3 4; do
    ip netns add host$i && ip link add link.$i type veth peer name eth0 netns host$i || return 1
    ip link set link.$i master bridge up
    ip -n host$i link set lo up
    ip -n host$i address add 10.77.0.$i/24 dev eth0
    ip -n host$i link set eth0 up
    # A host name of its own: Open MPI takes ranks on one name for neighbours in shared memory.
    # shellcheck disable=SC2016 # for the inner shell
    ip netns exec host$i unshare --uts sh -c 'hostname "$0"; exec "$@"' host$i /usr/sbin/sshd -f /dev/null -E "$PWD/sshd.$i" \
      -o ListenAddress=10.77.0.$i -o Port=2222 -o HostKey="$PWD/host_key" -o AuthorizedKeysFile="$PWD/user_key.pub" \
      -o StrictModes=no -o UsePAM=no -o PermitRootLogin=prohibit-password -o PidFile=none || return 1
    echo "10.77.0.$i slots=2"
  done >hosts
  export OMPI_MCA_plm_rsh_args="-F none -p 2222 -i $PWD/user_key -o LogLevel=ERROR -o StrictHostKeyChecking=no"
  OMPI_MCA_plm_rsh_args+=" -o UserKnownHostsFile=/dev/null"
  export OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 OMPI_MCA_oob_tcp_if_include=10.77.0.0/24 OMPI_MCA_mpi_yield_when_idle=1
}

# train_and_cut HOST: training over three hosts, of which one is cut off in the middle
train_and_cut() {
  local job
  make_hosts || { note "cannot make hosts"; return 1; }
  make_trainer
  "$cluster/run-elastic" --hostfile hosts --probe-timeout 5 --probe-every 2 -- \
    "$PWD/trainer" train "${training[@]}" --run.dir run >out 2>err &
  job=$!
  wait_until 120 past run 100 || { cat out err sshd.*; return 1; }
  ip link set "link.$1" down
  end_training run
  wait $job || { note "exit status $?"; cat out err; return 1; }
  says err 'start 1: 6 ranks on 10.77.0.2 10.77.0.3 10.77.0.4' && says err "lost .*10.77.0.$1.*; restart" || return 1
  # On a busy machine another host may have seemed lost for a while, too: so it may be more than two starts.
  says err 'start [2-9]: 4 ranks' && says out 'goes on from' && says err 'done after [2-9] start' && ends_as_if_undisturbed run
}

lose_a_host() { train_and_cut 4; }
lose_the_host_of_rank_0() { train_and_cut 2; }

test_elastic_goes_on_when_a_host_is_cut_off() {
  plain_build_only
  need ip ssh ssh-keygen sshd
  can_box || skip "network namespaces are not allowed here"
  in_box lose_a_host
}

test_elastic_goes_on_when_the_host_of_rank_0_is_cut_off() {
  plain_build_only
  need ip ssh ssh-keygen sshd
  can_box || skip "network namespaces are not allowed here"
  in_box lose_the_host_of_rank_0
}

# ---- Slurm: munged, slurmctld and two slurmd, all of their files below $PWD/slurm

daemons=()
start_slurm() {
  local base=$PWD/slurm me port=$((20000 + RANDOM % 10000)) node
  me=$(id -un)
  mkdir -p "$base"/{state,log,munge,n1/spool,n1/tmp,n2/spool,n2/tmp}
  chmod 755 "$PWD" "$base" "$base/munge"
  (umask 077 && head -c 1024 /dev/urandom >"$base/munge/key")
  # cred_expire decides how long a requeued job waits; SlurmdTimeout, when a silent node counts as lost, be it busy only:
  # then it is back when it answers again (ReturnToService).
  cat >"$base/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
AuthInfo=socket=$base/munge/socket,cred_expire=5
SlurmUser=$me
SlurmdUser=$me
StateSaveLocation=$base/state
SlurmdSpoolDir=$base/%n/spool
TmpFS=$base/%n/tmp
SlurmctldPidFile=$base/slurmctld.pid
SlurmdPidFile=$base/%n/slurmd.pid
SlurmctldLogFile=$base/log/slurmctld
SlurmdLogFile=$base/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
SlurmdTimeout=10
ReturnToService=1
MessageTimeout=5
KillWait=2
NodeName=n1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=3
NodeName=n2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=3
PartitionName=all Nodes=ALL Default=YES State=UP
END
  export SLURM_CONF=$base/slurm.conf
  trap stop_slurm EXIT
  munged -F --key-file="$base/munge/key" --socket="$base/munge/socket" --pid-file="$base/munge/pid" \
    --log-file="$base/log/munged" --seed-file="$base/munge/seed" >"$base/log/munged.out" 2>&1 &
  daemons+=($!)
  wait_until 120 test -S "$base/munge/socket" || return 1
  slurmctld -D >"$base/log/slurmctld.out" 2>&1 &
  daemons+=($!)
  for node in n1 n2; do
    slurmd -D -N $node >"$base/log/$node.out" 2>&1 &
    echo $! >"$base/$node/pid"
  done
  wait_until 120 nodes_are_idle
}

nodes_are_idle() { [ "$(timeout 5 sinfo -h -N -o %T 2>/dev/null | grep -c '^idle$')" -eq 2 ]; }

# Every process of a virtual node at once, as when its power fails: slurmd, the shepherds of its steps, their tasks.
kill_node() {
  local tasks shepherds
  tasks=$(grep -lzxF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ 2>/dev/null |
    xargs -r grep -slzxF "SLURMD_NODENAME=$1" |
    tr -dc '0-9\n')
  # shellcheck disable=SC2086 # lists of numbers
  shepherds=$([ -z "$tasks" ] || ps -o ppid=,pid= -p "$(echo $tasks | tr ' ' ,)" | while read -r parent _; do
    [ "$(cat "/proc/$parent/comm")" = slurmstepd ] && echo "$parent"; done | sort -u)
  # shellcheck disable=SC2086
  kill -KILL "$(cat "slurm/$1/pid")" $shepherds $tasks 2>/dev/null
}

stop_slurm() {
  kill_node n1
  kill_node n2
  kill -KILL "${daemons[@]}" 2>/dev/null
  wait
}

# job_says FIELD=VALUE: as scontrol shows the job
job_says() { timeout 5 scontrol show job "$job" 2>/dev/null | grep -qw -- "$1"; }

slurm_job() {
  local job
  if [ -n "${INSIDE:-}" ]; then
    # Slurm finds no address of its own where there is none but 127.0.0.1.
    ip link set lo up && ip address add 10.77.0.1/32 dev lo || return 1
  fi
  start_slurm || { tail slurm/log/*; return 1; }
  # Two nodes on one kernel: what Open MPI names in shared memory would clash.
  export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1
  make_trainer
  job=$(RANKS_PER_NODE=3 SHARDS=8 sbatch --parsable --nodes=1-2 --mincpus=3 --output=log "$cluster/slurm.sbatch" \
    "$PWD/trainer" train "${training[@]}" --run.dir run) || return 1
  wait_until 120 past run 100 || { cat log; tail slurm/log/*; return 1; }
  scancel --signal=USR1 "$job" # what Slurm sends before the time is up
  wait_until 120 job_says Restarts=1 || { cat log; return 1; }
  wait_until 120 past run $(($(newest run) + 100)) || { cat log; return 1; }
  kill_node n2
  end_training run
  wait_until 120 job_says JobState=COMPLETED || { cat log; return 1; }
  # A node that is very busy may be taken for lost too: so it may be more than two restarts.
  if ! job_says 'Restarts=[2-9]' || ! job_says ExitCode=0:0; then
    note "not restarted twice, or not well ended"
    cat log
    return 1
  fi
  says log 'start 1: 6 ranks on n\[1-2\]' && says log 'stopped after a checkpoint; the job is queued again' || return 1
  says log 'start 2: 6 ranks' && says log 'Node failure on n2|a node is lost' && says log 'start [3-9]: 3 ranks on n1' ||
    return 1
  ends_as_if_undisturbed run
}

test_slurm_job_goes_on_after_its_time_signal_and_a_lost_node() {
  plain_build_only
  need ip munged slurmctld slurmd sbatch
  export PATH=$PATH:/usr/sbin
  if can_box; then in_box slurm_job; else slurm_job; fi
}

# ---- PBS is not in Debian: the job file with a qsub that only takes notes

test_pbs_job_stops_before_its_time_and_submits_itself_again() {
  plain_build_only
  mkdir bin
  printf '#!/bin/sh\necho "$@" >>submitted\n' >bin/qsub
  # The time is up when there is a checkpoint, however long that takes: SIGALRM is what timeout gets from its own clock.
  cat >bin/timeout <<END
#!/bin/bash
echo "\$@" >>times
"$(command -v timeout)" "\${@:1:3}" 1000 "\${@:5}" &
until [ -e run/latest.h5 ] || ! kill -0 \$! 2>/dev/null; do sleep 0.1; done
kill -ALRM \$! 2>/dev/null
wait \$!
END
  chmod +x bin/qsub bin/timeout
  printf 'localhost\nlocalhost\n' >nodes
  export PBS_O_WORKDIR=$PWD PBS_NODEFILE=$PWD/nodes SHARDS=24 WALLTIME=1000 WARNING=70
  PROGRAM="$PROGRAM train --iterations 1000000000 --batch 24 --checkpoint.every=10 --run.dir run --eval.every=0" \
    run 0 env PATH="$PWD/bin:$PATH" bash "$cluster/pbs.job" || return 1
  says times '^--foreground --preserve-status --signal=USR1 930 mpirun ' && says err 'stopped after iteration' &&
    says submitted "^$PWD/pbs.job$" || return 1
  PROGRAM="$PROGRAM train --iterations 5 --batch 24 --run.dir other" run 0 bash "$cluster/pbs.job" || return 1
  [ "$(wc -l <submitted)" -eq 1 ]
}

if [ -n "${INSIDE:-}" ]; then
  "$INSIDE"
else
  run_tests
fi
