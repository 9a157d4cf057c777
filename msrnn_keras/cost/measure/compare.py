"""Measured cost of a model, plain beside multi-scale (`msrnn profile`)."""

import keras

from msrnn_keras.cost.compare import Comparison, compare, fitting
from msrnn_keras.cost.measure import report
from msrnn_keras.cost.measure.measure import MODES, Task
from msrnn_keras.cost.measure.processes import check_backend, run_in_turn
from msrnn_keras.models.architectures import MULTI_SCALE
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.formatting import format_number
from msrnn_keras.utils.tables import aligned


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

    Each training step and each forecast is measured in `repeats` processes, one
    at a time, in turn: `steps` timed calls after the first. Errors are in the
    result, a `Comparison` of two `Measured`, or of one and None for a model
    that is not recurrent. `options` are further arguments of the model, as
    JSON; `skips` and `scales` are for the multi-scale stack. `progress` gets a
    line of text before each process.
    """
    steps = check_positive("steps", steps)
    repeats = check_positive("repeats", repeats)
    backend = keras.backend.backend() if backend is None else backend
    check_backend(backend)
    costs = compare(name, batch, skips, **options)
    if costs.multi_scale is None:
        pair = [(costs.plain, fitting(name, {**options, "skips": skips}))]
    else:
        scales = options.pop("scales", MULTI_SCALE)
        plain = {**options, "scales": (1,) * len(scales)}
        multi_scale = {**options, "scales": scales, "skips": skips}
        pair = [(costs.plain, plain), (costs.multi_scale, multi_scale)]
    tasks = [
        Task(model.name, mode, arguments, batch, steps, model.flops, backend)
        for mode in MODES
        for model, arguments in pair
    ]
    results = run_in_turn(tasks, repeats, progress)
    count = len(pair)
    measured = [
        report.Measured(model.name, backend, results[i] + results[i + count])
        for i, (model, _) in enumerate(pair)
    ]
    measured += [None] * (2 - count)
    return Comparison(*measured, f"{costs.setting}, {backend}")


def table(measured):
    """Write the result of `profile` as text, a line for each figure."""
    plain, multi_scale, setting = measured
    both = [m for m in (plain, multi_scale) if m is not None]
    rows = [("", *(m.name for m in both), *["ratio"][: len(both) - 1])]
    for figure, (label, spec) in report.FIGURES.items():
        spreads = [report.spread(m.values(figure)) for m in both]
        texts = [format_number(s and s.median, spec) for s in spreads]
        if multi_scale is not None:
            change = report.ratio(multi_scale, plain, figure)
            texts.append(format_number(change, ".2f"))
        rows.append((label, *texts))
    errors = [error for m in both for error in m.errors]
    return "\n".join([setting, *aligned(rows), *errors, report.NOTES])
