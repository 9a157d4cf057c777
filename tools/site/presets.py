"""Pages of the zoo, made of its manifest, metadata and model cards."""

import json
import pathlib
import re
import textwrap

from msrnn_keras.presets.registry import read_manifest
from msrnn_keras.utils.formatting import format_number

MANIFEST, FOLDER = "zoo/manifest.json", "zoo/presets"
CARD, METADATA, PICTURE = "README.md", "metadata.json", "forecast.png"
SCORES = {"mse": ".2f", "mae": ".2f", "ssim": ".4f", "psnr": ".2f"}
_INDENTED = re.compile(r"(?<=\n)\n((?:    .+\n)+)")
OVERVIEW = """\
---
hide: [toc]
---

# All presets

Each preset is named MODEL/DATASET/VARIANT, links to its model card, and loads
with `zoo.load(NAME)`. Click a title to sort; MB is the
size of the weights. The scores are those of the test
clips of a data set, of the forecast frames: compare them within one data set.
[Results](../results.md) explains them.

<div class="sortable" markdown>

{table}

</div>

## Pictures

Test clips, and their forecasts.

<div class="pictures" markdown>

{pictures}

</div>
"""
HEAD = (
    *("preset", "MSE", "MAE", "SSIM", "PSNR", "parameters", "MB"),
    *("data set", "frames", "in → out", "clips trained on"),
)


class MissingCardError(ValueError):
    """A preset of the manifest without a card in the clone."""


def listed(root):
    """Return all revisions by their folders, the newest of each first."""
    entries = read_manifest(pathlib.Path(root) / MANIFEST)
    entries.sort(key=lambda x: (*x[:3], -int(x.revision)))
    found = {pathlib.Path(root, FOLDER, *x[:4]): x for x in entries}
    for folder in found:
        if not (folder / CARD).is_file():
            raise MissingCardError(f"{folder} has no {CARD}")
    return found


def card(folder):
    """Return the model card of a preset, its code in blocks of Python."""
    text = (folder / CARD).read_text(encoding="utf-8")
    return _INDENTED.sub(_fenced, text)


def _fenced(match):
    """Return an indented block as a fenced one."""
    kind = "python" if "import zoo" in match[1] else ""
    return f"\n```{kind}\n{textwrap.dedent(match[1])}```\n"


def overview(root):
    """Return the page with a table and the pictures of the newest revisions."""
    newest = {}
    for folder, entry in listed(root).items():
        newest.setdefault(folder.parent, (folder, entry))
    rows, pictures = [HEAD, ["---"] * len(HEAD)], []
    for folder, entry in newest.values():
        place = folder.relative_to(pathlib.Path(root, "zoo")).as_posix()
        name = folder.parent.relative_to(pathlib.Path(root, FOLDER)).as_posix()
        rows.append(_row(name, place, folder, entry))
        if (folder / PICTURE).exists():
            picture = f"![Forecasts of {name}]({place}/{PICTURE})"
            pictures.append(f"[{picture}\n`{name}`]({place}.md)")
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return OVERVIEW.format(table=table, pictures="\n\n".join(pictures))


def _row(name, place, folder, entry):
    """Return the cells of a preset."""
    about = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    given, scores = about["input"], about["scores"]["test"]["forecast"]
    training = about["training"]
    size = "×".join(map(str, given["image_shape"]))
    return [
        f"[`{name}`]({place}.md)",
        *(format_number(scores[key], form) for key, form in SCORES.items()),
        f"{about['parameters']:,}",
        f"{entry.files['model.weights.h5']['bytes'] / 1e6:.1f}",
        about["dataset"],
        size,
        f"{given['context']} → {given['horizon']}",
        f"{training['clips'] + training.get('earlier_clips', 0):,}",
    ]
