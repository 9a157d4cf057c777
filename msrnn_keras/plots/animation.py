"""Animations of forecasts, as GIF and MP4 files."""

from pathlib import Path

import numpy as np

from msrnn_keras.plots.clips import check_clip, check_clips, check_forecasts
from msrnn_keras.plots.colors import error_style, gray_style, style_of, to_rgb
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_folder, write_atomically

CONTEXT_COLOR = (0.25, 0.55, 0.95)
FORECAST_COLOR = (0.95, 0.55, 0.10)
ERROR_LIMITS = {"gray": 1.0, "rain": 10.0}  # rain: mm/h

_BORDER = 3


def forecast_frames(
    past, future, forecast, scale=4, colors="gray", error_limit=None
):
    """Compose the frames of an animation: truth, forecast and error.

    The panels stand side by side: the truth, the forecasts, and their errors
    averaged over the channels (red where the forecast is too high, blue where
    it is too low). Without `future` only the forecasts are shown. While the
    input runs, truth and forecast both show it and the borders are blue;
    during the forecast the borders are orange. Missing pixels (NaN) are
    violet-gray, beside rain light gray.

    Args:
        past: Input frames of one clip, (context, height, width, channels),
            with 1 channel or 3 (RGB).
        future: True frames after them, (horizon, height, width, channels), or
            None where they are not known.
        forecast: Forecast frames, of the same shape as `future`, or a dict
            from the name of each model to its forecast.
        scale: Each pixel becomes `scale` x `scale` pixels.
        colors: "gray": frames in [0, 1], forecasts clipped to that; "rain":
            mm/h, in the colors of `msrnn_keras.plots.RAIN_COLORS`.
        error_limit: Error of full color. None is 1, or 10 mm/h of rain.

    Returns:
        A float array (context + horizon, panel height, width of all panels,
        3), for `save_animation`.

    Raises:
        ValueError: If a clip has a wrong shape, the clips do not fit each
            other, `scale` is not a positive integer, or `colors` is unknown.

    Example:
        >>> forecast = model.predict(past)
        >>> frames = forecast_frames(past[0], future[0], forecast[0])
        >>> save_animation("forecast.gif", frames)
    """
    future, forecasts = check_forecasts(future, forecast)
    for frames in forecasts.values():
        past, _, _ = check_clips(past, future, frames)
    _check_scale(scale)
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
    panels = [_enlarge(panel, scale) for panel in panels]
    return np.concatenate(
        [_frame_panel(panel, len(past)) for panel in panels], axis=2
    )


def save_animation(path, frames, fps=5, scale=1):
    """Write frames as an animation, in the form that the ending names.

    The file appears under its name only when it is complete. Missing pixels
    (NaN) are violet-gray.

    Args:
        path: Path ending in `.gif`, repeated for ever, or `.mp4` (H.264, which
            needs the extra `video`; its sides are made even by repeating the
            last row or column, and its colors are not exact).
        frames: Frames, (time, height, width, channels), floats in [0, 1],
            with 1 channel or 3 (RGB). Values outside are clipped.
        fps: Frames per second; of a GIF up to 50. GIF files count time in
            10 ms, so the duration of a frame is rounded to that.
        scale: Each pixel becomes `scale` x `scale` pixels.

    Raises:
        ValueError: If the ending is another one, the frames have a wrong
            shape, `fps` is out of its range, or `scale` is not a positive
            integer.
        FileNotFoundError: If the folder of `path` does not exist.
        ImportError: If the extra `video` is needed and missing.

    Example:
        >>> save_animation("clip.mp4", past[0], fps=10, scale=4)
    """
    endings = {".gif": save_gif, ".mp4": _save_mp4}
    suffix = Path(path).suffix.lower()
    if suffix not in endings:
        raise ValueError(
            f"The file must end in one of {', '.join(endings)}. "
            f"Received: {str(path)!r}"
        )
    endings[suffix](path, frames, fps, scale)


def save_gif(path, frames, fps=5, scale=1):
    """Write frames as a GIF file that repeats for ever.

    Equal frames that follow each other are stored as one that lasts as long.

    Args:
        path: Path of the file, whatever its ending.
        frames: As of `save_animation`.
        fps: Frames per second, up to 50.
        scale: Each pixel becomes `scale` x `scale` pixels.

    Raises:
        ValueError: If the frames have a wrong shape, `fps` is not in (0, 50],
            or `scale` is not a positive integer.
        FileNotFoundError: If the folder of `path` does not exist.

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
    # The times at which frames begin are rounded, so errors do not add up.
    starts = np.round(np.arange(len(pixels) + 1) * 100 / fps).astype(int)
    duration = [10 * int(length) for length in np.diff(starts)]
    images = [Image.fromarray(image) for image in pixels]
    check_folder(path)
    write_atomically(
        path,
        lambda part: images[0].save(
            part,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=duration,
            loop=0,
        ),
    )


def _save_mp4(path, frames, fps, scale):
    require("av", "video")  # what imageio writes with
    imageio = require("imageio.v3", "video")
    if not fps > 0:
        raise ValueError(f"`fps` must be above 0. Received: fps={fps}")
    pixels = _pixels(frames, scale)
    # H.264 stores colors for two by two pixels.
    odd = [(0, 0), *((0, side % 2) for side in pixels.shape[1:3]), (0, 0)]
    pixels = np.pad(pixels, odd, mode="edge")
    check_folder(path)
    write_atomically(
        path,
        lambda part: imageio.imwrite(
            part, pixels, plugin="pyav", codec="libx264", fps=float(fps)
        ),
    )


def _pixels(frames, scale):
    """Frames as (time, height, width, 3) of uint8, enlarged."""
    frames = check_clip(frames, "frames")
    _check_scale(scale)
    colors = to_rgb(np.clip(frames, 0.0, 1.0), gray_style())
    return _enlarge(np.round(255 * colors).astype("uint8"), scale)


def _check_scale(scale):
    if not isinstance(scale, int) or scale < 1:
        raise ValueError(
            f"`scale` must be a positive integer. Received: scale={scale}"
        )


def _enlarge(frames, scale):
    return frames.repeat(scale, axis=1).repeat(scale, axis=2)


def _frame_panel(panel, context):
    """Put a border around the panel that tells input from forecast."""
    time, height, width, _ = panel.shape
    shape = (time, height + 2 * _BORDER, width + 2 * _BORDER, 3)
    framed = np.empty(shape)
    framed[:context] = CONTEXT_COLOR
    framed[context:] = FORECAST_COLOR
    framed[:, _BORDER:-_BORDER, _BORDER:-_BORDER] = panel
    return framed
