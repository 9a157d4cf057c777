import itertools
import json

import numpy as np
import pytest

import zoo
from examples import nowcast_radar
from msrnn_keras import data
from tests.reference import tiny

pytestmark = pytest.mark.backend_free


def rain_of(frames, side=64):
    """Rain of 4 mm/h that moves to the right; a corner that nobody sees."""
    time, row, column = np.ogrid[:frames, :side, :side]
    wet = (column - 2 * time) % side < side // 4
    rain = np.where(wet & (row > 3), 4.0, 0.0).astype("float32")
    rain[:, :4, :4] = np.nan
    options = {"interval": 300, "scaling": data.RainRate()}
    return data.from_arrays(rain[..., None], **options)


def test_blocks_are_averaged_and_tiles_are_those_with_rain():
    rain = np.arange(16.0).reshape(1, 4, 4, 1)
    rain[0, :2, 0], rain[0, 2:, 2:] = np.nan, np.nan
    rain[0, 3, 3] = 7
    averaged = nowcast_radar.coarse(rain, factor=2).read(0, 1)[0, ..., 0]
    # Half of the first block is missing, three quarters of the last.
    np.testing.assert_allclose(averaged, [[np.nan, 4.5], [10.5, np.nan]])
    rain = np.zeros((5, 8, 16, 1), "float32")
    rain[:, :, :4] = 3.0
    tiles = nowcast_radar.rainy_tiles(data.from_arrays(rain / 10), side=8)
    assert tiles.segments == [(0, 5)]
    np.testing.assert_array_equal(tiles.read(0, 5), rain[:, :, :8] / 10)


def test_a_clip_is_turned_as_a_whole_and_in_all_eight_ways():
    options = {"batch_size": 1, "teacher_forcing": True}
    clips = data.Clips(rain_of(5, 8), 3, 2, **options)
    turned = nowcast_radar.Turned(clips)
    assert len(turned) == len(clips)
    expected = {
        tuple(
            np.rot90(x, turns, (2, 3))[:, :, ::step].tobytes() for x in clips[0]
        )
        for turns, step in itertools.product(range(4), (1, -1))
    }
    found = set()
    for turned.epoch in range(64):
        found.add(tuple(x.tobytes() for x in turned[0]))
        again = nowcast_radar.Turned(clips).batch(0, turned.epoch)
        assert tuple(x.tobytes() for x in again) in found
    assert found == expected and len(found) == 8


def test_turned_clips_come_in_another_order_in_the_next_epoch():
    frames = np.linspace(0, 1, 12)[:, None, None, None] * np.ones((8, 8, 1))
    clips = data.Clips(data.from_arrays(frames), 3, 2, 8, shuffle=True)
    turned = nowcast_radar.Turned(clips)
    before = turned[0][0]
    turned.on_epoch_end()
    np.testing.assert_array_equal(turned[0][0], clips.batch(0, 1)[0])
    assert not np.array_equal(before, turned[0][0])


def test_from_rain_to_the_report(tmp_path, monkeypatch, capsys):
    trained = tiny(image_shape=(64, 64, 1), scales=(1,), patch_size=8)
    monkeypatch.setattr(zoo, "load", lambda name: trained)
    monkeypatch.setattr(nowcast_radar, "HORIZON", 3)
    monkeypatch.setattr(nowcast_radar, "TRAINED", 2)
    turned = []
    monkeypatch.setattr(
        nowcast_radar.Turned,
        "batch",
        lambda self, *args: turned.append(args) or self.clips.batch(*args),
    )
    out = tmp_path / "nowcast.html"
    scores = nowcast_radar.run(rain_of(9), rain_of(10), 1e-6, out)
    assert list(scores) == ["ms-convlstm", "persistence", "optical flow"]
    assert "1 steps" in capsys.readouterr().out
    assert turned  # the clips that it learned from
    flow, still = scores["optical flow"], scores["persistence"]
    assert flow["forecast"]["mse"] < still["forecast"]["mse"]
    assert json.dumps(scores) and "optical flow" in out.read_text("utf-8")
