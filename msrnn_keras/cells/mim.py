"""Memory In Memory."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.gates import CheckpointBlock, gated_update
from msrnn_keras.cells.st_lstm import STLSTMCell


class State(NamedTuple):
    """States of a MIM cell."""

    m: Any  # memory that runs through the layers of a stack
    h: Any  # hidden state, the output
    c: Any  # cell state
    n: Any  # non-stationary memory
    s: Any  # stationary memory
    x: Any  # the input of the step before


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MIMCell(STLSTMCell):
    """Memory In Memory cell: an ST-LSTM whose forget gate is a recurrent net.

    With `*` a 'same' convolution, `*1` a 1×1 convolution, d = x - x_previous
    and biases left out, the non-stationary and the stationary module are

        [i, f, g]_n = W_dn * d + W_n * n
        n' = sigmoid(f) n + sigmoid(i) tanh(g)
        D = sigmoid(W_do * d + W_no * n') tanh(n')
        [i, f, g, o]_s = W_D * D + W_c * c
        s' = sigmoid(f) s + sigmoid(i) tanh(g)
        T = sigmoid(o_s + W_so * s') tanh(s')

    and T takes the place of the forgotten cell state in the ST-LSTM:

        [i, g, o] = W_x * x + W_h * h
        c' = T + sigmoid(i) tanh(g)
        [i_m, f_m, g_m] = W_xm * x + W_m * m
        m' = sigmoid(f_m) m + sigmoid(i_m) tanh(g_m)
        o' = sigmoid(o + W_co * c' + W_mo * m')
        h' = o' tanh(W_cm *1 [c', m'])

    States: `m`, `h`, `c`, `n`, `s`, each `(batch, height, width, filters)`,
    and `x`, the previous input, zero at first.

    Args:
        filters: Integer, channels of the output and of each state but `x`.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.MIMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Wang et al., "Memory In Memory: A Predictive Neural Network for
        Learning Higher-Order Non-Stationarity from Spatiotemporal Dynamics",
        2019, arXiv:1811.07490.
    """

    State = State
    float32_states = ("m", "n", "s")
    input_layers = ()
    checkpoint_names = {
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

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.difference_to_gates = self.conv(
            4 * filters, name="difference_to_gates"
        )
        self.n_to_gates = self.conv(3 * filters, name="n_to_gates")
        self.n_to_output = self.conv(filters, name="n_to_output")
        self.d_to_gates = self.conv(4 * filters, name="d_to_gates")
        self.c_to_gates = self.conv(4 * filters, name="c_to_gates")
        self.s_to_output = self.conv(filters, name="s_to_output")

    @property
    def state_size(self):
        return [*[self.filters] * 5, self.input_channels]

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        one = (*inputs_shape[:3], self.filters)
        self.difference_to_gates.build(inputs_shape)
        for layer in (self.n_to_gates, self.n_to_output, self.d_to_gates):
            layer.build(one)
        for layer in (self.c_to_gates, self.s_to_output):
            layer.build(one)

    def step(self, x, states):
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
        gates, o = ops.split(
            self.difference_to_gates(difference), [3 * self.filters], axis=-1
        )
        n, _ = gated_update(n, gates + self.n_to_gates(n))
        return ops.sigmoid(o + self.n_to_output(n)) * tanh(like(n, o)), n

    def _stationary(self, d, c, s):
        gates, o = ops.split(
            self.d_to_gates(d) + self.c_to_gates(c), [3 * self.filters], axis=-1
        )
        s, _ = gated_update(s, gates)
        return ops.sigmoid(o + self.s_to_output(s)) * tanh(like(s, o)), s
