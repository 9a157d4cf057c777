#!/usr/bin/env bash
# Train recipes one after another on one core, at the lowest priority.
#
#   benchmarks/train_queue.sh CORE RUNS DATA RECIPE=HOURS [RECIPE=HOURS ...]
#
# RECIPE is a recipe file or MODEL/DATASET/VARIANT of a published one; its run
# is the folder of that name in RUNS, with - for /. HOURS is the CPU time of
# the whole run. The same line resumes stopped runs and skips finished ones.
# SIGTERM to the process group saves the run; SIGSTOP and SIGCONT pause it.
set -euo pipefail
core=$1 runs=$2 data=$3
shift 3
mkdir -p "$runs"
export KERAS_BACKEND=${KERAS_BACKEND:-tensorflow} TF_CPP_MIN_LOG_LEVEL=3
export OMP_NUM_THREADS=1
for job in "$@"; do
  recipe=${job%=*} hours=${job##*=}
  case $recipe in
    *.toml) name=$(basename "$recipe" .toml) ;;
    *) name=${recipe//\//-} ;;
  esac
  echo "$(date -u +%FT%TZ) $name, up to $hours CPU hours on core $core"
  taskset -c "$core" nice -n 19 "${PYTHON:-python}" -m msrnn_keras.cli train \
    "$recipe" --out "$runs/$name" --data "$data" --threads 1 --verbose 2 \
    --max-cpu-hours "$hours"
done
