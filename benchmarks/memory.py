"""Peak memory of a training step against the estimate of `msrnn summary`.

`python -m benchmarks.memory` trains each model a few steps in processes of
their own. Measured is the peak of a process's memory less what it held after
the model was built, plus the weights, less the same of a tiny model of the
same kind, which is what Python, the backend and its graph take. `KERAS_BACKEND`
chooses the backend. Linux.
"""

import argparse
import statistics

import keras

import msrnn_keras
from msrnn_keras.cost.estimate import training_memory
from msrnn_keras.cost.measure.measure import MEBIBYTE, Task
from msrnn_keras.cost.measure.processes import run_in_turn
from msrnn_keras.cost.measure.report import Measured

MODELS = (
    "convlstm",
    "ms-convlstm",
    "ms-predrnn",
    "predrnn++",
    "ms-motionrnn",
    "ms-trajgru",
    "ms-preciplstm",
    "ms-mk-lstm",
    "ms-modernn",
)
# Filters, side of a frame, batch, context, horizon.
TINY = (4, 8, 1, 2, 2)
SIZES = ((32, 64, 4, 5, 5), (64, 32, 2, 6, 4))
STEPS = 2  # after the first


def measured(name, size, processes):
    """MiB that training takes, with the weights and all of the backend."""
    filters, side, batch, context, horizon = size
    options = {
        "image_shape": (side, side, 1),
        "filters": filters,
        "context": context,
        "horizon": horizon,
    }
    backend = keras.backend.backend()
    task = Task(name, "step", options, batch, STEPS, 0, backend)
    (results,) = run_in_turn([task], processes)
    found = Measured(name, backend, results)
    if found.errors:
        raise SystemExit(found.errors[0])
    model = msrnn_keras.create(name, **options)
    peak = statistics.median(found.values("step_peak_mib"))
    return peak + 4 * model.count_params() / MEBIBYTE, model


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("models", nargs="*", help="names; else a selection")
    parser.add_argument("--processes", type=int, default=3)
    options = parser.parse_args()
    print(
        "| backend | model | filters, side, batch, frames "
        "| backend itself, MiB | measured, MiB | estimate, MiB | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in options.models or MODELS:
        own, _ = measured(name, TINY, options.processes)
        for size in SIZES:
            peak, model = measured(name, size, options.processes)
            peak -= own
            estimate = training_memory(model, size[2]).total / MEBIBYTE
            print(
                f"| {keras.backend.backend()} | {name} "
                f"| {', '.join(map(str, size[:3]))}, {size[3]} → {size[4]} "
                f"| {own:.0f} | {peak:.0f} | {estimate:.0f} "
                f"| {estimate / peak:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
