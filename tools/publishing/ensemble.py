"""What a card says of an ensemble: its twin, ranks, spread and skill."""

import numpy as np

from msrnn_keras import plots
from msrnn_keras.evaluation import MEMBERS
from msrnn_keras.metrics import rank_histogram
from msrnn_keras.presets.registry import find
from tools.publishing.comparison import is_comparable
from tools.publishing.tables import TEMPLATES

RANKS = "rank_histogram.png"
SKILL = "spread_skill.png"
RANKED = 10  # clips at most, because a clip may be a whole frame


def rank_clips(model, dataset):
    """Return counts of the ranks of the truth, and the number of clips.

    The clips are evenly spaced. The seed of a clip is its number.
    """
    total = min(RANKED, dataset.num_clips)
    numbers = np.linspace(0, dataset.num_clips - 1, total).round().astype(int)
    counts = 0
    for number in numbers.tolist():
        batch, place = divmod(number, dataset.batch_size)
        past, truth = (part[place : place + 1] for part in dataset[batch])
        past = past[:, -model.context :]
        members = model.forecast(past, members=MEMBERS, seed=number)
        counts = counts + rank_histogram(truth, np.clip(members, 0, 1), number)
    return {"ranks": [int(x) for x in counts], "ranked_clips": total}


def draw_ensemble(folder, ranks, curves):
    """Draw the rank histogram and spread beside error; return name -> path.

    `curves` are the scores by lead time, of pixels from 0 to 1.
    """
    figures = {
        RANKS: plots.plot_rank_histogram(np.array(ranks)),
        SKILL: plots.plot_spread_skill(
            curves["spread"], curves["ensemble_rmse"]
        ),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=80, metadata={"Software": None})
    return {name: folder / name for name in figures}


def find_twin(library, names):
    """Return the metadata of the best preset without noise, or None."""
    others = [p for p in library.entries() if not p.is_ensemble]
    try:
        twin = find(others, names["model"], names["dataset"])
    except ValueError:
        return None
    if twin.revision is None or not twin.scores.get("test"):
        return None
    return library.info(*twin[:4])


def ensemble_text(metadata, twin):
    """Return the section of the card on the ensemble, empty without noise."""
    ensemble = metadata.get("ensemble")
    if ensemble is None:
        return ""
    scores = metadata["scores"]["test"]["forecast"]
    values = {
        "members": MEMBERS,
        "crps": scores["crps"],
        "ratio": scores["spread_skill_ratio"],
        "clips": ensemble["ranked_clips"],
        "twin": _beside(scores["crps"], metadata, twin),
        "ranks": RANKS,
        "skill": SKILL,
    }
    text = (TEMPLATES / "ensemble.md").read_text(encoding="utf-8")
    return text.format(**values)


def _beside(crps, metadata, twin):
    """Return the sentence on the twin, empty if there is none."""
    if twin is None or not is_comparable(metadata, twin):
        return ""
    mae = twin["scores"]["test"]["forecast"]["mae"]
    name = "/".join(twin[x] for x in ("model", "dataset", "variant"))
    change = 100 * (crps / mae - 1)
    return (
        f" The CRPS of a single forecast is its MAE: that of `{name}`,\n"
        f"revision {twin['revision']}, is {mae:.2f} ({change:+.1f}%)."
    )
