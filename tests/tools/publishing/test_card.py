import re

import pytest

from msrnn_keras.training.recipe import DATASETS as TRAINED_ON
from msrnn_keras.training.recipe import parse_recipe
from tests.runs import RECIPE, RICH, STEADY
from tests.tools.publishing.publishing import ENVIRONMENT, NAMES, protocols
from tools.publishing.card import SAMPLING, evaluate_command, render_card
from tools.publishing.comparison import (
    compare,
    compare_baselines,
    counterpart_of,
)
from tools.publishing.datasets import DATASETS, LICENSES
from tools.publishing.tables import published_results, score_tables

GRAY = {"low": 0.0, "high": 255.0, "unit": ""}


def units_of(config, class_name="MinMax", image_shape=(4, 8, 2)):
    units = {"class_name": class_name, "config": config}
    return {"interval": "1 frame", "units": units, "image_shape": image_shape}


@pytest.fixture
def recipe():
    return parse_recipe(RECIPE, "recipe.toml")


@pytest.fixture
def metadata():
    history = [
        {"epoch": i, "loss": 50.04 - i, "val_mse": 30.06 - i} for i in range(20)
    ]
    scores = [protocols(hundred + 0.123) for hundred in (100, 200, 300, 400)]
    baselines = ("persistence", "linear extrapolation")
    return {
        **NAMES,
        "revision": "3",
        "parameters": 1234567,
        "weights_dtype": "float16",
        "license": "Free as air",
        "hardware": "two abaci",
        "input": units_of(GRAY, image_shape=[32, 32, 1]),
        "clips": {"validation": 1011, "test": 10012},
        "scores": {"validation": scores[0], "test": scores[1]},
        "baselines": dict(zip(baselines, scores[2:], strict=True)),
        "training": {
            **{"clips": 4321, "steps": 9876, "hours": 5.43},
            **{"epochs": 20, "planned_epochs": 20, "history": history},
            **ENVIRONMENT,
        },
    }


@pytest.fixture
def plain(metadata):
    """Metadata of a plain counterpart that is worse."""
    names = {"model": "convlstm", "revision": "2"}
    training = {**metadata["training"], "hours": 9.5}
    scores = {"test": protocols(250.123)}
    return {**metadata, **names, "scores": scores, "training": training}


def test_the_card_describes_the_model_and_its_training(recipe, metadata):
    card = render_card(recipe, metadata)
    assert card.startswith("# ms-convlstm/mnist/tiny, revision 3\n")
    words = " ".join(card.split())
    for said in (
        "1,234,567 parameters. The model reads 2 frames of 32×32×1 and "
        "forecasts 2.",
        "Weights are stored in float16;",
        'zoo.load("ms-convlstm/mnist/tiny", revision=3)',
        "![Test clips and their forecasts](forecast.png)",
        "by `msrnn_keras.data.MinMax(high=255.0, low=0.0, unit='')`.",
        f"10,012 {DATASETS['mnist'].test}.",
        f"On 1,011 {DATASETS['mnist'].validation}, the forecast MSE is 100.12.",
        "lowest MSE on 2 of these clips",
        "Its plain counterpart, `convlstm/mnist/tiny`, is not published.",
        "lower than that of every baseline",
        f"Data: {DATASETS['mnist'].training}.",
        SAMPLING["linear"],
        "Length: 9,876 steps, 4,321 clips, 5.43 hours. -",
        "Hardware: two abaci.",
        "Software: Keras 3.99 on jax, Python 3.88.",
        "Command: `msrnn train ms-convlstm/mnist/tiny --out runs/x`,",
        DATASETS["mnist"].limits,
        "License: Free as air.",
    ):
        assert said in words
    assert f"```toml\n{RECIPE}```\n" in card
    assert not re.search(r"\{\w*\}", card)
    # The history is thinned out and ends with the last epoch.
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \|$", card, re.M)
    assert 5 <= len(rows) == len(set(rows)) <= 9
    assert rows[:2] == [("1", "50.0", "30.1"), ("4", "47.0", "27.1")]
    assert rows[-1] == ("20", "31.0", "11.1")
    del metadata["training"]["history"][1:]
    assert render_card(recipe, metadata).count("| 1 | 50.0 | 30.1 |") == 1


