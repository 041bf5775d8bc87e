#!/usr/bin/env bash
# Today's Debian has Open MPI 5, HDF5 1.14 and oneDNN 3, which this machine's may not be.
. "$(dirname "$0")/support.sh"

# switches_of VERSION: what mpi-env.sh makes of an mpirun that says this of itself: the quiet launcher, then the environment
switches_of() {
  printf '#!/bin/sh\necho "%s"\n' "$1" >launcher && chmod +x launcher
  env -i PATH="$PATH" MPIRUN="$PWD/launcher" sh -c '. "$0" && echo "quiet: $quiet_mpirun" && env' "$ROOT/scripts/mpi-env.sh" >out
}
test_the_switches_are_those_of_the_mpirun_there_is() {
  local old='^OMPI_MCA_rmaps_base_oversubscribe=1$' new='^PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe$'
  switches_of 'mpirun (Open MPI) 4.1.4' && says out 'quiet: .*/launcher -q$' && says out "$old" && ! grep -q PRTE_ out || return 1
  switches_of 'mpirun (Open MPI) 5.0.7' && says out 'quiet: .*/launcher$' && says out "$new" && ! grep -q OMPI_MCA_ out || return 1
  switches_of 'mpirun (Open MPI) 10.0.0' && says out 'quiet: .*/launcher$' && says out "$new" || return 1
  switches_of 'HYDRA build details:' && says out 'quiet: .*/launcher$' && ! grep -q _MCA_ out
}

# run: slow
test_a_bare_debian_13_trains_and_resumes_on_other_ranks_with_the_same_bits() {
  [ "${BUILD:-build}" = build ] || { note "the distribution's compiler makes a build of its own: tested once"; return 77; }
  timeout -k 20 700 "$ROOT/scripts/check-distributions.sh" --short debian-13 >out 2>&1
  local status=$?
  sed 's/^/    /' out
  return $status
}

run_tests
