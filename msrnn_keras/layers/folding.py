"""Fold a 1×1 convolution into the layers that read its output."""

import keras


def fold_pointwise(embed, cell):
    """Fold a 1×1 convolution into the layers of a cell that read its output.

    Only layers with `can_fold` may read it, alone or first in a concatenation
    over the channels. Return whether it was folded.
    """
    readers = _readers(cell, embed.filters)
    for layer in readers:
        layer.fold_pointwise(embed)
    if readers:
        embed.defer()
    return bool(readers)


def _readers(cell, channels):
    """Return the layers that read the input; none if another operation does."""
    size = 8 * cell.size_multiple  # any would do
    shape = (1, size, size, channels)
    x = keras.Input(batch_shape=shape, dtype=cell.compute_dtype)
    shapes = [(1, *shape) for shape in cell.state_shapes((size, size))]
    states = map(keras.KerasTensor, shapes, cell.state_dtypes)
    try:
        results = keras.tree.flatten(cell.step(x, cell.State(*states)))
    except Exception:
        return []  # a step of the user's that takes no symbolic tensors
    readers, read = [], [x]
    for tensor in read:
        if any(tensor is result for result in results):
            return []
        operation = tensor._keras_history.operation
        for node in operation._outbound_nodes:
            layer, (first, *_) = node.operation, node.input_tensors
            if first is not tensor or len(layer._inbound_nodes) > 1:
                return []
            channels_last = getattr(layer, "axis", None) in (-1, 3)
            if getattr(layer, "can_fold", False):
                readers.append(layer)
            elif type(layer).__name__ == "Concatenate" and channels_last:
                read.append(node.outputs[0])
            else:
                return []
    return readers
