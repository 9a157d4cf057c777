"""Checks of arguments and frames."""

import contextlib

import keras
import numpy as np
from keras import ops

from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_finite,
    check_positive,
    check_within,
    refused,
)

FRAMES = 10**6  # most frames of a context or horizon
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


def check_limit(name, value, most, dtype):
    """Return a limit; refuse one not above 0 and at most `most`."""
    value = check_finite(name, value)
    if not 0 < value <= most:
        raise ValueError(
            f"`{name}` must be above 0 and at most {most:g} in {dtype}. "
            f"Received: {name}={value!r}"
        )
    return value


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


# Arguments of `fit`, `evaluate` and `predict` that are positive integers.
CALL = (
    *("batch_size", "validation_batch_size", "epochs"),
    *("steps", "steps_per_epoch", "validation_steps"),
)
VERBOSE = "auto", 0, 1, 2


def check_call(**given):
    """Return arguments of `fit`, `evaluate` and `predict`, checked."""
    for name, value in given.items():
        if name == "verbose" and not _is_verbose(value):
            raise refused(name, "'auto', 0, 1 or 2", value)
        if name == "callbacks" and not _are_callbacks(value):
            raise refused(name, "a list of `keras.callbacks.Callback`", value)
        if value is None and name != "epochs":
            continue
        if name in CALL:
            given[name] = check_positive(name, value)
        if name == "initial_epoch":
            given[name] = check_count(name, value, 0)
        if name == "shuffle":
            given[name] = check_boolean(name, value)
        if name == "validation_split":
            given[name] = check_within(name, value, "[0, 1)")
    return given


def _is_verbose(value):
    plain = isinstance(value, (str, int, np.integer, np.bool_))
    return plain and value in VERBOSE


def _are_callbacks(value):
    kinds = keras.callbacks.Callback, keras.callbacks.CallbackList
    several = value if isinstance(value, (list, tuple)) else [value]
    return value is None or all(isinstance(x, kinds) for x in several)


def dtype_policy(dtype, name="dtype"):
    """Return the dtype policy of Keras that an argument names."""
    try:
        return keras.dtype_policies.get(dtype)
    except (ValueError, TypeError, AttributeError):
        wanted = "a dtype policy of Keras, such as 'mixed_bfloat16'"
        raise refused(name, wanted, dtype) from None


def float_type(dtype):
    """Return the name of a floating-point type, or None."""
    known = "float16", "bfloat16", "float32", "float64"
    with contextlib.suppress(ValueError, TypeError):
        if dtype is None or keras.backend.standardize_dtype(dtype) in known:
            return dtype
    raise refused("dtype", f"one of {', '.join(known)}", dtype)


def is_array(data):
    """Return whether the data is one array or tensor, not a stream."""
    return hasattr(data, "shape") and hasattr(data, "dtype")


def same_shape(one, other):
    """Return whether two shapes are equal where both are known."""
    return len(one) == len(other) and all(
        a == b or None in (a, b) for a, b in zip(one, other, strict=True)
    )


def stacked(array, name="frames"):
    """Return a list as one array, masked if a part is."""
    if not isinstance(array, (list, tuple)):
        return array
    try:
        if any(isinstance(part, np.ma.MaskedArray) for part in array):
            return np.ma.asarray(array)
        return np.asarray(array)
    except (TypeError, ValueError):
        wanted = "an array, or nested lists of equal lengths"
        raise refused(name, wanted, array) from None


def filled(array, name="frames"):
    """Return an array or list as an array with NaN for masked values."""
    array = stacked(array, name)
    if not isinstance(array, np.ma.MaskedArray):
        return array
    check_floats(array, "masked array")
    return array.filled(np.nan)


def check_floats(frames, name):
    """Refuse numbers that are not floating-point."""
    dtype = getattr(frames, "dtype", None)
    with contextlib.suppress(ValueError):  # not one of Keras
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
    if 0 in shape:
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


def check_same_count(x, other, name):
    """Refuse an array with another number of clips than x."""
    one, two = x.shape[0], other.shape[0]
    if None not in (one, two) and one != two:
        raise ValueError(
            f"`{name}` must have one entry for each of the {one} clips of x. "
            f"Received: {name}.shape={tuple(other.shape)}"
        )


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
    """Refuse sample weights that are not an array of finite numbers."""
    if not is_array(weights) or not len(weights.shape):
        raise refused("sample_weight", "an array, one for each clip", weights)
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
