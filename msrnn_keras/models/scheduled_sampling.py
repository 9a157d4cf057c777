"""Scheduled sampling: when training feeds the truth, when the prediction."""

import keras
from keras import ops

from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable("msrnn_keras", name="Sampling")
class ScheduledSampling:
    """Probabilities that an input frame is the true one during training.

    Each rate is a number or a Keras `LearningRateSchedule` of the training
    step. Frames are drawn independently per sample and step.

    Args:
        context_rate: Rate of the input frames after the first; below 1 it
            is reverse scheduled sampling (PredRNN-V2).
        horizon_rate: Rate of the frames to be forecast: at 1 the model is
            trained by teacher forcing, at 0 on its own predictions.

    Raises:
        ValueError: If a rate is neither a schedule nor within [0, 1].

    Example:
    >>> Sampling.linear(steps=10_000)  # from the truth to the predictions
    >>> Sampling.reverse(steps=10_000)  # as PredRNN-V2

    Reference:
        Bengio et al., "Scheduled Sampling for Sequence Prediction with
        Recurrent Neural Networks", 2015, arXiv:1506.03099. Reverse: Wang et
        al., "PredRNN", 2021, arXiv:2103.09504.
    """

    def __init__(self, context_rate=1.0, horizon_rate=0.0):
        self.context_rate = _rate("context_rate", context_rate)
        self.horizon_rate = _rate("horizon_rate", horizon_rate)

    @classmethod
    def linear(cls, steps):
        """`horizon_rate` falling linearly from 1 to 0, as published.

        Args:
            steps: Integer, training steps until the rate is 0.

        Returns:
            A `ScheduledSampling`.
        """
        schedule = keras.optimizers.schedules.PolynomialDecay(
            1.0, steps, end_learning_rate=0.0
        )
        return cls(horizon_rate=schedule)

    @classmethod
    def reverse(cls, steps):
        """Reverse scheduled sampling, as published for PredRNN-V2.

        In the first third of the steps both rates are 0.5. In the second the
        `context_rate` rises exponentially towards 1 and the `horizon_rate`
        falls linearly to 0; there they stay.

        Args:
            steps: Integer, training steps of the whole training.

        Returns:
            A `ScheduledSampling`.
        """
        return cls(ReverseContextRate(steps), ReverseHorizonRate(steps))

    def rates(self, step):
        """The two rates at a training step, `(context, horizon)`."""
        return tuple(
            rate(step) if callable(rate) else rate
            for rate in (self.context_rate, self.horizon_rate)
        )

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "context_rate": serialize(self.context_rate),
            "horizon_rate": serialize(self.horizon_rate),
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{key: deserialize(value) for key, value in config.items()})


class _Reverse(keras.optimizers.schedules.LearningRateSchedule):
    """A rate of reverse scheduled sampling, by the part of training done.

    Args:
        steps: Integer, training steps of the whole training.

    Raises:
        ValueError: If `steps` is not a positive integer.
    """

    def __init__(self, steps):
        check_positive("steps", steps)
        self.steps = steps

    def __call__(self, step):
        done = ops.cast(step, "float32") / self.steps
        later = self.middle(done)
        later = ops.where(done < 2 / 3, later, self.end)
        return ops.where(done < 1 / 3, 0.5, later)

    def get_config(self):
        return {"steps": self.steps}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ReverseContextRate(_Reverse):
    """0.5 for a third of training, then exponentially up, then 1.

    Args:
        steps: Integer, training steps of the whole training.

    Raises:
        ValueError: If `steps` is not a positive integer.

    Reference:
        Wang et al., "PredRNN", 2021, arXiv:2103.09504.
    """

    end = 1.0

    def middle(self, done):
        return 1 - 0.5 * ops.exp(-(done - 1 / 3) * 15)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ReverseHorizonRate(_Reverse):
    """0.5 for a third of training, then linearly down to 0.

    Args:
        steps: Integer, training steps of the whole training.

    Raises:
        ValueError: If `steps` is not a positive integer.

    Reference:
        Wang et al., "PredRNN", 2021, arXiv:2103.09504.
    """

    end = 0.0

    def middle(self, done):
        return 0.5 * (2 - 3 * done)


def _rate(name, value):
    schedule = keras.optimizers.schedules.LearningRateSchedule
    if isinstance(value, schedule):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(
            f"`{name}` must be a number or a LearningRateSchedule. "
            f"Received: {name}={value!r}"
        )
    if not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be within [0, 1]. Received: {name}={value}"
        )
    return float(value)
