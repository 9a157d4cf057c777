"""Files of a forecast that a visitor downloads."""

import pathlib
import shutil
import tempfile
import time

from msrnn_keras.app.pictures import frames_of, time_step
from msrnn_keras.data.io.write import write_forecast
from msrnn_keras.plots import save_gif
from msrnn_keras.plots.labels import labeled_frames

_PANEL_PIXELS = 192  # approximate width of a panel of the animation
_ARRAYS = ".npz", ".nc"
_PREFIX = "result-"
HOUR = 3600  # seconds for which files are kept


def write_files(comparison, recording, folder):
    """Write each forecast as npz and NetCDF, and all of them as one GIF.

    Files that were written there more than an hour ago are removed.

    Args:
        comparison: `Comparison`.
        recording: `Recording` of the past.
        folder: Folder in which a new one is made.

    Returns:
        List of paths, as text.
    """
    for old in pathlib.Path(folder).glob(f"{_PREFIX}*"):
        if time.time() - old.stat().st_mtime > HOUR:
            shutil.rmtree(old, ignore_errors=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    paths = []
    for name, forecast in comparison.forecasts.items():
        stem = name.strip("./").replace("/", "-")
        past, future = comparison.past[None], forecast[None]
        for suffix in _ARRAYS:
            path = folder / f"{stem}{suffix}"
            write_forecast(path, [recording], past, future)
            paths.append(path)
    past, truth, forecasts, colors = frames_of(comparison, recording)
    frames = labeled_frames(
        past,
        truth,
        forecasts,
        *time_step(comparison),
        scale=max(1, _PANEL_PIXELS // past.shape[2]),
        colors=colors,
    )
    paths.append(folder / "forecast.gif")
    save_gif(paths[-1], frames)
    return [str(path) for path in paths]
