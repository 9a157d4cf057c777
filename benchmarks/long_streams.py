"""Measure long forecasts and long streams of the presets.

`python -m benchmarks.long_streams` streams long clips of moving digits and
forecasts long horizons. For each preset it prints the squared error of
one-frame forecasts, summed over the pixels, early and late in the stream; the
growth of the memory between them; and whether long forecasts are finite in
float32 and in mixed_float16. Linux only.

`--json zoo/long_streams.json` also writes the results to the file that
`tools.publishing` reads for the model cards. Presets that were not measured
keep their results.
"""

import argparse
import json
import pathlib

import keras
import numpy as np

import zoo
from benchmarks.attention import resident
from benchmarks.run import markdown
from msrnn_keras.cost.measure.measure import MEBIBYTE
from msrnn_keras.data import MovingMNIST, sample_digits
from msrnn_keras.utils.files import write_atomically
from tools.publishing.tables import read_results

SPANS = ("early", "late")
YES = {True: "yes", False: "no"}
LENGTHS = ("frames", "horizon", "half_horizon", *SPANS)
HEAD = (
    "preset",
    "window",
    "finite, horizon {horizon}",
    "finite, {frames} streamed frames",
    "MSE, frames {early}",
    "MSE, frames {late}",
    "late ÷ early",
    "memory, MiB",
    "mixed_float16: finite, horizon {half_horizon}",
)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_streams")
    add = parser.add_argument
    add("presets", nargs="*", help="MODEL/DATASET/VARIANT; default: all mnist")
    add("--data", help="an mnist.npz; default: the sample digits")
    sizes = {"clips": 8, "frames": 1000, "horizon": 500, "half-horizon": 100}
    for name, default in sizes.items():
        add(f"--{name}", type=int, default=default, help=f"({default})")
    for name, default in (("early", [50, 150]), ("late", [900, 1000])):
        add(f"--{name}", type=int, nargs=2, default=default, metavar="FRAME")
    add("--window", default="auto", help="of the stream: auto, none, a number")
    add("--json", type=pathlib.Path, metavar="PATH", help="file of the results")
    options = parser.parse_args(arguments)
    if options.json and any(
        getattr(options, name) != parser.get_default(name) for name in LENGTHS
    ):
        parser.error(
            f"--json needs the default {', '.join(LENGTHS)}, because the names "
            f"of its results contain them. Received: {options}"
        )
    presets = options.presets or [n for n in zoo.names() if "/mnist/" in n]
    spans = {name: "{}–{}".format(*getattr(options, name)) for name in SPANS}
    rows = [[cell.format(**{**vars(options), **spans}) for cell in HEAD]]
    rows.append(["---"] * len(HEAD))
    print(markdown(rows), flush=True)
    for preset in presets:
        results, growth = measure(preset, options)
        print(markdown([row(preset, results, growth)]), flush=True)
        if options.json:
            revision = zoo.info(*preset.split("/"))["revision"]
            record(options.json, f"{preset}/{revision}", results)


def measure(preset, options):
    """Return the results of a preset and the MiB that a stream took."""
    names = preset.split("/")
    model = zoo.load(*names)
    clips = long_clips(model, options)
    past = clips[:2, : model.context]
    far = model.forecast(past, options.horizon)
    window = {"auto": "auto", "none": None}.get(options.window)
    if options.window.isdecimal():
        window = int(options.window)
    stream = model.stream(window)
    finite, early, late, growth = follow(stream, clips, options)
    half = zoo.load(*names, dtype="mixed_float16")
    near = half.forecast(past[:1], options.half_horizon)
    sample = "the sample digits of `msrnn_keras`"
    results = {
        "window": stream.window,
        "finite_horizon_500": bool(np.isfinite(far).all()),
        "finite_stream_1000": finite,
        "mse_50_150": round(early, 1),
        "mse_900_1000": round(late, 1),
        "finite_float16_100": bool(np.isfinite(near).all()),
        "backend": keras.backend.backend(),
        "clips": options.clips,
        "digits": "all MNIST test digits" if options.data else sample,
        "command": command(preset, options),
    }
    return results, growth


def command(preset, options):
    """Return the command that measures a preset with these options."""
    parts = [f"python -m benchmarks.long_streams {preset}"]
    if options.data:
        parts.append("--data mnist.npz")
    for name in ("clips", "window"):
        parts.append(f"--{name} {getattr(options, name)}")
    return " ".join(parts)


def row(preset, results, growth):
    """Return the row of a preset in the table."""
    early, late = results["mse_50_150"], results["mse_900_1000"]
    return [
        preset,
        str(results["window"] or "all frames"),
        YES[results["finite_horizon_500"]],
        YES[results["finite_stream_1000"]],
        f"{early:.1f}",
        f"{late:.1f}",
        f"{late / early:.2f}",
        f"{growth:+.1f}",
        YES[results["finite_float16_100"]],
    ]


def record(path, revision, results):
    """Add the results of MODEL/DATASET/VARIANT/REVISION to a JSON file."""
    every = {**read_results(path), revision: results}
    text = json.dumps(every, indent=2, sort_keys=True) + "\n"
    write_atomically(path, lambda file: file.write_text(text, "utf-8"))


def long_clips(model, options):
    """Return clips in [0, 1] with one frame more than is streamed."""
    dataset = MovingMNIST(
        "test",
        num_clips=options.clips,
        context=options.frames,
        horizon=1,
        image_shape=model.image_shape[:2],
        path=options.data,
        digits=None if options.data else sample_digits("test"),
    )
    clips = dataset.clips(0, options.clips)
    return np.divide(clips, 255, dtype="float32")


def follow(stream, clips, options):
    """Stream clips; return finiteness, early and late error, and MiB taken."""
    finite, errors = True, {name: [] for name in SPANS}
    for count in range(1, options.frames + 1):
        stream.update(clips[:, count - 1])
        if count == options.early[0]:
            before = resident() / MEBIBYTE
        limits = {name: getattr(options, name) for name in SPANS}
        spans = [n for n, (a, b) in limits.items() if a <= count <= b]
        if not spans and count % 50:
            continue
        forecast = stream.forecast(1)[:, 0]
        finite &= bool(np.isfinite(forecast).all())
        error = np.square(forecast - clips[:, count]).sum(axis=(1, 2, 3))
        for name in spans:
            errors[name].append(error.mean())
    early, late = (float(np.mean(errors[name])) for name in SPANS)
    return finite, early, late, resident() / MEBIBYTE - before


if __name__ == "__main__":
    main()
