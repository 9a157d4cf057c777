"""Spatiotemporal LSTM, the cell of PredRNN."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import (
    CheckpointBlock,
    forget_and_add,
    gated_update,
)


class State(NamedTuple):
    """States of an ST-LSTM."""

    m: Any  # memory that runs through the layers of a stack
    h: Any  # hidden state, the output
    c: Any  # cell state


@keras.saving.register_keras_serializable(package="msrnn_keras")
class STLSTMCell(ConvRNNCell):
    """Spatiotemporal LSTM cell, of which PredRNN consists.

    With `*` a 'same' convolution, `*1` a 1×1 convolution and biases left out:

        [i, f, g, o] = W_x * x + W_h * h
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        [i_m, f_m, g_m] = W_xm * x + W_m * m
        m' = sigmoid(f_m) m + sigmoid(i_m) tanh(g_m)
        o' = sigmoid(o + W_co * c' + W_mo * m')
        h' = o' tanh(W_cm *1 [c', m'])

    States: `m`, `h`, `c`, each `(batch, height, width, filters)`. In a stack
    `m` runs from layer to layer and on to the first layer of the next step.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.STLSTMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Wang et al., "PredRNN: Recurrent Neural Networks for Predictive
        Learning using Spatiotemporal LSTMs", 2017, and PredRNN-V2, 2021,
        arXiv:2103.09504.
    """

    State = State
    float32_states = ("m", "c")
    aux_names = ("output_gate", "delta_c", "delta_m")
    input_layers = ("x_to_gates",)
    checkpoint_names = {
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

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        gates = self.cell_gates * filters
        # x goes into the gates of both memories by one convolution.
        self.x_to_gates = self.conv(gates + 3 * filters, name="x_to_gates")
        self.h_to_gates = self.conv(gates, name="h_to_gates")
        self.m_to_gates = self.conv(3 * filters, name="m_to_gates")
        self.c_to_output = self.conv(filters, name="c_to_output")
        self.m_to_output = self.conv(filters, name="m_to_output")
        self.cm_to_hidden = self.conv(filters, 1, name="cm_to_hidden")

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        one = (*inputs_shape[:3], self.filters)
        self.x_to_gates.build(inputs_shape)
        for layer in (self.h_to_gates, self.m_to_gates):
            layer.build(one)
        for layer in (self.c_to_output, self.m_to_output):
            layer.build(one)
        self.cm_to_hidden.build((*inputs_shape[:3], 2 * self.filters))

    def step(self, x, states):
        gates, memory_gates = self.gates(x, states)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        delta_c = ops.sigmoid(i) * tanh(g)
        c = forget_and_add(states.c, f, delta_c)
        m, delta_m = gated_update(states.m, memory_gates)
        h, o = self.hidden(o, c, m)
        aux = {"output_gate": o, "delta_c": delta_c, "delta_m": delta_m}
        return h, State(m, h, c), aux

    def gates(self, x, states):
        """The gates of the cell state and those of the memory."""
        from_x, from_x_m = ops.split(
            self.x_to_gates(x), [self.cell_gates * self.filters], axis=-1
        )
        gates = from_x + self.h_to_gates(states.h)
        return gates, from_x_m + self.m_to_gates(states.m)

    def hidden(self, o, c, m):
        """The new hidden state and the output gate."""
        c, m = like(c, o), like(m, o)
        o = ops.sigmoid(o + self.c_to_output(c) + self.m_to_output(m))
        both = ops.concatenate([c, m], axis=-1)
        return o * tanh(self.cm_to_hidden(both)), o
