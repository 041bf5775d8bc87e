#!/usr/bin/env bash
# Every test of the project, on a fresh machine too: installs packages, builds, runs the tests, those of kernels once more
# with AVX-512's instructions emulated, and all again under AddressSanitizer and UndefinedBehaviorSanitizer. The last line is
# "N passed, N failed".
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
if [ "${1:-}" != --fast ]; then
  make -s -j"$(nproc)" BUILD=build/sanitize SANITIZE=1 OPT=-O1 all tests emulated
  passes+=(build/sanitize build/sanitize/emulated)
fi
exec tests/run.sh "${passes[@]}"
