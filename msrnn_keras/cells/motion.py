"""MotionRNN: a MotionGRU and a motion highway around a cell."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.backend.precision import like, tanh
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.gates import concat_channels, lerp
from msrnn_keras.cells.wrapper import WrapperCell
from msrnn_keras.layers.convolution import FoldableIdentity, with_new_seeds
from msrnn_keras.layers.linear import scaled
from msrnn_keras.layers.warp import Warp
from msrnn_keras.utils.checks import check_even, check_limit, check_multiple
from msrnn_keras.utils.typing import Config, Shape, Step, Tensor

OFFSETS = 9  # trajectories of a pixel, 3×3 in the published design
# Above the 13,000 of the 19 published steps, below the 65,504 of float16.
MOTION_LIMIT = 16384.0


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MotionCell(WrapperCell):
    """MotionGRU and motion highway around any cell with an output gate.

    With H and o the output and the output gate of the inner cell, and Φ
    (`motion`) and Δ (`trend`) at half the resolution:

        e = W_e * H + b_e, 2×2 with stride 2
        [a, r] = sigmoid(W_a *1 [e, Φ] + b_a)
        z = tanh(W_z *1 [e, r Φ] + b_z)
        Δ' = (Φ + Δ) / 2
        Φ' = clip(a z + (1 - a) Φ + Δ', -motion_limit, motion_limit)
        mask = sigmoid(W_m *1 e + b_m)
        w_i = mask_i (e at (column + u_i, row + v_i))
        dec = W_t *T (W_d *1 w + b_d) + b_t, transposed 4×4 with stride 2
        g = sigmoid(W_g *1 [dec, H] + b_g)
        h' = g H + (1 - g) dec + (1 - o) x

    `*1` is a 1×1 convolution. (u_i, v_i) are channels (2i, 2i + 1) of Φ',
    pixels of the half map, i < 9. h' is the output and replaces the state `h`
    of the inner cell. If x has not `filters` channels, the highway reads
    W_x *1 x. Without a limit, Φ grows by up to 1.707 times per step; the
    default does not change the 19 published steps. In mixed precision Φ, Δ, a,
    r and z are float32. States: those of the inner cell, then `motion` and
    `trend`, each `(batch, height/2, width/2, 18)`. `aux["flow"]` is Φ'.

    Args:
        cell: `ConvRNNCell` with a state `h`, an output gate and a number of
            filters that is a multiple of 4.
        motion_limit: Number, the largest |Φ|, pixels of the half map; at most
            16384 in float16.
        **kwargs: As in `WrapperCell`.

    Raises:
        ValueError: If the cell, the limit or an odd size is unsuitable.

    Example:
    >>> cell = msrnn_keras.MotionCell(msrnn_keras.ConvLSTMCell(8))

    Reference: Wu et al., "MotionRNN", 2021, arXiv:2103.02243.
    """

    own_states = own_float32_states = ("motion", "trend")
    needs = ("output_gate",)
    needs_states = ("h",)
    own_size_multiple = 2
    own_checkpoint_names = {
        "encode": "_conv_enc",
        "motion_gates": ("_conv_u", "_conv_r"),
        "candidate": "_conv_z",
        "mask": "_conv_hm",
        "merge": "_conv_dec",
        "decode": "_deconv_dec",
        "fuse": "_conv_g",
    }

    def __init__(
        self,
        cell: ConvRNNCell,
        motion_limit: float = MOTION_LIMIT,
        **kwargs: Any,
    ) -> None:
        super().__init__(cell, **kwargs)
        most = MOTION_LIMIT if self.compute_dtype == "float16" else 3e38
        limit = ("motion_limit", motion_limit, most, self.compute_dtype)
        check_multiple("filters", self.filters, 4)
        self.motion_limit = float(check_limit(*limit))
        self.aux_names = (*cell.aux_names, "flow")
        filters, few = self.filters, self.filters // 4
        self.encode = self.conv(few, 2, name="encode", reads="h", strides=2)
        # Their sums would overflow in half precision.
        wide = {"reads": (few, "motion"), "dtype": self.variable_dtype}
        self.motion_gates = self.conv(4 * OFFSETS, 1, "motion_gates", **wide)
        self.candidate = self.conv(2 * OFFSETS, 1, "candidate", **wide)
        self.mask = self.conv(OFFSETS, 1, name="mask", reads=few)
        self.warp = Warp(dtype=self.dtype_policy, name="warp")
        self.merge = self.conv(few, 1, name="merge", reads=few * OFFSETS)
        options = with_new_seeds(self.conv_options(recurrent=True))
        options |= {"dtype": self.dtype_policy, "name": "decode"}
        transposed = keras.layers.Conv2DTranspose
        self.decode = transposed(filters, 4, 2, "same", **options)
        self.fuse = self.conv(filters, 1, name="fuse", reads=2 * filters)
        self.x_to_highway = None

    def own_shapes(self, image_shape: Shape) -> list[Shape]:
        half = (None if n is None else n // 2 for n in image_shape)
        return [(*half, 2 * OFFSETS)] * 2

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        check_even(inputs_shape)
        super().build(inputs_shape, states_shape)
        self.decode.build((None, None, None, self.filters // 4))
        if inputs_shape[-1] == self.filters:
            self.x_to_highway = FoldableIdentity(dtype=self.dtype_policy)
        else:
            convolution = (self.filters, 1, "x_to_highway", "x")
            self.x_to_highway = self.conv(*convolution, use_bias=False)

    def step(self, x: Tensor, states: Any) -> Step:
        inner, (motion, trend) = self.split(states)
        hidden, inner, aux = self.cell.step(x, inner)
        encoded = self.encode(hidden)
        wide = like(encoded, motion)
        gates = self.motion_gates(concat_channels(wide, motion))
        a, r = ops.split(ops.sigmoid(gates), 2, axis=-1)
        z = tanh(self.candidate(concat_channels(wide, r * motion)))
        trend = scaled(motion + trend, 0.5)
        motion = lerp(a, z, motion) + trend
        motion = ops.clip(motion, -self.motion_limit, self.motion_limit)
        mask = ops.expand_dims(ops.sigmoid(self.mask(encoded)), -1)
        moved = _links_to_channels(mask * self.warp(encoded, motion))
        decoded = self.decode(self.merge(moved))
        g = ops.sigmoid(self.fuse(concat_channels(decoded, hidden)))
        highway = (1 - aux["output_gate"]) * self.x_to_highway(x)
        h = lerp(g, hidden, decoded) + highway
        states = self.State(*inner._replace(h=h), motion, trend)
        return h, states, {**aux, "flow": motion}

    def get_config(self) -> Config:
        return {**super().get_config(), "motion_limit": self.motion_limit}


def _links_to_channels(maps):
    """Reshape `(…, links, channels)` to `(…, channels · links)`."""
    _, *size, links, channels = ops.shape(maps)
    maps = ops.transpose(ops.reshape(maps, (-1, links, channels)), (0, 2, 1))
    return ops.reshape(maps, (-1, *size, channels * links))
