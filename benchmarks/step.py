"""Training step of a zoo model against the bare Keras loop it is made of.

`python -m benchmarks.step` times one optimizer step of the small MS-ConvLSTM
(or of `--filters`, `--patch-size`, `--batch-size`) and the same step of a
plain `keras.layers.RNN` around the same convolutions: no padding, no patches,
no scheduled sampling, no checks. The two are timed in turn, after a first
call, and the ratio of each pair is reported with its spread.
"""

import argparse
import json
import statistics
import time

import keras
import numpy as np
from keras import ops

import msrnn_keras
from msrnn_keras.losses import L1L2
from msrnn_keras.wiring import sources


class BareStep(keras.layers.Layer):
    """The same convolutions as one whole-step cell, and nothing else."""

    def __init__(self, filters, channels, size, scales):
        super().__init__()
        conv = keras.layers.Conv2D
        self.supports_jit = msrnn_keras.ConvLSTMCell(1).supports_jit
        self.filters, self.size, self.scales = filters, size, scales
        self.embed = conv(filters, 1)
        self.head = conv(channels, 1)
        self.x = [conv(4 * filters, 3, padding="same") for _ in scales]
        self.h = [conv(4 * filters, 3, padding="same") for _ in scales]
        self.state_size = [1] * (2 * len(scales) + 1)
        self.output_size = 1
        self.channels = channels

    def build(self, shape):
        self.embed.build((None, *self.size, self.channels))
        self.head.build((None, *self.size, self.filters))
        for layer in (*self.x, *self.h):
            layer.build((None, *self.size, self.filters))

    def get_initial_state(self, batch_size=None):
        maps = [
            ops.zeros((batch_size, *(n // s for n in self.size), self.filters))
            for s in self.scales
            for _ in "hc"
        ]
        frame = ops.zeros((batch_size, *self.size, self.channels))
        return [frame, *maps]

    def call(self, inputs, states):
        frame, flag = inputs[..., :-1], inputs[..., -1:]
        x = self.embed(ops.where(flag > 0.5, frame, states[0]))
        outputs, new = [], []
        for index, scale in enumerate(self.scales):
            if index:
                chosen = sources(index, len(self.scales), "add")
                x = sum(
                    resample(outputs[j], self.scales[j], scale) for j in chosen
                )
            h, c = states[2 * index + 1 : 2 * index + 3]
            gates = self.x[index](x) + self.h[index](h)
            i, f, g, o = ops.split(gates, 4, axis=-1)
            c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
            x = ops.sigmoid(o) * ops.tanh(c)
            outputs.append(x)
            new += [x, c]
        frame = self.head(x)
        return frame, [frame, *new]


def resample(x, source, target):
    if target > source:
        return ops.max_pool(x, target // source)
    if target == source:
        return x
    return msrnn_keras.layers.Resample(source, target)(x)


class BareLoop(keras.Model):
    """`keras.layers.RNN` around `BareStep`, all its predictions."""

    def __init__(self, step):
        super().__init__()
        self.loop = keras.layers.RNN(step, return_sequences=True)

    def build(self, shape):
        self.loop.build(shape)

    def call(self, inputs):
        return self.loop(inputs)


def steps(options):
    """The two training steps to be timed, by name."""
    shape = (options.size, options.size, 1)
    model = msrnn_keras.create(
        "ms-convlstm",
        image_shape=shape,
        context=options.context,
        horizon=options.horizon,
        filters=options.filters,
        patch_size=options.patch_size,
    )
    model.compile("adam", loss=L1L2())
    rng = np.random.default_rng(0)
    frames = options.context + options.horizon
    clips = rng.random((options.batch_size, frames, *shape), dtype="float32")
    past, future = clips[:, :-1], clips[:, options.context :]

    p = options.patch_size
    side, channels = options.size // p, p * p
    bare = BareLoop(
        BareStep(options.filters, channels, (side, side), model.scales)
    )
    bare.compile("adam", loss=L1L2())
    patches = rng.random(
        (options.batch_size, frames - 1, side, side, channels + 1),
        dtype="float32",
    )
    patches[..., -1] = (np.arange(frames - 1) < options.context)[:, None, None]
    targets = patches[..., :-1]
    return {
        "model": lambda: model.train_on_batch(past, future),
        "bare": lambda: bare.train_on_batch(patches, targets),
    }


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step")
    for name, default in (
        ("size", 64),
        ("context", 10),
        ("horizon", 10),
        ("filters", 48),
        ("patch-size", 4),
        ("batch-size", 8),
        ("runs", 11),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    timed = steps(options)
    seconds = {name: [] for name in timed}
    for run in range(options.runs + 1):
        for name, step in timed.items():
            start = time.perf_counter()
            step()
            if run:
                seconds[name].append(time.perf_counter() - start)
            else:
                first = time.perf_counter() - start
                print(f"{name}: first step {first:.1f} s", flush=True)
    pairs = zip(seconds["model"], seconds["bare"], strict=True)
    ratios = sorted(a / b for a, b in pairs)
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                **vars(options),
                **{k: statistics.median(v) for k, v in seconds.items()},
                "ratio_min": ratios[0],
                "ratio_median": statistics.median(ratios),
                "ratio_max": ratios[-1],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
