#!/usr/bin/env bash
# Does it work on the distributions that the README names? Makes the user land of each by debootstrap, with nothing in it but
# what the distribution calls its smallest, and does there what a user would: the quick start (a few iterations), training
# at np 1 and 3 with the same bits, resumption on another number of ranks with the same bits, the unit and MPI tests; and
# np 1 and 3, resumption and tests once more with MPICH. "arm64" compiles all for another CPU and runs unit tests in QEMU.
#
#   scripts/check-distributions.sh [--short] [--make-anew] [NAME...]     all by default; --list names them
#   scripts/check-distributions.sh --clean                               removes the user lands that were kept
#
#   --short       quick start at np 3 and resumption at np 1 only: what tests/cli/distributions_test.sh runs
#   --make-anew   takes no user land that was kept
#
# Needs root (chroot, mounts), debootstrap and a mirror: the one in apt's sources, or DEBIAN_MIRROR and UBUNTU_MIRROR.
# User lands are kept under ${GAN_USERLANDS:-${XDG_CACHE_HOME:-~/.cache}/gan_dist/userlands}, for a week and as long as
# there are at most ${GAN_USERLANDS_GB:-8} GB of them. What cannot be had here is skipped with its reason. The last line is
# "N passed, N failed, N skipped"; exit status 1: some failed, 77: none was tried.
set -uo pipefail
cd "$(dirname "$0")/.."

# name, suite, components, keyring
lands=("debian-12 bookworm main debian-archive-keyring"
  "debian-13 trixie main debian-archive-keyring"
  "ubuntu-24.04 noble main,universe ubuntu-archive-keyring"
  "ubuntu-26.04 resolute main,universe ubuntu-archive-keyring"
  "debian-13-arm64 trixie main debian-archive-keyring")

# ---- Inside a user land: check-distributions.sh --inside STEP, in the copy of the repository there

training=(train --preset ring8 --shards 6 --batch 48 --samples.every=0 --checkpoint.every=5)

# on NP PROGRAM ARGUMENT...
on() { timeout -k 5 120 $quiet_mpirun -np "$@"; }

# Two checkpoints have the same tensors, of the same shapes and types: %a writes all bits.
same_bits() {
  local group
  for group in generator critic optimizer; do
    [ "$(h5dump -m %a -g "/$group" "$1" | tail -n +2 | wc -l)" -gt 20 ] || { echo "$1 has no /$group"; return 1; }
    cmp <(h5dump -m %a -g "/$group" "$1" | tail -n +2) <(h5dump -m %a -g "/$group" "$2" | tail -n +2) || return 1
  done
}

inside_install() { scripts/install-deps.sh; }

inside_quickstart() {
  RANKS=3 scripts/quickstart.sh --shards 6 --iterations 12 --run.stop_at 6 --eval.every=0 --run.dir "$work/parts"
  [ $? -eq 75 ] || { echo "quickstart.sh did not end with status 75"; return 1; }
  . scripts/mpi-env.sh
  on 1 ./gan_dist train --preset fashion --shards 6 --iterations 12 --eval.every=0 --run.dir "$work/parts" --resume &&
    on 3 ./gan_dist train --preset fashion --shards 6 --iterations 12 --eval.every=0 --run.dir "$work/whole" &&
    same_bits "$work/parts/latest.h5" "$work/whole/latest.h5"
}

# The README's two lines, to which the MPI library adds no noise.
inside_readme() {
  . scripts/mpi-env.sh
  (cd "$work" && timeout 120 mpirun -np 8 "$OLDPWD/gan_dist" --iterations 20 2>err)
  local status=$?
  cat "$work/err"
  [ $status -eq 0 ] && [ ! -s "$work/err" ]
}

