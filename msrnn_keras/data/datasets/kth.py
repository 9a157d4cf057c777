"""KTH actions: gray videos of people who walk, jog, run, box, clap and wave."""

import bisect
import itertools
import pathlib
import re

import keras
import numpy as np

from msrnn_keras.data.datasets.cache import cached_array, data_home, file_digest
from msrnn_keras.data.datasets.kth_files import LISTING, download, find_video
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.sources import Source
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.extras import require

ACTIONS = (
    "boxing",
    "handclapping",
    "handwaving",
    "jogging",
    "running",
    "walking",
)
MOVING = ("walking", "jogging", "running")
PERSONS = {
    "train": range(1, 15),
    "validation": range(15, 17),
    "test": range(17, 26),
}
# Published cut off: 304 of its 370 frames can be decoded.
CUT_OFF = {"person01_boxing_d4": 304}

_LINE = re.compile(r"(person\d\d_[a-z]+_d\d)\b\s*(.*)", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")


class KTH(Source):
    """Frames with a person in view, 25 a second, as gray values 0 to 255.

    Each range of frames in `00sequences.txt` is one row of frames. Training
    is persons 1 to 14, validation 15 and 16, test 17 to 25. The videos are
    decoded and resized once; later they are read from the cache.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of the folder with `00sequences.txt` and the AVI files,
            beside it or in one folder for each action; None downloads them.
        size: Integer, height and width, pixels.
        actions: Tuple of strings, of `ACTIONS`.
        cache: Path of the folder for the decoded videos; None is
            `datasets/kth` in the Keras home. All six actions at 128×128
            pixels take 5 GB.

    Raises:
        FileNotFoundError: If a file is missing and cannot be downloaded.
        OSError: If a video cannot be decoded, or ends too early.
        ValueError: If an argument or `00sequences.txt` is not of that form.
        ImportError: If PyAV is not installed.

    Example:
    >>> clips = Clips(KTH("test", "KTH/"), context=10, horizon=20)

    Reference:
        Schuldt et al., "Recognizing human actions: a local SVM approach",
        2004, https://doi.org/10.1109/ICPR.2004.1334462
    """

    interval = 1 / 25
    scaling = MinMax(0, 255)

    def __init__(self, split, path=None, size=128, actions=ACTIONS, cache=None):
        check_positive("size", size)
        unknown = sorted(set(actions) - set(ACTIONS))
        if unknown or not actions:
            raise ValueError(
                f"`actions` must be some of {', '.join(ACTIONS)}. "
                f"Received: actions={actions}"
            )
        folder = download(actions) if path is None else path
        folder = pathlib.Path(folder).expanduser()
        self.image_shape = (size, size, 1)
        videos = _videos(folder / LISTING, PERSONS[split], actions)
        self._rows = []  # of each segment: array file, first frame
        lengths = []
        decoded = _decode_all(folder, videos, size, data_home("kth", cache))
        for (_, ranges), array in zip(videos.items(), decoded, strict=True):
            self._rows += [(array, start) for start, _ in ranges]
            lengths += [stop - start for start, stop in ranges]
        self._starts = [0, *itertools.accumulate(lengths)]
        self.segments = list(itertools.pairwise(self._starts))

    def read(self, start, stop):
        parts = []
        while start < stop:
            row = bisect.bisect_right(self._starts, start) - 1
            file, first = self._rows[row]
            begin, end = self.segments[row]
            until = min(stop, end)
            shift = first - begin
            frames = np.load(file, mmap_mode="r", allow_pickle=False)
            parts.append(frames[start + shift : until + shift])
            start = until
        return np.concatenate(parts).astype("float32")[..., None]


def parse_sequences(text):
    """The frames with a person in view, of each video.

    Args:
        text: String, the contents of `00sequences.txt`: lines such as
            `person01_boxing_d1 frames 1-95, 96-185`, frames counted from 1,
            the last one included, or `person13_handclapping_d3 *missing*`.
            Other lines are passed over.

    Returns:
        Dict, name of the video to list of `(start, stop)`, counted from 0,
        `stop` not included. Videos said to be missing are left out.

    Raises:
        ValueError: If a line has another form, or there is none.

    Example:
    >>> parse_sequences("person01_boxing_d1  frames  1-95, 96-185")
    {'person01_boxing_d1': [(0, 95), (95, 185)]}
    """
    videos = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.match(line.strip())
        if match is None or "missing" in match[2].lower():
            continue
        ranges = [(int(a) - 1, int(b)) for a, b in _RANGE.findall(match[2])]
        rest = _RANGE.sub("", match[2]).replace(",", " ").split()
        known = not rest or [word.lower() for word in rest] == ["frames"]
        name = match[1].lower()
        rising = all(0 <= start < stop for start, stop in ranges)
        if not ranges or not known or not rising or name in videos:
            raise ValueError(
                f"Line {number} of {LISTING} must be such as "
                "'person01_boxing_d1 frames 1-95, 96-185', once for each "
                f"video. Received: {line.strip()!r}"
            )
        videos[name] = ranges
    if not videos:
        raise ValueError(
            f"{LISTING} must hold lines such as 'person01_boxing_d1 frames "
            f"1-95, 96-185'. Received: {len(text)} characters without one"
        )
    return videos


def _videos(listing, persons, actions):
    """What the listing says of the videos of some persons and actions."""
    if not listing.is_file():
        raise FileNotFoundError(
            f"`path` must be a folder with {LISTING} and the AVI files of KTH. "
            f"Received: {str(listing.parent)!r}"
        )
    videos = parse_sequences(listing.read_text("utf-8", errors="replace"))
    chosen = {}
    for name, ranges in videos.items():
        person, action, _ = name.split("_")
        if int(person[len("person") :]) in persons and action in actions:
            end = CUT_OFF.get(name, np.inf)
            ranges = [(a, min(b, end)) for a, b in ranges if a < end]
            chosen[name] = ranges
    if not chosen:
        raise ValueError(
            f"{LISTING} must name videos of persons {persons[0]} to "
            f"{persons[-1]} with actions {', '.join(actions)}. "
            f"Received: {str(listing)!r}"
        )
    return chosen


def _decode_all(folder, videos, size, cache):
    """The array files of the videos; makes those that are not there."""
    files = {name: find_video(folder, name) for name in videos}
    arrays = {
        name: cache / f"{size}x{size}" / f"{name}-{file_digest(file)}.npy"
        for name, file in files.items()
    }
    missing = sum(not array.is_file() for array in arrays.values())
    bar = keras.utils.Progbar(missing, unit_name="video") if missing else None
    for name, array in arrays.items():
        new = not array.is_file()
        frames = cached_array(array, lambda n=name: decode(files[n], size))
        last = max((stop for _, stop in videos[name]), default=0)
        if len(frames) < last:
            raise OSError(
                f"The video must have {last} frames, as {LISTING} says; it may "
                f"be cut off. Received: {len(frames)} in {str(files[name])!r}"
            )
        if new:
            bar.add(1)
    return list(arrays.values())


def decode(path, size):
    """All frames of a video, gray and square.

    Args:
        path: Path of the video. What comes after a damaged place is left out.
        size: Integer, height and width to resize to, pixels.

    Returns:
        uint8 array `(frames, size, size)`, 0 black and 255 white.

    Raises:
        OSError: If no frame can be decoded.
        ImportError: If PyAV is not installed.

    Example:
    >>> frames = decode("person01_boxing_d1_uncomp.avi", size=128)
    """
    from PIL import Image

    av = require("av", "video")
    frames, reason = [], "no frame in it"
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                image = Image.fromarray(frame.to_ndarray(format="gray"))
                image = image.resize((size, size), Image.Resampling.BILINEAR)
                frames.append(np.asarray(image))
    except (av.error.FFmpegError, IndexError, OSError) as error:
        reason = error
    if not frames:
        raise OSError(
            f"The video cannot be decoded ({reason}). Received: {str(path)!r}"
        )
    return np.stack(frames)
