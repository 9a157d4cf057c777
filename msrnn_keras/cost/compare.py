"""Cost and receptive field (`msrnn summary`), plain beside multi-scale."""

import inspect
import math
from typing import Any, NamedTuple

from msrnn_keras.cost import estimate
from msrnn_keras.models.architectures import ALIASES, ARCHITECTURES
from msrnn_keras.models.ms_stack import class_of, create
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.formatting import format_number
from msrnn_keras.utils.names import lookup, normalize
from msrnn_keras.utils.tables import aligned

# What `msrnn summary` passes to every model.
STACK_DEFAULTS = dict(filters=64, kernel_size=3, patch_size=1, skips=None)
WORDS = {
    "filters": "{} filters",
    "kernel_size": "kernels of {}",
    "patch_size": "patches of {}",
}
SHOWN = ("image_shape", "context", "horizon", "dtype")
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
    fields: dict  # scale -> `estimate.Field`; empty without recurrent layers
    memory: int  # of one training step, bytes


class Comparison(NamedTuple):
    """The same cells in a plain and a multi-scale stack; or another model."""

    plain: Any  # `Costs` or what was `Measured`
    multi_scale: Any  # None for another model
    setting: str  # sizes of both, as text


def compare(name, batch=4, skips=None, **options):
    """Estimate both models; `options` are arguments of their class."""
    batch = check_positive("batch", batch)
    name = ALIASES.get(normalize(name), name)
    name, row = lookup(name, ARCHITECTURES, "architecture")
    cell = row.options.get("cell")
    if cell is None:
        options = fitting(name, {"skips": skips, **options})
        model = create(name, **options)
        setting = _setting(model, batch, options)
        return Comparison(_costs(name, model, batch), None, setting)
    multi_scale = create(f"ms-{cell}", skips=skips, **options)
    options["scales"] = (1,) * len(multi_scale.scales)
    plain = create(cell, **options)
    sizes = {
        "filters": plain.filters,
        "kernel_size": plain.kernel_size,
        "patch_size": plain.patch_size,
    }
    return Comparison(
        _costs(cell, plain, batch),
        _costs(f"ms-{cell}", multi_scale, batch),
        _setting(plain, batch, {**sizes, **plain.cell_options}),
    )


def fitting(name, options):
    """Return options without stacks' defaults that a class does not take."""
    taken = inspect.signature(class_of(name)).parameters
    return {
        key: value
        for key, value in options.items()
        if key in taken or STACK_DEFAULTS.get(key, key) != value
    }


def table(comparison):
    """Write a `Comparison` as text, a line for each quantity."""
    plain, multi_scale, setting = comparison
    if multi_scale is None:
        rows = [("", plain.name)]
        for label, value_of, spec in _quantities({}):
            rows.append((label, format_number(value_of(plain), spec)))
        return "\n".join([setting, *aligned(rows), NOTES])
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


def _setting(model, batch, options):
    height, width, channels = model.image_shape
    others = {
        key: x for key, x in options.items() if key not in (*WORDS, *SHOWN)
    }
    parts = [
        f"{height}×{width}×{channels}",
        f"{model.context} → {model.horizon} frames",
        *(WORDS[key].format(options[key]) for key in WORDS if key in options),
        *(f"{name}={value}" for name, value in others.items()),
        f"batch {batch}",
        model.dtype_policy.name,
    ]
    return ", ".join(parts)


def _costs(name, model, batch):
    return Costs(
        name,
        sum(math.prod(w.shape) for w in model.trainable_variables),
        estimate.forecast_flops(model),
        estimate.receptive_fields(model) if hasattr(model, "step") else {},
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