# trains PROGRAM: np 1, np 3, and both in turn
trains() {
  on 1 "$1" "${training[@]}" --iterations 20 --run.dir "$work/np1" &&
    on 3 "$1" "${training[@]}" --iterations 20 --run.dir "$work/np3" || return 1
  on 3 "$1" "${training[@]}" --iterations 20 --run.stop_at 10 --run.dir "$work/turns"
  [ $? -eq 75 ] || { echo "a stop at iteration 10 did not end with status 75"; return 1; }
  on 1 "$1" "${training[@]}" --iterations 20 --run.dir "$work/turns" --resume &&
    same_bits "$work/np1/latest.h5" "$work/np3/latest.h5" && same_bits "$work/np1/latest.h5" "$work/turns/latest.h5"
}
inside_trains() { . scripts/mpi-env.sh && trains ./gan_dist; }

inside_tests() { make -s -j"$(nproc)" all tests; }
inside_unit() { ONLY=unit/ tests/run.sh build; }
inside_mpi() { ONLY=mpi/ tests/run.sh build; }

inside_mpich() {
  scripts/install-deps.sh --only mpich libmpich-dev &&
    make -s -j"$(nproc)" MPICC=mpicc.mpich BUILD=build/mpich all tests || return 1
  export MPIRUN=mpiexec.mpich
  . scripts/mpi-env.sh
  trains build/mpich/gan_dist && ONLY=mpi/ tests/run.sh build/mpich
}

# Open MPI's headers for arm64. Their package asks for a Fortran compiler that runs on arm64, in place of the C compiler for
# arm64 that runs here; so it is unpacked and not installed.
unpack_open_mpi() {
  local library
  library=$(apt-cache depends libopenmpi-dev:arm64 | grep -oE 'libopenmpi[0-9][0-9a-z]*' | head -n 1) &&
    scripts/install-deps.sh --only "$library:arm64" &&
    (cd "$work" && apt-get download -q libopenmpi-dev:arm64 2>/dev/null && dpkg-deb -x libopenmpi-dev*.deb /)
}

# Everything is compiled for arm64 by a compiler that runs here, and QEMU runs the unit tests that came out.
inside_arm64() {
  local packages=(make pkg-config crossbuild-essential-arm64 qemu-user librandom123-dev) name failures=0
  for name in openblas hdf5 cmocka inih json-c xxhash png; do packages+=("lib$name-dev:arm64"); done
  dpkg --add-architecture arm64 && apt-get update -q && scripts/install-deps.sh --only "${packages[@]}" zlib1g-dev:arm64 &&
    unpack_open_mpi || return 1
  export PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig OPENBLAS_NUM_THREADS=1
  make -s -j"$(nproc)" CC=aarch64-linux-gnu-gcc MPI_CFLAGS="$(pkg-config --cflags ompi-c)" MPI_LIBS="$(pkg-config --libs ompi-c)" \
    MPICC=true AR=aarch64-linux-gnu-ar all tests || return 1
  # These look at limits of memory, signals, crashes and /proc, for which QEMU stands between a program and the kernel.
  local not_in_qemu=" backends_test folder_lock_test hdf5_damage_test probe_test thread_test "
  for name in build/tests/unit/*_test; do
    [[ $not_in_qemu == *" ${name##*/} "* ]] && echo "skip $name: about what QEMU does otherwise than the kernel" && continue
    timeout -k 5 60 qemu-aarch64 "$name" >"$work/log" 2>&1
    case $? in
      0) echo "ok $name" ;;
      124 | 137) echo "skip $name: QEMU takes more than a minute for it" ;;
      *)
        echo "not ok $name"
        grep -E 'ERROR|LINE|FAILED' "$work/log" || tail -n 20 "$work/log"
        failures=$((failures + 1))
        ;;
    esac
  done
  [ $failures -eq 0 ]
}

if [ "${1:-}" = --inside ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # What the host's user has set is not there for somebody who has just installed it.
  unset "${!OMPI_@}" "${!PRTE_@}" "${!PMIX_@}" "${!GAN_DIST_@}" MPIRUN quiet_mpirun
  "inside_$2"
  exit
fi

# ---- Outside

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; }
short='' anew='' names=()
cache=${GAN_USERLANDS:-${XDG_CACHE_HOME:-$HOME/.cache}/gan_dist/userlands}
for word in "$@"; do
  case $word in
    --short) short=1 ;;
    --make-anew) anew=1 ;;
    --list) printf '%s\n' "${lands[@]%% *}"; exit ;;
    --clean) [ ! -d "$cache" ] || rm -rf --one-file-system "$cache"; exit ;;
    -h | --help) usage; exit ;;
    *)
      [[ " ${lands[*]%% *} " == *" $word "* ]] || { echo "check-distributions: no \"$word\"; --list names all" >&2; exit 2; }
      names+=("$word")
      ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=("${lands[@]%% *}")

