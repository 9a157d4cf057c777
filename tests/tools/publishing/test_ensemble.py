import json

import numpy as np
import pytest

from msrnn_keras.evaluation import evaluate
from msrnn_keras.metrics import Spread
from msrnn_keras.presets.loading import load_folder
from msrnn_keras.training.history import write_history
from tests.runs import RECIPE
from tests.tools.publishing.publishing import (
    FILES,
    empty_library,
    few_clips,
    history,
    write_run,
)
from tools.publishing import revisions
from tools.publishing.ensemble import RANKED, rank_clips
from tools.publishing.publish import publish

NOISE = (
    RECIPE.replace('"tiny"', '"ensemble"')
    .replace('"l1_l2"', '"crps"')
    .replace("[training]", "noise = true\n[training]")
    .replace("sampling_steps = 6", 'sampling = "none"')
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The folder of an ensemble, its test clips, and its library with twin."""
    folder = tmp_path_factory.mktemp("ensemble")
    library = empty_library(folder / "zoo")
    twin, run = folder / "twin", folder / "run"
    write_run(twin), write_run(run, NOISE)
    rows = [{**row, "val_crps": row.pop("val_mse")} for row in history(3)]
    write_history(run, rows)
    with few_clips() as verified:
        publish(twin, "an abacus", library=library)
        preset = publish(run, "an abacus", library=library)
    return preset, verified[-1], library


def test_the_card_has_the_scores_beside_the_twin(published):
    preset, data, library = published
    metadata = json.loads((preset / "metadata.json").read_text())
    model = load_folder(preset)
    metrics = [Spread()]
    scores = metadata["scores"]["test"]["forecast"]
    spread = evaluate(model, data, metrics)["curves"]["spread"]
    assert metadata["curves"]["spread"] == pytest.approx(spread, rel=1e-3)
    counts = np.array(metadata["ensemble"]["ranks"])
    assert counts.shape == (11,)
    assert counts.sum() == 6 * 2 * 32 * 32  # clips, frames, pixels
    assert {path.name for path in preset.iterdir()} == FILES | {
        "rank_histogram.png",
        "spread_skill.png",
    }
    twin = library.info("ms-convlstm", "mnist", "tiny")
    mae = twin["scores"]["test"]["forecast"]["mae"]
    card = " ".join((preset / "README.md").read_text("utf-8").split())
    percent = 100 * (scores["crps"] / mae - 1)
    for said in (
        f"their CRPS is {scores['crps']:.2f}.",
        f"`ms-convlstm/mnist/tiny`, revision 1, is {mae:.2f} ({percent:+.1f}%)",
        f"RMSE of the mean is {scores['spread_skill_ratio']:.3f};",
        "10 members, 6 clips](rank_histogram.png)",
        "lowest CRPS on 2 of these clips",
        "| epoch | training loss | validation CRPS |",
        "almost fair CRPS of two members",
        f"ensemble --revision 1 --batch {data.batch_size} --baselines",
    ):
        assert said in card, said
    before = (preset / "README.md").read_bytes()
    revisions.renew_cards(library)
    assert (preset / "README.md").read_bytes() == before


def test_the_default_has_no_noise(published):
    library = published[-1]
    names = ["ms-convlstm/mnist/ensemble", "ms-convlstm/mnist/tiny"]
    assert library.names() == names
    assert library.find("ms-convlstm/mnist").variant == "tiny"


def test_few_clips_are_ranked(published):
    preset, data, _ = published
    model = load_folder(preset)
    many = data
    many.num_clips = RANKED * 3
    assert rank_clips(model, many)["ranked_clips"] == RANKED
