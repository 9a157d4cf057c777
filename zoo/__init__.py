"""Trained models for `msrnn_keras`.

Example:
    >>> import zoo
    >>> zoo.names("*predrnn*")
    >>> model = zoo.load("ms-convlstm/mnist")
    >>> mine = zoo.load("./runs/mine")  # a run of `msrnn train`
    >>> theirs = zoo.load("hf://user/name")  # on the Hugging Face Hub
"""

import importlib
from typing import TYPE_CHECKING, Any

from msrnn_keras.presets import registry
from msrnn_keras.utils.typing import PathLike

if TYPE_CHECKING:
    from msrnn_keras.models.forecaster import Forecaster

__all__ = ["hub", "info", "load", "names"]


def names(
    pattern: str = "*", dataset: str | None = None, weights: bool | None = True
) -> list[str]:
    """List the presets.

    Args:
        pattern: String, wildcards that a name or its first parts must match,
            such as `"*predrnn*"`, `"ms-mim"` or `"*/kth"`.
        dataset: String, only the presets of this data set.
        weights: Boolean, False for presets of a recipe only; None for both.

    Returns:
        Sorted list of strings MODEL/DATASET/VARIANT.

    Example:
        >>> zoo.names("ms-mim")
        ['ms-mim/mnist/small']
    """
    return registry.Library().names(pattern, dataset, weights)


def info(
    model: str,
    dataset: str | None = None,
    variant: str | None = None,
    revision: str | int | None = None,
) -> dict[str, Any]:
    """Describe a preset.

    Args:
        model: String, MODEL/DATASET[/VARIANT]; or the model alone, with the
            other parts as arguments. Case and `_` for `-` do not matter.
        dataset: String, such as `"mnist"`.
        variant: String. None: the one with the lowest validation MSE.
        revision: String or integer. None: the newest.

    Returns:
        Dict, the preset's metadata (license, recipe, input, scores, …) and its
        `files`. For a preset without weights, `weights` is `"none"` and
        `train` the command that trains it.

    Raises:
        ValueError: If there is no such preset.
        PresetFileError: If its metadata cannot be read or fetched.

    Example:
        >>> zoo.info("ms-convlstm/mnist")["input"]["image_shape"]
        [64, 64, 1]
    """
    return registry.Library().info(model, dataset, variant, revision)


def load(
    model: PathLike,
    dataset: str | None = None,
    variant: str | None = None,
    weights: bool = True,
    *,
    revision: str | int | None = None,
    cache_dir: PathLike | None = None,
    base_url: PathLike | None = None,
    **overrides: Any,
) -> "Forecaster":
    """Load a trained model.

    The files of a published preset come from the package, the cache or a
    download; each is checked against the manifest.

    Args:
        model: String, as in `info`; or the folder of a preset or of a run of
            `msrnn train`, if there is no such preset. `"./NAME"` and a
            `pathlib.Path` are always folders. `"hf://USER/NAME[@REVISION]"`
            is a repository of the Hugging Face Hub.
        dataset: String, as in `info`.
        variant: String, as in `info`.
        weights: Boolean, False for the untrained model.
        revision: String or integer. None: the newest.
        cache_dir: Folder of fetched presets. None: `$MSRNN_KERAS_CACHE`, else
            `~/.keras/msrnn_keras`; for the Hub that of `huggingface_hub`.
        base_url: URL (http, https, file) or folder to fetch from. None:
            `$MSRNN_KERAS_BASE_URL`, else the project's.
        **overrides: Arguments of the model to replace. With weights, those
            that keep them: `image_shape` (of the same channels), `context`,
            `horizon`, `remat`, `dtype`, `sampling`, `warmup`, `name`,
            `value_range`, and `missing="mask"`.

    Returns:
        `keras.Model`, compiled with the preset's loss and a learning rate for
        fine-tuning, or for training if it comes from a recipe. With weights,
        frames must lie within its `value_range`, by default -0.5 to 1.5.

    Raises:
        ValueError: If the model does not exist or has no weights, an argument
            cannot be replaced, or its files hold what is not allowed.
        PresetFileError: If a file is missing, damaged or cannot be fetched.
        RuntimeError: If the preset needs a newer package.
        ImportError: If the extra `hub` is missing.

    Example:
        >>> model = zoo.load("ms-convlstm/mnist", horizon=20)
        >>> future = model.predict(past)  # (batch, 20, 64, 64, 1)
    """
    loading = importlib.import_module("msrnn_keras.presets.loading")
    return loading.load_preset(
        registry.join_name(model, dataset, variant),
        weights,
        revision=revision,
        cache_dir=cache_dir,
        base_url=base_url,
        **overrides,
    )


def __getattr__(name):
    if name == "hub":  # imports Keras, which the other functions do not need
        return importlib.import_module("msrnn_keras.presets.hub")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
