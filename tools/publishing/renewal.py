"""Keeps the card of a preset true when new figures are there.

Weights, scores and metadata of a revision never change. Its card is made of
them, of the scores of its counterpart and of the figures of long streams,
which may come later.
"""

from msrnn_keras.presets.download import overwrite
from msrnn_keras.presets.loading import read_json
from msrnn_keras.presets.registry import CARD, METADATA
from msrnn_keras.training.recipe import parse_recipe
from tools.publishing.card import render_card
from tools.publishing.comparison import counterpart_of, find_counterpart
from tools.publishing.long_streams import long_forecasts
from tools.publishing.revisions import newest_revision


def renew_counterpart(library, names):
    """Write the card of a preset's counterpart again, as `renew_card` does.

    Args:
        library: `msrnn_keras.presets.library.Library`.
        names: Dict with the `model`, `dataset` and `variant` of the preset
            that was published.

    Returns:
        bool, whether it was written; the manifest must be then.

    Example:
        if renew_counterpart(library, {"model": "predrnn", …}):
            manifest.update(library.root, library.manifest)
    """
    model = counterpart_of(names["model"])
    return renew_card(library, {**names, "model": model})


def renew_card(library, names):
    """Write the card of a preset again, from what is known of it.

    Only the card of the newest revision is written, and only where that lies
    in the library's folder.

    Args:
        library: `msrnn_keras.presets.library.Library`.
        names: Dict with the `model`, `dataset` and `variant` of the preset.

    Returns:
        Boolean, whether it was written. If so, update the manifest.

    Example:
        if renew_card(library, {"model": "predrnn", …}):
            manifest.update(library.root, library.manifest)
    """
    newest = newest_revision(names, library)
    folder = library.root / newest.folder if newest else None
    if folder is None or not folder.is_dir():
        return False
    metadata = read_json(folder / METADATA)
    recipe = parse_recipe(metadata["recipe"], f"recipe of {newest.name}")
    card = render_card(
        recipe,
        metadata,
        find_counterpart(library, names),
        long_forecasts(library, metadata),
    )
    content = card.encode("utf-8")
    if (folder / CARD).read_bytes() == content:
        return False
    overwrite(folder / CARD, content)
    return True
