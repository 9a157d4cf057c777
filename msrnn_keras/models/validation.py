"""Checks of the data that a model receives."""

import contextlib
import copy
import dataclasses
import functools

import keras

from msrnn_keras.models.step_inputs import check_covariates, split_inputs
from msrnn_keras.utils import checks


@dataclasses.dataclass
class BatchCheck:
    """A check of the batches of a model."""

    channels: int
    limits: tuple = checks.LIMITS  # of x
    allow_nan: bool = False  # in x
    least_frames: int = 1  # of x
    target_limits: tuple | None = None  # of y; None does not check y
    target_remedy: str = checks.SCALE  # for values of y beyond the limits
    horizon: int | None = None  # frames of y
    target_channels: int | None = None  # of y; None means those of x
    covariates: tuple | None = None  # their channels, context and horizon
    # The last error: TensorFlow replaces it, see `readable_nan_errors`.
    error: Exception | None = None

    def __call__(self, batch):
        """Check `x`, `(x, y)` or `(x, y, weights)`; masked pixels are NaN."""
        try:
            if not isinstance(batch, (tuple, list)):
                return self.inputs(batch)
            parts = (self.inputs, self.target, self.weights)
            pairs = zip(parts, batch, strict=False)
            validated = [check(part) for check, part in pairs]
            self.shape_of_target(*validated[:2])
            return (*validated, *batch[3:])
        except (TypeError, ValueError) as error:
            self.error = error
            raise

    def collated(self, collate, samples):
        """Collate samples and check the batch."""
        return self(collate(samples))

    def inputs(self, x):
        """Check frames, or frames and covariates, and return them."""
        if self.covariates is None:
            return self.frames(x)
        count, context, horizon = self.covariates
        x, covariates = split_inputs(x, count)
        x = self.frames(checks.filled(x))
        steps = min(x.shape[1], context) + horizon - 1
        return x, check_covariates(covariates, x, count, steps)

    def frames(self, x):
        """Check x and return it; masked pixels are NaN."""
        x = x if isinstance(x, (tuple, list)) else checks.filled(x)
        checks.check_frames(x, self.channels)
        checks.check_length(x, self.least_frames)
        checks.check_values(x, "frames", self.limits, self.allow_nan)
        return x

    def target(self, y):
        """Check y and return it; masked pixels are NaN."""
        if y is None or self.target_limits is None:
            return y
        y = checks.filled(y)
        checks.check_floats(y, "y")
        limits = self.target_limits
        checks.check_values(y, "y", limits, True, self.target_remedy)
        return y

    def shape_of_target(self, x, y=None):
        """Refuse y that is not the forecast frames of x."""
        # Keras' graph cannot: on TensorFlow it may not know the shapes.
        x = x[0] if self.covariates else x
        if y is not None and self.horizon and hasattr(x, "shape"):
            channels = self.target_channels or x.shape[-1]
            checks.check_target(y, (self.horizon, *x.shape[2:4], channels))
            checks.check_same_count(x, y, "y")

    def weights(self, weights):
        """Check the sample weights and return them."""
        if weights is not None and self.target_limits is not None:
            weights = checks.filled(weights)
            checks.check_weights(weights)
        return weights


class CheckedDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are checked when they are drawn."""

    def __init__(self, dataset, check):
        # One worker: a queue of several mixes the batches of two epochs.
        super().__init__()
        self.dataset, self.check = dataset, check

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
    """Check arrays now and the batches of data sets when they are drawn."""
    if isinstance(data, keras.utils.PyDataset):
        return CheckedDataset(data, check)
    if hasattr(data, "element_spec"):
        from msrnn_keras.data import tf_data

        spec = data.element_spec
        x, *rest = spec if isinstance(spec, tuple) else (spec,)
        if check.covariates:
            x, covariates = split_inputs(x, check.covariates[0])
            checks.check_frames(covariates, check.covariates[0], "covariates")
        checks.check_frames(x, check.channels)
        if rest and check.target_limits is not None:
            checks.check_floats(rest[0], "y")
        return tf_data.validated(data, check)
    if hasattr(data, "__next__"):
        # Keras accepts generators, but not iterators such as `map`.
        return (check(batch) for batch in data)
    if hasattr(data, "collate_fn"):
        loader = copy.copy(data)
        loader.collate_fn = functools.partial(check.collated, data.collate_fn)
        return loader
    if hasattr(data, "map"):  # grain
        return data.map(check)
    if check.covariates:
        return check.inputs(data)
    return check.frames(checks.filled(data))


@contextlib.contextmanager
def restore_variables_on_error(model):
    """Restore the variables that Keras on JAX loses if an error occurs."""
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
    """Raise the error of a `BatchCheck` that TensorFlow has replaced."""
    try:
        yield
    except Exception as error:
        foreign = type(error).__module__.startswith("tensorflow")
        if foreign and check.error is not None:
            raise check.error from None
        raise
