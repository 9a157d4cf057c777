"""Colors of frames: gray, rain, signed errors, and missing pixels."""

from typing import Any, NamedTuple

import numpy as np

MISSING_COLOR = (0.35, 0.30, 0.45)  # violet-gray: gray is a value
NO_DATA_COLOR = (0.75, 0.75, 0.75)  # beside rain colors
# Lower ends of the classes of rain, mm/h; below the first there is no rain.
RAIN_LEVELS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 50, 100)
RAIN_COLORS = (
    "#c6e6fa",
    "#7fc4f2",
    "#3b8fe0",
    "#1f5fb8",
    "#2f9e44",
    "#f7e11e",
    "#f9a11b",
    "#e8402a",
    "#a8127a",
    "#5c0a6b",
)


class Bar(NamedTuple):
    """A color bar."""

    label: str
    ticks: tuple
    texts: tuple
    extend: str = "neither"


class Style(NamedTuple):
    """How the numbers of a frame become colors."""

    colormap: Any
    norm: Any
    missing: tuple  # color of missing pixels
    bar: Bar | None = None
    interpolation: str = "auto"


def gray_style():
    """Gray from 0, black, to 1, white; color frames as they are.

    Returns:
        `Style`.
    """
    from matplotlib.colors import Normalize

    return Style(
        _colormap("gray", MISSING_COLOR), Normalize(0, 1), MISSING_COLOR
    )


def rain_style():
    """Classes of rain in mm/h, `RAIN_LEVELS` in `RAIN_COLORS`.

    Less than the first level is white.

    Returns:
        `Style`.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap

    colormap = ListedColormap(RAIN_COLORS[:-1], name="rain").with_extremes(
        bad=NO_DATA_COLOR, under="white", over=RAIN_COLORS[-1]
    )
    norm = BoundaryNorm(RAIN_LEVELS, len(RAIN_LEVELS) - 1)
    texts = tuple(f"{level:g}" for level in RAIN_LEVELS)
    bar = Bar("Rain rate (mm/h)", RAIN_LEVELS, texts, "max")
    return Style(colormap, norm, NO_DATA_COLOR, bar, "nearest")


def error_style(limit=1.0, label="", beyond=False):
    """Red above zero, blue below, white at zero.

    Args:
        limit: Number, the error of full color.
        label: Name and unit of the error.
        beyond: Boolean, whether errors beyond the limit are there.

    Returns:
        `Style`.
    """
    from matplotlib.colors import Normalize

    ends = (-limit, 0, limit)
    texts = (f"−{limit:.3g}", "0", f"+{limit:.3g}")
    return Style(
        _colormap("RdBu_r", MISSING_COLOR),
        Normalize(-limit, limit),
        MISSING_COLOR,
        Bar(label, ends, texts, "both" if beyond else "neither"),
    )


def style_of(colors):
    """The style of a name.

    Args:
        colors: "gray" or "rain".

    Returns:
        `Style`.

    Raises:
        ValueError: If it is neither.
    """
    styles = {"gray": gray_style, "rain": rain_style}
    if colors not in styles:
        raise ValueError(
            f"`colors` must be 'gray' or 'rain'. Received: colors={colors!r}"
        )
    return styles[colors]()


def to_rgb(frames, style):
    """Turn frames into colors, missing pixels into theirs.

    Args:
        frames: Array (…, height, width, channels) with 1 channel or, to be
            shown as they are, 3.
        style: `Style`.

    Returns:
        Float array (…, height, width, 3) in [0, 1].
    """
    if style.colormap.name == "gray":
        frames = np.broadcast_to(frames, (*frames.shape[:-1], 3))  # exact
    if frames.shape[-1] == 3:
        missing = np.isnan(frames).any(axis=-1, keepdims=True)
        return np.where(missing, style.missing, np.clip(frames, 0.0, 1.0))
    values = np.ma.masked_invalid(frames[..., 0])
    return style.colormap(style.norm(values))[..., :3]


def _colormap(name, missing):
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=missing)
