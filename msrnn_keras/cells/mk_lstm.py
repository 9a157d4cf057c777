"""MK-LSTM."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import concat_channels, forget_and_add
from msrnn_keras.utils.typing import Config, Names, Step, Tensor

State = namedtuple("State", ("h", "c3", "c5"))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MKLSTMCell(ConvRNNCell):
    """Multi-kernel LSTM cell: two LSTM branches share one output gate.

        [i_k, f_k, g_k, o_k] = W_xk * x + W_hk * h + b_k
        c_k' = sigmoid(f_k) c_k + sigmoid(i_k) tanh(g_k)
        o = sigmoid(o_3 + o_5 + W_c3 * c_3' + W_c5 * c_5')
        h' = o tanh(W_out *1 [c_3', c_5'])

    `*` is a 'same' convolution, `*1` a 1×1 convolution and `[,]` concatenates
    over channels. States: `h`, `c3`, `c5`, each `(batch, height, width,
    filters)`; the larger kernel, here 5, has two pixels more.

    Args:
        filters, **kwargs: As in `ConvRNNCell`.
        kernel_size: Integer, side of the smaller kernels, pixels.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.MKLSTMCell(8))(frames)

    Reference: Ma et al., "MS-LSTM", arXiv:2304.07724, its multi-scale stack.
    """

    State: Any = State
    float32_states: Names = ("c3", "c5")
    aux_names: Names = ("output_gate",)
    checkpoint_names: Config = {
        "x_to_gates.0": "_conv_x2h_3",
        "x_to_gates.1": "_conv_x2h_5",
        "h_to_gates.0": "_conv_h2h_3",
        "h_to_gates.1": "_conv_h2h_5",
        "c_to_o.0": "_conv_c2o_3",
        "c_to_o.1": "_conv_c2o_5",
        "c_to_h": "_conv_out",
    }

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        # Gates in the order i, f, g, o.
        self.x_to_gates = self._convs(4 * filters, "x_to_gates", "x")
        self.h_to_gates = self._convs(4 * filters, "h_to_gates", "h")
        self.c_to_o = self._convs(filters, "c_to_o", "c3")
        self.c_to_h = self.conv(filters, 1, name="c_to_h", reads=("c3", "c5"))

    def _convs(self, filters, name, reads):
        """Return a convolution for each kernel size."""
        size = self.kernel_size
        return [
            self.conv(filters, size + 2 * index, f"{name}_{index}", reads)
            for index in range(2)
        ]

    def step(self, x: Tensor, states: Any) -> Step:
        c3, o3 = self._branch(0, x, states.h, states.c3)
        c5, o5 = self._branch(1, x, states.h, states.c5)
        o = ops.sigmoid(o3 + o5)
        h = o * tanh(self.c_to_h(concat_channels(like(c3, o), c5)))
        return h, State(h, c3, c5), {"output_gate": o}

    def _branch(self, index, x, h, c):
        """Return the cell state and the output gate of one kernel size."""
        gates = self.x_to_gates[index](x) + self.h_to_gates[index](h)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = forget_and_add(c, f, ops.sigmoid(i) * tanh(g))
        return c, o + self.c_to_o[index](c)
