"""KTH actions: gray videos of people who walk, jog, run, box, clap or wave."""

import bisect
import functools
import itertools
import pathlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence

import numpy as np

from msrnn_keras.data.datasets.cache import cached_array, data_home, file_digest
from msrnn_keras.data.scaling import MinMax
from msrnn_keras.data.sources import Source
from msrnn_keras.utils.arguments import check_path, check_positive
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.fetching import fetch
from msrnn_keras.utils.progress import Progress
from msrnn_keras.utils.typing import PathLike, Split

ADDRESS = "http://www.csc.kth.se/cvap/actions/"
LISTING = "00sequences.txt"
MOVING = ("walking", "jogging", "running")
ACTIONS = ("boxing", "handclapping", "handwaving", *sorted(MOVING))
PERSONS = {
    "train": range(1, 15),
    "validation": range(15, 17),
    "test": range(17, 26),
}
# Published incomplete: only 304 of its 370 frames can be decoded.
CUT_OFF = {"person01_boxing_d4": 304}

_LINE = re.compile(r"(person\d\d_[a-z]+_d\d)\b\s*(.*)", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")


class KTH(Source):
    """Frames with a person in view, 25 per second, as gray values 0 to 255.

    Each range of frames in `00sequences.txt` is one segment. Training uses
    persons 1 to 14, validation 15 and 16, test 17 to 25.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: Path of the folder with `00sequences.txt` and the AVI files, or a
            subfolder for each action; None downloads them.
        size: Integer, height and width, pixels.
        actions: Tuple of strings, a subset of `ACTIONS`.
        cache: Path of the folder for the decoded videos (5 GB at 128×128
            pixels); None is `datasets/kth` in the Keras home.

    Raises:
        OSError, ImportError: If a video or PyAV is missing, or it is damaged.
        ValueError: If an argument or `00sequences.txt` has another form.

    Example:
    >>> clips = Clips(KTH("test", "KTH/"), context=10, horizon=20)

    Reference: Schuldt et al., 2004, https://doi.org/10.1109/ICPR.2004.1334462
    """

    interval = 1 / 25
    scaling = MinMax(0, 255)

    def __init__(
        self,
        split: Split,
        path: PathLike | None = None,
        size: int = 128,
        actions: Sequence[str] = ACTIONS,
        cache: PathLike | None = None,
    ) -> None:
        size = check_positive("size", size)
        unknown = sorted(set(actions) - set(ACTIONS))
        if unknown or not actions:
            raise ValueError(
                f"`actions` must be a subset of {', '.join(ACTIONS)}. "
                f"Received: actions={actions}"
            )
        folder = download(actions) if path is None else path
        folder = check_path("path", folder)
        self.image_shape = (size, size, 1)
        videos = _videos(folder / LISTING, PERSONS[split], actions)
        self._rows = []  # array file and first frame of each segment
        lengths = []
        decoded = _decode_all(folder, videos, size, data_home("kth", cache))
        for ranges, array in zip(videos.values(), decoded, strict=True):
            self._rows += [(array, start) for start, _ in ranges]
            lengths += [stop - start for start, stop in ranges]
        self._starts = [0, *itertools.accumulate(lengths)]
        self.segments = list(itertools.pairwise(self._starts))

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames `start` to `stop - 1` as gray values 0 to 255."""
        parts = []
        while start < stop:
            row = bisect.bisect_right(self._starts, start) - 1
            file, first = self._rows[row]
            begin, end = self.segments[row]
            until = min(stop, end)
            frames = np.load(file, mmap_mode="r", allow_pickle=False)
            parts.append(frames[first:][start - begin : until - begin])
            start = until
        return np.concatenate(parts).astype("float32")[..., None]


def parse_sequences(text):
    """Parse `00sequences.txt` into a dict of videos with their frame ranges."""
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
                "'person01_boxing_d1 frames 1-95, 96-185', once per video. "
                f"Received: {line.strip()!r}"
            )
        videos[name] = ranges
    if not videos:
        raise ValueError(
            f"{LISTING} must contain lines such as 'person01_boxing_d1 frames "
            f"1-95, 96-185'. Received: {len(text)} characters without one"
        )
    return videos


def _videos(listing, persons, actions):
    """Return the frame ranges of the videos of some persons and actions."""
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
            chosen[name] = [(a, min(b, end)) for a, b in ranges if a < end]
    if not chosen:
        raise ValueError(
            f"{LISTING} must list videos of persons {persons[0]} to "
            f"{persons[-1]} with actions {', '.join(actions)}. "
            f"Received: {str(listing)!r}"
        )
    return chosen


def _decode_all(folder, videos, size, cache):
    """Return the array files of the videos; decode those not in the cache."""
    cache = cache / f"{size}x{size}"
    files = {name: _find_video(folder, name) for name in videos}
    arrays = [cache / f"{k}-{file_digest(f)}.npy" for k, f in files.items()]
    missing = [array for array in arrays if not array.is_file()]
    with Progress("decoding", len(missing), "videos") as progress:
        for (name, file), array in zip(files.items(), arrays, strict=True):
            frames = cached_array(array, functools.partial(decode, file, size))
            last = max((stop for _, stop in videos[name]), default=0)
            if len(frames) < last:
                raise OSError(
                    f"The video must have {last} frames, as {LISTING} states; "
                    f"it may be cut off. Received: {len(frames)} in "
                    f"{str(file)!r}"
                )
            if array in missing:
                progress.update(missing.index(array) + 1)
    return arrays


def decode(path, size):
    """Decode a video to gray uint8 frames `(frames, size, size)`."""
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


def download(actions):
    """Download and unpack the videos of some actions; return the folder."""
    folder = data_home("kth")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LISTING, *(f"{action}.zip" for action in actions)):
        path, url = folder / name, ADDRESS + name
        if path.is_file() or path.with_suffix("").is_dir():
            continue
        try:
            fetch(url, path)
        except OSError as error:
            raise FileNotFoundError(
                f"{ADDRESS}{name} cannot be downloaded ({error}). Put "
                f"{LISTING} and the folders of AVI files {', '.join(actions)} "
                "into a folder and pass it as `path`. "
                f"Received: path=None, no {name} in {str(folder)!r}"
            ) from error
    for action in actions:
        _unpack(folder / f"{action}.zip")
    return folder


def _unpack(archive):
    """Unpack an archive into a folder of its name, completely or not at all."""
    folder = archive.with_suffix("")
    if folder.is_dir():
        return
    temporary = pathlib.Path(tempfile.mkdtemp(dir=archive.parent))
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(temporary)
        temporary.rename(folder)
    except zipfile.BadZipFile as error:
        raise OSError(
            f"The archive is damaged ({error}); delete it to download it "
            f"again. Received: {str(archive)!r}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _find_video(folder, name):
    """Return the AVI file of a video, in a folder or in that of its action."""
    file = f"{name}_uncomp.avi"
    action = name.split("_")[1]
    for place in (folder, folder / action):
        if (place / file).is_file():
            return place / file
    raise FileNotFoundError(
        f"{LISTING} lists a video that is missing: {file} must be in the "
        f"folder or in its subfolder {action}. Received: {str(folder)!r}"
    )
