"""Cost and receptive field, plain beside multi-scale (`msrnn summary`)."""

import math
from typing import Any, NamedTuple

from msrnn_keras.cost import estimate
from msrnn_keras.models.architectures import ALIASES, ARCHITECTURES
from msrnn_keras.models.ms_stack import create
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.formatting import format_number
from msrnn_keras.utils.names import lookup, normalize
from msrnn_keras.utils.tables import aligned

GIGA, MEBIBYTE = 10**9, 2**20
NOTES = """\
FLOPs: of one clip; a multiplication and an addition count as two.
Field: theoretical side, in pixels, of what a layer sees in the frame of the
same step (newest) and in the first frame (oldest); "all": the whole frame.
Memory: tensors of a training step with Adam, estimated for TensorFlow on a
CPU without XLA; Python and TensorFlow themselves are not included."""


class Costs(NamedTuple):
    """Cost and receptive field of one model."""

    name: str
    parameters: int
    flops: int  # of one forecast of one clip
    fields: dict  # scale -> `estimate.Field`
    memory: int  # of one training step, bytes


class Comparison(NamedTuple):
    """The same cells in a plain and in a multi-scale stack."""

    plain: Any  # `Costs` or what was `Measured`
    multi_scale: Any
    setting: str  # sizes of both, as text


def compare(name, batch=4, skips=None, **options):
    """Estimate both models; `options` are arguments of `MSStack`."""
    check_positive("batch", batch)
    name = ALIASES.get(normalize(name), name)
    _, row = lookup(name, ARCHITECTURES, "architecture")
    multi_scale = create(f"ms-{row.cell}", skips=skips, **options)
    options["scales"] = (1,) * len(multi_scale.scales)
    plain = create(row.cell, **options)
    return Comparison(
        _costs(row.cell, plain, batch),
        _costs(f"ms-{row.cell}", multi_scale, batch),
        _setting(plain, batch),
    )


def table(comparison):
    """Write a `Comparison` as text, a line for each quantity."""
    plain, multi_scale, setting = comparison
    rows = [("", plain.name, multi_scale.name, "ratio")]
    for label, value_of, spec in _quantities(multi_scale.fields):
        pair = [value_of(plain), value_of(multi_scale)]
        known = not {None, math.inf} & set(pair)
        texts = [
            "all" if value == math.inf else format_number(value, spec)
            for value in pair
        ]
        texts.append(f"{pair[1] / pair[0]:.2f}" if known else "")
        rows.append((label, *texts))
    return "\n".join([setting, *aligned(rows), NOTES])


def _setting(model, batch):
    height, width, channels = model.image_shape
    parts = [
        f"{height}×{width}×{channels}",
        f"{model.context} → {model.horizon} frames",
        f"{model.filters} filters",
        f"kernels of {model.kernel_size}",
        f"patches of {model.patch_size}",
        *(f"{name}={value}" for name, value in model.cell_options.items()),
        f"batch {batch}",
        model.dtype_policy.name,
    ]
    return ", ".join(parts)


def _costs(name, model, batch):
    return Costs(
        name,
        sum(math.prod(w.shape) for w in model.trainable_variables),
        estimate.forecast_flops(model),
        estimate.receptive_fields(model),
        estimate.training_memory(model, batch),
    )


def _quantities(scales):
    fields = [
        (f"field, px: {when} frame, scale {scale}", _field(scale, when), ",")
        for when in estimate.Field._fields
        for scale in scales
    ]
    return [
        ("parameters", lambda costs: costs.parameters, ","),
        ("GFLOPs per forecast", lambda costs: costs.flops / GIGA, ",.1f"),
        *fields,
        ("memory, MiB", lambda costs: costs.memory / MEBIBYTE, ",.1f"),
    ]


def _field(scale, when):
    return lambda costs: getattr(costs.fields.get(scale), when, None)
