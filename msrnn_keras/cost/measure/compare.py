"""Measured cost of a model, plain beside multi-scale (`msrnn profile`)."""

from typing import NamedTuple

import keras

from msrnn_keras.cost.compare import compare
from msrnn_keras.cost.measure.measure import MODES, Task
from msrnn_keras.cost.measure.processes import check_backend, run_in_turn
from msrnn_keras.cost.measure.report import (
    FIGURES,
    NOTES,
    Measured,
    ratio,
    spread,
)
from msrnn_keras.models.architectures import MULTI_SCALE
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.formatting import format_number
from msrnn_keras.utils.tables import aligned


class Profile(NamedTuple):
    """The same cells in a plain and in a multi-scale stack, measured."""

    plain: Measured
    multi_scale: Measured
    setting: str  # sizes of both, as text


def profile(
    name,
    batch=4,
    steps=3,
    repeats=3,
    backend=None,
    skips=None,
    progress=None,
    **options,
):
    """Measure time and memory of a model, plain and multi-scale.

    Each training step and each forecast is measured in its own process, one
    at a time, in turn. A process that fails leaves its error in the result.

    Args:
        name: String, `"predrnn"` or `"ms-predrnn"`, which mean the same here.
        batch: Integer, samples of a batch.
        steps: Integer, timed calls in each process, after the first.
        repeats: Integer, processes for each figure.
        backend: String, such as `"torch"`. None is the current backend.
        skips: String, the topology of the multi-scale stack.
        progress: Function of a line of text, called before each process.
        **options: Further arguments of `MSStack`, for both models, which JSON
            must be able to hold; `scales` is for the multi-scale stack.

    Returns:
        `Profile`.

    Raises:
        ValueError: If an argument is invalid or the backend not installed.

    Example:
        >>> print(table(profile("convlstm", image_shape=(128, 128, 1))))
    """
    check_positive("steps", steps)
    check_positive("repeats", repeats)
    backend = keras.backend.backend() if backend is None else backend
    check_backend(backend)
    costs = compare(name, batch, skips, **options)
    scales = options.pop("scales", MULTI_SCALE)
    plain = {**options, "scales": (1,) * len(scales)}
    multi_scale = {**options, "scales": scales, "skips": skips}
    pair = ((costs.plain, plain), (costs.multi_scale, multi_scale))
    tasks = [
        Task(model.name, mode, arguments, batch, steps, model.flops, backend)
        for mode in MODES
        for model, arguments in pair
    ]
    results = run_in_turn(tasks, repeats, progress)
    return Profile(
        Measured(costs.plain.name, backend, results[0] + results[2]),
        Measured(costs.multi_scale.name, backend, results[1] + results[3]),
        f"{costs.setting}, {backend}",
    )


def table(measured):
    """Write a `Profile` as text, a line for each figure."""
    plain, multi_scale, setting = measured
    rows = [("", plain.name, multi_scale.name, "ratio")]
    for figure, (label, spec) in FIGURES.items():
        spreads = [spread(m.values(figure)) for m in (plain, multi_scale)]
        texts = [format_number(s and s.median, spec) for s in spreads]
        change = format_number(ratio(multi_scale, plain, figure), ".2f")
        rows.append((label, *texts, change))
    errors = [*plain.errors, *multi_scale.errors]
    return "\n".join([setting, *aligned(rows), *errors, NOTES])
