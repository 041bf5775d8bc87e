# A training tells how it goes: what it is about to do, how good it has become, what goes wrong, and what to type next.
. "$(dirname "$0")/support.sh"
limit=${LIMIT:-240}

json() { python3 -c "
import json
d = json.load(open('out'))
assert $1" && return 0; note "not so: $1"; head -n 40 out; return 1; }

symptoms='^iteration [0-9]+: (the critic has won|the critic.s scores explode|the learning rate may be|the generator has collapsed)'

test_the_header_comes_before_the_first_iteration() {
  run 0 mpi 3 train "${tiny[@]}" --iterations 4 --run.dir run --eval.every=2 || return 1
  says out '^data +ring, samples without end of shape \(2\), values from -1\.[0-9]+ to 1\.[0-9]+$' &&
    says out '^generator +114 parameters, 0\.00019. MFLOP a sample$' && says out '^critic +65 parameters' &&
    says out '^iterations +4, each 5 steps of the critic and 1 of the generator with 24 samples: [0-9.]+ kFLOP$' &&
    says out '^recipe +wasserstein, rmsprop$' && says out '^computed by +3 ranks with a thread each, 8 shards, shared reduction; ' &&
    says out '^evaluated +every 2 iterations and at the end: sliced Wasserstein distance of 64 samples, modes' && says out '^run +run$' || return 1
  [ "$(grep -nE '^run +run$' out | head -n 1 | cut -d: -f1)" -lt "$(grep -n '^iteration 1/4' out | cut -d: -f1)" ] || { cat out; return 1; }
  # Where the program prints JSON, it is on the other stream.
  run 0 mpi 2 train "${tiny[@]}" --iterations 2 --run.dir json --json && json "d['iteration'] == 2" && says err '^data +ring' || return 1
  # A run that goes on says from where; one that has nothing to do says no more than that.
  run 0 mpi 2 train "${tiny[@]}" --iterations 6 --run.dir run --resume && says out '^iterations +4 to 6, each' || return 1
  run 0 mpi 2 train "${tiny[@]}" --iterations 6 --run.dir run --resume && says out 'nothing to do' && ! grep '^recipe' out
}

test_real_images_are_drawn_once_beside_the_first_samples() {
  make_idx() { python3 -c "
import random, struct
draw = random.Random(3)
open('x.idx', 'wb').write(struct.pack('>BBBBIII', 0, 0, 8, 3, 30, 28, 28) + bytes(draw.randrange(256) for _ in range(30 * 784)))"; }
  make_idx
  local images=("${image_layers[@]}" --generator.latent=4 --data.source idx --data.path x.idx --batch 8 --shards 4 --samples.count=9 --eval.samples=16
    --critic.clip=0.01 --train.n_critic=1)
  run 0 mpi 2 train "${images[@]}" --iterations 2 --run.dir run && says out '^real samples +run/real\.png$' || return 1
  # Nine tiles of 28 x 28, each twice as large, with space between.
  file run/real.png | grep -q "172 x 172" && file run/samples-0000002.png | grep -q "172 x 172" || { file run/*.png; return 1; }
  # Once: not by whoever goes on, unless it is gone; whatever the number of ranks it is the same.
  cp run/real.png first.png && touch -d 2001-01-01 run/real.png && run 0 mpi 3 train "${images[@]}" --iterations 3 --run.dir run --resume &&
    [ "$(date -r run/real.png +%Y)" = 2001 ] || return 1
  rm run/real.png && run 0 mpi 3 train "${images[@]}" --iterations 4 --run.dir run --resume && cmp run/real.png first.png || return 1
  # The name is the run's own.
  run 2 mpi 2 train "${images[@]}" --iterations 5 --run.dir run --resume --trace run/real.png && one_message && says err 'the run itself writes'
}
test_points_are_drawn_with_the_samples_alone() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 --run.dir run && [ -s run/samples-0000001.png ] && [ ! -e run/real.png ] && ! grep '^real samples' out
}

test_evaluations_are_compared_with_those_before() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 30 --eval.every=10 --run.dir run || return 1
  says out '^evaluation at iteration 10:  sliced Wasserstein [0-9.]+  modes' &&
    says out '^evaluation at iteration 20:  sliced Wasserstein [0-9.]+ [+-][0-9]+% \((the best so far|best [0-9.]+ at iteration 10)\)' || return 1
  local best
  best=$(newest_link run/best.h5)
  run 0 mpi 3 train "${tiny[@]}" --iterations 40 --eval.every=10 --run.dir run --resume &&
    says out "^evaluation at iteration 40:  sliced Wasserstein [0-9.]+ [+-][0-9]+% \\((the best so far|best [0-9.]+ at iteration $best)\\)" &&
    says out '^sliced Wasserstein +[0-9.]+, (the best of the run|best [0-9.]+ at iteration [0-9]+ \(best.h5\))$' || return 1
  # In another folder it is known how good the best was, and not where.
  run 0 mpi 2 train "${tiny[@]}" --iterations 50 --eval.every=0 --resume=run/latest.h5 --run.dir next --json && json "0 < d['best_sliced_wasserstein'] <= d['sliced_wasserstein']" &&
    json "(d['best_iteration'] == 50) == (d['best_sliced_wasserstein'] == d['sliced_wasserstein'])"
}
newest_link() { local name; name=$(readlink "$1") && [[ $name =~ ([0-9]+)\.h5$ ]] && echo $((10#${BASH_REMATCH[1]})); }

test_distances_are_shown_of_wasserstein_losses_alone() {
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir distance && says out '^iteration 2/2 .*  W [0-9.e-]+  ' || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --loss.name logistic --run.dir scores && says out '^iteration 2/2 .*  real [0-9.e-]+  fake [0-9.e-]+  ' &&
    ! grep -E '  W [0-9]' out
}

test_the_end_says_what_to_type_next() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 4 --run.dir "my run" && says out '^next:$' || return 1
  local next
  next=$(sed -n '/^next:/,$p' out | grep -- '--resume') && [[ $next == *"mpirun -np 2 "*"--resume='my run/checkpoint-0000004.h5' --iterations 8" ]] || { echo "$next"; return 1; }
  # The lines work as they are.
  sed -n '/^next:/,$p' out | tail -n +2 >commands && sed -i "s/mpirun /$quiet_mpirun /" commands && run 0 bash -e commands || return 1
  [ "$(newest "my run")" -eq 8 ] && [ -s samples.png ] || { ls . "my run"; return 1; }
  # A run that was stopped goes on to where it was meant to end.
  run 75 "$PROGRAM" train "${tiny[@]}" --iterations 9 --run.stop_at=3 --run.dir stopped && says out 'train --resume=stopped/checkpoint-0000003\.h5$'
}

# told NAME OPTION...: a training is told of it once, and of the same on another number of ranks
told() {
  rm -rf run && run 0 mpi 1 train "${tiny[@]}" "${@:2}" --run.dir run && grep -E "$symptoms" out >one
  rm -rf run && run 0 mpi 3 train "${tiny[@]}" "${@:2}" --run.dir run && grep -E "$symptoms" out >three
  [ "$(grep -cE "$1" one)" -eq 1 ] && cmp one three || { note "$1 is not told once"; cat one three; return 1; }
}
stuck=(--optimizer.name adam --critic.learning_rate=0.02 --generator.learning_rate=1e-9 --generator.init_scale=1e-3 --iterations 400)

test_a_critic_that_has_won_is_told() {
  told 'the critic has won: generated samples have a mean score of -[0-9.]+, where the loss minimax is flat' --loss.name minimax "${stuck[@]}" &&
    told 'the critic has won: its loss is .* and the scores of real and generated samples are' --loss.name wasserstein_hinge "${stuck[@]}"
}
test_exploding_scores_are_told() { told 'scores explode: those of real' --critic.clip=0 --optimizer.name adam --optimizer.learning_rate=0.1 --iterations 600; }
test_a_learning_rate_that_is_too_high_is_told() { told 'may be too high: the norm of the critic.s gradient jumps' --optimizer.learning_rate=1 --iterations 100; }
test_a_collapse_is_told() {
  told 'has collapsed: the variance of generated samples is' --optimizer.name adamw --optimizer.weight_decay=1 --optimizer.learning_rate=1e-2 \
    --eval.every=50 --generator.init_scale=3 --iterations 400 || return 1
  # Once in a start: the next one tells it again, where it sees it. Not with -q.
  run 0 "$PROGRAM" train "${tiny[@]}" --run.dir run --resume --iterations 420 -q && [ ! -s out ] && [ ! -s err ]
}

test_presets_that_go_well_are_told_nothing() {
  plain_build_only "too long with sanitizers"
  local preset small=(--batch 16 --iterations 250 --eval.samples=64 --eval.every=50 --eval.projections=4 --samples.count=4)
  for preset in ring8 grid25; do
    run 0 mpi 1 train --preset $preset "${small[@]}" --run.dir $preset && says out '^evaluation at iteration 250:' || return 1
    ! grep -E "$symptoms|the data reach|nothing keeps" out || { note "$preset"; return 1; }
  done
}

run_tests
