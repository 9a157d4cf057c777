"""Checks of arguments and frames."""

import math

import keras
import numpy as np
from keras import ops

LIMIT = 1e6  # largest magnitude of a frame's value
LIMITS = (-LIMIT, LIMIT)
PIXELS = (-0.5, 1.5)  # range of a model from the zoo
SCALE = (
    "Scale frames to [0, 1] first: frames / 255 for 8-bit images, or a "
    "`Scaling` of msrnn_keras.data, such as MinMax(low, high)(frames)."
)
NAN_MESSAGE = (
    "The input frames contain NaN. Replace missing pixels first, such as by "
    "numpy.nan_to_num(frames), or build a model that masks them, with "
    "missing='mask'. NaN is allowed in the target, as a pixel without loss."
)


def check_positive(name, value):
    """Refuse a value that is not a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )


def check_finite(name, value):
    """Refuse a value that is not a finite number."""
    number = isinstance(value, (int, float, np.integer, np.floating))
    if isinstance(value, bool) or not number or not math.isfinite(value):
        raise ValueError(
            f"`{name}` must be a finite number. Received: {name}={value!r}"
        )


def check_limit(name, value, most, dtype):
    """Refuse a limit that is not above 0 and at most `most`."""
    check_finite(name, value)
    if not 0 < value <= most:
        raise ValueError(
            f"`{name}` must be above 0 and at most {most:g} in {dtype}. "
            f"Received: {name}={value!r}"
        )


def check_multiple(name, value, factor):
    """Refuse an integer that `factor` does not divide."""
    if value % factor:
        raise ValueError(
            f"{factor} must divide `{name}`. Received: {name}={value}"
        )


def check_even(shape):
    """Refuse maps `(batch, height, width, channels)` of odd size."""
    if any(size and size % 2 for size in shape[1:3]):
        raise ValueError(
            "Height and width must be even: pad the frames. "
            f"Received: shape={tuple(shape)}"
        )


def is_array(data):
    """Return whether the data is one array or tensor, not a stream."""
    return hasattr(data, "shape") and hasattr(data, "dtype")


def same_shape(one, other):
    """Return whether two shapes are equal where both are known."""
    return len(one) == len(other) and all(
        a == b or None in (a, b) for a, b in zip(one, other, strict=True)
    )


def stacked(array):
    """Return a list as one array, masked if a part is."""
    if not isinstance(array, (list, tuple)):
        return array
    if any(isinstance(part, np.ma.MaskedArray) for part in array):
        return np.ma.asarray(array)
    return np.asarray(array)


def filled(array):
    """Return an array or list as an array with NaN for masked values."""
    array = stacked(array)
    if not isinstance(array, np.ma.MaskedArray):
        return array
    check_floats(array, "masked array")
    return array.filled(np.nan)


def check_floats(frames, name):
    """Refuse numbers that are not floating-point."""
    dtype = getattr(frames, "dtype", None)
    dtype = dtype and keras.backend.standardize_dtype(dtype)
    if "float" not in str(dtype):
        raise TypeError(
            f"`{name}` must be floating-point, scaled to [0, 1]: for 8-bit "
            f"images, frames.astype('float32') / 255. Received: dtype={dtype}"
        )


def check_frames(frames, channels, name="frames"):
    """Refuse frames of a wrong rank, number of channels or dtype."""
    shape = tuple(getattr(frames, "shape", ()))
    if len(shape) != 5:
        raise ValueError(
            f"`{name}` must have five dimensions (batch, time, height, width, "
            f"channels): use numpy.expand_dims. Received: shape={shape}"
        )
    if shape[-1] != channels:
        raise ValueError(
            f"`{name}` needs the model's {channels} channel(s), last. "
            f"Received: shape={shape}"
        )
    if 0 in shape[1:]:
        raise ValueError(
            f"`{name}` must hold at least one frame of at least one pixel. "
            f"Received: shape={shape}"
        )
    check_floats(frames, name)


def check_length(frames, least):
    """Refuse fewer frames than a model needs."""
    length = frames.shape[1]
    if length is not None and length < least:
        raise ValueError(
            f"`frames` must hold at least {least} frames, the context of the "
            f"model without states. Received: shape={tuple(frames.shape)}"
        )


def check_target(y, shape):
    """Refuse a target that is not `(batch, *shape)` of floats."""
    given = tuple(getattr(y, "shape", ()))
    if not (given and same_shape(given[1:], shape)):
        raise ValueError(
            "The target must be the frames to forecast, here (batch, "
            f"{str(shape)[1:]}. Received: y.shape={given}"
        )
    check_floats(y, "y")


def check_values(values, name, limits=LIMITS, allow_nan=False, remedy=SCALE):
    """Refuse values that are infinite, beyond limits, or NaN."""
    values = _numpy(values)
    if not values.size:
        return
    low, high = values.min(), values.max()
    if np.isnan(low):  # Any NaN makes it NaN.
        if not allow_nan:
            raise ValueError(
                f"{NAN_MESSAGE} Received: {np.isnan(values).sum()} NaN in "
                f"`{name}` of shape={values.shape}"
            )
        low, high = (f.reduce(values, axis=None) for f in (np.fmin, np.fmax))
    if np.isinf(low) or np.isinf(high):
        raise ValueError(
            f"`{name}` must not contain infinite values (inf). Replace them, "
            "or mark missing pixels by NaN where allowed. Received: "
            f"{np.isinf(values).sum()} infinite values in shape={values.shape}"
        )
    if low < limits[0] or high > limits[1]:
        least, greatest = (round(float(limit), 2) + 0.0 for limit in limits)
        raise ValueError(
            f"`{name}` must lie within [{least:g}, {greatest:g}]. {remedy} "
            f"Received: values from {low:g} to {high:g}"
        )


def check_weights(weights):
    """Refuse sample weights that are not finite."""
    if not np.isfinite(_numpy(weights)).all():
        raise ValueError(
            "`sample_weight` must be finite. Received: NaN or inf in "
            f"shape={tuple(weights.shape)}"
        )


def check_not_empty(frames):
    """Refuse clips in which every pixel is missing."""
    frames = ops.convert_to_numpy(frames)
    if np.isnan(frames.sum(dtype="float64")):
        empty = np.isnan(frames).all(axis=(1, 2, 3, 4))
        if empty.any():
            raise ValueError(
                "A forecast needs at least one pixel that is not missing. "
                f"Received: nothing but NaN in clip {int(empty.argmax())}"
            )


def _numpy(values):
    values = ops.convert_to_numpy(values)
    # NumPy has no bfloat16.
    return values.astype("float32") if values.dtype.kind == "V" else values
