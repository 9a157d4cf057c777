"""Whether long forecasts and long streams of the presets stay useful.

`python -m benchmarks.long_streams` streams long clips of moving digits, side
by side, and forecasts far ahead. It prints a line for each preset: the squared
error of one-frame forecasts, summed over the pixels, early and late in the
stream; how much memory the process took in between; whether long forecasts are
finite in float32 and in mixed_float16. Linux.

`--json zoo/long_streams.json` also writes the figures to the file from which
`tools.publishing` writes the model cards. Presets that were not measured keep
their figures.
"""

import argparse
import json
import pathlib
import resource

import keras
import numpy as np

import zoo
from benchmarks.run import markdown
from msrnn_keras.data import MovingMNIST, sample_digits
from msrnn_keras.utils.files import write_atomically
from tools.publishing.long_streams import read_figures

MEBIBYTE = 2**20
SPANS = ("early", "late")
DIGITS = {
    True: "all MNIST test digits",
    False: "the sample digits of `msrnn_keras`",
}
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
    parser.add_argument("presets", nargs="*", help="MODEL/DATASET/VARIANT; all")
    parser.add_argument("--data", help="an mnist.npz; else the sample digits")
    parser.add_argument("--clips", type=int, default=8, help="at a time (8)")
    for name, default in (
        ("frames", 1000),
        ("horizon", 500),
        ("half-horizon", 100),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, help=f"({default})"
        )
    for name, default in (("early", [50, 150]), ("late", [900, 1000])):
        parser.add_argument(
            f"--{name}", type=int, nargs=2, default=default, metavar="FRAME"
        )
    parser.add_argument(
        "--window", default="auto", help="of the stream: auto, none or a number"
    )
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        metavar="PATH",
        help="also write the figures to this file",
    )
    options = parser.parse_args(arguments)
    if options.json and any(
        getattr(options, name) != parser.get_default(name) for name in LENGTHS
    ):
        parser.error(
            f"--json needs the default {', '.join(LENGTHS)}, which its figures "
            f"are named after. Received: {options}"
        )
    presets = options.presets or [n for n in zoo.names() if "/mnist/" in n]
    spans = {name: "{}–{}".format(*getattr(options, name)) for name in SPANS}
    rows = [[cell.format(**{**vars(options), **spans}) for cell in HEAD]]
    rows.append(["---"] * len(HEAD))
    print(markdown(rows), flush=True)
    for preset in presets:
        figures, growth = measure(preset, options)
        print(markdown([row(preset, figures, growth)]), flush=True)
        if options.json:
            revision = zoo.info(*preset.split("/"))["revision"]
            record(options.json, f"{preset}/{revision}", figures)


def measure(preset, options):
    """Return the figures of a preset and the MiB that a stream took."""
    names = preset.split("/")
    model = zoo.load(*names)
    clips = long_clips(model, options)
    past = clips[:2, : model.context]
    far = np.isfinite(model.forecast(past, options.horizon)).all()
    window = {"auto": "auto", "none": None}.get(options.window)
    if options.window.isdecimal():
        window = int(options.window)
    stream = model.stream(window)
    finite, early, late, growth = follow(stream, clips, options)
    half = zoo.load(*names, dtype="mixed_float16")
    near = half.forecast(past[:1], options.half_horizon)
    figures = {
        "window": stream.window,
        "finite_horizon_500": bool(far),
        "finite_stream_1000": finite,
        "mse_50_150": round(early, 1),
        "mse_900_1000": round(late, 1),
        "finite_float16_100": bool(np.isfinite(near).all()),
        "backend": keras.backend.backend(),
        "clips": options.clips,
        "digits": DIGITS[bool(options.data)],
        "command": command(preset, options),
    }
    return figures, growth


def command(preset, options):
    """Return the command that measures a preset with these options."""
    parts = [f"python -m benchmarks.long_streams {preset}"]
    if options.data:
        parts.append("--data mnist.npz")
    for name in ("clips", "window"):
        parts.append(f"--{name} {getattr(options, name)}")
    return " ".join(parts)


def row(preset, figures, growth):
    """Return the line of a preset in the table."""
    early, late = figures["mse_50_150"], figures["mse_900_1000"]
    return [
        preset,
        str(figures["window"] or "all frames"),
        yes(figures["finite_horizon_500"]),
        yes(figures["finite_stream_1000"]),
        f"{early:.1f}",
        f"{late:.1f}",
        f"{late / early:.2f}",
        f"{growth:+.1f}",
        yes(figures["finite_float16_100"]),
    ]


def record(path, revision, figures):
    """Write the figures of a preset revision into a JSON file of them all.

    Args:
        path: `pathlib.Path` of the file; it need not exist.
        revision: String, MODEL/DATASET/VARIANT/REVISION.
        figures: Dict.
    """
    every = {**read_figures(path), revision: figures}
    text = json.dumps(every, indent=2, sort_keys=True) + "\n"
    write_atomically(path, lambda file: file.write_text(text, "utf-8"))


def long_clips(model, options):
    """Clips of one frame more than is streamed, floats from 0 to 1."""
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
    """Stream clips; whether all is finite, both errors, and MiB taken."""
    finite, errors = True, {name: [] for name in SPANS}
    for count in range(1, options.frames + 1):
        stream.update(clips[:, count - 1])
        if count == options.early[0]:
            before = resident()
        spans = [n for n in SPANS if within(count, getattr(options, n))]
        if not spans and count % 50:
            continue
        forecast = stream.forecast(1)[:, 0]
        finite &= bool(np.isfinite(forecast).all())
        error = np.square(forecast - clips[:, count]).sum(axis=(1, 2, 3))
        for name in spans:
            errors[name].append(error.mean())
    early, late = (float(np.mean(errors[name])) for name in SPANS)
    return finite, early, late, resident() - before


def within(count, span):
    return span[0] <= count <= span[1]


def resident():
    """MiB of memory that this process holds now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MEBIBYTE


def yes(value):
    return "yes" if value else "no"


if __name__ == "__main__":
    main()
