"""Does an exported file forecast what the model forecasts?

    python -m benchmarks.export --models ms-predrnn tau

exports each architecture from TensorFlow at its published width, runs the files
and prints the largest difference to `model.predict`. Each model has its own
process. Biases are random, so that no part of a model is idle.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = ((64, 64), (50, 70), (100, 100))
FORMATS = {"tf_saved_model": "", "onnx": ".onnx"}
COLUMNS = (
    "model",
    "size",
    "format",
    "max difference",
    "max forecast",
    "export, s",
    "file, MB",
)


def main():
    options = arguments()
    if options.one:
        return compare(options.one, options)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in options.models or architectures():
        command = [sys.executable, "-m", "benchmarks.export", "--one", name]
        for key in ("context", "horizon"):
            command += [f"--{key}", str(getattr(options, key))]
        if options.scales:
            command += ["--scales", *map(str, options.scales)]
        done = subprocess.run(command, capture_output=True, text=True)
        rows = [x for x in done.stdout.splitlines() if x.startswith("| ")]
        print("\n".join(rows), flush=True)
        if done.returncode:
            print(f"{name}: {done.stderr[-1000:]}", file=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", help="default: all")
    parser.add_argument("--context", type=int, default=4)
    parser.add_argument("--horizon", type=int, default=4)
    parser.add_argument("--scales", type=int, nargs="+", help="of a stack")
    parser.add_argument("--one", help="a model, in this process")
    return parser.parse_args()


def architectures():
    from msrnn_keras.models.architectures import ARCHITECTURES

    return list(ARCHITECTURES)


def compare(name, options):
    """Print the rows of one architecture."""
    import keras

    import msrnn_keras

    if keras.backend.backend() != "tensorflow":
        raise SystemExit("Set KERAS_BACKEND=tensorflow.")
    keras.utils.set_random_seed(1)
    sizes = {"context": options.context, "horizon": options.horizon}
    if options.scales:
        sizes["scales"] = tuple(options.scales)
    model = None
    for size in SIZES:
        if model is None or not model.any_size:
            shape = (*size, 1)
            model = msrnn_keras.create(name, image_shape=shape, **sizes)
            with_biases(model)
            exported = {x: export(model, x) for x in FORMATS}
        report(name, model, size, exported)


def with_biases(model):
    import numpy as np

    rng = np.random.default_rng(1)
    arrays = [
        w + 0.2 * rng.normal(size=w.shape) if w.ndim == 1 else w
        for w in model.get_weights()
    ]
    model.set_weights(arrays)


def export(model, format):
    """Return a function that forecasts by a new file, seconds and MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{FORMATS[format]}"
        start = time.perf_counter()
        model.export(path, format, verbose=False)
        seconds = time.perf_counter() - start
        files = [path, *path.rglob("*")]
        megabytes = sum(x.stat().st_size for x in files if x.is_file()) / 1e6
        return runner(path, format), seconds, megabytes


def runner(path, format):
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        return lambda frames: session.run(None, {"frames": frames})[0]
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda frames: loaded.serve(frames).numpy()


def report(name, model, size, exported):
    import numpy as np

    shape = (2, model.context, *size, model.image_shape[-1])
    frames = np.random.default_rng(0).random(shape, dtype="float32")
    expected = model.predict(frames, verbose=0)
    for format, (run, seconds, megabytes) in exported.items():
        difference = np.abs(run(frames) - expected).max()
        row = (name, "×".join(map(str, size)), format)
        row += (f"{difference:.1e}", f"{np.abs(expected).max():.2f}")
        row += (f"{seconds:.1f}", f"{megabytes:.1f}")
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
