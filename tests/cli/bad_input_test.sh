# Bad input and a failing machine: each case ends in one clear message from one rank, with the documented exit status, in
# time, and nothing is lost.
. "$(dirname "$0")/support.sh"
limit=${LIMIT:-60}

# refuses STATUS PATTERN NP OPTIONS...: the program says PATTERN once and ends with STATUS.
refuses() {
  local status=$1 pattern=$2 ranks=$3
  shift 3
  run "$status" mpi "$ranks" "$@" && one_message && says err "$pattern"
}

idx_image_file() { # idx_image_file COUNT HEIGHT WIDTH BYTES: a header that says so, then so many bytes
  printf '\0\0\10\3'
  printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
  printf "$(printf '\\0\\0\\x%02x\\x%02x' $(($2 >> 8)) $(($2 & 255)))$(printf '\\0\\0\\x%02x\\x%02x' $(($3 >> 8)) $(($3 & 255)))"
  head -c "$4" /dev/zero
}

test_unknown_key_offers_the_nearest() { refuses 2 'train\.batch' 2 train --train.batsh=8; }
test_unknown_short_option_offers_the_nearest() { refuses 2 '--iterations' 2 train --iteratoins 8; }
test_misspelt_help_and_version_are_offered() { refuses 2 '--help\?' 1 --hlep && refuses 2 '--version\?' 1 --versoin; }
test_unknown_subcommand_offers_the_nearest() { refuses 2 'inspect' 2 inspekt; }
test_unknown_preset_offers_the_nearest() { refuses 2 'fashion' 2 train --preset fashoin; }
test_unknown_environment_key_offers_the_nearest() {
  run 2 env GAN_DIST_TRAIN_BATCHES=3 "$PROGRAM" train && one_message && says err 'GAN_DIST_TRAIN_BATCH'
}
# The remedy is tried: what an error offers is taken.
test_other_programs_names_of_options_lead_to_ours() {
  refuses 2 '--lr; here it is --optimizer\.learning_rate$' 1 train --lr 1e-3 && run 0 "$PROGRAM" config --optimizer.learning_rate 1e-3 &&
    refuses 2 '--batch_size; here it is --batch, over all ranks$' 2 train --batch_size 32 && run 0 "$PROGRAM" config --batch 32 &&
    refuses 2 '--epochs; here it is --iterations, counted in iterations' 1 train --epochs 3 || return 1
  run 2 env GAN_DIST_OPTIMIZER_LR=1e-3 "$PROGRAM" train && one_message && says err 'here it is GAN_DIST_OPTIMIZER_LEARNING_RATE' &&
    run 0 env GAN_DIST_OPTIMIZER_LEARNING_RATE=1e-3 "$PROGRAM" config || return 1
  printf '[optimizer]\nlr = 1e-3\n' >my.ini
  refuses 2 'my\.ini:2: unknown key optimizer\.lr; here it is optimizer\.learning_rate$' 1 train my.ini &&
    printf '[optimizer]\nlearning_rate = 1e-3\n' >my.ini && run 0 "$PROGRAM" config my.ini
}
# What a subcommand does not take is not offered.
test_only_options_of_the_subcommand_are_offered() {
  refuses 2 '--num_samples; here it is -n COUNT$' 1 sample x.h5 --num_samples 5 && refuses 2 '--out; did you mean --output\?$' 1 sample x.h5 --out y.png &&
    refuses 2 'unknown option --batsh \(gan_dist sample --help' 1 sample x.h5 --batsh 5
}
test_unknown_key_in_ini_names_file_and_line() {
  printf '[train]\nbatch = 64\nn_crtic = 3\n' >my.ini
  refuses 2 'my\.ini.*3.*n_critic' 1 train my.ini
}
test_values_out_of_range_are_refused() {
  refuses 2 'train\.batch' 1 train --batch 0 && refuses 2 'train\.batch' 1 train --batch=-5 &&
    refuses 2 'critic\.clip' 1 train --critic.clip=-1 && refuses 2 'learning_rate' 1 train --optimizer.learning_rate=nan &&
    refuses 2 'train\.batch' 1 train --batch=12x && refuses 2 'iterations' 1 train --iterations=99999999999999999999 &&
    refuses 2 'precision' 1 train --precision float16 && refuses 2 'ema_decay' 1 train --train.ema_decay=1.5
}
test_more_ranks_than_shards_are_refused() { refuses 2 'shards' 3 train --shards 2; }
test_batch_smaller_than_shards_is_refused() { refuses 2 'batch' 2 train --shards 8 --batch 4; }
test_batch_smaller_than_ranks_is_refused() {
  refuses 2 '4 ranks for a global batch of 3.*at most 3 ranks with --shards 3, or raise --batch to 4$' 4 train --batch 3
}
test_shards_too_small_for_batch_norm_are_refused() {
  refuses 2 'batch_norm' 2 train --batch_norm.sync=no --shards 8 --batch 8 --generator.layers="dense 4, batch_norm, dense 2"
}
test_layers_that_do_not_fit_are_refused() {
  refuses 2 'generator\.layers' 2 train --generator.layers="dense 16, dense 3" &&
    refuses 2 'critic\.layers' 2 train --critic.layers="dense 16, dense 2" &&
    refuses 2 'generator\.layers.*leaky_relu' 2 train --generator.layers="dense 16, leaky_rely 0.2, dense 2" &&
    refuses 2 'generator\.layers' 2 train --generator.layers="dense -3" &&
    refuses 2 'critic\.layers' 2 train --critic.layers="reshape 3 3, dense 1" &&
    refuses 2 'critic\.layers' 2 train --critic.layers="" &&
    refuses 2 'generator\.layers: layer 2 .*minibatch_stddev.*critics' 2 train --generator.layers="dense 16, minibatch_stddev, dense 2"
}
test_missing_data_file_is_refused() { refuses 3 'nowhere' 2 train "${tiny[@]}" --data.source idx --data.path nowhere; }
test_missing_ini_file_is_refused() { refuses 2 'nowhere\.ini' 2 train nowhere.ini || refuses 3 'nowhere\.ini' 2 train nowhere.ini; }

