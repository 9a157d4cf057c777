"""Spatiotemporal LSTM, the cell of PredRNN."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import (
    CheckpointBlock,
    concat_channels,
    forget_and_add,
    gated_update,
)
from msrnn_keras.utils.typing import Config, Names, Step, Tensor

State = namedtuple("State", ("m", "h", "c"))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class STLSTMCell(ConvRNNCell):
    """Spatiotemporal LSTM cell, the cell of PredRNN.

        [i, f, g, o] = W_x * x + W_h * h
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        [i_m, f_m, g_m] = W_xm * x + W_m * m
        m' = sigmoid(f_m) m + sigmoid(i_m) tanh(g_m)
        o' = sigmoid(o + W_co * c' + W_mo * m')
        h' = o' tanh(W_cm *1 [c', m'])

    `*` is a 'same' convolution, `*1` a 1×1 convolution; biases are left out.
    States: `m`, `h`, `c`, each `(batch, height, width, filters)`. In a stack
    `m` runs from layer to layer, then to the first layer of the next step.
    Arguments are those of `ConvRNNCell`.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.STLSTMCell(8))(frames)

    Reference: Wang et al., "PredRNN", 2017, and PredRNN-V2, 2021,
    arXiv:2103.09504.
    """

    State: Any = State
    float32_states: Names = ("m", "c")
    aux_names: Names = ("output_gate", "delta_c", "delta_m")
    checkpoint_names: Config = {
        "x_to_gates": (
            CheckpointBlock("_conv_x2h", 4),
            CheckpointBlock("_conv_x2h_m", 3),
        ),
        "h_to_gates": "_conv_h2h",
        "m_to_gates": "_conv_m2h_m",
        "c_to_output": "_conv_c2o",
        "m_to_output": "_conv_m2o",
        "cm_to_hidden": "_conv_c_m",
    }
    cell_gates = 4  # gates of the cell state: i, f, g, o

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        # i, f, g, o of the cell state, then i, f, g of the memory.
        gates, both = self.cell_gates * filters, (self.cell_gates + 3) * filters
        self.x_to_gates = self.conv(both, name="x_to_gates", reads="x")
        self.h_to_gates = self.conv(gates, name="h_to_gates", reads="h")
        self.m_to_gates = self.conv(3 * filters, name="m_to_gates", reads="m")
        self.c_to_output = self.conv(filters, name="c_to_output", reads="c")
        self.m_to_output = self.conv(filters, name="m_to_output", reads="m")
        self.cm_to_hidden = self.conv(filters, 1, "cm_to_hidden", ("c", "m"))

    def step(self, x: Tensor, states: Any) -> Step:
        gates, memory_gates = self.gates(x, states)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        delta_c = ops.sigmoid(i) * tanh(g)
        c = forget_and_add(states.c, f, delta_c)
        m, delta_m = gated_update(states.m, memory_gates)
        h, o = self.hidden(o, c, m)
        aux = {"output_gate": o, "delta_c": delta_c, "delta_m": delta_m}
        return h, State(m, h, c), aux

    def gates(self, x: Tensor, states: Any) -> tuple[Tensor, Tensor]:
        """Return the gates of the cell state and those of the memory."""
        sizes = [self.cell_gates * self.filters]
        from_x, from_x_m = ops.split(self.x_to_gates(x), sizes, axis=-1)
        gates = from_x + self.h_to_gates(states.h)
        return gates, from_x_m + self.m_to_gates(states.m)

    def hidden(self, o: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        """Return the new hidden state and the output gate."""
        c, m = like(c, o), like(m, o)
        o = ops.sigmoid(o + self.c_to_output(c) + self.m_to_output(m))
        return o * tanh(self.cm_to_hidden(concat_channels(c, m))), o
