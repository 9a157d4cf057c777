"""A library of presets: the folder they lie in and the manifest of them."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msrnn_keras.names import normalize
from zoo.catalog import CONFIG, METADATA, WEIGHTS, find, read_manifest
from zoo.files import locate
from zoo.preset import build, check_version

PRESETS = Path(__file__).with_name("presets")
MANIFEST = Path(__file__).with_name("manifest.json")


@dataclass(frozen=True)
class Library:
    """Presets that can be listed, described and loaded.

    Args:
        root: `pathlib.Path`, the folder of the presets that need no fetching.
        manifest: `pathlib.Path` of the manifest, which lists all presets.
    """

    root: Path = PRESETS
    manifest: Path = MANIFEST

    def names(self, model=None, dataset=None):
        """Lists the published presets.

        Args:
            model: string, lists this model's only, e.g. `"ms-convlstm"`.
            dataset: string, lists this data set's only, e.g. `"mnist"`.

        Returns:
            Sorted list of strings MODEL/DATASET/VARIANT.

        Example:
            >>> zoo.names(dataset="mnist")
            ['ms-convlstm/mnist/small']
        """
        return sorted(
            {
                preset.name
                for preset in read_manifest(self.manifest)
                if (model is None or preset.model == normalize(model))
                and (dataset is None or preset.dataset == normalize(dataset))
            }
        )

    def info(self, model, dataset, variant=None, revision=None):
        """Describes a preset.

        Args:
            model: string, e.g. `"ms-convlstm"`. Case does not matter, and `_`
                is read as `-`; so in the next two.
            dataset: string, e.g. `"mnist"`.
            variant: string, or None for the one with the lowest validation
                MSE (forecast protocol).
            revision: string or int, or None for the newest.

        Returns:
            dict, the preset's metadata (licence, recipe, input, scores, …)
            and its `files`, each with SHA-256 and size in bytes.

        Raises:
            ValueError: where no such preset is published.
            PresetFileError: where its metadata can not be had.

        Example:
            >>> zoo.info("ms-convlstm", "mnist")["input"]["image_shape"]
            [64, 64, 1]
        """
        preset = self._find(model, dataset, variant, revision)
        metadata = _read_json(locate(preset, METADATA, self.root))
        return {**metadata, "files": preset.files}

    def load(
        self,
        model,
        dataset,
        variant=None,
        weights=True,
        image_shape=None,
        horizon=None,
        dtype=None,
        cache_dir=None,
        revision=None,
        base_url=None,
    ):
        """Loads a trained model.

        Its files are those that came with the package, else those fetched
        before, else they are fetched; each is checked against the manifest.

        Args:
            model: string, e.g. `"ms-convlstm"`. Case does not matter, and `_`
                is read as `-`; so in the next two.
            dataset: string, e.g. `"mnist"`.
            variant: string, or None for the one with the lowest validation
                MSE (forecast protocol).
            weights: bool, False for the untrained model.
            image_shape: (height, width, channels) of the frames, or None for
                that of the preset. Trained weights fit any height and width.
            horizon: int, frames to forecast, or None for the preset's.
            dtype: string, a Keras dtype policy, or None for the preset's.
            cache_dir: folder of fetched presets. None:
                `$MSRNN_KERAS_CACHE`, else `~/.keras/msrnn_keras`.
            revision: string or int, or None for the newest.
            base_url: http(s) or file URL, or folder, to fetch from. None:
                `$MSRNN_KERAS_BASE_URL`, else the project's.

        Returns:
            `MSStack`, compiled with the preset's loss and learning rate.

        Raises:
            ValueError: where no such preset is published, or `image_shape`
                has other channels than the weights.
            PresetFileError: where a file is damaged or can not be fetched.
            RuntimeError: where the preset needs a newer package.

        Example:
            >>> model = zoo.load("ms-convlstm", "mnist")
            >>> future = model.predict(past)  # (batch, horizon, 64, 64, 1)
        """
        preset = self._find(model, dataset, variant, revision)
        file = partial(
            locate,
            preset,
            root=self.root,
            cache_dir=cache_dir,
            base_url=base_url,
        )
        return _load(preset, file, weights, image_shape, horizon, dtype)

    def _find(self, model, dataset, variant, revision):
        presets = read_manifest(self.manifest)
        return find(presets, model, dataset, variant, revision)


def _load(preset, file, weights, image_shape, horizon, dtype):
    """Builds a preset of which `file(name)` gives the path of each file."""
    if weights and WEIGHTS not in preset.files:
        raise ValueError(
            f"The preset {preset.folder} has no weights; use `weights=False`. "
            f"Received: weights={weights}"
        )
    check_version(_read_json(file(METADATA)))
    config = _read_json(file(CONFIG))
    if weights and image_shape is not None:
        _check_channels(image_shape, config)
    overrides = {"image_shape": image_shape, "horizon": horizon, "dtype": dtype}
    return build(
        config,
        file(WEIGHTS) if weights else None,
        **{key: value for key, value in overrides.items() if value is not None},
    )


def _read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _check_channels(image_shape, config):
    trained = config["model"]["config"]["image_shape"]
    if len(image_shape) != 3 or image_shape[2] != trained[2]:
        raise ValueError(
            f"`image_shape` must be (height, width, {trained[2]}), as the "
            "weights were trained on; use `weights=False` to train other "
            f"channels. Received: image_shape={tuple(image_shape)}"
        )
