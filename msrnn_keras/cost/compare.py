"""What a model costs and sees, plain beside multi-scale."""

import math
from typing import NamedTuple

from msrnn_keras.cost import estimate
from msrnn_keras.models.architectures import ALIASES, ARCHITECTURES
from msrnn_keras.models.ms_stack import create
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.names import lookup, normalize
from msrnn_keras.utils.tables import aligned

GIGA, MEBIBYTE = 10**9, 2**20
NOTES = """\
FLOPs: of one clip; a multiplication and an addition are two.
Field: side in pixels of what a layer can see, in theory, in a frame large
enough, of this step (newest) and of the first one; "all": the whole frame.
Memory: tensors of a training step with Adam, estimated for TensorFlow on a
CPU without XLA; Python and TensorFlow themselves come on top."""


class Costs(NamedTuple):
    """What one model costs and sees."""

    name: str
    parameters: int
    flops: int  # of one forecast of one clip
    fields: dict  # scale: `estimate.Field`
    memory: estimate.Memory  # of one training step


class Comparison(NamedTuple):
    """The same cells in a plain and in a multi-scale stack."""

    plain: Costs
    multi_scale: Costs
    setting: str  # sizes of both, in words


def compare(name, batch=4, skips=None, **options):
    """What a model costs and sees, plain and multi-scale.

    Args:
        name: String, such as `"predrnn"` or `"ms-predrnn"`, which are the
            same here; see `msrnn_keras.models.architectures.ARCHITECTURES`.
        batch: Integer, samples of a training batch.
        skips: String, the topology of the multi-scale stack.
        **options: Further arguments of `MSStack`, for both but `scales`,
            those of the multi-scale stack. The defaults are the published
            sizes: 64 filters, 64×64 pixels, 10 frames to 10.

    Returns:
        `Comparison`.

    Raises:
        ValueError: If the name or an option is unknown or out of its range.

    Example:
    >>> costs = compare("predrnn", filters=32)
    >>> costs.multi_scale.flops / costs.plain.flops
    0.397...
    """
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


def _setting(model, batch):
    """What both models are and are trained with, in words."""
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


def table(comparison):
    """A comparison as text.

    Args:
        comparison: `Comparison`.

    Returns:
        String, a line for each quantity.
    """
    plain, multi_scale, setting = comparison
    rows = [("", plain.name, multi_scale.name, "ratio")]
    for label, number, form in _quantities(multi_scale.fields):
        pair = [number(plain), number(multi_scale)]
        ratio = "" if None in pair else _ratio(*pair)
        rows.append((label, *(_text(n, form) for n in pair), ratio))
    return "\n".join([setting, *aligned(rows), NOTES])


def _quantities(scales):
    """Rows of the table: `(label, function of Costs, format)`."""
    rows = [
        ("parameters", lambda costs: costs.parameters, ","),
        ("GFLOPs per forecast", lambda costs: costs.flops / GIGA, ",.1f"),
    ]
    for when in estimate.Field._fields:
        rows += [
            (f"field, px: {when} frame, scale {s}", _field(s, when), ",")
            for s in scales
        ]
    for part in (*estimate.Memory._fields, "total"):
        rows.append((f"memory, MiB: {part}", _memory(part), ",.1f"))
    return rows


def _field(scale, when):
    def number(costs):
        field = costs.fields.get(scale)
        return None if field is None else getattr(field, when)

    return number


def _memory(part):
    return lambda costs: getattr(costs.memory, part) / MEBIBYTE


def _text(number, form):
    if number is None:
        return "–"
    return "all" if number == math.inf else format(number, form)


def _ratio(plain, multi_scale):
    if math.inf in (plain, multi_scale):
        return ""
    return f"{multi_scale / plain:.2f}"
