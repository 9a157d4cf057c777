"""TrajGRU."""

from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import CheckpointBlock, lerp
from msrnn_keras.layers.warp import Warp
from msrnn_keras.utils.checks import check_positive


class State(NamedTuple):
    """States of a TrajGRU."""

    h: Any  # hidden state, the output


@keras.saving.register_keras_serializable(package="msrnn_keras")
class TrajGRUCell(ConvRNNCell):
    """Trajectory GRU cell.

    The hidden state is read where a learned flow comes from, along `links`
    trajectories. With `*` a 'same' convolution, `*1` a 1×1 convolution and
    the gates in the order z, r, n:

        [z_x, r_x, n_x, f_x] = W_x * x + b
        flow = W_f * leaky_relu(f_x + W_h * h + b_h) + b_f
        warped_l = h at (column - u_l, row - v_l), (u_l, v_l) of the flow
        [z_h, r_h, n_h] = W_p *1 [warped_0, ..., warped_(links - 1)] + b_p
        z = sigmoid(z_x + z_h)
        r = sigmoid(r_x + r_h)
        h' = (1 - z) leaky_relu(n_x + r n_h) + z h

    States: `h`, `(batch, height, width, filters)`. `step` also gives `flow`,
    `(batch, height, width, 2·links)`, pixels: channels 2l and 2l + 1 are
    those of link l along the width and the height.

    Args:
        filters: Integer, channels of the output and of the state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        links: Integer, trajectories that end in each pixel.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters`, `kernel_size` or `links` is not a positive
            integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.TrajGRUCell(8, links=5))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Shi et al., "Deep Learning for Precipitation Nowcasting: A Benchmark
        and A New Model", 2017, arXiv:1706.03458. As in MS-RNN
        (arXiv:2206.03010).
    """

    State = State
    float32_states = ("h",)
    aux_names = ("flow",)
    input_layers = ("x_to_gates",)
    checkpoint_names = {
        "x_to_gates": (CheckpointBlock("_conv_x2h", 3), "_conv_x2f"),
        "h_to_features": "_conv_h2f",
        "features_to_flow": "_conv_flow",
        "warped_to_gates": "project",
    }

    def __init__(self, filters, kernel_size=3, links=10, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        check_positive("links", links)
        self.links = links
        self.x_to_gates = self.conv(4 * filters, name="x_to_gates")
        self.h_to_features = self.conv(filters, name="h_to_features")
        self.features_to_flow = self.conv(2 * links, name="features_to_flow")
        self.warp = Warp(dtype=self.dtype_policy, name="warp")
        self.warped_to_gates = self.conv(3 * filters, 1, name="warped_to_gates")

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        size = inputs_shape[:3]
        h_shape = (*size, self.filters)
        self.x_to_gates.build(inputs_shape)
        self.h_to_features.build(h_shape)
        self.features_to_flow.build(h_shape)
        self.warp.build(h_shape, (*size, 2 * self.links))
        self.warped_to_gates.build((*size, self.links * self.filters))

    def step(self, x, states):
        h = like(states.h, x)
        x_z, x_r, x_n, x_f = ops.split(self.x_to_gates(x), 4, axis=-1)
        features = _leaky_relu(x_f + self.h_to_features(h))
        flow = self.features_to_flow(features)
        h_z, h_r, h_n = ops.split(self._read(h, flow), 3, axis=-1)
        z = ops.sigmoid(like(x_z + h_z, states.h))
        r = ops.sigmoid(x_r + h_r)
        n = _leaky_relu(x_n + r * h_n)
        h = lerp(z, states.h, like(n, states.h))
        return like(h, n), State(h), {"flow": flow}

    def _read(self, h, flow):
        """The gates' share of the hidden state, along all trajectories."""
        warped = self.warp(h, -flow)
        _, height, width, _ = ops.shape(h)
        shape = (-1, height, width, self.links * self.filters)
        return self.warped_to_gates(ops.reshape(warped, shape))

    def get_config(self):
        return {**super().get_config(), "links": self.links}


def _leaky_relu(x):
    return ops.leaky_relu(x, negative_slope=0.2)
