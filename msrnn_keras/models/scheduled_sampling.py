"""Scheduled sampling: training on true frames or on predictions."""

from typing import Self

import keras
from keras import ops

from msrnn_keras.utils.arguments import check_positive, is_number, refused
from msrnn_keras.utils.typing import Config, Tensor


@keras.saving.register_keras_serializable("msrnn_keras", name="Sampling")
class ScheduledSampling:
    """Probabilities that training feeds the true frame, not the prediction.

    Each rate is a number or a Keras `LearningRateSchedule` of the training
    step. Frames are drawn independently per sample and step.

    Args:
        context_rate: Rate for the context frames after the first; below 1, it
            is reverse scheduled sampling (PredRNN-V2).
        horizon_rate: Rate for the frames to forecast. 1 is teacher forcing.

    Raises:
        ValueError: If a rate is neither a schedule nor within [0, 1].

    Example:
    >>> ScheduledSampling.linear(steps=10_000)  # from truth to predictions
    >>> ScheduledSampling.reverse(steps=10_000)  # as in PredRNN-V2

    Reference: Bengio et al., 2015, arXiv:1506.03099. Reverse: Wang et al.,
    "PredRNN", 2021, arXiv:2103.09504.
    """

    def __init__(
        self,
        context_rate: float
        | keras.optimizers.schedules.LearningRateSchedule = 1.0,
        horizon_rate: float
        | keras.optimizers.schedules.LearningRateSchedule = 0.0,
    ) -> None:
        self.context_rate = _rate("context_rate", context_rate)
        self.horizon_rate = _rate("horizon_rate", horizon_rate)

    @classmethod
    def linear(cls, steps: int) -> Self:
        """Decrease `horizon_rate` linearly from 1 to 0 within `steps` steps."""
        steps = check_positive("steps", steps)
        decay = keras.optimizers.schedules.PolynomialDecay
        return cls(horizon_rate=decay(1.0, steps, end_learning_rate=0.0))

    @classmethod
    def reverse(cls, steps: int) -> Self:
        """Use reverse scheduled sampling, as published for PredRNN-V2.

        In the first third of the training `steps`, both rates are 0.5. In the
        second, `context_rate` goes exponentially to 1, the other linearly to 0.
        """
        return cls(ReverseContextRate(steps), ReverseHorizonRate(steps))

    def rates(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rates `(context, horizon)` at a training step."""
        rates = (self.context_rate, self.horizon_rate)
        return tuple(rate(step) if callable(rate) else rate for rate in rates)

    def get_config(self) -> Config:
        serialize = keras.saving.serialize_keras_object
        names = ("context_rate", "horizon_rate")
        return {name: serialize(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{key: deserialize(value) for key, value in config.items()})


class _Reverse(keras.optimizers.schedules.LearningRateSchedule):
    """A rate of reverse scheduled sampling."""

    def __init__(self, steps):
        self.steps = check_positive("steps", steps)

    def __call__(self, step):
        done = ops.cast(step, "float32") / self.steps
        later = ops.where(done < 2 / 3, self.middle(done), self.end)
        return ops.where(done < 1 / 3, 0.5, later)

    def get_config(self):
        return {"steps": self.steps}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ReverseContextRate(_Reverse):
    """0.5 for a third of the steps, an exponential increase, then 1."""

    end = 1.0

    def middle(self, done):
        return 1 - 0.5 * ops.exp(-(done - 1 / 3) * 15)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ReverseHorizonRate(_Reverse):
    """0.5 for a third of the steps, a linear decrease, then 0."""

    end = 0.0

    def middle(self, done):
        return 0.5 * (2 - 3 * done)


def check_sampling(sampling):
    """Return a `ScheduledSampling` or None; refuse anything else."""
    if sampling is not None and not isinstance(sampling, ScheduledSampling):
        wanted = "a `ScheduledSampling`, such as .linear(steps), or None"
        raise refused("sampling", wanted, sampling)
    return sampling


def _rate(name, value):
    """Check a rate and return it."""
    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return value
    if not is_number(value) or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be a LearningRateSchedule or a number within "
            f"[0, 1]. Received: {name}={value!r}"
        )
    return float(value)
