# The result depends on the number of shards, never on the number of ranks; and a run goes on from where it was.
. "$(dirname "$0")/support.sh"

# unasked NP... -- OPTIONS: what nobody has to ask for: the same bits at these np, with no option about shards or statistics.
unasked() {
  local all=() ranks
  while [ "$1" != -- ]; do all+=("$1"); shift; done
  shift
  for ranks in "${all[@]}"; do
    run 0 mpi "$ranks" train "$@" --run.dir "np$ranks" && same_state "np${all[0]}/latest.h5" "np$ranks/latest.h5" || return 1
    says "np$ranks/config.ini" '^shards = 8$' && says "np$ranks/config.ini" '^sync = yes$' || return 1
  done
}
test_without_any_option_a_dense_preset_is_the_same_at_any_np() { unasked 1 2 3 8 -- --iterations 10; }
test_without_any_option_a_convolutional_preset_is_the_same_at_any_np() {
  unasked 1 2 3 8 -- --preset fashion-dcgan --batch 24 --iterations 1 --eval.samples=16
}
# A network of one's own with batch norm, of which no preset says how its statistics are taken.
test_without_any_option_batch_norm_is_the_same_at_any_np() {
  unasked 1 2 3 8 -- --iterations 6 --generator.layers="dense 16, batch_norm, relu, dense 2" \
    --critic.layers="dense 16, batch_norm, tanh, dense 1"
}

# The statistics of batch norm over the whole batch: the number of shards is one of rounding, and no more.
test_the_number_of_shards_changes_the_rounding_only() {
  local shards options=(--iterations 2 --batch 24 --optimizer.name sgd --generator.layers="dense 16, batch_norm, relu, dense 2"
    --critic.layers="dense 16, batch_norm, tanh, dense 1" --critic.clip=0 --optimizer.learning_rate=0.05)
  for shards in 1 8 24; do run 0 mpi 1 train "${options[@]}" --shards $shards --run.dir s$shards || return 1; done
  run 0 mpi 1 train "${options[@]}" --shards 8 --batch_norm.sync=no --run.dir apart || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
def weights(name):
    with h5py.File(name + "/latest.h5") as file:
        return numpy.concatenate([file["critic"][key][()].ravel() for key in sorted(file["critic"]) if "num" not in key])
one, eight, most, apart = (weights(name) for name in ("s1", "s8", "s24", "apart"))
far = [abs(one - other).max() for other in (eight, most, apart)]
print("    from one shard: 8 %g, 24 %g, 8 by themselves %g" % tuple(far))
assert max(far[:2]) < 1e-5 and far[2] > 1e-3
P
}

# trains NETWORK OPTIONS at several np and compares every bit.
same_at_any_np() {
  local ranks
  for ranks in 1 2 3 5 8; do
    run 0 mpi $ranks train "${tiny[@]}" "$@" --iterations 12 --run.dir np$ranks || return 1
    same_state "$(checkpoint_name np1 12)" "$(checkpoint_name np$ranks 12)" || return 1
  done
}

test_dense_network_is_the_same_at_any_np() { same_at_any_np; }

# Real images: samples far larger than latents, vectors of more than one block.
test_images_are_the_same_at_any_np() {
  local ranks images=(train --preset fashion --batch 24 --shards 8 --iterations 3 --eval.samples=16 --samples.count=4)
  for ranks in 1 3 8; do
    run 0 mpi $ranks "${images[@]}" --run.dir np$ranks || return 1
    same_state "$(checkpoint_name np1 3)" "$(checkpoint_name np$ranks 3)" || return 1
  done
}

