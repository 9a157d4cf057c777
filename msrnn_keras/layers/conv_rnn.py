"""The time loop around a convolutional recurrent cell."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import in_dtype
from msrnn_keras.utils.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvRNN(keras.layers.RNN):
    """`keras.layers.RNN` for convolutional cells and frames of any size.

    Args:
        cell: `ConvRNNCell`.
        **kwargs: Arguments of `keras.layers.RNN` (`return_sequences`,
            `return_state`, `go_backwards`, `stateful`, `unroll`, …).

    Returns:
        Output `(batch, height, width, filters)`, all `(batch, time, …)` with
        `return_sequences=True`. With `return_state=True` the states follow.

    Example:
    >>> layer = ConvRNN(ConvLSTMCell(8), return_sequences=True)
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 5, 16, 16, 8)
    """

    def __init__(self, cell: Any, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=5)

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: Any = False,
    ) -> Any:
        if initial_state is None and not self.stateful:
            shape = ops.shape(sequences)
            initial_state = self.cell.get_initial_state(shape[0], shape[2:4])
        return super().call(sequences, initial_state, mask, training)

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Any,
        mask: Any,
        training: Any = False,
    ) -> Any:
        # Keras has cast all of them to the compute dtype of the cell.
        dtypes = self.cell.state_dtypes
        initial_state = list(map(in_dtype, initial_state, dtypes))
        return super().inner_loop(sequences, initial_state, mask, training)

    def compute_output_shape(
        self, sequences_shape: Shape, initial_state_shape: Any = None
    ) -> Any:
        batch, time, *step_shape = sequences_shape
        output, states = self.cell.compute_output_shape((batch, *step_shape))
        if self.return_sequences:
            output = (batch, time, *output[1:])
        return (output, *states) if self.return_state else output
