"""Writes convgru.npz: a ConvGRU stack in NumPy alone, from its equations.

Run `python -m tests.golden.convgru` from the root of the repository. The
layout is that of the other files: `x` (time, batch, channel, height, width),
`y[t]` the prediction of frame t + 1, `decouple` zeros, `w/NAME` the weights.
"""

import numpy as np

from tests.reference import GOLDEN, conv, sigmoid

FILTERS, LAYERS, CONTEXT, HORIZON, BATCH, SIDE = 4, 6, 4, 3, 2, 16


def weights(rng):
    """Random weights under the names of the checkpoints, (out, in, k, k)."""
    shapes = {
        "embed.conv_embed": (FILTERS, 1, 1),
        "fc.conv_fc": (1, FILTERS, 1),
    }
    for layer in range(LAYERS):
        for name in ("_conv_x2h", "_conv_h2h"):
            shapes[f"rnns.lstm.{layer}.{name}"] = (3 * FILTERS, FILTERS, 3)
    arrays = {}
    for name, (out, channels, k) in shapes.items():
        scale = 1 / np.sqrt(channels * k * k)
        arrays[f"{name}.weight"] = rng.uniform(
            -scale, scale, (out, channels, k, k)
        ).astype("float32")
        arrays[f"{name}.bias"] = rng.uniform(-scale, scale, out).astype(
            "float32"
        )
    return arrays


def step(x, h, w, layer):
    """One step of one layer."""

    def gates(name, values):
        key = f"rnns.lstm.{layer}.{name}"
        kernel = w[f"{key}.weight"].transpose(2, 3, 1, 0)
        out = conv(values, kernel, w[f"{key}.bias"])
        return np.split(out, 3, axis=-1)

    z_x, r_x, n_x = gates("_conv_x2h", x)
    z_h, r_h, n_h = gates("_conv_h2h", h)
    z, r = sigmoid(z_x + z_h), sigmoid(r_x + r_h)
    n = n_x + r * n_h
    n = np.where(n > 0, n, 0.2 * n)
    return (1 - z) * n + z * h


def main():
    rng = np.random.default_rng(0)
    w = weights(rng)
    length = CONTEXT + HORIZON
    frames = rng.random((length, BATCH, SIDE, SIDE, 1), dtype="float32")
    embed, head = (
        (w[f"{name}.weight"][..., 0, 0].T, w[f"{name}.bias"])
        for name in ("embed.conv_embed", "fc.conv_fc")
    )
    states = [np.zeros((BATCH, SIDE, SIDE, FILTERS))] * LAYERS
    predictions = []
    for t in range(length - 1):
        x = frames[t] if t < CONTEXT else predictions[-1]
        x = x @ embed[0] + embed[1]
        for layer in range(LAYERS):
            x = states[layer] = step(x, states[layer], w, layer)
        predictions.append(x @ head[0] + head[1])
    arrays = {"x": frames, "y": np.stack(predictions).astype("float32")}
    arrays = {k: np.moveaxis(v, 4, 2) for k, v in arrays.items()}
    arrays["decouple"] = np.zeros(
        (length - 1, LAYERS, BATCH, FILTERS), "float32"
    )
    arrays.update({f"w/{name}": value for name, value in w.items()})
    np.savez_compressed(GOLDEN / "convgru.npz", **arrays)


if __name__ == "__main__":
    main()