test_convolutional_networks_are_the_same_at_any_np_and_resumed() {
  local ranks images=(train --preset fashion --batch 24 --shards 8 --iterations 3 --train.n_critic 1 --eval.samples=16
    --samples.count=4 "${image_layers[@]/tanh/dropout 0.2, tanh}")
  run 0 mpi 1 "${images[@]}" --run.dir np1 || return 1
  run 0 mpi 3 "${images[@]}" --run.dir np3 && same_state "$(checkpoint_name np1 3)" "$(checkpoint_name np3 3)" || return 1
  run 75 mpi 8 "${images[@]}" --run.dir np8 --run.stop_at=2 && run 0 mpi 2 "${images[@]}" --run.dir np8 --resume &&
    same_state "$(checkpoint_name np1 3)" "$(checkpoint_name np8 3)" || return 1
  # A parameter is stored under the name that a PyTorch module with the same nesting would give it.
  h5ls np1/latest.h5/generator/4.main.1.weight | grep -q '{3, 2, 3, 3}' && h5ls np1/latest.h5/critic/0.weight | grep -q '{4, 1, 4, 4}'
}

test_batch_norm_per_shard_is_the_same_at_any_np() {
  same_at_any_np --batch_norm.sync=no --generator.layers="dense 16, batch_norm, relu, dense 2" --critic.layers="dense 16, batch_norm, tanh, dense 1"
}

test_synchronised_batch_norm_is_the_same_at_any_np() {
  same_at_any_np --generator.layers="dense 16, batch_norm, relu, dense 2" \
    --critic.layers="dense 16, batch_norm, tanh, dense 1"
}

test_layer_norm_adam_and_averaging_are_the_same_at_any_np() {
  same_at_any_np --generator.layers="dense 16, layer_norm, relu, dense 2" --optimizer.name adam --train.ema_decay=0.9 \
    --loss.name modified_minimax
}

# run: slow
test_every_reduction_gives_the_same_at_any_np() {
  local reduction ranks options=("${tiny[@]}" --generator.layers="dense 96, batch_norm, relu, dense 64, relu, dense 2"
    --optimizer.momentum=0.5 --train.ema_decay=0.9 --iterations 6)
  run 0 "$PROGRAM" train "${options[@]}" --run.dir alone || return 1
  for ranks in 1 2 3 5 8; do
    for reduction in auto flat shared hierarchical; do
      run 0 mpi $ranks train "${options[@]}" --reduction $reduction --run.dir $reduction$ranks || return 1
      same_state "$(checkpoint_name alone 6)" "$(checkpoint_name $reduction$ranks 6)" || return 1
    done
  done
}

# run: slow
test_several_hosts_give_the_same() {
  local ranks reduction options=("${tiny[@]}" --generator.layers="dense 96, batch_norm, relu, dense 64, relu, dense 2"
    --batch_norm.sync=yes --train.ema_decay=0.9 --iterations 6 --samples.every=3 --eval.every=3)
  run 0 "$PROGRAM" train "${options[@]}" --run.dir alone || return 1
  for ranks in 2 5 8; do
    for reduction in flat hierarchical; do
      GAN_PRETEND_HOSTS=3 run 0 mpi $ranks train "${options[@]}" --reduction $reduction --run.dir $reduction$ranks ||
        return 1
      same_state "$(checkpoint_name alone 6)" "$(checkpoint_name $reduction$ranks 6)" || return 1
      same_state alone/metrics.h5 $reduction$ranks/metrics.h5 /eval /train/critic_gradient_norm /train/clipped_fraction ||
        return 1
    done
  done
  GAN_PRETEND_HOSTS=2 run 2 mpi 4 train "${options[@]}" --reduction shared --run.dir refused || return 1
  one_message && says err 'use hierarchical or auto'
}

test_without_room_for_shared_memory_it_says_so_and_gives_the_same() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 6 --run.dir alone || return 1
  # The third window of the job: the world and the watchdog have one each.
  GAN_FAULT=window:3:0 run 0 mpi 3 train "${tiny[@]}" --iterations 6 --run.dir three || return 1
  says out 'flat, which is slower: /dev/shm has no room' || return 1
  same_state "$(checkpoint_name alone 6)" "$(checkpoint_name three 6)"
}

