"""SimVP: an encoder, a translator over time and channels, a decoder."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from msrnn_keras.layers.convolution import Untracked
from msrnn_keras.models.architectures import names_of
from msrnn_keras.models.forecaster import Forecaster, check_arguments
from msrnn_keras.models.simvp.checks import check_options, check_passes
from msrnn_keras.models.simvp.network import Network, published_sizes
from msrnn_keras.models.simvp.tau import divergence
from msrnn_keras.models.simvp.translators import TRANSLATORS
from msrnn_keras.utils import checks
from msrnn_keras.utils.names import lookup
from msrnn_keras.utils.typing import Config, Tensor

# The arguments that other models do not share.
OPTIONS = (
    *("filters", "translator_filters", "spatial_layers", "translator_blocks"),
    *("translator", "original", "encoder_kernel_size", "decoder_kernel_size"),
    *("mlp_ratio", "drop_path_rate", "inception_kernel_sizes"),
    *("inception_groups", "divergence_weight", "remat"),
)


@keras.saving.register_keras_serializable(package="msrnn_keras")
class SimVP(Forecaster):
    """Convolutional model that forecasts all frames at once.

    The encoder maps each frame to a smaller map, the translator mixes the maps
    of all `context` frames, the decoder turns them into `context` frames of the
    future. A longer horizon repeats this on the predicted frames, in training
    too. Frames of any size are padded at the bottom and right and cropped.

    Args:
        image_shape: Tuple `(height, width, channels)` of a frame, pixels.
            Height and width are a default, not a limit.
        context, horizon: Integers, numbers of past and forecast frames.
        filters: Integer, even, channels of the encoder and the decoder.
        translator_filters: Integer, channels of the translator.
        spatial_layers: Integer, layers of the encoder and of the decoder.
            Every second one halves or doubles the size. Unless `original`, an
            odd number is rounded down.
        translator_blocks: Integer, 2 or more, blocks of the translator;
            `"inception"` has as many again on the way back.
        translator: String, a name in `simvp.translators.TRANSLATORS`:
            `"inception"` (SimVP v1), `"gsta"` (v2) or `"tau"`.
        original: Boolean, whether encoder and decoder are those of the first
            published code: LeakyReLU for SiLU, transposed convolutions for
            pixel shuffles, and a skip by concatenation instead of a sum.
        encoder_kernel_size, decoder_kernel_size: Integers, odd, pixels.
        mlp_ratio: Float, channels in the MLP of a block as a multiple of its
            own, for `"gsta"` and `"tau"`.
        drop_path_rate: Float in [0, 1), rate of stochastic depth in the last
            block, for `"gsta"` and `"tau"`. The first block has 0.01.
        inception_kernel_sizes: Tuple of odd integers, pixels.
        inception_groups: Integer, groups of the inception blocks; one group
            if it does not divide half of `translator_filters`.
        divergence_weight: Float, weight of TAU's divergence in the training
            loss. None is 0.1 for `"tau"`, else 0. It suits a mean squared
            error. For a loss that sums over the pixels of a frame, multiply it
            by the numbers of pixels and channels.
        missing: String, how to read missing pixels (NaN). `"mask"` reads them
            as zeros and adds a mask of the valid pixels as channels. None
            refuses them.
        remat: String: `"layer"` computes the inside of the layers and blocks
            again in the gradient instead of storing it. None stores all.
        dtype: String or `keras.DTypePolicy`, such as `"mixed_bfloat16"`.
        name: String.

    Every argument is an attribute of the same name, except that `dtype` is
    `dtype_policy`. Frames must be finite floats within ±1e6, or within
    `value_range` if it is set.

    Raises:
        ValueError: If an argument is out of its range, unknown or unsuitable.

    Example:
    >>> model = SimVP((64, 64, 1), filters=32, translator_filters=128)
    >>> model.compile("adam", loss="mse")
    >>> model.fit(past, future)
    >>> future = model.predict(past)

    Reference:
        SimVP, 2022, arXiv:2206.05099; SimVP v2, 2022, arXiv:2211.12509; TAU,
        2023, arXiv:2206.12126.
    """

    architectures = names_of("SimVP")
    preset_overrides = (
        *Forecaster.preset_overrides,
        *("divergence_weight", "drop_path_rate", "horizon", "missing", "remat"),
    )

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 1),
        context: int = 10,
        horizon: int = 10,
        filters: int = 64,
        translator_filters: int = 512,
        spatial_layers: int = 4,
        translator_blocks: int = 8,
        translator: Literal["inception", "gsta", "tau"] = "gsta",
        original: bool = False,
        encoder_kernel_size: int = 3,
        decoder_kernel_size: int = 3,
        mlp_ratio: float = 8.0,
        drop_path_rate: float = 0.0,
        inception_kernel_sizes: Sequence[int] = (3, 5, 7, 11),
        inception_groups: int = 8,
        divergence_weight: float | None = None,
        missing: Literal["mask"] | None = None,
        remat: Literal["layer"] | None = None,
        dtype: str | keras.DTypePolicy | None = None,
        name: str | None = None,
    ) -> None:
        # Arguments
        given = {key: x for key, x in locals().items() if key in OPTIONS}
        sizes = check_arguments(image_shape, context, horizon, missing)
        image_shape, context, horizon = sizes
        given["translator"], row = lookup(translator, TRANSLATORS, "translator")
        if divergence_weight is None:
            given["divergence_weight"] = row.divergence_weight
        given = check_options(given)
        check_passes(context, horizon)

        # One pass, from `context` frames to as many
        policy = checks.dtype_policy(dtype)
        frames = self.frames_input(image_shape, policy, any_size=True)
        network = Network(frames, context, policy, missing, given)

        # The passes to the horizon
        window, futures = frames[:, :context], []
        for _ in range(math.ceil(horizon / context)):
            window = network.graph.call(window)
            futures.append(window)
        future = ops.concatenate(futures, axis=1)[:, :horizon]
        sizes = (image_shape, context, horizon)
        super().__init__(frames, future, *sizes, missing, policy, name)

        # Config
        for option, value in given.items():
            setattr(self, option, value)
        self._network = Untracked(network)

    def get_config(self) -> Config:
        config = {name: getattr(self, name) for name in OPTIONS}
        return {**super().get_config(), **config}

    @property
    def network(self) -> keras.Model:
        """The graph of one pass, `context` frames to as many: `keras.Model`."""
        return self._network.layer.graph

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print the layers of one pass, as `keras.Model.summary` does."""
        graph = self.network
        graph = keras.Model(graph.inputs, graph.outputs, name=self.name)
        graph.summary(*args, **kwargs)

    @staticmethod
    def published_sizes(
        arrays: Mapping[str, np.ndarray], size: Sequence[int]
    ) -> Config:
        """Return the arguments that the arrays of a checkpoint tell."""
        return published_sizes(arrays, size)

    def published_weights(self) -> Config:
        """Return a dict from published name to `PublishedWeight`."""
        return self._network.layer.published_weights()

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        inputs = (x, y, y_pred, sample_weight, training)
        loss = super().compute_loss(*inputs)
        if training and self.divergence_weight:
            added = self.divergence_weight * divergence(y, y_pred)
            loss = loss + ops.cast(added, loss.dtype)
        return loss

    def _predict_window(self, window, batch_size, verbose):
        return self.network.predict(window, batch_size, verbose)

    def _drop_stale_functions(self):
        before = self._setup
        super()._drop_stale_functions()
        if before is not None and before != self._setup:
            self.network.predict_function = None
