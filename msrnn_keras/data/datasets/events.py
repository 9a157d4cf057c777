"""Events, such as rainy days, of several sizes: their crops and windows."""

import hashlib
import itertools
from collections.abc import Sequence

import numpy as np

from msrnn_keras.data.clips import Clips
from msrnn_keras.data.crops import Crops
from msrnn_keras.data.datasets.cache import cached_array, file_digest
from msrnn_keras.data.scaling import MinMax, RainRate, Scaling
from msrnn_keras.data.sources import ArraySource, Source

INTERVAL = 300.0  # seconds
DBZ = MinMax(0, 60, unit="dBZ")
SCALING = RainRate(a=200, b=1.6, low=0, high=60, least=7)
STRIDE = 2  # frames between the starts of windows of whole frames
CROP = (128, 128)  # pixels


class Events(Source):
    """Events of several sizes as one source.

    Args:
        events: List of `ArraySource`. `read` and `pixels` pad smaller ones at
            the end with NaN to the size of the largest. Interval, scaling and
            channels must be the same.
        scaling: `Scaling` from the units of `read` to pixels; None is that of
            the events.
    """

    def __init__(
        self, events: Sequence[ArraySource], scaling: Scaling | None = None
    ) -> None:
        self.events, first = events, events[0]
        for event in events:
            if _kind(event) != _kind(first):
                raise ValueError(
                    "All recordings must have the same interval in seconds, "
                    "channels and scaling. Received: "
                    f"{_kind(first)} and {_kind(event)}"
                )
        self.interval, self.scaling = first.interval, scaling or first.scaling
        sizes = [event.image_shape for event in events]
        self.image_shape = tuple(map(max, zip(*sizes, strict=True)))
        times = [event.times for event in events]
        known = all(x is not None for x in times)
        self.times = np.concatenate(times) if known else None
        lengths = (len(event.frames) for event in events)
        self._starts = [0, *itertools.accumulate(lengths)]
        self.segments = [
            (first + start, first + stop)
            for first, event in zip(self._starts, events, strict=False)
            for start, stop in event.segments
        ]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1`, in the range of the scaling."""
        return self.scaling.inverse(self.pixels(start, stop))

    def pixels(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1` as pixels."""
        frames = np.full((stop - start, *self.image_shape), np.nan, "float32")
        edges = itertools.pairwise(self._starts)
        for (first, end), event in zip(edges, self.events, strict=True):
            low, high = max(start, first), min(stop, end)
            if low < high:
                height, width, _ = event.image_shape
                part = frames[low - start : high - start, :height, :width]
                part[:] = event.pixels(low - first, high - first)
        return frames


def load_events(
    events,
    split,
    image_shape=None,
    moving=False,
    stride=None,
    shuffle=None,
    num_clips=None,
    cache=None,
    **settings,
):
    """Return crops of `Events` for training, or clips of whole frames.

    Training, and validation with an `image_shape`, are `Crops` of
    `image_shape`, 128×128 pixels by default; those of validation are the same
    in every epoch. Else all windows of whole frames come in order, one every
    other frame (`stride=2`). With `moving`, each window is first moved to its
    present by `moved`, every other frame too.
    """
    cropped = split == "train" or image_shape is not None
    if (image_shape is not None and split == "test") or (shuffle and cropped):
        raise ValueError(
            "Crops have no `shuffle`, and the test split consists of whole "
            f"frames. Received: {split=}, {image_shape=}, {shuffle=}"
        )
    if moving:
        sizes = settings["context"], settings["horizon"]
        events, stride = moved(events, *sizes, stride or STRIDE, cache), 1
    if not cropped:
        settings |= {"num_clips": num_clips, "shuffle": bool(shuffle)}
        clips = Clips(events, stride=stride or STRIDE, **settings)
        clips.moving = moving
        return clips
    if num_clips is not None:
        settings["num_clips"] = num_clips
    crops = Crops(
        events.events,
        image_shape=CROP if image_shape is None else image_shape,
        stride=stride or 1,
        augment=split == "train",
        fixed=split != "train",
        scaling=events.scaling,
        **settings,
    )
    crops.moving = moving
    return crops


def moved(events, context, horizon, stride, cache):
    """Return all windows of `Events` in the moving frame of their present.

    `to_moving_frame` moves the past and future frames of each window to its
    last past frame, which takes seconds, once: the result is kept in the folder
    `cache`. A window is a segment of its own.
    """
    from msrnn_keras.utils import motion

    length, result = context + horizon, []
    for event in events.events:
        starts = [
            start
            for first, stop in event.segments
            for start in range(first, stop - length + 1, stride)
        ]
        if not starts:
            continue

        def move(event=event, starts=starts):
            windows = (event.pixels(start, start + length) for start in starts)
            moving = (motion.to_moving_frame(x, context) for x in windows)
            return np.concatenate([stored(x) for x in moving])

        key = f"{context} {horizon} {starts} {file_digest(motion.__file__)} "
        key += f"{event.frames.shape} {event.frames.dtype} {_kind(event)}"
        digest = hashlib.sha256()
        for index in range(len(event.frames)):
            digest.update(np.asarray(event.frames[index]).tobytes())
        digest.update(key.encode())
        name = f"moving-{digest.hexdigest()[:16]}.npy"
        frames = cached_array(cache / name, move)
        times = event.times
        if times is not None:
            parts = [times[start : start + length] for start in starts]
            times = np.concatenate(parts)
        edges = range(0, length * len(starts) + 1, length)
        segments = list(itertools.pairwise(edges))
        result.append(ArraySource(frames, segments, DBZ, event.interval, times))
    if not result:
        raise ValueError(
            "No event has enough frames for a window. "
            f"Received: context={context}, horizon={horizon}"
        )
    return Events(result, events.scaling)


def stored(pixels):
    """Return x as dBZ in float16, in which 7, 20 and 30 dBZ are exact."""
    return DBZ.inverse(pixels).astype("float16")


def _kind(event):
    """Return what the events of a source share."""
    scaling = event.scaling
    name, config = type(scaling).__name__, scaling.get_config()
    return event.interval, event.image_shape[2], name, config