test_a_trace_is_the_same_for_every_reduction() {
  local reduction
  for reduction in flat shared; do
    run 0 mpi 3 train "${tiny[@]}" --iterations 2 --reduction $reduction --run.dir $reduction --trace $reduction.h5 || return 1
  done
  GAN_PRETEND_HOSTS=2 run 0 mpi 3 train "${tiny[@]}" --iterations 2 --run.dir hosts --trace hosts.h5 || return 1
  same_state flat.h5 shared.h5 && same_state flat.h5 hosts.h5
}

test_shards_of_unequal_size_are_the_same_at_any_np() { same_at_any_np --batch 29; }

test_the_number_of_shards_is_part_of_the_result() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 3 --run.dir a || return 1
  run 0 mpi 2 train "${tiny[@]}" --shards 4 --iterations 3 --run.dir b || return 1
  other_bits "$(checkpoint_name a 3)" "$(checkpoint_name b 3)" /generator
}

test_seed_changes_the_result() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 3 --run.dir a || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 3 --seed 2 --run.dir b || return 1
  other_bits "$(checkpoint_name a 3)" "$(checkpoint_name b 3)" /generator
}

test_resuming_with_other_np_equals_never_stopping() {
  local options=("${tiny[@]}" --iterations 30 --train.ema_decay=0.9 --generator.layers="dense 16, batch_norm, relu, dense 2"
    --optimizer.schedule linear)
  run 0 mpi 2 train "${options[@]}" --run.dir whole || return 1
  run 75 mpi 8 train "${options[@]}" --run.dir parts --run.stop_at=11 || return 1
  run 75 mpi 3 train "${options[@]}" --run.dir parts --run.stop_at=17 --resume || return 1
  run 0 mpi 5 train "${options[@]}" --run.dir parts --resume || return 1
  same_state "$(checkpoint_name whole 30)" "$(checkpoint_name parts 30)" || return 1
  # The metrics go on in the same file, without a row twice.
  h5dump -d /train/iteration -y -w 1000 parts/metrics.h5 | tr -dc '0-9,\n ' | grep -q "9, 10, 11, 12, 13" || return 1
  h5ls parts/metrics.h5/train/critic_loss | grep -q '{30/'
}

# What the best evaluation so far is decides what all ranks do next; after a resumption, too. At such a
# learning rate the first evaluations are the best.
test_resumed_ranks_agree_on_what_was_best() {
  local options=("${tiny[@]}" --iterations 16 --eval.every=1 --optimizer.learning_rate=0.05)
  run 75 mpi 3 train "${options[@]}" --run.dir parts --run.stop_at=9 || return 1
  run 0 mpi 3 train "${options[@]}" --run.dir parts --resume --timeout 20 || return 1
  run 0 mpi 2 train "${options[@]}" --run.dir whole || return 1
  same_state "$(checkpoint_name whole 16)" "$(checkpoint_name parts 16)" || return 1
  [ "$(readlink whole/best.h5)" = "$(readlink parts/best.h5)" ] && [ "$(readlink whole/best.h5)" != checkpoint-0000016.h5 ]
}

# evaluations FILE: all rows of metrics (h5diff takes columns of different lengths for equal)
evaluations() { h5dump -m '%.17g' -g /eval "$1" | tail -n +2; }

# same_views A B: two runs have the same evaluations, the same pictures, and call the same checkpoint the best.
same_views() {
  local picture
  cmp <(evaluations "$1/metrics.h5") <(evaluations "$2/metrics.h5") || { note "$1 and $2 differ in evaluations"; return 1; }
  [ "$(cd "$1" && echo samples-*)" = "$(cd "$2" && echo samples-*)" ] || { note "$1 and $2 differ in pictures"; return 1; }
  for picture in "$1"/samples-*; do cmp "$picture" "$2/${picture##*/}" || return 1; done
  [ "$(readlink "$1/best.h5")" = "$(readlink "$2/best.h5")" ] || { note "$1 and $2 differ in what is best"; return 1; }
}

