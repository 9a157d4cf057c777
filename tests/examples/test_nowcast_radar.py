import itertools
import json

import keras
import numpy as np
import pytest

from examples import nowcast_radar
from msrnn_keras import data

pytestmark = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="compiles for a minute"
)


def moving_rain(frames, side):
    """Rain of 4 mm/h that moves to the right; a corner that nobody sees."""
    time, row, column = np.ogrid[:frames, :side, :side]
    wet = (column - 2 * time) % side < side // 4
    rain = np.where(wet & (row > 3), 4.0, 0.0).astype("float32")
    rain[:, :4, :4] = np.nan
    return rain[..., None]


def rain_of(frames):
    rain = moving_rain(frames, 64)
    return data.from_arrays(rain, interval=300, scaling=data.RainRate())


def test_blocks_are_averaged_over_what_is_there():
    rain = np.arange(16.0).reshape(1, 4, 4, 1)
    rain[0, :2, 0], rain[0, 2:, 2:] = np.nan, np.nan
    rain[0, 3, 3] = 7
    averaged = nowcast_radar.coarse(rain, factor=2).read(0, 1)[0, ..., 0]
    # Half of the first block is missing, three quarters of the last.
    np.testing.assert_allclose(averaged, [[np.nan, 4.5], [10.5, np.nan]])


def test_tiles_are_those_with_rain_and_clips_stay_within_them():
    rain = np.zeros((5, 8, 16, 1), "float32")
    rain[:, :, :4] = 3.0
    tiles = nowcast_radar.rainy_tiles(data.from_arrays(rain / 10), side=8)
    assert tiles.segments == [(0, 5)]
    np.testing.assert_array_equal(tiles.read(0, 5), rain[:, :, :8] / 10)


def test_a_clip_is_turned_as_a_whole_and_in_all_eight_ways():
    rain = data.from_arrays(moving_rain(5, 8) / 10)
    clips = data.Clips(rain, 3, 2, batch_size=1, teacher_forcing=True)
    turned = nowcast_radar.Turned(clips)
    assert len(turned) == len(clips)
    frames, ways = clips[0], set()
    for turned.epoch in range(64):
        got = turned[0]
        again = nowcast_radar.Turned(clips).batch(0, turned.epoch)
        for one, other in zip(got, again, strict=True):
            np.testing.assert_array_equal(one, other)
        same = []
        for turns, mirrored in itertools.product(range(4), (1, -1)):
            for old, new in zip(frames, got, strict=True):
                way = np.rot90(old, turns, (2, 3))[:, :, ::mirrored]
                if not np.array_equal(way, new, equal_nan=True):
                    break
            else:
                same.append((turns, mirrored))
        assert len(same) == 1
        ways.update(same)
    assert len(ways) == 8


def test_turned_clips_come_in_another_order_in_the_next_epoch():
    frames = np.linspace(0, 1, 12)[:, None, None, None] * np.ones((8, 8, 1))
    clips = data.Clips(data.from_arrays(frames), 3, 2, 8, shuffle=True)
    turned = nowcast_radar.Turned(clips)
    before = turned[0][0]
    turned.on_epoch_end()
    np.testing.assert_array_equal(turned[0][0], clips.batch(0, 1)[0])
    assert not np.array_equal(before, turned[0][0])


def test_from_rain_to_the_report(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pysteps")
    pytest.importorskip("cv2")
    monkeypatch.setattr(nowcast_radar, "HORIZON", 3)
    monkeypatch.setattr(nowcast_radar, "TRAINED", 2)
    turned = []
    get = nowcast_radar.Turned.batch
    monkeypatch.setattr(
        nowcast_radar.Turned,
        "batch",
        lambda self, *args: turned.append(args) or get(self, *args),
    )
    out = tmp_path / "nowcast.html"
    scores = nowcast_radar.run(rain_of(9), rain_of(10), 1e-6, out)
    assert list(scores) == ["ms-convlstm", "persistence", "optical flow"]
    assert "1 steps" in capsys.readouterr().out
    assert turned  # the clips that it learned from
    flow, still = scores["optical flow"], scores["persistence"]
    assert flow["forecast"]["mse"] < still["forecast"]["mse"]
    assert json.dumps(scores) and "optical flow" in out.read_text("utf-8")
