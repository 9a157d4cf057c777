"""The contract every recurrent cell of the package fulfils."""

import keras

from msrnn_keras.backend.precision import in_dtype
from msrnn_keras.backend.rematerialization import rematerialized
from msrnn_keras.backend.xla import xla_is_slow
from msrnn_keras.cells.states import States
from msrnn_keras.layers.convolution import Conv2D
from msrnn_keras.utils.checks import check_positive


class ConvRNNCell(States, keras.layers.Layer):
    """Base class of the convolutional recurrent cells.

    A cell is one step of one recurrent layer. It follows Keras' RNN-cell
    contract (`call(inputs, states) -> (output, new_states)`, `state_size`,
    `output_size`, `get_initial_state`), so that `ConvRNN` can run it over
    time and `MSStack` can wire it with others. States are maps, `(batch,
    height, width, channels)`, zero at first, kept under their names in the
    NamedTuple `State` and as a flat list at Keras' boundary.

    A subclass gives `State` (the names), `build` and `step`; it overrides
    `state_size` where a state has other than `filters` channels, and
    `state_shapes` where it has another height or width; it names in
    `float32_states` those that stay float32 in mixed precision, while `x` and
    the output are of the cell's `compute_dtype`. The memory that a stack
    passes from layer to layer is a first state named `m`. XLA is off
    (`supports_jit`) where it is slow, so that a plain `model.compile(...)` is
    fast.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.
    """

    size_multiple = 1  # height and width must be a multiple of this
    aux_names = ()  # keys of the dict that `step` gives beyond its output
    remat = False  # whether training computes the step again
    # Convolutions that read the input, where nothing else in the cell does.
    input_layers = ()
    # Layer -> its name in the published checkpoints, or a tuple of names and
    # `CheckpointBlock` whose weights lie side by side over the output
    # channels; a name alone is one block, and all blocks are of one width.
    checkpoint_names = {}

    def __init__(self, filters, kernel_size=3, **kwargs):
        # Number formats are up to `call`: the states have two.
        super().__init__(autocast=False, **kwargs)
        check_positive("filters", filters)
        check_positive("kernel_size", kernel_size)
        if xla_is_slow():
            self.supports_jit = False
        self.filters = filters
        self.kernel_size = kernel_size
        self.input_channels = filters  # until the cell is built
        self._built_size = (None, None)

    def step(self, x, states):
        """Advance the cell by one time step.

        Args:
            x: Tensor `(batch, height, width, channels)`, the input.
            states: `State`, each `(batch, height, width, filters)`.

        Returns:
            Tuple `(output, states, aux)`: the output map, the new `State`, and
            a dict of maps with the keys `aux_names`, what the cell gives
            beyond its output: `"output_gate"` after its activation,
            `"delta_c"` and `"delta_m"`, what the step adds to the cell state
            and to the memory, `"flow"` in pixels.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step`.")

    def call(self, inputs, states, training=None):
        advance = (
            self._rematerialized if self.remat and training else self._advance
        )
        inputs = in_dtype(inputs, self.compute_dtype)
        states = map(in_dtype, states, self.state_dtypes)
        output, *new_states = advance(inputs, *states)
        return output, new_states

    def _advance(self, x, *states):
        output, new_states, _ = self.step(x, self.State(*states))
        return [output, *new_states]

    def _rematerialized(self, x, *states):
        return rematerialized(self, self._advance, x, *states)

    @property
    def output_size(self):
        return self.filters

    def build(self, inputs_shape, states_shape=None):
        self._built_size = tuple(inputs_shape[1:3])
        self.input_channels = inputs_shape[-1]

    def fold_pointwise(self, embed):
        """Make a 1×1 convolution before the cell a part of its own ones.

        Args:
            embed: `msrnn_keras.layers.Conv2D`, 1×1; the cell is not built yet.

        Returns:
            Boolean, whether the cell can do so; else nothing has changed.
        """
        for name in self.input_layers:
            for conv in keras.tree.flatten(getattr(self, name)):
                conv.fold_pointwise(embed)
        return bool(self.input_layers)

    def conv(self, filters, kernel_size=None, name=None, **kwargs):
        """A 'same' convolution of the cell's own dtype."""
        return Conv2D(
            filters,
            self.kernel_size if kernel_size is None else kernel_size,
            padding="same",
            dtype=self.dtype_policy,
            name=name,
            **kwargs,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }
