#!/usr/bin/env bash
# Trains points in the plane with every loss and every regulariser, and puts what came out into docs/losses-compared.md:
# what a course on GANs tells of minimax and Wasserstein, measured.
#
#   scripts/course.sh                trains what is not trained yet, two runs at a time, and makes the tables anew
#
#   --dry-run          prints the commands, and does nothing
#   --seeds N          so many runs of each pair (3)
#   --minutes N        starts no run after so long (40); the next start goes on with the rest
#   --jobs N           runs at a time (2), each on one core
#   --runs FOLDER      where results are kept (runs/course), a JSON file each
#   --page FILE        the page (docs/losses-compared.md); one that is not there is made from that one
#   --quick            a few pairs for a few iterations: to see whether all of it works, for a --page of its own
#
# The tables below say what is trained. A change of them trains what changed, and nothing else. GAN_DIST names another
# program than ./gan_dist. Exit status: 0; 1 where something failed, or is left for the next start.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/mpi-env.sh"

# The same for all: the networks of ring8 (three dense layers of 128 values each), batch and average of the generator. All that
# the presets ring8 and grid25 bring otherwise is given here.
common="--generator.init=he_normal --critic.init=he_normal --batch 128 --train.ema_decay=0.995 --checkpoint.every=0 --samples.count=64 --eval.samples=2048 --eval.projections=32
  --optimizer.schedule=linear --optimizer.final_factor=0.01"
adam="--optimizer.name=adam --optimizer.learning_rate=1e-3 --optimizer.beta1=0.5 --optimizer.beta2=0.9"

# Experiment | arguments | critic steps of an iteration
experiments=(
  "ring8|--preset ring8 --iterations 1500|1"
  "ahead|--preset ring8 --iterations 750 --data.radius=3|5"
  "grid25|--preset grid25 --iterations 2000|1"
)

# Loss | its arguments
losses=(
  "minimax|--loss.label_smoothing=0"
  "modified_minimax|--loss.label_smoothing=0"
  "logistic|"
  "least_squares|"
  "wasserstein|"
  "wasserstein_hinge|"
  "relativistic_average|"
  "relativistic_paired|"
  "relativistic_hinge|"
)

# Regulariser | its arguments | experiments that have it
regularisers=(
  "none|--critic.clip=0|ring8 grid25 ahead"
  "clip|--critic.clip=0.1|ring8 grid25"
  "clip_norm|--critic.clip=0 --critic.clip_norm=2|ring8 grid25"
  "gradient_penalty|--critic.clip=0 --critic.gradient_penalty=0.1|ring8 grid25 ahead"
  "one_sided|--critic.clip=0 --critic.gradient_penalty=0.1 --critic.gradient_penalty_one_sided=yes|ring8 grid25"
  "dragan|--critic.clip=0 --critic.dragan=0.1|ring8 grid25"
  "r1|--critic.clip=0 --critic.r1=1|ring8 grid25"
  "r1 + r2|--critic.clip=0 --critic.r1=1 --critic.r2=1|ring8 grid25 ahead"
  "lecam|--critic.clip=0 --critic.lecam=0.1|ring8 grid25"
  "spectral_norm|--critic.clip=0 --critic.spectral_norm=yes|ring8 grid25 ahead"
)

# Pairs with a recipe of their own, which is named: experiments | loss | regulariser | critic steps | arguments, optimiser included
rmsprop="--optimizer.name=rmsprop --optimizer.learning_rate=8e-4"
recipes=(
  "ring8 grid25|wasserstein|clip; RMSprop, 5 critic steps|5|--critic.clip=0.1 $rmsprop"
  "ring8 grid25|wasserstein|gradient_penalty; 5 critic steps|5|--critic.clip=0 --critic.gradient_penalty=0.1 $adam"
  "ahead|wasserstein|clip; RMSprop|5|--critic.clip=0.1 $rmsprop"
)

help() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; }
refuse() { echo "course.sh: $*; --help tells how to use it" >&2; exit 2; }

dry_run='' seeds=3 minutes=40 jobs=2 runs='' page=$root/docs/losses-compared.md quick='' program=${GAN_DIST:-$root/gan_dist}
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) help; exit ;;
    --dry-run) dry_run=yes ;;
    --quick) quick=yes ;;
    --minutes | --jobs | --seeds | --runs | --page) [ $# -gt 1 ] && [ -n "$2" ] || refuse "$1 wants a value"; declare "${1#--}=$2"; shift ;;
    *) refuse "$1 means nothing" ;;
  esac
  shift
done
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || refuse "--minutes is a whole number from 1 to 9999, not $minutes"
[[ $seeds =~ ^[1-9][0-9]?$ ]] || refuse "--seeds is a whole number from 1 to 99, not $seeds"
[[ $jobs =~ ^[1-9][0-9]?$ ]] || refuse "--jobs is a whole number from 1 to 99, not $jobs"
original=$root/docs/losses-compared.md
if [ -n "$quick" ]; then
  [ "$page" != "$original" ] || refuse "--quick wants --page FILE: a few iterations are nothing to show"
  runs=${runs:-$(dirname "$page")/course}
  losses=("${losses[0]}" "${losses[4]}") regularisers=("${regularisers[0]}" "${regularisers[3]}") recipes=()
  experiments=("ring8|--preset ring8 --iterations 12|1" "grid25|--preset grid25 --iterations 12|1") seeds=2
