"""Grids of frames with labels, color bars and a key; lengths in inches."""

import textwrap
from typing import Any, NamedTuple

import numpy as np

from msrnn_keras.plots.colors import Style, to_rgb

MARGIN, PANEL, GAP, KEY_WIDTH = 0.15, 0.95, 0.06, 0.65
_KEY, _AXIS, _LABELS, _COLUMN_TITLE, _BLOCK_GAP = 0.22, 0.42, 0.85, 0.26, 0.22
_LABEL_CHARACTER, _LABEL_LINE = 0.085, 0.18
_LABEL_WIDTH = 18  # characters in a line
_TITLE, _TITLE_CHARACTER = 0.35, 0.11
_BAR, _BAR_CHARACTER = 0.09, 0.085
_BAR_SPACE, _BAR_TICK = 0.12, 0.15  # left of a bar; smallest height of a tick


class Row(NamedTuple):
    """Frames side by side."""

    label: str
    frames: Any  # (time, height, width[, channels])
    style: Style


class Block(NamedTuple):
    """Rows with the same times."""

    times: list
    rows: list


class Sizes(NamedTuple):
    """Lengths in a figure."""

    width: float
    height: float
    left: float  # of the first panel
    panel_height: float
    header: float


def draw_grid(blocks, title=None, extent=None):
    """Return a figure of blocks; with an extent in km, it has axes."""
    sizes = _sizes(blocks, title, extent)
    figure = new_figure(sizes.width, sizes.height)
    draw_title(figure, title)
    panels = _draw_blocks(figure, blocks, sizes, extent)
    if extent is not None:
        _draw_axes(panels[-1][0])
    rows = [row for block in blocks for row in block.rows]
    _draw_bars(figure, [row.style for row in rows], panels)
    if _missing(rows):
        draw_key(figure, rows[0].style, sizes.left)
    return figure


