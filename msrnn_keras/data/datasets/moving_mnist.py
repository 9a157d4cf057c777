"""Moving MNIST: handwritten digits that move and bounce in a frame."""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from msrnn_keras.data.datasets.digits import SPLITS, check_split, load_digits
from msrnn_keras.data.epochs import ClipDataset
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_positive,
    check_size,
    check_within,
)
from msrnn_keras.utils.typing import PathLike, Split

NUM_CLIPS = {"train": 10_000, "validation": 1_000, "test": 10_000}

# SHA-256 of the uint8 clips of `MovingMNIST("test")` with full MNIST, in order.
TEST_SHA256 = "9297d87321380c2aed269ba9764d61fbd900c649f8a1f93b238ff1b8d7a58af5"

DRAWS = 4  # random numbers per digit: index, top, left, direction
CLIPS_AT_ONCE = 100  # clips in memory while hashing


def trajectory(start, velocity, length):
    """Return `length` positions in [0, 1] with exact reflection at 0 and 1."""
    length = check_positive("length", length)
    start = np.asarray(start, "float32")[..., None, :]
    velocity = np.asarray(velocity, "float32")[..., None, :]
    time = np.arange(length, dtype="float32")[:, None]
    points = (start + velocity * time) % 2
    return np.minimum(2 - points, points)


def draw_clips(digits, start, velocity, length=20, image_shape=(64, 64)):
    """Draw uint8 clips of digits with given starts and velocities."""
    digits = _check_digits(digits, 4)
    length = check_positive("length", length)
    image_shape = check_size("image_shape", image_shape)
    clips, num_digits, height, width = digits.shape
    free = np.subtract(image_shape, (height, width))
    if free.min() < 0:
        raise ValueError(
            f"`image_shape` must be at least the digits' {height}x{width} "
            f"pixels. Received: image_shape={tuple(image_shape)}"
        )
    path = trajectory(start, velocity, length) * free.astype("float32")
    corners = np.rint(path).astype("int64")
    frames = np.zeros((clips, length, *image_shape), "uint8")
    # windows[clip, time, top, left] is a view of the frame's pixels there.
    windows = np.lib.stride_tricks.sliding_window_view(
        frames, (height, width), axis=(2, 3), writeable=True
    )
    clip, time = np.arange(clips)[:, None], np.arange(length)
    for k in range(num_digits):
        place = (clip, time, corners[:, k, :, 0], corners[:, k, :, 1])
        windows[place] = np.maximum(windows[place], digits[:, k, None])
    return frames[..., None]


def moving_digits(
    digits: np.ndarray,
    num_clips: int,
    length: int = 20,
    image_shape: Sequence[int] = (64, 64),
    num_digits: int = 2,
    speed: float = 0.1,
    seed: int | np.random.SeedSequence = 0,
    first: int = 0,
) -> np.ndarray:
    """Generate random clips of moving digits.

    Digits, first positions and directions are uniformly random, from NumPy's
    `PCG64`: clip j depends on `seed` and j alone.

    Args:
        digits: uint8 array of shape `(digits, h, w)` to draw from.
        num_clips: Integer, number of clips.
        length: Integer, frames per clip.
        image_shape: Tuple `(height, width)` of the frames, in pixels.
        num_digits: Integer, digits per clip.
        speed: Number, distance per frame in units of frame minus digit size.
        seed: Non-negative integer or `numpy.random.SeedSequence`.
        first: Integer, index of the first clip in the seed's endless sequence.

    Returns:
        uint8 array of shape `(num_clips, length, height, width, 1)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
    >>> clips = moving_digits(load_digits("train"), num_clips=4, seed=1)
    """
    digits = _check_digits(digits, 3)
    num_clips = check_count("num_clips", num_clips, 0)
    num_digits = check_positive("num_digits", num_digits)
    first = check_count("first", first, 0)
    if not isinstance(seed, np.random.SeedSequence):
        seed = check_count("seed", seed, 0)
    speed = check_within("speed", speed, "[0, inf]")
    bits = np.random.PCG64(seed).advance(first * num_digits * DRAWS)
    draws = np.random.Generator(bits).random((num_clips, num_digits, DRAWS))
    chosen = (draws[..., 0] * len(digits)).astype("int64")
    start = draws[..., 1:3]
    angle = 2 * math.pi * draws[..., 3]
    velocity = speed * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return draw_clips(digits[chosen], start, velocity, length, image_shape)


