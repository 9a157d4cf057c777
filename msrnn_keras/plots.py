"""Pictures of forecasts and of scores, as matplotlib figures."""

import numpy as np

MAX_COLUMNS = 10

_PANEL = 0.95
_GAP = 0.06
_MARGIN = 0.15
_LABELS = 0.85
_COLUMN_TITLE = 0.26
_BLOCK_GAP = 0.22
_COLOURBAR = 0.45
_CHARACTER = 0.11
_MISSING = "0.6"


def plot_forecast(past, future, forecast, interval=1, unit="frame", title=None):
    """Draw one forecast: input, truth, forecast and error, over time.

    At most ten frames are shown of the input and of the forecast each, evenly
    spaced. Every column carries its time relative to the last input frame.
    The error is forecast minus truth, averaged over the channels. Missing
    pixels (NaN) are grey.

    Args:
        past: Input frames of one clip, (time, height, width, channels), in
            [0, 1], with 1 channel or 3 (RGB).
        future: True frames after them, (horizon, height, width, channels), or
            None where they are not known.
        forecast: Forecast frames, of the same shape as `future`.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time. "frame" labels the columns t−1, t0,
            t+1; any other gives labels such as "+5 min".
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`; `figure.savefig(path)` writes it.

    Raises:
        ValueError: If a clip has a wrong shape, the clips do not fit each
            other, or `interval` is not positive.

    Example:
        >>> forecast = model.predict(past)
        >>> figure = plot_forecast(past[0], future[0], forecast[0])
        >>> figure.savefig("forecast.png")
    """
    past, future, forecast = check_clips(past, future, forecast)
    _check_interval(interval)
    ahead = _columns(len(forecast))
    rows = [("Forecast", forecast[ahead])]
    if future is not None:
        error = np.mean(np.clip(forecast, 0, 1) - future, axis=-1)[ahead]
        rows = [("Truth", future[ahead]), *rows, ("Error", error)]
    back = _columns(len(past))
    blocks = [
        (
            [_time(i + 1 - len(past), interval, unit) for i in back],
            [("Input", past[back])],
        ),
        ([_time(i + 1, interval, unit) for i in ahead], rows),
    ]
    return _draw_blocks(blocks, title)