def test_the_card_shows_what_is_special(recipe, metadata, plain):
    card = render_card(recipe, metadata, plain)
    names = re.findall(r"^\| ([a-z][\w\-, ]*) \| \d+\.\d\d \| \d", card, re.M)
    rows = ["ms-convlstm", "convlstm, revision 2"]
    assert names == 2 * [*rows, "persistence", "linear extrapolation"]
    plain["clips"] = {"test": 5}
    card = render_card(recipe, metadata, plain)
    assert "| convlstm, revision 2 |" not in card
    metadata["training"]["cpu_hours"] = 4.5
    words = " ".join(render_card(recipe, metadata).split())
    assert "4,321 clips, 5.43 hours, 4.5 CPU hours." in words
    assert "Unfinished" not in words
    metadata["weights_dtype"] = "float32"
    metadata["training"] |= {"epochs": 7, "init": "ms-convlstm/mnist"}
    metadata["training"]["history"][0]["loss"] = 0.02908
    card = render_card(parse_recipe(RICH, "rich.toml"), metadata)
    assert "Weights are stored in float32.\n" in card
    assert "Unfinished: 7 of the 20 epochs of the recipe." in card
    assert "--out runs/x --init ms-convlstm/mnist`" in card
    assert "| 1 | 0.0291 | 30.1 |" in card
    assert "had been trained on" not in card
    assert SAMPLING["reverse"] in card
    assert "weights averaged over the steps (0.75)" in card


def test_the_card_says_what_was_trained_and_how_long(metadata):
    metadata["training"] |= {
        "epochs": 7,
        "init": "ms-convlstm/mnist/small",
        "earlier_clips": 57_600,
        "earlier_hours": 1.82,
    }
    sentence = (
        "4,321 clips, 5.43 hours. The initial weights, "
        "`ms-convlstm/mnist/small`, had been trained on 57,600 clips."
    )
    steady = STEADY.replace("l1_l2", "mse")
    other = 'model = "simvp"\ndataset = "mnist"\n[training]\nloss = "mse"\n'
    for text, protocol in (
        (RECIPE, "sampling: absolute and squared errors over all predictions,"),
        (steady, "squared errors over all predictions, including the warm-up;"),
        (other, "sampling: squared errors over the forecast frames only.\n"),
    ):
        card = render_card(parse_recipe(text, "r.toml"), metadata)
        assert sentence in card.replace("\n", " ")
        assert protocol in card
        assert ("Unfinished" in card) == (text is not steady)


def test_only_mnist_has_published_results(recipe, metadata):
    card = render_card(recipe, metadata)
    assert published_results("mnist") in card
    assert "| ConvLSTM | 29.80 | 90.64 |" in card
    assert "| MS-ConvLSTM | 58.31 |" in card
    taxis = {"low": -200.0, "high": 800.0, "unit": "vehicles"}
    metadata["input"]["units"]["config"] = taxis
    card = render_card(recipe, {**metadata, "dataset": "taxibj"})
    assert "Published" not in card and "MNIST" not in card.split("```")[0]
    assert DATASETS["taxibj"].limits in card
    assert "--out runs/x --data PATH`" in card
    # 1000 vehicles times the root of 200.123 per frame of 32×32 pixels.
    assert "| MSE unclipped | RMSE, vehicles |" in card
    assert "| 204.12 | 442.08 |" in card


