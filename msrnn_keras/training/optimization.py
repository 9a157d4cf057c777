"""What a recipe's `[training]` table says of optimizer and sampling."""

import keras

from msrnn_keras.schedules import Sampling

OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}
# The learning rate at the start and at the end, in parts of the peak.
SCHEDULES = {
    "cosine": (0.0, 0.0),
    "one-cycle": (1 / 25, 1 / 25e4),
    "constant": (0.0, 1.0),
}
SAMPLINGS = {"linear": Sampling.linear, "reverse": Sampling.reverse}


def learning_rate(training):
    """The learning rate over the training: linear warm-up, then a cosine.

    Args:
        training: `msrnn_keras.recipes.Training`.

    Returns:
        `keras.optimizers.schedules.LearningRateSchedule`.

    Reference:
        Cosine: Loshchilov and Hutter, 2016, arXiv:1608.03983. One-cycle:
        Smith and Topin, 2017, arXiv:1708.07120.
    """
    start, end = SCHEDULES[training.schedule]
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=start * training.learning_rate,
        decay_steps=training.steps - training.warmup_steps,
        alpha=end,
        warmup_target=training.learning_rate,
        warmup_steps=training.warmup_steps,
    )


def optimizer(training):
    """The optimizer of a recipe.

    Args:
        training: `msrnn_keras.recipes.Training`.

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


def sampling(training):
    """The scheduled sampling of a recipe.

    Args:
        training: `msrnn_keras.recipes.Training`.

    Returns:
        `msrnn_keras.Sampling`, or None.
    """
    if training.sampling == "none":
        return None
    return SAMPLINGS[training.sampling](training.sampling_steps)


def check(training):
    """Refuse what does not fit together.

    Args:
        training: `msrnn_keras.recipes.Training`.

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


def _check_precision(name):
    try:
        keras.dtype_policies.get(name)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            "`precision` must be a dtype policy of Keras, such as "
            f"mixed_bfloat16. Received: precision={name!r}"
        ) from error
