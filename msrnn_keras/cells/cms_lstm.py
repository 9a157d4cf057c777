"""CMS-LSTM."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.convlstm import ConvLSTMCell, State
from msrnn_keras.cells.gates import lerp
from msrnn_keras.cells.modernn import modulate
from msrnn_keras.layers.block_attention import BlockAttention
from msrnn_keras.utils.typing import Config, Shape, Step, Tensor

BLOCKS = (1, 2, 4)  # blocks along each axis, one number per attention
_PARTS = ("f_query", "f_key", "f_value")
_QKV = {
    f"stages.{i}.to_qkv": tuple(f"SEBlock.stages.{i}.{x}" for x in _PARTS)
    for i in range(len(BLOCKS))
}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CMSLSTMCell(ConvLSTMCell):
    """CMS-LSTM cell: a ConvLSTM between context embedding and attention.

    The context embedding has five rounds, each on the latest x and h:

        1, 3, 5:  x <- 2 sigmoid(Q * h) x
        2, 4:     h <- 2 sigmoid(R * x) h

    The step of `ConvLSTMCell` on the final x and h gives h' and c'. The
    spatiotemporal expression follows, with f the maps h' and c' side by side
    along the width, and a_r(f) the `BlockAttention` of r by r blocks:

        z_h, z_m = left and right half of W_a * [a_1(f), a_2(f), a_4(f)]
        z = W_z *1 [z_h, z_m]
        [i, g, o] = W_h * h' + W_s * z + b
        c'' = (1 - sigmoid(i)) c' + sigmoid(i) tanh(g)
        h'' = sigmoid(o) c''

    `*` is a 'same' convolution, `*1` a 1×1 convolution and `[,]` concatenates
    over channels. States: `h` (h'') and `c` (c''), each `(batch, height,
    width, filters)`. Time and memory grow with the square of the map's size.
    Arguments are those of `ConvRNNCell`.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.CMSLSTMCell(8))(frames)

    Reference: Chai et al., "CMS-LSTM", 2021, arXiv:2102.03586.
    """

    checkpoint_names: Config = {
        **ConvLSTMCell.checkpoint_names,
        "h_to_x": "convQ",
        "x_to_h": "convR",
        **_QKV,
        "stages_to_pair": "SEBlock.conv_bn",
        "pair_to_z": "SEBlock.w_z",
        "h_to_update": "SEBlock.w_h2h",
        "z_to_update": "SEBlock.w_z2h",
    }

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        self.x_to_h = self.conv(filters, name="x_to_h", reads="x")
        options, policy = self.conv_options(recurrent=True), self.dtype_policy
        self.stages = [
            BlockAttention(r, options, dtype=policy, name=f"stage_{r}")
            for r in BLOCKS
        ]
        name, reads = "stages_to_pair", len(BLOCKS) * filters
        self.stages_to_pair = self.conv(filters, name=name, reads=reads)
        self.pair_to_z = self.conv(filters, 1, "pair_to_z", 2 * filters)
        update = 3 * filters  # in the order i, g, o
        self.h_to_update = self.conv(update, name="h_to_update", reads="h")
        self.z_to_update = self.conv(update, name="z_to_update", reads=filters)

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        super().build(inputs_shape, states_shape)
        self.h_to_x = self.conv(inputs_shape[-1], name="h_to_x", reads="h")
        for stage in self.stages:
            stage.build((None, None, None, self.filters))

    def step(self, x: Tensor, states: Any) -> Step:
        x, h = modulate(x, states.h, self.h_to_x, self.x_to_h)
        _, inner, _ = super().step(x, State(h, states.c))
        return self._express(inner.h, inner.c)

    def _express(self, h, c):
        """Return the result of the spatiotemporal expression."""
        pair = ops.concatenate([h, like(c, h)], axis=2)
        scales = [stage(pair) for stage in self.stages]
        pair = self.stages_to_pair(ops.concatenate(scales, axis=-1))
        halves = ops.split(pair, 2, axis=2)
        z = self.pair_to_z(ops.concatenate(halves, axis=-1))
        update = self.h_to_update(h) + self.z_to_update(z)
        i, g, o = ops.split(update, 3, axis=-1)
        c = lerp(ops.sigmoid(like(i, c)), tanh(g), c)
        o = ops.sigmoid(o)
        h = o * like(c, o)
        return h, State(h, c), {"output_gate": o}
