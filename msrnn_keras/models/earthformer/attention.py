"""Self-attention within cuboids."""

import math

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32, in_dtype
from msrnn_keras.models.earthformer.cuboids import (
    Axis,
    Cuboids,
    attention_mask,
    relative_index,
)
from msrnn_keras.models.earthformer.parts import (
    layer_norm,
    linear,
    table_initializer,
)

MASKED = -1e18


class CuboidAttention(keras.layers.Layer):
    """What self- and cross-attention share.

    Args:
        dim: Integer, channels of the map.
        num_heads: Integer.
        box: Tuple, size `(time, height, width)` of the bias table.
        use_relative_pos: Boolean, whether there is a bias table.
        attn_drop, proj_drop: Floats, dropout rates of weights and output.
    """

    centered = True  # the tables are of differences of positions

    def __init__(
        self,
        dim,
        num_heads,
        box,
        use_relative_pos,
        attn_drop,
        proj_drop,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dim, self.num_heads, self.box = dim, num_heads, tuple(box)
        self.use_relative_pos = use_relative_pos
        self.attn_drop = self._dropout(attn_drop, "attn_drop")
        self.proj_drop = self._dropout(proj_drop, "proj_drop")
        self.norm = layer_norm("norm", self.dtype_policy)

    def _dropout(self, rate, name):
        return keras.layers.Dropout(rate, name=name, dtype=self.dtype_policy)

    def _linear(self, units, name, use_bias=False):
        return linear(units, name, self.dtype_policy, use_bias)

    def build(self, input_shape=None):
        if self.use_relative_pos:
            rows = math.prod(2 * size - 1 for size in self.box)
            self.relative_position_bias_table = self.add_weight(
                shape=(rows, self.num_heads),
                initializer=table_initializer(),
                name="relative_position_bias_table",
            )
        self.norm.build((None, self.dim))

    @property
    def table_grids(self):
        """The tables that depend on the size of cuboids, and their grids."""
        if not self.use_relative_pos:
            return []
        grid = tuple(2 * size - 1 for size in self.box)
        return [(self.relative_position_bias_table, grid)]

    @property
    def relative_position_index(self):
        """The buffer of that name in published checkpoints."""
        volume = math.prod(self.box)
        return relative_index(self.box, volume, volume).astype("int64")

    def _bias(self, queries, keys):
        """Return the position bias `(heads, queries, keys)`, or None."""
        if not self.use_relative_pos:
            return None
        index = relative_index(self.box, queries, keys).astype("int32")
        table = self.relative_position_bias_table
        return ops.transpose(ops.take(table, index, axis=0), (2, 0, 1))

    def _scaled(self, query):
        return query * (self.dim // self.num_heads) ** -0.5

    def _heads(self, vectors):
        """Return vectors `(batch, n, channels)` as `(batch, heads, n, …)`."""
        _, count, channels = vectors.shape
        shape = (-1, count, self.num_heads, channels // self.num_heads)
        return ops.transpose(ops.reshape(vectors, shape), (0, 2, 1, 3))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CuboidSelfAttention(CuboidAttention):
    """Self-attention within the cuboids of a map.

    Args:
        dim, num_heads, use_relative_pos, attn_drop, proj_drop: As in
            `CuboidAttention`.
        shape: Tuple `(time, height, width)` of the map.
        size, strategy, shift: As in `patterns.Cuboid`.
        padding_type: String, `"zeros"` attends to the padding, `"ignore"`
            does not.
        self_attn_use_final_proj: Boolean, whether a linear layer comes last.
    """

    checkpoint_order = (
        *("relative_position_bias_table", "relative_position_index", "qkv"),
        *("proj", "norm"),
    )

    def __init__(
        self,
        dim,
        shape,
        size,
        strategy,
        shift,
        num_heads,
        padding_type="zeros",
        use_relative_pos=True,
        self_attn_use_final_proj=True,
        attn_drop=0.0,
        proj_drop=0.0,
        **kwargs,
    ):
        drop = (attn_drop, proj_drop)
        super().__init__(
            dim, num_heads, size, use_relative_pos, *drop, **kwargs
        )
        axes = map(Axis.of, shape, size, strategy, shift)
        self.cuboids = Cuboids(list(axes))
        self.ignore_padding = padding_type == "ignore"
        mask = attention_mask(self.cuboids, self.cuboids, self.ignore_padding)
        self._mask = None if mask is None else mask[:, None]
        self.qkv = self._linear(3 * dim, "qkv")
        self.proj = None
        if self_attn_use_final_proj:
            self.proj = self._linear(dim, "proj", use_bias=True)

    def build(self, input_shape=None):
        super().build()
        self.qkv.build((None, self.dim))
        if self.proj is not None:
            self.proj.build((None, self.dim))

    def call(self, x, training=None):
        x = self.cuboids.pad_and_shift(self.norm(x))
        qkv = ops.split(self.qkv(x), 3, axis=-1)
        return self._attend(*qkv, None, training)

    def _attend(self, query, key, value, extra, training):
        """Return the attention of maps; `extra` is as in `attend`."""
        maps = (self._scaled(query), key, value)
        tokens = [self.cuboids.cut(x, self.num_heads) for x in maps]
        bias = self._bias(*2 * [self.cuboids.volume])
        x = attend(
            *(*tokens, bias, self._mask, extra),
            lambda weights: self.attn_drop(weights, training=training),
        )
        x = self.cuboids.put_back(x)
        if self.proj is None:
            return x
        return self.proj_drop(self.proj(x), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape


def attend(query, key, value, bias=None, mask=None, extra=None, drop=None):
    """Return the attention of tokens.

    Args:
        query: Tensor `(…, queries, channels)`, scaled.
        key: Tensor `(…, keys, channels)`.
        value: The same.
        bias: Tensor that is added to the scores, or None.
        mask: Boolean array, False where a score does not count, or None.
        extra: Tuple of a second query and of further keys and values, which
            have neither bias nor mask. The softmax runs over all. Or None.
        drop: Function of the weights, or None.
    """
    scores = _scores(query, key)
    keys = scores.shape[-1]
    if bias is not None:
        scores = scores + in_dtype(bias, scores.dtype)
    if mask is not None:
        scores = ops.where(mask, scores, MASKED)
    if extra is not None:
        scores = ops.concatenate([scores, _scores(*extra[:2])], axis=-1)
    weights = ops.softmax(scores, axis=-1)
    if mask is not None and extra is None:
        # A token that sees nothing gets zero, not a mean.
        weights = weights * ops.cast(mask, weights.dtype)
    weights = in_dtype(weights, keras.backend.standardize_dtype(value.dtype))
    weights = weights if drop is None else drop(weights)
    if extra is None:
        return weights @ value
    return weights[..., :keys] @ value + weights[..., keys:] @ extra[2]


def _scores(query, key):
    """Return the products of queries and keys, for a precise softmax."""
    scores = query @ ops.swapaxes(key, -1, -2)
    return in_dtype(scores, at_least_float32(scores))
