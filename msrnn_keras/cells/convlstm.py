"""ConvLSTM."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import forget_and_add


class State(NamedTuple):
    """States of a ConvLSTM."""

    h: Any  # hidden state, the output
    c: Any  # cell state


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvLSTMCell(ConvRNNCell):
    """Convolutional LSTM cell.

    With `*` a 'same' convolution and the gates in the order i, f, g, o:

        [i, f, g, o] = W_x * x + W_h * h + b
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(c')

    States: `h`, `c`, each `(batch, height, width, filters)`.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.ConvLSTMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Shi et al., "Convolutional LSTM Network: A Machine Learning Approach
        for Precipitation Nowcasting", 2015, arXiv:1506.04214. As in MS-RNN
        (arXiv:2206.03010), without peephole connections.
    """

    State = State
    float32_states = ("c",)
    aux_names = ("output_gate",)
    input_layers = ("x_to_gates",)
    checkpoint_names = {"x_to_gates": "_conv_x2h", "h_to_gates": "_conv_h2h"}

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.x_to_gates = self.conv(4 * filters, name="x_to_gates")
        self.h_to_gates = self.conv(4 * filters, name="h_to_gates")

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        self.x_to_gates.build(inputs_shape)
        self.h_to_gates.build((*inputs_shape[:3], self.filters))

    def step(self, x, states):
        gates = self.x_to_gates(x) + self.h_to_gates(states.h)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = forget_and_add(states.c, f, ops.sigmoid(i) * tanh(g))
        o = ops.sigmoid(o)
        h = o * tanh(like(c, o))
        return h, State(h, c), {"output_gate": o}