def new_figure(width, height, layout=None):
    """Return a figure that pyplot does not manage."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def draw_title(figure, title):
    """Draw a title at the top left; None draws nothing."""
    if title:
        width, height = figure.get_size_inches()
        style = {"va": "top", "fontsize": 11, "fontweight": "bold"}
        place = (MARGIN / width, 1 - MARGIN / height)
        figure.text(*place, title, parse_math=False, **style)


def add_axes(figure, place):
    """Add axes without ticks at (left, bottom, width, height)."""
    size = [*figure.get_size_inches()] * 2
    axes = figure.add_axes([a / b for a, b in zip(place, size, strict=True)])
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color="0.6", linewidth=0.6)
    return axes


def draw_frame(axes, frame, style, extent=None):
    """Draw one frame, (height, width) or with 1 channel or 3."""
    if frame.ndim == 3 and frame.shape[-1] == 3:
        picture = to_rgb(frame, style)
    else:
        picture = frame.reshape(frame.shape[:2])
    colormap, norm, _, _, interpolation = style
    options = {"aspect": "auto", "interpolation": interpolation}
    axes.imshow(picture, colormap, norm, extent=extent, **options)


def draw_key(figure, style, left):
    """Explain the color of missing pixels, at the bottom of a figure."""
    width, height = figure.get_size_inches()
    place = {"y": 0.6 * MARGIN / height, "va": "bottom", "fontsize": 8}
    figure.text(left / width, s="■", color=style.missing, **place)
    figure.text((left + 0.14) / width, s="no data", **place)


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
    bars = _bars_width([row.style for row in rows])
    width = left + columns * (PANEL + GAP) + bars + MARGIN
    header = _TITLE if title else 0.0
    height = 2 * MARGIN + header + _below(rows, panel_height, extent)
    height += len(blocks) * _COLUMN_TITLE + (len(blocks) - 1) * _BLOCK_GAP
    height += sum(_row_height(row, panel_height) + GAP for row in rows)
    width = max(width, 2 * MARGIN + _TITLE_CHARACTER * len(title or ""))
    return Sizes(width, height, left, panel_height, header)


def _below(rows, panel_height, extent):
    """Return the height below the last row: key, axes, rest of a bar."""
    space = 0.0 if extent is None else _AXIS
    if _missing(rows):
        space += _KEY
    bar = rows[-1].style.bar
    if bar is None:
        return space
    beside = [row for row in rows if row.style is rows[-1].style]
    span = sum(_row_height(row, panel_height) + GAP for row in beside)
    return max(space, _bar_height(bar) - span)


def _row_height(row, panel_height):
    lines = _wrapped(row.label).count("\n") + 1
    return max(panel_height, _LABEL_LINE * lines)


def _bars_width(styles):
    bars = [style.bar for style in styles if style.bar]
    if not bars:
        return 0.0
    longest = max(len(text) for bar in bars for text in bar.texts)
    label = 0.2 if any(bar.label for bar in bars) else 0.0
    return _BAR_SPACE + _BAR + 0.08 + _BAR_CHARACTER * longest + label


def _bar_height(bar):
    return max(_BAR_TICK * len(bar.ticks), 0.09 * len(bar.label))


def _missing(rows):
    return any(np.isnan(row.frames).any() for row in rows)


def _wrapped(label):
    return textwrap.fill(label, _LABEL_WIDTH)


def _draw_blocks(figure, blocks, sizes, extent):
    drawn = []
    top = sizes.height - MARGIN - sizes.header
    offset = 0.06 + (0.0 if extent is None else _AXIS)
    for times, rows in blocks:
        top -= _COLUMN_TITLE
        for index, row in enumerate(rows):
            height = _row_height(row, sizes.panel_height)
            bottom = top - (height + sizes.panel_height) / 2
            panels = []
            for i, frame in enumerate(row.frames):
                place = (sizes.left + i * (PANEL + GAP), bottom)
                size = (PANEL, sizes.panel_height)
                panels.append(add_axes(figure, (*place, *size)))
                draw_frame(panels[-1], frame, row.style, extent=extent)
            style = {"ha": "right", "va": "center", "fontsize": 10}
            style |= {"rotation": 0, "parse_math": False}
            panels[0].yaxis.set_label_coords(-offset / PANEL, 0.5)
            panels[0].set_ylabel(_wrapped(row.label), **style)
            if index == 0:
                for axes, time in zip(panels, times, strict=True):
                    axes.set_title(time, fontsize=9, pad=4, parse_math=False)
            drawn.append(panels)
            top -= height + GAP
        top -= _BLOCK_GAP
    return drawn


def _draw_axes(axes):
    from matplotlib.ticker import MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(2, min_n_ticks=2))
    axes.tick_params(labelsize=7, length=2, pad=2)
    axes.tick_params(axis="x", pad=5)  # avoids the lowest label of y
    axes.set_xlabel("km", fontsize=8, labelpad=1)


def _draw_bars(figure, styles, panels):
    width, height = figure.get_size_inches()
    right = max(row[-1].get_position().x1 for row in panels) * width
    bars = []
    for style, row in zip(styles, panels, strict=True):
        if style.bar:
            place = row[0].get_position()
            top = place.y1 * height
            if bars and bars[-1][0] is style:
                _, top, _ = bars.pop()
            bars.append((style, top, place.y0 * height))
    for style, top, bottom in bars:
        high = max(top - bottom, _bar_height(style.bar))
        place = (right + _BAR_SPACE, top - high, _BAR, high)
        _draw_bar(add_axes(figure, place), style)


def _draw_bar(axes, style):
    from matplotlib.cm import ScalarMappable

    label, ticks, texts, extend = style.bar
    colors = ScalarMappable(style.norm, style.colormap)
    ends = {"extend": extend, "extendfrac": 0.06, "spacing": "uniform"}
    bar = axes.figure.colorbar(colors, cax=axes, ticks=ticks, **ends)
    bar.minorticks_off()
    axes.set_yticklabels(texts)
    axes.tick_params(labelsize=8, length=2)
    if label:
        bar.set_label(label, fontsize=8, parse_math=False)
