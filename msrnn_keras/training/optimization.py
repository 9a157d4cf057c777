"""Optimizer, learning rate and scheduled sampling of a recipe."""

import keras
from keras import ops

from msrnn_keras.models.scheduled_sampling import ScheduledSampling
from msrnn_keras.training.settings import check_known

OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
# The first and the last learning rate of a cosine, as fractions of the peak.
COSINES = {"cosine": (0.0, 0.0), "one-cycle": (1 / 25, 1 / 25e4)}
SCHEDULES = (*COSINES, "constant")
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


def learning_rate(training):
    """Return the learning rate schedule of a `Training`.

    Cosine: Loshchilov and Hutter, 2016, arXiv:1608.03983. One-cycle: Smith
    and Topin, 2017, arXiv:1708.07120.
    """
    t = training
    if t.schedule == "constant":
        decay = t.decay_steps, t.steps if t.decay_steps else None
        return WarmupStableDecay(t.learning_rate, t.warmup_steps, *decay)
    start, end = COSINES[t.schedule]
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=start * t.learning_rate,
        decay_steps=t.steps - t.warmup_steps,
        alpha=end,
        warmup_target=t.learning_rate,
        warmup_steps=t.warmup_steps,
    )


def optimizer(training):
    """Return the Keras optimizer of a `Training`."""
    names = ("weight_decay", "clipnorm", "global_clipnorm")
    options = {name: getattr(training, name) for name in names}
    options = {name: x for name, x in options.items() if x is not None}
    if training.ema is not None:
        options |= {"use_ema": True, "ema_momentum": training.ema}
    return OPTIMIZERS[training.optimizer](learning_rate(training), **options)


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
    try:
        keras.dtype_policies.get(training.precision)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            "`precision` must be a dtype policy of Keras, such as "
            f"mixed_bfloat16. Received: precision={training.precision!r}"
        ) from error


def _check_pair(training, owner, name, without):
    """Refuse a number that is missing or that nothing uses."""
    value, number = getattr(training, owner), getattr(training, name)
    if (number is None) != (value == without):
        wants = "needs" if number is None else "takes no"
        raise ValueError(
            f"`{owner}` {value} {wants} `{name}`. "
            f"Received: {owner}={value!r}, {name}={number}"
        )
