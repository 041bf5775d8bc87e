#!/usr/bin/env bash
# Makes docs/gallery.md's pictures and numbers anew: trains presets for real, by the very commands that the page shows.
#
#   scripts/gallery.sh PRESET...         these, one after another
#   scripts/gallery.sh --all             every preset that has a section on the page
#
#   --dry-run          prints the commands, and does nothing
#   --minutes N        a training gets at most so long (30); it stops with a checkpoint, and the next start goes on
#   --again            trains anew what is trained already
#   --runs FOLDER      where the runs are kept (runs/gallery)
#   --docs FOLDER      where the page and its pictures are (docs); without a page there, a copy of docs/gallery.md is taken
#   --machine TEXT     what the table says of the machine (its CPU and number of cores)
#   --quick            2 iterations each, of small batches: to see whether all of it works, for --docs of its own
#
# For each preset it writes pictures/PRESET-samples.png (samples of the last iteration), PRESET-curves.png (plot_metrics.py)
# and the preset's row of the table. A preset that has no section "## PRESET" on the page gets one, with its INI file's first
# line as text and "mpirun -np 2 gan_dist train --preset PRESET --shards 2" as command; both may be changed there. What was
# trained stays: a start goes on where one before was stopped, and draws again what is done. GAN_DIST names another program
# than ./gan_dist. Exit status: 0, or 1 where a training failed or was stopped.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/mpi-env.sh"

help() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; }
refuse() { echo "gallery.sh: $*; --help tells how to use it" >&2; exit 2; }
needs_value() { [ $# -gt 1 ] && [ -n "$2" ] || refuse "$1 wants a value"; }

presets=() all='' dry_run='' minutes=30 again='' runs='' docs=$root/docs machine='' quick='' program=${GAN_DIST:-$root/gan_dist}
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) help; exit ;;
    --all) all=yes ;;
    --dry-run) dry_run=yes ;;
    --again) again=yes ;;
    --quick) quick=yes ;;
    --minutes | --runs | --docs | --machine) needs_value "$@"; declare "${1#--}=$2"; shift ;;
    -*) refuse "unknown option $1" ;;
    *) presets+=("$1") ;;
  esac
  shift
done
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || refuse "--minutes is a whole number from 1 to 9999, not $minutes"
[ -z "$quick" ] || [ "$docs" != "$root/docs" ] || refuse "--quick wants --docs FOLDER: two iterations are nothing to show"
[ -n "$runs" ] || { [ -n "$quick" ] && runs=$docs/runs || runs=$root/runs/gallery; }
page=$root/docs/gallery.md
[ ! -e "$docs/gallery.md" ] || page=$docs/gallery.md

# ---- the page: sections "## PRESET", each with its command, and a table with a row for each

sections() { sed -n 's/^## \([a-z0-9-]*\)$/\1/p' "$page"; }

# command_of PRESET: the section's line that begins with mpirun, continued lines joined; that of a section to be made, if none
command_of() {
  if [ -e "$root/configs/$1.ini" ] && ! sections | grep -qx "$1"; then
    echo "mpirun -np 2 gan_dist train --preset $1 --shards 2"
    return
  fi
  awk -v title="## $1" '
    /^## / { inside = $0 == title }
    inside && (going_on || /^mpirun /) { going_on = sub(/\\$/, ""); printf "%s", $0; if (!going_on) exit }' "$page"
}

# set_row PRESET ITERATIONS MINUTES (COMPUTING) DISTANCE MACHINE: replaces the row, or adds one to the end of the table
set_row() {
  local row
  row=$(printf '| `%s` | %s | %s %s | %s | %s |' "$@")
  PRESET=$1 ROW=$row awk '
    BEGIN { row = ENVIRON["ROW"]; start = "| `" ENVIRON["PRESET"] "` |" }
    done { print; next }
    index($0, start) == 1 { print row; done = 1; next }
    /^\|/ { in_table = 1 }
    in_table && !/^\|/ { print row; done = 1 }
    { print }' "$docs/gallery.md" >"$docs/gallery.md.new" && mv "$docs/gallery.md.new" "$docs/gallery.md"
}

# make_section PRESET: at the end of the page, where there is none
make_section() {
  ! sections | grep -qx "$1" || return 0
  printf '\n## %s\n```sh\n%s\n```\n%s.\n\n![samples of %s](pictures/%s-samples.png)\n![curves of %s](pictures/%s-curves.png)\n' \
    "$1" "$(command_of "$1")" "$(sed -n '1s/^[#; ]*//p' "$root/configs/$1.ini")" "$1" "$1" "$1" "$1" >"$docs/section.new"
  cat "$docs/section.new" >>"$docs/gallery.md" && rm "$docs/section.new"
}

