"""ConvGRU."""

from collections import namedtuple
from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import lerp
from msrnn_keras.utils.typing import Config, Names, Step, Tensor

State = namedtuple("State", ("h",))  # hidden state, the output


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvGRUCell(ConvRNNCell):
    """Convolutional gated recurrent unit.

        [z, r, n]_x = W_x * x
        [z, r, n]_h = W_h * h
        z = sigmoid(z_x + z_h)
        r = sigmoid(r_x + r_h)
        n = leaky_relu(n_x + r n_h), slope 0.2
        h' = (1 - z) n + z h

    `*` is a 'same' convolution; biases are left out. State: `h`, `(batch,
    height, width, filters)`. Arguments are those of `ConvRNNCell`.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.ConvGRUCell(8))(frames)

    Reference: Shi et al., "TrajGRU", 2017, arXiv:1706.03458.
    """

    State: Any = State
    float32_states: Names = ("h",)
    checkpoint_names: Config = {
        "x_to_gates": "_conv_x2h",
        "h_to_gates": "_conv_h2h",
    }

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        gates = 3 * filters  # in the order z, r, n
        self.x_to_gates = self.conv(gates, name="x_to_gates", reads="x")
        self.h_to_gates = self.conv(gates, name="h_to_gates", reads="h")

    def step(self, x: Tensor, states: Any) -> Step:
        z_x, r_x, n_x = ops.split(self.x_to_gates(x), 3, axis=-1)
        z_h, r_h, n_h = ops.split(self.h_to_gates(states.h), 3, axis=-1)
        z = ops.sigmoid(like(z_x + z_h, states.h))
        r = ops.sigmoid(r_x + r_h)
        n = ops.leaky_relu(n_x + r * n_h, 0.2)
        h = lerp(z, states.h, like(n, states.h))
        return like(h, n), State(h), {}