# A checkpoint is written before the picture and the evaluation that are due with it. To look as if it was killed in between,
# a start has none of them.
test_pictures_and_evaluations_that_a_start_did_not_come_to_are_made_by_the_next() {
  local options=("${tiny[@]}" --iterations 6 --checkpoint.every=3 --optimizer.schedule=constant) views=(--eval.every=3 --samples.every=3)
  run 0 mpi 2 train "${options[@]}" "${views[@]}" --run.dir whole || return 1
  run 75 mpi 3 train "${options[@]}" --run.dir parts --run.stop_at=3 || return 1
  run 0 mpi 2 train "${options[@]}" "${views[@]}" --run.dir parts --resume || return 1
  same_views whole parts && same_state "$(checkpoint_name whole 6)" "$(checkpoint_name parts 6)" || return 1
  # With the last iteration, after which there is nothing else to do; and only once.
  run 75 mpi 2 train "${options[@]}" "${views[@]}" --run.dir end --run.stop_at=3 || return 1
  run 75 mpi 2 train "${options[@]}" --iterations 7 --run.dir end --resume --run.stop_at=6 || return 1
  run 0 mpi 3 train "${options[@]}" "${views[@]}" --run.dir end --resume && same_views whole end || return 1
  run 0 mpi 2 train "${options[@]}" "${views[@]}" --run.dir end --resume && says out 'nothing to do' && same_views whole end
}

test_evaluations_lost_with_the_metrics_are_made_again() {
  local options=("${tiny[@]}" --iterations 4 --eval.every=2)
  run 75 "$PROGRAM" train "${options[@]}" --run.dir run --run.stop_at=2 && mv run/metrics.h5 before.h5 || return 1
  run 75 "$PROGRAM" train "${options[@]}" --run.dir run --resume --run.stop_at=3 || return 1
  cmp <(evaluations before.h5) <(evaluations run/metrics.h5)
}

# The evaluation of the checkpoint that is gone on from counts, whether that was written before it or, as earlier versions
# did, after it; at such a learning rate the first is the best.
test_the_best_is_found_wherever_a_run_is_interrupted() {
  local stop options=("${tiny[@]}" --iterations 5 --eval.every=1 --optimizer.learning_rate=0.05)
  run 0 "$PROGRAM" train "${options[@]}" --run.dir whole || return 1
  for stop in 1 2 4; do
    run 75 "$PROGRAM" train "${options[@]}" --run.dir parts$stop --run.stop_at=$stop &&
      run 0 "$PROGRAM" train "${options[@]}" --run.dir parts$stop --resume && same_views whole parts$stop || return 1
  done
  # Killed between the evaluation and the link.
  run 75 "$PROGRAM" train "${options[@]}" --run.dir unlinked --run.stop_at=1 && rm unlinked/best.h5 || return 1
  run 0 "$PROGRAM" train "${options[@]}" --run.dir unlinked --resume && same_views whole unlinked
}

# Kills every process of the job at some moment, again and again, and lets it go on; what it comes to must be what a quiet
# run comes to. How far it gets depends on the machine, so the quiet run comes last.
test_killed_at_any_moment_it_goes_on_bit_for_bit() {
  local options=("${tiny[@]}" --iterations 1000000 --checkpoint.every=20 --eval.every=20 --samples.every=40) moment job before=0 end
  for moment in 0 0.03 0.1 0.17 0.25; do
    $quiet_mpirun -np 2 "$PROGRAM" train "${options[@]}" --run.dir killed --resume >out 2>err &
    job=$!
    wait_until 60 past killed $before || { pkill -KILL -P $job; return 1; }
    sleep $moment
    pkill -KILL -P $job
    wait $job && { note "not killed"; return 1; }
    before=$(newest killed)
  done
  end=$((before + 30))
  run 75 mpi 3 train "${options[@]}" --run.dir killed --resume --run.stop_at=$end &&
    run 75 mpi 2 train "${options[@]}" --run.dir quiet --run.stop_at=$end || return 1
  same_state "$(checkpoint_name quiet $end)" "$(checkpoint_name killed $end)" && same_views quiet killed || return 1
  ls killed | grep -q partial && { note "partial files left: $(ls killed)"; return 1; }
  h5ls killed/metrics.h5/train/critic_loss | grep -q "{$end/"
}

