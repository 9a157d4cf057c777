"""Independent references in NumPy, and the golden files."""

import math
import pathlib

import keras
import numpy as np

import msrnn_keras
from msrnn_keras.presets import torch_checkpoints

GOLDEN = pathlib.Path(__file__).with_name("golden")
# The inputs of layers 1, 2, … of a stack of six and of three.
INPUTS = {
    6: {
        "none": [[0], [1], [2], [3], [4]],
        "add": [[0], [1], [2], [1, 3], [0, 4]],
        "unet3+": [[0], [1], [0, 1, 2], [0, 1, 3], [0, 3, 4]],
        "fc": [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]],
    },
    3: {
        "none": [[0], [1]],
        "add": [[0], [0, 1]],
        "unet3+": [[0], [0, 1]],
        "fc": [[0], [0, 1]],
    },
}


def tiny(name="ms-convlstm", seed=7, **options):
    """A small model, the same for the same options."""
    keras.utils.set_random_seed(seed)
    sizes = {"image_shape": (16, 16, 1), "context": 4, "horizon": 3}
    return msrnn_keras.create(name, **{"filters": 2, **sizes, **options})


def short(name="ms-convlstm", **options):
    """`tiny` with three layers, which compile in half the time."""
    scales = (1, 2, 1) if name.startswith("ms-") else (1, 1, 1)
    return tiny(name, **{"scales": scales, **options})


def clips(batch=2, length=7, size=(16, 16), channels=1, seed=0):
    shape = (batch, length, *size, channels)
    return np.random.default_rng(seed).random(shape, dtype="float32")


def randomize(layer, scale=1.0):
    """Give a layer or model random weights, biases too; return it."""
    rng = np.random.default_rng(1)
    shapes = [w.shape for w in layer.weights]
    layer.set_weights([scale * rng.normal(size=shape) for shape in shapes])
    return layer


def golden(name):
    """Frames, predictions, distances and weights of a golden file."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        arrays = dict(file)
    frames, truth = (
        np.moveaxis(arrays[key], 2, 4).swapaxes(0, 1) for key in ("x", "y")
    )
    weights = {
        key.removeprefix("w/"): value
        for key, value in arrays.items()
        if key.startswith("w/")
    }
    return frames, truth, arrays["decouple"], weights


def golden_model(descriptor):
    """The model of a golden file with its weights, its frames, the truth."""
    frames, truth, distances, weights = golden(descriptor.golden)
    model = msrnn_keras.create(descriptor.name, **descriptor.golden_options)
    torch_checkpoints.load_torch_checkpoint(model, weights)
    return model, frames, truth, distances


def conv(x, kernel, bias):
    """A 'same' convolution with zero padding, one output pixel at a time."""
    rows, columns = kernel.shape[:2]
    pads = [((n - 1) // 2, n // 2) for n in (rows, columns)]
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[3]))
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            window = padded[:, row : row + rows, column : column + columns]
            out[:, row, column] = np.tensordot(window, kernel, 3)
    return out + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step_loop(model, frames, steps):
    """All predictions by a plain loop over the cells' `call`, sizes given.

    The wiring of layers, scales and the memory m is written out anew.
    """
    wiring, scales = model._stepper.cell.wiring, model.scales
    cells = wiring.cells
    multiple = math.lcm(
        *(s * c.size_multiple for s, c in zip(scales, cells, strict=True))
    )
    batch, _, height, width, _ = frames.shape
    missing = [-n % multiple for n in (height, width)]
    padding = ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0))
    states = []
    for cell, scale in zip(cells, scales, strict=True):
        size = ((height + missing[0]) // scale, (width + missing[1]) // scale)
        states.append([numpy(s) for s in cell.get_initial_state(batch, size)])
    memory = next(
        (s[0] for s, c in zip(states, cells, strict=True) if c.has_memory), None
    )
    predictions = []
    for t in range(steps):
        frame = frames[:, t] if t < model.context else predictions[-1]
        x, outputs = numpy(wiring.embed(np.pad(frame, padding))), []
        for index, cell in enumerate(cells):
            if index:
                inputs = INPUTS[len(scales)][model.skips][index - 1]
                x = sum(
                    resample(outputs[j], scales[j], scales[index])
                    for j in inputs
                )
            if cell.has_memory:
                before = scales[index - 1] if index else scales[-1]
                memory = resample(memory, before, scales[index])
                states[index][0] = memory
            x, new = cell(x, states[index])
            states[index] = [numpy(state) for state in new]
            memory = states[index][0]
            outputs.append(numpy(x))
        x = numpy(wiring.head(outputs[-1]))
        predictions.append(x[:, :height, :width])
    return np.stack(predictions, axis=1)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def assert_close(given, expected, **tolerance):
    """Compare arrays, tensors, or lists of them; without a tolerance 1e-7."""
    if isinstance(given, list | tuple) and isinstance(expected, list | tuple):
        for a, b in zip(given, expected, strict=True):
            assert_close(a, b, **tolerance)
        return
    given, expected = (
        numpy(x) if hasattr(x, "shape") and not isinstance(x, np.ndarray) else x
        for x in (given, expected)
    )
    np.testing.assert_allclose(given, expected, **tolerance)


def assert_equal(given, expected):
    """Compare arrays, tensors, or lists of them to the last bit."""
    assert_close(given, expected, rtol=0)


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
        weight = (at - low).reshape(shape).astype(x.dtype)
        x = np.take(x, low, axis) * (1 - weight) + np.take(x, high, axis) * (
            weight
        )
    return x
