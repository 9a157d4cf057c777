"""Learned tables: positions, global vectors, the decoder's first map."""

import math

import keras
import numpy as np
from keras import ops

from msrnn_keras.models.earthformer.parts import linear, table_initializer

# For each type, the axes (time, height, width) of its tables.
POSITIONS = {"t+hw": ("T", "HW"), "t+h+w": ("T", "H", "W")}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class PositionEmbedding(keras.layers.Layer):
    """Adds learned tables of positions to a map.

    Args:
        shape: Tuple `(time, height, width, channels)` of the map.
        kind: String, `"t+hw"` (a table of frames and one of pixels) or
            `"t+h+w"` (one of frames, rows and columns each).
    """

    def __init__(self, shape, kind="t+hw", **kwargs):
        super().__init__(**kwargs)
        self.shape, self.kind = tuple(shape), kind
        lengths = dict(zip("THW", self.shape, strict=False))
        # The sizes of the axes of each table, and of those of all axes.
        self.grids, self._broadcast = {}, {}
        for axes in POSITIONS[kind]:
            name = f"{axes}_embed"
            self.grids[name] = tuple(lengths[axis] for axis in axes)
            self._broadcast[name] = tuple(
                n if axis in axes else 1 for axis, n in lengths.items()
            )

    def build(self, input_shape=None):
        self.tables = [
            self.add_weight(
                shape=(math.prod(grid), self.shape[-1]),
                initializer=table_initializer(),
                name=name,
            )
            for name, grid in self.grids.items()
        ]

    @property
    def checkpoint_parts(self):
        """The tables by their published names."""
        names = (f"{name}.weight" for name in self.grids)
        return dict(zip(names, self.tables, strict=True))

    @property
    def table_grids(self):
        """The tables and the sizes that their rows are numbered by."""
        return zip(self.tables, self._broadcast.values(), strict=True)

    def positions(self):
        """Return the sum of the tables, `(time, height, width, channels)`."""
        return sum(
            ops.reshape(
                ops.cast(table, self.compute_dtype), (*size, self.shape[-1])
            )
            for table, size in self.table_grids
        )

    def call(self, x):
        return x + self.positions()

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="msrnn_keras")
class GlobalVectors(keras.layers.Layer):
    """Learned vectors, the same for every sample of a batch.

    Args:
        count: Integer, number of vectors.
        dim: Integer, channels of a vector.
    """

    def __init__(self, count, dim, **kwargs):
        super().__init__(**kwargs)
        self.count, self.dim = count, dim

    def build(self, input_shape=None):
        self.vectors = self.add_weight(
            shape=(self.count, self.dim),
            initializer=table_initializer(),
            name="vectors",
        )

    @property
    def checkpoint_parts(self):
        """The vectors, which have no name of their own."""
        return {"": self.vectors}

    def call(self, x):
        first = ops.reshape(x[:, 0, 0, 0, 0], (-1, 1, 1))
        vectors = ops.cast(self.vectors, self.compute_dtype)
        return ops.zeros_like(first) + vectors

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.count, self.dim)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class InitialState(keras.layers.Layer):
    """Makes the decoder's first map of the encoder's last one.

    Args:
        shape: Tuple `(time, height, width, channels)` of the result.
        kind: As in `PositionEmbedding`.
        method: String, `"zeros"` (position embeddings, whatever the input),
            `"last"` (the last frame), `"mean"` (the mean of all frames) or
            `"nearest_interp"` (frames spread over the forecast).
    """

    METHODS = ("zeros", "last", "mean", "nearest_interp")

    def __init__(self, shape, kind="t+hw", method="zeros", **kwargs):
        super().__init__(**kwargs)
        self.shape, self.method = tuple(shape), method
        policy = self.dtype_policy
        self.z_proj = linear(shape[-1], "z_proj", policy)
        # Published checkpoints have it whatever the method.
        self.pos_embed = PositionEmbedding(
            shape, kind, name="dec_pos_embed", dtype=policy
        )

    def build(self, input_shape=None):
        self.z_proj.build((None, self.shape[-1]))
        self.pos_embed.build()

    def call(self, memory):
        frames, time = memory.shape[1], self.shape[0]
        if self.method == "zeros":
            z = self.z_proj(self.pos_embed.positions())
            return ops.zeros_like(memory[:, :1]) + z
        if self.method == "nearest_interp":
            index = np.arange(time) * frames // time
            memory = ops.take(memory, index.astype("int32"), axis=1)
            return self.z_proj(memory)
        if self.method == "last":
            frame = memory[:, -1:]
        else:
            frame = ops.sum(memory, axis=1, keepdims=True) / frames
        return ops.repeat(self.z_proj(frame), time, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)
