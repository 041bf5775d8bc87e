# Open MPI's switches for one machine; to be sourced:  . scripts/mpi-env.sh
#
# Lets mpirun start more ranks than there are cores, and lets root use it (containers). On a cluster the scheduler decides
# both: do not source it there.
export OMPI_MCA_rmaps_base_oversubscribe=1
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
