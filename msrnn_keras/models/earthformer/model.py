"""Earthformer: a cuboid transformer that forecasts frames."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal, Self

import keras
from keras import ops

from msrnn_keras.layers.convolution import Untracked
from msrnn_keras.layers.missing import MarkMissing
from msrnn_keras.models.architectures import names_of
from msrnn_keras.models.earthformer.checkpoint import published_weights
from msrnn_keras.models.earthformer.network import Network
from msrnn_keras.models.earthformer.settings import (
    check_types,
    complete,
    tuples,
)
from msrnn_keras.models.forecaster import Forecaster, check_arguments
from msrnn_keras.models.transfer import transfer_weights
from msrnn_keras.utils import checks
from msrnn_keras.utils.typing import Config

NOT_OPTIONS = set(inspect.signature(Forecaster).parameters) | {"self"}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class Earthformer(Forecaster):
    """Transformer with attention in cuboids that forecasts frames.

    The encoder reads `context` frames, the decoder forecasts all `horizon`
    frames at once. The default is the published model of Moving MNIST. Learned
    tables fix the numbers of frames and the size of a frame.

    Args:
        image_shape: Tuple `(height, width, channels)` of a frame, pixels.
        context, horizon: Integers, numbers of past and forecast frames.
        output_channels: Integer, channels of the forecast. None means those
            of the frames.
        base_units: Integer, channels of the first level.
        block_units: List of integers, channels of each level. None means
            `base_units` times `downsample ** scale_alpha` for each level.
        scale_alpha: Float.
        num_heads: Integer, attention heads.
        enc_depth, dec_depth: Lists of integers, blocks of each level.
        downsample: Integer, factor between two levels.
        enc_attn_patterns, dec_self_attn_patterns: Strings, patterns of
            self-attention, see `patterns.SELF_PATTERNS`; or a list of one for
            each level. None: the next lists say them.
        dec_cross_attn_patterns: The same, of cross-attention, see
            `patterns.CROSS_PATTERNS`.
        enc_cuboid_size, dec_self_cuboid_size: Lists of sizes `(time, height,
            width)`, one for each attention layer of a block; or such a list
            for each level.
        enc_cuboid_strategy, dec_self_cuboid_strategy: The same, with `"l"`
            (local) or `"d"` (dilated) for each axis. None: local.
        enc_shift_size, dec_self_shift_size: The same, with shifts. None: 0.
        dec_cross_cuboid_hw, dec_cross_cuboid_strategy, dec_cross_shift_hw: The
            same of cross-attention; sizes and shifts of height and width.
        dec_cross_n_temporal: Integer, or a list of one for each layer, cuboids
            along time. None: 1.
        dec_cross_last_n_frames: Integer, frames of the memory that
            cross-attention reads. None: all.
        dec_cross_start: Integer, first level with cross-attention.
        dec_use_first_self_attn: Boolean, whether the decoder begins with
            self-attention.
        dec_hierarchical_pos_embed: Boolean, whether every level of the decoder
            has a position embedding.
        enc_use_inter_ffn, dec_use_inter_ffn: Booleans, whether a feed-forward
            network follows each attention layer, or only the last of a block.
        num_global_vectors: Integer, 0 for none.
        global_dim_ratio: Integer, channels of a global vector for each of the
            map. Above 1 it needs `separate_global_qkv`.
        use_dec_self_global, use_dec_cross_global: Booleans, whether the
            decoder's attention reads global vectors.
        dec_self_update_global: Boolean, whether it changes them.
        use_global_vector_ffn: Boolean, whether they have feed-forward networks.
        use_global_self_attn: Boolean, whether they attend to each other.
        separate_global_qkv: Boolean, whether their attention has its own
            linear layers.
        z_init_method: String, first map of the decoder: `"zeros"` (position
            embeddings alone), `"last"`, `"mean"` or `"nearest_interp"`.
        initial_downsample_type: String, `"conv"` (one stage) or `"stack_conv"`.
        initial_downsample_activation: String, `"leaky"`, `"gelu"` or `"relu"`.
        initial_downsample_scale: Integer, factor of `"conv"`.
        initial_downsample_conv_layers: Integer, convolutions of `"conv"` before
            the encoder.
        final_upsample_conv_layers: Integer, those after the decoder.
        initial_downsample_stack_conv_num_layers: Integer, stages of
            `"stack_conv"`.
        initial_downsample_stack_conv_dim_list: List of integers, channels.
        initial_downsample_stack_conv_downscale_list: List of integers, factors.
        initial_downsample_stack_conv_num_conv_list: List of integers,
            convolutions.
        ffn_activation: String, as `initial_downsample_activation`.
        gated_ffn: Boolean, whether feed-forward networks have a gate.
        padding_type: String, `"zeros"` attends to the padding of cuboids,
            `"ignore"` does not.
        pos_embed_type: String, `"t+hw"` or `"t+h+w"`.
        use_relative_pos: Boolean, whether attention has position biases.
        self_attn_use_final_proj: Boolean.
        attn_drop, proj_drop, ffn_drop: Floats, dropout rates.
        remat: String. `"layer"`: training computes the inside of the blocks
            again instead of storing it. None stores all.
        missing: String, how to read missing pixels (NaN). `"mask"` reads them
            as zeros and adds a mask of the valid pixels as channels. None
            refuses them.
        dtype: String or `keras.DTypePolicy`, such as `"mixed_bfloat16"`.
        name: String.

    Raises:
        ValueError: If an argument is out of its range, unknown or unsuitable.

    Example:
    >>> model = Earthformer(image_shape=(64, 64, 1), context=10, horizon=10)
    >>> model.compile("adam", loss="mse")
    >>> model.fit(past, future)

    Reference:
        Earthformer, NeurIPS 2022, arXiv:2207.05833.
    """

    any_size = False
    architectures = names_of("Earthformer")
    preset_overrides = (*Forecaster.preset_overrides, "missing", "remat")

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 1),
        context: int = 10,
        horizon: int = 10,
        output_channels: int | None = None,
        base_units: int = 64,
        block_units: Sequence[int] | None = None,
        scale_alpha: float = 1.0,
        num_heads: int = 4,
        enc_depth: Sequence[int] = (4, 4),
        dec_depth: Sequence[int] = (4, 4),
        downsample: int = 2,
        enc_attn_patterns: str | Sequence[str] | None = "axial",
        enc_cuboid_size: Sequence[Any] | None = None,
        enc_cuboid_strategy: Sequence[Any] | None = None,
        enc_shift_size: Sequence[Any] | None = None,
        dec_self_attn_patterns: str | Sequence[str] | None = "axial",
        dec_self_cuboid_size: Sequence[Any] | None = None,
        dec_self_cuboid_strategy: Sequence[Any] | None = None,
        dec_self_shift_size: Sequence[Any] | None = None,
        dec_cross_attn_patterns: str | Sequence[str] | None = "cross_1x1",
        dec_cross_cuboid_hw: Sequence[Any] | None = None,
        dec_cross_cuboid_strategy: Sequence[Any] | None = None,
        dec_cross_shift_hw: Sequence[Any] | None = None,
        dec_cross_n_temporal: int | Sequence[int] | None = None,
        dec_cross_last_n_frames: int | None = None,
        dec_cross_start: int = 0,
        dec_use_first_self_attn: bool = False,
        dec_hierarchical_pos_embed: bool = False,
        enc_use_inter_ffn: bool = True,
        dec_use_inter_ffn: bool = True,
        num_global_vectors: int = 0,
        global_dim_ratio: int = 1,
        use_dec_self_global: bool = False,
        dec_self_update_global: bool = True,
        use_dec_cross_global: bool = False,
        use_global_vector_ffn: bool = False,
        use_global_self_attn: bool = False,
        separate_global_qkv: bool = False,
        z_init_method: Literal[
            "zeros", "last", "mean", "nearest_interp"
        ] = "zeros",
        initial_downsample_type: Literal["conv", "stack_conv"] = "conv",
        initial_downsample_activation: Literal[
            "leaky", "gelu", "relu"
        ] = "leaky",
        initial_downsample_scale: int = 2,
        initial_downsample_conv_layers: int = 2,
        final_upsample_conv_layers: int = 1,
        initial_downsample_stack_conv_num_layers: int | None = None,
        initial_downsample_stack_conv_dim_list: Sequence[int] | None = None,
        initial_downsample_stack_conv_downscale_list: Sequence[int]
        | None = None,
        initial_downsample_stack_conv_num_conv_list: Sequence[int]
        | None = None,
        ffn_activation: Literal["leaky", "gelu", "relu"] = "gelu",
        gated_ffn: bool = False,
        padding_type: Literal["zeros", "ignore"] = "zeros",
        pos_embed_type: Literal["t+hw", "t+h+w"] = "t+hw",
        use_relative_pos: bool = True,
        self_attn_use_final_proj: bool = True,
        attn_drop: float = 0.1,
        proj_drop: float = 0.1,
        ffn_drop: float = 0.1,
        remat: Literal["layer"] | None = None,
        missing: Literal["mask"] | None = None,
        dtype: str | keras.DTypePolicy | None = None,
        name: str | None = None,
    ) -> None:
        given = {k: v for k, v in locals().items() if k not in NOT_OPTIONS}
        given.pop("__class__")
        options = {key: tuples(value) for key, value in given.items()}

        # Frames
        sizes = check_arguments(image_shape, context, horizon, missing)
        shape, context, horizon = sizes
        channels = shape[-1] if output_channels is None else output_channels
        sizes = {"output_channels": channels}
        options = check_types(options)
        settings = complete({**options, **sizes}, shape, context, horizon)
        policy = checks.dtype_policy(dtype)
        frames = self.frames_input(shape, policy)
        x = ops.reshape(frames[:, :context], (-1, context, *shape))
        if missing is not None:
            x = MarkMissing(dtype=policy)(x)

        # Network
        network = Network(settings, policy)
        x = network.initial_encoder(x)
        memories, vectors = network.encoder(x)
        x = network.decoder(memories, vectors)
        x = network.final_decoder(x)
        sizes = (shape, context, horizon)
        super().__init__(frames, x, *sizes, missing, policy, name)

        # Config
        self._options, self._parts = tuple(options), Untracked(network.parts)
        for option, value in options.items():
            setattr(self, option, value)

    def get_config(self) -> Config:
        options = {name: getattr(self, name) for name in self._options}
        return {**super().get_config(), **options}

    def published_weights(self) -> Config:
        """Return the weights by their names in published checkpoints."""
        return published_weights(self._parts.layer)

    def resized(self, height: int, width: int) -> Self:
        """Return a model for frames of another size, with the same weights.

        The position tables are interpolated, with a warning.

        Args:
            height: Integer, of a frame, pixels.
            width: The same.

        Returns:
            `Earthformer`.

        Example:
        >>> large = model.resized(96, 128)
        """
        shape = (height, width, self.image_shape[-1])
        twin = self.from_config({**self.get_config(), "image_shape": shape})
        transfer_weights(self, twin)
        return twin

    def __call__(self, frames: Any, *args: Any, **kwargs: Any) -> Any:
        size = tuple(getattr(frames, "shape", ()))[2:4]
        if not checks.same_shape(size, self.image_shape[:2]):
            raise ValueError(
                "The position tables of this model are for frames of "
                f"{self.image_shape[:2]} pixels; build one for others with "
                f"model.resized(height, width). Received: {size}"
            )
        return super().__call__(frames, *args, **kwargs)

    def _forecast(self, past, horizon, batch_size, verbose):
        """Forecast; frames of another size take a model of that size."""
        size = past.shape[2:4]
        if size != self.image_shape[:2]:
            twin = self.resized(*size)
            return twin._forecast(past, horizon, batch_size, verbose)
        if self._target_channels is None:
            return super()._forecast(past, horizon, batch_size, verbose)
        if horizon > self.horizon:
            raise ValueError(
                "A forecast beyond the horizon needs output_channels=None. "
                f"Received: horizon={horizon}, of a model with horizon="
                f"{self.horizon}, output_channels={self.output_channels}"
            )
        past = past[:, -self.context :]
        return self._next_window(past, batch_size, verbose)[:, :horizon]

    @property
    def _target_channels(self):
        return self.output_channels
