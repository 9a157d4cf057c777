"""PrecipLSTM."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import CheckpointBlock, gated_update
from msrnn_keras.layers.local_attention import LocalAttention
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.typing import Config, Names, Shape, Step, Tensor

State = namedtuple("State", ("m", "h", "c", "s", "t", "x"))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PrecipLSTMCell(ConvRNNCell):
    """PrecipLSTM cell: an ST-LSTM with a spatial and a temporal memory.

        [query, key, value] = W_qkv *1 x
        a = x + W_a * local_attention(query, key, value)
        [i, f, g, o] = W_ac * a + W_h * h
        [i_m, f_m, g_m] = W_am * a + W_m * m
        [i_s, f_s, g_s] = W_as * a + W_s * s
        [i_t, f_t, g_t] = W_dt * d + W_t * t
        c' = sigmoid(f) c + sigmoid(i) tanh(g), and so m', s' and t'
        o' = sigmoid(o + W_co * c' + W_so * s' + W_to * t' + W_mo * m')
        h' = o' tanh(W_out *1 [c', s', t', m'])

    d is x - x_previous, `*` a 'same' convolution, `*1` a 1×1 convolution;
    biases are left out. States: `m`, `h`, `c`, `s`, `t`, each `(batch, height,
    width, filters)`, and `x`, the previous input, zero at first. In a stack `m`
    runs from layer to layer, then to the first layer of the next step.

    Args:
        filters, kernel_size, **kwargs: As in `ConvRNNCell`.
        attention_window: Integer, side of the window, pixels of the cell's map.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.PrecipLSTMCell(8))(frames)

    Reference: Ma et al., "PrecipLSTM", 2022, IEEE TGRS 60.
    """

    State: Any = State
    float32_states: Names = ("m", "c", "s", "t")
    aux_names: Names = ("output_gate",)
    checkpoint_names: Config = {
        "query_key_value": ("LA.conv1", "LA.conv2", "LA.conv3"),
        "attention_to_x": "_conv_x_x_att",
        "x_to_gates": (
            CheckpointBlock("_conv_x2h", 4),
            CheckpointBlock("_conv_x2h_m", 3),
            CheckpointBlock("_conv_x2h_ms", 3),
        ),
        "difference_to_gates": "_conv_x2h_mt",
        "h_to_gates": "_conv_h2h",
        "m_to_gates": "_conv_m2h_m",
        "s_to_gates": "_conv_ms2h_ms",
        "t_to_gates": "_conv_mt2h_mt",
        "c_to_output": "_conv_c2o",
        "s_to_output": "_conv_ms2o",
        "t_to_output": "_conv_mt2o",
        "m_to_output": "_conv_m2o",
        "all_to_hidden": "c_m_ms_mt",
    }
    # Number of gates of each map: x has i, f, g, o of c, i, f, g of m and of s.
    gates = {"x": 10, "difference": 3, "h": 4, "m": 3, "s": 3, "t": 3}

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        attention_window: int = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        self.attention_window = check_positive(
            "attention_window", attention_window
        )
        policy = self.dtype_policy
        self.attention = LocalAttention(self.attention_window, dtype=policy)
        for map_, count in self.gates.items():
            reads = "x" if map_ == "difference" else map_
            name, count = f"{map_}_to_gates", count * filters
            setattr(self, name, self.conv(count, name=name, reads=reads))
        for state in "cstm":
            name = f"{state}_to_output"
            setattr(self, name, self.conv(filters, name=name, reads=state))
        reads = tuple("cstm")
        self.all_to_hidden = self.conv(filters, 1, "all_to_hidden", reads)

    @property
    def state_size(self) -> list[int]:
        return [*[self.filters] * 5, self.input_channels]

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        super().build(inputs_shape, states_shape)
        n, options = inputs_shape[-1], {"reads": "x", "use_bias": False}
        self.query_key_value = self.conv(3 * n, 1, "query_key_value", **options)
        self.attention_to_x = self.conv(n, name="attention_to_x", reads="x")

    def step(self, x: Tensor, states: Any) -> Step:
        n = self.filters
        query, key, value = ops.split(self.query_key_value(x), 3, axis=-1)
        attention = self.attention(query, key, value)
        gates = self.x_to_gates(x + self.attention_to_x(attention))
        of_c, of_m, of_s = ops.split(gates, [4 * n, 7 * n], axis=-1)
        of_t = self.difference_to_gates(x - states.x)
        of_c, o = ops.split(of_c + self.h_to_gates(states.h), [3 * n], axis=-1)
        c, _ = gated_update(states.c, of_c)
        m, _ = gated_update(states.m, of_m + self.m_to_gates(states.m))
        s, _ = gated_update(states.s, of_s + self.s_to_gates(states.s))
        t, _ = gated_update(states.t, of_t + self.t_to_gates(states.t))
        o = o + self.c_to_output(c) + self.s_to_output(s)
        o = ops.sigmoid(o + self.t_to_output(t) + self.m_to_output(m))
        h = o * tanh(self.all_to_hidden(ops.concatenate([c, s, t, m], -1)))
        return h, State(m, h, c, s, t, x), {"output_gate": o}

    def get_config(self) -> Config:
        config = {"attention_window": self.attention_window}
        return {**super().get_config(), **config}
