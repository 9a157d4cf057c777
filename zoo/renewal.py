"""Keeps the card of a preset true when its counterpart is published.

Weights, scores and metadata of a revision never change. Its card is made of
them and of the scores of its counterpart, which may come later.
"""

from msrnn_keras.recipes import parse_recipe
from zoo.card import render_card
from zoo.catalog import CARD, METADATA
from zoo.comparison import counterpart_of, find_counterpart
from zoo.files import overwrite
from zoo.folder import read_json
from zoo.revisions import newest_revision


def renew_counterpart(library, names):
    """Write the card of a preset's counterpart again, from what it holds.

    Only the card of the newest revision is written, and only where that lies
    in the library's folder.

    Args:
        library: `zoo.library.Library`.
        names: Dict with the `model`, `dataset` and `variant` of the preset
            that was published.

    Returns:
        bool, whether it was written; the manifest must be then.

    Example:
        if renew_counterpart(library, {"model": "predrnn", …}):
            manifest.update(library.root, library.manifest)
    """
    names = {**names, "model": counterpart_of(names["model"])}
    newest = newest_revision(names, library)
    folder = library.root / newest.folder if newest else None
    if folder is None or not folder.is_dir():
        return False
    metadata = read_json(folder / METADATA)
    recipe = parse_recipe(metadata["recipe"], f"recipe of {newest.name}")
    card = render_card(recipe, metadata, find_counterpart(library, names))
    content = card.encode("utf-8")
    if (folder / CARD).read_bytes() == content:
        return False
    overwrite(folder / CARD, content)
    return True
