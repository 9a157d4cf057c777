"""All data sets by name, with one interface."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from msrnn_keras.data.clips import Clips
from msrnn_keras.data.crops import Crops
from msrnn_keras.data.datasets.digits import check_split
from msrnn_keras.data.datasets.germany import Germany
from msrnn_keras.data.datasets.kth import KTH, MOVING
from msrnn_keras.data.datasets.moving_mnist import MovingMNIST
from msrnn_keras.data.datasets.official_mnist import LENGTH, OfficialMNIST
from msrnn_keras.data.datasets.radar import load_radar
from msrnn_keras.data.datasets.recordings import (
    CONVERTER,
    READER,
    load_recordings,
)
from msrnn_keras.data.datasets.sevir import WINDOW_STEP, Sevir
from msrnn_keras.data.datasets.taxibj import TaxiBJ
from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_positive,
)
from msrnn_keras.utils.names import lookup
from msrnn_keras.utils.typing import PathLike, Split


class Entry(NamedTuple):
    """A data set with its published sizes."""

    make: Callable  # `Source` of (split, path, **options), or a data set
    image_shape: tuple
    context: int
    horizon: int
    options: tuple = ()  # of `make`, for the user
    stride: int | None = None  # of validation and test; None: clip length
    fixed: dict = {}  # arguments of `make`
    train_stride: int = 1


_MNIST_OPTIONS = ("image_shape", "num_digits", "speed", "digits")
_CROPS = ("image_shape", "moving", "cache")
_KTH_MSRNN = {"size": 88, "actions": MOVING}
_SETS = {
    "mnist": Entry(MovingMNIST, (64, 64, 1), 10, 10, _MNIST_OPTIONS),
    "mnist-official": Entry(OfficialMNIST, (64, 64, 1), 10, 10, (), LENGTH),
    "taxibj": Entry(TaxiBJ, (32, 32, 2), 4, 4, (), 1),
    "kth": Entry(KTH, (128, 128, 1), 10, 20, ("cache",)),
    "kth-msrnn": Entry(KTH, (88, 88, 1), 10, 10, ("cache",), fixed=_KTH_MSRNN),
    "germany": Entry(Germany, (128, 128, 1), 5, 5, ("cache",)),
    "radar": Entry(load_radar, (128, 128, 1), 6, 12, (*_CROPS, "dates")),
    "recordings": Entry(
        load_recordings, (128, 128, 1), 6, 12, (*_CROPS, *READER, *CONVERTER)
    ),
    "sevir": Entry(
        Sevir,
        (384, 384, 1),
        13,
        12,
        stride=WINDOW_STEP,
        train_stride=WINDOW_STEP,
    ),
}
_QUEUE = ("workers", "use_multiprocessing", "max_queue_size")
NAMES = tuple(_SETS)
"""Names of the data sets that `load` takes."""


def published_sizes(name):
    """Return the published `image_shape`, `context` and `horizon` as a dict."""
    _, entry = lookup(name, _SETS, "data set")
    sizes = {"context": entry.context, "horizon": entry.horizon}
    return {"image_shape": list(entry.image_shape), **sizes}


def load(
    name: str,
    split: Split,
    batch_size: int = 16,
    context: int | None = None,
    horizon: int | None = None,
    teacher_forcing: bool = False,
    shuffle: bool | None = None,
    path: PathLike | None = None,
    stride: int | None = None,
    num_clips: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Clips | Crops | MovingMNIST:
    """Load a split of a data set as clips for `fit`, `evaluate`, `predict`.

    | name | frames | in → out | `path` |
    |---|---|---|---|
    | `mnist` | 64×64×1 | 10 → 10 | `mnist.npz`; None as in `load_digits` |
    | `mnist-official` | 64×64×1 | 10 → 10 | `mnist_test_seq.npy`; None uses \
`tensorflow_datasets`; test only |
    | `taxibj` | 32×32×2 | 4 → 4 | folder of `BJ13_M32x32_T30_InOut.h5` … |
    | `kth` | 128×128×1 | 10 → 20 | folder of `00sequences.txt` and AVI \
