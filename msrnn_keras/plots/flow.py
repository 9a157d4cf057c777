"""Motion as arrows over a frame."""

import math

import numpy as np

from msrnn_keras.plots.clips import check_clip
from msrnn_keras.plots.colors import style_of
from msrnn_keras.plots.grid import GAP
from msrnn_keras.plots.panels import (
    KEY_WIDTH,
    MARGIN,
    add_axes,
    draw_frame,
    draw_key,
)

_ALONG = 5  # panels in a row
_PANEL = 1.9
_ONE_PANEL = 3.6
_TITLE = 0.24
_KEY = 0.34
# Colors of the arrows and of their edges.
_ARROWS = {"gray": ("#f76707", "none"), "rain": ("black", "white")}


def plot_flow(
    flow, frame=None, arrows=16, colors="gray", title=None, magnify=None
):
    """Draw motion as arrows over a frame, one panel per flow field.

    An arrow begins where the motion is given and points where the content
    goes. The key tells its length.

    Args:
        flow: Array (height, width, 2) or (links, height, width, 2): motion
            along the width (x, to the right) and along the height (y,
            downwards), in pixels of the frame per frame. It may be coarser
            than the frame and covers the whole of it. NaN draws no arrow.
        frame: Frame below the arrows, (height, width, channels) with 1
            channel or 3, or None.
        arrows: Integer, arrows along the longer side, at most.
        colors: "gray", for frames in [0, 1], or "rain", for mm/h.
        title: Title of the figure.
        magnify: Number the arrows are lengthened by. None makes the long ones
            reach the next arrow.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a shape is wrong, `arrows` or `magnify` is not positive
            or `colors` is unknown.

    Example:
        >>> flows = model_flow(model, past[0])
        >>> figure = plot_flow(flows["layer_0"], past[0, -1])
    """
    flow = _check_flow(flow)
    if frame is None:
        frame = np.ones((*flow.shape[1:3], 1))
    frame = check_clip(np.asarray(frame)[None], "frame")[0]
    if not arrows >= 1:
        raise ValueError(
            f"`arrows` must be 1 or more. Received: arrows={arrows}"
        )
    if magnify is not None and not magnify > 0:
        raise ValueError(
            f"`magnify` must be positive. Received: magnify={magnify}"
        )
    x, y, flow, spacing = _thinned_out(flow, frame.shape, arrows)
    if magnify is None:
        magnify = _magnification(flow, spacing)
    style = style_of(colors)
    figure, panels = _panels(len(flow), frame.shape, title)
    for index, (axes, field) in enumerate(zip(panels, flow, strict=True)):
        draw_frame(axes, frame, style)
        # To the pixels' edges, however far the arrows reach.
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
        quiver = _draw_arrows(axes, x, y, field, magnify, colors)
        if len(flow) > 1:
            axes.set_title(f"link {index}", fontsize=9, pad=3)
    _draw_key(figure, quiver, spacing / magnify)
    if np.isnan(frame).any():
        left = figure.get_size_inches()[0] - MARGIN - KEY_WIDTH
        draw_key(figure, style, left)
    return figure


def _check_flow(flow):
    flow = np.asarray(flow, dtype="float64")
    if flow.ndim == 3:
        flow = flow[None]
    if flow.ndim != 4 or flow.shape[-1] != 2 or 0 in flow.shape:
        raise ValueError(
            "`flow` must be (height, width, 2) or (links, height, width, 2). "
            f"Received: shape {flow.shape}"
        )
    return flow


def _thinned_out(flow, shape, arrows):
    """Positions in pixels of the frame, the flow there, their spacing."""
    height, width = flow.shape[1:3]
    step = math.ceil(max(height, width) / arrows)
    rows = np.arange(step // 2, height, step)
    columns = np.arange(step // 2, width, step)
    x = (columns + 0.5) * shape[1] / width - 0.5
    y = (rows + 0.5) * shape[0] / height - 0.5
    return x, y, flow[:, rows][:, :, columns], step * shape[1] / width


def _draw_arrows(axes, x, y, flow, magnify, colors):
    u, v = np.ma.masked_invalid(np.moveaxis(flow, -1, 0))
    inside, edge = _ARROWS[colors]
    return axes.quiver(
        x,
        y,
        u,
        v,
        angles="xy",
        scale_units="xy",
        scale=1 / magnify,
        width=0.009,
        color=inside,
        edgecolor=edge,
        linewidth=0.5,
    )


def _magnification(flow, spacing):
    lengths = np.hypot(flow[..., 0], flow[..., 1])
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    return spacing / np.percentile(lengths, 95) if len(lengths) else 1.0


def _panels(number, shape, title):
    """A figure with the axes of all flow fields."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = _ONE_PANEL if number == 1 else _PANEL
    height = side * shape[0] / shape[1]
    name = _TITLE if number > 1 else GAP
    columns, lines = min(number, _ALONG), math.ceil(number / _ALONG)
    header = 0.3 if title else 0.0
    width = 2 * MARGIN + columns * (side + GAP)
    width = max(width, 2 * MARGIN + 0.11 * len(title or ""))
    full = 2 * MARGIN + header + _KEY + lines * (height + name)
    figure = Figure(figsize=(width, full), dpi=150)
    FigureCanvasAgg(figure)
    if title:
        style = {"va": "top", "fontsize": 11, "fontweight": "bold"}
        place = (MARGIN / width, 1 - MARGIN / full)
        figure.text(*place, title, parse_math=False, **style)
    axes = []
    for index in range(number):
        line, column = divmod(index, _ALONG)
        bottom = full - MARGIN - header - (line + 1) * (height + name)
        left = MARGIN + column * (side + GAP)
        axes.append(add_axes(figure, (left, bottom, side, height)))
    return figure, axes


def _draw_key(figure, quiver, length):
    """An arrow of a round length, no longer than the spacing of arrows."""
    rounded = float(f"{length:.0e}")
    width, height = figure.get_size_inches()
    quiver.axes.quiverkey(
        quiver,
        0.4 / width,
        (MARGIN + 0.08) / height,
        rounded,
        f"{rounded:g} pixels per frame",
        coordinates="figure",
        labelpos="E",
        labelsep=0.08,
        fontproperties={"size": 8},
    )
