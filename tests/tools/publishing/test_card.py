"""The model card: tables, comparisons and texts show the given numbers."""

import json
import re

import pytest

from msrnn_keras.presets.registry import MANIFEST, Library
from msrnn_keras.training.recipe import DATASETS as TRAINED_ON
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE, RICH
from tests.tools.publishing.publishing import (
    ENVIRONMENT,
    empty_library,
    protocols,
)
from tools.publishing import manifest
from tools.publishing.card import SAMPLING, evaluate_command, render_card
from tools.publishing.comparison import (
    compare,
    compare_baselines,
    counterpart_of,
    find_counterpart,
)
from tools.publishing.datasets import DATASETS, LICENSES
from tools.publishing.tables import (
    LONG_STREAMS,
    long_forecasts,
    published_results,
    read_long_streams,
    score_tables,
)

pytestmark = pytest.mark.backend_free
GRAY = {"low": 0.0, "high": 255.0, "unit": ""}


def units_of(config, class_name="MinMax", image_shape=(4, 8, 2)):
    units = {"class_name": class_name, "config": config}
    return {"interval": "1 frame", "units": units, "image_shape": image_shape}


def read_recipe(folder, text=RECIPE):
    path = folder / "recipe.toml"
    path.write_text(text)
    return load_recipe(path)


@pytest.fixture
def recipe(tmp_path):
    return read_recipe(tmp_path)


@pytest.fixture
def metadata():
    history = [
        {"epoch": i, "loss": 50.04 - i, "val_mse": 30.06 - i} for i in range(20)
    ]
    return {
        "model": "ms-convlstm",
        "dataset": "mnist",
        "variant": "tiny",
        "revision": "3",
        "parameters": 1234567,
        "weights_dtype": "float16",
        "license": "Free as air",
        "hardware": "two abaci",
        "input": units_of(GRAY, image_shape=[32, 32, 1]),
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
            "history": history,
        },
    }


@pytest.fixture
def plain(metadata):
    """Metadata of a plain counterpart that is worse."""
    return {
        **metadata,
        "model": "convlstm",
        "revision": "2",
        "scores": {"test": protocols(250.123)},
        "training": {**metadata["training"], "hours": 9.5},
    }


@pytest.fixture
def card(recipe, metadata):
    return render_card(recipe, metadata)


# === The card ===


def test_the_card_describes_the_model_and_its_training(card):
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


def test_the_card_shows_what_is_special(recipe, metadata, tmp_path):
    metadata["training"]["cpu_hours"] = 4.5
    words = " ".join(render_card(recipe, metadata).split())
    assert "4,321 clips, 5.43 hours, 4.5 CPU hours." in words
    assert "Unfinished" not in words
    metadata["weights_dtype"] = "float32"
    metadata["training"]["epochs"] = 7
    card = render_card(read_recipe(tmp_path, RICH), metadata)
    assert "Weights are stored in float32, because float16 does not" in card
    assert "Unfinished: 7 of the 20 epochs of the recipe." in card
    assert SAMPLING["reverse"] in card
    assert "weights averaged over the steps (0.75)" in card


def test_the_tables_contain_the_counterpart(recipe, metadata, plain):
    card = render_card(recipe, metadata, plain)
    names = re.findall(r"^\| ([a-z][\w\-, ]*) \| \d+\.\d\d \| \d", card, re.M)
    rows = ["ms-convlstm", "convlstm, revision 2"]
    assert names == 2 * [*rows, "persistence", "linear extrapolation"]
    plain["clips"] = {"test": 5}
    card = render_card(recipe, metadata, plain)
    assert "| convlstm, revision 2 |" not in card


def test_long_forecasts_that_are_not_finite(metadata, tmp_path):
    library = Library(tmp_path, tmp_path / "manifest.json")
    every = read_long_streams(MANIFEST.with_name(LONG_STREAMS))
    results = {**every["predrnn/mnist/small/1"], "finite_float16_100": False}
    every = {"ms-convlstm/mnist/tiny/3": results}
    (tmp_path / LONG_STREAMS).write_text(json.dumps(every))
    section = long_forecasts(library, metadata)
    assert "| forecast of 500 frames, float32 | finite |" in section
    assert "| forecast of 100 frames, mixed_float16 | not finite |" in section
    assert f"\n    {results['command']}\n" in section
    assert long_forecasts(library, {**metadata, "revision": "4"}) == ""


def test_only_mnist_has_published_results(recipe, metadata, card):
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


