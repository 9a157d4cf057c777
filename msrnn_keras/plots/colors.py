"""Colors of frames, rain, signed errors and missing pixels."""

from typing import Any, NamedTuple

import numpy as np

MISSING_COLOR = (0.35, 0.30, 0.45)
"""Color of missing pixels in gray frames: violet-gray, as gray is a value."""
NO_DATA_COLOR = (0.75, 0.75, 0.75)
"""Color of missing pixels in rain colors."""
RAIN_LEVELS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 50, 100)
"""Lower bounds of the rain classes, mm/h; below the first is no rain."""
RAIN_COLORS = tuple(
    "#c6e6fa #7fc4f2 #3b8fe0 #1f5fb8 #2f9e44 #f7e11e #f9a11b #e8402a #a8127a "
    "#5c0a6b".split()
)
"""Colors of the rain classes, in the order of `RAIN_LEVELS`."""
_PROBABILITIES = "white #7fc4f2 #1f5fb8 #0a2750".split()


class Bar(NamedTuple):
    """A color bar."""

    label: str
    ticks: tuple
    texts: tuple
    extend: str = "neither"


class Style(NamedTuple):
    """A mapping from the values of a frame to colors."""

    colormap: Any
    norm: Any
    missing: tuple  # color of missing pixels
    bar: Bar | None = None
    interpolation: str = "auto"


def gray_style():
    """Return the style of frames in [0, 1]: gray, or RGB unchanged."""
    from matplotlib.colors import Normalize

    return Style(_colormap("gray"), Normalize(0, 1), MISSING_COLOR)


def rain_style():
    """Return the style of rain in mm/h; below the first level is white."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    colormap = ListedColormap(RAIN_COLORS[:-1], name="rain").with_extremes(
        bad=NO_DATA_COLOR, under="white", over=RAIN_COLORS[-1]
    )
    norm = BoundaryNorm(RAIN_LEVELS, len(RAIN_LEVELS) - 1)
    texts = tuple(f"{level:g}" for level in RAIN_LEVELS)
    bar = Bar("Rain rate (mm/h)", RAIN_LEVELS, texts, "max")
    return Style(colormap, norm, NO_DATA_COLOR, bar, "nearest")


def error_style(limit=1.0, label="", beyond=False):
    """Return the style of errors; `beyond`: whether some exceed the limit."""
    from matplotlib.colors import Normalize

    texts = (f"−{limit:.3g}", "0", f"+{limit:.3g}")
    extend = "both" if beyond else "neither"
    bar = Bar(label, (-limit, 0, limit), texts, extend)
    norm = Normalize(-limit, limit)
    return Style(_colormap("RdBu_r"), norm, MISSING_COLOR, bar)


def probability_style(label):
    """Return the style of probabilities: white is 0, dark is 1."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    ticks = (0, 0.25, 0.5, 0.75, 1)
    texts = tuple(f"{100 * tick:g} %" for tick in ticks)
    bar = Bar(label, ticks, texts)
    colormap = LinearSegmentedColormap.from_list("share", _PROBABILITIES)
    colormap = colormap.with_extremes(bad=NO_DATA_COLOR)
    return Style(colormap, Normalize(0, 1), NO_DATA_COLOR, bar, "nearest")


def style_of(colors):
    """Return the style named "gray" or "rain"."""
    styles = {"gray": gray_style, "rain": rain_style}
    if colors not in styles:
        raise ValueError(
            f"`colors` must be 'gray' or 'rain'. Received: colors={colors!r}"
        )
    return styles[colors]()


def to_rgb(frames, style):
    """Return frames of 1 or 3 channels as RGB floats in [0, 1]."""
    if style.colormap.name == "gray":
        frames = np.broadcast_to(frames, (*frames.shape[:-1], 3))  # exact
    if frames.shape[-1] == 3:
        missing = np.isnan(frames).any(axis=-1, keepdims=True)
        return np.where(missing, style.missing, np.clip(frames, 0.0, 1.0))
    values = np.ma.masked_invalid(frames[..., 0])
    return style.colormap(style.norm(values))[..., :3]


def _colormap(name):
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=MISSING_COLOR)
