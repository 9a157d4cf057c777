"""Whether long forecasts and long streams of the presets stay useful.

`python -m benchmarks.long_streams` streams long clips of moving digits, side
by side, and forecasts far ahead. It prints a line for each preset: the squared
error of one-frame forecasts, summed over the pixels, early and late in the
stream; how much memory the process took in between; whether long forecasts are
finite in float32 and in mixed_float16. Linux.
"""

import argparse
import pathlib
import resource

import numpy as np

import zoo
from benchmarks.run import markdown
from msrnn_keras.data import MovingMNIST, sample_digits

MEBIBYTE = 2**20
SPANS = ("early", "late")
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
    for name, default in (("early", (50, 150)), ("late", (900, 1000))):
        parser.add_argument(
            f"--{name}", type=int, nargs=2, default=default, metavar="FRAME"
        )
    parser.add_argument(
        "--window", default="auto", help="of the stream: auto, none or a number"
    )
    options = parser.parse_args(arguments)
    presets = options.presets or [n for n in zoo.names() if "/mnist/" in n]
    spans = {name: "{}–{}".format(*getattr(options, name)) for name in SPANS}
    rows = [[cell.format(**{**vars(options), **spans}) for cell in HEAD]]
    rows.append(["---"] * len(HEAD))
    print(markdown(rows), flush=True)
    for preset in presets:
        print(markdown([row(preset, options)]), flush=True)


def row(preset, options):
    """The line of a preset."""
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
    return [
        preset,
        str(stream.window or "all frames"),
        yes(far),
        yes(finite),
        f"{early:.1f}",
        f"{late:.1f}",
        f"{late / early:.2f}",
        f"{growth:+.1f}",
        yes(np.isfinite(near).all()),
    ]


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
