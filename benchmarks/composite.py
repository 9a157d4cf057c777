"""Time and peak memory of forecasts of whole radar composites.

`python -m benchmarks.composite` forecasts 12 frames from 6, batch 1, with an
untrained `Lagrangian` ms-convlstm (32 filters, patch 2, residual, masked), and
splits the time into the optical flow, the moves along it and the network with
the rest. Each size runs in its own process. The peak is that of the process, in
MiB, above the memory in use once the model was built. `KERAS_BACKEND` selects
the backend. Linux only.
"""

import argparse
import contextlib
import functools
import multiprocessing
import statistics
import time

import keras
import numpy as np

import msrnn_keras
from benchmarks.run import markdown
from msrnn_keras.cost.measure.device import PeakMemory
from msrnn_keras.cost.measure.measure import MEBIBYTE
from msrnn_keras.utils import motion

SIZES = ((382, 350), (765, 700))
CONTEXT, HORIZON = 6, 12
PARTS = {"flow": "motion_field", "moves": "advect"}
HEADS = "pixels; total, s; flow, s; moves, s; network and rest, s; peak, MiB"


def composite(height, width):
    """Return a clip of blurred showers that move right and down."""
    noise = np.random.default_rng(0).random((height, width), "float32")
    showers = motion.blurred(noise[None, ..., None], 6)[0]
    showers = np.clip(10 * (showers - showers.mean()), 0, 1)
    steps = range(CONTEXT)
    clip = [np.roll(showers, (step, 2 * step), (0, 1)) for step in steps]
    return np.stack(clip)[None].astype("float32")


@contextlib.contextmanager
def timed(spent):
    """Add the seconds in the functions of `utils.motion` to a dict."""

    def wrapped(part, function):
        @functools.wraps(function)
        def timer(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            spent[part] += time.perf_counter() - start
            return result

        return timer

    functions = {name: getattr(motion, name) for name in PARTS.values()}
    for part, name in PARTS.items():
        setattr(motion, name, wrapped(part, functions[name]))
    try:
        yield
    finally:
        for name, function in functions.items():
            setattr(motion, name, function)


def measured(size, repeats):
    """Return the medians of seconds of total, flow and moves; and the peak."""
    stack = msrnn_keras.create(
        "ms-convlstm",
        image_shape=(*size, 1),
        context=CONTEXT,
        horizon=HORIZON,
        filters=32,
        patch_size=2,
        residual=True,
        missing="mask",
    )
    model, past = msrnn_keras.Lagrangian(stack), composite(*size)
    memory, rows = PeakMemory(), []
    for _ in range(repeats + 1):
        spent = dict.fromkeys(PARTS, 0.0)
        start = time.perf_counter()
        with timed(spent):
            model.forecast(past)
        rows.append((time.perf_counter() - start, *spent.values()))
    columns = zip(*rows[1:], strict=True)  # the first compiles
    return list(map(statistics.median, columns)), memory.peak() / MEBIBYTE


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.composite")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", nargs="*", help="HEIGHTxWIDTH")
    options = parser.parse_args(arguments)
    sizes = [tuple(map(int, x.split("x"))) for x in options.sizes or ()]
    print(f"{keras.backend.backend()}, median of {options.repeats}")
    print(markdown([HEADS.split("; "), ["---"] * 6]))
    context = multiprocessing.get_context("spawn")
    for size in sizes or SIZES:
        with context.Pool(1) as pool:
            times, memory = pool.apply(measured, (size, options.repeats))
        total, flow, moves = times
        row = [f"{size[0]}×{size[1]}", f"{memory:.0f}"]
        seconds = (total, flow, moves, total - flow - moves)
        row[1:1] = [f"{x:.2f}" for x in seconds]
        print(markdown([row]), flush=True)


if __name__ == "__main__":
    main()
