"""Peak memory of a training step beside the estimate of `msrnn summary`.

`python -m benchmarks.memory` trains each model a few steps in its own
processes. The measurement is the peak above the memory in use once the model
was built, plus the weights, minus the same of a tiny model of that kind: the
memory of Python, the backend and its graph. `KERAS_BACKEND` selects the
backend. Linux only.
"""

import argparse
import statistics

import keras

import msrnn_keras
from benchmarks.run import markdown
from msrnn_keras.cost.estimate import training_memory
from msrnn_keras.cost.measure.measure import MEBIBYTE, Task
from msrnn_keras.cost.measure.processes import run_in_turn
from msrnn_keras.cost.measure.report import Measured

MODELS = (
    "convlstm ms-convlstm ms-predrnn predrnn++ ms-motionrnn ms-trajgru "
    "ms-preciplstm ms-mk-lstm ms-modernn"
).split()
# Filters, side of a frame, batch, context, horizon.
TINY = (4, 8, 1, 2, 2)
SIZES = ((32, 64, 4, 5, 5), (64, 32, 2, 6, 4))
STEPS = 2  # after the first


def measured(name, size, processes):
    """Return the MiB of training with weights and backend; and the model."""
    filters, side, batch, context, horizon = size
    options = {"image_shape": (side, side, 1), "filters": filters}
    options |= {"context": context, "horizon": horizon}
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
    parser.add_argument("models", nargs="*", help="names; default: a selection")
    parser.add_argument("--processes", type=int, default=3)
    options = parser.parse_args()
    heads = (
        "backend; model; filters, side, batch, frames; backend itself, MiB; "
    )
    heads += "measured, MiB; estimate, MiB; ratio"
    print(markdown([heads.split("; "), ["---"] * 7]))
    for name in options.models or MODELS:
        own, _ = measured(name, TINY, options.processes)
        for size in SIZES:
            peak, model = measured(name, size, options.processes)
            peak -= own
            estimate = training_memory(model, size[2]) / MEBIBYTE
            sizes = f"{', '.join(map(str, size[:3]))}, {size[3]} → {size[4]}"
            row = [keras.backend.backend(), name, sizes, f"{own:.0f}"]
            row += [f"{peak:.0f}", f"{estimate:.0f}", f"{estimate / peak:.2f}"]
            print(markdown([row]), flush=True)


if __name__ == "__main__":
    main()