# The file is there for rank 0 only: the ranks start in different folders.
test_data_file_missing_on_one_rank_only_names_the_rank() {
  mkdir of_rank_0 of_rank_1
  idx_image_file 32 2 1 64 >of_rank_0/data.idx
  run 3 ranks 2 'cd of_rank_$rank && exec "$@"' "$PROGRAM" train "${tiny[@]}" --data.source idx --data.path data.idx \
    --run.dir "$PWD/run" --iterations 3 && one_message && says err 'rank 1 .*data\.idx'
}

# As when an INI file or the environment is another on one host: ranks that wait for each other for ever.
test_ranks_with_different_configurations_are_refused() {
  run 2 ranks 3 '"$@" --iterations $((3 + rank / 2))' "$PROGRAM" train "${tiny[@]}" --run.dir run &&
    one_message && says err 'rank 2 \(host .*another configuration than rank 0' || return 1
  run 2 ranks 2 '[ $rank = 1 ] || export GAN_DIST_TRAIN_BATCH=32; "$@"' "$PROGRAM" train --shards 4 --run.dir run &&
    one_message && [ ! -e run ] || return 1
  # Where files lie is each host's own affair.
  idx_image_file 32 2 1 64 >0.idx && cp 0.idx 1.idx || return 1
  run 0 ranks 2 '"$@" --data.path $rank.idx' "$PROGRAM" train "${tiny[@]}" --data.source idx --iterations 2 --run.dir run
}

