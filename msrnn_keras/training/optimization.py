"""What a recipe's `[training]` table says of optimizer and sampling."""

import keras
from keras import ops

from msrnn_keras.models.scheduled_sampling import ScheduledSampling

OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
# The learning rate at the start and at the end of a cosine, as parts of the
# peak.
SCHEDULES = {
    "cosine": (0.0, 0.0),
    "one-cycle": (1 / 25, 1 / 25e4),
    "constant": None,
}
SAMPLINGS = {
    "linear": ScheduledSampling.linear,
    "reverse": ScheduledSampling.reverse,
}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises, stays, and falls to 0 in the last steps.

    Without a decay the schedule has no end, so that a training can be
    prolonged.

    Args:
        learning_rate: Float, the constant rate.
        warmup_steps: Integer, training steps of the linear rise from 0.
        decay_steps: Integer, training steps of the linear fall to 0; None is
            no fall.
        steps: Integer, training steps until the rate is 0; needed for a fall.

    Example:
    >>> schedule = WarmupStableDecay(1e-3, 100, decay_steps=500, steps=2_000)

    Reference:
        Hu et al., "MiniCPM", 2024, arXiv:2404.06395.
    """

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
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
            "steps": self.steps,
        }


def learning_rate(training):
    """Return the learning rate schedule of a recipe.

    Args:
        training: `msrnn_keras.training.recipe.Training`.

    Returns:
        `keras.optimizers.schedules.LearningRateSchedule`: a linear warm-up,
        then a cosine or a constant rate.

    Reference:
        Cosine: Loshchilov and Hutter, 2016, arXiv:1608.03983. One-cycle:
        Smith and Topin, 2017, arXiv:1708.07120.
    """
    t = training
    if t.schedule == "constant":
        return WarmupStableDecay(
            t.learning_rate,
            t.warmup_steps,
            t.decay_steps,
            t.steps if t.decay_steps else None,
        )
    start, end = SCHEDULES[t.schedule]
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=start * t.learning_rate,
        decay_steps=t.steps - t.warmup_steps,
        alpha=end,
        warmup_target=t.learning_rate,
        warmup_steps=t.warmup_steps,
    )


def optimizer(training):
    """The optimizer of a recipe.

    Args:
        training: `msrnn_keras.training.recipe.Training`.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    options = {
        name: getattr(training, name)
        for name in ("weight_decay", "clipnorm", "global_clipnorm")
        if getattr(training, name) is not None
    }
    if training.ema is not None:
        options |= {"use_ema": True, "ema_momentum": training.ema}
    return OPTIMIZERS[training.optimizer](learning_rate(training), **options)


def set_learning_rate(optimizer, training):
    """Give an optimizer that was loaded the learning rate of a recipe.

    Args:
        optimizer: `keras.optimizers.Optimizer`.
        training: `msrnn_keras.training.recipe.Training`.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    optimizer.learning_rate = learning_rate(training)


def sampling(training):
    """The scheduled sampling of a recipe.

    Args:
        training: `msrnn_keras.training.recipe.Training`.

    Returns:
        `msrnn_keras.ScheduledSampling`, or None.
    """
    if training.sampling == "none":
        return None
    return SAMPLINGS[training.sampling](training.sampling_steps)


def check(training):
    """Refuse what does not fit together.

    Args:
        training: `msrnn_keras.training.recipe.Training`.

    Raises:
        ValueError: If a name is unknown, or a number is missing or has no
            meaning beside the others.
    """
    for name, known in (
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("sampling", (*SAMPLINGS, "none")),
    ):
        value = getattr(training, name)
        if value not in known:
            raise ValueError(
                f"`{name}` must be one of {', '.join(known)}. "
                f"Received: {name}={value!r}"
            )
    for owner, name, without in (
        ("sampling", "sampling_steps", "none"),
        ("optimizer", "weight_decay", "adam"),
    ):
        value = getattr(training, owner)
        _check_pair(training, owner, value, name, value != without)
    if training.clipnorm is not None and training.global_clipnorm is not None:
        raise ValueError(
            "Give `clipnorm` or `global_clipnorm`, not both. Received: "
            f"clipnorm={training.clipnorm}, "
            f"global_clipnorm={training.global_clipnorm}"
        )
    if training.decay_steps is not None:
        _check_decay(training)
    if training.ema is not None and not 0 < training.ema < 1:
        raise ValueError(
            f"`ema` must be between 0 and 1. Received: ema={training.ema}"
        )
    if training.precision is not None:
        _check_precision(training.precision)


def _check_pair(training, owner, value, name, needed):
    """A number must be there where it is needed, and nowhere else."""
    number = getattr(training, name)
    if (number is not None) != needed:
        wants = "needs" if needed else "takes no"
        raise ValueError(
            f"`{owner}` {value} {wants} `{name}`. "
            f"Received: {owner}={value!r}, {name}={number}"
        )


def _check_decay(training):
    """Refuse a decay beside another schedule, or one that is too long."""
    room = training.steps - training.warmup_steps
    if training.schedule != "constant" or training.decay_steps > room:
        raise ValueError(
            "`decay_steps` needs schedule='constant' and at most the "
            f"{room} steps after the warm-up. Received: "
            f"decay_steps={training.decay_steps}, "
            f"schedule={training.schedule!r}"
        )


def _check_precision(name):
    try:
        keras.dtype_policies.get(name)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            "`precision` must be a dtype policy of Keras, such as "
            f"mixed_bfloat16. Received: precision={name!r}"
        ) from error
