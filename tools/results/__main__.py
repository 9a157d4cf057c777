"""Write `docs/results.md` and its pictures.

`python -m tools.results --data mnist.npz` reads the presets of the zoo,
forecasts 200 test clips, and scores new presets on other sizes and horizons.
"""

import argparse
from pathlib import Path

from tools.results import figures, page, pictures, transfer
from tools.results.presets import results

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "results.md"


def main(arguments=None):
    """Write the page and all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="path of mnist.npz")
    options = parser.parse_args(arguments)
    found = results()
    drawn = {name: draw(found) for name, draw in figures.FIGURES.items()}
    drawn |= pictures.draw(found, options.data)
    for name, figure in drawn.items():
        figure.savefig(
            DOCS / "assets" / f"results-{name}.png",
            dpi=100,
            metadata={"Software": None},  # its version would change the file
            pil_kwargs={"optimize": True},
        )
    scores = transfer.measure(found, options.data)
    PAGE.write_text(page.render(found, scores), encoding="utf-8")


if __name__ == "__main__":
    main()
