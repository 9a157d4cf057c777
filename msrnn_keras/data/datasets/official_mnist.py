"""The official Moving MNIST test set: 10,000 fixed clips of 20 frames."""

from typing import Literal

import numpy as np

from msrnn_keras.data.datasets.cache import cached_array, data_home, find_file
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.sources import Source
from msrnn_keras.utils.typing import PathLike

ADDRESS = "http://www.cs.toronto.edu/~nitish/unsupervised_video/"
FILE = "mnist_test_seq.npy"
LENGTH, SIDE = 20, 64


class OfficialMNIST(Source):
    """The official test set, other than `MovingMNIST("test")`, 20 frames each.

    Args:
        split: `"test"`, the only split.
        path: Path of `mnist_test_seq.npy` or of its folder; None downloads it
            once through `tensorflow_datasets` into the Keras home (0.8 GB).

    Raises:
        ValueError, OSError: If `split` or the file is wrong.
        ImportError: If `tensorflow_datasets` is needed and not installed.

    Example:
    >>> clips = Clips(OfficialMNIST("test"), 10, 10, stride=20)

    Reference: Srivastava et al., 2015, https://arxiv.org/abs/1502.04681
    """

    image_shape = (SIDE, SIDE, 1)
    scaling = MinMax(0, 255)

    def __init__(
        self, split: Literal["test"] = "test", path: PathLike | None = None
    ) -> None:
        if split != "test":
            raise ValueError(
                "The official Moving MNIST is a test set; the data set "
                f"'mnist' has training clips. Received: split={split!r}"
            )
        given = path is not None
        self.path = find_file(path, FILE, ADDRESS) if given else _from_tfds()
        count = self._clips().shape[1]
        starts = range(0, LENGTH * count, LENGTH)
        self.segments = [(start, start + LENGTH) for start in starts]

    def _clips(self):
        """Return the memory-mapped array (20, clips, 64, 64)."""
        try:
            clips = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise OSError(
                f"The file cannot be read as .npy ({error}). "
                f"Received: {str(self.path)!r}"
            ) from error
        is_whole = clips.shape == (LENGTH, *clips.shape[1:2], SIDE, SIDE)
        if not is_whole or not clips.size or clips.dtype != np.uint8:
            raise ValueError(
                "The file must contain uint8 of shape (20, clips, 64, 64). "
                f"Received: {clips.dtype} of shape {clips.shape} in "
                f"{str(self.path)!r}"
            )
        return clips

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1` as gray values 0 to 255."""
        clip, frame = np.divmod(np.arange(start, stop), LENGTH)
        return self._clips()[frame, clip].astype("float32")[..., None]


def _from_tfds():
    """Return the path of the array; convert the TensorFlow data set once."""

    def make():
        try:
            import tensorflow_datasets as tfds
        except ImportError as error:
            raise ImportError(
                "The official Moving MNIST needs `pip install "
                f"tensorflow-datasets`, or `path` of {ADDRESS}{FILE}. "
                f"Received: {error}"
            ) from error
        clips = tfds.as_numpy(tfds.load("moving_mnist", split="test"))
        clips = [clip["image_sequence"][..., 0] for clip in clips]
        return np.stack(clips, axis=1)

    path = data_home("mnist-official") / FILE
    cached_array(path, make)
    return path
