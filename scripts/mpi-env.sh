# MPI's switches for one machine; to be sourced:  . scripts/mpi-env.sh
#
# Lets mpirun start more ranks than there are cores, and lets root use it (containers). On a cluster the scheduler decides
# both: do not source it there. MPIRUN names another launcher than mpirun, such as mpiexec.mpich.
#
# For scripts, which all begin with it: $MPIRUN, and $quiet_mpirun without the launcher's own report of a rank that failed
# where it can go without (Open MPI 5 cannot). Both may be several words and are used without quotes.
export MPIRUN="${MPIRUN:-mpirun}"
quiet_mpirun=$MPIRUN
case $(eval "$MPIRUN --version" 2>/dev/null </dev/null) in
  *"(Open MPI) "[1-4].*)
    export OMPI_MCA_rmaps_base_oversubscribe=1
    quiet_mpirun="$MPIRUN -q"
    ;;
  *"(Open MPI) "*) # since version 5 its launcher is PRRTE, with settings of its own
    export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    ;;
  *) ;; # MPICH's takes any number of ranks, from root, too
esac
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
