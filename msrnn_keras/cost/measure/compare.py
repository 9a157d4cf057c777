"""What a model takes on this machine, plain beside multi-scale."""

from typing import NamedTuple

import keras

from msrnn_keras.cost.compare import compare
from msrnn_keras.cost.measure.measure import MODES, Task
from msrnn_keras.cost.measure.processes import check_backend, run_in_turn
from msrnn_keras.cost.measure.report import (
    FIGURES,
    NOTES,
    Measured,
    cell,
    ratio,
    spread,
)
from msrnn_keras.models.architectures import MULTI_SCALE
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.tables import aligned


class Profile(NamedTuple):
    """The same cells in a plain and in a multi-scale stack, measured."""

    plain: Measured
    multi_scale: Measured
    setting: str  # sizes of both, in words


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

    Each training and each forecast has a process of its own, one at a time;
    the models take turns. One that fails leaves its error in the result.

    Args:
        name: String, `"predrnn"` or `"ms-predrnn"`, the same here.
        batch: Integer, samples of a batch.
        steps: Integer, timed calls in each process, after the first.
        repeats: Integer, processes for each figure.
        backend: String, such as `"torch"`; None is the one that runs.
        skips: String, the topology of the multi-scale stack.
        progress: Function of a line of text, called before each process.
        **options: Further arguments of `MSStack`, for both but `scales`,
            those of the multi-scale stack; of values that JSON can hold.

    Returns:
        `Profile`.

    Raises:
        ValueError: If an argument is unknown or out of its range, or the
            backend is not installed.

    Example:
    >>> measured = profile("convlstm", image_shape=(128, 128, 1), batch=1)
    >>> print(table(measured))
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
    """What was measured, as text.

    Args:
        measured: `Profile`.

    Returns:
        String, a line for each figure.
    """
    plain, multi_scale, setting = measured
    rows = [("", plain.name, multi_scale.name, "ratio")]
    for figure, (label, form) in FIGURES.items():
        medians = [spread(m.values(figure)) for m in (plain, multi_scale)]
        texts = [cell(m and m.median, form) for m in medians]
        rows.append(
            (label, *texts, cell(ratio(multi_scale, plain, figure), ".2f"))
        )
    errors = [*plain.errors, *multi_scale.errors]
    return "\n".join([setting, *aligned(rows), *errors, NOTES])
