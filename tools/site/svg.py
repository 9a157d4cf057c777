"""The few shapes of the diagrams. Colors are those of `docs/assets/site.css`.

Text stays text, and a drawing is 400 units wide, so that it is legible on a
telephone.
"""

import html

WIDTH = 400
_HEADS = ("input", "skip", "memory", "state")


def document(shapes, height, label):
    """Return an SVG of some shapes; `label` is for those who cannot see it."""
    heads = "".join(
        f'<marker id="head-{kind}" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="6" markerHeight="6" orient="auto-start-reverse">'
        f'<path class="head {kind}" d="M0 0L8 4L0 8z"/></marker>'
        for kind in _HEADS
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{html.escape(label)}"><defs>{heads}</defs>'
        f"{''.join(shapes)}</svg>"
    )


def box(x, y, size, text, kind="layer"):
    """Return a square with text, centered at a point."""
    left, top = x - size / 2, y - size / 2
    return (
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{size:g}" '
        f'height="{size:g}" rx="4"/>{words(x, y + 4.5, text)}'
    )


def words(x, y, text, anchor="middle", kind=""):
    """Return text at a point."""
    return (
        f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
        f"{html.escape(str(text))}</text>"
    )


def arrow(path, kind="input"):
    """Return an arrow along a path of SVG."""
    head = f'marker-end="url(#head-{kind})"'
    return f'<path class="arrow {kind}" d="{path}" {head}/>'


def legend(y, entries):
    """Return a line of the legend for each kind of arrow and its text."""
    shapes = []
    for row, (kind, text) in enumerate(entries):
        height = y + 20 * row
        shapes.append(arrow(f"M16 {height:g}H52", kind))
        shapes.append(words(62, height + 4.5, text, "start"))
    return shapes