passed=0 failed=0 skipped=0
finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed -eq 0 ] || exit 1
  [ $passed -gt 0 ] || exit 77
  exit 0
}
skip() { echo "skip $1: $2"; skipped=$((skipped + 1)); }
skip_all() {
  local name
  for name in "${names[@]}"; do skip "$name" "$1"; done
  finish
}

[ "$(id -u)" -eq 0 ] || skip_all "making a user land needs root"
command -v debootstrap >/dev/null || skip_all "debootstrap is not installed (scripts/install-deps.sh --only debootstrap)"
# Mounts are made in a namespace of their own, so none is left whatever becomes of this script; nor is a process.
isolated=(unshare --mount --pid --fork --kill-child)
"${isolated[@]}" true 2>/dev/null || skip_all "this container may not make namespaces of its own"
mkdir -p "$cache" || exit 1
chmod 700 "$cache"

# mirror_of debian|ubuntu: where this machine's apt has that distribution from
mirror_of() {
  local variable=${1^^}_MIRROR
  [ -z "${!variable:-}" ] || { echo "${!variable}"; return; }
  grep -hoE "^(URIs:|deb ).*https?://[^[:space:]]*/$1/?([[:space:]]|\$)" /etc/apt/sources.list \
    /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null | grep -oE "https?://[^[:space:]]*/$1/?" >"$cache/mirrors"
  head -n 1 "$cache/mirrors" | grep .
}

# What of the host's settings for apt concerns the way to its mirror.
way_to_mirror() { apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Date|Check-Valid-Until|https?::Timeout) '; }
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ -z "${proxy:-}" ] || export http_proxy=$proxy

# A user land of yesterday serves as well, one of last month would not have today's packages.
is_fresh() { [ -z "$anew" ] && [ -n "$(find "$1/made" -mtime -7 2>/dev/null)" ]; }

# Runs a command for at most $limit seconds, and ends it when this script is ended.
running=''
bounded() {
  timeout -k 1 "$limit" "$@" &
  running=$!
  wait $running
  local status=$?
  running=''
  return $status
}
trap '[ -z "$running" ] || { kill $running && wait $running; } 2>/dev/null' EXIT
trap 'exit 143' INT TERM HUP