class MovingMNIST(ClipDataset):
    """Batches of Moving MNIST for `fit`, `evaluate` and `predict`.

    Training clips are new in every epoch: clip j depends on `seed`, `epoch` and
    j. `MovingMNIST("test")` is the fixed test set. To resume a run exactly, set
    `epoch` to the number of finished epochs and fit with `shuffle=False`.

    Args:
        split: `"train"`, `"validation"` or `"test"`: which digits.
        num_clips: Integer, clips per epoch; None is 10,000 (validation: 1,000).
        batch_size: Integer, clips per batch; the last batch may be smaller.
        context, horizon: Integers, numbers of input and forecast frames.
        image_shape: Tuple `(height, width)` of the frames, in pixels.
        num_digits, speed: As in `moving_digits`.
        teacher_forcing: Boolean, as in `Clips`.
        seed: Non-negative integer. Splits and epochs never share clips.
        path: Optional path of an `mnist.npz` file, see `load_digits`.
        digits: Optional uint8 array `(digits, h, w)` to use instead of MNIST.
        **kwargs: Arguments of `EpochDataset`; `workers` has no effect.

    Raises:
        ValueError, FileNotFoundError: If an argument is wrong.

    Example:
    >>> train = MovingMNIST("train", batch_size=16, teacher_forcing=True)
    >>> model.fit(train, epochs=20, shuffle=False)

    Reference: Srivastava et al., 2015, https://arxiv.org/abs/1502.04681
    """

    scaling = MinMax(0, 255)

    def __init__(
        self,
        split: Split = "train",
        num_clips: int | None = None,
        batch_size: int = 16,
        context: int = 10,
        horizon: int = 10,
        image_shape: Sequence[int] = (64, 64),
        num_digits: int = 2,
        speed: float = 0.1,
        teacher_forcing: bool = False,
        seed: int = 0,
        path: PathLike | None = None,
        digits: np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_split(split)
        if digits is not None and path is not None:
            raise ValueError(
                "Pass either `digits` or `path`, not both. "
                f"Received: digits and path={path}"
            )
        num_clips = NUM_CLIPS[split] if num_clips is None else num_clips
        self.split = split
        self.num_clips = check_positive("num_clips", num_clips)
        self.batch_size = check_positive("batch_size", batch_size)
        self.context = check_positive("context", context)
        self.horizon = check_positive("horizon", horizon)
        self.seed = check_count("seed", seed, 0)
        self.image_shape = check_size("image_shape", image_shape)
        self.num_digits = check_positive("num_digits", num_digits)
        self.speed = check_within("speed", speed, "[0, inf]")
        self.teacher_forcing = check_boolean("teacher_forcing", teacher_forcing)
        self.digits = load_digits(split, path) if digits is None else digits
        self.clips(0, 0)  # checks the arguments of `moving_digits`

    def batch(self, index: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `(x, y)`, float32 in [0, 1]."""
        start = index * self.batch_size
        stop = min(start + self.batch_size, self.num_clips)
        return self._pixels(self._clips(start, stop, epoch))

    def clips(self, start: int, stop: int) -> np.ndarray:
        """Return clips `start` to `stop - 1` of the current epoch as uint8."""
        if not 0 <= start <= stop <= self.num_clips:
            raise ValueError(
                f"Clips are numbered from 0 to {self.num_clips - 1}. "
                f"Received: start={start}, stop={stop}"
            )
        return self._clips(start, stop, self.epoch)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the whole epoch as `(x, y)`, shaped like a batch."""
        return self._pixels(self.clips(0, self.num_clips))

    def _clips(self, start, stop, epoch):
        """Return the uint8 clips of one epoch."""
        key = (SPLITS.index(self.split), epoch if self.split == "train" else 0)
        return moving_digits(
            self.digits,
            stop - start,
            self.context + self.horizon,
            self.image_shape,
            self.num_digits,
            self.speed,
            np.random.SeedSequence(self.seed, spawn_key=key),
            first=start,
        )

    def _pixels(self, clips):
        return self._split_time(np.divide(clips, 255, dtype="float32"))


def verify_test_set(dataset: MovingMNIST) -> None:
    """Raise an error if a data set is not the fixed Moving MNIST test set.

    Args:
        dataset: `MovingMNIST`, any context and horizon of 20 frames in all.

    Raises:
        ValueError: If its clips are not those of `MovingMNIST("test")`.

    Example:
    >>> verify_test_set(MovingMNIST("test"))
    """
    sha256 = hashlib.sha256()
    for start in range(0, dataset.num_clips, CLIPS_AT_ONCE):
        stop = min(start + CLIPS_AT_ONCE, dataset.num_clips)
        sha256.update(dataset.clips(start, stop).tobytes())
    received = sha256.hexdigest()
    if received != TEST_SHA256:
        raise ValueError(
            "These clips are not the fixed Moving MNIST test set. Use "
            '`MovingMNIST("test")` with the full MNIST (see `digits_source`), '
            "and change no argument but `batch_size` and `teacher_forcing`. "
            f"Received: SHA-256 {received} of {dataset.num_clips} clips from "
            f"{len(dataset.digits)} digits"
        )


def _check_digits(digits, rank):
    digits = np.asarray(digits)
    if digits.ndim != rank or digits.dtype != np.uint8 or not digits.shape[-3]:
        raise ValueError(
            f"`digits` must be a uint8 array of rank {rank} whose last axes "
            "are the digits' height and width, with at least one digit. "
            f"Received: {digits.dtype} of shape {digits.shape}"
        )
    return digits