idx_case() { refuses 3 "$1" 2 train "${tiny[@]}" --data.source idx --data.path data.idx; }
test_truncated_idx_is_refused() { idx_image_file 32 2 1 10 >data.idx && idx_case 'data\.idx'; }
test_idx_with_truncated_header_is_refused() { printf '\0\0\10\3\0' >data.idx && idx_case 'data\.idx'; }
test_lying_idx_header_is_refused_before_memory_is_taken() { idx_image_file 2147483647 60000 60000 10 >data.idx && idx_case 'data\.idx'; }
test_file_that_is_no_idx_is_refused() { echo hello world, this is text >data.idx && idx_case 'data\.idx'; }
test_gzip_bomb_is_refused() {
  { idx_image_file 32 2 1 64; head -c 300000000 /dev/zero; } | gzip -1 >data.idx && idx_case 'data\.idx'
}
test_truncated_gzip_is_refused() {
  idx_image_file 3200 2 1 6400 | gzip >whole && head -c 30 whole >data.idx && idx_case 'data\.idx'
}
test_hdf5_of_wrong_kind_is_refused() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run || return 1
  refuses 3 'metrics\.h5' 2 train "${tiny[@]}" --data.source hdf5 --data.path run/metrics.h5 &&
    echo no hdf5 at all >text.h5 && refuses 3 'text\.h5' 2 train "${tiny[@]}" --data.source hdf5 --data.path text.h5
}
test_samples_file_is_a_data_set() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run &&
    run 0 "$PROGRAM" sample run/latest.h5 -n 100 -o points.h5 &&
    run 0 mpi 2 train "${tiny[@]}" --data.source hdf5 --data.path points.h5 --iterations 2 --run.dir again
}

# HDF5 reads zeros where a file has no more bytes.
test_a_data_file_that_becomes_shorter_while_training_ends_all_ranks() {
  local job
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir first &&
    run 0 "$PROGRAM" sample first/latest.h5 -n 20000 -o points.h5 || return 1
  mpirun -q -np 3 "$PROGRAM" train "${tiny[@]}" --data.source hdf5 --data.path points.h5 --data.memory=0 --iterations 1000000 \
    --checkpoint.every=10 --run.dir run >out 2>err &
  job=$!
  wait_until 60 past run 0
  truncate -s 8000 points.h5
  wait_until 60 gone $job || { pkill -KILL -P $job; kill -KILL $job; return 1; }
  wait $job
  [ $? -eq 3 ] && one_message && says err 'points\.h5 became shorter while it was read'
}

# The root's names are in a heap of which HDF5 does not ask whether it has an address, as h5py and h5copy make it: HDF5 dies of
# signal 11. A child process does so first.
test_a_file_over_which_hdf5_crashes_is_refused() {
  local ranks
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir first && run 0 "$PROGRAM" sample first/latest.h5 -n 100 -o new.h5 &&
    h5copy -i new.h5 -o old.h5 -s samples -d samples && run 0 "$PROGRAM" inspect old.h5 || return 1
  printf '\377\377\377\377\377\377\377\377' | dd of=old.h5 bs=1 seek=128 conv=notrunc 2>/dev/null
  for ranks in 1 3; do
    refuses 3 'old\.h5 is damaged' $ranks inspect old.h5 &&
      refuses 3 'old\.h5 is damaged' $ranks train "${tiny[@]}" --data.source hdf5 --data.path old.h5 || return 1
  done
  refuses 3 'old\.h5 is damaged' 2 benchmark --data.source hdf5 --data.path old.h5 -n 1 &&
    refuses 3 'old\.h5 is damaged' 2 config --memory --data.source hdf5 --data.path old.h5 && [ ! -e runs ]
}

