"""ConvGRU."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import lerp


class State(NamedTuple):
    """State of a ConvGRU."""

    h: Any  # hidden state, the output


@keras.saving.register_keras_serializable(package="msrnn_keras")
class ConvGRUCell(ConvRNNCell):
    """Convolutional gated recurrent unit.

    With `*` a 'same' convolution and biases left out:

        [z, r, n]_x = W_x * x
        [z, r, n]_h = W_h * h
        z = sigmoid(z_x + z_h)
        r = sigmoid(r_x + r_h)
        n = leaky_relu(n_x + r n_h), slope 0.2
        h' = (1 - z) n + z h

    State: `h`, `(batch, height, width, filters)`.

    Args:
        filters: Integer, channels of the output and of the state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.ConvGRUCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Shi et al., "Deep Learning for Precipitation Nowcasting: A Benchmark
        and A New Model", 2017, arXiv:1706.03458.
    """

    State = State
    float32_states = ("h",)
    input_layers = ("x_to_gates",)
    checkpoint_names = {"x_to_gates": "_conv_x2h", "h_to_gates": "_conv_h2h"}

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.x_to_gates = self.conv(3 * filters, name="x_to_gates")
        self.h_to_gates = self.conv(3 * filters, name="h_to_gates")

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        self.x_to_gates.build(inputs_shape)
        self.h_to_gates.build((*inputs_shape[:3], self.filters))

    def step(self, x, states):
        z_x, r_x, n_x = ops.split(self.x_to_gates(x), 3, axis=-1)
        z_h, r_h, n_h = ops.split(self.h_to_gates(states.h), 3, axis=-1)
        z = ops.sigmoid(like(z_x + z_h, states.h))
        r = ops.sigmoid(r_x + r_h)
        n = ops.leaky_relu(n_x + r * n_h, 0.2)
        h = lerp(z, states.h, like(n, states.h))
        return like(h, n), State(h), {}
