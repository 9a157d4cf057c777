"""Cross-attention from the decoder's map to a memory of the encoder."""

import keras
from keras import ops

from msrnn_keras.models.earthformer.attention import CuboidAttention, attend
from msrnn_keras.models.earthformer.cuboids import Axis, Cuboids, attention_mask


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CuboidCrossAttention(CuboidAttention):
    """Attention of the cuboids of a map to those of a memory.

    Args:
        dim, num_heads, use_relative_pos, attn_drop, proj_drop: As in
            `CuboidAttention`.
        shape: Tuple `(time, height, width)` of the map.
        context: Integer, frames of the memory.
        size, strategy, shift, n_temporal: As in `patterns.CrossCuboid`.
        last_frames: Integer, frames of the memory that are read. None: all.
        padding_type: As in `CuboidSelfAttention`. `"zeros"` needs cuboids that
            divide the map.
        use_global: Boolean, whether the map attends to global vectors too.
        global_dim: Integer, channels of a global vector.
        separate_global_qkv: As in `GlobalSelfAttention`.
    """

    checkpoint_order = (
        *("relative_position_bias_table", "relative_position_index", "q_proj"),
        *("kv_proj", "proj", "l2g_q_net", "l2g_global_kv_net", "norm"),
    )

    def __init__(
        self,
        dim,
        shape,
        context,
        size,
        strategy,
        shift,
        n_temporal,
        num_heads,
        last_frames=None,
        padding_type="zeros",
        use_relative_pos=True,
        attn_drop=0.0,
        proj_drop=0.0,
        use_global=False,
        global_dim=None,
        separate_global_qkv=False,
        **kwargs,
    ):
        box, drop = (shape[0] + context, *size), (attn_drop, proj_drop)
        super().__init__(dim, num_heads, box, use_relative_pos, *drop, **kwargs)
        self.last_frames, self.global_dim = last_frames, global_dim
        frames = min(last_frames or context, context)
        space = map(Axis.of, shape[1:], size, strategy[1:], shift, 2 * [False])
        space, dilated = list(space), strategy[0] == "d"
        times = [
            Axis(n, -(-n // n_temporal), n_temporal, dilated, 0, at_front)
            for n, at_front in ((shape[0], False), (frames, True))
        ]
        if padding_type == "zeros":
            _check_no_padding([*times, *space])
        self.cuboids, self.memory = (Cuboids([t, *space]) for t in times)
        pair = (self.cuboids, self.memory)
        mask = attention_mask(*pair, padding_type == "ignore")
        self._mask = None if mask is None else mask[:, None]
        self.q_proj = self._linear(dim, "q_proj")
        self.kv_proj = self._linear(2 * dim, "kv_proj")
        self.proj = self._linear(dim, "proj", use_bias=True)
        self.use_global = use_global
        self.separate = use_global and separate_global_qkv
        if self.separate:
            self.l2g_q_net = self._linear(dim, "l2g_q_net")
            self.l2g_global_kv_net = self._linear(2 * dim, "l2g_global_kv_net")

    def build(self, input_shape=None):
        super().build()
        for layer in (self.q_proj, self.kv_proj, self.proj):
            layer.build((None, self.dim))
        if self.separate:
            self.l2g_q_net.build((None, self.dim))
            self.l2g_global_kv_net.build((None, self.global_dim))

    def call(self, inputs, training=None):
        x, memory, *vectors = inputs
        if self.last_frames is not None:
            memory = memory[:, -self.last_frames :]
        x = self.cuboids.pad_and_shift(self.norm(x))
        memory = self.memory.pad_and_shift(memory)
        query = self._cut(self._scaled(self.q_proj(x)))
        pair = ops.split(self.kv_proj(memory), 2, axis=-1)
        key, value = (self.memory.cut(part, self.num_heads) for part in pair)
        extra = self._extra(x, query, *vectors) if self.use_global else None
        bias = self._bias(self.cuboids.volume, self.memory.volume)
        x = attend(
            *(query, key, value, bias, self._mask, extra),
            lambda weights: self.attn_drop(weights, training=training),
        )
        x = self.proj(self.cuboids.put_back(x))
        return self.proj_drop(x, training=training)

    def _extra(self, x, query, vectors):
        """Return query, keys and values of the global vectors."""
        make = self.kv_proj
        if self.separate:
            query = self._cut(self._scaled(self.l2g_q_net(x)))
            make = self.l2g_global_kv_net
        pair = ops.split(make(vectors), 2, axis=-1)
        return (query, *(self._heads(part)[:, None] for part in pair))

    def _cut(self, x):
        return self.cuboids.cut(x, self.num_heads)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


def _check_no_padding(axes):
    """Refuse cuboids that do not divide the map."""
    if any(axis.padded != axis.length for axis in axes):
        lengths = [axis.length for axis in axes]
        sizes = [axis.size for axis in axes]
        raise ValueError(
            "With padding_type='zeros', the cuboids of cross-attention must "
            "divide the frames, height and width of the maps; use "
            "padding_type='ignore' or 'cross_1x1'. Received: cuboids "
            f"{sizes} of maps {lengths} (frames of the forecast and of the "
            "memory, height, width)"
        )