fi
runs=${runs:-$root/runs/course}

# ---- the list of runs: a name for its result, and its arguments. Options of the program do not contain blanks.

run_names=() run_arguments=()
add_run() { # EXPERIMENT LOSS REGULARISER SEED ARGUMENT...
  local arguments=("${@:5}" $common --seed "$4") hash
  hash=$(printf '%s\n' "${arguments[@]}" | cksum)
  run_names+=("$1|$2|$3|$4|${hash%% *}")
  run_arguments+=("${arguments[*]}")
}

# fields TEXT NAME...: the parts of a row of a table
fields() { local IFS='|'; read -r "${@:2}" <<<"$1"; }

list_runs() {
  local row experiment arguments steps seed loss its regulariser how where
  for ((seed = 1; seed <= seeds; seed++)); do
    for row in "${experiments[@]}"; do
      fields "$row" experiment arguments steps
      for loss in "${losses[@]}"; do
        its=${loss#*|} loss=${loss%%|*}
        for row in "${regularisers[@]}"; do
          fields "$row" regulariser how where
          [[ " $where " == *" $experiment "* ]] || continue
          add_run "$experiment" "$loss" "$regulariser" $seed $arguments "--train.n_critic=$steps" "--loss.name=$loss" $its $how $adam
        done
      done
      for row in ${recipes[@]+"${recipes[@]}"}; do
        fields "$row" where loss regulariser its how
        [[ " $where " == *" $experiment "* ]] || continue
        add_run "$experiment" "$loss" "$regulariser" $seed $arguments "--train.n_critic=$its" "--loss.name=$loss" $how
      done
    done
  done
}

# ---- one run

result_of() { printf '%s/%s.json' "$runs" "$(tr -c 'a-z0-9\n' _ <<<"${run_names[$1],,}" | tr -s _)"; }

# A run that ends because a number is not finite is a result, too; any other failure is none, and is shown.
train() { # NUMBER
  local result folder status=0
  result=$(result_of "$1") folder=$(mktemp -d "$runs/run-XXXXXX")
  timeout -k 10 300 "$program" train ${run_arguments[$1]} --run.dir "$folder/run" --json -q >"$folder/out" 2>"$folder/err" </dev/null &
  trap 'kill $! 2>/dev/null; wait $!; rm -rf --one-file-system "$folder"; exit 143' TERM
  wait $! || status=$?
  if [ $status -eq 1 ] && grep -qE 'loss is -?(nan|inf)|not finite|too large for' "$folder/err"; then
    echo '{"status": 1}' >"$folder/out"
    status=0
  fi
  if [ $status -eq 0 ]; then
    mv "$folder/out" "$result"
  else
    echo "course.sh: ${run_names[$1]} failed (exit status $status): gan_dist train ${run_arguments[$1]}" >&2
    tail -n 3 "$folder/err" >&2
  fi
  rm -rf --one-file-system "$folder"
  return $status
}

# ---- all of them

list_runs
if [ -n "$dry_run" ]; then
  for arguments in "${run_arguments[@]}"; do echo "gan_dist train $arguments"; done
  exit
fi
[ -x "$program" ] || refuse "$program is not there: make builds it"
mkdir -p "$runs" "$(dirname "$page")"
trap 'trap "" INT TERM HUP; jobs -p | xargs -r kill 2>/dev/null; wait; rm -rf --one-file-system "$runs"/run-??????' EXIT
trap 'exit 143' INT TERM HUP

failed=0 running=0 left=0
reap() { wait -n || failed=$((failed + 1)); running=$((running - 1)); }
for number in "${!run_names[@]}"; do
  [ ! -e "$(result_of "$number")" ] || continue
  [ $SECONDS -lt $((60 * minutes)) ] || { left=$((left + 1)); continue; }
  [ $running -lt "$jobs" ] || reap
  train "$number" &
  running=$((running + 1))
done
while [ $running -gt 0 ]; do reap; done
[ $failed -eq 0 ] || echo "course.sh: $failed of ${#run_names[@]} runs failed" >&2
[ $left -eq 0 ] || echo "course.sh: $left of ${#run_names[@]} runs are left; run this again" >&2
[ $((failed + left)) -eq 0 ] || exit 1

# ---- the page: the script's part is between two comments, the rest is anybody's

[ -e "$page" ] || cp "$original" "$page"
for number in "${!run_names[@]}"; do printf '%s|%s\n' "${run_names[number]}" "$(result_of "$number")"; done |
  "$root/scripts/course_table.py" --machine "$("$program" info --json)" >"$page.table"
awk -v table="$page.table" '
  /^<!-- course.sh: end -->/ { inside = 0 }
  !inside { print }
  /^<!-- course.sh: begin -->/ { inside = 1; while ((getline line < table) > 0) print line }' "$page" >"$page.new"
mv "$page.new" "$page"
rm "$page.table"
echo "$page"
