"""Causal LSTM and Gradient Highway Unit, of PredRNN++."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import concat_channels, gated_update, lerp
from msrnn_keras.cells.wrapper import WrapperCell


class State(NamedTuple):
    """States of a Causal LSTM."""

    m: Any  # memory that runs through the layers of a stack
    h: Any  # hidden state, the output
    c: Any  # cell state


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CausalLSTMCell(ConvRNNCell):
    """Causal LSTM cell, of which PredRNN++ consists.

    With `*` a 'same' convolution, `*1` a 1×1 convolution and biases left out:

        [i, f, g] = W_c * [x, h, c]
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        [i_m, f_m, g_m] = W_m * [x, c', m]
        m' = sigmoid(f_m) tanh(W_mm *1 m) + sigmoid(i_m) tanh(g_m)
        o = tanh(W_o * [x, c', m'])
        h' = o tanh(W_cm *1 [c', m'])

    States: `m`, `h`, `c`, each `(batch, height, width, filters)`. In a stack
    `m` runs from layer to layer and on to the first layer of the next step.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.CausalLSTMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Wang et al., "PredRNN++: Towards A Resolution of the Deep-in-Time
        Dilemma in Spatiotemporal Predictive Learning", 2018,
        arXiv:1804.06300.
    """

    State = State
    float32_states = ("c",)
    aux_names = ("output_gate", "delta_c", "delta_m")
    input_layers = ("xhc_to_gates", "xcm_to_gates", "xcm_to_output")
    checkpoint_names = {
        "xhc_to_gates": "_conv_x_h_c",
        "xcm_to_gates": "_conv_x_c_m",
        "m_to_m": "_conv_m",
        "xcm_to_output": "_conv_o",
        "cm_to_hidden": "_conv_c_m",
    }

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.xhc_to_gates = self.conv(3 * filters, name="xhc_to_gates")
        self.xcm_to_gates = self.conv(3 * filters, name="xcm_to_gates")
        self.m_to_m = self.conv(filters, 1, name="m_to_m")
        self.xcm_to_output = self.conv(filters, name="xcm_to_output")
        self.cm_to_hidden = self.conv(filters, 1, name="cm_to_hidden")

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        *size, channels = inputs_shape
        all_three = (*size, channels + 2 * self.filters)
        self.xhc_to_gates.build(all_three)
        self.xcm_to_gates.build(all_three)
        self.m_to_m.build((*size, self.filters))
        self.xcm_to_output.build(all_three)
        self.cm_to_hidden.build((*size, 2 * self.filters))

    def step(self, x, states):
        m, h, c = states
        c, delta_c = gated_update(
            c, self.xhc_to_gates(concat_channels(x, h, c))
        )
        gates = self.xcm_to_gates(concat_channels(x, c, m))
        m, delta_m = gated_update(tanh(self.m_to_m(m)), gates)
        o = tanh(self.xcm_to_output(concat_channels(x, c, m)))
        h = o * tanh(self.cm_to_hidden(concat_channels(like(c, h), m)))
        aux = {"output_gate": o, "delta_c": delta_c, "delta_m": delta_m}
        return h, State(m, h, c), aux


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GradientHighwayCell(WrapperCell):
    """A cell behind a Gradient Highway Unit.

    With `*` a 'same' convolution and biases left out:

        [p, s] = W_x * x + W_z * z
        z' = sigmoid(s) tanh(p) + (1 - sigmoid(s)) z

    and z' is the input of the cell. States: those of the cell, then `z`,
    `(batch, height, width, filters)`.

    Args:
        cell: `ConvRNNCell` that reads the highway.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Example:
    >>> cell = GradientHighwayCell(CausalLSTMCell(8))
    >>> msrnn_keras.ConvRNN(cell)(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        PredRNN++, 2018, arXiv:1804.06300.
    """

    own_states = own_float32_states = ("z",)
    input_layers = ("x_to_highway",)
    own_checkpoint_names = {
        "x_to_highway": "_conv_x",
        "z_to_highway": "_conv_z",
    }

    def __init__(self, cell, **kwargs):
        super().__init__(cell, **kwargs)
        self.x_to_highway = self.conv(2 * self.filters, name="x_to_highway")
        self.z_to_highway = self.conv(2 * self.filters, name="z_to_highway")

    def inner_shape(self, inputs_shape):
        return (*inputs_shape[:3], self.filters)

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        self.x_to_highway.build(inputs_shape)
        self.z_to_highway.build(self.inner_shape(inputs_shape))

    def step(self, x, states):
        inner, (z,) = self.split(states)
        gates = self.x_to_highway(x) + self.z_to_highway(z)
        p, s = ops.split(gates, 2, axis=-1)
        z = lerp(ops.sigmoid(like(s, z)), tanh(p), z)
        output, inner, aux = self.cell.step(like(z, x), inner)
        return output, self.State(*inner, z), aux
