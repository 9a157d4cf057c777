"""Clips cut out of long rows of frames, as batches `(x, y)`."""

import concurrent.futures
import math

import numpy as np

from msrnn_keras.data.epochs import EpochDataset
from msrnn_keras.data.tf_data import as_tf_data
from msrnn_keras.utils.checks import check_positive


class Clips(EpochDataset):
    """Batches of clips for `fit`, `evaluate` and `predict`, read as needed.

    A clip is `context + horizon` frames that follow one another without a
    gap. Missing pixels are NaN, in x as well: build the model with
    `missing="mask"` to train on them.

    With `shuffle` the order depends on `seed` and `epoch` alone. `epoch`, 0
    at first, may be set at any time; Keras advances it after each epoch.
    Every epoch has every clip once, for any number of `workers`. Keras' `fit`
    also puts the batches in a random order, unless it is given
    `shuffle=False`.

    Args:
        source: `msrnn_keras.data.Source`.
        context: Integer, frames given.
        horizon: Integer, frames to forecast.
        batch_size: Integer, clips of a batch; the last may be shorter.
        stride: Integer, frames from the start of a clip to that of the next.
        teacher_forcing: Boolean, whether x is the clip without its last
            frame, for scheduled sampling, rather than the context alone.
        shuffle: Boolean, whether the clips come in another order each epoch.
        seed: Non-negative integer, of the order.
        num_clips: Integer, clips of an epoch, at most as many as there are;
            None is all. Fewer than all are spread evenly over the data.
        **kwargs: `workers`, an integer: threads that read the clips of a
            batch at the same time; further ones as of `EpochDataset`.

    Raises:
        ValueError: If an argument is out of its range, or no row of frames is
            long enough for a clip.

    Example:
    >>> clips = Clips(source, context=10, horizon=10, teacher_forcing=True)
    >>> model.fit(clips)
    >>> rain = clips.inverse(model.predict(clips))
    """

    def __init__(
        self,
        source,
        context,
        horizon,
        batch_size=16,
        stride=1,
        teacher_forcing=False,
        shuffle=False,
        seed=0,
        num_clips=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (
            ("context", context),
            ("horizon", horizon),
            ("batch_size", batch_size),
            ("stride", stride),
        ):
            check_positive(name, value)
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(
                "`seed` must be a non-negative integer. "
                f"Received: seed={seed!r}"
            )
        self.source = source
        self.context, self.horizon = context, horizon
        self.batch_size, self.stride = batch_size, stride
        self.teacher_forcing, self.shuffle, self.seed = (
            teacher_forcing,
            shuffle,
            seed,
        )
        self.starts = _starts(source.segments, context + horizon, stride)
        if num_clips is not None:
            check_positive("num_clips", num_clips)
            chosen = np.linspace(0, len(self.starts) - 1, num_clips)
            self.starts = self.starts[np.unique(chosen.round().astype(int))]

    @property
    def num_clips(self):
        return len(self.starts)

    @property
    def image_shape(self):
        """`(height, width, channels)` of a frame."""
        return tuple(self.source.image_shape)

    @property
    def scaling(self):
        """The `Scaling` between the data's units and pixels."""
        return self.source.scaling

    def inverse(self, pixels):
        """Pixels from 0 to 1 in the units of the data."""
        return self.scaling.inverse(pixels)

    def __len__(self):
        return math.ceil(self.num_clips / self.batch_size)

    def batch(self, index, epoch):
        """Return one batch of one epoch as `(x, y)`, float32 from 0 to 1.

        Args:
            index: Integer, 0 to `len(self) - 1`.
            epoch: Integer, on which the order depends.

        Returns:
            x of shape `(batch, context, height, width, channels)`, or with
            `teacher_forcing` of `context + horizon - 1` frames, and y of shape
            `(batch, horizon, height, width, channels)`; missing pixels are
            NaN.
        """
        first = index * self.batch_size
        chosen = self._order(epoch)[first : first + self.batch_size]
        clips = np.stack(self._read(chosen))
        past = (
            clips[:, :-1] if self.teacher_forcing else clips[:, : self.context]
        )
        return past, clips[:, self.context :]

    def _read(self, numbers):
        """Return a list of clips, read by as many threads as there are."""
        if self.threads == 1:
            return [self.clip(number) for number in numbers]
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self.clip, numbers))

    def _order(self, epoch):
        """Return the numbers of the clips in the order of an epoch."""
        if not self.shuffle:
            return range(self.num_clips)
        rng = np.random.default_rng((self.seed, epoch))
        return rng.permutation(self.num_clips)

    def clip(self, number):
        """One clip, whole.

        Args:
            number: Integer, 0 to `num_clips - 1`, in time order.

        Returns:
            float32 array `(context + horizon, height, width, channels)`.
        """
        start = int(self.starts[number])
        return self.source.pixels(start, start + self.context + self.horizon)

    def as_tf_data(self):
        """Returns the batches as a `tf.data.Dataset`, see `as_tf_data`."""
        return as_tf_data(self)

    def arrays(self):
        """Returns all batches of an epoch as one `(x, y)`, in memory."""
        batches = [self[index] for index in range(len(self))]
        past, future = zip(*batches, strict=True)
        return np.concatenate(past), np.concatenate(future)


def _starts(segments, length, stride):
    """Where clips of `length` frames start within the segments."""
    starts = [
        np.arange(start, stop - length + 1, stride) for start, stop in segments
    ]
    starts = np.concatenate([np.zeros(0, "int64"), *starts])
    if not len(starts):
        longest = max((stop - start for start, stop in segments), default=0)
        raise ValueError(
            f"A clip needs {length} frames (context + horizon) that follow "
            "one another without a gap. Received: "
            f"{longest} at most"
        )
    return starts