def plot_curves(curves, ylabel, interval=1, unit="frame", title=None):
    """Draw a score over the lead time, one line per model.

    Args:
        curves: A dict from the name of each model to its score per lead time,
            such as `evaluate(...)["curves"]["mse"]`.
        ylabel: Name of the score.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no curve, a curve is empty or not of rank 1,
            or `interval` is not positive.

    Example:
        >>> figure = plot_curves({"model": [9.0, 12.0]}, ylabel="MSE")
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not curves:
        raise ValueError(
            f"`curves` needs one curve at least. Received: curves={curves}"
        )
    _check_interval(interval)
    figure = Figure(figsize=(6.0, 3.8), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        curve = np.asarray(curve, dtype="float64")
        if curve.ndim != 1 or len(curve) == 0:
            raise ValueError(
                "A curve is a list of numbers, one for each lead time. "
                f"Received: shape {curve.shape} for {name!r}"
            )
        times = interval * np.arange(1, len(curve) + 1)
        axes.plot(times, curve, marker="o", markersize=3.5, label=name)
    axes.set_xlabel(f"Lead time ({'frames' if unit == 'frame' else unit})")
    axes.set_ylabel(ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    if title:
        axes.set_title(title)
    return figure


def check_clips(past, future, forecast):
    """Check the three parts of one clip that is to be shown.

    Args:
        past: Frames, (time, height, width, channels), 1 or 3 channels.
        future: Frames of the same image shape, or None.
        forecast: Frames of the same image shape, as many as `future` has.

    Returns:
        The three as float arrays.

    Raises:
        ValueError: If a shape is wrong or they do not fit each other.
    """
    past = check_clip(past, "past")
    forecast = check_clip(forecast, "forecast")
    if past.shape[1:] != forecast.shape[1:]:
        raise ValueError(
            "`past` and `forecast` must have frames of one shape. Received: "
            f"shapes {past.shape} and {forecast.shape}"
        )
    if future is not None:
        future = check_clip(future, "future")
        if future.shape != forecast.shape:
            raise ValueError(
                "`future` and `forecast` must have the same shape. Received: "
                f"shapes {future.shape} and {forecast.shape}"
            )
    return past, future, forecast


def check_clip(frames, name):
    """Check one clip that is to be shown.

    Args:
        frames: Frames, (time, height, width, channels), floats in [0, 1].
        name: Name of the argument, for the message.

    Returns:
        The clip as a float array.

    Raises:
        ValueError: If it is not one clip of floats with 1 or 3 channels.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or 0 in frames.shape:
        raise ValueError(
            f"`{name}` must be one clip, (time, height, width, channels), "
            f"without a batch axis. Received: shape {frames.shape}"
        )
    if frames.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` needs 1 channel or 3 (RGB) to be shown; pass one "
            f"channel, such as {name}[..., :1]. "
            f"Received: {frames.shape[-1]} channels"
        )
    if not np.issubdtype(frames.dtype, np.floating):
        raise ValueError(
            f"`{name}` must hold floats in [0, 1]. "
            f"Received: dtype {frames.dtype}"
        )
    return frames


def _check_interval(interval):
    if not interval > 0:
        raise ValueError(
            f"`interval` must be positive. Received: interval={interval}"
        )


def _columns(length):
    """Pick at most ten frames, evenly spaced, the first and last included."""
    number = min(length, MAX_COLUMNS)
    return np.linspace(0, length - 1, number).round().astype(int)


def _time(step, interval, unit):
    """Label a frame by its time after the last input frame."""
    sign = "+" if step > 0 else "−" if step < 0 else ""
    number = f"{sign}{abs(step * interval):g}"
    return f"t{number}" if unit == "frame" else f"{number} {unit}"


def _draw_blocks(blocks, title):
    """Draw blocks of rows below each other; sizes are in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(times) for times, _ in blocks)
    image = blocks[0][1][0][1]
    panel_height = _PANEL * image.shape[1] / image.shape[2]
    row_count = sum(len(rows) for _, rows in blocks)
    header = 0.35 if title else 0.0
    width = 2 * _MARGIN + _LABELS + columns * (_PANEL + _GAP) + _COLOURBAR
    width = max(width, 2 * _MARGIN + _CHARACTER * len(title or ""))
    height = (
        2 * _MARGIN
        + header
        + len(blocks) * _COLUMN_TITLE
        + (len(blocks) - 1) * _BLOCK_GAP
        + row_count * (panel_height + _GAP)
    )
    figure = Figure(figsize=(width, height), dpi=150)
    FigureCanvasAgg(figure)
    if title:
        figure.text(
            _MARGIN / width,
            1 - _MARGIN / height,
            title,
            va="top",
            fontsize=11,
            fontweight="bold",
        )
    top = height - _MARGIN - header
    for times, rows in blocks:
        top -= _COLUMN_TITLE
        for index, (label, frames) in enumerate(rows):
            top -= panel_height
            place = (_MARGIN + _LABELS, top, _PANEL, panel_height)
            panels = _draw_row(figure, place, label, frames)
            if index == 0:
                for axes, time in zip(panels, times, strict=True):
                    axes.set_title(time, fontsize=9, pad=4)
            top -= _GAP
        top -= _BLOCK_GAP
    return figure


def _draw_row(figure, place, label, frames):
    """Draw the frames of one row; those of rank 3 are signed errors."""
    left, bottom, width, height = place
    size = figure.get_size_inches()
    signed = frames.ndim == 3
    style = {"cmap": _colormap("RdBu_r" if signed else "gray")}
    style.update(vmin=-1 if signed else 0, vmax=1)
    panels = []
    for index, frame in enumerate(frames):
        x = left + index * (width + _GAP)
        axes = figure.add_axes(
            (x / size[0], bottom / size[1], width / size[0], height / size[1])
        )
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color="0.6", linewidth=0.6)
        picture = axes.imshow(_picture(frame), aspect="auto", **style)
        panels.append(axes)
    panels[0].set_ylabel(
        label, rotation=0, ha="right", va="center", fontsize=10, labelpad=6
    )
    if signed:
        x += width + 2 * _GAP
        bar = figure.add_axes(
            (x / size[0], bottom / size[1], 0.09 / size[0], height / size[1])
        )
        figure.colorbar(picture, cax=bar, ticks=[-1, 0, 1])
        bar.set_yticklabels(["−1", "0", "+1"])
        bar.tick_params(labelsize=8, length=2)
    return panels


def _colormap(name):
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=_MISSING)


def _picture(frame):
    """Turn a frame into what `imshow` takes."""
    if frame.ndim == 2:
        return frame
    if frame.shape[-1] == 1:
        return frame[..., 0]
    missing = np.isnan(frame)
    return np.where(missing, float(_MISSING), np.clip(frame, 0, 1))
