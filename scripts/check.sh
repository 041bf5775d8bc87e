#!/usr/bin/env bash
# Every test of the project, on a fresh machine too: installs packages, builds, runs the tests, those of kernels once more as
# on lesser CPUs and with AVX-512's instructions emulated, all again under AddressSanitizer and UndefinedBehaviorSanitizer, and
# what has threads under ThreadSanitizer. The last line is "N passed, N failed".
#
#   scripts/check.sh          everything
#   scripts/check.sh --fast   without the sanitizers
set -euo pipefail
case ${1:-} in
  "" | --fast) ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] || [ "$1" = -h ]; exit ;;
esac
cd "$(dirname "$0")/.."

scripts/install-deps.sh --test
make -s -j"$(nproc)" all tests emulated
passes=(build build/emulated)
# As on the lesser kinds of CPU, where this one is none of them.
grep -qw avx512vl /proc/cpuinfo && passes+=(build@avx2)
grep -qw avx2 /proc/cpuinfo && passes+=(build@baseline)
if [ "${1:-}" != --fast ]; then
  export MAKE_TOO="build/sanitize SANITIZE=1 OPT=-O1 all tests emulated
build/tsan tsan"
  passes+=(build/sanitize build/sanitize/emulated build/tsan)
fi
exec tests/run.sh "${passes[@]}"
