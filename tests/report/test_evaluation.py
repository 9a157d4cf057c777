import keras
import numpy as np
import pytest

from msrnn_keras.baselines import Persistence, Zeros
from msrnn_keras.report import evaluation as module
from msrnn_keras.report import evaluation_report


@pytest.fixture
def reported(monkeypatch):
    calls = []

    def keep(path, scores, **options):
        calls.append(options)

    monkeypatch.setattr(module, "write_report", keep)
    return calls


def report(folder, *args, **options):
    evaluation_report(folder / "report.html", *args, **options)


def rows(figure):
    return [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]


pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("radar", [False, True])
def test_clips_are_drawn(tmp_path, reported, model, data, scores, rain, radar):
    options = {"shown": (4, 1), "radar": radar, "scaling": rain}
    report(tmp_path, model, data, scores, **options)
    (given,) = reported
    captions = [caption[:6] for caption in given["pictures"]]
    assert captions == ["Clip 4"] * 3 + ["Clip 1"] * 3
    grid, errors, flow = list(given["pictures"].values())[:3]
    bar = "Rain rate (mm/h)"
    names = ["Input", "Truth", "ms-trajgru", "persistence"]
    assert rows(grid) == (names + [bar] if radar else names)
    assert rows(errors) == [*names[2:], "Error (mm/h)"]
    truth = grid.axes[3].images[0].get_array()  # after three input frames
    expected = (50 if radar else 1) * data[1][4, 0, ..., 0]
    np.testing.assert_allclose(truth.filled(np.nan), expected, rtol=1e-6)
    assert len(flow.axes) == 2
    assert len(given["animations"]) == 2
    assert given["setting"]["Hardware"] and given["setting"]["Versions"]


def test_batches_and_channels(tmp_path, reported):
    clips = np.random.default_rng(0).random((2, 2, 6, 8, 8, 2))
    batches = [(batch[:, :4], batch[:, 4:]) for batch in clips]
    named = {"shown": [3], "setting": {"System": "x"}}
    named["baselines"] = [Zeros(3, 2)]
    report(tmp_path, Persistence(3, 2), iter(batches), {}, **named)
    (given,) = reported
    clips = [caption.split(":")[0] for caption in given["pictures"]]
    assert clips == [f"Clip 3, channel {i}" for i in (0, 0, 1, 1)]
    grid = given["pictures"]["Clip 3, channel 1: input, truth and forecasts"]
    assert rows(grid) == ["Input", "Truth", "persistence", "all black"]
    last = grid.axes[2].images[0].get_array()
    np.testing.assert_allclose(last, batches[1][0][1, 2, ..., 1])
    assert given["setting"]["System"] == "x"
    assert f"keras {keras.__version__}" in given["setting"]["Versions"]
    assert keras.backend.backend() in given["setting"]["Versions"]


def test_masked_pixels_are_missing(tmp_path, reported, data):
    past, truth = data
    masked = past, np.ma.asarray(np.nan_to_num(truth, nan=0.5))
    masked[1][np.isnan(truth)] = np.ma.masked
    report(tmp_path, Persistence(3, 2), masked, {}, baselines=[])
    (given,) = reported
    grid = given["pictures"]["Clip 0: input, truth and forecasts"]
    shown = grid.axes[3].images[0].get_array()
    np.testing.assert_array_equal(shown.mask, np.isnan(truth[0, 0, ..., 0]))


def test_a_clip_that_does_not_exist(tmp_path, model, data, scores):
    with pytest.raises(ValueError, match=r"5 clips. Received: shown=\(5,\)"):
        report(tmp_path, model, data, scores, shown=(5,))
    with pytest.raises(FileNotFoundError):
        report(tmp_path / "none", model, data, scores)
    assert list(tmp_path.iterdir()) == []
