"""ONNX Runtime beside `model.predict`, in float32 and int8.

    KERAS_BACKEND=tensorflow python -m benchmarks.onnx_runtime --data mnist.npz

exports a preset whole and as a step for a loop, quantizes the step by ONNX
Runtime's own tool (weights to int8 when the file is made, maps when it runs;
the tool cannot quantize inside the loop of the whole model), and measures
forecasts of one Moving MNIST test clip and the score of several. Each run has
its own process; the ways alternate. Memory is the peak of the process,
libraries included. Linux only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from examples.onnx_stream import loop

FILES = {
    "ONNX Runtime, float32": "model.onnx",
    "ONNX Runtime, float32, steps": "step.onnx",
    "ONNX Runtime, int8, steps": "int8.onnx",
}
WAYS = ("TensorFlow", *FILES)
HEAD = ("", "forecast, s", "peak, MiB", "file, MB", "MSE", "first forecast, s")


def main():
    options = arguments()
    if options.way:
        return print(json.dumps(measure(options)))
    with tempfile.TemporaryDirectory() as folder:
        prepare(options, Path(folder))
        found = {way: [] for way in WAYS}
        for _ in range(options.repeats):
            for way, results in found.items():
                results.append(apart(way, options, folder))
        from benchmarks.run import markdown  # it imports Keras

        rows = [HEAD, ["---"] * len(HEAD)]
        rows += [row(way, found[way], Path(folder)) for way in WAYS]
        print(markdown(rows))


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_runtime")
    parser.add_argument("--model", default="ms-convlstm/mnist/small")
    parser.add_argument("--data", help="an mnist.npz; default: sample digits")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=WAYS, help="measure in this process")
    parser.add_argument("--folder", help="of the prepared files")
    return parser.parse_args()


def prepare(options, folder):
    """Write the clips and the files, in this process."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    import zoo
    from msrnn_keras import data

    digits = options.data or data.sample_digits("test")
    if options.data:
        digits = data.load_digits("test", options.data)
    model = zoo.load(options.model)
    clips = data.MovingMNIST("test", num_clips=options.clips, digits=digits)
    batches = [clips[i] for i in range(len(clips))]
    past, truth = (np.concatenate(x) for x in zip(*batches, strict=True))
    np.savez(folder / "clips.npz", past=past, truth=truth)
    model.export(folder / "model.onnx", "onnx", verbose=False)
    step, small = folder / "step.onnx", folder / "int8.onnx"
    model.stream().export(step, "onnx", verbose=False)
    # ONNX Runtime has no convolution with signed weights.
    quantize_dynamic(step, small, weight_type=QuantType.QUInt8)


def apart(way, options, folder):
    """Measure a way in a new process."""
    command = [sys.executable, "-m", "benchmarks.onnx_runtime", "--way", way]
    for key in ("model", "steps", "threads"):
        command += [f"--{key}", str(getattr(options, key))]
    threads = {"OMP_NUM_THREADS": str(options.threads)}
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", **threads}
    command += ["--folder", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def measure(options):
    """Return seconds, memory and the score of a way."""
    folder = Path(options.folder)
    with np.load(folder / "clips.npz") as file:
        past, truth = file["past"], file["truth"]
    start = time.perf_counter()
    run = forecaster(options, folder)
    run(past[:1])
    first = time.perf_counter() - start
    seconds = []
    for i in range(options.steps):
        start = time.perf_counter()
        run(past[i : i + 1])
        seconds.append(time.perf_counter() - start)
    peak = peak_memory()
    forecast = np.concatenate([run(past[i : i + 1]) for i in range(len(past))])
    error = np.square(forecast.clip(0, 1) - truth).sum(axis=(2, 3, 4)).mean()
    named = {"seconds": np.median(seconds), "first": first, "peak": peak}
    return {k: float(v) for k, v in {**named, "mse": error}.items()}


def peak_memory():
    """Return the peak of this process in MiB, not of those that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (x for x in lines if x.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def forecaster(options, folder):
    """Return a function from past to future frames."""
    if options.way == "TensorFlow":
        import tensorflow as tf

        import zoo

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        model = zoo.load(options.model)
        return lambda past: model.predict(past, verbose=0)
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    path = folder / FILES[options.way]
    session = onnxruntime.InferenceSession(path, settings)
    if path.name == "model.onnx":
        return lambda past: session.run(None, {"frames": past})[0]
    return lambda past: loop(session, past[0], past.shape[1])[None]


def row(way, results, folder):
    def middle(key):
        return float(np.median([x[key] for x in results]))

    path = folder / FILES.get(way, "-")
    size = f"{path.stat().st_size / 1e6:.1f}" if path.exists() else ""
    first, second = f"{middle('first'):.1f}", f"{middle('seconds'):.3f}"
    return [way, second, f"{middle('peak'):,.0f}", size] + [
        f"{middle('mse'):.2f}",
        first,
    ]


if __name__ == "__main__":
    main()
