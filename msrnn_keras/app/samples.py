"""Samples: moving digits, synthetic rain, and digits that a visitor draws."""

import math

import numpy as np

from msrnn_keras import data
from msrnn_keras.data.datasets.moving_mnist import draw_clips

_DIGIT, _INK = 28, 20  # sides of a digit of MNIST and of what is drawn in it
_SPEED = 0.1  # of Moving MNIST
_CELLS = 14  # rain cells on each side of 64 pixels
_INTERVAL = 300  # seconds between two frames of synthetic rain


def is_rain(model):
    """Return whether a model forecasts rain rates."""
    trained = model.trained_on
    return trained is not None and trained.scaling.unit == "mm/h"


def sample(model, horizon, seed):
    """Return a `Recording` that fits a model: test digits or synthetic rain."""
    length, size = model.context + horizon, model.image_shape[:2]
    if is_rain(model):
        interval = model.trained_on.interval or _INTERVAL
        rain = synthetic_rain(length, size, seed)
        scaling = model.trained_on.scaling
        return data.from_arrays(rain, interval=interval, scaling=scaling)
    digits = data.sample_digits("test")
    clips = data.moving_digits(digits, 1, length, size, seed=seed)
    return data.from_arrays(clips[0])


def synthetic_rain(length, size, seed):
    """Return frames of rain cells that drift, grow and decay, in mm/h.

    Args:
        length: Integer, number of frames.
        size: Tuple `(height, width)`, pixels.
        seed: Integer, 0 or more.

    Returns:
        Float32 array `(length, height, width, 1)`.

    Example:
    >>> rain = synthetic_rain(18, (64, 64), seed=0)
    """
    rng = np.random.default_rng(seed)
    count = _CELLS * max(1, math.prod(size) // 64**2)
    drift = rng.uniform(0.4, 1.2) * _direction(rng.uniform(0, 2 * math.pi))
    places = rng.uniform(-0.2, 1.2, (count, 2)) * size
    widths = rng.uniform(2, 7, count)
    peaks = rng.lognormal(1.2, 0.8, count)
    middles = rng.uniform(0, length, count)
    lives = rng.uniform(0.5, 1.5, count) * length
    paths = drift + rng.normal(0, 0.15, (count, 2))
    rows, columns = np.mgrid[: size[0], : size[1]]
    frames = np.zeros((length, *size), "float32")
    for time in range(length):
        age = np.exp(-(((time - middles) / lives) ** 2))
        centers = places + time * paths
        for (row, column), width, peak in zip(
            centers, widths, peaks * age, strict=True
        ):
            square = (rows - row) ** 2 + (columns - column) ** 2
            frames[time] += peak * np.exp(-square / (2 * width**2))
    return np.where(frames < 0.1, 0, frames)[..., None].astype("float32")


def drawn(model, horizon, seed, *drawings):
    """Return a `Recording` of drawn digits that move as in Moving MNIST.

    Args:
        model: The model that is to forecast them.
        horizon: Integer, frames after the context.
        seed: Integer, of the first places and the directions.
        *drawings: Arrays `(height, width)` of ink in [0, 1], or None.

    Returns:
        `Recording` of the context and the horizon.

    Raises:
        ValueError: If nothing is drawn, or the model forecasts rain.
    """
    if is_rain(model):
        raise ValueError(
            "Drawn digits need a preset of moving digits. "
            "Received: a preset of rain"
        )
    digits = [digit_of(x) for x in drawings if x is not None and x.any()]
    if not digits:
        raise ValueError("Draw at least one digit. Received: empty drawings")
    draws = np.random.default_rng(seed).random((1, len(digits), 3))
    velocity = _SPEED * _direction(2 * math.pi * draws[..., 2])
    length = model.context + horizon
    clips = draw_clips(
        np.stack(digits)[None],
        draws[..., :2],
        velocity,
        length,
        model.image_shape[:2],
    )
    return data.from_arrays(clips[0])


def digit_of(ink):
    """Return a drawing as a digit of MNIST: 20 pixels of ink in 28."""
    from PIL import Image

    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _INK / max(part.shape)
    size = [max(1, round(scale * side)) for side in part.shape[::-1]]
    image = Image.fromarray(np.uint8(np.clip(255 * part, 0, 255)))
    small = np.asarray(image.resize(size, Image.Resampling.BOX))
    digit = np.zeros((_DIGIT, _DIGIT), "uint8")
    top, left = ((_DIGIT - side) // 2 for side in small.shape)
    digit[top : top + small.shape[0], left : left + small.shape[1]] = small
    return digit


def _direction(angle):
    """Return unit vectors (down, right) of angles."""
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)
