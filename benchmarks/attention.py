"""Time and memory of local attention and of a PrecipLSTM layer.

`python -m benchmarks.attention` measures `LocalAttention` on maps of 64×64
and 128×128 pixels, forward and with the gradient, and one training step of a
PrecipLSTM layer. Every figure is measured in its own process: the peak of its
memory minus the memory in use after the same work on a small map. The last
column is the memory of the unfolded keys alone. Linux only.

`--ways` measures small maps with the gradient, scored as a whole and cut into
tiles, alternating in one process.
"""

import argparse
import itertools
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks.run import markdown
from msrnn_keras.backend.xla import xla_is_slow
from msrnn_keras.cells.preciplstm import PrecipLSTMCell
from msrnn_keras.cost.measure.measure import MEBIBYTE
from msrnn_keras.layers.conv_rnn import ConvRNN
from msrnn_keras.layers.local_attention import LocalAttention

FIGURES = [
    *itertools.product(["attention"], (64, 128), ("forward", "gradient")),
    ("layer", 64, "gradient"),
]


class Attention(keras.layers.Layer):
    """Attention of an input plus three maps that are weights."""

    def __init__(self, window, way="__call__"):
        super().__init__()
        self.supports_jit = not xla_is_slow()
        self.attention = getattr(LocalAttention(window), way)

    def build(self, shape):
        self.maps = [
            self.add_weight(shape=shape[1:], initializer="normal")
            for _ in range(3)
        ]

    def call(self, x):
        return self.attention(*(x + m for m in self.maps))


def run(what, size, mode, options):
    """Return a function that does the work once."""
    shape = (size, size, options.channels)
    if what == "layer":
        shape = (options.steps, *shape)
        cell = PrecipLSTMCell(options.channels, attention_window=options.window)
        layer = ConvRNN(cell, return_sequences=True)
    else:
        layer = Attention(options.window)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", loss="mse")
    x = np.random.default_rng(0).random((1, *shape), dtype="float32")
    if mode == "forward":
        return lambda: model.predict_on_batch(x)
    return lambda: model.train_on_batch(x, x)


def measure(what, size, mode, options):
    """Return median seconds and peak memory of this process in MiB."""
    small = run(what, options.small, mode, options)
    for _ in range(2):
        small()
    work = run(what, size, mode, options)
    before = resident()
    seconds = []
    for _ in range(options.runs + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": statistics.median(seconds[1:]),
        "MiB": (peak - before) / MEBIBYTE,
    }


def resident():
    """Return the resident bytes of this process."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def in_fresh_processes(figure, options):
    """Return the medians of `measure` over several processes."""
    command = [sys.executable, "-m", "benchmarks.attention", *sys.argv[1:]]
    command += ["--figure", str(FIGURES.index(figure))]
    results = []
    for _ in range(options.processes):
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return [statistics.median(r[k] for r in results) for k in results[0]]


def compare_ways(options):
    """Print the medians of both ways to score a small map."""
    print("| map | whole, s | tiles, s |\n|---|---|---|")
    for size in (4, 8, 16, 32):
        shape = (size, size, options.channels)
        x = np.ones((options.batch, *shape), "float32")
        models, seconds = [], ([], [])
        for way in ("whole", "tiled"):
            inputs = keras.Input(shape)
            layer = Attention(options.window, way)
            models.append(keras.Model(inputs, layer(inputs)))
            models[-1].compile("sgd", loss="mse")
            models[-1].train_on_batch(x, x)
        for _ in range(options.runs):
            for model, taken in zip(models, seconds, strict=True):
                start = time.perf_counter()
                model.train_on_batch(x, x)
                taken.append(time.perf_counter() - start)
        whole, tiles = (statistics.median(taken) for taken in seconds)
        print(f"| {size}×{size} | {whole:.4f} | {tiles:.4f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention")
    sizes = {"channels": 64, "window": 30, "steps": 5, "small": 32}
    sizes |= {"runs": 5, "processes": 3, "batch": 16}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--figure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ways", action="store_true")
    options = parser.parse_args()
    if options.ways:
        compare_ways(options)
        return
    if options.figure is not None:
        print(json.dumps(measure(*FIGURES[options.figure], options)))
        return
    heads = "backend; what; map; pass; s; peak, MiB; keys unfolded, MiB"
    print(markdown([heads.split("; "), ["---"] * 7]))
    for figure in FIGURES:
        what, size, mode = figure
        seconds, peak = in_fresh_processes(figure, options)
        keys = size**2 * options.channels * options.window**2 * 4 / MEBIBYTE
        row = [keras.backend.backend(), what, f"{size}×{size}", mode]
        row += [f"{seconds:.3f}", f"{peak:.0f}", f"{keys:.0f}"]
        print(markdown([row]), flush=True)


if __name__ == "__main__":
    main()
