"""A library of presets: the folder they lie in and the manifest of them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msrnn_keras.presets import hub
from msrnn_keras.presets.download import locate
from msrnn_keras.presets.loading import load_files, load_folder, read_json
from msrnn_keras.presets.registry import METADATA, WEIGHTS, find, read_manifest
from msrnn_keras.presets.untrained import Untrained, no_weights, read_untrained
from msrnn_keras.utils.names import normalize

ZOO = Path(__file__).parents[2] / "zoo"
PRESETS = ZOO / "presets"
MANIFEST = ZOO / "manifest.json"
RECIPES = "recipes"  # folder beside the manifest


@dataclass(frozen=True)
class Library:
    """Presets that can be listed, described and loaded.

    Args:
        root: `pathlib.Path`, the folder of the presets that need no fetching.
        manifest: `pathlib.Path` of the manifest, which lists all presets. The
            folder `recipes` beside it has the recipes of those that are not
            trained.
    """

    root: Path = PRESETS
    manifest: Path = MANIFEST

    def names(self, model=None, dataset=None, weights=True):
        """Lists the presets.

        Args:
            model: string, lists this model's only, e.g. `"ms-convlstm"`.
            dataset: string, lists this data set's only, e.g. `"mnist"`.
            weights: bool, True for those with weights, False for those that
                have a recipe and no weights; None for both.

        Returns:
            Sorted list of strings MODEL/DATASET/VARIANT.

        Example:
            >>> zoo.names(dataset="mnist")
            ['ms-convlstm/mnist/small']
        """
        return sorted(
            {
                entry.name
                for entry in self._entries()
                if (model is None or entry.model == normalize(model))
                and (dataset is None or entry.dataset == normalize(dataset))
                and (weights is None or weights == _has_weights(entry))
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
            and its `files`, each with SHA-256 and size in bytes. For one that
            has a recipe alone `weights` is `"none"`, `recipe` its text and
            `train` the command that trains it.

        Raises:
            ValueError: where there is no such preset, or none of several
                variants has weights.
            PresetFileError: where its metadata can not be had.

        Example:
            >>> zoo.info("ms-convlstm", "mnist")["input"]["image_shape"]
            [64, 64, 1]
        """
        preset = find(self._entries(), model, dataset, variant, revision)
        if isinstance(preset, Untrained):
            return preset.info()
        metadata = read_json(locate(preset, METADATA, self.root))
        return {**metadata, "files": preset.files}

    def load(
        self,
        model,
        dataset=None,
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

        The files of a published preset are those that came with the package,
        else those fetched before, else they are fetched; each is checked
        against the manifest. Without `dataset`, `model` is where a model is:
        the folder of a preset or of a run of `msrnn train`, or a repository
        of the Hugging Face Hub, `"hf://USER/NAME"` or
        `"hf://USER/NAME@REVISION"`.

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
                `$MSRNN_KERAS_CACHE`, else `~/.keras/msrnn_keras`; for the Hub
                that of `huggingface_hub`.
            revision: string or int, or None for the newest.
            base_url: http(s) or file URL, or folder, to fetch from. None:
                `$MSRNN_KERAS_BASE_URL`, else the project's.

        Returns:
            `MSStack`, compiled with the preset's loss and a learning rate to
            go on with. The untrained model of a recipe is compiled as for its
            training. A model with weights takes frames of values from -0.5
            to 1.5, its `value_range`; they were trained on pixels in [0, 1].

        Raises:
            ValueError: where there is no such preset, it has no weights, the
                configuration in a folder is not of this package,
                `image_shape` has other channels than the weights, or a weight
                is not a finite floating-point number.
            PresetFileError: where a file is missing or damaged, or can not be
                fetched.
            RuntimeError: where the preset needs a newer package.
            ImportError: where the extra `hub` is missing.

        Example:
            >>> model = zoo.load("ms-convlstm", "mnist")
            >>> future = model.predict(past)  # (batch, horizon, 64, 64, 1)
            >>> mine = zoo.load("runs/mine")
        """
        changes = {
            name: value
            for name, value in (
                ("image_shape", image_shape),
                ("horizon", horizon),
                ("dtype", dtype),
            )
            if value is not None
        }
        if dataset is None:
            _refuse(variant=variant, base_url=base_url)
            folder = _find_folder(model, revision, cache_dir)
            return load_folder(folder, weights, **changes)
        preset = find(self._entries(), model, dataset, variant, revision)
        if isinstance(preset, Untrained):
            if weights:
                raise no_weights([preset], f"weights={weights}")
            return preset.build(**changes)
        if weights and not _has_weights(preset):
            raise ValueError(
                f"The preset {preset.folder} has no weights; use "
                f"`weights=False`. Received: weights={weights}"
            )
        file = partial(
            locate,
            preset,
            root=self.root,
            cache_dir=cache_dir,
            base_url=base_url,
        )
        return load_files(file, weights, **changes)

    def _entries(self):
        """All presets: those published, then those with a recipe alone."""
        presets = read_manifest(self.manifest)
        published = {preset.name for preset in presets}
        recipes = self.manifest.with_name(RECIPES)
        return [*presets, *read_untrained(recipes, published)]


def _has_weights(entry):
    return not isinstance(entry, Untrained) and WEIGHTS in entry.files


def _find_folder(place, revision, cache_dir):
    """The folder of a model that is not named as a preset."""
    if str(place).startswith(hub.PREFIX):
        repo, stated = hub.parse(place)
        if stated and revision is not None:
            raise ValueError(
                "Give the revision once, in the address or as `revision`. "
                f"Received: {place!r}, revision={revision!r}"
            )
        return hub.pull(repo, stated or revision, cache_dir)
    _refuse(revision=revision)
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise ValueError(
            "Give a preset's model and data set, an existing folder, or "
            f"{hub.PREFIX}USER/NAME. Received: model={str(place)!r}, "
            "dataset=None"
        )
    return folder


def _refuse(**options):
    """Refuses options that a folder does not take."""
    given = {name: v for name, v in options.items() if v is not None}
    if given:
        raise ValueError(
            f"`{'` and `'.join(given)}` belong to a preset with a model and a "
            f"data set, not to a place. Received: {given}"
        )
