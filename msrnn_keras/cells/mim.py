"""Memory In Memory."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.gates import CheckpointBlock, gated_update
from msrnn_keras.cells.st_lstm import STLSTMCell
from msrnn_keras.utils.typing import Config, Names, Step, Tensor

State = namedtuple("State", ("m", "h", "c", "n", "s", "x"))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MIMCell(STLSTMCell):
    """Memory In Memory cell: an ST-LSTM whose forget gate is recurrent.

    With d = x - x_previous, the non-stationary and the stationary module are

        [i, f, g]_n = W_dn * d + W_n * n
        n' = sigmoid(f) n + sigmoid(i) tanh(g)
        D = sigmoid(W_do * d + W_no * n') tanh(n')
        [i, f, g, o]_s = W_D * D + W_c * c
        s' = sigmoid(f) s + sigmoid(i) tanh(g)
        T = sigmoid(o_s + W_so * s') tanh(s')

    T replaces the forgotten cell state of the ST-LSTM:

        [i, g, o] = W_x * x + W_h * h
        c' = T + sigmoid(i) tanh(g)
        [i_m, f_m, g_m] = W_xm * x + W_m * m
        m' = sigmoid(f_m) m + sigmoid(i_m) tanh(g_m)
        o' = sigmoid(o + W_co * c' + W_mo * m')
        h' = o' tanh(W_cm *1 [c', m'])

    `*` is a 'same' convolution, `*1` a 1×1 convolution; biases are left out.
    States: `m`, `h`, `c`, `n` (non-stationary), `s` (stationary), each `(batch,
    height, width, filters)`, and `x`, the previous input, zero at first.
    Arguments are those of `ConvRNNCell`.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.MIMCell(8))(frames)

    Reference: Wang et al., "Memory In Memory", 2019, arXiv:1811.07490.
    """

    State: Any = State
    float32_states: Names = ("m", "n", "s")
    checkpoint_names: Config = {
        **STLSTMCell.checkpoint_names,
        # Without the forget gate, the second block.
        "x_to_gates": (
            CheckpointBlock("_conv_x2h", 4, dropped=(1,)),
            CheckpointBlock("_conv_x2h_m", 3),
        ),
        "h_to_gates": (CheckpointBlock("_conv_h2h", 4, dropped=(1,)),),
        "difference_to_gates": (
            CheckpointBlock("_conv_x2h_n", 3),
            "_conv_diff2o",
        ),
        "n_to_gates": "_conv_n2h_n",
        "n_to_output": "_conv_n2o",
        "d_to_gates": "_conv_x2h_s",
        "c_to_gates": "_conv_c2h_s",
        "s_to_output": "_conv_s2o",
    }
    cell_gates = 3  # i, g, o

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        # Gates in the order i, f, g, o.
        options = {"name": "difference_to_gates", "reads": "x"}
        self.difference_to_gates = self.conv(4 * filters, **options)
        self.n_to_gates = self.conv(3 * filters, name="n_to_gates", reads="n")
        self.n_to_output = self.conv(filters, name="n_to_output", reads="n")
        self.d_to_gates = self.conv(4 * filters, name="d_to_gates", reads="n")
        self.c_to_gates = self.conv(4 * filters, name="c_to_gates", reads="c")
        self.s_to_output = self.conv(filters, name="s_to_output", reads="s")

    @property
    def state_size(self) -> list[int]:
        return [*[self.filters] * 5, self.input_channels]

    def step(self, x: Tensor, states: Any) -> Step:
        d, n = self._non_stationary(x - states.x, states.n)
        t, s = self._stationary(d, states.c, states.s)
        gates, memory_gates = self.gates(x, states)
        i, g, o = ops.split(gates, 3, axis=-1)
        delta_c = ops.sigmoid(i) * tanh(g)
        c = t + delta_c
        m, delta_m = gated_update(states.m, memory_gates)
        h, o = self.hidden(o, c, m)
        aux = {"output_gate": o, "delta_c": delta_c, "delta_m": delta_m}
        return h, State(m, h, c, n, s, x), aux

    def _non_stationary(self, difference, n):
        """Return D and n'."""
        gates = self.difference_to_gates(difference)
        gates, o = ops.split(gates, [3 * self.filters], axis=-1)
        n, _ = gated_update(n, gates + self.n_to_gates(n))
        return ops.sigmoid(o + self.n_to_output(n)) * tanh(like(n, o)), n

    def _stationary(self, d, c, s):
        """Return T and s'."""
        gates = self.d_to_gates(d) + self.c_to_gates(c)
        gates, o = ops.split(gates, [3 * self.filters], axis=-1)
        s, _ = gated_update(s, gates)
        return ops.sigmoid(o + self.s_to_output(s)) * tanh(like(s, o)), s
