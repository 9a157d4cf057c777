"""Clips cut from a source of frames, in batches `(x, y)`."""

import concurrent.futures
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from msrnn_keras.data.epochs import ClipDataset
from msrnn_keras.data.sources import Source, check_source
from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_positive,
)
from msrnn_keras.utils.checks import check_floats


class Clips(ClipDataset):
    """Batches of clips for `fit`, `evaluate` and `predict`, read on demand.

    A clip is `context + horizon` consecutive frames without a gap in time.
    Missing pixels are NaN in x and y; a model with `missing="mask"` trains on
    them. With `shuffle`, the order depends on `seed` and `epoch` alone; Keras'
    `fit` also shuffles the batches, unless called with `shuffle=False`.

    Args:
        source: `msrnn_keras.data.Source`.
        context, horizon: Integers, numbers of input and forecast frames.
        batch_size: Integer, clips per batch; the last batch may be smaller.
        stride: Integer, frames between the starts of two successive clips.
        teacher_forcing: Boolean, whether x is the clip without its last frame,
            for scheduled sampling, or the context alone.
        shuffle: Boolean, whether to reorder the clips in each epoch.
        seed: Non-negative integer, seed of the order.
        num_clips: Integer, clips per epoch, spread evenly; None uses all clips.
        covariates: Array of floats for a model with k covariates, `(frames,
            height, width, k)`, one entry per frame of the source; height and
            width may be 1, for numbers such as the hour. `(height, width, k)`
            if static. x is then `(frames, covariates)`. None gives frames.
        **kwargs: Arguments of `EpochDataset`, such as `workers`.

    Raises:
        ValueError: If an argument is wrong, or no segment has enough frames.

    Example:
    >>> clips = Clips(source, context=10, horizon=10, teacher_forcing=True)
    >>> model.fit(clips)
    """

    def __init__(
        self,
        source: Source,
        context: int,
        horizon: int,
        batch_size: int = 16,
        stride: int = 1,
        teacher_forcing: bool = False,
        shuffle: bool = False,
        seed: int = 0,
        num_clips: int | None = None,
        covariates: npt.ArrayLike | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.context = context = check_positive("context", context)
        self.horizon = horizon = check_positive("horizon", horizon)
        self.batch_size = check_positive("batch_size", batch_size)
        self.stride = stride = check_positive("stride", stride)
        self.seed = check_count("seed", seed, 0)
        self.shuffle = check_boolean("shuffle", shuffle)
        self.teacher_forcing = check_boolean("teacher_forcing", teacher_forcing)
        self.source = check_source(source)
        self.starts = clip_starts(source.segments, context + horizon, stride)
        if num_clips is not None:
            num_clips = check_positive("num_clips", num_clips)
            chosen = np.linspace(0, len(self.starts) - 1, num_clips)
            self.starts = self.starts[np.unique(chosen.round().astype(int))]
        self.num_clips = len(self.starts)
        self.image_shape = tuple(source.image_shape)
        self.scaling = source.scaling
        self.covariates = covariates
        if covariates is not None:
            self._check_covariates(covariates)

    def batch(self, index: int, epoch: int) -> tuple[Any, np.ndarray]:
        """Return `(x, y)`, float32 in [0, 1], NaN where a pixel is missing."""
        first = index * self.batch_size
        order = range(self.num_clips)
        if self.shuffle:
            order = np.random.default_rng((self.seed, epoch)).permutation(order)
        numbers = order[first : first + self.batch_size]
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            clips = list(pool.map(self.clip, numbers))
        x, y = self._split_time(np.stack(clips))
        if self.covariates is None:
            return x, y
        return (x, np.stack(list(map(self._known, numbers)))), y

    def clip(self, number: int) -> np.ndarray:
        """Return clip `number`, counted in time order, with all its frames."""
        start = int(self.starts[number])
        return self.source.pixels(start, start + self.context + self.horizon)

    def arrays(self) -> tuple[Any, np.ndarray]:
        """Return all batches of the current epoch as one `(x, y)`."""
        batches = (self[i] for i in range(len(self)))
        return keras.tree.map_structure(
            lambda *parts: np.concatenate(parts), *batches
        )

    def _known(self, number):
        """Return the covariates of a clip, one per step of the model."""
        shape = (self.context + self.horizon - 1, *self.image_shape[:2])
        known = self.covariates
        if len(known.shape) == 4:
            start = int(self.starts[number])
            known = np.asarray(known[start : start + shape[0]])
        return np.broadcast_to(known, (*shape, known.shape[-1]))

    def _check_covariates(self, given):
        """Refuse covariates that do not fit the frames of the source."""
        check_floats(given, "covariates")
        wanted = (len(self.source), *self.image_shape[:2])
        shape = tuple(given.shape)
        whole = shape[:-1] if len(shape) == 4 else (wanted[0], *shape[:-1])
        if len(whole) != 3 or not (
            whole[0] == wanted[0]
            and whole[1] in (1, wanted[1])
            and whole[2] in (1, wanted[2])
        ):
            raise ValueError(
                f"`covariates` must be {str(wanted)[:-1]}, k), with height and "
                "width perhaps 1, or without the first axis if static. "
                f"Received: covariates of shape {shape}"
            )


def clip_starts(segments, length, stride):
    """Return the first frame of each clip of `length` frames."""
    starts = [np.arange(a, b - length + 1, stride) for a, b in segments]
    starts = np.concatenate([np.zeros(0, "int64"), *starts])
    if not len(starts):
        longest = max((b - a for a, b in segments), default=0)
        raise ValueError(
            f"A clip needs {length} consecutive frames (context + horizon) "
            "without a gap in time. Reduce `context` or `horizon`. "
            f"Received: {longest} at most"
        )
    return starts
