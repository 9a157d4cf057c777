"""The Causal LSTM and the Gradient Highway Unit of PredRNN++."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import concat_channels, gated_update, lerp
from msrnn_keras.cells.st_lstm import State
from msrnn_keras.cells.wrapper import WrapperCell
from msrnn_keras.utils.typing import Config, Names, Shape, Step, Tensor


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CausalLSTMCell(ConvRNNCell):
    """Causal LSTM cell, the cell of PredRNN++.

        [i, f, g] = W_c * [x, h, c]
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        [i_m, f_m, g_m] = W_m * [x, c', m]
        m' = sigmoid(f_m) tanh(W_mm *1 m) + sigmoid(i_m) tanh(g_m)
        o = tanh(W_o * [x, c', m'])
        h' = o tanh(W_cm *1 [c', m'])

    `*` is a 'same' convolution, `*1` a 1×1 convolution; biases are left out.
    States: `m`, `h`, `c`, each `(batch, height, width, filters)`. In a stack
    `m` runs from layer to layer, then to the first layer of the next step.
    Arguments are those of `ConvRNNCell`.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.CausalLSTMCell(8))(frames)

    Reference: Wang et al., "PredRNN++", 2018, arXiv:1804.06300.
    """

    State: Any = State
    float32_states: Names = ("c",)
    aux_names: Names = ("output_gate", "delta_c", "delta_m")
    checkpoint_names: Config = {
        "xhc_to_gates": "_conv_x_h_c",
        "xcm_to_gates": "_conv_x_c_m",
        "m_to_m": "_conv_m",
        "xcm_to_output": "_conv_o",
        "cm_to_hidden": "_conv_c_m",
    }

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        # Gates of each memory in the order i, f, g.
        gates, xhc, xcm = 3 * filters, ("x", "h", "c"), ("x", "c", "m")
        self.xhc_to_gates = self.conv(gates, name="xhc_to_gates", reads=xhc)
        self.xcm_to_gates = self.conv(gates, name="xcm_to_gates", reads=xcm)
        self.m_to_m = self.conv(filters, 1, name="m_to_m", reads="m")
        self.xcm_to_output = self.conv(filters, name="xcm_to_output", reads=xcm)
        self.cm_to_hidden = self.conv(filters, 1, "cm_to_hidden", ("c", "m"))

    def step(self, x: Tensor, states: Any) -> Step:
        m, h, c = states
        gates = self.xhc_to_gates(concat_channels(x, h, c))
        c, delta_c = gated_update(c, gates)
        gates = self.xcm_to_gates(concat_channels(x, c, m))
        m, delta_m = gated_update(tanh(self.m_to_m(m)), gates)
        o = tanh(self.xcm_to_output(concat_channels(x, c, m)))
        h = o * tanh(self.cm_to_hidden(concat_channels(like(c, h), m)))
        aux = {"output_gate": o, "delta_c": delta_c, "delta_m": delta_m}
        return h, State(m, h, c), aux


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GradientHighwayCell(WrapperCell):
    """A cell behind a Gradient Highway Unit (PredRNN++, arXiv:1804.06300).

        [p, s] = W_x * x + W_z * z
        z' = sigmoid(s) tanh(p) + (1 - sigmoid(s)) z

    z' is the input of the cell. `*` is a 'same' convolution; biases are left
    out. States: those of the cell, then `z`, `(batch, height, width, filters)`.

    Args:
        cell: `ConvRNNCell` that reads the highway.
        **kwargs: As in `ConvRNNCell`.

    Example:
    >>> cell = GradientHighwayCell(CausalLSTMCell(8))
    """

    own_states = own_float32_states = ("z",)
    own_checkpoint_names = {
        "x_to_highway": "_conv_x",
        "z_to_highway": "_conv_z",
    }

    def __init__(self, cell: ConvRNNCell, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        both = 2 * self.filters  # p, s
        self.x_to_highway = self.conv(both, name="x_to_highway", reads="x")
        self.z_to_highway = self.conv(both, name="z_to_highway", reads="z")

    def inner_shape(self, inputs_shape: Shape) -> Shape:
        return (*inputs_shape[:3], self.filters)

    def step(self, x: Tensor, states: Any) -> Step:
        inner, (z,) = self.split(states)
        gates = self.x_to_highway(x) + self.z_to_highway(z)
        p, s = ops.split(gates, 2, axis=-1)
        z = lerp(ops.sigmoid(like(s, z)), tanh(p), z)
        output, inner, aux = self.cell.step(like(z, x), inner)
        return output, self.State(*inner, z), aux
