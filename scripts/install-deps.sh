#!/usr/bin/env bash
# Installs what gan_dist needs from Debian's packages (Debian 12 and 13, Ubuntu 24.04 and 26.04).
#
#   scripts/install-deps.sh          to build and run
#   scripts/install-deps.sh --test   and to run the tests and draw the plots; the tests of the cluster scripts start
#                                    daemons of their own (Slurm, munge, sshd), and no service of the system
#   scripts/install-deps.sh --only PACKAGE...    just these
#
# Does nothing, quickly, when nothing is missing. Installs as root or through sudo; where neither is possible it prints
# the one line to ask an administrator for, and fails.
set -euo pipefail

packages=(build-essential pkg-config openmpi-bin libopenmpi-dev libopenblas-dev libhdf5-dev hdf5-tools libcmocka-dev
  libdnnl-dev libinih-dev librandom123-dev libjson-c-dev libxxhash-dev libpng-dev zlib1g-dev dataset-fashion-mnist)
if [ "${1:-}" = --test ]; then
  packages+=(python3-h5py python3-matplotlib slurm-wlm munge libsimgrid-dev clang iproute2 openssh-client openssh-server procps file
    debootstrap)
elif [ "${1:-}" = --only ] && [ $# -gt 1 ]; then
  packages=("${@:2}")
elif [ $# -gt 0 ]; then
  echo "usage: scripts/install-deps.sh [--test | --only PACKAGE...]" >&2
  exit 2
fi

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install-deps: this is no Debian or Ubuntu; install what corresponds to: ${packages[*]}" >&2
  exit 1
fi
missing=()
for package in "${packages[@]}"; do is_installed "$package" || missing+=("$package"); done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo)
elif command -v sudo >/dev/null && [ -t 0 ]; then
  as_root=(sudo)
else
  echo "install-deps: packages are missing and this is not root; please ask an administrator for" >&2
  echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

echo "installing ${missing[*]}"
install_missing() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}

# Debian starts the services of what it installs. One that did not run before is not left running; DAEMON:SERVICE.
services=(munged:munge sshd:ssh.socket sshd:ssh slurmctld:slurmctld slurmd:slurmd)
running_daemons() { cat /proc/[0-9]*/comm 2>/dev/null | grep -xE 'munged|sshd|slurmctld|slurmd' | sort -u; }
stop_new_services() {
  local service daemon
  for service in "${services[@]}"; do
    daemon=${service%%:*} service=${service#*:}
    grep -qx "$daemon" <<<"$running_before" && continue
    if [ -d /run/systemd/system ]; then
      systemctl -q is-active "$service" 2>/dev/null || continue
      "${as_root[@]}" systemctl -q disable --now "$service"
    else
      running_daemons | grep -qx "$daemon" || continue
      [ -e "/etc/init.d/$service" ] && "${as_root[@]}" service "$service" stop >/dev/null
    fi || echo "install-deps: could not stop $service, which its package started" >&2
  done
}

# The package lists may be absent or old; they are fetched only when they turn out to be.
running_before=$(running_daemons || true)
install_missing 2>/dev/null || { "${as_root[@]}" apt-get update -q >/dev/null && install_missing; }
stop_new_services
