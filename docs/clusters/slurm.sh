#!/bin/bash
#SBATCH --job-name=keraunos
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append

# Only who knows this can join the workers; srun hands it on to all of them.
KERAUNOS_TOKEN=$(python3 -c "import secrets; print(secrets.token_hex(32))")
export KERAUNOS_TOKEN
srun --kill-on-bad-exit=0 keraunos fit classify data.train=/data/images run_dir=/runs/first
code=$?
case $code in
  130|138|140|143) is_resumable=true ;;  # the state is saved
  6|137) [ "${SLURM_RESTART_COUNT:-0}" -lt 10 ] && is_resumable=true ;;  # a worker was lost
esac
[ "$is_resumable" ] && scontrol requeue "$SLURM_JOB_ID"
exit $code
