import re

import pytest

from msrnn_keras import cli
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.recipes import DATASETS, load_recipe
from tests.runs import RECIPE
from zoo.card import DATA, render_card

pytestmark = pytest.mark.backend_free


def protocols(start):
    """Scores of both protocols, each number another one."""
    keys = ("mse", "mae", "ssim", "psnr", "mse_unclipped")
    return {
        protocol: {key: start + 10 * i + j for j, key in enumerate(keys)}
        for i, protocol in enumerate(PROTOCOLS)
    }


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


@pytest.fixture
def metadata():
    history = [
        {"epoch": i, "loss": 50.04 - i, "val_mse": 30.06 - i} for i in range(20)
    ]
    return {
        "model": "ms-convlstm",
        "dataset": "mnist",
        "variant": "tiny",
        "revision": 3,
        "parameters": 1234567,
        "license": "Free as air",
        "hardware": "two abaci",
        "clips": {"validation": 1011, "test": 10012},
        "scores": {
            "validation": protocols(100.123),
            "test": protocols(200.123),
        },
        "baselines": {"persistence": protocols(300.123)},
        "training": {
            "clips": 4321,
            "steps": 9876,
            "hours": 5.43,
            "backend": "jax",
            "keras": "3.99",
            "python": "3.88",
            "history": history,
        },
    }


@pytest.fixture
def card(recipe, metadata):
    return render_card(recipe, metadata)


def test_scores_stand_in_the_table_of_their_protocol(card):
    forecast, all_frames = card.split("| protocol `")[1:]
    assert forecast.startswith("forecast`: the forecast frames only |")
    assert all_frames.startswith("ms-rnn`: all predictions")
    header = (
        "| MSE | MAE | SSIM | PSNR | MSE unclipped |\n|---|---|---|---|---|"
    )
    for table, first in ((forecast, 20), (all_frames, 21)):
        assert header in table
        for name, numbers in (
            ("ms-convlstm", first),
            ("persistence", first + 10),
        ):
            assert (
                f"\n| {name} | {numbers}0.12 | {numbers}1.12 | {numbers}2.1230 "
                f"| {numbers}3.12 | {numbers}4.12 |\n" in table
            )
    assert "forecast MSE 100.12." in card
    assert "110.12" not in card  # of validation, the forecast only


def test_what_is_said_of_the_model_and_its_training(card):
    assert card.startswith("# ms-convlstm, mnist, tiny (revision 3)\n")
    for said in (
        "1,234,567 parameters; 2 frames of 32×32×1 in, 2 out",
        "10,012 clips\n",
        "On 1,011 validation clips",
        "Length: 9,876 steps, 4,321 clips, 5.43 hours.",
        "Hardware: two abaci.",
        "Software: Keras 3.99 on jax, Python 3.88.",
        "Licence: Free as air.",
        DATA["mnist"],
    ):
        assert said in card
    assert not re.search(r"\{\w*\}", card)


def test_the_history_is_thinned_out_and_ends_with_the_last_epoch(card):
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \|$", card, re.M)
    assert 5 <= len(rows) <= 9
    assert rows[0] == ("1", "50.0", "30.1")
    assert rows[1] == ("4", "47.0", "27.1")
    assert rows[-1] == ("20", "31.0", "11.1")
    assert len(set(rows)) == len(rows)


def test_a_history_of_one_epoch(recipe, metadata):
    history = metadata["training"]["history"]
    one = {**metadata["training"], "history": history[:1]}
    card = render_card(recipe, {**metadata, "training": one})
    assert card.count("| 1 | 50.0 | 30.1 |") == 1


def test_the_recipe_is_there_whole(recipe, metadata, card, tmp_path):
    assert f"```toml\n{RECIPE}```\n" in card
    recipe_path = tmp_path / "recipe.toml"
    recipe_path.write_text(RECIPE.rstrip())
    bare = load_recipe(recipe_path)
    assert f"```toml\n{RECIPE}```\n" in render_card(bare, metadata)


def test_its_commands_are_commands(card):
    parse = cli._parser().parse_args
    evaluate = re.search(r"^    msrnn (evaluate .*)$", card, re.M)[1]
    options = parse(evaluate.split())
    assert (options.model, options.dataset) == ("ms-convlstm", "mnist")
    assert (options.variant, options.revision) == ("tiny", "3")
    train = re.search(r"`msrnn (train .*)`", card)[1]
    assert parse(train.split()).recipe == (
        "zoo/recipes/ms-convlstm-mnist-tiny.toml"
    )


def test_every_data_set_is_described():
    assert set(DATA) == set(DATASETS)