make_run() { run 0 mpi 2 train "${tiny[@]}" --iterations 20 --checkpoint.every=10 --run.dir run; }
test_truncated_checkpoint_is_refused() {
  make_run && head -c 2000 run/latest.h5 >cut.h5 && refuses 3 'cut\.h5' 2 train "${tiny[@]}" --run.dir x --resume=cut.h5 &&
    refuses 3 'cut\.h5' 1 sample cut.h5 && refuses 3 'cut\.h5' 1 inspect cut.h5
}
test_bit_flipped_checkpoint_is_refused() {
  local place
  make_run || return 1
  for place in 100 700 3000 9000; do
    cp run/latest.h5 flipped.h5 &&
      printf '\x5a' | dd of=flipped.h5 bs=1 seek=$place conv=notrunc 2>/dev/null &&
      { cmp -s run/latest.h5 flipped.h5 || refuses 3 'flipped\.h5' 2 train "${tiny[@]}" --run.dir x --resume=flipped.h5; } ||
      return 1
  done
}
# Neither with --resume nor without does a new run take the place of one whose checkpoints cannot be read.
test_run_of_damaged_checkpoints_only_is_kept() {
  local file
  make_run || return 1
  for file in run/checkpoint-*.h5; do truncate -s 3000 "$file"; done
  cp run/metrics.h5 metrics.h5
  refuses 3 'checkpoint-0000010.*no checkpoint in run can be used.*--run\.dir' 2 train "${tiny[@]}" --run.dir run --resume &&
    refuses 2 'run already holds a run .*: choose another folder' 2 train "${tiny[@]}" --run.dir run && ! grep -- --resume err &&
    cmp metrics.h5 run/metrics.h5
}
# What the error says is done.
test_a_checkpoint_in_the_place_of_an_ini_file_leads_to_its_run() {
  run 0 mpi 1 train "${tiny[@]}" --iterations 2 --run.dir run && refuses 3 'gan_dist run/config\.ini --resume=run/latest\.h5\)' 1 run/latest.h5 || return 1
  # shellcheck disable=SC2046 # words
  run 0 "$PROGRAM" $(sed -n 's/.*: gan_dist \(.*\))$/\1/p' err) --iterations 3 -q && [ -s "$(checkpoint_name run 3)" ]
}
# A default on one rank, which the run's own value takes the place of, is the same number given on another.
test_ranks_that_go_on_with_other_values_are_refused() {
  run 75 mpi 2 train "${tiny[@]}" --critic.clip=0.3 --run.stop_at=2 --run.dir run || return 1
  run 2 ranks 2 '[ $rank = 1 ] || export GAN_DIST_CRITIC_CLIP=0.1; "$@"' "$PROGRAM" train "${tiny[@]}" --run.dir run --resume &&
    one_message && says err 'rank [01] .*another configuration than rank [01]'
}
test_checkpoint_of_another_network_is_refused() {
  make_run && refuses 3 '(16|17)' 2 train "${tiny[@]}" --critic.layers="dense 17, leaky_relu 0.2, dense 1" --iterations 30 \
    --run.dir run --resume
}
test_checkpoint_of_another_seed_or_data_is_refused() {
  make_run && refuses 2 'seed' 2 train "${tiny[@]}" --seed 5 --run.dir run --resume &&
    refuses 2 'data' 2 train "${tiny[@]}" --data.sigma=0.1 --run.dir run --resume
}
test_metrics_file_is_no_checkpoint() { make_run && refuses 3 'metrics\.h5' 1 train "${tiny[@]}" --run.dir x --resume=run/metrics.h5; }

