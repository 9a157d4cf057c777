"""The model card: every number in its place, nothing left out."""

import copy
import json
import re

import pytest

from msrnn_keras.cli import main
from msrnn_keras.presets.library import Library
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE, RICH
from tests.tools.publishing.publishing import ENVIRONMENT, protocols
from tools.publishing.card import SAMPLING, evaluate_command, render_card
from tools.publishing.comparison import Counterpart
from tools.publishing.datasets import DATASETS
from tools.publishing.long_streams import FILE, long_forecasts

pytestmark = pytest.mark.backend_free
GRAY = {"class_name": "MinMax", "config": {"low": 0.0, "high": 255.0}}
TAXIS = {"low": 0.0, "high": 1000.0, "unit": "vehicles"}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


@pytest.fixture
def metadata():
    gray = copy.deepcopy(GRAY)
    gray["config"]["unit"] = ""
    return {
        "model": "ms-convlstm",
        "dataset": "mnist",
        "variant": "tiny",
        "revision": "3",
        "parameters": 1234567,
        "weights_dtype": "float16",
        "license": "Free as air",
        "hardware": "two abaci",
        "input": {
            "interval": "1 frame",
            "units": gray,
            "image_shape": [32, 32, 1],
        },
        "clips": {"validation": 1011, "test": 10012},
        "scores": {
            "validation": protocols(100.123),
            "test": protocols(200.123),
        },
        "baselines": {
            "persistence": protocols(300.123),
            "linear extrapolation": protocols(400.123),
        },
        "training": {
            "clips": 4321,
            "steps": 9876,
            "hours": 5.43,
            "epochs": 20,
            "planned_epochs": 20,
            **ENVIRONMENT,
            "history": [
                {"epoch": i, "loss": 50.04 - i, "val_mse": 30.06 - i}
                for i in range(20)
            ],
        },
    }


@pytest.fixture
def card(recipe, metadata):
    return render_card(recipe, metadata)


def test_what_is_said_of_the_model_and_its_training(card):
    assert card.startswith("# ms-convlstm, mnist, tiny (revision 3)\n")
    for said in (
        "1,234,567 parameters; 2 frames of 32×32×1 in, 2 out",
        "Weights are stored in float16",
        "![Test clips and their forecasts](forecast.png)",
        "by `msrnn_keras.data.MinMax(low=0.0, high=255.0, unit='')`",
        f"10,012 {DATASETS['mnist'].test}; ",
        f"On 1,011 {DATASETS['mnist'].validation}:\nforecast MSE 100.12.",
        "scored best on 2 of them",
        "there was no plain counterpart, `convlstm/mnist/tiny`",
        "below that of every baseline",
        f"Data: {DATASETS['mnist'].training}.",
        SAMPLING["linear"],
        "Length: 9,876 steps, 4,321 clips, 5.43 hours.\n",
        "Hardware: two abaci.",
        "Software: Keras 3.99 on jax, Python 3.88.",
        DATASETS["mnist"].limits,
        "Licence: Free as air.",
    ):
        assert said in card
    assert not re.search(r"\{\w*\}", card)


def test_the_cpu_time_is_told_where_it_is_known(recipe, metadata):
    metadata["training"]["cpu_hours"] = 4.5
    card = render_card(recipe, metadata)
    assert "4,321 clips, 5.43 hours, 4.5 CPU hours.\n" in card


def test_what_differs_is_told(recipe, metadata, tmp_path):
    metadata["weights_dtype"] = "float32"
    metadata["training"]["epochs"] = 7
    path = tmp_path / "rich.toml"
    path.write_text(RICH)
    card = render_card(load_recipe(path), metadata)
    assert "Weights are stored in float32: float16 does not" in card
    assert "Unfinished: 7 of the recipe's 20 epochs." in card
    assert SAMPLING["reverse"] in card
    assert "weights averaged over the steps (0.75)" in card
    assert "Unfinished" not in render_card(
        recipe, {**metadata, "training": {**metadata["training"], "epochs": 20}}
    )


def test_the_counterpart_stands_beside_it(recipe, metadata):
    other = Counterpart("convlstm", "2", protocols(250.123), 10012, 4321, 9.5)
    card = render_card(recipe, metadata, other)
    names = re.findall(r"^\| ([a-z][\w\-, ]*) \| \d+\.\d\d \| \d", card, re.M)
    expected = [
        "ms-convlstm",
        "convlstm, revision 2",
        "persistence",
        "linear extrapolation",
    ]
    assert names == 2 * expected
    assert "The multi-scale model beats its plain counterpart" in card
    other = other._replace(test_clips=5)
    card = render_card(recipe, metadata, other)
    assert "| convlstm, revision 2 |" not in card


def test_published_figures_are_of_mnist_alone(recipe, metadata, card):
    assert "## Published figures" in card
    assert "they compare in kind, not to the digit" in card
    taxis = {"class_name": "MinMax", "config": TAXIS}
    metadata["input"]["units"] = taxis
    card = render_card(recipe, {**metadata, "dataset": "taxibj"})
    assert "Published" not in card and "MNIST" not in card.split("```")[0]
    assert DATASETS["taxibj"].limits in card
    assert "| RMSE, vehicles |" in card
    # 1000 vehicles times the root of 200.123 a frame of 32×32 pixels.
    assert "| 204.12 | 442.08 |" in card


def test_long_forecasts_are_those_of_its_revision(
    recipe, metadata, card, tmp_path
):
    library = Library(tmp_path, tmp_path / "manifest.json")
    assert long_forecasts(library, metadata) == ""
    assert "## Long forecasts" not in card
    figures = {
        "window": 7,
        "finite_horizon_500": True,
        "finite_stream_1000": True,
        "finite_float16_100": False,
        "mse_50_150": 12.34,
        "mse_900_1000": 56.78,
        "backend": "jax",
        "clips": 9,
        "digits": "three digits",
        "command": "python -m what",
    }
    every = {"ms-convlstm/mnist/tiny/3": figures}
    (tmp_path / FILE).write_text(json.dumps(every))
    section = long_forecasts(library, metadata)
    for said in (
        "9 Moving MNIST clips of 1,001 frames. Digits: three digits.",
        "Backend: jax. Stream window: 7 frames.",
        "| MSE, frames 50 to 150 of the stream | 12.3 |",
        "| MSE, frames 900 to 1,000 of the stream | 56.8 |",
        "| 1,000 streamed frames, float32 | finite |",
        "| forecast of 500 frames, float32 | finite |",
        "| forecast of 100 frames, mixed_float16 | not finite |",
        "\n    python -m what\n",
    ):
        assert said in section
    with_it = render_card(recipe, metadata, long_forecasts=section)
    training = "\n## Training"
    assert with_it == card.replace(training, section + training)
    assert long_forecasts(library, {**metadata, "revision": "4"}) == ""


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


def test_its_commands_are_commands(card, metadata):
    parse = main._parser().parse_args
    evaluate = re.search(r"^    msrnn (evaluate .*)$", card, re.M)[1]
    options = parse(evaluate.split())
    assert (options.model, options.dataset) == ("ms-convlstm", "mnist")
    assert (options.variant, options.revision) == ("tiny", "3")
    assert options.baselines == ["persistence", "linear-extrapolation"]
    assert options.data is None
    train = re.search(r"`msrnn (train .*)`", card)[1]
    assert parse(train.split()).recipe == "ms-convlstm-mnist-tiny.toml"
    command = evaluate_command({**metadata, "dataset": "kth"})
    assert parse(command.split()[1:]).data == "PATH"
