"""What the page shows of a comparison: frames to step through, and scores."""

import base64
import html
import io

import numpy as np

from msrnn_keras import plots
from msrnn_keras.data.io.orientation import north_up
from msrnn_keras.plots.animation import ERROR_LIMITS
from msrnn_keras.plots.clips import in_units
from msrnn_keras.plots.colors import error_style, style_of, to_rgb
from msrnn_keras.plots.times import time_label
from msrnn_keras.report import names
from msrnn_keras.report.headline import headline

_MINUTE = 60  # seconds


def time_step(comparison):
    """Return the interval and the unit of time of lead times."""
    seconds = comparison.interval
    if seconds is None:
        return 1, "frame"
    if seconds < _MINUTE:
        return seconds, "s"
    return seconds / _MINUTE, "min"


def frames_of(comparison, recording):
    """Return past, truth and forecasts as they are drawn, and their colors."""
    colors = "rain" if comparison.rain else "gray"
    scaling = comparison.scaling if comparison.rain else None

    def drawn(frames):
        return north_up(recording, in_units(frames, scaling))

    truth = None if comparison.truth is None else drawn(comparison.truth)
    forecasts = {k: drawn(x) for k, x in comparison.forecasts.items()}
    return drawn(comparison.past), truth, forecasts, colors


def viewer(comparison, recording):
    """Return the HTML of all frames; the script of the page steps through it.

    Each panel is one image of all frames, one below the other. The variable
    `--step` of the style chooses the frame.
    """
    past, truth, forecasts, colors = frames_of(comparison, recording)
    steps = len(past) + len(next(iter(forecasts.values())))
    labels = [
        time_label(step, *time_step(comparison))
        for step in range(1 - len(past), steps - len(past) + 1)
    ]
    ratio = f"{past.shape[2]} / {past.shape[1]}"
    rows = []
    for name, frames in forecasts.items():
        panels = _panels(past, truth, frames, colors)
        cells = "".join(_panel(*x, ratio, name) for x in panels.items())
        title = html.escape(name)
        rows.append(f'<h3>{title}</h3><div class="panels">{cells}</div>')
    start = len(past)
    return (
        f'<div class="viewer" data-past="{start}" style="--step: {start}; '
        f'--steps: {steps}" data-labels="{"|".join(labels)}">'
        '<div class="controls">'
        '<button type="button" class="play">Play</button>'
        f'<input type="range" class="frame" aria-label="Frame" min="0" '
        f'max="{steps - 1}" value="{start}">'
        f'<output class="time">forecast {labels[start]}</output></div>'
        f"{''.join(rows)}{_legend(truth, colors)}</div>"
    )


def _panels(past, truth, forecast, colors):
    """Return the panels of a row: title -> all frames in RGB."""
    style = style_of(colors)
    if truth is None:
        joined = np.concatenate([past, forecast])
        return {"Past, then forecast": to_rgb(joined, style)}
    white = np.ones((*past.shape[:3], 3))
    error = np.mean(forecast - truth, axis=-1, keepdims=True)
    error = to_rgb(error, error_style(ERROR_LIMITS[colors]))
    return {
        "Truth": to_rgb(np.concatenate([past, truth]), style),
        "Forecast": to_rgb(np.concatenate([past, forecast]), style),
        "Error": np.concatenate([white, error]),
    }


def _panel(title, frames, ratio, name):
    pixels = np.round(255 * frames).astype("uint8")
    source = _source(pixels.reshape(-1, *pixels.shape[2:]))
    label = html.escape(f"{title}, {name}", quote=True)
    return (
        f'<figure><figcaption>{title}</figcaption><div class="panel" '
        f'role="img" aria-label="{label}" style="aspect-ratio: {ratio}; '
        f"background-image: url('{source}')\"></div></figure>"
    )


def _source(pixels):
    """Return an image as a data URI."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return _uri(buffer)


def _uri(buffer):
    text = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/png;base64,{text}"


def _legend(truth, colors):
    parts = ["Blue border: past. Orange: forecast."]
    if truth is not None:
        limit = ERROR_LIMITS[colors]
        units = " mm/h" if colors == "rain" else ""
        parts.append(
            f"Error: red is too high, blue too low, full color ±{limit:g}"
            f"{units}."
        )
        if np.isnan(truth).any():
            parts.append("Violet or gray: no data.")
    if colors == "rain":
        classes = zip(plots.RAIN_LEVELS, plots.RAIN_COLORS, strict=True)
        swatches = "".join(
            f'<span><i style="background: {color}"></i>{level:g}</span>'
            for level, color in classes
        )
        parts.append(f'<span class="classes">mm/h from: {swatches}</span>')
    return f'<p class="legend">{" ".join(parts)}</p>'


def summary(comparison, note):
    """Return the HTML of the result in words."""
    title = "Forecast"
    if comparison.scores:
        title = headline(comparison.scores)
    else:
        note += " The truth is unknown, so that there are no scores."
    return f"<h2>{html.escape(title)}</h2><p>{html.escape(note)}</p>"


def scores(comparison):
    """Return the HTML of the scores: a table, and the MSE by lead time."""
    if not comparison.scores:
        return ""
    table = f'<div class="wide">{_table(comparison)}</div>'
    return f'<div class="scores">{table}{_curve(comparison)}</div>'


def _table(comparison):
    rows = {name: x["forecast"] for name, x in comparison.scores.items()}
    keys = [k for k in next(iter(rows.values())) if names.direction(k)]
    keys = [k for k in keys if not k.endswith("_unclipped")]
    arrows = {1: " ↑", -1: " ↓"}
    heads = "".join(
        f"<th>{names.score_label(key)}{arrows[names.direction(key)]}</th>"
        for key in keys
    )
    best = {k: names.best(k, [row[k] for row in rows.values()]) for k in keys}
    body = ""
    for name, row in rows.items():
        cells = "".join(
            f"<td{' class=best' if row[k] == best[k] else ''}>"
            f"{names.score_text(k, row[k])}</td>"
            for k in keys
        )
        body += f"<tr><th>{html.escape(name)}</th>{cells}</tr>"
    return f"<table><tr><th>Mean</th>{heads}</tr>{body}</table>"


def _curve(comparison):
    lines = {k: x["curves"]["mse"] for k, x in comparison.scores.items()}
    figure = plots.plot_curves(lines, "MSE", *time_step(comparison))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return f'<img alt="MSE by lead time" src="{_uri(buffer)}">'
