"""The scores of `benchmarks.radar_reference` on small evenings."""

import json

import numpy as np
import pytest

from benchmarks import radar_reference
from msrnn_keras import Lagrangian, data
from tests.data.datasets import published
from tests.reference import short
from tests.tools.publishing.publishing import empty_library
from tools.publishing.tables import RADAR_SCORES, radar_scores

FIELDS = ("model", "dataset", "variant", "revision")

pytestmark = pytest.mark.backend_free


def test_scores_are_pooled_and_masked():
    truth = np.zeros((2, 2, 4, 5, 1), "float32")
    truth[0, 0, :2] = 7 / 60
    truth[1, 0, 0] = 20 / 60
    truth[:, :, 3] = np.nan
    forecast = np.zeros_like(truth)
    forecast[0, 0, 1:] = 0.5  # one row of hits, one false alarm, one missing
    found = radar_reference.scores(truth, forecast)
    squares = [7**2, (30 - 7) ** 2, 30**2, 20**2]  # rows of dBZ, of six
    expected = 1000 * np.sum(squares) / 6 / 60**2
    np.testing.assert_allclose(found["mse"], [expected, 0], rtol=1e-5)
    np.testing.assert_allclose(found["csi_7"], [1 / 4, 1])
    np.testing.assert_allclose(found["csi_20"], [0, 1])


def test_evenings_are_scored_into_a_table(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pysteps")
    pytest.importorskip("cv2")
    published.write_radar(tmp_path)
    path, file = str(tmp_path), tmp_path / "scores.json"
    arguments = [path, "--dates", "2021-02-06", "--json", str(file)]
    radar_reference.main(arguments)
    results = json.loads(file.read_text())[radar_reference.REFERENCES]
    names = ["zero", "persistence", "flow", "smooth"]
    assert list(results["2021-02-06"]) == names
    clips = data.load("radar", "test", path=path, dates="2021-02-06")
    _, y = clips.arrays()
    expected = 1000 * np.nanmean(y[:, [5, 11]] ** 2, axis=(0, 2, 3, 4))
    zero = results["2021-02-06"]["zero"]
    np.testing.assert_allclose(zero["mse"], expected, rtol=1e-5)
    assert zero["csi_7"] == [0, 0]
    still = results["2021-02-06"]["persistence"]
    np.testing.assert_allclose(still["csi_7"], 1)
    assert "| 2021-02-06 | smooth | " in capsys.readouterr().out


def test_models_are_scored_as_they_are_and_matched(tmp_path, monkeypatch):
    pytest.importorskip("pysteps")
    pytest.importorskip("cv2")
    published.write_radar(tmp_path)
    stack = short(
        filters=1,
        scales=(1,),
        image_shape=(16, 14, 1),
        context=6,
        horizon=12,
        residual=True,
        missing="mask",
    )
    model = Lagrangian(stack)  # the flow
    monkeypatch.setattr(radar_reference.zoo, "load", lambda *_, **__: model)
    name, date = "ms-convlstm/radar/small/1", "2021-02-06"
    found = radar_reference.evening_scores(tmp_path, date, models=[name])
    flow = found[radar_reference.REFERENCES]["flow"]
    for kind in radar_reference.KINDS:
        scores = found[name][kind]
        for key, value in flow.items():
            np.testing.assert_allclose(scores[key], value, rtol=1e-4)
        np.testing.assert_allclose(scores["mse_to_flow"], 1, rtol=1e-4)
        assert np.shape(scores["mse_to_smooth"]) == (2, 2)
    model.blend = 0.5
    clips = data.load("radar", "test", path=tmp_path, dates=date, batch_size=1)
    past, _ = clips[0]
    given = radar_reference.model_forecasts(model, past)
    model.fill = 0.0
    for matched, forecast in zip((False, True), given, strict=True):
        expected = model.forecast(past, matched=matched)[:, [5, 11]]
        np.testing.assert_allclose(forecast, expected, atol=1e-6)
    library = empty_library(tmp_path / "zoo")
    table = json.dumps({key: {date: value} for key, value in found.items()})
    path = library.manifest.with_name(RADAR_SCORES)
    path.write_text(table)
    names = dict(zip(FIELDS, name.split("/"), strict=True))
    section = radar_scores(library, names)
    mse = " / ".join(f"{x:.2f}" for x in flow["mse"])
    assert f"| {date} | matched | {mse} | " in section
    assert radar_scores(library, {**names, "revision": "2"}) == ""
