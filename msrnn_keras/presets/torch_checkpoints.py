"""Convert checkpoints of the published PyTorch code, in both directions."""

import contextlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from msrnn_keras.cells import CheckpointBlock
from msrnn_keras.models.forecaster import Forecaster
from msrnn_keras.models.ms_stack import class_of, create
from msrnn_keras.models.step_graph import build_cells, lookup_cell
from msrnn_keras.utils.files import naming
from msrnn_keras.utils.typing import Model, PathLike
from msrnn_keras.utils.weights_file import (
    problems_of_archive,
    problems_of_claim,
)

__all__ = [
    "export_torch_checkpoint",
    "load_torch_checkpoint",
    "model_of_torch_checkpoint",
]

# Of wrapped models.
PREFIXES = re.compile(r"^((model|module|torch_nn_module)\.)+")
TO_KERAS = (2, 3, 1, 0)  # from (out, in, height, width); transposed ones alike
TO_TORCH = (3, 2, 0, 1)
SHOWN = 6  # names listed in an error, of each kind


class CheckpointSlot(NamedTuple):
    """The place of a checkpoint's array in a model."""

    shape: tuple  # in the order of PyTorch
    variable: Any = None  # None if the array is not used
    rows: slice = slice(None)  # the array's place in the variable, first axis
    blocks: CheckpointBlock = CheckpointBlock("")

    def kept(self, array):
        """Return the blocks of an array that the variable holds."""
        parts = np.split(array, self.blocks.count)
        dropped = self.blocks.dropped
        return np.concatenate(
            [part for i, part in enumerate(parts) if i not in dropped]
        )

    def whole(self):
        """Return the array, with zeros where the variable holds nothing."""
        array = np.zeros(self.shape, "float32")
        if self.variable is None:
            return array
        count, dropped = self.blocks.count, self.blocks.dropped
        kept = [i for i in range(count) if i not in dropped]
        values = np.split(_torch_order(self.variable)[self.rows], len(kept))
        targets = np.split(array, count)
        for index, value in zip(kept, values, strict=True):
            targets[index][...] = value
        return array


def load_torch_checkpoint(
    model: Model, source: PathLike | Mapping[str, Any]
) -> Model:
    """Load a checkpoint of the published PyTorch code into a model.

    Every array must be used, or be one that the published code does not use.
    If anything does not match, the model stays unchanged.

    Args:
        model: `MSStack` or `SimVP` of the checkpoint's sizes.
        source: Mapping of names to arrays (a `state_dict`), or path of a
            `.pth` or `.pt` file. Prefixes `module.`, `model.` and
            `torch_nn_module.` are ignored.

    Returns:
        The model.

    Raises:
        ValueError: If the file cannot be read, or arrays do not fit.
        FileNotFoundError: If there is no such file.
        ImportError: If a file is given and PyTorch is not installed.

    Example:
    >>> model = msrnn_keras.create("ms-predrnn")
    >>> convert.load_torch_checkpoint(model, "checkpoint.pth")
    """
    with _naming(source):
        return _load(model, _arrays(source))


def _load(model, arrays):
    """Load arrays by their published names into a model; return it."""
    slots = _slots(model)
    _check_match(arrays, slots)
    if hasattr(model, "published_weights"):
        for name, slot in slots.items():
            if slot.variable is not None:
                slot.variable.assign(slot.from_published(arrays[name]))
        return model
    values = {}
    for name, slot in slots.items():
        if slot.variable is None:
            continue
        whole = _torch_order(slot.variable)
        _, value = values.setdefault(
            id(slot.variable), (slot.variable, np.empty_like(whole))
        )
        value[slot.rows] = slot.kept(arrays[name])
    for variable, value in values.values():
        four = value.ndim == 4
        variable.assign(value.transpose(TO_KERAS) if four else value)
    return model


