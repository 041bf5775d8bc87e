# What one process does by itself, without MPI and whatever its standard descriptors are.
. "$(dirname "$0")/support.sh"

# A setting with which the MPI library cannot start.
breaks_mpi="OMPI_MCA_pml=none_of_these"

test_only_what_ranks_share_starts_mpi() {
  local words
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run -q || return 1
  python3 -c 'import struct; open("data.idx", "wb").write(struct.pack(">BBBBIII", 0, 0, 8, 3, 4, 2, 2) + bytes(16))'
  timeout 60 env $breaks_mpi "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir other -q >out 2>err &&
    skip "this MPI library has no setting with which it cannot start"
  [ ! -e other ] || { note "MPI was started after all"; return 1; }
  for words in config 'config --list layers' 'config --memory --np 4' 'inspect run/latest.h5' 'inspect run/metrics.h5 --json' \
    'sample run/latest.h5 -o a.png' 'loss wasserstein --real 1 --fake 2' info 'info --json' help 'help train' --help --version \
    'convert data.idx -o images.h5'; do
    # shellcheck disable=SC2086 # words
    run 0 env $breaks_mpi "$PROGRAM" $words && [ ! -s err ] && [ -s out ] || { note "$words"; return 1; }
  done
  # Nor do mistakes in the words of any subcommand.
  for words in 'train --batch=many' 'benchmark --nothing' 'trian'; do
    # shellcheck disable=SC2086 # words
    run 2 env $breaks_mpi "$PROGRAM" $words && one_message || { note "$words"; return 1; }
  done
}
# Each would print otherwise.
test_ranks_of_mpirun_find_each_other_in_all_subcommands() {
  local words
  for words in config help --version info 'loss wasserstein --real 1 --fake 2'; do
    # shellcheck disable=SC2086 # words
    run 0 "$PROGRAM" $words && grep -v '^ranks' out >single && run 0 mpi 2 $words && grep -v '^ranks' out >double || return 1
    [ "$(wc -l <single)" -eq "$(wc -l <double)" ] || { note "$words is printed twice"; return 1; }
  done
}
# Whoever closes them wants to hear nothing; what MPI or a file opens must not get their numbers.
test_closed_standard_descriptors_are_nobodys() {
  local number
  "$PROGRAM" train "${tiny[@]}" --iterations 2000000 --checkpoint.every=10 --run.dir run <&- >&- 2>&- &
  wait_until 60 past run 0 || { kill -KILL $!; return 1; }
  for number in 0 1 2; do readlink "/proc/$!/fd/$number" >>descriptors; done
  kill -TERM $!
  wait $!
  [ $? -eq 75 ] && [ "$(uniq -c descriptors | sed 's/^ *//')" = "3 /dev/null" ] || { cat descriptors; return 1; }
  "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir whole <&- >&- 2>&- && [ -e "$(checkpoint_name whole 2)" ] || return 1
  # One that is open stays what it is.
  "$PROGRAM" --version <&- 2>&- >out && says out '^gan_dist [0-9]' && "$PROGRAM" sample run/latest.h5 -o a.h5 >&- && [ -s a.h5 ]
}

run_tests
