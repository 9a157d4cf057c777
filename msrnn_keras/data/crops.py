"""Random crops of clips, drawn more often where there is more to see."""

import concurrent.futures
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from msrnn_keras.data.clips import clip_starts
from msrnn_keras.data.epochs import ClipDataset
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.data.lazy_frames import LazyFrames
from msrnn_keras.data.scaling import Scaling
from msrnn_keras.data.sources import ArraySource, check_scaling
from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_positive,
    check_size,
    check_within,
    refused,
)

CELLS = 4  # candidates per side of a crop
LEAST_VALID = 0.5  # share of pixels
# Of frames read on demand: pixels that are all weighed, and that are read to
# weigh a part of more; candidates of that part.
SMALL, MOST_READ, MOST_CANDIDATES = 1 << 26, 1 << 27, 1 << 19


class Crops(ClipDataset):
    """Batches of crops of clips, new in every epoch, for training on radar.

    Crops are drawn by importance sampling, as in Ravuri et al., 2021: those
    with rain more often. The candidates i are all clips times a grid of places,
    a quarter of a crop apart. Crop i is drawn with the probability

        p_i = (1 - dry) w_i / Σ w + dry / N,

    where w is the mean of x² over the pixels and frames of the crop, 0 where
    missing, and N the number of candidates. With x linear in dBZ as in the data
    set `radar`, 1 mm/h weighs 11 times 0.1 mm/h, and 10 mm/h 31 times. Crops
    with fewer than half of their pixels valid are no candidates. The place is
    then shifted at random within its cell of the grid.

    Of files with more than 2^26 pixels (64 frames of 1024×1024) that are read
    on demand, a part is read first, at most 2^27 pixels and for 2^19
    candidates: every n-th frame is weighed, by every fourth pixel if that
    divides the grid, and the start of a crop is shifted at random by fewer than
    n frames.

    With `augment`, a crop is turned by a random multiple of 90° (180° unless it
    is square) and mirrored. Crop j depends on `seed`, `epoch` and j alone. To
    resume a run exactly, set `epoch` to the number of finished epochs and fit
    with `shuffle=False`.

    Args:
        sources: `ArraySource`, such as a `Recording`, or a list of them; their
            sizes may differ, their scalings must be equal.
        context, horizon: Integers, numbers of input and forecast frames.
        image_shape: Tuple `(height, width)` of the crops, pixels.
        num_clips: Integer, crops per epoch.
        batch_size, stride, teacher_forcing: As in `Clips`.
        seed: Non-negative integer.
        dry: Number in [0, 1], share of crops drawn without regard to rain.
        augment: Boolean, whether to turn and mirror the crops.
        fixed: Boolean, whether all epochs are the same, for validation.
        scaling: `Scaling` for `inverse`; None is that of the sources.
        **kwargs: Arguments of `EpochDataset`, such as `workers`.

    Raises:
        ValueError: If an argument is wrong, or there is no candidate.

    Example:
    >>> crops = Crops(from_radar("radar/*.h5", "odim_hdf5"), 6, 12, (64, 64))
    >>> model.fit(crops, epochs=20, shuffle=False)

    Reference: Ravuri et al., 2021, https://doi.org/10.1038/s41586-021-03854-z
    """

    def __init__(
        self,
        sources: ArraySource | list[ArraySource] | list[Recording],
        context: int,
        horizon: int,
        image_shape: Sequence[int] = (128, 128),
        num_clips: int = 2000,
        batch_size: int = 16,
        stride: int = 1,
        teacher_forcing: bool = False,
        seed: int = 0,
        dry: float = 0.1,
        augment: bool = True,
        fixed: bool = False,
        scaling: Scaling | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.context = check_positive("context", context)
        self.horizon = check_positive("horizon", horizon)
        self.num_clips = check_positive("num_clips", num_clips)
        self.batch_size = check_positive("batch_size", batch_size)
        self.stride = check_positive("stride", stride)
        self.seed = check_count("seed", seed, 0)
        self.dry = dry = check_within("dry", dry, "[0, 1]")
        self.augment = check_boolean("augment", augment)
        self.fixed = check_boolean("fixed", fixed)
        self.teacher_forcing = check_boolean("teacher_forcing", teacher_forcing)
        check_scaling(scaling)
        image_shape = check_size("image_shape", image_shape)
        sources = sources if isinstance(sources, list) else [sources]
        _check_sources(sources, image_shape)
        self.sources, self.scaling = sources, scaling or sources[0].scaling
        self.image_shape = (*image_shape, sources[0].image_shape[2])
        self._step = tuple(max(1, size // CELLS) for size in image_shape)
        self._every, self._skip = _look(sources, (*image_shape, *self._step))
        self._hop = max(1, self._every // stride)
        self._candidates, weights = self._all_candidates()
        total = weights.sum()
        even = np.full(len(weights), 1 / len(weights))
        rainy = weights / total if total > 0 else even
        self.probabilities = (1 - dry) * rainy + dry * even
        self._cumulative = np.cumsum(self.probabilities)

    def batch(self, index: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `(x, y)`, float32 in [0, 1], NaN where a pixel is missing."""
        first = index * self.batch_size
        numbers = range(first, min(first + self.batch_size, self.num_clips))
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            clips = list(pool.map(lambda n: self.clip(n, epoch), numbers))
        return self._split_time(np.stack(clips))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the whole epoch as `(x, y)`, shaped like a batch."""
        batches = zip(*(self[i] for i in range(len(self))), strict=True)
        return tuple(map(np.concatenate, batches))

    def clip(self, number: int, epoch: int) -> np.ndarray:
        """Return crop `number` of an epoch with all its frames."""
        rng = np.random.default_rng(
            (self.seed, 0 if self.fixed else epoch, number)
        )
        draw = rng.random() * self._cumulative[-1]
        chosen = np.searchsorted(self._cumulative, draw, side="right")
        index, start, *corner = self._candidates[chosen].tolist()
        source, *size = self.sources[index], *self.image_shape[:2]
        if self._hop > 1:
            start = self._later(source, start, rng)
        free = np.subtract(source.image_shape[:2], size)
        corner = np.minimum(corner + rng.integers(0, self._step), free)
        rows, columns = (
            slice(a, a + n) for a, n in zip(corner, size, strict=True)
        )
        part = slice(start, start + self.context + self.horizon)
        frames = source.frames[part, rows, columns]
        frames = ArraySource(frames, scaling=source.scaling)
        frames = frames.pixels(0, len(frames))
        return _turned(frames, rng) if self.augment else frames

    def _later(self, source, start, rng):
        """Return a start from a candidate's to the next candidate's."""
        starts = clip_starts(
            source.segments, self.context + self.horizon, self.stride
        )
        place = np.searchsorted(starts, start) + rng.integers(self._hop)
        return int(starts[min(place, len(starts) - 1)])

    def _all_candidates(self):
        """Return (source, start, top, left) of all crops, and their weights."""
        length, size = self.context + self.horizon, self.image_shape[:2]
        found, weights = [], []
        for index, source in enumerate(self.sources):
            if max(stop - start for start, stop in source.segments) < length:
                continue
            means = _crop_means(
                source, size, self._step, self._every, self._skip
            )
            total = np.cumsum([*means], axis=0)
            total = np.concatenate([np.zeros_like(total[:1]), total])
            starts = clip_starts(source.segments, length, self.stride)
            starts = starts[:: self._hop]
            # The frames that were weighed, those of the clip or the one before.
            last = np.maximum(-(-(starts + length) // self._every), 1)
            first = np.minimum(-(-starts // self._every), last - 1)
            count = (last - first)[:, None, None, None]
            means = (total[last] - total[first]) / count
            weight, valid = means[:, 0], means[:, 1]
            kept = np.nonzero(valid >= LEAST_VALID)
            row, column = (
                n * i for n, i in zip(self._step, kept[1:], strict=True)
            )
            found.append(
                np.stack([0 * row + index, starts[kept[0]], row, column], 1)
            )
            weights.append(np.maximum(weight[kept], 0))  # it may round below 0
        if not sum(map(len, found)):
            raise ValueError(
                f"A crop needs {length} consecutive frames (context + horizon) "
                "and half of its pixels valid. Received: no such crop of "
                f"{size} pixels in {len(self.sources)} sources"
            )
        return np.concatenate(found), np.concatenate(weights)


def _check_sources(sources, image_shape):
    if not sources:
        raise refused("sources", "one `ArraySource` or more", sources)
    for source in sources:
        if not isinstance(source, ArraySource):
            raise TypeError(
                "`sources` must be `ArraySource`, as `data.from_arrays` and "
                f"the other readers give. Received: {source!r}"
            )
        same = source.scaling == sources[0].scaling
        if not same or source.image_shape[2] != sources[0].image_shape[2]:
            raise ValueError(
                "All sources must have the same scaling and channels. "
                f"Received: {source.scaling.get_config()} and "
                f"{sources[0].scaling.get_config()}, {source.image_shape} and "
                f"{sources[0].image_shape} pixels"
            )
        if np.any(np.less(source.image_shape[:2], image_shape)):
            raise ValueError(
                "`image_shape` must fit into the frames of all sources. "
                f"Received: image_shape={tuple(image_shape)} for frames of "
                f"{source.image_shape} pixels"
            )


def _look(sources, sizes):
    """Return n and k, to weigh each n-th frame by each k-th pixel."""
    lazy = [x.frames for x in sources if isinstance(x.frames, LazyFrames)]
    pixels = sum(math.prod(frames.shape) for frames in lazy)
    if pixels <= SMALL:
        return 1, 1
    skip = next(k for k in (4, 2, 1) if not any(size % k for size in sizes))
    (height, width), (down, right) = sizes[:2], sizes[2:]
    candidates = sum(
        len(frames)
        * ((frames.shape[1] - height) // down + 1)
        * ((frames.shape[2] - width) // right + 1)
        for frames in lazy
    )
    shares = pixels / MOST_READ, candidates / MOST_CANDIDATES
    return math.ceil(max(1, *shares)), skip


def _crop_means(source, size, step, every, skip):
    """Yield of each n-th frame the mean of x² and the valid share of crops."""
    size, step = ([x // skip for x in pair] for pair in (size, step))
    stops = [
        np.arange(n, side // skip + 1, d)
        for n, side, d in zip(size, source.image_shape, step, strict=False)
    ]
    for index in range(0, len(source), every):
        values = source.finite(index, index + 1)[0, ::skip, ::skip]
        pixels = source.scaling(values).astype("float32")
        valid = ~np.isnan(pixels)
        squares = np.where(valid, pixels, 0).astype("float64") ** 2
        fields = np.stack([squares, valid]).mean(axis=-1)
        total = np.pad(fields, ((0, 0), (1, 0), (1, 0)))
        total = total.cumsum(axis=1).cumsum(axis=2)
        low, high = (total[:, rows] for rows in (stops[0] - size[0], stops[0]))
        strip = high - low
        crops = strip[..., stops[1]] - strip[..., stops[1] - size[1]]
        yield crops / np.prod(size)


def _turned(frames, rng):
    """Return frames turned by a multiple of 90° and perhaps mirrored."""
    turns = int(rng.integers(4))
    if frames.shape[1] != frames.shape[2]:
        turns = 2 * (turns % 2)
    frames = np.rot90(frames, turns, axes=(1, 2))
    return frames[:, :, ::-1] if rng.integers(2) else frames