stops_with() { # SIGNAL: the job gets it, writes a checkpoint, exits with 75, and goes on later
  local job status rank
  $quiet_mpirun -np 2 "$PROGRAM" train "${tiny[@]}" --iterations 1000000 --checkpoint.every=50 --run.dir run >out 2>err &
  job=$!
  wait_until 60 past run 0
  rank=$(pgrep -P $job | head -n 1)
  kill -"$1" "${rank:?}"
  wait_until 60 gone $job || { kill -KILL $job; pkill -KILL -P $job; return 1; }
  wait $job
  status=$?
  [ $status -eq 75 ] || { note "exit status $status"; cat out err; return 1; }
  one_message && says err 'stopped after iteration [0-9]+ of 1000000' || return 1
  run 75 mpi 1 train "${tiny[@]}" --iterations 1000000 --run.dir run --resume \
    --run.stop_at=$(($(sed -n 's/.*stopped after iteration \([0-9]*\).*/\1/p' err) + 2))
}

test_sigterm_on_one_rank_checkpoints_and_exits_75() { stops_with TERM; }
test_sigusr1_on_one_rank_checkpoints_and_exits_75() { stops_with USR1; }

test_resume_passes_over_a_damaged_checkpoint() {
  run 75 mpi 2 train "${tiny[@]}" --iterations 30 --checkpoint.every=10 --run.stop_at=20 --run.dir run || return 1
  printf 'x' | dd of="$(checkpoint_name run 20)" bs=1 seek=3000 conv=notrunc 2>/dev/null
  run 0 mpi 2 train "${tiny[@]}" --iterations 30 --checkpoint.every=10 --run.dir run --resume || return 1
  says out 'damaged' && says out 'goes on from .*0000010' || return 1
  run 0 mpi 1 train "${tiny[@]}" --iterations 30 --run.dir whole || return 1
  same_state "$(checkpoint_name whole 30)" "$(checkpoint_name run 30)"
}

test_a_second_run_keeps_the_first() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 || return 1
  [ -f runs/ring8/checkpoint-0000002.h5 ] && [ -f runs/ring8-2/checkpoint-0000002.h5 ] || return 1
  run 2 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir runs/ring8 || return 1
  one_message && says err 'already holds a run.*--resume'
}

# What was trained after it stays what it is, and is not taken for what comes of it.
test_going_on_from_an_older_checkpoint_needs_a_folder_of_its_own() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 6 --checkpoint.every=2 --run.dir run || return 1
  cp -r run before
  run 2 "$PROGRAM" train "${tiny[@]}" --iterations 8 --resume="$(checkpoint_name run 2)" || return 1
  one_message && says err 'after iteration 2 already, up to 6' && diff -r run before || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 6 --resume="$(checkpoint_name run 2)" --run.dir other &&
    same_state "$(checkpoint_name run 6)" "$(checkpoint_name other 6)" || return 1
  # Its newest, by whatever name, may be gone on from where it is.
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 7 --resume=run/latest.h5 && [ -f "$(checkpoint_name run 7)" ]
}

