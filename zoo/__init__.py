"""Trained models for `msrnn_keras`.

Example:
    >>> import zoo
    >>> zoo.names("*predrnn*")
    >>> model = zoo.load("ms-convlstm/mnist")
    >>> mine = zoo.load("./runs/mine")  # a run of `msrnn train`
    >>> theirs = zoo.load("hf://user/name")  # on the Hugging Face Hub
"""

import importlib

from msrnn_keras.presets import registry

__all__ = ["hub", "info", "load", "names"]


def names(pattern="*", dataset=None, weights=True):
    """List the presets.

    Args:
        pattern: String with the wildcards `*`, `?` and `[…]`, which a name or
            its first parts must match, such as `"*predrnn*"`, `"ms-mim"`
            or `"*/kth"`.
        dataset: String, list only the presets of this data set.
        weights: Boolean, True for presets with weights, False for those that
            have a recipe only; None for both.

    Returns:
        Sorted list of strings MODEL/DATASET/VARIANT.

    Example:
        >>> zoo.names("ms-mim")
        ['ms-mim/mnist/small']
    """
    return registry.Library().names(pattern, dataset, weights)


def info(model, dataset=None, variant=None, revision=None):
    """Describe a preset.

    Args:
        model: String, MODEL/DATASET or MODEL/DATASET/VARIANT; or the model
            alone, with the other parts as arguments. Case does not matter,
            and `_` is read as `-`.
        dataset: String, such as `"mnist"`.
        variant: String. None: the one with the lowest validation MSE
            (forecast protocol).
        revision: String or integer. None: the newest.

    Returns:
        Dict, the preset's metadata (license, recipe, input, scores, …) and its
        `files`, each with SHA-256 and size in bytes. For a preset without
        weights, `weights` is `"none"` and `train` the command that trains it.

    Raises:
        ValueError: If there is no such preset with weights.
        PresetFileError: If its metadata cannot be read or fetched.

    Example:
        >>> zoo.info("ms-convlstm/mnist")["input"]["image_shape"]
        [64, 64, 1]
    """
    return registry.Library().info(model, dataset, variant, revision)


def load(
    model,
    dataset=None,
    variant=None,
    weights=True,
    *,
    revision=None,
    cache_dir=None,
    base_url=None,
    **overrides,
):
    """Load a trained model.

    The files of a published preset come from the package, else from the
    cache, else they are downloaded; each is checked against the manifest.

    Args:
        model: String, as in `info`. If there is no such preset: a folder of a
            preset or of a run of `msrnn train`. `"./NAME"`, an absolute path
            or a `pathlib.Path` is always a folder. `"hf://USER/NAME[@REVISION]"`
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
        fine-tuning; an untrained model of a recipe is compiled for its
        training. With weights, frames must lie within its `value_range`,
        by default -0.5 to 1.5; they were trained on pixels in [0, 1].

    Raises:
        ValueError: If there is no such preset or folder, it has no weights, a
            configuration is not allowed, an argument cannot be replaced, or a
            weight is not a finite number.
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
