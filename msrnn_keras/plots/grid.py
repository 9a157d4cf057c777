"""Grids of frames: rows of panels, labels and color bars, in inches."""

import textwrap
from typing import Any, NamedTuple

import numpy as np

from msrnn_keras.plots.bars import bar_height, bar_width, draw_bars
from msrnn_keras.plots.colors import Style
from msrnn_keras.plots.panels import MARGIN, add_axes, draw_frame, draw_key

PANEL = 0.95
GAP = 0.06
_LABELS = 0.85
_LABEL_CHARACTER = 0.085
_LABEL_WIDTH = 18  # characters on a line
_LABEL_LINE = 0.18
_COLUMN_TITLE = 0.26
_BLOCK_GAP = 0.22
_TITLE = 0.35
_TITLE_CHARACTER = 0.11
_KEY = 0.22
_AXIS = 0.42


class Row(NamedTuple):
    """Frames side by side."""

    label: str
    frames: Any  # (time, height, width[, channels])
    style: Style


class Block(NamedTuple):
    """Rows under the same times."""

    times: list
    rows: list


class Sizes(NamedTuple):
    """Lengths of a figure, inches."""

    width: float
    height: float
    left: float  # of the first panel
    panel_height: float
    header: float


def draw_grid(blocks, title=None, extent=None):
    """Draw blocks of rows below each other.

    Rows that follow each other in one style share its color bar. Where a
    pixel is missing, a key tells its color.

    Args:
        blocks: List of `Block`.
        title: Title of the figure.
        extent: Tuple (left, right, bottom, top) in km for axes at the last
            row's first panel, or None.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sizes = _sizes(blocks, title, extent)
    figure = Figure(figsize=(sizes.width, sizes.height), dpi=150)
    FigureCanvasAgg(figure)
    if title:
        figure.text(
            MARGIN / sizes.width,
            1 - MARGIN / sizes.height,
            title,
            va="top",
            fontsize=11,
            fontweight="bold",
            parse_math=False,
        )
    panels = _draw_blocks(figure, blocks, sizes, extent)
    if extent is not None:
        _draw_axes(panels[-1][0])
    rows = [row for block in blocks for row in block.rows]
    draw_bars(figure, [row.style for row in rows], panels)
    if _missing(rows):
        draw_key(figure, rows[0].style, sizes.left)
    return figure


def _sizes(blocks, title, extent):
    shape = blocks[0].rows[0].frames.shape
    aspect = shape[1] / shape[2]
    if extent is not None:
        aspect = (extent[3] - extent[2]) / (extent[1] - extent[0])
    panel_height = PANEL * aspect
    rows = [row for block in blocks for row in block.rows]
    columns = max(len(block.times) for block in blocks)
    lines = [line for row in rows for line in _wrapped(row.label).split("\n")]
    left = max(_LABELS, _LABEL_CHARACTER * max(map(len, lines)) + 0.1)
    left += MARGIN + (0.0 if extent is None else _AXIS)
    width = (
        left
        + columns * (PANEL + GAP)
        + bar_width([row.style for row in rows])
        + MARGIN
    )
    header = _TITLE if title else 0.0
    height = 2 * MARGIN + header + _below(rows, panel_height, extent)
    height += len(blocks) * _COLUMN_TITLE + (len(blocks) - 1) * _BLOCK_GAP
    height += sum(_row_height(row, panel_height) + GAP for row in rows)
    width = max(width, 2 * MARGIN + _TITLE_CHARACTER * len(title or ""))
    return Sizes(width, height, left, panel_height, header)


def _below(rows, panel_height, extent):
    """What is needed below the last row: key, axes, the rest of a bar."""
    space = 0.0 if extent is None else _AXIS
    if _missing(rows):
        space += _KEY
    bar = rows[-1].style.bar
    if bar is None:
        return space
    beside = [row for row in rows if row.style is rows[-1].style]
    span = sum(_row_height(row, panel_height) + GAP for row in beside)
    return max(space, bar_height(bar) - span)


def _row_height(row, panel_height):
    """The height of a row: of its panels or, in flat rows, of its label."""
    lines = _wrapped(row.label).count("\n") + 1
    return max(panel_height, _LABEL_LINE * lines)


def _missing(rows):
    return any(np.isnan(row.frames).any() for row in rows)


def _draw_blocks(figure, blocks, sizes, extent):
    """Draw all rows; gives the axes of each."""
    drawn = []
    top = sizes.height - MARGIN - sizes.header
    offset = 0.06 + (0.0 if extent is None else _AXIS)
    for times, rows in blocks:
        top -= _COLUMN_TITLE
        for index, row in enumerate(rows):
            height = _row_height(row, sizes.panel_height)
            bottom = top - (height + sizes.panel_height) / 2
            panels = _draw_row(figure, row, sizes, bottom, extent)
            _draw_label(panels[0], row.label, offset)
            if index == 0:
                for axes, time in zip(panels, times, strict=True):
                    axes.set_title(time, fontsize=9, pad=4, parse_math=False)
            drawn.append(panels)
            top -= height + GAP
        top -= _BLOCK_GAP
    return drawn


def _draw_row(figure, row, sizes, bottom, extent):
    panels = []
    for index, frame in enumerate(row.frames):
        x = sizes.left + index * (PANEL + GAP)
        place = (x, bottom, PANEL, sizes.panel_height)
        axes = add_axes(figure, place)
        draw_frame(axes, frame, row.style, extent=extent)
        panels.append(axes)
    return panels


def _draw_label(axes, label, offset):
    axes.yaxis.set_label_coords(-offset / PANEL, 0.5)
    style = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 10}
    axes.set_ylabel(_wrapped(label), parse_math=False, **style)


def _wrapped(label):
    return textwrap.fill(label, _LABEL_WIDTH)


def _draw_axes(axes):
    """Ticks in km; the picture has its extent."""
    from matplotlib.ticker import MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(2, min_n_ticks=2))
    axes.tick_params(labelsize=7, length=2, pad=2)
    axes.tick_params(axis="x", pad=5)  # clear of the lowest label of y
    axes.set_xlabel("km", fontsize=8, labelpad=1)
