import json

import numpy as np
import pytest

from examples import nowcast_radar
from msrnn_keras import Lagrangian, data
from msrnn_keras.data.datasets.events import SCALING
from tests.reference import assert_equal, tiny

pytestmark = pytest.mark.backend_free


def rain_of(frames, side=32):
    """Rain of 4 mm/h at 1 km that moves; a corner that nobody sees."""
    time, row, column = np.ogrid[:frames, :side, :side]
    wet = ((column - 2 * time) % side < side // 4) & (row % 8 > 2)
    rain = np.where(wet, 4.0, 0.0).astype("float32")
    rain[:, :4, :4] = np.nan
    options = {"interval": 300, "scaling": data.RainRate()}
    return data.from_arrays(rain[..., None], **options)


def small_model():
    options = {"residual": True, "missing": "mask", "scales": (1,)}
    model = Lagrangian(tiny(filters=1, context=3, horizon=2, **options))
    model.trained_on = data.TrainedOn(SCALING, 300.0, 2.0)
    return model


def test_clips_are_of_the_middle_on_the_grid_of_the_preset(monkeypatch):
    pytest.importorskip("pysteps")
    monkeypatch.setattr(nowcast_radar, "SIDE", 10)
    model = small_model()
    clips = nowcast_radar.clips_of(rain_of(8), model, grid_step=1)
    expected = data.as_trained(rain_of(8), model, grid_step=1).pixels(0, 3)
    assert_equal(clips[0][0][0], expected[:, 3:13, 3:13])
    assert clips.num_clips == 4


def test_from_rain_to_the_report(tmp_path, capsys):
    pytest.importorskip("pysteps")
    model = small_model()
    clips = nowcast_radar.clips_of(rain_of(6), model, grid_step=1)
    out = tmp_path / "nowcast.html"
    scores = nowcast_radar.run(model, clips, out)
    names = [model.name, "persistence", "optical flow", "smoothed flow"]
    assert list(scores) == names
    printed = capsys.readouterr().out
    assert "matched: 4.0 mm/h" in printed and "CSI 0.1" in printed
    assert json.dumps(scores) and "optical flow" in out.read_text("utf-8")
