"""The handwritten digits of Moving MNIST.

MNIST (Y. LeCun and C. Cortes) and the sample of it next to this module,
`digits.npz`, are distributed under CC BY-SA 3.0.
"""

import functools
import pathlib
import warnings

import numpy as np

from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.utils.arguments import check_path
from msrnn_keras.utils.fetching import fetch
from msrnn_keras.utils.typing import PathLike, Split

SPLITS = ("train", "validation", "test")
SAMPLE_PATH = pathlib.Path(__file__).with_name("digits.npz")

NUM_TRAIN = 55_000  # of the 60,000 training digits; the rest is validation
FILE_SHAPES = {"x_train": (60_000, 28, 28), "x_test": (10_000, 28, 28)}
ADDRESS = (  # the file of `keras.datasets.mnist`
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
)
SIZE = 11_490_434  # bytes of that file
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
ANSWER = 10  # seconds to wait for an answer before using the sample


def load_digits(split: Split, path: PathLike | None = None) -> np.ndarray:
    """Load the MNIST digits of one split.

    They are read from the file `path`, `datasets/mnist.npz` in the Keras home,
    a download to it, or else a small sample that ships with the package.

    Args:
        split: `"train"` (55,000 digits), `"validation"` (the 5,000 after them)
            or `"test"` (10,000); 1,000, 200 and 500 of the sample.
        path: Optional path of an `.npz` file as of `keras.datasets.mnist`.

    Returns:
        uint8 array of shape `(digits, 28, 28)`, values 0 to 255, read-only.

    Raises:
        ValueError, FileNotFoundError: If `split` or `path` is wrong.

    Example:
    >>> digits = load_digits("test")  # (10000, 28, 28)

    Reference: LeCun et al., 1998, https://doi.org/10.1109/5.726791
    """
    check_split(split)
    source, splits = _load(path)
    if source == "sample":
        warnings.warn(
            "MNIST could not be downloaded. Using the small sample of "
            f"{len(splits[split])} {split} digits, whose scores do not compare "
            "with those on the full set. For that, run `keras.datasets.mnist."
            "load_data()` once with a network, or pass `path` of `mnist.npz`.",
            UserWarning,
            stacklevel=2,
        )
    return splits[split]


def digits_source(path: PathLike | None = None) -> str:
    """Return where `load_digits` reads: path, cache, download or sample."""
    return _load(path)[0]


def sample_digits(split: Split) -> np.ndarray:
    """Return the sample of digits that ships with the package.

    Args:
        split: `"train"` (1,000 digits), `"validation"` (200) or `"test"` (500).

    Returns:
        uint8 array of shape `(digits, 28, 28)`, values 0 to 255, read-only.

    Example:
    >>> MovingMNIST("test", num_clips=8, digits=sample_digits("test"))
    """
    check_split(split)
    return _read_sample()[split]


def check_split(split):
    """Raise an error for an unknown split."""
    if not isinstance(split, str) or split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {', '.join(map(repr, SPLITS))}. "
            f"Received: split={split!r}"
        )


def _load(path):
    """Return the name of the source and a dict from split to digits."""
    if path is not None:
        return "path", _read_mnist(check_path("path", path))
    return _find_mnist(data_home("mnist.npz"))


@functools.lru_cache(maxsize=2)
def _read_mnist(path):
    """Read and split a file in the form of `keras.datasets.mnist`."""
    if not path.is_file():
        raise FileNotFoundError(
            "`path` must be an existing MNIST file such as `mnist.npz`. "
            f"Received: path={path}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in FILE_SHAPES}
    except Exception as error:
        raise ValueError(
            "`path` must be an `.npz` file with the arrays `x_train` and "
            f"`x_test`; reading it failed ({error}). Received: path={path}"
        ) from error
    for name, shape in FILE_SHAPES.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.uint8:
            raise ValueError(
                f"`{name}` in the MNIST file must be uint8 of shape {shape}. "
                f"Received: {arrays[name].dtype} of shape "
                f"{arrays[name].shape}, path={path}"
            )
    train, test = arrays["x_train"], arrays["x_test"]
    return _read_only(train[:NUM_TRAIN], train[NUM_TRAIN:], test)


@functools.lru_cache(maxsize=2)
def _find_mnist(path):
    """Take MNIST from the cache, the network or the shipped sample."""
    try:
        return "cache", _read_mnist(path)
    except (FileNotFoundError, ValueError):
        pass  # missing or damaged
    try:
        fetch(ADDRESS, path, SIZE, SHA256, ANSWER)
        return "download", _read_mnist(path)
    except (OSError, ValueError):
        return "sample", _read_sample()


def _read_sample():
    with np.load(SAMPLE_PATH, allow_pickle=False) as file:
        return _read_only(*(file[f"x_{split}"] for split in SPLITS))


def _read_only(*parts):
    """Return the splits, protected because all callers share them."""
    for digits in parts:
        digits.flags.writeable = False
    return dict(zip(SPLITS, parts, strict=True))
