"""MK-LSTM."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import forget_and_add


class State(NamedTuple):
    """States of an MK-LSTM."""

    h: Any  # hidden state, the output
    c3: Any  # cell state of the smaller kernel
    c5: Any  # cell state of the larger kernel


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MKLSTMCell(ConvRNNCell):
    """Multi-kernel LSTM cell.

    Two LSTM branches with kernels of two sizes, k = `kernel_size` and
    `kernel_size + 2` (3 and 5 in the paper), share one output gate. With `*` a
    'same' convolution, `*1` a 1x1 convolution, `[,]` concatenation over
    channels and the gates in the order i, f, g, o:

        [i_k, f_k, g_k, o_k] = W_xk * x + W_hk * h + b_k
        c_k' = sigmoid(f_k) c_k + sigmoid(i_k) tanh(g_k)
        o = sigmoid(o_3 + o_5 + W_c3 * c_3' + W_c5 * c_5')
        h' = o tanh(W_out *1 [c_3', c_5'])

    States: `h`, `c3`, `c5`, each `(batch, height, width, filters)`, named
    after the kernels of the paper.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the smaller square convolution kernels,
            pixels; the larger ones have two more.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.MKLSTMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Ma et al., "MS-LSTM: Exploring Spatiotemporal Multiscale
        Representations in Video Prediction Domain", 2023, arXiv:2304.07724.
        MS-LSTM is the multi-scale stack of this cell.
    """

    State = State
    float32_states = ("c3", "c5")
    aux_names = ("output_gate",)
    input_layers = ("x_to_gates",)
    checkpoint_names = {
        "x_to_gates.0": "_conv_x2h_3",
        "x_to_gates.1": "_conv_x2h_5",
        "h_to_gates.0": "_conv_h2h_3",
        "h_to_gates.1": "_conv_h2h_5",
        "c_to_o.0": "_conv_c2o_3",
        "c_to_o.1": "_conv_c2o_5",
        "c_to_h": "_conv_out",
    }

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.x_to_gates = self._convs(4 * filters, "x_to_gates")
        self.h_to_gates = self._convs(4 * filters, "h_to_gates")
        self.c_to_o = self._convs(filters, "c_to_o")
        self.c_to_h = self.conv(filters, 1, name="c_to_h")

    def _convs(self, filters, name):
        """A convolution for each kernel size."""
        return [
            self.conv(filters, self.kernel_size + 2 * index, f"{name}_{index}")
            for index in range(2)
        ]

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        state_shape = (*inputs_shape[:3], self.filters)
        for conv in self.x_to_gates:
            conv.build(inputs_shape)
        for conv in (*self.h_to_gates, *self.c_to_o):
            conv.build(state_shape)
        self.c_to_h.build((*inputs_shape[:3], 2 * self.filters))

    def step(self, x, states):
        c3, o3 = self._branch(0, x, states.h, states.c3)
        c5, o5 = self._branch(1, x, states.h, states.c5)
        o = ops.sigmoid(o3 + o5)
        both = ops.concatenate([like(c3, o), like(c5, o)], axis=-1)
        h = o * tanh(self.c_to_h(both))
        return h, State(h, c3, c5), {"output_gate": o}

    def _branch(self, index, x, h, c):
        """One kernel size: its cell state and its share of the output gate."""
        gates = self.x_to_gates[index](x) + self.h_to_gates[index](h)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = forget_and_add(c, f, ops.sigmoid(i) * tanh(g))
        return c, o + self.c_to_o[index](c)
