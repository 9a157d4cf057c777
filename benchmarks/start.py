"""Seconds from starting Python to the first forecast of a preset.

`python -m benchmarks.start` times processes that load a preset and forecast
once from noise, on each backend in turn.
"""

import argparse
import os
import subprocess
import sys
import time

from benchmarks.run import markdown
from msrnn_keras.cost.measure.processes import check_backend
from msrnn_keras.cost.measure.report import spread

CODE = """
import sys
import numpy as np
import zoo
model = zoo.load(*sys.argv[1:])
shape = (1, model.context, *model.image_shape)
model.predict(np.random.default_rng(0).random(shape, "float32"), verbose=0)
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start")
    parser.add_argument("--model", default="ms-convlstm")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--backends", nargs="+", default=["tensorflow"])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    for backend in options.backends:
        check_backend(backend)
    seconds = {backend: [] for backend in options.backends}
    for _ in range(options.repeats):
        for backend, times in seconds.items():
            times.append(start(options.model, options.dataset, backend))
    rows = [["backend", "to the first forecast, s"], ["---"] * 2]
    rows += [[b, f"{spread(times):.1f}"] for b, times in seconds.items()]
    print(markdown(rows))


def start(model, dataset, backend):
    """Time a process that loads the preset and forecasts."""
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", CODE, model, dataset],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
