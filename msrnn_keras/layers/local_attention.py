"""Attention of each position over the window around it."""

import functools

import keras
from keras import ops

from msrnn_keras.layers import attention
from msrnn_keras.layers.space_depth import PadToMultiple
from msrnn_keras.utils.checks import check_positive


@keras.saving.register_keras_serializable(package="msrnn_keras")
class LocalAttention(keras.layers.Layer):
    """Attention of each position over a square window around it.

    A position at row y and column x attends over the positions (y + a, x + b)
    with offsets a and b from -(window // 2) to window - 1 - window // 2:

        output = sum over the window of softmax(query · key) value

    The scores are not scaled. Positions outside the map stay in the softmax,
    with score 0 and value 0. The layer has no weights.

    A small map is scored as a whole, and what of a window is off the map is
    counted. A large one is cut into square tiles of queries. The queries of a
    tile share the keys and values of the tile and its margin, so keys and
    values are copied a few times, not once for each of the window² offsets.
    Gradients keep the three inputs alone; the scores are computed again.

    Args:
        window: Integer, side of the window, pixels. It may be larger than the
            map.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        query: Tensor `(batch, height, width, channels)`.
        key: Tensor `(batch, height, width, channels)`.
        value: Tensor `(batch, height, width, value_channels)`.

    Returns:
        Tensor `(batch, height, width, value_channels)`.

    Raises:
        ValueError: If `window` is not a positive integer.

    Example:
    >>> x = keras.ops.ones((2, 16, 16, 4))
    >>> LocalAttention(6)(x, x, x).shape
    (2, 16, 16, 4)

    Reference:
        Ramachandran et al., "Stand-Alone Self-Attention in Vision Models",
        2019, arXiv:1906.05909. As in PrecipLSTM, without positions and scale.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        check_positive("window", window)
        self.window = window
        self.tile = attention.tile_size(window)
        self.pad = PadToMultiple(self.tile, dtype=self.dtype_policy)

    def build(self, query_shape, key_shape, value_shape):
        pass

    def call(self, query, key, value):
        maps = (query, key, value)
        small = attention.is_small(query, self.window, self.tile)
        if isinstance(small, bool):
            return self.whole(*maps) if small else self.tiled(*maps)
        return ops.cond(
            small, lambda: self.whole(*maps), lambda: self.tiled(*maps)
        )

    def whole(self, query, key, value):
        """The attention of a map that is not cut."""
        attend = functools.partial(attention.attend_map, window=self.window)
        return keras.remat(attend)(query, key, value)

    def tiled(self, query, key, value):
        """The attention of a map that is cut into tiles."""
        attend = functools.partial(
            attention.attend_tiles, window=self.window, tile=self.tile
        )
        _, height, width, _ = ops.shape(query)
        padded = [self.pad(x) for x in (query, key, value)]
        return keras.remat(attend)(*padded)[:, :height, :width]

    def compute_output_shape(self, query_shape, key_shape, value_shape):
        return (*query_shape[:3], value_shape[-1])

    def get_config(self):
        return {**super().get_config(), "window": self.window}
