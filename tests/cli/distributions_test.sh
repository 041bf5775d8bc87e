#!/usr/bin/env bash
# Today's Debian has Open MPI 5, HDF5 1.14 and oneDNN 3, which this machine's may not be.
. "$(dirname "$0")/support.sh"

test_a_bare_debian_13_trains_and_resumes_on_other_ranks_with_the_same_bits() {
  [ "${BUILD:-build}" = build ] || { note "the distribution's compiler makes a build of its own: tested once"; return 77; }
  timeout -k 20 700 "$ROOT/scripts/check-distributions.sh" --short debian-13 >out 2>&1
  local status=$?
  sed 's/^/    /' out
  return $status
}

run_tests
