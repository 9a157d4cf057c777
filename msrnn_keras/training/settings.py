"""The settings of a training: a recipe's `[training]` table."""

import dataclasses
import functools
import typing

POSITIVE = (
    *("batch_size", "epochs", "steps_per_epoch", "learning_rate"),
    *("sampling_steps", "decay_steps", "threads", "validation_clips"),
    *("weight_decay", "clipnorm", "global_clipnorm"),
)


@dataclasses.dataclass(frozen=True)
class Training:
    """Settings of a training: the `[training]` table of a recipe."""

    batch_size: int = 8  # clips per training step
    # Each epoch ends with a validation and a checkpoint, and continues through
    # the data where the previous one ended.
    epochs: int = 20
    steps_per_epoch: int = 400
    learning_rate: float = 1e-3  # the peak, reached after `warmup_steps`
    # Steps of the linear warm-up: 100, or a tenth of less than 1,000 steps.
    warmup_steps: int | None = None
    validation_clips: int = 500  # scored after each epoch
    # Steps of scheduled sampling: half of the training for "linear", all of it
    # for "reverse", and 600 where the rate is constant. Not for "none".
    sampling_steps: int | None = None
    loss: str = "l1_l2"  # or "mse", per-frame sums over the pixels
    seed: int = 0  # of weights, data and sampling
    # After the warm-up "cosine" falls to 0; "one-cycle" is PyTorch's: it rises
    # from 1/25 of the peak and falls to 1/250,000 of it, with Adam's first
    # momentum from 0.95 to 0.85 and back; "constant" (Hu et al., 2024,
    # arXiv:2404.06395) stays at the peak, falling linearly to 0 in the last
    # `decay_steps`, if any.
    schedule: str = "cosine"
    decay_steps: int | None = None
    # "linear", from the true frames to the model's own predictions within
    # `sampling_steps`; "reverse", as PredRNN-V2; "none", own predictions,
    # the only choice for models that are not recurrent.
    sampling: str = "linear"
    optimizer: str = "adam"  # or "adamw", which needs `weight_decay`
    weight_decay: float | None = None  # multiplied by the learning rate
    clipnorm: float | None = None  # of the gradient of each weight
    global_clipnorm: float | None = None  # of all gradients together
    # Momentum of averaged weights, used for validation and the best weights.
    ema: float | None = None
    precision: str | None = None  # dtype policy, such as "mixed_bfloat16"
    threads: int | None = None  # of one operation on the CPU

    def __post_init__(self):
        counts = self.epochs, self.steps_per_epoch
        if not all(isinstance(count, int) for count in counts):
            return  # `check_types` refuses it by name.
        put = functools.partial(object.__setattr__, self)
        if self.warmup_steps is None:
            steps = 100 if self.steps >= 1000 else self.steps // 10
            cycle = self.schedule == "one-cycle"
            put("warmup_steps", self.steps * 3 // 10 if cycle else steps)
        if self.sampling_steps is None and self.sampling != "none":
            whole = 600 if self.schedule == "constant" else self.steps
            half = self.sampling == "linear" and self.schedule != "constant"
            put("sampling_steps", max(1, whole // 2 if half else whole))

    @property
    def steps(self):
        return self.epochs * self.steps_per_epoch


def check_numbers(training):
    """Refuse numbers that are not positive and a warm-up that is too long."""
    t = training
    for name in POSITIVE:
        value = getattr(t, name)
        if value is not None and not value > 0:
            message = f"`{name}` must be positive. Received: {name}={value}"
            raise ValueError(message)
    if not 0 <= t.warmup_steps < t.steps:
        raise ValueError(
            f"`warmup_steps` must be less than the {t.steps} steps of the "
            f"training. Received: warmup_steps={t.warmup_steps}"
        )


def check_types(table):
    """Refuse values of a dataclass that differ in type from their field."""
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