def test_tables_by_protocol_and_threshold():
    models = {"mine": protocols(200.123), "persistence": protocols(300.123)}
    forecast, all_frames = score_tables(models, units_of(GRAY)).split("\n\n")
    assert forecast.startswith("| forecast frames |")
    assert all_frames.startswith("| all frames (warm-up and forecast) |")
    for table, first in ((forecast, 20), (all_frames, 21)):
        header, line, *rows = table.splitlines()
        assert header.endswith("| MSE | MAE | SSIM | PSNR | MSE unclipped |")
        assert line == "|" + 6 * " --- |"
        assert rows == [
            f"| {name} | {n}0.12 | {n}1.12 | {n}2.1230 | {n}3.12 | {n}4.12 |"
            for name, n in (("mine", first), ("persistence", first + 10))
        ]
    models = {"mine": protocols(1.0), "persistence": protocols(1.0)}
    names, rows = ("csi", "pod", "far", "hss"), []
    for i, name in enumerate(names):
        for model, scores in models.items():
            low, high = (i + 1) / 100, len(model) / 100
            scores["forecast"] |= {f"{name}_10": high, f"{name}_0.5": low}
            row = f"| {model} | {name.upper()} | {low:.3f} | {high:.3f} |"
            rows.append(row)
    models["mine"]["forecast"] |= {"far_10": None, "ssim": None}
    rows[4] = "| mine | FAR | 0.030 | – |"
    rain = units_of({"unit": "mm/h"}, "RainRate")
    tables = score_tables(models, rain)
    assert "| mine | 1.00 | 2.00 | – | 4.00 | 5.00 |" in tables
    assert tables.split("\n\n")[2].splitlines() == [
        "| forecast frames, rain of at least | score | 0.5 mm/h | 10 mm/h |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    for scores in models.values():  # a file has another order of keys
        scores["forecast"] = dict(reversed(scores["forecast"].items()))
    assert score_tables(models, rain) == tables


def test_the_scores_tell_which_is_better(metadata, plain):
    assert compare(metadata, plain) == (
        "The multi-scale model beats its plain counterpart, `convlstm, "
        "revision 2`: forecast MSE 200.12 against 250.12 (20.0% lower). Both "
        "were trained once, on 4,321 clips, in 5.43 and 9.5 hours."
    )
    assert compare(plain, metadata) == (
        "The plain model does not beat its multi-scale counterpart, "
        "`ms-convlstm, revision 3`: forecast MSE 250.12 against 200.12 (25.0% "
        "higher). Both were trained once, on 4,321 clips, in 9.5 and 5.43 "
        "hours."
    )
    even = compare(metadata, {**plain, "scores": metadata["scores"]})
    assert "does not beat" in even and "(no difference)" in even
    # Other budgets and test sets are stated.
    plain["training"]["clips"] = 1234
    text = compare(metadata, plain)
    assert "beats" in text and "Both" not in text
    budgets = "4,321 clips in 5.43 hours against 1,234 clips in 9.5 hours."
    assert text.endswith(f"The training budgets differ: {budgets}")
    # The training of the initial weights counts.
    plain["training"] |= {"earlier_clips": 3087, "earlier_hours": 1.0}
    assert compare(metadata, plain).endswith(
        "on 4,321 clips, in 5.43 and 10.5 hours."
    )
    text = compare(metadata, {**plain, "clips": {"test": 100}})
    assert "cannot be compared" in text and "beat" not in text
    assert compare({"model": "tau"}, None).startswith("The model is not recur")
    assert counterpart_of("ms-predrnn++") == "predrnn++"
    assert counterpart_of("ms-lstm") == "mk-lstm"
    assert counterpart_of("mk-lstm") == "ms-mk-lstm"
    text = compare({**metadata, "model": "convlstm"}, None)
    assert text.startswith("Its multi-scale counterpart, `ms-convlstm/mnist/t")
    lower = "Its forecast MSE is lower than that of every baseline."
    assert compare_baselines(metadata) == lower
    metadata["scores"]["test"] = protocols(300.123)
    text = compare_baselines(metadata)
    assert text.endswith("is not lower than that of persistence (300.12).")


def test_every_data_set_of_a_recipe_has_texts(metadata):
    assert set(DATASETS) == set(TRAINED_ON) == set(LICENSES)
    assert not DATASETS["mnist"].needs_path and DATASETS["kth"].needs_path
    for text in DATASETS.values():
        assert all(text[:5])
        assert not re.search(r"[{}]|\.$", text.training + text.license)
        assert not re.search("[{}]", text.limits)
    assert evaluate_command({**metadata, "dataset": "kth"}) == (
        "msrnn evaluate ms-convlstm/kth/tiny --revision 3 "
        "--baselines persistence linear-extrapolation --data PATH"
    )
