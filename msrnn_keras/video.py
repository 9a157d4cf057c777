"""Animations of forecasts, as GIF files."""

from pathlib import Path

import numpy as np

from msrnn_keras.files import write_atomically
from msrnn_keras.plots import check_clip, check_clips

CONTEXT_COLOUR = (0.25, 0.55, 0.95)
FORECAST_COLOUR = (0.95, 0.55, 0.10)
MISSING_COLOUR = (0.35, 0.30, 0.45)

_BORDER = 3


def forecast_frames(past, future, forecast, scale=4):
    """Compose the frames of an animation: truth, forecast and error.

    The panels stand side by side: the truth, the forecast, and the error
    averaged over the channels (red where the forecast is too high, blue where
    it is too low). Without `future` only the forecast is shown. While the
    input runs, truth and forecast both show it and the borders are blue;
    during the forecast the borders are orange. Missing pixels (NaN) are
    violet-grey.

    Args:
        past: Input frames of one clip, (context, height, width, channels), in
            [0, 1], with 1 channel or 3 (RGB).
        future: True frames after them, (horizon, height, width, channels), or
            None where they are not known.
        forecast: Forecast frames, of the same shape as `future`.
        scale: Each pixel becomes `scale` x `scale` pixels.

    Returns:
        A float array (context + horizon, panel height, width of all panels,
        3), for `save_gif`.

    Raises:
        ValueError: If a clip has a wrong shape, the clips do not fit each
            other, or `scale` is not a positive integer.

    Example:
        >>> forecast = model.predict(past)
        >>> frames = forecast_frames(past[0], future[0], forecast[0])
        >>> save_gif("forecast.gif", frames)
    """
    past, future, forecast = check_clips(past, future, forecast)
    _check_scale(scale)
    forecast = np.clip(forecast, 0.0, 1.0)
    panels = [_colour(np.concatenate([past, forecast]))]
    if future is not None:
        error = np.ones((*past.shape[:3], 3))
        error = np.concatenate([error, _colour_error(forecast - future)])
        panels = [_colour(np.concatenate([past, future])), *panels, error]
    panels = [_enlarge(panel, scale) for panel in panels]
    return np.concatenate(
        [_frame_panel(panel, len(past)) for panel in panels], axis=2
    )


def save_gif(path, frames, fps=5, scale=1):
    """Write frames as a GIF file that repeats for ever.

    The file appears under its name only when it is complete. Equal frames
    that follow each other are stored as one that lasts as long.

    Args:
        path: Path of the file.
        frames: Frames, (time, height, width, channels), floats in [0, 1],
            with 1 channel or 3 (RGB). Values outside are clipped.
        fps: Frames per second, up to 50. GIF files count time in 10 ms, so
            the duration of a frame is rounded to that.
        scale: Each pixel becomes `scale` x `scale` pixels.

    Raises:
        ValueError: If the frames have a wrong shape or hold NaN, `fps` is not
            in (0, 50], or `scale` is not a positive integer.
        FileNotFoundError: If the folder of `path` does not exist.

    Example:
        >>> save_gif("clip.gif", past[0], scale=4)
    """
    from PIL import Image

    frames = check_clip(frames, "frames")
    _check_scale(scale)
    if not 0 < fps <= 50:
        raise ValueError(
            f"`fps` must be above 0 and at most 50. Received: fps={fps}"
        )
    if np.isnan(frames).any():
        raise ValueError(
            "`frames` must not hold NaN; replace missing pixels first. "
            f"Received: {np.isnan(frames).sum()} NaN"
        )
    pixels = np.round(255 * np.clip(frames, 0.0, 1.0)).astype("uint8")
    pixels = _enlarge(pixels, scale)
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    first, *rest = [Image.fromarray(frame) for frame in pixels]
    duration = 10 * round(100 / fps)
    _write(path, first, append_images=rest, duration=duration)


def _write(path, image, **options):
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            "The folder of `path` does not exist; create it first. "
            f"Received: path={str(path)!r}"
        )
    write_atomically(
        path,
        lambda part: image.save(
            part, format="GIF", save_all=True, loop=0, **options
        ),
    )


def _check_scale(scale):
    if not isinstance(scale, int) or scale < 1:
        raise ValueError(
            f"`scale` must be a positive integer. Received: scale={scale}"
        )


def _enlarge(frames, scale):
    return frames.repeat(scale, axis=1).repeat(scale, axis=2)


def _colour(frames):
    """Turn frames into RGB, missing pixels into their colour."""
    missing = np.isnan(frames).any(axis=-1, keepdims=True)
    frames = np.broadcast_to(frames, frames.shape[:3] + (3,))
    return np.where(missing, MISSING_COLOUR, np.clip(frames, 0.0, 1.0))


def _colour_error(error):
    """Turn errors into RGB: red above zero, blue below, white at zero."""
    error = error.mean(axis=-1)
    above, below = np.maximum(error, 0.0), np.maximum(-error, 0.0)
    colours = np.stack([1 - below, 1 - np.abs(error), 1 - above], axis=-1)
    missing = np.isnan(error)[..., None]
    return np.where(missing, MISSING_COLOUR, colours)


def _frame_panel(panel, context):
    """Put a border around the panel that tells input from forecast."""
    time, height, width, _ = panel.shape
    shape = (time, height + 2 * _BORDER, width + 2 * _BORDER, 3)
    framed = np.empty(shape)
    framed[:context] = CONTEXT_COLOUR
    framed[context:] = FORECAST_COLOUR
    framed[:, _BORDER:-_BORDER, _BORDER:-_BORDER] = panel
    return framed
