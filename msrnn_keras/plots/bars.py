"""Color bars beside the rows of a grid."""

from msrnn_keras.plots.panels import add_axes

_BAR = 0.09
_SPACE = 0.12  # left of it
_TEXT = 0.085  # of a character
_TICK = 0.15  # the least that a tick needs


def bar_width(styles):
    """Width that the color bars take.

    Args:
        styles: List of `Style`, one for each row.

    Returns:
        Number, inches; 0 where there is no bar.
    """
    bars = [style.bar for style in styles if style.bar]
    if not bars:
        return 0.0
    texts = [text for bar in bars for text in bar.texts]
    label = 0.2 if any(bar.label for bar in bars) else 0.0
    return _SPACE + _BAR + 0.08 + _TEXT * max(map(len, texts)) + label


def bar_height(bar):
    """The least height of a color bar, for its ticks and its label.

    Args:
        bar: `Bar`.

    Returns:
        Number, inches.
    """
    return max(_TICK * len(bar.ticks), 0.09 * len(bar.label))


def draw_bars(figure, styles, panels):
    """Draw the color bars; rows that follow each other in one style share it.

    Args:
        figure: The figure.
        styles: List of `Style`, one for each row.
        panels: List of the lists of axes of each row.
    """
    width, height = figure.get_size_inches()
    right = max(row[-1].get_position().x1 for row in panels) * width
    bars = []
    for style, row in zip(styles, panels, strict=True):
        if style.bar is None:
            continue
        place = row[0].get_position()
        top = place.y1 * height
        if bars and bars[-1][0] is style:
            _, top, _ = bars.pop()
        bars.append((style, top, place.y0 * height))
    for style, top, bottom in bars:
        high = max(top - bottom, bar_height(style.bar))
        place = (right + _SPACE, top - high, _BAR, high)
        _draw_bar(add_axes(figure, place), style)


def _draw_bar(axes, style):
    from matplotlib.cm import ScalarMappable

    bar = axes.figure.colorbar(
        ScalarMappable(style.norm, style.colormap),
        cax=axes,
        ticks=style.bar.ticks,
        extend=style.bar.extend,
        extendfrac=0.06,
        spacing="uniform",
    )
    bar.minorticks_off()
    axes.set_yticklabels(style.bar.texts)
    axes.tick_params(labelsize=8, length=2)
    if style.bar.label:
        bar.set_label(style.bar.label, fontsize=8, parse_math=False)