# Also of one that was stopped and gone on with; at any np; and where nobody said how many shards.
test_config_ini_of_a_run_is_enough_to_run_again() {
  local options=(--generator.layers="dense 16, batch_norm, relu, dense 2" --batch 24 --iterations 5 --eval.samples=64)
  run 75 mpi 2 train "${options[@]}" --run.dir first --run.stop_at=3 --trace first.h5 && cp first/config.ini stopped.ini &&
    run 0 mpi 3 train "${options[@]}" --run.dir first --resume || return 1
  run 0 "$PROGRAM" train first/config.ini --run.dir second && run 0 mpi 3 train stopped.ini --run.dir third || return 1
  same_state "$(checkpoint_name first 5)" "$(checkpoint_name second 5)" &&
    same_state "$(checkpoint_name first 5)" "$(checkpoint_name third 5)" || return 1
  # More ranks than the usual shards get one each; the number is kept for whoever starts the run again with fewer.
  run 0 mpi 12 train "${options[@]}" --run.dir many && says out '12 shards, one for each rank.*--shards 12' &&
    says many/config.ini '^shards = 12$' && run 0 mpi 1 train many/config.ini --run.dir again &&
    same_state "$(checkpoint_name many 5)" "$(checkpoint_name again 5)"
}

test_ranks_that_share_shards_unequally_are_told() {
  run 0 mpi 6 train --iterations 1 && says out '^6 ranks share 8 shards unequally: 2 compute 2, the others 1 ' &&
    says out '; 4 or 8 ranks would balance, or --shards 6 or 12 ' || return 1
  run 0 mpi 4 train --iterations 1 && ! grep -q unequally out && run 0 mpi 6 train --iterations 1 -q && [ ! -s out ]
}

# What a start does not say is as the run had it: its shards, and what only its first start was given.
test_what_is_not_given_is_taken_from_the_run_that_goes_on() {
  local given=(--iterations 9 --shards 4 --batch_norm.sync=no --critic.clip=0.3 --optimizer.name adam --seed 3 --batch 24
    --generator.layers="dense 16, batch_norm, relu, dense 2" --critic.layers="dense 16, batch_norm, tanh, dense 1")
  run 0 mpi 2 train "${given[@]}" --run.dir whole && run 75 mpi 2 train "${given[@]}" --run.dir parts --run.stop_at=4 || return 1
  run 0 mpi 3 train --run.dir parts --resume && same_state "$(checkpoint_name whole 9)" "$(checkpoint_name parts 9)" || return 1
  run 75 mpi 2 train "${given[@]}" --run.dir named --run.stop_at=4 && run 0 mpi 1 train --resume=named/latest.h5 --json &&
    says out '"iterations": ?9' && same_state "$(checkpoint_name whole 9)" "$(checkpoint_name named 9)"
}

test_a_run_has_ranks_for_its_shards_at_most() {
  run 75 mpi 1 train "${tiny[@]}" --shards 2 --iterations 6 --run.dir run --run.stop_at=3 || return 1
  run 2 mpi 3 train --run.dir run --resume && one_message && says err '3 ranks for the 2 shards.* at most 2 ranks, .*--shards 3' || return 1
  run 0 mpi 3 train --run.dir run --resume --shards 3 && says run/config.ini '^shards = 3$'
}

# Whoever does what a refusal says is not refused again.
test_what_a_refusal_of_ranks_says_works_at_once() {
  run 75 mpi 1 train "${tiny[@]}" --iterations 6 --run.dir run --run.stop_at=3 && cp -r run other && cp -r run wide || return 1
  run 2 mpi 8 train --run.dir run --resume --batch 4 && one_message &&
    says err 'start at most 4 ranks with --shards 4, or raise --batch to 8$' || return 1
  run 0 mpi 4 train --run.dir run --resume --batch 4 --shards 4 && run 0 mpi 8 train --run.dir other --resume --batch 8 || return 1
  run 2 mpi 10 train --run.dir wide --resume --batch 9 && says err 'at most 8 ranks, or raise --shards and --batch to 10$' &&
    run 0 mpi 10 train --run.dir wide --resume --batch 10 --shards 10 || return 1
  run 2 mpi 3 train --shards 1 && says err '3 ranks for 1 shard: .* at most 1 rank, or raise --shards to 3$' || return 1
  # What ranks get is said of a start that is accepted.
  run 2 mpi 10 train --batch 9 && ! grep -q 'one for each rank' out && says err 'at most 9 ranks with --shards 9, or raise --batch to 10$'
}

run_tests
