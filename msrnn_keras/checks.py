"""Checks of arguments and frames, before Keras casts or reshapes them."""

import contextlib

import keras
import numpy as np
from keras import ops

# No quotation marks: TensorFlow escapes them, and `intact` looks for it.
NAN_MESSAGE = (
    "The input frames contain NaN. Replace missing pixels before the model "
    "sees them, for instance numpy.nan_to_num(frames), or build a model that "
    "masks them, see `missing` of MSStack. Otherwise NaN is allowed only in "
    "the target, where it marks a pixel without loss or score."
)


def check_positive(name, value):
    """Refuse what is not a positive integer.

    Args:
        name: String, the argument's name.
        value: What was given.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )


def check_frames(frames, channels, name="frames"):
    """Refuse frames of a wrong rank, number of channels or type.

    Args:
        frames: Array or tensor that should be `(batch, time, height, width,
            channels)`.
        channels: Integer, the model's channels.
        name: String, what the error calls them.

    Raises:
        ValueError: If rank or channels are wrong or there is no frame.
        TypeError: If they are not floating-point numbers.
    """
    shape = tuple(getattr(frames, "shape", ()))
    if len(shape) != 5:
        raise ValueError(
            f"`{name}` must have five dimensions (batch, time, height, width, "
            f"channels); add a missing one with numpy.expand_dims. "
            f"Received: shape={shape}"
        )
    if shape[-1] != channels:
        raise ValueError(
            f"`{name}` must have {channels} channel(s), last, as the model "
            f"was built for. Received: shape={shape}"
        )
    if 0 in shape[1:]:
        raise ValueError(
            f"`{name}` must hold at least one frame of at least one pixel. "
            f"Received: shape={shape}"
        )
    dtype = keras.backend.standardize_dtype(frames.dtype)
    if "float" not in dtype:
        raise TypeError(
            f"`{name}` must be floating-point, scaled to [0, 1]: for 8-bit "
            f"images, frames.astype('float32') / 255. Received: dtype={dtype}"
        )


def check_target(y, shape):
    """Refuse a target that is not the frames to forecast.

    Args:
        y: Array or tensor that should be `(batch, horizon, height, width,
            channels)`.
        shape: Tuple, what should follow the batch dimension; None where
            unknown.

    Raises:
        ValueError: If the shape is another one.
    """
    given = tuple(getattr(y, "shape", ()))
    fits = len(given) == 1 + len(shape) and all(
        a is None or b is None or a == b
        for a, b in zip(given[1:], shape, strict=True)
    )
    if not fits:
        raise ValueError(
            "The target must be the frames to forecast, (batch, horizon, "
            f"height, width, channels), here (batch, {str(shape)[1:]}. "
            f"Received: y.shape={given}"
        )


def check_no_nan(frames):
    """Refuse NaN in frames.

    Args:
        frames: Array or tensor of floats.

    Raises:
        ValueError: If a pixel is NaN.
    """
    frames = ops.convert_to_numpy(frames)
    if np.isnan(frames.sum(dtype="float64")):
        count = int(np.isnan(frames).sum())
        if count:
            raise ValueError(
                f"{NAN_MESSAGE} Received: {count} NaN in shape={frames.shape}"
            )


def check_not_empty(frames):
    """Refuse clips in which every pixel is missing.

    Args:
        frames: Array or tensor of floats, `(batch, time, height, width,
            channels)`.

    Raises:
        ValueError: If a clip holds nothing but NaN.
    """
    frames = ops.convert_to_numpy(frames)
    if np.isnan(frames.sum(dtype="float64")):
        empty = np.isnan(frames).all(axis=(1, 2, 3, 4))
        if empty.any():
            raise ValueError(
                "A forecast needs at least one pixel that is not missing. "
                f"Received: nothing but NaN in clip {int(empty.argmax())}"
            )


@contextlib.contextmanager
def intact(model):
    """Keep a model's variables through an error.

    Keras on JAX takes them out of the model while it fits, evaluates or
    predicts, and does not put them all back when a batch is refused there.

    Args:
        model: `keras.Model`.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    variables = list(model.variables)
    if model.compiled:
        model.optimizer.build(model.trainable_variables)
        variables += model.optimizer.variables
    before = [(variable, variable.value) for variable in variables]
    try:
        yield
    except BaseException:
        model.jax_state_sync()
        for variable, value in before:
            if variable._value is None:
                variable.assign(value)
        raise


@contextlib.contextmanager
def plain_errors():
    """Turn the error of a checked `tf.data.Dataset` into a `ValueError`."""
    try:
        yield
    except Exception as error:
        if type(error) is not ValueError and NAN_MESSAGE in str(error):
            raise ValueError(
                f"{NAN_MESSAGE} Received: NaN in a batch of the data set"
            ) from None
        raise


def is_array(data):
    """Whether the data is one array or tensor rather than a stream."""
    return hasattr(data, "shape") and hasattr(data, "dtype")


class CheckedDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are checked as they are drawn.

    Keras draws them one by one, whatever `workers` the data set has: its
    queue of workers mixes the batches of one pass with those of the next.

    Args:
        dataset: `keras.utils.PyDataset` of `(x, y)` or `(x, y, weights)`.
        check: Function of x that raises for a bad batch.
    """

    def __init__(self, dataset, check):
        super().__init__()
        self.dataset = dataset
        self.check = check

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        batch = self.dataset[index]
        self.check(first(batch))
        return batch

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def first(batch):
    """The x of a batch `x`, `(x, y)` or `(x, y, weights)`."""
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def checked(data, channels, missing=None):
    """Data whose frames are checked: arrays at once, streams as they come.

    Args:
        data: Array or tensor of frames, `keras.utils.PyDataset`,
            `tf.data.Dataset` or iterator of batches.
        channels: Integer, the model's channels.
        missing: String or None, as of `MSStack`; `"mask"` allows NaN.

    Returns:
        The data to hand to Keras.

    Raises:
        ValueError: If frames have a wrong shape or contain NaN.
        TypeError: If frames are not floating-point.
    """

    def check(frames):
        check_frames(frames, channels)
        if missing is None:
            check_no_nan(frames)

    if isinstance(data, keras.utils.PyDataset):
        return CheckedDataset(data, check)
    if hasattr(data, "element_spec"):
        from msrnn_keras.data import tf_data

        check_frames(first(data.element_spec), channels)
        if missing is not None:
            return data
        return tf_data.refuse_nan(data, NAN_MESSAGE)
    if hasattr(data, "__next__"):
        return _checked_iterator(data, check)
    if isinstance(data, (list, tuple)) or np.isscalar(data):
        data = np.asarray(data)
    if is_array(data):
        check(data)
    return data


def _checked_iterator(batches, check):
    for batch in batches:
        check(first(batch))
        yield batch
