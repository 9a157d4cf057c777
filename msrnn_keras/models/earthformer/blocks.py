"""Blocks of attention layers and feed-forward networks."""

import keras

from msrnn_keras.layers.rematerialization import rematerialized
from msrnn_keras.models.earthformer.parts import ACTIVATIONS, layer_norm, linear

EXPANSION = 4  # hidden channels for each channel


@keras.saving.register_keras_serializable(package="msrnn_keras")
class FeedForward(keras.layers.Layer):
    """A feed-forward network with a residual connection.

    Args:
        dim: Integer, channels.
        activation: String, a key of `parts.ACTIVATIONS`.
        gated: Boolean, whether the hidden channels have a gate.
        drop: Float, dropout rate, after the activation and at the end.
    """

    checkpoint_order = ("ffn_1", "ffn_1_gate", "ffn_2", "layer_norm")

    def __init__(self, dim, activation="gelu", gated=False, drop=0.0, **kwargs):
        super().__init__(**kwargs)
        self.dim, self.gated = dim, gated
        self.activation = ACTIVATIONS[activation]
        policy, hidden = self.dtype_policy, EXPANSION * dim
        self.ffn_1 = linear(hidden, "ffn_1", policy)
        if gated:
            self.ffn_1_gate = linear(hidden, "ffn_1_gate", policy)
        self.ffn_2 = linear(dim, "ffn_2", policy)
        self.layer_norm = layer_norm("layer_norm", policy)
        drops = [f"drop_{i}" for i in (1, 2)]
        dropout = keras.layers.Dropout
        self.drop_1, self.drop_2 = (
            dropout(drop, name=name, dtype=policy) for name in drops
        )

    def build(self, input_shape=None):
        for name in self.checkpoint_order:
            if name != "ffn_1_gate" or self.gated:
                width = EXPANSION * self.dim if name == "ffn_2" else self.dim
                getattr(self, name).build((None, width))

    def call(self, x, training=None):
        normed = self.layer_norm(x)
        hidden = self.ffn_1(normed)
        if self.gated:
            hidden = self.activation(self.ffn_1_gate(normed)) * hidden
        else:
            hidden = self.activation(hidden)
        hidden = self.drop_1(hidden, training=training)
        return x + self.drop_2(self.ffn_2(hidden), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape


class Block(keras.layers.Layer):
    """Attention layers with residual connections, each with a network or not.

    Args:
        attentions: List of layers.
        dim: Integer, channels of the map.
        ffn: Dict, arguments of `FeedForward`.
        inter_ffn: Boolean, whether each attention is followed by a
            feed-forward network, or only the last one.
        global_dim: Integer, channels of the global vectors, if these have
            feed-forward networks. Else None.
        remat: None, or `"layer"` to compute the block again in the gradient.
    """

    checkpoint_order = ("ffn_l", "global_ffn_l", "attn_l")

    def __init__(
        self, attentions, dim, ffn, inter_ffn, global_dim, remat, **kwargs
    ):
        super().__init__(**kwargs)
        self.inter_ffn, self.remat = inter_ffn, remat
        count, ffn = len(attentions) if inter_ffn else 1, dict(ffn)
        ffn["dtype"] = self.dtype_policy
        self.ffn_l = [
            FeedForward(dim, name=f"ffn_{i}", **ffn) for i in range(count)
        ]
        self.global_ffn_l = [
            FeedForward(global_dim, name=f"global_ffn_{i}", **ffn)
            for i in range(count if global_dim else 0)
        ]
        self.attn_l = list(attentions)

    def build(self, input_shape=None):
        for layer in (*self.ffn_l, *self.global_ffn_l, *self.attn_l):
            layer.build(None)

    def call(self, inputs, training=None):
        single = not isinstance(inputs, (list, tuple))
        inputs = [inputs] if single else list(inputs)

        def run(*tensors):
            return self._run(*tensors, training=training)

        if not (self.remat and training):
            outputs = run(*inputs)
        else:
            outputs = rematerialized(self, run, *inputs)
            for layer in self._flatten_layers():
                if getattr(layer, "rate", 0):
                    # The recomputed block has not advanced its seeds.
                    layer.seed_generator.next()
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SelfBlock(Block):
    """Self-attention of a map, or of a map and global vectors."""

    def _run(self, x, *vectors, training):
        for i, attention in enumerate(self.attn_l):
            if vectors:
                update, change = attention([x, *vectors], training=training)
                vectors = (vectors[0] + change,)
            else:
                update = attention(x, training=training)
            x = x + update
            if self.inter_ffn:
                x, vectors = self._feed(i, x, vectors, training)
        if not self.inter_ffn:
            x, vectors = self._feed(0, x, vectors, training)
        return (x, *vectors)

    def _feed(self, i, x, vectors, training):
        """Apply the feed-forward networks i."""
        if self.global_ffn_l:
            network = self.global_ffn_l[i]
            vectors = (network(vectors[0], training=training),)
        return self.ffn_l[i](x, training=training), vectors

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="msrnn_keras")
class CrossBlock(Block):
    """Cross-attention of a map to a memory, and to global vectors or not."""

    def _run(self, x, *others, training):
        for i, attention in enumerate(self.attn_l):
            x = x + attention([x, *others], training=training)
            if self.inter_ffn:
                x = self.ffn_l[i](x, training=training)
        if not self.inter_ffn:
            x = self.ffn_l[0](x, training=training)
        return (x,)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
