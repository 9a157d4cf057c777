"""Cells around cells."""

import collections
import math

import keras

from msrnn_keras.cells.base import ConvRNNCell


class WrapperCell(ConvRNNCell):
    """Base class of what can be put on another cell.

    The states are those of the inner cell followed by the wrapper's own,
    named in `own_states`. A subclass defines `build` (beginning with
    `super().build`) and `step`, which calls `self.cell.step`. `inner_shape`
    says what the inner cell reads where that is not the input.

    Args:
        cell: `ConvRNNCell` to wrap.
        **kwargs: Arguments of `keras.layers.Layer`; `dtype` is the cell's
            where it is not given.

    Raises:
        ValueError: If the cell lacks a name of `needs` in its `aux_names`
            or a state of `needs_states`.
    """

    own_states = ()  # names of the wrapper's own states
    own_float32_states = ()  # those of them that are `float32_states`
    needs = ()  # what `step` of the inner cell must give
    needs_states = ()  # which states the inner cell must have
    own_size_multiple = 1
    own_checkpoint_names = {}

    def __init__(self, cell, **kwargs):
        kwargs.setdefault("dtype", cell.dtype_policy)
        super().__init__(cell.filters, cell.kernel_size, **kwargs)
        missing = sorted(set(self.needs) - set(cell.aux_names))
        if missing:
            raise ValueError(
                f"{type(self).__name__} needs a cell whose step gives "
                f"{', '.join(missing)}. Received: {type(cell).__name__}"
            )
        for name in self.needs_states:
            if name not in cell.State._fields:
                raise ValueError(
                    f"{type(self).__name__} needs a cell with a state {name}. "
                    f"Received: {cell.State._fields}"
                )
        self.cell = cell
        self.State = collections.namedtuple(
            "State", (*cell.State._fields, *self.own_states)
        )
        self.float32_states = (*cell.float32_states, *self.own_float32_states)
        self.size_multiple = math.lcm(
            cell.size_multiple, self.own_size_multiple
        )
        self.aux_names = cell.aux_names
        self.checkpoint_names = {
            **{f"cell.{k}": v for k, v in cell.checkpoint_names.items()},
            **self.own_checkpoint_names,
        }

    def split(self, states):
        """The inner cell's `State` and the list of the wrapper's own."""
        count = len(self.cell.State._fields)
        return self.cell.State(*states[:count]), list(states[count:])

    def own_shapes(self, image_shape):
        """Shapes `(height, width, channels)` of the wrapper's own states."""
        return [(*image_shape, self.filters)] * len(self.own_states)

    def inner_shape(self, inputs_shape):
        """Shape of what the inner cell reads."""
        return inputs_shape

    @property
    def state_size(self):
        own = [shape[-1] for shape in self.own_shapes((1, 1))]
        return [*self.cell.state_size, *own]

    def state_shapes(self, image_shape):
        own = self.own_shapes(image_shape)
        return [*self.cell.state_shapes(image_shape), *own]

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        if not self.cell.built:  # A loaded cell is.
            self.cell.build(self.inner_shape(inputs_shape))
            self.cell.built = True

    def get_config(self):
        config = super().get_config()
        del config["filters"], config["kernel_size"]
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**config, "cell": cell}

    @classmethod
    def from_config(cls, config):
        cell = keras.saving.deserialize_keras_object(config["cell"])
        return cls(**{**config, "cell": cell})
