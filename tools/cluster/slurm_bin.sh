#!/usr/bin/env bash
# A Slurm array in which each task counts the captures of one shard of a plan.
#   tidegauge plan archive/ --shards 8 -o january.plan
#   sbatch --array=0-7 tools/cluster/slurm_bin.sh january.plan shards      # prints the job's number
#   sbatch --dependency=afterok:NUMBER --wrap 'tidegauge merge shards/*.series -o january.series'
# A task that failed or was preempted is run again by the same command: what is in its series file stays in.
#SBATCH --job-name=tidegauge-bin
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --requeue
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: sbatch --array=0-N $0 PLAN FOLDER" >&2; exit 2; }
plan=$1 folder=$2
mkdir -p "$folder"
exec tidegauge bin --plan "$plan" --shard auto -o "$folder/shard-$SLURM_ARRAY_TASK_ID.series" \
  --threads "${SLURM_CPUS_PER_TASK:-0}" --quiet
