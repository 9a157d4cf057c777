"""Animations of forecasts as GIF and MP4 files."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from msrnn_keras.plots.clips import check_clip, check_clips
from msrnn_keras.plots.colors import error_style, gray_style, style_of, to_rgb
from msrnn_keras.plots.times import check_above_0
from msrnn_keras.utils.checks import check_positive
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_folder, write_atomically
from msrnn_keras.utils.typing import PathLike

CONTEXT_COLOR = (0.25, 0.55, 0.95)
FORECAST_COLOR = (0.95, 0.55, 0.10)
ERROR_LIMITS = {"gray": 1.0, "rain": 10.0}  # rain: mm/h

_BORDER = 3


def forecast_frames(
    past: npt.ArrayLike,
    future: npt.ArrayLike | None,
    forecast: npt.ArrayLike | dict[str, Any],
    scale: int = 4,
    colors: Literal["gray", "rain"] = "gray",
    error_limit: float | None = None,
) -> np.ndarray:
    """Compose the frames of an animation: ground truth, forecast and error.

    The panels are side by side: the truth, the forecasts, and their errors as
    in `plot_errors`, or forecasts alone without `future`. Borders are blue
    during the input and orange during the forecast.

    Args:
        past: Input frames of one clip, as in `plot_forecast`.
        future: As in `plot_forecast`.
        forecast: As in `plot_forecast`.
        scale: Each pixel becomes `scale` x `scale` pixels.
        colors: "gray": frames in [0, 1], forecasts clipped to that; "rain":
            mm/h, in the colors of `msrnn_keras.plots.RAIN_COLORS`.
        error_limit: Error of full color. None is 1, or 10 mm/h of rain.

    Returns:
        Float array (context + horizon, height, width of all panels, 3).

    Raises:
        ValueError: If shapes do not match, or `scale` or `colors` is invalid.

    Example:
        >>> frames = forecast_frames(past[0], future[0], forecast[0])
        >>> save_animation("forecast.gif", frames)
    """
    past, future, forecasts = check_clips(past, future, forecast)
    check_positive("scale", scale)
    style = style_of(colors)
    errors = error_style(error_limit or ERROR_LIMITS[colors])
    if colors == "gray":
        forecasts = {k: np.clip(v, 0.0, 1.0) for k, v in forecasts.items()}
    shown = [] if future is None else [future]
    clips = [np.concatenate([past, x]) for x in (*shown, *forecasts.values())]
    panels = [to_rgb(clip, style) for clip in clips]
    if future is not None:
        white = np.ones((*past.shape[:3], 3))
        for frames in forecasts.values():
            error = np.mean(frames - future, axis=-1, keepdims=True)
            panels.append(np.concatenate([white, to_rgb(error, errors)]))
    panels = [_frame_panel(_enlarge(x, scale), len(past)) for x in panels]
    return np.concatenate(panels, axis=2)


def save_animation(
    path: PathLike, frames: npt.ArrayLike, fps: float = 5, scale: int = 1
) -> None:
    """Write frames as a GIF or MP4 file, depending on the suffix.

    The file is written atomically. Missing pixels (NaN) are violet-gray.

    Args:
        path: Path with the suffix `.gif` (an endless loop) or `.mp4` (H.264,
            not exact; odd sides repeat the last row or column).
        frames: Frames, (time, height, width, channels), floats in [0, 1],
            with 1 channel or 3 (RGB). Values outside are clipped.
        fps: Frames per second, for a GIF at most 50 (times in 10 ms).
        scale: Each pixel becomes `scale` x `scale` pixels.

    Raises:
        ValueError: If the suffix or an argument is invalid.
        FileNotFoundError, ImportError: If the folder or `video` is missing.

    Example:
        >>> save_animation("clip.mp4", past[0], fps=10, scale=4)
    """
    writers = {".gif": save_gif, ".mp4": _save_mp4}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise ValueError(
            f"The suffix of the file must be one of {', '.join(writers)}. "
            f"Received: {str(path)!r}"
        )
    writers[suffix](path, frames, fps, scale)


def save_gif(
    path: PathLike, frames: npt.ArrayLike, fps: float = 5, scale: int = 1
) -> None:
    """Write frames as a GIF file in an endless loop.

    Consecutive equal frames are stored as one longer frame.

    Args:
        path: Path of the file, with any suffix.
        frames: As in `save_animation`.
        fps: As in `save_animation`.
        scale: As in `save_animation`.

    Raises:
        ValueError, FileNotFoundError: As in `save_animation`.

    Example:
        >>> save_gif("clip.gif", past[0], scale=4)
    """
    from PIL import Image

    if not 0 < fps <= 50:
        raise ValueError(
            f"`fps` must be above 0 and at most 50. Received: fps={fps}"
        )
    pixels = _pixels(frames, scale)
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    # Rounding start times, not durations, keeps errors from adding up.
    starts = np.round(np.arange(len(pixels) + 1) * 100 / fps).astype(int)
    duration = [10 * int(length) for length in np.diff(starts)]
    first, *others = map(Image.fromarray, pixels)
    options = {"save_all": True, "append_images": others, "loop": 0}
    options |= {"format": "GIF", "duration": duration}
    check_folder(path)
    write_atomically(path, lambda part: first.save(part, **options))


def _save_mp4(path, frames, fps, scale):
    require("av", "video")  # imageio's plugin
    imageio = require("imageio.v3", "video")
    check_above_0("fps", fps)
    pixels = _pixels(frames, scale)
    # H.264 stores one color for 2×2 pixels.
    odd = [(0, 0), *((0, side % 2) for side in pixels.shape[1:3]), (0, 0)]
    pixels = np.pad(pixels, odd, mode="edge")
    options = {"plugin": "pyav", "codec": "libx264", "fps": float(fps)}
    check_folder(path)
    write_atomically(
        path, lambda part: imageio.imwrite(part, pixels, **options)
    )


def _pixels(frames, scale):
    """Return enlarged frames (time, height, width, 3) of uint8."""
    frames = check_clip(frames, "frames")
    check_positive("scale", scale)
    colors = to_rgb(np.clip(frames, 0.0, 1.0), gray_style())
    return _enlarge(np.round(255 * colors).astype("uint8"), scale)


def _enlarge(frames, scale):
    return frames.repeat(scale, axis=1).repeat(scale, axis=2)


def _frame_panel(panel, context):
    time, height, width, _ = panel.shape
    framed = np.empty((time, height + 2 * _BORDER, width + 2 * _BORDER, 3))
    framed[:context] = CONTEXT_COLOR
    framed[context:] = FORECAST_COLOR
    framed[:, _BORDER:-_BORDER, _BORDER:-_BORDER] = panel
    return framed
