"""Self-attention within cuboids, and with global vectors."""

import keras
from keras import ops

from msrnn_keras.models.earthformer.attention import CuboidSelfAttention, attend
from msrnn_keras.models.earthformer.parts import layer_norm, uniform_linear


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GlobalSelfAttention(CuboidSelfAttention):
    """Self-attention of a map and of global vectors, updated together.

    A token attends to its cuboid and to the global vectors, a global vector
    to all tokens.

    Args:
        dim: Integer, channels of the map.
        global_dim: Integer, channels of a global vector.
        use_global_self_attn: Boolean, whether global vectors attend to each
            other.
        separate_global_qkv: Boolean, whether the attention from and to global
            vectors has its own linear layers.
        **kwargs: As in `CuboidSelfAttention`.
    """

    checkpoint_order = (
        *("relative_position_bias_table", "relative_position_index", "qkv"),
        *("global_qkv", "l2g_q_net", "l2g_global_kv_net"),
        *("g2l_global_q_net", "g2l_k_net", "g2l_v_net", "g2g_global_qkv_net"),
        *("proj", "global_proj", "norm", "global_vec_norm"),
    )

    def __init__(
        self,
        dim,
        global_dim,
        use_global_self_attn=False,
        separate_global_qkv=False,
        **kwargs,
    ):
        super().__init__(dim, **kwargs)
        self.global_dim = global_dim
        self.use_global_self_attn = use_global_self_attn
        self.separate_global_qkv = separate_global_qkv
        if separate_global_qkv:
            self.l2g_q_net = self._linear(dim, "l2g_q_net")
            self.l2g_global_kv_net = self._linear(2 * dim, "l2g_global_kv_net")
            self.g2l_global_q_net = self._linear(dim, "g2l_global_q_net")
            self.g2l_k_net = self._linear(dim, "g2l_k_net")
            self.g2l_v_net = self._linear(global_dim, "g2l_v_net")
            if use_global_self_attn:
                name = "g2g_global_qkv_net"
                self.g2g_global_qkv_net = self._linear(3 * global_dim, name)
        else:
            self.global_qkv = self._linear(3 * dim, "global_qkv")
        drops = (self.attn_drop.rate, self.proj_drop.rate)
        self.global_attn_drop = self._dropout(drops[0], "global_attn_drop")
        self.global_proj_drop = self._dropout(drops[1], "global_proj_drop")
        self.global_proj = None
        if self.proj is not None:
            sizes = (global_dim, global_dim)
            policy = self.dtype_policy
            self.global_proj = uniform_linear(*sizes, "global_proj", policy)
        self.global_vec_norm = layer_norm("global_vec_norm", self.dtype_policy)
        real = self.cuboids.in_map_order(self.cuboids.real)
        hidden = self.ignore_padding and not real.all()
        self._real = real if hidden else None

    def build(self, input_shape=None):
        super().build()
        of_map = ("l2g_q_net", "g2l_k_net", "g2l_v_net")
        for name in self.checkpoint_order:
            layer = getattr(self, name, None)
            if isinstance(layer, keras.Layer) and not layer.built:
                dim = self.dim if name in of_map else self.global_dim
                layer.build((None, dim))

    def call(self, inputs, training=None):
        x, vectors = inputs
        x = self.cuboids.pad_and_shift(self.norm(x))
        vectors = self.global_vec_norm(vectors)
        maps = ops.split(self.qkv(x), 3, axis=-1)
        make = self._separate if self.separate_global_qkv else self._shared
        to_vectors, to_map, among = make(x, vectors, maps)
        query, key, value = to_vectors
        query = self.cuboids.cut(self._scaled(query), self.num_heads)
        pair = [self._heads(part)[:, None] for part in (key, value)]
        x = self._attend(*maps, (query, *pair), training)
        vectors = self._update(to_map, among, training)
        return x, vectors

    def _shared(self, x, vectors, maps):
        """Return query, key and value of each direction, see `_separate`."""
        own = ops.split(self.global_qkv(vectors), 3, axis=-1)
        return (maps[0], *own[1:]), (own[0], *maps[1:]), own

    def _separate(self, x, vectors, maps):
        """Return query, key and value: to vectors, to the map, among vectors.

        Those of the map are maps, those of the vectors `(batch, n, channels)`.
        """
        pair = ops.split(self.l2g_global_kv_net(vectors), 2, axis=-1)
        to_vectors = (self.l2g_q_net(x), *pair)
        query = self.g2l_global_q_net(vectors)
        to_map = (query, self.g2l_k_net(x), self.g2l_v_net(x))
        among = None
        if self.use_global_self_attn:
            among = self.g2g_global_qkv_net(vectors)
            among = ops.split(among, 3, axis=-1)
        return to_vectors, to_map, among

    def _update(self, to_map, among, training):
        """Return the attention of the global vectors to the map and others."""
        query, *maps = to_map
        tokens = self.cuboids.count * self.cuboids.volume
        flat = [ops.reshape(x, (-1, tokens, x.shape[-1])) for x in maps]
        parts = map(self._heads, (self._scaled(query), *flat))
        extra = None
        if self.use_global_self_attn:
            query, *pair = among
            extra = [self._heads(x) for x in (self._scaled(query), *pair)]
        x = attend(
            *(*parts, None, self._real, extra),
            lambda weights: self.global_attn_drop(weights, training=training),
        )
        shape = (-1, x.shape[2], self.global_dim)
        x = ops.reshape(ops.transpose(x, (0, 2, 1, 3)), shape)
        if self.global_proj is None:
            return x
        return self.global_proj_drop(self.global_proj(x), training=training)

    def compute_output_shape(self, input_shape):
        return tuple(map(tuple, input_shape))
