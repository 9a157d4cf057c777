"""The contract of every recurrent cell of the package."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import in_dtype
from msrnn_keras.backend.xla import xla_is_slow
from msrnn_keras.cells.convolutions import ConvolutionalLayer
from msrnn_keras.layers.rematerialization import rematerialized
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.typing import Config, Names, Shape, Step, Tensor


class ConvRNNCell(ConvolutionalLayer):
    """Base class of the convolutional recurrent cells.

    A cell is one time step of one recurrent layer, with Keras' RNN-cell
    contract. States are maps `(batch, height, width, channels)`, zero at first,
    a NamedTuple `State` in the cell and a flat list for Keras.

    A subclass defines `State`, makes its convolutions in `__init__` with
    `self.conv(..., reads=...)`, and defines `step`. For states with other than
    `filters` channels it overrides `state_size`, for another height or width
    `state_shapes`. A memory that a stack passes from layer to layer is the
    first state, named `m`. XLA is off (`supports_jit`) where it is slow.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square kernels, pixels.
        **kwargs: `kernel_*` for convolutions that read the input, `recurrent_*`
            for convolutions of states, and `bias_*`, each with `initializer`,
            `regularizer` and `constraint`, as in `keras.layers.ConvLSTM2D`;
            further arguments of `keras.layers.Layer` (`name`, `dtype`, …).
    """

    State: Any = None  # NamedTuple class with the names of the states, in order
    # States that accumulate over time. In mixed precision they are float32,
    # in which small additions are not lost; others have the compute dtype.
    float32_states: Names = ()
    size_multiple = 1  # height and width must be a multiple of this
    aux_names: Names = ()  # keys of the dict that `step` returns
    remat = False  # whether training recomputes the step for the gradient
    # Layer -> its name in the published checkpoints, or a tuple of names and
    # `CheckpointBlock` whose weights are concatenated over the output
    # channels. A plain name is one block; all blocks have the same width.
    checkpoint_names: Config = {}

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        # `call` casts: the states have two dtypes.
        super().__init__(autocast=False, **kwargs)
        self.filters = check_positive("filters", filters)
        self.kernel_size = check_positive("kernel_size", kernel_size)
        self.supports_jit = self.supports_jit and not xla_is_slow()
        self.input_channels = self.filters  # until the cell is built
        self._built_size = (None, None)

    def step(self, x: Tensor, states: Any) -> Step:
        """Advance the cell by one time step.

        Args:
            x: Tensor `(batch, height, width, channels)`, the input, in the
                compute dtype.
            states: `State`, each `(batch, height, width, filters)`.

        Returns:
            Tuple `(output, states, aux)`: the output map in the compute dtype,
            the new `State`, and a dict of maps: `"output_gate"`, `"delta_c"`
            and `"delta_m"`, the additions to the memories, `"flow"` in pixels.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step`.")

    def call(self, inputs: Tensor, states: Any, training: Any = None) -> Any:
        inputs = in_dtype(inputs, self.compute_dtype)
        states = map(in_dtype, states, self.state_dtypes)
        if self.remat and training:
            results = rematerialized(self, self._advance, inputs, *states)
        else:
            results = self._advance(inputs, *states)
        return results[0], results[1:]

    def _advance(self, x, *states):
        """Return the output and the new states as one list."""
        output, new_states, _ = self.step(x, self.State(*states))
        return [output, *new_states]

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        self._built_size = tuple(inputs_shape[1:3])
        self.input_channels = inputs_shape[-1]
        self.build_convs()

    @property
    def output_size(self) -> int:
        return self.filters

    @property
    def state_size(self) -> list[int]:
        return [self.filters] * len(self.State._fields)

    @property
    def has_memory(self) -> bool:
        """Whether the first state is the memory that runs through a stack."""
        return self.State._fields[0] == "m"

    @property
    def state_dtypes(self) -> list[str]:
        """The dtypes of the states, in order, as strings."""
        dtypes = (self.compute_dtype, self.variable_dtype)
        return [dtypes[x in self.float32_states] for x in self.State._fields]

    def state_shapes(self, image_shape: Shape) -> list[Shape]:
        """Return the shapes `(height, width, channels)` of the states."""
        return [(*image_shape, size) for size in self.state_size]

    def get_initial_state(
        self, batch_size: int | None = None, image_shape: Shape | None = None
    ) -> list[Tensor]:
        """Return zero states, by default of the size the cell was built for."""
        if image_shape is None:
            image_shape = self._built_size
            if None in image_shape:
                raise ValueError(
                    "The cell was built for inputs of any size: give "
                    f"`image_shape`. Received: image_shape={image_shape}"
                )
        shapes = self.state_shapes(tuple(image_shape))
        pairs = zip(shapes, self.state_dtypes, strict=True)
        return [ops.zeros((batch_size, *s), dtype=dtype) for s, dtype in pairs]

    def compute_output_shape(
        self, inputs_shape: Shape, states_shape: Any = None
    ) -> Any:
        batch, *size = inputs_shape[:3]
        states = [(batch, *s) for s in self.state_shapes(tuple(size))]
        return (batch, *size, self.output_size), states

    def compute_output_spec(
        self, inputs: Tensor, states: Any, training: Any = None
    ) -> Any:
        output, shapes = self.compute_output_shape(inputs.shape)
        new_states = map(keras.KerasTensor, shapes, self.state_dtypes)
        return keras.KerasTensor(output, self.compute_dtype), list(new_states)

    def get_config(self) -> Config:
        config = {"filters": self.filters, "kernel_size": self.kernel_size}
        return {**super().get_config(), **config}
