"""Memory of a process that loads a model, forecasts, and drops it again.

    python -m benchmarks.loading --count 1000

prints the resident memory each time a tenth of the models has come and gone.
The model is a small `ms-convlstm`, saved as a preset.
`KERAS_BACKEND` selects the backend. Linux only.
"""

import argparse
import gc
import re
import tempfile
import time
from pathlib import Path

import numpy as np

import msrnn_keras
import zoo

SIZES = {"image_shape": (16, 16, 1), "context": 2, "horizon": 2, "filters": 4}


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading")
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    part, start = max(1, count // 10), time.perf_counter()
    print("| models | resident, MiB | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder, "preset")
        model = msrnn_keras.create("ms-convlstm", scales=(1, 2, 1), **SIZES)
        model.save_to_preset(preset)
        for number in range(1, count + 1):
            zoo.load(preset).forecast(np.zeros((1, 2, 16, 16, 1), "float32"))
            if number == 1 or number % part == 0:
                row = number, resident(), round(time.perf_counter() - start)
                print("|", *(f"{x} |" for x in row), flush=True)


def resident():
    """Return the resident memory of the process in MiB."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


if __name__ == "__main__":
    main()
