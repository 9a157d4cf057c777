"""Optimizer, learning rate and scheduled sampling of a recipe."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.models.scheduled_sampling import ScheduledSampling
from msrnn_keras.utils.arguments import check_known
from msrnn_keras.utils.checks import dtype_policy

OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
SCHEDULES = ("cosine", "one-cycle", "constant")
SAMPLINGS = {
    "linear": ScheduledSampling.linear,
    "reverse": ScheduledSampling.reverse,
}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, constant learning rate, optional linear decay to 0."""

    def __init__(
        self, learning_rate, warmup_steps=0, decay_steps=None, steps=None
    ):
        self.learning_rate, self.warmup_steps = learning_rate, warmup_steps
        self.decay_steps, self.steps = decay_steps, steps

    def __call__(self, step):
        step, rate = ops.cast(step, "float32"), self.learning_rate
        if self.warmup_steps:
            rate = rate * ops.minimum(1.0, step / self.warmup_steps)
        if self.decay_steps:
            left = (self.steps - step) / self.decay_steps
            rate = rate * ops.clip(left, 0.0, 1.0)
        return ops.convert_to_tensor(rate, "float32")

    def get_config(self):
        return dict(vars(self))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """PyTorch's one cycle of the learning rate and Adam's first momentum.

    The rate rises from 1/25 of the peak during the warm-up, then falls to
    1/250,000 of it; the momentum falls from 0.95 to 0.85, then rises. All are
    half-cosines.
    """

    def __init__(self, learning_rate, warmup_steps, steps):
        self.learning_rate = learning_rate
        self.warmup_steps, self.steps = warmup_steps, steps

    def __call__(self, step):
        peak = self.learning_rate
        return self._cycle(step, peak / 25, peak, peak / 25e4)

    def momentum(self, step):
        """Return the momentum at a step."""
        return self._cycle(step, 0.95, 0.85, 0.95)

    def _cycle(self, step, start, middle, end):
        step = ops.cast(step, "float32")
        top = max(self.warmup_steps - 1, 0)
        rise = ops.clip(step / max(top, 1), 0.0, 1.0)
        fall = ops.clip((step - top) / max(self.steps - 1 - top, 1), 0.0, 1.0)
        up = middle + (start - middle) * (1 + ops.cos(np.pi * rise)) / 2
        down = end + (middle - end) * (1 + ops.cos(np.pi * fall)) / 2
        return ops.where(step < top, up, down)

    def get_config(self):
        return dict(vars(self))


class _CycledMomentum:
    """An Adam whose first momentum follows its `OneCycle` schedule."""

    @property
    def beta_1(self):
        schedule = getattr(self, "_learning_rate", None)
        if isinstance(schedule, OneCycle):
            return schedule.momentum(self._iterations)
        return self._beta_1

    @beta_1.setter
    def beta_1(self, value):
        self._beta_1 = value

    def get_config(self):
        return {**super().get_config(), "beta_1": self._beta_1}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CycledAdam(_CycledMomentum, keras.optimizers.Adam):
    """Adam whose first momentum follows its `OneCycle` schedule."""


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CycledAdamW(_CycledMomentum, keras.optimizers.AdamW):
    """AdamW whose first momentum follows its `OneCycle` schedule."""


CYCLED = {"adam": CycledAdam, "adamw": CycledAdamW}


def learning_rate(training):
    """Return the learning rate schedule of a `Training`.

    Cosine: Loshchilov and Hutter, 2016, arXiv:1608.03983. One-cycle: Smith
    and Topin, 2017, arXiv:1708.07120.
    """
    t = training
    if t.schedule == "constant":
        decay = t.decay_steps, t.steps if t.decay_steps else None
        return WarmupStableDecay(t.learning_rate, t.warmup_steps, *decay)
    if t.schedule == "one-cycle":
        return OneCycle(t.learning_rate, t.warmup_steps, t.steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=t.learning_rate,
        warmup_steps=t.warmup_steps,
        decay_steps=t.steps - t.warmup_steps,
    )


def optimizer(training):
    """Return the Keras optimizer of a `Training`."""
    names = ("weight_decay", "clipnorm", "global_clipnorm")
    options = {name: getattr(training, name) for name in names}
    options = {name: x for name, x in options.items() if x is not None}
    if training.ema is not None:
        options |= {"use_ema": True, "ema_momentum": training.ema}
    cycled = training.schedule == "one-cycle"
    made = (CYCLED if cycled else OPTIMIZERS)[training.optimizer]
    return made(learning_rate(training), **options)


def sampling(training):
    """Return the `ScheduledSampling` of a `Training`, or None."""
    if training.sampling == "none":
        return None
    return SAMPLINGS[training.sampling](training.sampling_steps)


def check(training):
    """Refuse unknown names and settings that contradict each other."""
    for name, known in (
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("sampling", (*SAMPLINGS, "none")),
    ):
        check_known(name, getattr(training, name), known)
    _check_pair(training, "sampling", "sampling_steps", "none")
    _check_pair(training, "optimizer", "weight_decay", "adam")
    if training.clipnorm is not None and training.global_clipnorm is not None:
        raise ValueError(
            "Give `clipnorm` or `global_clipnorm`, not both. Received: "
            f"clipnorm={training.clipnorm}, "
            f"global_clipnorm={training.global_clipnorm}"
        )
    decay, room = training.decay_steps, training.steps - training.warmup_steps
    if decay is not None and (training.schedule != "constant" or decay > room):
        raise ValueError(
            "`decay_steps` needs schedule='constant' and at most the "
            f"{room} steps after the warm-up. Received: decay_steps={decay}, "
            f"schedule={training.schedule!r}"
        )
    ema = training.ema
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"`ema` must be between 0 and 1. Received: {ema=}")
    dtype_policy(training.precision, "precision")


def _check_pair(training, owner, name, without):
    """Refuse a number that is missing or that nothing uses."""
    value, number = getattr(training, owner), getattr(training, name)
    if (number is None) != (value == without):
        wants = "needs" if number is None else "takes no"
        raise ValueError(
            f"`{owner}` {value} {wants} `{name}`. "
            f"Received: {owner}={value!r}, {name}={number}"
        )
