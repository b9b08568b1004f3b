#!/usr/bin/env bash
# Parameter files measured on a cluster: the path along checkpoints that some program saved.
#
#   sbatch experiments/slurm/measure.sh MODEL.toml step-*.pt          # into path.jsonl
#
# The other commands that ranks share are started likewise: `losswalk line` and `losswalk verify`.
#SBATCH --job-name=losswalk-path
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --exclusive
#SBATCH --time=02:00:00
#SBATCH --output=path.jsonl
#SBATCH --error=path.log
set -euo pipefail

losswalk=${LOSSWALK:-target/release/losswalk}
launch=${LAUNCH:-srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=${SLURM_CPUS_PER_TASK:-1}}
model=$1
shift
# shellcheck disable=SC2086
exec $launch "$losswalk" path --json --model "$model" "$@"