def model_of_torch_checkpoint(
    name: str, source: PathLike | Mapping[str, Any], **options: Any
) -> Forecaster:
    """Build the model of a checkpoint, with its sizes, and load it.

    Args:
        name: String, the architecture, such as `"ms-predrnn"`.
        source: As in `load_torch_checkpoint`.
        **options: Arguments of the model; the channels are the checkpoint's.

    Returns:
        `Forecaster` with the weights of the checkpoint.

    Raises:
        ValueError: As in `load_torch_checkpoint`, or an option is unknown.

    Example:
    >>> model = convert.model_of_torch_checkpoint("ms-predrnn", "best.pth")
    """
    cls, shape = class_of(name), options.pop("image_shape", (64, 64))
    with _naming(source):
        arrays = _arrays(source)
        sizes = _sizes_of(cls, arrays, shape)
    model = create(name, **{**sizes, **options})
    with _naming(source):
        return _load(model, arrays)


def _sizes_of(cls, arrays, shape):
    """Return the arguments of a model that the arrays of a checkpoint tell."""
    published_sizes = getattr(cls, "published_sizes", None)
    if published_sizes is not None:
        return published_sizes(arrays, shape)
    for key in ("embed.conv_embed.weight", "fc.conv_fc.weight"):
        if key not in arrays:
            raise ValueError(
                f"The checkpoint of a stack has an array {key}. "
                f"Received: {sorted(arrays)[:SHOWN]}"
            )
    return {
        "image_shape": (*shape[:2], len(arrays["fc.conv_fc.weight"])),
        "filters": len(arrays["embed.conv_embed.weight"]),
    }


def export_torch_checkpoint(model: Forecaster) -> dict[str, np.ndarray]:
    """Return the weights of a model under the names of the PyTorch code.

    Arrays that the published code stores without using are zeros.

    Args:
        model: `MSStack` or `SimVP`.

    Returns:
        Dict from name to float32 array; counters are int64.

    Example:
    >>> arrays = convert.export_torch_checkpoint(model)
    >>> state = {name: torch.from_numpy(a) for name, a in arrays.items()}
    >>> torch.save(state, "checkpoint.pth")
    """
    if hasattr(model, "published_weights"):
        weights = model.published_weights()
        return {name: slot.to_published() for name, slot in weights.items()}
    layers = "rnns.lstms." if model.skips in ("unet3+", "fc") else "rnns.lstm."
    return {
        name.replace("rnns.lstm.", layers): slot.whole()
        for name, slot in _slots(model).items()
    }


def _slots(model):
    if hasattr(model, "published_weights"):
        return model.published_weights()
    wiring = model._stepper.cell.wiring
    slots = _layer_slots("embed.conv_embed", wiring.embed)
    all_layers = _slots_of_all_layers(model)
    for index, cell in enumerate(wiring.cells):
        own = _cell_slots(cell)
        for name, slot in all_layers.items():
            unused = CheckpointSlot(slot.shape)
            slots[f"rnns.lstm.{index}.{name}"] = own.get(name, unused)
    if model.decoupling_weight:
        slots |= _layer_slots("rnns.adapter", wiring.cells[0].adapter)
    slots.update(_layer_slots("fc.conv_fc", wiring.head))
    return slots


def _slots_of_all_layers(model):
    """Return the slots that every layer of the PyTorch code has."""
    # Each of its layers has the weights of any; three layers have all kinds.
    row = lookup_cell(model.cell)[1]._replace(
        motion=model.motion, decoupling_weight=model.decoupling_weight
    )
    cells = build_cells(
        row,
        3,
        model.dtype_policy,
        filters=model.filters,
        kernel_size=model.kernel_size,
        **model.cell_options,
    )
    slots = {}
    for cell in cells:
        cell.build((None, None, None, model.filters))
        slots |= _cell_slots(cell)
    return slots


def _cell_slots(cell):
    slots = {}
    for path, names in cell.checkpoint_names.items():
        layer = cell
        for part in path.split("."):
            layer = layer[int(part)] if part.isdigit() else getattr(layer, part)
        slots |= _layer_slots(names, layer)
    return slots


