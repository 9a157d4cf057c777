"""The tables in a card: each number in the row and column it belongs in."""

import pytest

from tests.tools.publishing.publishing import protocols
from tools.publishing.tables import rain_table, score_tables

pytestmark = pytest.mark.backend_free


def given(config, class_name="MinMax"):
    units = {"class_name": class_name, "config": config}
    return {"image_shape": [4, 8, 2], "units": units}


def test_scores_stand_in_the_table_of_their_protocol():
    models = {"mine": protocols(200.123), "persistence": protocols(300.123)}
    gray = given({"low": 0.0, "high": 255.0, "unit": ""})
    forecast, all_frames = score_tables(models, gray)
    assert forecast.startswith("| protocol `forecast`: the forecast frames")
    assert all_frames.startswith("| protocol `ms-rnn`: all predictions")
    for table, first in ((forecast, 20), (all_frames, 21)):
        header, line, *rows = table.splitlines()
        assert header.endswith("| MSE | MAE | SSIM | PSNR | MSE unclipped |")
        assert line == "|---|---|---|---|---|---|"
        assert rows == [
            f"| {name} | {n}0.12 | {n}1.12 | {n}2.1230 | {n}3.12 | {n}4.12 |"
            for name, n in (("mine", first), ("persistence", first + 10))
        ]


def test_a_score_that_is_not_there():
    models = {"mine": protocols(1.0)}
    models["mine"]["forecast"]["ssim"] = None
    table, _ = score_tables(models, given({"unit": ""}, "RainRate"))
    assert "| mine | 1.00 | 2.00 | – | 4.00 | 5.00 |" in table


def test_the_error_in_units():
    # 64 numbers a frame, each off by 0.25: an MSE of 4.
    models = {"mine": protocols(4.0)}
    taxis = given({"low": -10.0, "high": 90.0, "unit": "vehicles"})
    table, _ = score_tables(models, taxis)
    assert table.splitlines()[0].endswith("| MSE unclipped | RMSE, vehicles |")
    assert table.endswith("| 8.00 | 25.00 |")


def test_rain_by_threshold():
    assert rain_table({"mine": protocols(1.0)}) == []
    models = {"mine": protocols(1.0), "persistence": protocols(1.0)}
    numbers = iter(range(1, 100))
    for scores in models.values():
        for threshold in ("0.5", "10"):
            for score in ("pod", "far", "csi", "hss"):
                number = next(numbers) / 100
                scores["forecast"][f"{score}_{threshold}"] = number
    models["mine"]["forecast"]["far_10"] = None
    (table,) = rain_table(models)
    head, *rest = table.splitlines()
    assert head.startswith("| protocol `forecast`, rain of at least | score |")
    assert head.endswith("| 0.5 mm/h | 10 mm/h |")
    assert rest == [
        "|---|---|---|---|",
        "| mine | CSI | 0.030 | 0.070 |",
        "| persistence | CSI | 0.110 | 0.150 |",
        "| mine | POD | 0.010 | 0.050 |",
        "| persistence | POD | 0.090 | 0.130 |",
        "| mine | FAR | 0.020 | – |",
        "| persistence | FAR | 0.100 | 0.140 |",
        "| mine | HSS | 0.040 | 0.080 |",
        "| persistence | HSS | 0.120 | 0.160 |",
    ]
    for scores in models.values():  # a file has its keys in another order
        scores["forecast"] = dict(reversed(scores["forecast"].items()))
    assert rain_table(models) == [table]
