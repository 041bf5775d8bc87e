# Open MPI's switches for one machine; to be sourced:  . scripts/mpi-env.sh
#
# Lets mpirun start more ranks than there are cores, and lets root use it (containers); gives a run that is asked to end
# a minute for its checkpoint before it is killed. On a cluster the scheduler decides all this: do not source it there.
export OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_odls_base_sigkill_timeout=60
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
