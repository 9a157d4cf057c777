"""Checks of the batches that Keras draws, before a step sees them."""

import contextlib
import copy
import dataclasses
import functools

import keras

from msrnn_keras.utils import checks


@dataclasses.dataclass
class BatchCheck:
    """What the batches of a model must be.

    The first error is kept in `error`, because TensorFlow raises another one
    in its place; see `readable_nan_errors`.

    Args:
        channels: Integer, the model's channels.
        limits: Tuple, the least and the greatest value of a frame.
        allow_nan: Boolean, whether x may hold NaN.
        target_limits: Tuple, those of a target; None does not check it.
        target_remedy: String, what to do about a target beyond its limits.
    """

    channels: int
    limits: tuple = checks.LIMITS
    allow_nan: bool = False
    target_limits: tuple | None = None
    target_remedy: str = checks.SCALE
    error: Exception | None = None

    def __call__(self, batch):
        """Check a batch as it is drawn.

        Args:
            batch: Frames x, or tuple `(x, y)` or `(x, y, weights)`.

        Returns:
            The batch, in which masked pixels are NaN.

        Raises:
            ValueError: If shapes or values are wrong.
            TypeError: If frames are not floating-point.
        """
        try:
            if not isinstance(batch, (tuple, list)):
                return self.frames(batch)
            parts = (self.frames, self.target, self.weights)
            validated = [
                check(part) for check, part in zip(parts, batch, strict=False)
            ]
            return (*validated, *batch[len(parts) :])
        except (TypeError, ValueError) as error:
            self.error = error
            raise

    def frames(self, x):
        """Check frames of the past; return them, masked pixels as NaN."""
        x = x if isinstance(x, (tuple, list)) else checks.filled(x)
        checks.check_frames(x, self.channels)
        checks.check_values(x, "frames", self.limits, self.allow_nan)
        return x

    def target(self, y):
        """Check frames of the future; return them, masked pixels as NaN."""
        if y is None or self.target_limits is None:
            return y
        y = checks.filled(y)
        checks.check_floats(y, "y")
        limits, remedy = self.target_limits, self.target_remedy
        checks.check_values(y, "y", limits, True, remedy)
        return y

    def weights(self, weights):
        """Check the weights of samples and return them."""
        if weights is not None and self.target_limits is not None:
            weights = checks.filled(weights)
            checks.check_weights(weights)
        return weights


class CheckedDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are checked as they are drawn.

    Keras draws them one by one, whatever `workers` the data set has: its
    queue of workers mixes the batches of one pass with those of the next.

    Args:
        dataset: `keras.utils.PyDataset` of `(x, y)` or `(x, y, weights)`.
        check: `BatchCheck`.
    """

    def __init__(self, dataset, check):
        super().__init__()
        self.dataset = dataset
        self.check = check

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        return self.check(self.dataset[index])

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def validated(data, check):
    """Return data whose frames are checked.

    Arrays are checked at once, batches as they are drawn.

    Args:
        data: Array or tensor of frames, `keras.utils.PyDataset`,
            `tf.data.Dataset`, `torch.utils.data.DataLoader`, grain data set,
            or iterator of batches.
        check: `BatchCheck`.

    Returns:
        The data to hand to Keras.

    Raises:
        ValueError: If frames have a wrong shape or value.
        TypeError: If frames are not floating-point.
    """
    if isinstance(data, keras.utils.PyDataset):
        return CheckedDataset(data, check)
    if hasattr(data, "element_spec"):
        from msrnn_keras.data import tf_data

        spec = data.element_spec
        x, *rest = spec if isinstance(spec, tuple) else (spec,)
        checks.check_frames(x, check.channels)
        if rest and check.target_limits is not None:
            checks.check_floats(rest[0], "y")
        return tf_data.checked(data, check)
    if hasattr(data, "__next__"):
        # Keras takes generators, but not iterators such as `map`.
        return (check(batch) for batch in data)
    if hasattr(data, "collate_fn"):
        loader = copy.copy(data)
        loader.collate_fn = functools.partial(_collate, data.collate_fn, check)
        return loader
    if hasattr(data, "map"):  # of grain
        return data.map(check)
    return data if data is None else check.frames(checks.filled(data))


def _collate(collate, check, samples):
    """Put samples together and check the batch."""
    return check(collate(samples))


@contextlib.contextmanager
def restore_variables_on_error(model):
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
def readable_nan_errors(check):
    """Raise the error of a check where TensorFlow raised one of its own.

    Args:
        check: `BatchCheck` of the data.
    """
    try:
        yield
    except Exception as error:
        foreign = type(error).__module__.startswith("tensorflow")
        if foreign and check.error is not None:
            raise check.error from None
        raise
