"""Forecast again whenever a file arrives in a folder."""

import contextlib
import glob
import pathlib
from time import sleep

import numpy as np

from msrnn_keras.cli.prediction import forecast_recordings
from msrnn_keras.data.converting import as_trained
from msrnn_keras.data.io import stores
from msrnn_keras.data.io.images import natural
from msrnn_keras.data.io.radar_times import file_times
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.data.io.write import check_writable, write_forecast
from msrnn_keras.models.clock import Clock, as_interval, as_time, seconds
from msrnn_keras.utils.checks import check_positive

FORMATS = ("nc", "zarr", "tif", "npz", "npy", "png", "gif", "mp4")
SUFFIXES = (*(x for x in stores.SUFFIXES if x != ".zarr"), ".npz", ".npy")


class Arrivals:
    """The last frames of a folder whose files arrive one by one.

    Args:
        source: Path of the folder, or a pattern of files.
        read: Function from a path to the recordings of that file.
        count: Integer, frames to keep.
        interval: Number, seconds between two frames; None is that of the first
            two.
        pattern: String, the time in file names, for files without times.
        suffixes: Tuple of the suffixes to read; empty for all.
        fill: Number, the value of missing frames; None is NaN.
        log: Function that takes a line about a file.
    """

    def __init__(
        self,
        source,
        read,
        count,
        interval=None,
        pattern=None,
        suffixes=(),
        fill=None,
        log=print,
    ):
        check_positive("last", count)
        self._source, self._read, self._count = source, read, count
        self._pattern, self._suffixes, self._fill = pattern, suffixes, fill
        self._log = log
        interval = None if interval is None else as_interval(interval)
        self._clock = Clock(interval)
        self._frames, self._last = [], None
        self._settled, self._before, self._named = {}, None, set()

    def scan(self):
        """Read what is new; return whether there is a new frame.

        A file is read once two scans find it unchanged, in the first scan at
        once. A broken one is tried in each scan until a newer frame arrives.
        """
        found, before = self._files(), self._before
        if before is None:  # older ones are not needed
            first = dict(list(found.items())[: -self._count])
            self._settled, before = first, found
        new, self._before, broken = False, found, []
        for path, signature in found.items():
            if self._settled.get(path) == signature:
                continue
            if before.get(path) != signature:
                continue  # it may still be written
            try:
                recording, moment = self._frame(path)
            except (ValueError, OSError) as error:
                broken.append(path)
                if path not in self._named:
                    self._named.add(path)
                    self._log(f"{path.name} is broken so far: {_line(error)}")
                continue
            self._settled[path] = signature
            try:
                self._add(recording, moment)
            except ValueError as error:
                self._log(f"{path.name} is skipped: {_line(error)}")
                continue
            for other in broken:
                self._settled[other] = found[other]
                self._log(f"{other.name} counts as missing")
            new, broken = True, []
        return new

    def recording(self):
        """Return the `Recording` of the last frames; refuse too few."""
        if len(self._frames) < self._count:
            raise ValueError(
                f"A forecast needs {self._count} frames. "
                f"Received: {len(self._frames)}"
            )
        interval, last = self._clock.interval, self._last
        times = None
        if interval is not None:
            steps = np.arange(1 - self._count, 1)
            times = self._clock.last + steps * interval
        return Recording(
            np.concatenate(self._frames),
            None,
            last.scaling,
            interval and seconds(interval),
            times,
            coordinates=last.coordinates,
            unit=last.unit,
            metadata=last.metadata,
        )

    @property
    def time(self):
        """The time of the last frame, `numpy.datetime64`."""
        return self._clock.last

    def _files(self):
        """Return what identifies the state of each file, in order of names."""
        source = pathlib.Path(self._source)
        found = source.iterdir() if source.is_dir() else glob.glob(str(source))
        files = {}
        for path in sorted(map(pathlib.Path, found), key=natural):
            kind = not self._suffixes or path.suffix.lower() in self._suffixes
            if path.name[0] == "." or not kind:
                continue
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                state = path.stat()
                if path.is_file():
                    files[path] = state.st_size, state.st_mtime_ns
        return files

    def _frame(self, path):
        """Return the recording of a file and the time of its only frame."""
        recordings = self._read(path)
        if len(recordings) != 1 or len(recordings[0]) != 1:
            frames = sum(map(len, recordings))
            raise ValueError(
                f"Each file must have one frame. Received: {frames} frames"
            )
        (recording,), last = recordings, self._last
        # The file may be removed or written again.
        recording.frames = np.array(recording.frames)
        if recording.coordinates is not None:
            recording.coordinates.load()
        if last is not None and (
            recording.image_shape != last.image_shape
            or recording.scaling != last.scaling
        ):
            raise ValueError(
                "All files must have the same size and unit, "
                f"{last.image_shape} in {last.unit!r}. Received: "
                f"{recording.image_shape} in {recording.unit!r}"
            )
        times = recording.times
        if times is None:
            times = file_times([path], self._pattern)
        if times is None:
            raise ValueError(
                "The time must be in the file or its name, as YYYYMMDDHHMM or "
                f"as in --pattern. Received: {path.name!r}"
            )
        return recording, as_time(np.asarray(times)[0])

    def _add(self, recording, moment):
        """Add the newest frame, and missing ones before it."""
        clock, gap = self._clock.after(moment)
        missed = 0
        if gap:
            passed = moment - self._clock.last
            missed = round(passed / self._clock.interval) - 1
        frames = recording.read(0, 1)
        if missed >= self._count:
            self._frames, missed = [], 0
        if missed:
            value = np.nan if self._fill is None else self._fill
            empty = np.full_like(frames, value)
            self._frames += [empty] * missed
            last = self._clock.last.astype("M8[s]")
            self._log(f"{missed} missing frame(s) after {last}")
        self._frames = [*self._frames, frames][-self._count :]
        self._clock, self._last = clock, recording