def _layer_slots(names, layer):
    """Return the slots of a convolution that holds several arrays."""
    names = names if isinstance(names, tuple) else (names,)
    blocks = [CheckpointBlock(n) if isinstance(n, str) else n for n in names]
    kept = [b.count - len(b.dropped) for b in blocks]
    slots = {}
    for variable in layer.weights:
        kind = "bias" if len(variable.shape) == 1 else "weight"
        rows, *rest = _torch_order(variable).shape
        width = rows // sum(kept)
        start = 0
        for block, count in zip(blocks, kept, strict=True):
            stop = start + count * width
            slots[f"{block.name}.{kind}"] = CheckpointSlot(
                (block.count * width, *rest),
                variable,
                slice(start, stop),
                block,
            )
            start = stop
    return slots


def _torch_order(variable):
    value = np.asarray(ops.convert_to_numpy(variable), "float32")
    return value.transpose(TO_TORCH) if value.ndim == 4 else value


def _check_match(arrays, slots):
    used = {name for name, slot in slots.items() if slot.variable is not None}
    wrong = [
        f"{name} {arrays[name].shape}, not {slot.shape}"
        for name, slot in slots.items()
        if name in arrays and arrays[name].shape != slot.shape
    ]
    problems = {
        "missing": sorted(used - set(arrays)),
        "unknown": sorted(set(arrays) - set(slots)),
        "of another shape": wrong,
        "with NaN or infinity": [
            name for name, a in arrays.items() if not np.isfinite(a).all()
        ],
    }
    listed = []
    for kind, names in problems.items():
        if names:
            more = len(names) - SHOWN
            rest = f", and {more} more" if more > 0 else ""
            listed.append(f"{kind}: {', '.join(names[:SHOWN])}{rest}")
    if listed:
        raise ValueError(
            "The checkpoint does not fit the model; nothing was loaded. "
            "Build the model with the checkpoint's architecture and sizes. "
            f"Received: {'; '.join(listed)}"
        )


def _arrays(source):
    if not isinstance(source, Mapping):
        source = _read(source)
    if isinstance(source.get("state_dict"), Mapping):
        source = source["state_dict"]  # of PyTorch Lightning
    arrays = {}
    for name, value in source.items():
        name = PREFIXES.sub("", str(name))
        name = name.replace("rnns.lstms.", "rnns.lstm.", 1)
        if name in arrays:
            raise ValueError(
                "The checkpoint has two arrays for the same weight. "
                f"Received: {name}"
            )
        if hasattr(value, "detach"):  # a PyTorch tensor
            value = value.detach().cpu().float().numpy()
        try:
            arrays[name] = np.asarray(value, dtype="float32")
        except (TypeError, ValueError):
            raise ValueError(
                "A checkpoint must map names to arrays, as a PyTorch "
                f"state_dict. Received: {name}: {type(value).__name__}"
            ) from None
    return arrays


def _naming(source):
    """Name a checkpoint's file in errors of what it holds."""
    mapping = isinstance(source, Mapping)
    return contextlib.nullcontext() if mapping else naming(source)


def _size(value):
    """Return the bytes of the arrays in nested mappings."""
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    return getattr(value, "nbytes", 0)


def _read(path):
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no checkpoint file there. Received: {path}"
        )
    try:
        import torch
    except ImportError:
        raise ImportError(
            "Reading a PyTorch checkpoint needs PyTorch: run "
            f'`pip install "msrnn-keras[torch]"`. Received: {path}'
        ) from None
    state, claims = None, []
    with contextlib.suppress(Exception):  # Damaged ones raise almost any error.
        claims = problems_of_archive(path) if zipfile.is_zipfile(path) else []
        if not claims:
            state = torch.load(path, map_location="cpu", weights_only=True)
            claims = problems_of_claim(_size(state), path)
    if claims:
        raise ValueError(
            "The arrays of a checkpoint must be stored whole. "
            f"Received: {claims[0]}, {path}"
        )
    if not isinstance(state, Mapping):
        raise ValueError(
            "The file must hold a PyTorch state_dict alone, as torch.save("
            f"model.state_dict(), path) writes it. Received: {path}"
        )
    return state
