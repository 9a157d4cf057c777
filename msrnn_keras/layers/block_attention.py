"""Self-attention within the blocks of two maps."""

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32
from msrnn_keras.layers.convolution import Conv2D, with_new_seeds
from msrnn_keras.layers.rematerialization import Remat
from msrnn_keras.layers.space_depth import pad_end
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class BlockAttention(keras.layers.Layer):
    """Self-attention within the blocks of two maps side by side (CMS-LSTM)."""

    def __init__(self, blocks, conv_options=None, **kwargs):
        super().__init__(**kwargs)
        blocks = check_positive("blocks", blocks)
        self.blocks = blocks
        self.conv_options = conv_options or {}

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy, "name": "to_qkv"}
        options |= with_new_seeds(self.conv_options)
        self.to_qkv = Conv2D(3 * input_shape[-1], 1, **options)
        self.to_qkv.build(input_shape)

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        width = width // 2
        maps = ops.reshape(x, (-1, height, 2, width, channels))
        maps = pad_end(pad_end(maps, self.blocks, axis=1), self.blocks, axis=3)
        _, padded_height, _, padded_width, _ = ops.shape(maps)
        pair = (-1, padded_height, 2 * padded_width, channels)
        tokens = self._cut(self.to_qkv(ops.reshape(maps, pair)))
        attended = self._paste(Remat(attend)(tokens), ops.shape(maps))
        attended = attended[:, :height, :, :width]
        return x + ops.reshape(attended, (-1, height, 2 * width, channels))

    def _cut(self, x):
        """Return tokens `(batch·blocks², tokens of a block, channels)`."""
        _, height, width, channels = ops.shape(x)
        rows, columns = height // self.blocks, width // 2 // self.blocks
        # The two maps of a row are like two rows.
        shape = (-1, 2 * rows, self.blocks, columns * channels)
        x = ops.transpose(ops.reshape(x, shape), (0, 2, 1, 3))
        return ops.reshape(x, (-1, 2 * rows * columns, channels))

    def _paste(self, tokens, shape):
        """Invert `_cut`, to `(batch, height, 2, width, channels)`."""
        _, height, _, width, channels = shape
        rows, columns = height // self.blocks, width // self.blocks
        cut = (-1, self.blocks, 2 * rows, columns * channels)
        x = ops.transpose(ops.reshape(tokens, cut), (0, 2, 1, 3))
        return ops.reshape(x, (-1, *shape[1:]))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        options = keras.saving.serialize_keras_object(self.conv_options)
        config = {"blocks": self.blocks, "conv_options": options}
        return {**super().get_config(), **config}


def attend(tokens):
    """Return the unscaled attention of tokens `(…, 3·channels)`."""
    query, key, value = ops.split(tokens, 3, axis=-1)
    precise = at_least_float32(tokens)
    query, key = ops.cast(query, precise), ops.cast(key, precise)
    scores = query @ ops.transpose(key, (0, 2, 1))
    weights = ops.cast(ops.softmax(scores, axis=-1), tokens.dtype)
    return weights @ value
