# What the other tests are run with is made by one compiler; others have other warnings, and other reasons to be right.
# (run: slow)
. "$(dirname "$0")/support.sh"
limit=${LIMIT:-600}

# Without optimisation, which takes half a minute of one core; `make clang` is the whole, with all tests.
test_clang_has_no_warning_and_its_kernels_layers_and_files_are_right() {
  local test clang=$PWD/clang
  plain_build_only "clang is tried once, beside the plain build"
  command -v clang >/dev/null || skip "clang is missing: scripts/install-deps.sh --test"
  run 0 env -u MAKEFLAGS CFLAGS=-Werror make -s -C "$ROOT" -j2 CC=clang BUILD="$clang" OPT=-O0 all tests || return 1
  for test in kernels convolution layers tangent optimizer random checkpoint metrics; do
    (cd "$ROOT" && OPENBLAS_NUM_THREADS=1 timeout "$limit" "$clang/tests/unit/${test}_test" >"$clang/$test.log" 2>&1) ||
      { cat "$clang/$test.log"; return 1; }
  done
  PROGRAM=$clang/gan_dist
  run 0 mpi 1 train "${tiny[@]}" --iterations 6 --run.dir np1 && run 0 mpi 3 train "${tiny[@]}" --iterations 6 --run.dir np3 &&
    same_state "$(checkpoint_name np1 6)" "$(checkpoint_name np3 6)"
}

run_tests
