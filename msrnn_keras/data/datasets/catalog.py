"""All data sets under their names, with one interface."""

import dataclasses
import inspect
from collections.abc import Callable

from msrnn_keras.data.clips import Clips
from msrnn_keras.data.datasets.digits import SPLITS
from msrnn_keras.data.datasets.germany import Germany
from msrnn_keras.data.datasets.kth import KTH, MOVING
from msrnn_keras.data.datasets.moving_mnist import MovingMNIST
from msrnn_keras.data.datasets.official_mnist import LENGTH, OfficialMNIST
from msrnn_keras.data.datasets.taxibj import TaxiBJ
from msrnn_keras.utils.names import lookup

QUEUE = ("workers", "use_multiprocessing", "max_queue_size")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A data set as published.

    Args:
        make: Function of `(split, path, **options)` that gives its `Source`;
            or `MovingMNIST`, which draws its clips.
        image_shape: Tuple `(height, width, channels)` of its frames.
        context: Integer, frames given.
        horizon: Integer, frames to forecast.
        stride: Integer, frames between the starts of two clips of validation
            and test; None is the length of a clip.
        options: Dict, arguments of `make` that are the set's own.
        choices: Tuple of strings, the options that a user may give.
    """

    make: Callable
    image_shape: tuple
    context: int
    horizon: int
    stride: int | None = None
    options: dict = dataclasses.field(default_factory=dict)
    choices: tuple = ()


_MNIST_CHOICES = ("image_shape", "num_digits", "speed", "digits")
_SETS = {
    "mnist": Entry(MovingMNIST, (64, 64, 1), 10, 10, choices=_MNIST_CHOICES),
    "mnist-official": Entry(OfficialMNIST, (64, 64, 1), 10, 10, stride=LENGTH),
    "taxibj": Entry(TaxiBJ, (32, 32, 2), 4, 4, stride=1),
    "kth": Entry(KTH, (128, 128, 1), 10, 20, choices=("cache",)),
    "kth-msrnn": Entry(
        KTH,
        (88, 88, 1),
        10,
        10,
        None,
        {"size": 88, "actions": MOVING},
        ("cache",),
    ),
    "germany": Entry(Germany, (128, 128, 1), 5, 5, choices=("cache",)),
}
NAMES = tuple(_SETS)


def published_sizes(name):
    """Return the sizes of a data set's clips as published.

    Args:
        name: String, one of `NAMES`.

    Returns:
        Dict of `image_shape`, `(height, width, channels)` in pixels, and of
        `context` and `horizon` in frames.

    Raises:
        ValueError: If there is no such data set.
    """
    _, entry = lookup(name, _SETS, "data set")
    return {
        "image_shape": list(entry.image_shape),
        "context": entry.context,
        "horizon": entry.horizon,
    }


def load(
    name,
    split,
    batch_size=16,
    context=None,
    horizon=None,
    teacher_forcing=False,
    shuffle=None,
    path=None,
    stride=None,
    num_clips=None,
    seed=0,
    **options,
):
    """The clips of a split of a data set, for `fit`, `evaluate`, `predict`.

    | name | frames | in → out | `path` |
    |---|---|---|---|
    | `mnist` | 64×64×1 | 10 → 10 | `mnist.npz`; None as `load_digits` |
    | `mnist-official` | 64×64×1 | 10 → 10 | `mnist_test_seq.npy`; None \
through `tensorflow_datasets`; test only |
    | `taxibj` | 32×32×2 | 4 → 4 | folder of `BJ13_M32x32_T30_InOut.h5` … |
    | `kth` | 128×128×1 | 10 → 20 | folder of `00sequences.txt` and AVI \
files; None downloads them |
    | `kth-msrnn` | 88×88×1 | 10 → 10 | as `kth` |
    | `germany` | 128×128×1 | 5 → 5 | `RYDL.hdf5` |

    Clips of the training split start at every frame. Those of validation and
    test do so for `taxibj`, and elsewhere they share no frame.

    Args:
        name: String, one of `NAMES`; case does not matter.
        split: `"train"`, `"validation"` or `"test"`.
        batch_size: Integer, clips of a batch.
        context: Integer, frames given; None is the published number.
        horizon: Integer, frames to forecast; None is the published number.
        teacher_forcing: Boolean, whether x is the clip without its last
            frame, for scheduled sampling, rather than the context alone.
        shuffle: Boolean, whether clips come in another order each epoch;
            None is for training only. Training clips of `mnist` are drawn
            anew each epoch in any case; its other splits stay in order.
        path: Path of the files, see the table.
        stride: Integer, frames from the start of a clip to that of the next;
            None as above. Not for `mnist`.
        num_clips: Integer, clips of an epoch; None is all.
        seed: Non-negative integer, of the order, and of the clips of `mnist`.
        **options: `image_shape`, `num_digits`, `speed`, `digits` of `mnist`;
            `cache` of `kth`, `kth-msrnn` and `germany`; `workers`,
            `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Returns:
        `keras.utils.PyDataset` of `(x, y)`: `Clips`, or `MovingMNIST` for
        `mnist`. Both have `context`, `horizon`, `image_shape` (`(height,
        width)` for `mnist`, else with the channels), `num_clips`, `scaling`,
        `inverse`, `arrays` and `as_tf_data`.

    Raises:
        ValueError: If a name or an argument is wrong, or a file has another
            form.
        FileNotFoundError: If a file is missing; says where it is from.
        OSError: If a file is damaged.

    Example:
    >>> train = load("taxibj", "train", path="TaxiBJ/", teacher_forcing=True)
    >>> model.fit(train, epochs=20)
    >>> vehicles = train.inverse(model.predict(past))
    """
    name, entry = lookup(name, _SETS, "data set")
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {', '.join(map(repr, SPLITS))}. "
            f"Received: split={split!r}"
        )
    _check_options(name, entry, options)
    settings = {key: options.pop(key) for key in QUEUE if key in options}
    settings |= {
        "batch_size": batch_size,
        "context": entry.context if context is None else context,
        "horizon": entry.horizon if horizon is None else horizon,
        "teacher_forcing": teacher_forcing,
        "num_clips": num_clips,
        "seed": seed,
    }
    if entry.make is MovingMNIST:
        _check_drawn(split, shuffle, stride)
        return MovingMNIST(split, path=path, **settings, **options)
    if stride is None and split == "train":
        stride = 1
    elif stride is None:
        length = settings["context"] + settings["horizon"]
        stride = entry.stride or length
    source = entry.make(split, path, **entry.options, **options)
    shuffle = split == "train" if shuffle is None else shuffle
    return Clips(source, stride=stride, shuffle=shuffle, **settings)


def _check_options(name, entry, options):
    known = (*entry.choices, *QUEUE)
    wrong = [option for option in options if option not in known]
    if wrong:
        arguments = list(inspect.signature(load).parameters)[:-1]
        raise ValueError(
            f"Unknown option of the data set {name!r}; there are: "
            f"{', '.join([*arguments, *known])}. "
            f"Received: {', '.join(wrong)}"
        )


def _check_drawn(split, shuffle, stride):
    """Refuses what has no meaning for clips that are drawn."""
    if stride is not None:
        raise ValueError(
            "The clips of 'mnist' are drawn one by one and have no `stride`. "
            f"Received: stride={stride}"
        )
    if shuffle and split != "train":
        raise ValueError(
            f"The {split} clips of 'mnist' have a fixed order. "
            f"Received: shuffle={shuffle}"
        )