def follow(model, arrivals, out, options, log, limit=None):
    """Forecast after each new frame; return the number of forecasts.

    Args:
        model: `Forecaster`.
        arrivals: `Arrivals`.
        out: Path of the folder of the forecasts, named after the time of the
            last frame, as `20200601T121500.nc`.
        options: Namespace of the options of `msrnn predict`.
        log: Function that takes a line.
        limit: Integer, forecasts after which to end, or None.
    """
    count = 0
    while True:
        if arrivals.scan():
            try:
                recording = arrivals.recording()
                recording = as_trained(recording, model, options.grid_step)
                name = str(arrivals.time.astype("M8[s]"))
                name = name.replace("-", "").replace(":", "")
                path = pathlib.Path(out) / f"{name}.{options.format}"
                past, forecast = forecast_recordings(
                    model,
                    [recording],
                    options.horizon,
                    len(recording),
                    options.matched,
                    options.members,
                    options.seed,
                )
                chosen = options.fps, options.unit
                write_forecast(path, [recording], past, forecast, *chosen)
            except ValueError as error:
                if options.once:
                    raise
                log(f"no forecast: {_line(error)}")
            else:
                count += 1
                print(
                    f"Wrote {forecast.shape[-4]} frames to {path}.", flush=True
                )
        elif options.once:
            raise ValueError(
                "The folder must have readable files. "
                f"Received: none in {options.input!r}"
            )
        if options.once or count == limit:
            return count
        sleep(options.poll)


def check_options(options):
    """Refuse options that do not fit `--follow`; make the output folder."""
    source, out = pathlib.Path(options.input), pathlib.Path(options.out)
    folder = source if source.is_dir() else source.parent
    if not folder.is_dir() or source.is_file():
        raise ValueError(
            "--follow takes a folder, or a pattern of files. "
            f"Received: {options.input!r}"
        )
    if out.exists() and out.samefile(folder):
        raise ValueError(
            "The forecasts must not be written among the inputs. "
            f"Received: {options.out!r}"
        )
    if options.format not in FORMATS:
        raise ValueError(
            f"--format takes one of {', '.join(FORMATS)}. "
            f"Received: {options.format}"
        )
    if not options.poll > 0:
        raise ValueError(
            "--poll takes a positive number of seconds. "
            f"Received: {options.poll}"
        )
    if options.max_forecasts is not None:
        check_positive("max_forecasts", options.max_forecasts)
    out.mkdir(exist_ok=True)
    name = out / f"name.{options.format}"
    check_writable(name, None, options.fps, options.unit, options.members)


def _line(error):
    return " ".join(str(error).split())
