"""The search space of SimVP and TAU."""

import functools
from collections.abc import Collection, Sequence
from typing import Any

from msrnn_keras.models.architectures import names_of
from msrnn_keras.models.ms_stack import create
from msrnn_keras.presets.sizes import weight_shapes
from msrnn_keras.tuning import space
from msrnn_keras.tuning.hypermodel import MSRNNHyperModel
from msrnn_keras.utils.arguments import check_positive


class SimVPHyperModel(MSRNNHyperModel):
    """A search space of SimVP and TAU for KerasTuner.

    Every argument with several values is searched; a single value is fixed.

    Args:
        model: Strings, architectures of the class `msrnn_keras.SimVP`.
        filters: Integers, channels of the encoder and the decoder.
        translator_filters: Integers, channels of the translator.
        spatial_layers: Integers, layers of the encoder and of the decoder.
        translator_blocks: Integers, blocks of the translator.
        learning_rate: Number, or tuple `(low, high)` searched on a log scale.
        batch_size: Integers, clips of a training step, for data in arrays.
            None leaves it to the data or to `fit`.
        clipnorm: Number, maximum norm of the gradient of each weight, or None.
        seed: Integer, of the weights, the same in every trial.
        name: String, of the hypermodel.
        **fixed: Further arguments of `msrnn_keras.SimVP`.

    Raises:
        ValueError: If a value is invalid, or an argument has none.

    Example:
    >>> space = SimVPHyperModel(translator_filters=(128, 256))
    """

    def __init__(
        self,
        model: str | Collection[str] = ("simvp-v2", "tau"),
        filters: int | Collection[int] = (16, 32, 64),
        translator_filters: int | Collection[int] = (128, 256, 512),
        spatial_layers: int | Collection[int] = (2, 4),
        translator_blocks: int | Collection[int] = (4, 8),
        learning_rate: float | Sequence[float] = (1e-4, 3e-3),
        batch_size: int | Collection[int] | None = None,
        clipnorm: float | None = None,
        seed: int = 0,
        name: str | None = None,
        **fixed: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            batch_size=batch_size,
            clipnorm=clipnorm,
            seed=seed,
            name=name,
        )
        sizes = functools.partial(space.choices, check=check_positive)
        known = names_of("SimVP")
        batches = {k: x for k, x in self.choices.items() if k == "batch_size"}
        self.choices = {
            "model": space.choices("model", model, known=known),
            "filters": sizes("filters", filters),
            "translator_filters": sizes(
                "translator_filters", translator_filters
            ),
            "spatial_layers": sizes("spatial_layers", spatial_layers),
            "translator_blocks": sizes("translator_blocks", translator_blocks),
            **batches,
        }
        self.fixed = fixed
        self.check_models()

    def check_models(self) -> None:
        """Refuse arguments with which a model cannot be built."""
        if "model" not in self.choices:  # before those of this class
            return
        for name in self.choices["model"]:
            values = {key: x[0] for key, x in self.choices.items()}
            values["model"] = name
            name, arguments = space.architecture(values, self.fixed)
            weight_shapes(functools.partial(create, name, **arguments))
