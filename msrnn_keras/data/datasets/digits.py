"""The handwritten digits that Moving MNIST is made of.

MNIST (Y. LeCun and C. Cortes) is distributed under CC BY-SA 3.0; the small
sample beside this module, `digits.npz`, is a part of it and keeps its licence.
"""

import functools
import os
import pathlib
import warnings

import numpy as np

from msrnn_keras.utils.downloads import download
from msrnn_keras.utils.files import write_atomically

SPLITS = ("train", "validation", "test")
SAMPLE_PATH = pathlib.Path(__file__).with_name("digits.npz")

NUM_TRAIN = 55_000  # of the 60,000 training digits; the rest validate
FILE_SHAPES = {"x_train": (60_000, 28, 28), "x_test": (10_000, 28, 28)}
ADDRESS = (  # where Keras has its copy
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
)
SIZE = 11_490_434  # bytes
ANSWER = 10  # seconds without one before the network counts as absent


def load_digits(split, path=None):
    """Loads the MNIST digits of one split.

    They come from the first of these that is there: the file `path`, the
    Keras cache (`$KERAS_HOME` or `~/.keras`, `datasets/mnist.npz`), a download
    to there, and a small sample that ships with the package.
    The file is read once per process.

    Args:
        split: `"train"` (the first 55,000 training digits), `"validation"`
            (the last 5,000 training digits) or `"test"` (the 10,000 test
            digits). The sample has 1,000, 200 and 500 of them.
        path: Optional path of an `.npz` file with the arrays `x_train` and
            `x_test`, as `keras.datasets.mnist` keeps it. Nothing else is
            tried when it is given.

    Returns:
        uint8 array of shape `(digits, 28, 28)`, values 0 to 255, read-only.

    Raises:
        ValueError: If `split` is unknown, or if the file at `path` is not
            MNIST in that form.
        FileNotFoundError: If there is no file at `path`.

    Example:
    ```python
    digits = load_digits("test")  # (10000, 28, 28)
    ```

    Reference:
        LeCun et al., "Gradient-based learning applied to document
        recognition", 1998.
    """
    _check_split(split)
    source, splits = _load(path)
    if source == "sample":
        warnings.warn(
            "MNIST could not be downloaded, so the small sample of "
            f"{len(splits[split])} {split} digits that ships with the package "
            "is used; scores on it do not compare with those on the full set. "
            "For the full set, run `keras.datasets.mnist.load_data()` once "
            "with a network, or pass `path` of an `mnist.npz` file.",
            UserWarning,
            stacklevel=2,
        )
    return splits[split]


def digits_source(path=None):
    """Tells where `load_digits` takes the digits from.

    Args:
        path: As in `load_digits`.

    Returns:
        `"path"`, `"cache"`, `"download"` or `"sample"`.

    Example:
    ```python
    if digits_source() == "sample":
        print("The scores are of the small sample only.")
    ```
    """
    return _load(path)[0]


def sample_digits(split):
    """Returns the digits that ship with the package, for demonstrations.

    Args:
        split: `"train"`, `"validation"` or `"test"`: 1,000, 200 or 500 digits
            of that part of MNIST.

    Returns:
        uint8 array of shape `(digits, 28, 28)`, values 0 to 255, read-only.

    Raises:
        ValueError: If `split` is unknown.

    Example:
    ```python
    MovingMNIST("test", num_clips=8, digits=sample_digits("test"))
    ```
    """
    _check_split(split)
    return _read_sample()[split]


def _load(path):
    """Returns the name of the source and a dict from split to digits."""
    if path is not None:
        return "path", _read_mnist(pathlib.Path(path).expanduser())
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return _find_mnist(pathlib.Path(home).expanduser())


@functools.lru_cache(maxsize=2)
def _read_mnist(path):
    """Reads and splits a file like the one `keras.datasets.mnist` keeps."""
    if not path.is_file():
        raise FileNotFoundError(
            "`path` must be an MNIST file such as `mnist.npz`, but there is "
            f"no file there. Received: path={path}"
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
    return _split(arrays["x_train"], arrays["x_test"])


@functools.lru_cache(maxsize=2)
def _find_mnist(keras_home):
    """Takes MNIST from the cache, the network or the shipped sample."""
    path = keras_home / "datasets" / "mnist.npz"
    try:
        return "cache", _read_mnist(path)
    except (FileNotFoundError, ValueError):
        pass  # Absent or damaged: download it (again).
    try:
        return "download", _download_mnist(path)
    except (OSError, ValueError):
        return "sample", _read_sample()


def _download_mnist(path):
    """Download MNIST to the cache of Keras and read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda part: download(ADDRESS, part, SIZE, ANSWER))
    return _read_mnist(path)


def _read_sample():
    with np.load(SAMPLE_PATH, allow_pickle=False) as file:
        return {split: _read_only(file[f"x_{split}"]) for split in SPLITS}


def _check_split(split):
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {', '.join(map(repr, SPLITS))}. "
            f"Received: split={split!r}"
        )


def _split(x_train, x_test):
    return {
        "train": _read_only(x_train[:NUM_TRAIN]),
        "validation": _read_only(x_train[NUM_TRAIN:]),
        "test": _read_only(x_test),
    }


def _read_only(digits):
    """Guards the arrays, which all callers share."""
    digits.flags.writeable = False
    return digits
