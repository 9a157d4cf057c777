"""Peak memory of a training step against the estimate of `msrnn summary`.

`python -m benchmarks.memory` trains each model a few steps in processes of
their own. Measured is the peak of a process's memory less what it held after
the model was built, plus the weights, less the same of a tiny model of the
same kind, which is what Python, the backend and its graph take. `KERAS_BACKEND`
chooses the backend. Linux.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys

import keras
import numpy as np

import msrnn_keras
from msrnn_keras.analysis import training_memory
from msrnn_keras.losses import L1L2

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
STEPS = 3
MEBIBYTE = 2**20


def build(name, size):
    filters, side, _, context, horizon = size
    return msrnn_keras.create(
        name,
        image_shape=(side, side, 1),
        filters=filters,
        context=context,
        horizon=horizon,
    )


def measure(name, size):
    """MiB that training takes, with the weights and all of the backend."""
    model = build(name, size)
    model.compile("adam", loss=L1L2())
    _, side, batch, context, horizon = size
    rng = np.random.default_rng(0)
    shape = (batch, context + horizon, side, side, 1)
    clips = rng.random(shape, dtype="float32")
    before = resident() - 4 * model.count_params()
    for _ in range(STEPS):
        model.train_on_batch(clips[:, :-1], clips[:, context:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return (peak - before) / MEBIBYTE


def resident():
    """Bytes of memory that this process holds now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def in_fresh_processes(name, size, count):
    """The median of `measure` over several processes."""
    command = [sys.executable, "-m", "benchmarks.memory", "--measure"]
    command.append(json.dumps([name, size]))
    results = []
    for _ in range(count):
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        results.append(float(done.stdout.splitlines()[-1]))
    return statistics.median(results)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("models", nargs="*", help="names; else a selection")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(measure(*json.loads(options.measure)))
        return
    print(
        "| backend | model | filters, side, batch, frames "
        "| backend itself, MiB | measured, MiB | estimate, MiB | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in options.models or MODELS:
        own = in_fresh_processes(name, TINY, options.processes)
        for size in SIZES:
            peak = in_fresh_processes(name, size, options.processes) - own
            model = build(name, size)
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
