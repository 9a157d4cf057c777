"""Attention within the blocks of two maps."""

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.layers.convolution import Conv2D
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BlockAttention(keras.layers.Layer):
    """Self-attention within the blocks of two maps side by side.

    The input is two maps of one size next to each other along the width.
    Both are cut into `blocks` by `blocks` equal blocks; the tokens of a block
    are its positions in the two maps. With q, k, v a 1x1 convolution of the
    input f, the output at token i is

        sum_j softmax_j(q_i . k_j) v_j + f_i

    Where `blocks` does not divide the size, each map is padded with zeros at
    the bottom and right before the convolution (what is padded takes part as
    tokens), and the output is cropped again.

    Time and memory grow with the square of the tokens in a block. Gradients
    keep the tokens alone; the scores are computed again.

    Args:
        blocks: Integer, number of blocks along the height and along the
            width of each map.
        **kwargs: Arguments of `keras.layers.Layer`.

    Returns:
        Tensor of the shape of the input, `(batch, height, 2·width, channels)`.

    Raises:
        ValueError: If `blocks` is not a positive integer.

    Example:
    >>> BlockAttention(2)(keras.ops.zeros((1, 8, 16, 3))).shape
    (1, 8, 16, 3)

    Reference:
        Chai et al., "CMS-LSTM: Context Embedding and Multi-Scale
        Spatiotemporal Expression LSTM for Predictive Learning", 2021,
        arXiv:2102.03586.
    """

    def __init__(self, blocks, **kwargs):
        super().__init__(**kwargs)
        check_positive("blocks", blocks)
        self.blocks = blocks

    def build(self, input_shape):
        # Query, key and value side by side.
        self.to_qkv = Conv2D(
            3 * input_shape[-1], 1, dtype=self.dtype_policy, name="to_qkv"
        )
        self.to_qkv.build(input_shape)

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        width = width // 2
        maps = ops.reshape(x, (-1, height, 2, width, channels))
        maps = _pad(_pad(maps, self.blocks, axis=1), self.blocks, axis=3)
        _, padded_height, _, padded_width, _ = ops.shape(maps)
        pair = (-1, padded_height, 2 * padded_width, channels)

        tokens = self._cut(self.to_qkv(ops.reshape(maps, pair)))
        attended = self._paste(keras.remat(attend)(tokens), ops.shape(maps))
        attended = attended[:, :height, :, :width]
        return x + ops.reshape(attended, (-1, height, 2 * width, channels))

    def _cut(self, x):
        """Tokens `(batch·blocks², tokens of a block, channels)`."""
        _, height, width, channels = ops.shape(x)
        rows, columns = height // self.blocks, width // 2 // self.blocks
        # The two maps of a row lie one after the other, like two rows.
        shape = (-1, 2 * rows, self.blocks, columns * channels)
        x = ops.transpose(ops.reshape(x, shape), (0, 2, 1, 3))
        return ops.reshape(x, (-1, 2 * rows * columns, channels))

    def _paste(self, tokens, shape):
        """The inverse of `_cut`, `(batch, height, 2, width, channels)`."""
        _, height, _, width, channels = shape
        rows, columns = height // self.blocks, width // self.blocks
        cut = (-1, self.blocks, 2 * rows, columns * channels)
        x = ops.transpose(ops.reshape(tokens, cut), (0, 2, 1, 3))
        return ops.reshape(x, (-1, *shape[1:]))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "blocks": self.blocks}


def attend(tokens):
    """Unscaled dot-product attention of tokens to each other.

    Args:
        tokens: Tensor `(batch, tokens, 3·channels)`: query, key and value.

    Returns:
        Tensor `(batch, tokens, channels)`.
    """
    query, key, value = ops.split(tokens, 3, axis=-1)
    precise = at_least_float32(tokens)
    query, key = ops.cast(query, precise), ops.cast(key, precise)
    scores = query @ ops.transpose(key, (0, 2, 1))
    weights = ops.cast(ops.softmax(scores, axis=-1), tokens.dtype)
    return weights @ value


def _pad(x, multiple, axis):
    """Zeros behind the end of `axis` up to a multiple of a length."""
    shape = list(ops.shape(x))
    missing = -shape[axis] % multiple
    if isinstance(missing, int) and missing == 0:
        return x
    shape[axis] = missing
    return ops.concatenate([x, ops.zeros(shape, dtype=x.dtype)], axis=axis)