def test_the_history_is_thinned_out_and_ends_with_the_last_epoch(
    recipe, metadata, card
):
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \|$", card, re.M)
    assert 5 <= len(rows) == len(set(rows)) <= 9
    assert rows[:2] == [("1", "50.0", "30.1"), ("4", "47.0", "27.1")]
    assert rows[-1] == ("20", "31.0", "11.1")
    del metadata["training"]["history"][1:]
    assert render_card(recipe, metadata).count("| 1 | 50.0 | 30.1 |") == 1


# === Tables ===


def test_each_protocol_has_a_table():
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


def test_rain_has_a_table_by_threshold():
    models = {"mine": protocols(1.0), "persistence": protocols(1.0)}
    for i, scores in enumerate(models.values()):
        for j, threshold in enumerate(("0.5", "10")):
            for k, score in enumerate(("pod", "far", "csi", "hss")):
                number = (8 * i + 4 * j + k + 1) / 100
                scores["forecast"][f"{score}_{threshold}"] = number
    models["mine"]["forecast"] |= {"far_10": None, "ssim": None}
    rain = units_of({"unit": "mm/h"}, "RainRate")
    tables = score_tables(models, rain)
    assert "| mine | 1.00 | 2.00 | – | 4.00 | 5.00 |" in tables
    assert tables.split("\n\n")[2].splitlines() == [
        "| forecast frames, rain of at least | score | 0.5 mm/h | 10 mm/h |",
        "| --- | --- | --- | --- |",
        "| mine | CSI | 0.030 | 0.070 |",
        "| persistence | CSI | 0.110 | 0.150 |",
        "| mine | POD | 0.010 | 0.050 |",
        "| persistence | POD | 0.090 | 0.130 |",
        "| mine | FAR | 0.020 | – |",
        "| persistence | FAR | 0.100 | 0.140 |",
        "| mine | HSS | 0.040 | 0.080 |",
        "| persistence | HSS | 0.120 | 0.160 |",
    ]
    for scores in models.values():  # a file has another order of keys
        scores["forecast"] = dict(reversed(scores["forecast"].items()))
    assert score_tables(models, rain) == tables


# === Comparison ===


def test_counterparts_and_baselines(metadata):
    assert counterpart_of("ms-predrnn++") == "predrnn++"
    assert counterpart_of("ms-lstm") == "mk-lstm"
    assert counterpart_of("mk-lstm") == "ms-mk-lstm"
    assert compare({**metadata, "model": "convlstm"}, None) == (
        "Its multi-scale counterpart, `ms-convlstm/mnist/tiny`, is not "
        "published."
    )
    lower = "Its forecast MSE is lower than that of every baseline."
    assert compare_baselines(metadata) == lower
    metadata["scores"]["test"] = protocols(300.123)
    assert compare_baselines(metadata) == (
        "Its forecast MSE is not lower than that of persistence (300.12)."
    )


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


def test_other_budgets_and_test_sets_are_stated(metadata, plain):
    plain["training"]["clips"] = 1234
    text = compare(metadata, plain)
    assert "beats" in text and "Both" not in text
    assert text.endswith(
        "The training budgets differ: 4,321 clips in 5.43 hours against 1,234 "
        "clips in 9.5 hours."
    )
    text = compare(metadata, {**plain, "clips": {"test": 100}})
    assert "cannot be compared" in text and "beat" not in text


def test_the_newest_counterpart_is_found(tmp_path, write_stub):
    library = empty_library(tmp_path)
    names = {"model": "ms-mim", "dataset": "mnist", "variant": "base"}
    assert find_counterpart(library, names) is None
    for name in ("9", "10", "2"):
        folder = write_stub(library.root, f"mim/mnist/base/{name}", 4.0)
        path = folder / "metadata.json"
        content = json.loads(path.read_text())
        content["scores"] = {"test": protocols(float(name))}
        path.write_text(json.dumps(content))
    write_stub(library.root, "mim/kth/base/1", 4.0)
    write_stub(library.root, "mim/mnist/small/1", 4.0)
    manifest.update(library.root, library.manifest)
    found = find_counterpart(library, names)
    assert (found["model"], found["revision"]) == ("mim", "10")
    assert found["scores"]["test"] == protocols(10.0)
    # Without test scores there is nothing to compare with.
    assert find_counterpart(library, {**names, "dataset": "kth"}) is None


# === Data sets and their commands ===


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