test_folder_that_cannot_be_written_is_refused() {
  echo a file >taken
  refuses 1 'taken' 2 train "${tiny[@]}" --iterations 2 --run.dir taken/run
}
test_disk_full_keeps_the_checkpoint_before() {
  # A small file system of its own, where mounting is allowed; otherwise writes fail by injection below.
  mkdir small && mount -t tmpfs -o size=400k tmpfs small 2>/dev/null || { echo "no mount allowed here"; return 77; }
  trap 'umount -l "$PWD/small"' EXIT
  refuses 1 'small/run' 2 train "${tiny[@]}" --generator.layers="dense 64, relu, dense 64, relu, dense 2" \
    --checkpoint.every=1 --checkpoint.keep=100 --iterations 100 --run.dir small/run || return 1
  says err 'last checkpoint' && says err '[Nn]o space' || return 1
  run 0 "$PROGRAM" inspect small/run/latest.h5
}
# What the ranks make of a write that failed; tests/unit/every_write_test.c takes each write of a run in turn.
# write_fails NTH OPTIONS...: HDF5 itself loses memory once a write of its own has failed
write_fails() {
  run 1 env GAN_FAULT="write:$1:0" ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 $quiet_mpirun -np 2 "$PROGRAM" train "${tiny[@]}" \
    --run.dir "run$1" "${@:2}" && one_message && says err 'rank 0 .*cannot write .*No space left' || return 1
  ! ls "run$1" | grep partial
}
test_a_failing_write_ends_all_ranks_with_one_message_and_loses_nothing() {
  local nth
  for nth in 1 3 8 60 140 200 280; do
    write_fails $nth --iterations 6 --checkpoint.every=2 --samples.every=2 || return 1
    run 0 "$PROGRAM" train "${tiny[@]}" --iterations 6 --run.dir run$nth --resume || return 1
  done
}
# A checkpoint comes before what else is due with it, and takes long or goes wrong.
test_a_picture_that_cannot_be_written_costs_no_checkpoint() {
  mkdir -p run/samples-0000004.png
  run 1 mpi 2 train "${tiny[@]}" --iterations 4 --run.dir run && one_message || return 1
  says err 'cannot write .*samples-0000004.png: .*the last checkpoint is .*0000004.h5' || return 1
  rmdir run/samples-0000004.png
  run 0 mpi 2 train "${tiny[@]}" --iterations 4 --run.dir run --resume --json && says out '"sliced_wasserstein":0' &&
    [ -s run/samples-0000004.png ] && [ "$(readlink run/best.h5)" = checkpoint-0000004.h5 ]
}
# Of a run's last steps, too, after which nobody asks for anything, and of closing a trace that is longer than the run.
test_a_failing_write_of_the_last_steps_ends_all_ranks_with_one_message() {
  local nth
  for nth in 120 160 200 240; do
    write_fails $nth --iterations 2 --train.n_critic 2 -q --trace trace.h5 --trace-steps 100 || return 1
  done
}
test_nan_in_a_loss_stops_with_the_last_good_checkpoint_named() {
  run 1 env GAN_FAULT=loss:200:0 $quiet_mpirun -np 2 "$PROGRAM" train "${tiny[@]}" --iterations 100 --checkpoint.every=5 --run.dir run &&
    one_message && says err 'nan.*last checkpoint.*run/checkpoint-0*[1-9]' && run 0 "$PROGRAM" inspect run/latest.h5
}
# flipped_bit NP N:RANK REDUCTION OPTIONS...: after N iterations a bit flips in the critic as that rank sees it
flipped_bit() {
  run 1 env GAN_FAULT="bit:$2" $quiet_mpirun -np "$1" "$PROGRAM" train "${tiny[@]}" --iterations 20 --reduction "$3" "${@:4}" &&
    one_message
}
test_a_flipped_bit_of_one_rank_is_found_and_the_run_goes_on_from_before() {
  flipped_bit 3 7:2 flat --verify-every 5 --checkpoint.every=5 --run.dir run || return 1
  says err "rank 2 \(host $(hostname)\): .* iteration 10.*last checkpoint is run/checkpoint-0000005.h5" || return 1
  run 0 mpi 3 train "${tiny[@]}" --iterations 20 --run.dir run --resume && says out 'goes on from .*0000005' || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 20 --run.dir quiet || return 1
  same_state "$(checkpoint_name quiet 20)" "$(checkpoint_name run 20)"
}
test_no_checkpoint_is_written_after_a_flipped_bit() {
  flipped_bit 3 7:0 flat --verify-every 100 --checkpoint.every=4 --run.dir run || return 1
  says err 'rank 0 \(.* iteration 8.*last checkpoint is run/checkpoint-0000004' && [ ! -e "$(checkpoint_name run 8)" ]
}
test_of_two_ranks_that_differ_neither_is_blamed() {
  flipped_bit 2 7:1 flat --verify-every 10 --run.dir run &&
    says err 'parameters of rank 0 \(host .*\) and rank 1 \(host .*\) differ in iteration 10'
}
# A host's ranks share one copy: ranks 4 and 5 of three hosts, ranks 3 and 4 of two.
test_a_flipped_bit_of_one_host_is_found() {
  export GAN_PRETEND_HOSTS=3
  flipped_bit 6 7:5 hierarchical --verify-every 1 --run.dir three && says err 'rank 4 \(host .* iteration 7' || return 1
  GAN_PRETEND_HOSTS=2
  flipped_bit 5 7:4 hierarchical --verify-every 1 --run.dir two && says err 'rank 0 \(.* and rank 3 \(.* differ in iteration 7'
}
# What no comparison can find (docs/design.md, section 4): the ranks of a host have one copy, so they still agree.
test_a_flipped_bit_of_the_one_copy_of_a_host_is_everybodys() {
  run 0 env GAN_FAULT=bit:7:1 $quiet_mpirun -np 3 "$PROGRAM" train "${tiny[@]}" --iterations 8 --verify-every 1 --run.dir run &&
    run 0 mpi 3 train "${tiny[@]}" --iterations 8 --run.dir quiet || return 1
  other_bits "$(checkpoint_name quiet 8)" "$(checkpoint_name run 8)" /critic
}
test_real_divergence_is_stopped() {
  refuses 1 'not finite|inf|nan' 2 train "${tiny[@]}" --optimizer.name sgd --optimizer.learning_rate=1e6 --critic.clip=0 \
    --iterations 100 --run.dir run && ! grep -- -nan err
}
# The weights are finite, and no step comes any more that would find what they make of the latents.
test_samples_that_are_not_finite_are_an_error() {
  local blown=(--generator.latent=4 --generator.layers="dense 16, relu, dense 16, relu, dense 16, relu, dense 2"
    --critic.layers="dense 16, leaky_relu 0.2, dense 1" --batch 24 --shards 3 --optimizer.name=sgd --optimizer.learning_rate=1e3
    --critic.clip=0 --eval.samples=64 --iterations 1)
  refuses 1 'samples that are not finite.*last checkpoint is run/checkpoint-0000001' 2 train "${blown[@]}" --run.dir run &&
    run 1 "$PROGRAM" sample run/latest.h5 -o samples.h5 && says err 'not finite' && [ ! -e samples.h5 ]
}
# Whoever opens a pipe without a writer waits for one.
test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting() {
  mkfifo pipe
  limit=30
  refuses 3 'pipe is not a regular file' 2 inspect pipe && make_run && rm run/metrics.h5 && mkfifo run/metrics.h5 || return 1
  run 0 mpi 2 train "${tiny[@]}" --iterations 21 --run.dir run --resume && says out 'metrics.h5 could not be read; it is kept' &&
    [ -f run/metrics.h5 ] || return 1
  # A pipe may well be a configuration, and its writer slow.
  run 0 "$PROGRAM" config <(printf '[run]\n'; sleep 0.5; echo 'iterations = 77'; sleep 0.5) && says out '^iterations = 77'
}
# The square of such a gradient is infinite, and so would the mean square be for ever: updates by 0, and no error.
test_a_gradient_too_large_to_be_squared_ends_the_run() {
  local optimizer
  for optimizer in rmsprop adam; do
    refuses 1 "gradient is too large for $optimizer to square it" 2 train "${tiny[@]}" --optimizer.name $optimizer \
      --optimizer.learning_rate=1e6 --critic.clip=0 --iterations 100 --run.dir $optimizer || return 1
  done
}
test_out_of_memory_on_one_rank_ends_all_with_one_message() {
  local nth
  for nth in 1 5 10 20 30; do
    run 1 env GAN_FAULT=allocation:$nth:1 $quiet_mpirun -np 2 "$PROGRAM" train "${tiny[@]}" --iterations 3 --run.dir run$nth &&
      one_message && says err 'rank 1 .*out of memory' || return 1
  done
}
test_network_too_large_for_any_memory_is_refused() {
  refuses 2 'layers' 1 train "${tiny[@]}" --generator.layers="dense 16777216, dense 16777216, dense 2" ||
    refuses 1 'memory' 1 train "${tiny[@]}" --generator.layers="dense 16777216, dense 16777216, dense 2"
}
test_killed_rank_ends_the_run() {
  local job status
  mpirun -np 3 "$PROGRAM" train "${tiny[@]}" --iterations 1000000 --checkpoint.every=10 --run.dir run >out 2>err &
  job=$!
  wait_until 60 past run 0
  kill -KILL "$(pgrep -P $job | tail -n 1)"
  wait_until 60 gone $job || { note "mpirun hangs"; pkill -KILL -P $job; kill -KILL $job; return 1; }
  wait $job
  status=$?
  [ $status -ne 0 ] && run 0 "$PROGRAM" inspect run/latest.h5
}
# One rank stops without dying, which neither MPI nor mpirun notices.
# train_on HOSTS NP TIMEOUT: a training as the background process $job; returns when it has written a checkpoint.
train_on() {
  GAN_PRETEND_HOSTS=$1 $quiet_mpirun -np "$2" "$PROGRAM" train "${tiny[@]}" --iterations 1000000 --checkpoint.every=10 --timeout "$3" \
    --run.dir run >out 2>err &
  job=$!
  wait_until 60 past run 0
}
# stop_rank RANK NAMED SECONDS: the job's process of this rank of mpirun's; and waits for the job's end, which the others bring
# about with a message about NAMED, the rank that it is after ranks have been numbered host by host.
stop_rank() {
  local process
  for process in $(pgrep -P $job); do
    grep -qz "^OMPI_COMM_WORLD_RANK=$1\$" /proc/$process/environ && kill -STOP $process
  done
  wait_until 60 gone $job || { pkill -KILL -P $job; kill -KILL $job; return 1; }
  wait $job
  [ $? -eq 1 ] && one_message && says err "gan_dist: rank $2 .*stood still for $3"
}
# run: waiting
test_stopped_rank_ends_the_run_and_is_named() {
  local job
  train_on 1 3 5
  stop_rank 1 1 '5 s' && run 0 "$PROGRAM" inspect run/latest.h5
}
# run: waiting
test_stopped_rank_of_another_host_is_named() {
  local job
  train_on 2 4 5
  stop_rank 1 2 '5 s' && run 0 "$PROGRAM" inspect run/latest.h5
}
# From the start of MPI to the end, whatever a rank is at.
watched() { grep -qsx watchdog /proc/"$(pgrep -P $job | head -n 1)"/task/*/comm; }
# run: waiting
test_rank_stopped_outside_of_training_ends_the_run_and_is_named() {
  local job
  $quiet_mpirun -np 3 "$PROGRAM" benchmark -n 10000000 --batch 24 --timeout 5 >out 2>err &
  job=$!
  wait_until 60 watched
  stop_rank 2 2 '5 s, stopped or starved'
}
# A rank that is alone on its host stops by itself at the N-th moment at which ranks agree on errors: while the world is made,
# while data are read, networks built and files opened, and while the others wait for what rank 0 does after an iteration.
# stop_alone RANK N PATTERN
stop_alone() {
  echo "rank $1, agreement $2"
  GAN_PRETEND_HOSTS=3 GAN_FAULT=stop:$2:$1 run 1 mpi 3 train "${tiny[@]}" --iterations 3 --timeout 3 --run.dir run-$1-$2 &&
    one_message && says err "$3"
}
# run: waiting
test_rank_stopped_alone_on_its_host_ends_the_run() {
  local lost='stood still for 3 s, stopped, or its host or network is down'
  stop_alone 2 3 'waited 10 s for all ranks to start' && stop_alone 2 9 "rank 2 .*$lost" &&
    stop_alone 1 15 "rank 1 .*$lost" && stop_alone 0 15 "rank 0 .*$lost" &&
    stop_alone 0 21 "rank 0 .*$lost"
}
# Others that take the cores keep mpirun from ending the job before a second rank has something to say.
# run: alone
test_rank_stopped_alone_on_its_host_is_named_in_training() {
  local job
  train_on 3 3 3
  stop_rank 1 1 '3 s, stopped, or its host' && run 0 "$PROGRAM" inspect run/latest.h5
}
# hangs HOSTS NP NTH: the disk does not answer to the N-th write of rank 0
hangs() {
  GAN_PRETEND_HOSTS=$1 GAN_FAULT=hang:$3:0 run 1 mpi "$2" train "${tiny[@]}" --iterations 4 --checkpoint.every=2 --timeout 2 \
    --run.dir run$3 && one_message && says err 'rank 0 .*has stood still for 2 s while writing files'
}
# run: waiting
test_a_disk_that_hangs_ends_the_run() {
  local nth
  hangs 2 3 41 || return 1
  # In a checkpoint: which write that is, is HDF5's affair.
  for nth in 200 170 230 140; do
    hangs 1 2 $nth || return 1
    compgen -G "run$nth/checkpoint*.partial-*" >/dev/null && return 0
  done
  note "no checkpoint was being written"
  return 1
}
# 30 times as long as the limit, or longer than it on any machine.
test_work_longer_than_the_timeout_ends_nothing() {
  run 0 mpi 3 train "${tiny[@]}" --iterations 3 --timeout 1 --eval.every=2 --eval.samples=60000 --eval.projections=60 --run.dir run
}
# Before MPI is up nobody knows the others: rank 0 tells that somebody is missing.
# run: waiting
test_rank_stopped_before_the_start_ends_the_run() {
  local job
  echo '[ "$OMPI_COMM_WORLD_RANK" = 1 ] && kill -STOP $$; exec "$@"' >start
  $quiet_mpirun -np 3 bash start "$PROGRAM" train "${tiny[@]}" --iterations 3 --timeout 3 --run.dir run >out 2>err &
  job=$!
  wait_until 60 gone $job || { pkill -KILL -P $job; kill -KILL $job; return 1; }
  wait $job
  [ $? -eq 1 ] && one_message && says err 'waited 10 s for all ranks to start'
}
test_sample_checks_its_arguments() {
  make_run && refuses 2 'checkpoint' 1 sample && refuses 3 'nowhere\.h5' 1 sample nowhere.h5 &&
    refuses 2 '\.png' 1 sample run/latest.h5 -o picture.jpg && refuses 2 'truncation' 1 sample run/latest.h5 --truncation=x &&
    refuses 2 '\.png .*\.h5 or \.hdf5' 1 sample run/latest.h5 -o h5 && refuses 2 '\.json, \.h5 or \.hdf5' 1 benchmark --allreduce -o x.csv || return 1
  local name
  for name in a.H5 a.HDF5 a.PNG; do run 0 "$PROGRAM" sample run/latest.h5 -n 4 -o $name && [ -s $name ] || return 1; done
}
test_a_seed_beyond_its_range_names_the_range() {
  refuses 2 'run\.seed has to be between 0 and 9223372036854775807, not 18446744073709551615' 1 config --seed 18446744073709551615
}
test_info_speaks_of_no_option_that_it_does_not_take() {
  refuses 2 'unknown option --epochs \(gan_dist info --help lists them\)' 1 info --epochs=5
}
test_loss_checks_its_arguments() {
  refuses 2 'wasserstein' 1 loss waserstein --real 1 --fake 2 && refuses 2 '--real' 1 loss minimax --real 1,x --fake 2,3 &&
    refuses 2 '' 1 loss minimax --real 1,2 --fake 2
}

run_tests
