"""ConvLSTM."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import forget_and_add
from msrnn_keras.utils.typing import Config, Names, Step, Tensor

State = namedtuple("State", ("h", "c"))  # hidden state (output), cell state


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvLSTMCell(ConvRNNCell):
    """Convolutional LSTM cell.

        [i, f, g, o] = W_x * x + W_h * h + b
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(c')

    `*` is a 'same' convolution. States: `h`, `c`, each `(batch, height, width,
    filters)`. Arguments are those of `ConvRNNCell`.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.ConvLSTMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference: Shi et al., "Convolutional LSTM Network", 2015, arXiv:1506.04214.
    As in MS-RNN (arXiv:2206.03010), without peephole connections.
    """

    State: Any = State
    float32_states: Names = ("c",)
    aux_names: Names = ("output_gate",)
    checkpoint_names: Config = {
        "x_to_gates": "_conv_x2h",
        "h_to_gates": "_conv_h2h",
    }

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        gates = 4 * filters  # in the order i, f, g, o
        self.x_to_gates = self.conv(gates, name="x_to_gates", reads="x")
        self.h_to_gates = self.conv(gates, name="h_to_gates", reads="h")

    def step(self, x: Tensor, states: Any) -> Step:
        gates = self.x_to_gates(x) + self.h_to_gates(states.h)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = forget_and_add(states.c, f, ops.sigmoid(i) * tanh(g))
        o = ops.sigmoid(o)
        h = o * tanh(like(c, o))
        return h, State(h, c), {"output_gate": o}
