"""The settings of a training: a recipe's `[training]` table."""

import dataclasses
import typing

POSITIVE = (
    "batch_size",
    "epochs",
    "steps_per_epoch",
    "learning_rate",
    "sampling_steps",
    "validation_clips",
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
)


@dataclasses.dataclass(frozen=True)
class Training:
    """The `[training]` table of a recipe.

    Args:
        batch_size: Integer, clips in a training step.
        epochs: Integer. An epoch ends with validation and a checkpoint.
        steps_per_epoch: Integer, training steps. They go on through the data
            where the epoch before ended; Moving MNIST draws other clips.
        learning_rate: Float, the peak; reached after `warmup_steps`.
        warmup_steps: Integer, training steps.
        validation_clips: Integer, validation clips scored after each epoch.
        sampling_steps: Integer, steps of scheduled sampling; not for
            `sampling="none"`.
        loss: String, `"l1_l2"`.
        seed: Integer, of weights, data and sampling.
        schedule: String, the learning rate after the warm-up: `"cosine"`
            falls to 0 along a cosine, `"one-cycle"` starts at 1/25 of the
            peak and falls to 1/250,000 of it along a cosine, `"constant"`
            stays.
        sampling: String: `"linear"`, from the true frames to the model's own
            within `sampling_steps`; `"reverse"`, as PredRNN-V2; `"none"`, the
            model's own from the start.
        optimizer: String, `"adam"`, or `"adamw"`, which needs `weight_decay`.
        weight_decay: Float, of `"adamw"`, times the learning rate each step.
        clipnorm: Float, the most that the norm of one weight's gradient may
            be; None clips nothing.
        global_clipnorm: Float, the same of all gradients together.
        ema: Float in (0, 1), momentum of an exponential moving average of the
            weights, which validation scores and the best weights are; None
            takes the weights themselves.
        precision: String, the dtype policy, such as `"mixed_bfloat16"`.
    """

    batch_size: int
    epochs: int
    steps_per_epoch: int
    learning_rate: float
    warmup_steps: int
    validation_clips: int
    sampling_steps: int | None = None
    loss: str = "l1_l2"
    seed: int = 0
    schedule: str = "cosine"
    sampling: str = "linear"
    optimizer: str = "adam"
    weight_decay: float | None = None
    clipnorm: float | None = None
    global_clipnorm: float | None = None
    ema: float | None = None
    precision: str | None = None

    @property
    def steps(self):
        return self.epochs * self.steps_per_epoch


def check_numbers(training):
    """Refuse numbers that cannot be.

    Args:
        training: `Training`.

    Raises:
        ValueError: If one is not positive, or the warm-up is too long.
    """
    t = training
    for name in POSITIVE:
        value = getattr(t, name)
        if value is not None and not value > 0:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={value}"
            )
    if not 0 <= t.warmup_steps < t.steps:
        raise ValueError(
            f"`warmup_steps` must be less than the {t.steps} steps of the "
            f"training. Received: warmup_steps={t.warmup_steps}"
        )


def check_types(table):
    """Refuse values of another type than their field's.

    Args:
        table: Dataclass instance.

    Raises:
        ValueError: If there is one.
    """
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        kinds = typing.get_args(field.type) or (field.type,)
        name = kinds[0].__name__
        if float in kinds:
            kinds = (*kinds, int)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(
                f"`{field.name}` must be of type {name}. "
                f"Received: {field.name}={value!r}"
            )


def check_known(name, value, table):
    """Refuse a name that is not in a table.

    Args:
        name: String, what the name is called.
        value: String, the name.
        table: Collection of strings.

    Raises:
        ValueError: If it is not there.
    """
    if value not in table:
        raise ValueError(
            f"`{name}` must be one of {', '.join(table)}. "
            f"Received: {name}={value!r}"
        )
