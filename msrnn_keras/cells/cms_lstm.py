"""CMS-LSTM."""

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.convlstm import ConvLSTMCell, State
from msrnn_keras.cells.gates import lerp
from msrnn_keras.cells.modernn import modulate
from msrnn_keras.layers.block_attention import BlockAttention

BLOCKS = (1, 2, 4)  # blocks along each axis, per scale of the SE block


def _stage_names(index):
    parts = ("f_query", "f_key", "f_value")
    return tuple(f"SEBlock.stages.{index}.{part}" for part in parts)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CMSLSTMCell(ConvLSTMCell):
    """CMS-LSTM cell: a ConvLSTM between context embedding and attention.

    With `*` a 'same' convolution, `*1` a 1x1 convolution and `[,]`
    concatenation over channels, first the context embedding (CE): five
    rounds, each on the latest x and h:

        1, 3, 5:  x <- 2 sigmoid(Q * h) x
        2, 4:     h <- 2 sigmoid(R * x) h

    Then the step of `ConvLSTMCell` on the final x and h gives h' and c'. Last
    the spatiotemporal expression (SE), with f the maps h' and c' side by side
    along the width, and a_r(f) the `BlockAttention` of r by r blocks:

        z_h, z_m = left and right half of W_a * [a_1(f), a_2(f), a_4(f)]
        z = W_z *1 [z_h, z_m]
        [i, g, o] = W_h * h' + W_s * z + b
        c'' = (1 - sigmoid(i)) c' + sigmoid(i) tanh(g)
        h'' = sigmoid(o) c''

    States: `h''`, `c''` as `h`, `c`, each `(batch, height, width, filters)`.

    The attention is over all pixels of a block, one of which is the whole
    map, so by definition its time and memory are quadratic in the number of
    pixels; those of the other cells are linear.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square convolution kernels, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.CMSLSTMCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Chai et al., "CMS-LSTM: Context Embedding and Multi-Scale
        Spatiotemporal Expression LSTM for Predictive Learning", 2021,
        arXiv:2102.03586.
    """

    input_layers = ()
    checkpoint_names = {
        **ConvLSTMCell.checkpoint_names,
        "h_to_x": "convQ",
        "x_to_h": "convR",
        "stages.0.to_qkv": _stage_names(0),
        "stages.1.to_qkv": _stage_names(1),
        "stages.2.to_qkv": _stage_names(2),
        "stages_to_pair": "SEBlock.conv_bn",
        "pair_to_z": "SEBlock.w_z",
        "h_to_update": "SEBlock.w_h2h",
        "z_to_update": "SEBlock.w_z2h",
    }

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.x_to_h = self.conv(filters, name="x_to_h")
        self.stages = [
            BlockAttention(r, dtype=self.dtype_policy, name=f"stage_{r}")
            for r in BLOCKS
        ]
        self.stages_to_pair = self.conv(filters, name="stages_to_pair")
        self.pair_to_z = self.conv(filters, 1, name="pair_to_z")
        self.h_to_update = self.conv(3 * filters, name="h_to_update")
        self.z_to_update = self.conv(3 * filters, name="z_to_update")

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        batch, height, width, channels = inputs_shape
        state_shape = (batch, height, width, self.filters)
        self.h_to_x = self.conv(channels, name="h_to_x")
        self.h_to_x.build(state_shape)
        self.x_to_h.build(inputs_shape)
        pair = (batch, height, None if width is None else 2 * width)
        for stage in self.stages:
            stage.build((*pair, self.filters))
        self.stages_to_pair.build((*pair, len(BLOCKS) * self.filters))
        self.pair_to_z.build((*inputs_shape[:3], 2 * self.filters))
        self.h_to_update.build(state_shape)
        self.z_to_update.build(state_shape)

    def step(self, x, states):
        x, h = modulate(x, states.h, self.h_to_x, self.x_to_h)
        _, inner, _ = super().step(x, State(h, states.c))
        return self._express(inner.h, inner.c)

    def _express(self, h, c):
        """The spatiotemporal expression, the second half of a step."""
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
