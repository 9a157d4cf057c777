"""Independent references in NumPy, and the golden files."""

import pathlib

import keras
import numpy as np

import msrnn_keras

GOLDEN = pathlib.Path(__file__).with_name("golden")
# Weights of a cell, as the golden files name them.
NAMES = {"x_to_gates": "_conv_x2h", "h_to_gates": "_conv_h2h"}


def tiny(name="ms-convlstm", **options):
    """A small model, the same for the same options."""
    keras.utils.set_random_seed(7)
    options = {
        "image_shape": (16, 16, 1),
        "context": 4,
        "horizon": 3,
        "filters": 2,
        **options,
    }
    return msrnn_keras.create(name, **options)


def clips(batch=2, length=7, size=(16, 16), channels=1, seed=0):
    """Random clips in [0, 1]."""
    shape = (batch, length, *size, channels)
    return np.random.default_rng(seed).random(shape, dtype="float32")


def golden_model(descriptor):
    """The model of a golden file with its weights, its frames, the truth."""
    with np.load(GOLDEN / f"{descriptor.golden}.npz") as file:
        arrays = dict(file)
    model = msrnn_keras.create(descriptor.name, **descriptor.options)
    wiring = model._views.step_cell.wiring
    _set(wiring.embed, arrays, "embed.conv_embed")
    _set(wiring.head, arrays, "fc.conv_fc")
    for index, cell in enumerate(wiring.cells):
        for attribute, key in NAMES.items():
            layer = getattr(cell, attribute)
            _set(layer, arrays, f"rnns.lstm.{index}.{key}")
    frames, truth = (np.moveaxis(arrays[k], 2, 4) for k in ("x", "y"))
    return model, frames.swapaxes(0, 1), truth.swapaxes(0, 1)


def _set(layer, arrays, key):
    kernel = arrays[f"w/{key}.weight"].transpose(2, 3, 1, 0)
    layer.set_weights([kernel, arrays[f"w/{key}.bias"]])


def conv(x, kernel, bias):
    """A 'same' convolution with zero padding, one output pixel at a time."""
    size = kernel.shape[0]
    low = (size - 1) // 2
    pad = (low, size - 1 - low)
    padded = np.pad(x, ((0, 0), pad, pad, (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[3]))
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            window = padded[:, row : row + size, column : column + size]
            out[:, row, column] = np.tensordot(window, kernel, 3)
    return out + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step_loop(model, frames, steps):
    """All predictions by a plain loop over the cells' `call`, sizes given.

    Plain stacks and the default multi-scale topology, written out anew.
    """
    ops = keras.ops
    wiring = model._views.step_cell.wiring
    scales = model.scales
    states = []
    for cell, scale in zip(wiring.cells, scales, strict=True):
        shape = (len(frames), *(n // scale for n in frames.shape[2:4]))
        zeros = np.zeros((*shape, model.filters), "float32")
        states.append([zeros for _ in cell.state_size])
    predictions = []
    for t in range(steps):
        frame = frames[:, t] if t < model.context else predictions[-1]
        x = ops.convert_to_numpy(wiring.embed(frame))
        outputs = []
        for index, cell in enumerate(wiring.cells):
            if index:
                x = resample(outputs[-1], scales[index - 1], scales[index])
                mirror = len(scales) - 1 - index
                if len(set(scales)) > 1 and mirror < index - 1:
                    x = x + outputs[mirror]
            x, states[index] = cell(x, states[index])
            outputs.append(ops.convert_to_numpy(x))
        predictions.append(ops.convert_to_numpy(wiring.head(outputs[-1])))
    return np.stack(predictions, axis=1)


def resample(x, source, target):
    """Max pooling, or bilinear interpolation pixel by pixel."""
    batch, height, width, channels = x.shape
    if target >= source:
        f = target // source
        blocks = (batch, height // f, f, width // f, f, channels)
        return x.reshape(blocks).max(axis=(2, 4))
    factor = source // target
    for axis in (1, 2):
        size = x.shape[axis]
        at = (np.arange(size * factor) + 0.5) / factor - 0.5
        at = np.clip(at, 0, size - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, size - 1)
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        weight = (at - low).reshape(shape).astype("float32")
        x = np.take(x, low, axis) * (1 - weight) + np.take(x, high, axis) * (
            weight
        )
    return x
