"""Motion as arrows on a frame."""

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from msrnn_keras.plots import grid
from msrnn_keras.plots.clips import check_clip
from msrnn_keras.plots.colors import style_of
from msrnn_keras.plots.times import check_above_0

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 5  # panels in a row
_PANEL = 1.9
_ONE_PANEL = 3.6
_TITLE = 0.24
_KEY = 0.34
# Colors of arrows and their edges.
_ARROWS = {"gray": ("#f76707", "none"), "rain": ("black", "white")}


def plot_flow(
    flow: npt.ArrayLike,
    frame: npt.ArrayLike | None = None,
    arrows: int = 16,
    colors: Literal["gray", "rain"] = "gray",
    title: str | None = None,
    magnify: float | None = None,
) -> "Figure":
    """Draw motion as arrows on a frame, one panel per flow field.

    An arrow starts at its pixel and points where the content moves.

    Args:
        flow: Array ([links, ]height, width, 2): motion to the right and down,
            pixels of the frame per time step. It may be coarser than the frame.
        frame: Frame of 1 or 3 channels, (height, width, channels), or None.
        arrows: Integer, most arrows along the longer side.
        colors: "gray", for frames in [0, 1], or "rain", for mm/h.
        title: Title of the figure.
        magnify: Factor of the arrows' length; None lets them just not overlap.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a shape or an option is invalid.

    Example:
        >>> flow = model_flow(model, past[0])["layer_0"]
        >>> figure = plot_flow(flow, past[0, -1])
    """
    flow = _check_flow(flow)
    if frame is None:
        frame = np.ones((*flow.shape[1:3], 1))
    frame = check_clip(np.asarray(frame)[None], "frame")[0]
    if not arrows >= 1:
        raise ValueError(
            f"`arrows` must be 1 or more. Received: arrows={arrows}"
        )
    x, y, flow, spacing = _thinned_out(flow, frame.shape, arrows)
    if magnify is None:
        magnify = _magnification(flow, spacing)
    check_above_0("magnify", magnify)
    style = style_of(colors)
    figure, panels = _panels(len(flow), frame.shape, title)
    for index, (axes, field) in enumerate(zip(panels, flow, strict=True)):
        grid.draw_frame(axes, frame, style)
        # Arrows must not extend the axes.
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
        quiver = _draw_arrows(axes, x, y, field, magnify, colors)
        if len(flow) > 1:
            axes.set_title(f"link {index}", fontsize=9, pad=3)
    _draw_key(figure, quiver, spacing / magnify)
    if np.isnan(frame).any():
        width, _ = figure.get_size_inches()
        grid.draw_key(figure, style, width - grid.MARGIN - grid.KEY_WIDTH)
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
    """Return positions in pixels of the frame, their flow and spacing."""
    height, width = flow.shape[1:3]
    step = math.ceil(max(height, width) / arrows)
    rows = np.arange(step // 2, height, step)
    columns = np.arange(step // 2, width, step)
    x = (columns + 0.5) * shape[1] / width - 0.5
    y = (rows + 0.5) * shape[0] / height - 0.5
    return x, y, flow[:, rows][:, :, columns], step * shape[1] / width


def _draw_arrows(axes, x, y, flow, magnify, colors):
    motion = np.ma.masked_invalid(np.moveaxis(flow, -1, 0))
    inside, edge = _ARROWS[colors]
    units = {"angles": "xy", "scale_units": "xy", "scale": 1 / magnify}
    style = {"color": inside, "edgecolor": edge, "linewidth": 0.5}
    return axes.quiver(x, y, *motion, width=0.009, **units, **style)


def _magnification(flow, spacing):
    lengths = np.hypot(flow[..., 0], flow[..., 1])
    lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
    return spacing / np.percentile(lengths, 95) if len(lengths) else 1.0


def _panels(number, shape, title):
    side = _ONE_PANEL if number == 1 else _PANEL
    height = side * shape[0] / shape[1]
    name = _TITLE if number > 1 else grid.GAP
    columns, lines = min(number, _COLUMNS), math.ceil(number / _COLUMNS)
    header = 0.3 if title else 0.0
    width = 2 * grid.MARGIN + columns * (side + grid.GAP)
    width = max(width, 2 * grid.MARGIN + 0.11 * len(title or ""))
    full = 2 * grid.MARGIN + header + _KEY + lines * (height + name)
    figure = grid.new_figure(width, full)
    grid.draw_title(figure, title)
    axes = []
    for index in range(number):
        line, column = divmod(index, _COLUMNS)
        bottom = full - grid.MARGIN - header - (line + 1) * (height + name)
        left = grid.MARGIN + column * (side + grid.GAP)
        axes.append(grid.add_axes(figure, (left, bottom, side, height)))
    return figure, axes


def _draw_key(figure, quiver, length):
    rounded = float(f"{length:.0e}")
    width, height = figure.get_size_inches()
    place = (0.4 / width, (grid.MARGIN + 0.08) / height)
    label = f"{rounded:g} pixels per frame"
    style = {"labelpos": "E", "labelsep": 0.08, "fontproperties": {"size": 8}}
    quiver.axes.quiverkey(
        quiver, *place, rounded, label, coordinates="figure", **style
    )
