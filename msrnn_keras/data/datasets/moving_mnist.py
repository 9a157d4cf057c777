"""Moving MNIST: handwritten digits that drift and bounce in a frame."""

import hashlib
import math
import numbers

import numpy as np

from msrnn_keras.data.datasets.digits import SPLITS, load_digits
from msrnn_keras.data.epochs import EpochDataset
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.tf_data import as_tf_data

NUM_CLIPS = {"train": 10_000, "validation": 1_000, "test": 10_000}

# Of the uint8 clips of `MovingMNIST("test")`, in order, with full MNIST.
TEST_SHA256 = "9297d87321380c2aed269ba9764d61fbd900c649f8a1f93b238ff1b8d7a58af5"

DRAWS = 4  # random numbers per digit: which one, top, left, direction
CLIPS_AT_ONCE = 100  # clips in memory when a whole set is streamed


def trajectory(start, velocity, length):
    """Follows points that move straight and are reflected at the borders.

    The reflection is exact: a point that would get to 1.1 is at 0.9.

    Args:
        start: Array of shape `(..., 2)`, the first positions, (vertical,
            horizontal), in units of the free range, 0 to 1.
        velocity: Array of shape `(..., 2)`, in units of the free range per
            frame.
        length: Number of frames.

    Returns:
        float32 array of shape `(..., length, 2)`, values 0 to 1.

    Raises:
        ValueError: If `length` is less than 1.

    Example:
    ```python
    trajectory((0.5, 0.9), (0.1, 0.2), 2)  # [[0.5, 0.9], [0.6, 0.9]]
    ```
    """
    _check_count("length", length, 1)
    start = np.asarray(start, "float32")[..., None, :]
    velocity = np.asarray(velocity, "float32")[..., None, :]
    time = np.arange(length, dtype="float32")[:, None]
    points = (start + velocity * time) % 2
    return np.minimum(2 - points, points)


def draw_clips(digits, start, velocity, length=20, image_shape=(64, 64)):
    """Draws clips of digits that move as told.

    Positions are rounded to pixels. Where digits overlap, the brighter pixel
    shows.

    Args:
        digits: uint8 array of shape `(clips, digits per clip, h, w)`.
        start: Array of shape `(clips, digits per clip, 2)`, first positions
            in units of the free range `(height - h, width - w)`, 0 to 1.
        velocity: Array of the same shape, in units of the free range per
            frame.
        length: Number of frames.
        image_shape: Tuple `(height, width)` of the frames, in pixels.

    Returns:
        uint8 array of shape `(clips, length, height, width, 1)`.

    Raises:
        ValueError: If `digits` has another form or is larger than a frame.

    Example:
    ```python
    digits = load_digits("test")[None, :2]
    clips = draw_clips(digits, [[(0, 0), (1, 1)]], [[(0.1, 0), (0, -0.1)]])
    ```
    """
    digits = _check_digits(digits, 4)
    _check_image_shape(image_shape)
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
    clip = np.arange(clips)[:, None]
    time = np.arange(length)
    for k in range(num_digits):
        place = (clip, time, corners[:, k, :, 0], corners[:, k, :, 1])
        windows[place] = np.maximum(windows[place], digits[:, k, None])
    return frames[..., None]


def moving_digits(
    digits,
    num_clips,
    length=20,
    image_shape=(64, 64),
    num_digits=2,
    speed=0.1,
    seed=0,
    first=0,
):
    """Makes random clips of moving digits.

    Each digit is drawn from `digits`, starts anywhere and moves in any
    direction, all uniformly. The random numbers are those of NumPy's `PCG64`,
    four per digit in order: clip j depends on `seed` and j alone.

    Args:
        digits: uint8 array of shape `(digits, h, w)` to draw from.
        num_clips: Number of clips to make.
        length: Frames per clip.
        image_shape: Tuple `(height, width)` of the frames, in pixels.
        num_digits: Digits per clip.
        speed: Distance per frame in units of the free range.
        seed: Non-negative int or `numpy.random.SeedSequence`.
        first: Index of the first clip in the seed's endless row.

    Returns:
        uint8 array of shape `(num_clips, length, height, width, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    ```python
    clips = moving_digits(load_digits("train"), num_clips=4, seed=1)
    ```

    Reference:
        Srivastava et al., "Unsupervised Learning of Video Representations
        using LSTMs", 2015, https://arxiv.org/abs/1502.04681
    """
    digits = _check_digits(digits, 3)
    _check_count("num_clips", num_clips, 0)
    _check_count("num_digits", num_digits, 1)
    _check_count("first", first, 0)
    if not isinstance(seed, np.random.SeedSequence):
        _check_count("seed", seed, 0)
    if not 0 <= speed < math.inf:
        raise ValueError(
            f"`speed` must be a number from 0 on. Received: speed={speed}"
        )
    bits = np.random.PCG64(seed).advance(first * num_digits * DRAWS)
    draws = np.random.Generator(bits).random((num_clips, num_digits, DRAWS))
    chosen = (draws[..., 0] * len(digits)).astype("int64")
    start = draws[..., 1:3]
    angle = 2 * math.pi * draws[..., 3]
    velocity = speed * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return draw_clips(digits[chosen], start, velocity, length, image_shape)


