#!/usr/bin/env bash
# An experiment on GPUs: a rank for each. The program is built with --features mpi,cuda.
#
#   sbatch experiments/slurm/gpu.sh EXPERIMENT.toml [ARGUMENTS OF losswalk run]
#   sbatch --nodes=2 --ntasks-per-node=8 --gres=gpu:8 experiments/slurm/gpu.sh ...            # 16 GPUs
#
# Each rank takes one of the GPUs that it sees on its node, in turn. For the rest see run.sh, which this
# calls.
#SBATCH --job-name=losswalk-gpu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --signal=TERM@120
set -euo pipefail

# Slurm runs a copy of this script: what is beside it is found from where it was submitted.
experiment=$1
shift
exec bash "${SLURM_SUBMIT_DIR:-.}/experiments/slurm/run.sh" "$experiment" --device "${DEVICE:-cuda}" "$@"
