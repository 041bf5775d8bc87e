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

run_tests
