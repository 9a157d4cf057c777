"""TrajGRU."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.convgru import State
from msrnn_keras.cells.gates import CheckpointBlock, lerp
from msrnn_keras.layers.warp import Warp
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.typing import Config, Names, Step, Tensor


@keras.saving.register_keras_serializable(package="msrnn_keras")
class TrajGRUCell(ConvRNNCell):
    """Trajectory GRU cell: the hidden state is sampled along a learned flow.

        [z_x, r_x, n_x, f_x] = W_x * x + b
        flow = W_f * leaky_relu(f_x + W_h * h + b_h) + b_f
        warped_l = h at (column - u_l, row - v_l), (u_l, v_l) of the flow
        [z_h, r_h, n_h] = W_p *1 [warped_0, ..., warped_(links - 1)] + b_p
        z = sigmoid(z_x + z_h)
        r = sigmoid(r_x + r_h)
        h' = (1 - z) leaky_relu(n_x + r n_h) + z h

    `*` is a 'same' convolution, `*1` a 1×1 convolution. State: `h`, `(batch,
    height, width, filters)`. `aux["flow"]` is `(batch, height, width,
    2·links)`, pixels: channels 2l and 2l + 1 are the flow of link l along the
    width and the height.

    Args:
        filters, kernel_size, **kwargs: As in `ConvRNNCell`.
        links: Integer, number of trajectories that end in each pixel.

    Example:
    >>> outputs = ConvRNN(msrnn_keras.TrajGRUCell(8, links=5))(frames)

    Reference: Shi et al., 2017, arXiv:1706.03458; as in arXiv:2206.03010.
    """

    State: Any = State
    float32_states: Names = ("h",)
    aux_names: Names = ("flow",)
    checkpoint_names: Config = {
        "x_to_gates": (CheckpointBlock("_conv_x2h", 3), "_conv_x2f"),
        "h_to_features": "_conv_h2f",
        "features_to_flow": "_conv_flow",
        "warped_to_gates": "project",
    }

    def __init__(
        self, filters: int, kernel_size: int = 3, links: int = 10, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        self.links = links = check_positive("links", links)
        # Gates in the order z, r, n, then the features of the flow.
        self.x_to_gates = self.conv(4 * filters, name="x_to_gates", reads="x")
        self.h_to_features = self.conv(filters, name="h_to_features", reads="h")
        options = {"name": "features_to_flow", "reads": filters}
        self.features_to_flow = self.conv(2 * links, **options)
        self.warp = Warp(dtype=self.dtype_policy, name="warp")
        options = {"name": "warped_to_gates", "reads": links * filters}
        self.warped_to_gates = self.conv(3 * filters, 1, **options)

    def step(self, x: Tensor, states: Any) -> Step:
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
        """Return what the hidden state adds to the gates."""
        warped = self.warp(h, -flow)
        _, height, width, _ = ops.shape(h)
        shape = (-1, height, width, self.links * self.filters)
        return self.warped_to_gates(ops.reshape(warped, shape))

    def get_config(self) -> Config:
        return {**super().get_config(), "links": self.links}


def _leaky_relu(x):
    """Return the leaky ReLU of slope 0.2."""
    return ops.leaky_relu(x, negative_slope=0.2)
