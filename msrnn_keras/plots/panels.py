"""Single panels of a figure, at places in inches."""

from msrnn_keras.plots.colors import to_rgb

MARGIN = 0.15
KEY_WIDTH = 0.65


def add_axes(figure, place):
    """Add axes at a place in inches.

    Args:
        figure: The figure.
        place: Tuple (left, bottom, width, height).

    Returns:
        The axes, without ticks.
    """
    width, height = figure.get_size_inches()
    left, bottom, wide, high = place
    axes = figure.add_axes(
        (left / width, bottom / height, wide / width, high / height)
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color="0.6", linewidth=0.6)
    return axes


def draw_frame(axes, frame, style, extent=None):
    """Draw one frame.

    Args:
        axes: The axes.
        frame: Array (height, width), (height, width, 1) or (height, width, 3).
        style: `Style`.
        extent: As of `imshow`.
    """
    if frame.ndim == 3 and frame.shape[-1] == 3:
        picture = to_rgb(frame, style)
    else:
        picture = frame.reshape(frame.shape[:2])
    axes.imshow(
        picture,
        cmap=style.colormap,
        norm=style.norm,
        aspect="auto",
        extent=extent,
        interpolation=style.interpolation,
    )


def draw_key(figure, style, left):
    """Tell the color of missing pixels, at the bottom of a figure.

    Args:
        figure: The figure.
        style: `Style` of the frames.
        left: Where the key begins, inches.
    """
    width, height = figure.get_size_inches()
    place = {"y": 0.6 * MARGIN / height, "va": "bottom", "fontsize": 8}
    figure.text(left / width, s="■", color=style.missing, **place)
    figure.text((left + 0.14) / width, s="no data", **place)