# ---- one preset

# train PRESET ARGUMENT...: goes on where an earlier start ended; 0 when all iterations are done
train() {
  local preset=$1 run=$runs/$1 status=0 mode=()
  shift
  [ -z "$again" ] || rm -rf --one-file-system "$run"
  [ ! -e "$run/trained" ] || return 0
  [ ! -e "$run/latest.h5" ] || mode=(--resume)
  # A run that has no checkpoint yet has nothing to go on from.
  [ -e "$run/latest.h5" ] || rm -rf --one-file-system "$run"
  # SIGUSR1 is what mpirun passes on: a checkpoint, and exit status 75.
  (cd "$root" && timeout --foreground -s USR1 -k 120 $((60 * minutes)) $quiet_mpirun -np 2 "$program" "$@" --run.dir "$run" \
    ${mode[@]+"${mode[@]}"} >"$runs/$preset.log" 2>&1 </dev/null) || status=$?
  if [ $status -eq 0 ]; then
    touch "$run/trained"
  elif [ -e "$run/latest.h5" ]; then
    echo "gallery.sh: $preset was stopped before its end (exit status $status, $runs/$preset.log); run this again to go on" >&2
  else
    echo "gallery.sh: $preset failed (exit status $status):" >&2
    tail -n 5 "$runs/$preset.log" >&2
  fi
  return $status
}

# numbers_of RUN, as the table shows them: iterations; minutes, and how many of them rank 0 computed on a core, which a busy machine
# makes little longer; the distance of the last evaluation
numbers_of() {
  "$program" inspect "$1/metrics.h5" --json | python3 -c '
import json, sys
metrics = json.load(sys.stdin)
train, last = metrics["train"]["columns"], lambda group, name: metrics[group]["columns"][name]["last"]
iterations, distance = last("train", "iteration"), last("eval", "sliced_wasserstein")
computed = iterations * (train["seconds_compute"]["mean"] + train["seconds_summing"]["mean"])
print("%s %.1f (%.1f) %.3f" % (format(int(iterations), ","), last("train", "seconds") / 60, computed / 60, distance))'
}

show() {
  local preset=$1 run=$runs/$1 pictures=("$runs/$1"/samples-*.png) numbers
  [ -e "${pictures[-1]}" ] || { echo "gallery.sh: $run holds no picture of samples" >&2; return 1; }
  cp "${pictures[-1]}" "$docs/pictures/$preset-samples.png" &&
    "$root/scripts/plot_metrics.py" "$run" -o "$docs/pictures/$preset-curves.png" >/dev/null &&
    numbers=$(numbers_of "$run") || return 1
  set_row "$preset" $numbers "$machine"
  make_section "$preset"
  echo "$preset: iterations, minutes (computing), distance: $numbers"
}

# ---- all that was asked for

[ -z "$all" ] || mapfile -t presets < <(sections)
[ ${#presets[@]} -gt 0 ] || refuse "name presets, or --all"
commands=()
for preset in "${presets[@]}"; do
  command=$(command_of "$preset")
  [[ "$command " == "mpirun -np 2 gan_dist train --preset $preset "* ]] ||
    refuse "$page shows no command of $preset, in a section \"## $preset\" of the form: mpirun -np 2 gan_dist train --preset $preset ..."
  commands+=("${command#mpirun -np 2 gan_dist }${quick:+ --iterations 2 --batch 16 --train.warmup_iterations=0 --eval.samples=32 --eval.projections=8}")
done
if [ -n "$dry_run" ]; then
  for command in "${commands[@]}"; do echo "mpirun -np 2 gan_dist $command"; done
  exit
fi

[ -x "$program" ] || refuse "$program is not there: make builds it"
mkdir -p "$docs/pictures" "$runs"
docs=$(cd "$docs" && pwd) runs=$(cd "$runs" && pwd)
[ -e "$docs/gallery.md" ] || cp "$page" "$docs/gallery.md"
page=$docs/gallery.md
[ -n "$machine" ] || machine="$("$program" info --json | python3 -c '
import json, re, sys
here = json.load(sys.stdin)
name = re.sub(r"\([RTM]+\)|\bCPU\b.*|@.*|\b[0-9]+-Core\b|\bProcessor\b", "", here["cpu"])
print(" ".join(name.split()) + ", %d cores" % here["usable_cores"])')"

status=0
for i in "${!presets[@]}"; do
  read -ra arguments <<<"${commands[i]}"
  train "${presets[i]}" "${arguments[@]}" && show "${presets[i]}" || status=1
done
exit $status
