"""The names of weights in published checkpoints."""

from typing import NamedTuple

import keras
import numpy as np

from msrnn_keras.models.published_weights import AXES, PublishedWeight

# The parts in the order of a checkpoint.
ORDER = (
    "init_global_vectors",
    "initial_encoder.conv_block",
    "initial_encoder.patch_merge",
    "final_decoder.conv_block",
    "final_decoder.upsample",
    "dec_final_proj",
    "encoder.down_layers",
    "encoder.down_layer_global_proj",
    "encoder.blocks",
    "enc_pos_embed",
    "z_proj",
    "dec_pos_embed",
    "decoder.self_blocks",
    "decoder.cross_blocks",
    "decoder.upsample_layers",
    "decoder.hierarchical_pos_embed_l",
)
# The names of Keras and of PyTorch.
OWN = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}


class _Buffer(NamedTuple):
    """An array of a checkpoint that is computed here."""

    array: np.ndarray
    variable: None = None

    def to_published(self):
        return self.array

    @property
    def shape(self):
        return self.array.shape


def published_weights(parts):
    """Return the variables of parts, in the order of a checkpoint.

    Args:
        parts: Dict from a published name to a layer.

    Returns:
        Dict from a published name to a `PublishedWeight`, or to what is
        stored but not used.
    """
    found = {}
    for name in sorted(parts, key=_rank):
        _collect(name, parts[name], found)
    return found


def _rank(name):
    """Return the place of a part in a checkpoint."""
    group = next(i for i, x in enumerate(ORDER) if name.startswith(x))
    return group, [int(x) for x in name.split(".") if x.isdigit()]


def _collect(name, part, found):
    """Add the variables of a part under their names."""
    if isinstance(part, keras.Variable):
        count = len(part.shape)
        transposed = part.name == "kernel"
        axes = AXES[count] if transposed else tuple(range(count))
        found[name] = PublishedWeight(part, axes)
        return
    if isinstance(part, np.ndarray):
        found[name] = _Buffer(part)
        return
    if isinstance(part, (list, tuple)):
        parts = {str(i): x for i, x in enumerate(part)}
    elif hasattr(part, "checkpoint_parts"):
        parts = part.checkpoint_parts
    else:
        order = getattr(part, "checkpoint_order", None)
        names = {x: x for x in order} if order else OWN
        parts = {
            new: getattr(part, old)
            for old, new in names.items()
            if getattr(part, old, None) is not None
        }
    for key, value in parts.items():
        _collect(f"{name}.{key}" if key else name, value, found)
