#!/usr/bin/env bash
# From a fresh clone to a trained GAN in one command: installs packages, builds, and has 8 MPI processes train a
# Wasserstein GAN on Fashion-MNIST. Ends with the run's summary and the path of a picture of samples.
#
#   scripts/quickstart.sh [options of gan_dist train]     for example: scripts/quickstart.sh --iterations 200
#
# RANKS=4 scripts/quickstart.sh starts another number of processes.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh
echo "building"
make -s -j"$(nproc)" all
. scripts/mpi-env.sh
exec $quiet_mpirun -np "${RANKS:-8}" ./gan_dist train --preset fashion "$@"
