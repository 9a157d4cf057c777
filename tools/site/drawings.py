"""Diagrams as SVG, drawn from the objects of the package.

A block of code in Markdown with the language `drawing` names one:

    ```drawing
    wiring ms-predrnn skips=unet3+
    ```
"""

import re

from tools.site import rollout, wiring

_BLOCK = re.compile(r"^```drawing\n(.*?)\n```$", re.M | re.S)
DRAWINGS = {
    "wiring": wiring.draw,
    "rollout": rollout.draw,
    "sampling": rollout.draw_sampling,
}


def draw_all(markdown):
    """Return Markdown with a figure in the place of each block `drawing`."""
    return _BLOCK.sub(lambda match: draw(match[1]), markdown)


def draw(line):
    """Return the figure that a line names: a drawing, a model, arguments."""
    kind, *words = line.split()
    if kind not in DRAWINGS:
        raise ValueError(
            f"A drawing is one of {', '.join(DRAWINGS)}. Received: {kind!r}"
        )
    names = [word for word in words if "=" not in word]
    options = dict(word.split("=") for word in words if "=" in word)
    options = {k: int(v) if v.isdigit() else v for k, v in options.items()}
    svg, caption = DRAWINGS[kind](*names, **options)
    caption = f"<figcaption>{caption}</figcaption>"
    return f'<figure class="drawing">{svg}{caption}</figure>'
