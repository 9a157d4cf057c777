"""Animations with labels: what a panel shows, and the lead time."""

import pathlib

import numpy as np

from msrnn_keras.plots.animation import forecast_frames
from msrnn_keras.plots.clips import check_clips
from msrnn_keras.plots.times import time_label

_FONT_SIZE = 15  # pixels
_STRIP = 22  # height of a line of text, pixels
_MARGIN = 4


def labeled_frames(
    past,
    future,
    forecast,
    interval=1,
    unit="frame",
    scale=4,
    colors="gray",
    error_limit=None,
):
    """Compose the frames of an animation with labels and the lead time.

    Each forecast has a row of panels, as of `forecast_frames`, with its labels
    above: past or truth, the forecast, and its error.

    Args:
        past: As in `forecast_frames`.
        future: As in `forecast_frames`.
        forecast: As in `forecast_frames`.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        scale: As in `forecast_frames`.
        colors: As in `forecast_frames`.
        error_limit: As in `forecast_frames`.

    Returns:
        Float array (context + horizon, height, width, 3).

    Raises:
        ValueError: As in `forecast_frames`.

    Example:
        >>> frames = labeled_frames(past[0], future[0], forecast[0])
        >>> save_animation("forecast.gif", frames)
    """
    past, future, forecasts = check_clips(past, future, forecast)
    horizon = len(next(iter(forecasts.values())))
    steps = range(1 - len(past), horizon + 1)
    times = [time_label(step, interval, unit) for step in steps]
    options = (scale, colors, error_limit)
    rows = []
    for name, frames in forecasts.items():
        row = forecast_frames(past, future, {name: frames}, *options)
        names = [_panel_names(name, step, future) for step in steps]
        rows += [_strips(names, row.shape[2]), row]
    times = [
        [f"{_state(step)} {x}"] for step, x in zip(steps, times, strict=True)
    ]
    return np.concatenate([_strips(times, rows[1].shape[2]), *rows], axis=1)


def _state(step):
    return "input" if step <= 0 else "forecast"


def _panel_names(name, step, future):
    """Return the names of the panels of a row at a step."""
    if future is None:
        return ["past" if step <= 0 else name]
    if step <= 0:
        return ["past", "past", ""]
    return ["truth", name, "error"]


def _strips(texts, width):
    """Return a strip with texts side by side for each frame."""
    drawn = {}
    for parts in map(tuple, texts):
        if parts not in drawn:
            drawn[parts] = _strip(parts, width)
    return np.stack([drawn[tuple(parts)] for parts in texts])


def _strip(parts, width):
    """Draw texts side by side in black on white."""
    from PIL import Image, ImageDraw

    font = _font()
    image = Image.new("L", (width, _STRIP), 255)
    draw = ImageDraw.Draw(image)
    column = width // len(parts)
    for index, text in enumerate(parts):
        text = _fitted(text, column - 2 * _MARGIN, font)
        place = (index * column + _MARGIN, _STRIP // 2)
        draw.text(place, text, fill=0, font=font, anchor="lm")
    gray = np.asarray(image, "float64") / 255
    return np.repeat(gray[..., None], 3, axis=-1)


def _fitted(text, width, font):
    """Return a text that fits a width, shortened by an ellipsis."""
    short = text
    while short and font.getlength(short) > width:
        text = text[:-1]
        short = f"{text}…" if text else ""
    return short


def _font():
    """Return the font of matplotlib's figures."""
    import matplotlib
    from PIL import ImageFont

    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(folder / "DejaVuSans.ttf", _FONT_SIZE)