class MovingMNIST(EpochDataset):
    """Batches of Moving MNIST for `fit`, `evaluate` and `predict`.

    The training split makes fresh clips every epoch, from the digits alone:
    clip j follows from `seed`, `epoch` and j. Validation and test are the
    same clips each time. `MovingMNIST("test")` is the fixed test set: 10,000
    clips of 20 frames from the 10,000 test digits (see `verify_test_set`).

    `epoch`, 0 at first, may be set at any time. Keras advances it after each
    epoch and once at the start of each `fit` or `evaluate`. To resume a run
    exactly, set `epoch` to the number of epochs done before `fit`, or tie it
    to Keras' own count as in the example, and give `fit` `shuffle=False`.

    Args:
        split: `"train"`, `"validation"` or `"test"`: which digits.
        num_clips: Clips per epoch. None means 10,000 for training and test,
            1,000 for validation.
        batch_size: Clips per batch; the last batch may be shorter.
        context: Frames given.
        horizon: Frames to forecast.
        image_shape: Tuple `(height, width)` of the frames, in pixels.
        num_digits: Digits per clip.
        speed: Distance per frame in units of the free range, the frame less
            the 28 pixels of a digit.
        teacher_forcing: Boolean, whether x is the clip without its last
            frame, for scheduled sampling, rather than the context alone.
        seed: Non-negative int. Splits and epochs never share clips.
        path: Optional path of an `mnist.npz` file, see `load_digits`.
        digits: Optional uint8 array of shape `(digits, h, w)` to draw from
            instead of MNIST.
        **kwargs: As of `EpochDataset`. `workers` changes nothing: one thread
            makes thousands of clips a second.

    Raises:
        ValueError: If an argument is out of its range.
        FileNotFoundError: If there is no file at `path`.

    Example:
    ```python
    train = MovingMNIST("train", batch_size=16, teacher_forcing=True)
    past, future = MovingMNIST("test", num_clips=100).arrays()
    past.shape  # (100, 10, 64, 64, 1), values 0 to 1
    follow = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(train, "epoch", epoch)
    )
    model.fit(train, epochs=20, shuffle=False, callbacks=[follow])
    ```

    Reference:
        Srivastava et al., "Unsupervised Learning of Video Representations
        using LSTMs", 2015, https://arxiv.org/abs/1502.04681
    """

    scaling = MinMax(0, 255)

    def __init__(
        self,
        split="train",
        num_clips=None,
        batch_size=16,
        context=10,
        horizon=10,
        image_shape=(64, 64),
        num_digits=2,
        speed=0.1,
        teacher_forcing=False,
        seed=0,
        path=None,
        digits=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if split not in SPLITS:
            raise ValueError(
                f"`split` must be one of {', '.join(map(repr, SPLITS))}. "
                f"Received: split={split!r}"
            )
        if digits is not None and path is not None:
            raise ValueError(
                "Give `digits` or `path`, not both. "
                f"Received: digits and path={path}"
            )
        num_clips = NUM_CLIPS[split] if num_clips is None else num_clips
        _check_count("num_clips", num_clips, 1)
        _check_count("batch_size", batch_size, 1)
        _check_count("context", context, 1)
        _check_count("horizon", horizon, 1)
        _check_count("seed", seed, 0)
        self.split = split
        self.num_clips = num_clips
        self.batch_size = batch_size
        self.context = context
        self.horizon = horizon
        self.image_shape = image_shape
        self.num_digits = num_digits
        self.speed = speed
        self.teacher_forcing = teacher_forcing
        self.seed = seed
        self.digits = load_digits(split, path) if digits is None else digits
        self.clips(0, 0)  # Refuses what cannot be drawn before training does.

    def __len__(self):
        return math.ceil(self.num_clips / self.batch_size)

    def batch(self, index, epoch):
        """Return one batch of one epoch as `(x, y)`, float32 from 0 to 1.

        Args:
            index: Integer, 0 to `len(self) - 1`.
            epoch: Integer; training clips depend on it.

        Returns:
            x of shape `(batch, context, height, width, 1)`, or with
            `teacher_forcing` `(batch, context + horizon - 1, height, width,
            1)`, and y of shape
            `(batch, horizon, height, width, 1)`.
        """
        start = index * self.batch_size
        stop = min(start + self.batch_size, self.num_clips)
        return self._split_time(self._clips(start, stop, epoch))

    def inverse(self, pixels):
        """Pixels from 0 to 1 as gray values from 0 to 255."""
        return self.scaling.inverse(pixels)

    def clips(self, start, stop):
        """Returns clips `start` to `stop - 1`, whole and as bytes.

        Args:
            start: Index of the first clip.
            stop: Index after the last clip, at most `num_clips`.

        Returns:
            uint8 array of shape
            `(stop - start, context + horizon, height, width, 1)`. Clip j does
            not depend on `batch_size` nor on `num_clips`.

        Raises:
            ValueError: If the range is not within the data set.
        """
        if not 0 <= start <= stop <= self.num_clips:
            raise ValueError(
                f"Clips are numbered from 0 to {self.num_clips - 1}. "
                f"Received: start={start}, stop={stop}"
            )
        return self._clips(start, stop, self.epoch)

    def _clips(self, start, stop, epoch):
        """Return clips of one epoch, whole and as bytes."""
        if self.split != "train":
            epoch = 0
        return moving_digits(
            self.digits,
            stop - start,
            length=self.context + self.horizon,
            image_shape=self.image_shape,
            num_digits=self.num_digits,
            speed=self.speed,
            seed=np.random.SeedSequence(
                self.seed, spawn_key=(SPLITS.index(self.split), epoch)
            ),
            first=start,
        )

    def arrays(self):
        """Returns the whole epoch as `(x, y)`, shaped as a batch is.

        10,000 clips of 20 frames of 64x64 pixels take 3.3 GB, and 0.8 GB more
        while they are made.
        """
        return self._split_time(self.clips(0, self.num_clips))

    def as_tf_data(self):
        """Returns the batches as a `tf.data.Dataset`, see `as_tf_data`."""
        return as_tf_data(self)

    def _split_time(self, clips):
        past = (
            clips[:, :-1] if self.teacher_forcing else clips[:, : self.context]
        )
        future = clips[:, self.context :]
        return _to_floats(past), _to_floats(future)


def clips_sha256(dataset):
    """Returns the SHA-256 of a data set's uint8 clips, in order.

    Args:
        dataset: A `MovingMNIST`. Few clips are in memory at a time.

    Returns:
        The hash in hexadecimal, a string of 64 characters.

    Example:
    ```python
    clips_sha256(MovingMNIST("test")) == TEST_SHA256
    ```
    """
    sha256 = hashlib.sha256()
    for start in range(0, dataset.num_clips, CLIPS_AT_ONCE):
        stop = min(start + CLIPS_AT_ONCE, dataset.num_clips)
        sha256.update(dataset.clips(start, stop).tobytes())
    return sha256.hexdigest()


def verify_test_set(dataset):
    """Refuses a data set that is not the fixed Moving MNIST test set.

    Scores may only be given as those of the `mnist` test set for the very
    clips that `MovingMNIST("test")` makes from full MNIST, however they are
    parted into context and horizon.

    Args:
        dataset: A `MovingMNIST`. Its clips are made once, a few at a time.

    Raises:
        ValueError: If its clips are others.

    Example:
    ```python
    verify_test_set(MovingMNIST("test"))
    ```
    """
    received = clips_sha256(dataset)
    if received != TEST_SHA256:
        raise ValueError(
            "These clips are not the fixed Moving MNIST test set. Use "
            '`MovingMNIST("test")`, other arguments left alone except '
            "`batch_size` and `teacher_forcing`, with the full MNIST (see "
            f"`digits_source`). Received: SHA-256 {received} of "
            f"{dataset.num_clips} clips from {len(dataset.digits)} digits"
        )


def _to_floats(clips):
    return np.divide(clips, 255, dtype="float32")


def _check_digits(digits, rank):
    digits = np.asarray(digits)
    if digits.ndim != rank or digits.dtype != np.uint8 or not digits.shape[-3]:
        raise ValueError(
            f"`digits` must be a uint8 array of rank {rank} that ends with "
            "the digits' height and width, with at least one digit. "
            f"Received: {digits.dtype} of shape {digits.shape}"
        )
    return digits


def _check_count(name, value, least):
    if not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}"
        )


def _check_image_shape(image_shape):
    if np.shape(image_shape) != (2,):
        raise ValueError(
            "`image_shape` must be (height, width), without channels. "
            f"Received: image_shape={image_shape}"
        )
    for size in image_shape:
        _check_count("image_shape", size, 1)
