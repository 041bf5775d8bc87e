# Keys that have no effect beside others: refused where somebody gave them, said where a preset or the run brought them.
. "$(dirname "$0")/support.sh"

# idle WHERE OPTIONS...: refused by all ranks alike, before anything is made, in one message that begins with WHERE
idle() { run 2 mpi 3 train "${tiny[@]}" --iterations 1 --run.dir idle "${@:2}" && one_message && says err "^gan_dist: $1 has no effect with " && [ ! -e idle ]; }

test_a_key_without_effect_is_refused_wherever_it_was_given() {
  idle loss.label_smoothing --loss.label_smoothing 0.1 && idle optimizer.beta1 --optimizer.beta1=0.5 &&
    idle train.warmup_every --train.warmup_every=3 || return 1
  printf '[loss]\nlabel_smoothing = 0.1\n' >my.ini
  run 2 "$PROGRAM" train my.ini --run.dir idle && says err 'loss\.name = minimax or modified_minimax' &&
    run 2 "$PROGRAM" config my.ini && run 2 "$PROGRAM" benchmark my.ini -n 3 && run 0 "$PROGRAM" train my.ini "${tiny[@]}" --loss.name minimax --iterations 1 --run.dir used || return 1
  run 2 env GAN_DIST_BATCH_NORM_MOMENTUM=0.3 "$PROGRAM" train "${tiny[@]}" --run.dir idle && says err '^gan_dist: batch_norm\.momentum .*no batch_norm in generator.layers'
}

test_a_config_ini_can_be_used_as_it_is_whatever_its_preset_brought() {
  printf '[run]\npreset = fashion-dcgan\n[loss]\nname = wasserstein\n[optimizer]\nname = sgd\n' >my.ini
  run 0 mpi 2 train my.ini "${tiny[@]}" --data.source ring --iterations 1 --run.dir run && [ "$(grep -c 'without effect' out)" -eq 1 ] &&
    says out '^without effect, and therefore at their defaults: data\.path \(data\.source = ring\), loss\.label_smoothing \(loss\.name = wasserstein\), optimizer\.beta1 \(optimizer\.name = sgd\)$' || return 1
  cp run/config.ini copy.ini
  run 0 mpi 2 train copy.ini --run.dir again && ! grep -q 'without effect' out && same_state run/latest.h5 again/latest.h5 &&
    run 0 "$PROGRAM" config my.ini --data.source ring && cp out printed.ini && run 0 "$PROGRAM" config printed.ini && cmp out printed.ini
}

test_what_a_run_brings_in_vain_is_said_where_it_goes_on() {
  run 0 mpi 2 train "${tiny[@]}" --loss.name minimax --loss.label_smoothing 0.5 --iterations 1 --run.dir run && ! grep -q 'without effect' out &&
    run 0 mpi 3 train --run.dir run --resume --iterations 2 --loss.name wasserstein &&
    says out 'defaults: loss\.label_smoothing \(loss\.name = wasserstein\)$' || return 1
  run 2 mpi 2 train --run.dir run --resume --iterations 3 --loss.label_smoothing 0.5 && one_message && says err 'label_smoothing has no effect'
}

run_tests