files; None downloads them |
    | `kth-msrnn` | 88×88×1 | 10 → 10 | as `kth` |
    | `germany` | 128×128×1 | 5 → 5 | `RYDL.hdf5` |
    | `radar` | 128×128×1 | 6 → 12 | folder of the files in `Radar` |
    | `recordings` | 128×128×1 | 6 → 12 | file, folder or pattern of files |
    | `sevir` | 384×384×1 | 13 → 12 | folder of `CATALOG.csv` and `data/` |

    Training clips, and all of `taxibj`, start at every frame; those of `sevir`
    every 12 frames; other clips share no frame. `radar` and `recordings` have
    random crops for training (`Crops`), and whole frames, starting at every
    other one, for validation and test, or validation crops of an `image_shape`.
    Of `recordings`, the first 80 % of the frames are training, the next 10 %
    validation.

    Args:
        name: String, one of `NAMES`; case does not matter.
        split: `"train"`, `"validation"` or `"test"`.
        batch_size: Integer, clips per batch.
        context: Integer, number of input frames; None is the published number.
        horizon: Integer, number of frames to forecast; None as `context`.
        teacher_forcing: Boolean, as in `Clips`.
        shuffle: Boolean, as in `Clips`; None shuffles the training split only.
        path: Path of the files, see the table.
        stride: Integer, as in `Clips`; None as above. Not for `mnist`.
        num_clips: Integer, clips per epoch; None uses all clips.
        seed: Non-negative integer, seed of the order, or the clips of `mnist`.
        **options: `image_shape`, `num_digits`, `speed`, `digits` of `mnist`;
            `cache` of `kth`, `germany`; `image_shape` (of crops) and `moving`
            (frames moved to the present once, and kept in `cache`) of `radar`
            and `recordings`; `dates` of `radar`; `importer`, `pattern`,
            `interval`, `period`, `variable`, `scaling`, `bbox` and `resolution`
            of `recordings`, as in `data.open` and the readers, and `like`, the
            model of a preset to whose pixels they are converted, with
            `grid_step`, as in `as_trained`; arguments of `EpochDataset`.

    Returns:
        `Clips`, `MovingMNIST` for `mnist`, or `Crops`. All have
        `context`, `horizon`, `image_shape` (without channels for `mnist`),
        `num_clips`, `scaling`, `inverse` and `arrays`.

    Raises:
        ValueError: If an argument or the form of a file is wrong.
        FileNotFoundError, OSError: If a file is missing, or damaged.

    Example:
    >>> train = load("taxibj", "train", path="TaxiBJ/", teacher_forcing=True)
    >>> vehicles = train.inverse(model.predict(past))
    """
    name, entry = lookup(name, _SETS, "data set")
    check_split(split)
    known = (*entry.options, *_QUEUE)
    wrong = [option for option in options if option not in known]
    if wrong:
        arguments = list(inspect.signature(load).parameters)[:-1]
        raise ValueError(
            f"Unknown option of the data set {name!r}; the options are: "
            f"{', '.join([*arguments, *known])}. Received: {', '.join(wrong)}"
        )
    settings = {key: options.pop(key) for key in _QUEUE if key in options}
    settings |= {
        "batch_size": check_positive("batch_size", batch_size),
        "context": _positive("context", context, entry.context),
        "horizon": _positive("horizon", horizon, entry.horizon),
        "teacher_forcing": check_boolean("teacher_forcing", teacher_forcing),
        "num_clips": _positive("num_clips", num_clips),
        "seed": check_count("seed", seed, 0),
    }
    stride = _positive("stride", stride)
    if shuffle is not None:
        shuffle = check_boolean("shuffle", shuffle)
    if entry.make is MovingMNIST:
        if stride is not None or (shuffle and split != "train"):
            raise ValueError(
                "The clips of 'mnist' are generated: they have no `stride`, "
                "and validation and test a fixed order. "
                f"Received: {stride=}, {shuffle=}"
            )
        return MovingMNIST(split, path=path, **settings, **options)
    if entry.make in (load_radar, load_recordings):
        settings |= {"stride": stride, "shuffle": shuffle}
        return entry.make(split, path, **settings, **options)
    if stride is None:
        length = settings["context"] + settings["horizon"]
        train = split == "train"
        stride = entry.train_stride if train else entry.stride or length
    source = entry.make(split, path, **entry.fixed, **options)
    shuffle = split == "train" if shuffle is None else shuffle
    return Clips(source, stride=stride, shuffle=shuffle, **settings)


def _positive(name, value, default=None):
    """Return a positive integer, or the default of None."""
    return default if value is None else check_positive(name, value)
