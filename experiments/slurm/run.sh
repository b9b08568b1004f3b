#!/usr/bin/env bash
# An experiment on a cluster: a rank on each node, with all its cores.
#
#   sbatch experiments/slurm/run.sh EXPERIMENT.toml [ARGUMENTS OF losswalk run]
#   sbatch --nodes=1 --ntasks-per-node=2 --cpus-per-task=16 experiments/slurm/run.sh ...   # one machine
#
# Submit it again when the time was up: the run goes on, with any number of nodes. The experiment, the
# data and the run folder must be seen by every node under the same names. LOSSWALK is the program,
# LAUNCH what starts it (mpirun where there is no srun).
#SBATCH --job-name=losswalk
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --exclusive
#SBATCH --time=08:00:00
#SBATCH --signal=TERM@120
set -euo pipefail

losswalk=${LOSSWALK:-target/release/losswalk}
experiment=$1
shift
out=runs/$(basename "$experiment" .toml)
# srun passes on SIGTERM, which Slurm sends 120 s before the end: losswalk writes a checkpoint and stops.
# A rank that dies takes the others with it. --cpus-per-task is asked for again: srun does not inherit it.
launch=${LAUNCH:-srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=${SLURM_CPUS_PER_TASK:-1}}

resume=()
[ ! -e "$out/manifest.json" ] || resume=(--resume)
# shellcheck disable=SC2086
exec $launch "$losswalk" run "$experiment" --out "$out" "${resume[@]}" "$@"
