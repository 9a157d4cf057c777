"""Cells around cells."""

import collections
import math
from typing import Any, Self

import keras

from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.convolutions import CONV_ARGUMENTS
from msrnn_keras.utils.typing import Config, Names, Shape, Tensor


class WrapperCell(ConvRNNCell):
    """Base class of cells that wrap another cell.

    The states are those of the inner cell, then `own_states`. A subclass
    defines `step`, which calls `self.cell.step`, and may define `inner_shape`.

    Args:
        cell: `ConvRNNCell` to wrap.
        **kwargs: As in `ConvRNNCell`; defaults are those of the cell.

    Raises:
        ValueError: If the cell lacks a part in `needs` or `needs_states`.
    """

    own_states: Names = ()  # names of the wrapper's own states
    own_float32_states: Names = ()  # those of them that are `float32_states`
    needs: Names = ()  # what `step` of the inner cell must return in `aux`
    needs_states: Names = ()  # states that the inner cell must have
    own_size_multiple = 1
    own_checkpoint_names: Config = {}

    def __init__(self, cell: ConvRNNCell, **kwargs: Any) -> None:
        inherited = {name: getattr(cell, name) for name in CONV_ARGUMENTS}
        kwargs = {"dtype": cell.dtype_policy, **inherited, **kwargs}
        super().__init__(cell.filters, cell.kernel_size, **kwargs)
        for what, needs, has in (
            ("whose step gives", self.needs, cell.aux_names),
            ("with a state", self.needs_states, cell.State._fields),
        ):
            missing = ", ".join(sorted(set(needs) - set(has)))
            if missing:
                raise ValueError(
                    f"{type(self).__name__} needs a cell {what} {missing}. "
                    f"Received: {type(cell).__name__} with {has}"
                )
        self.cell = cell
        names = (*cell.State._fields, *self.own_states)
        self.State = collections.namedtuple("State", names)
        self.float32_states = (*cell.float32_states, *self.own_float32_states)
        sizes = (cell.size_multiple, self.own_size_multiple)
        self.size_multiple, self.aux_names = math.lcm(*sizes), cell.aux_names
        names = {f"cell.{k}": v for k, v in cell.checkpoint_names.items()}
        self.checkpoint_names = {**names, **self.own_checkpoint_names}

    def split(self, states: Any) -> tuple[Any, list[Tensor]]:
        """Return the inner cell's `State` and a list of the own states."""
        count = len(self.cell.State._fields)
        return self.cell.State(*states[:count]), list(states[count:])

    def own_shapes(self, image_shape: Shape) -> list[Shape]:
        """Return the shapes `(height, width, channels)` of the own states."""
        return [(*image_shape, self.filters)] * len(self.own_states)

    def inner_shape(self, inputs_shape: Shape) -> Shape:
        """Return the shape of the inner cell's input."""
        return inputs_shape

    @property
    def state_size(self) -> list[int]:
        own = [shape[-1] for shape in self.own_shapes((1, 1))]
        return [*self.cell.state_size, *own]

    def state_shapes(self, image_shape: Shape) -> list[Shape]:
        own = self.own_shapes(image_shape)
        return [*self.cell.state_shapes(image_shape), *own]

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        super().build(inputs_shape, states_shape)
        if not self.cell.built:  # a loaded cell is
            self.cell.build(self.inner_shape(inputs_shape))

    def get_config(self) -> Config:
        config = super().get_config()
        del config["filters"], config["kernel_size"]
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**config, "cell": cell}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        cell = keras.saving.deserialize_keras_object(config["cell"])
        return cls(**{**config, "cell": cell})