# make_land NAME SUITE COMPONENTS KEYRING: in $cache/NAME; whole or not there. Prints the reason why not.
make_land() {
  local name=$1 suite=$2 components=$3 keyring=/usr/share/keyrings/$4.gpg land=$cache/$1 mirror script=()
  is_fresh "$land" && return 0
  mirror=$(mirror_of "${name%%-*}") || { echo "apt's sources name no mirror of ${name%%-*}, nor does a variable"; return 1; }
  [ -e "$keyring" ] || { echo "$keyring is not installed"; return 1; }
  timeout 20 wget -q -t 1 -T 10 -O /dev/null "${mirror%/}/dists/$suite/Release" || { echo "the mirror has no $suite, or does not answer"; return 1; }
  rm -rf --one-file-system "$land" "$land.partial"
  # Suites newer than debootstrap are made like the ones before.
  [ -e "/usr/share/debootstrap/scripts/$suite" ] ||
    { [[ $name == ubuntu* ]] && script=(/usr/share/debootstrap/scripts/jammy) || script=(/usr/share/debootstrap/scripts/sid); }
  bounded debootstrap --variant=minbase --components="$components" --keyring="$keyring" "$suite" "$land.partial" "$mirror" \
    "${script[@]}" >"$cache/$name.log" 2>&1 || { echo "debootstrap: $(tail -n 1 "$cache/$name.log")"; rm -rf --one-file-system "$land.partial"; return 1; }
  way_to_mirror >"$land.partial/etc/apt/apt.conf.d/99host"
  echo 'APT::Keep-Downloaded-Packages "false";' >>"$land.partial/etc/apt/apt.conf.d/99host"
  echo force-unsafe-io >"$land.partial/etc/dpkg/dpkg.cfg.d/unsafe-io"
  rm -f "$land.partial"/var/cache/apt/archives/*.deb
  touch "$land.partial/made"
  mv "$land.partial" "$land"
}

# enter NAME STEP: runs a step in the user land, in a fresh process with nothing of the host's environment
enter() {
  bounded "${isolated[@]}" bash -c '
    set -e
    land=$1
    mount --make-rprivate /
    mount --bind "$land" "$land"
    mount -t proc proc "$land/proc"
    mkdir -p "$land/dev/shm"
    mount -t tmpfs -o size=1g tmpfs "$land/dev/shm"
    mkdir -p "$land/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$land/dev/pts"
    ln -sf pts/ptmx "$land/dev/ptmx"
    mount -o ro,bind /sys "$land/sys"
    exec chroot "$land" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb bash -c \
      "cd /gan_dist && exec scripts/check-distributions.sh --inside \"\$0\"" "$2"' enter "$cache/$1" "$2"
}

# The files of this repository as they are here.
copy_sources() {
  # Nothing of an earlier copy stays, nor what was built from it: files have moved since.
  rm -rf "$1/gan_dist" && mkdir -p "$1/gan_dist" && git ls-files -z | xargs -0 tar -c --ignore-failed-read 2>/dev/null | tar -x -C "$1/gan_dist"
}

# step NAME STEP TITLE: 1 when it failed
step() {
  local log=$cache/$1.log start=$SECONDS status
  enter "$1" "$2" >"$log" 2>&1 </dev/null
  status=$?
  if [ $status -eq 0 ]; then
    echo "ok $1 $3 ($((SECONDS - start)) s)"
    passed=$((passed + 1))
    return 0
  fi
  echo "not ok $1 $3 (exit status $status):"
  tail -n 30 "$log" | sed 's/^/    | /'
  failed=$((failed + 1))
  return 1
}

check_land() {
  local name=$1
  copy_sources "$cache/$name" || { skip "$name" "its copy of the sources could not be written"; return; }
  if [[ $name == *-arm64 ]]; then
    step "$name" arm64 "compiles for arm64, and unit tests pass in QEMU"
    return
  fi
  step "$name" install "installs" || return
  step "$name" quickstart "quick start at np 3, resumption at np 1, the same bits" || return
  [ -z "$short" ] || return
  step "$name" readme "the README's lines"
  step "$name" trains "np 1, np 3, and in turn: the same bits"
  step "$name" tests "compiles the tests" || return
  step "$name" unit "unit tests"
  step "$name" mpi "MPI tests"
  step "$name" mpich "MPICH: np 1, np 3, in turn, MPI tests"
}

# The oldest user lands go while all together are too large; the one that was just used is the last to go.
bound_cache() {
  local most=$((${GAN_USERLANDS_GB:-8} * 1048576)) stamp
  [ ! -e "$cache/$1/made" ] || touch -a "$cache/$1/made"
  ls -1tur "$cache"/*/made 2>/dev/null | while read -r stamp; do
    [ "$(du -sk "$cache" | cut -f 1)" -gt $most ] || return 0
    rm -rf --one-file-system "${stamp%/made}"
  done
}

limit=$([ -n "$short" ] && echo 300 || echo 1800)
exec 9>"$cache/lock"
flock -n 9 || skip_all "another check of distributions is running"
for land in "${lands[@]}"; do
  read -r name suite components keyring <<<"$land"
  [[ " ${names[*]} " == *" $name "* ]] || continue
  # Not in a subshell: the reason is kept beside the land.
  if make_land "$name" "$suite" "$components" "$keyring" >"$cache/reason"; then
    check_land "$name"
  else
    skip "$name" "not to be had here: $(cat "$cache/reason")"
  fi
  bound_cache "$name"
done
finish
