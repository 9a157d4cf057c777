import numpy as np
import pytest

from msrnn_keras.data import Radar, RainRate, load
from msrnn_keras.data.datasets.radar import DATES
from msrnn_keras.utils import motion

NAN = np.nan


def rain(dbz):
    return (10 ** (np.asarray(dbz) / 10) / 200) ** (1 / 1.6)


def reflectivity(rate):
    return 10 * np.log10(200 * np.asarray(rate) ** 1.6)


def write_evening(folder, counts):
    """Write an evening whose first frame has the given stored numbers."""
    times = np.datetime64("2021-02-02T20:05") + 5 * np.arange(20)
    pv = np.zeros((1, 20, *np.shape(counts)), "uint8")
    pv[:] = counts
    name = "knmi_2021-02-02_2021-02-02.npz"
    np.savez(folder / name, pv=pv, times=times[None])


def test_pixels_are_means_of_rain(tmp_path):
    counts = [
        [0, 0, 78, 78, 255, 255, 255, 255, 77, 84, 200],
        [0, 0, 78, 78, 255, 104, 84, 104, 0, 104, 200],
        [84, 104, 77, 77, 77, 78, 255, 78, 184, 184, 200],
        [124, 144, 77, 77, 0, 0, 255, 77, 254, 254, 200],
    ]
    write_evening(tmp_path, counts)
    source = Radar("test", tmp_path, "2021-02-02")
    assert source.scaling == RainRate(200, 1.6, 0, 60, least=7)
    assert source.image_shape == (2, 5, 1)
    dbz = 60 * source.pixels(0, 1)[0, ..., 0]
    pair = reflectivity(rain([10, 20]).mean())
    expected = [
        [0, 7, NAN, pair, reflectivity(rain([10, 20]).sum() / 4)],
        [reflectivity(rain([10, 20, 30, 40]).mean()), 0, 0, 0, 60],
    ]
    # 6.5 dBZ is dry before the mean too; so is a mean below 7 dBZ.
    np.testing.assert_allclose(dbz, expected, rtol=1e-3)
    assert dbz[0, 1] >= 7
    rate = source.read(0, 1)[0, ..., 0]
    np.testing.assert_allclose(rate[0, 1], rain(7), rtol=1e-4)
    np.testing.assert_allclose(rate[1, 0], rain([10, 20, 30, 40]).mean(), 1e-2)


@pytest.mark.parametrize("split", DATES)
def test_windows_stay_in_their_date(radar, split):
    source = Radar(split, radar)
    days = source.times.astype("datetime64[D]")
    found = list(dict.fromkeys(days.astype(str).tolist()))
    assert found == list(DATES[split])
    assert len(source.segments) == len(found)
    for start, stop in source.segments:
        assert len(set(days[start:stop])) == 1
        steps = np.diff(source.times[start:stop])
        assert set(steps) == {np.timedelta64(5, "m")}
    rising = np.nanmax(source.pixels(0, 36), axis=(1, 2, 3))
    assert np.all(np.diff(rising) > 0)


def test_dates_are_disjoint():
    dates = [date for split in DATES.values() for date in split]
    assert len(set(dates)) == len(dates) == 18


def test_whole_frames_every_ten_minutes(radar):
    clips = load("radar", "test", path=radar, dates="2021-02-06", batch_size=4)
    assert clips.starts.tolist() == list(range(0, 19, 2))
    assert not clips.shuffle and clips.image_shape == (16, 14, 1)
    x, _ = clips[0]
    expected = (7 + np.arange(6) / 2) / 60
    np.testing.assert_allclose(x[0, :, 2, 0, 0], expected, rtol=1e-3)
    assert np.isnan(x[:, :, -2:]).all() and (x[:, :, 5:13] == 0).all()
    dates = ["2021-02-03", "2021-02-06"]
    assert load("radar", "test", path=radar, dates=dates).num_clips == 20


def test_smaller_events_are_padded_with_missing_pixels(radar):
    source = Radar("validation", radar)
    assert source.image_shape == (20, 14, 1)
    assert [x.image_shape for x in source.events] == [(20, 12, 1), (16, 14, 1)]
    frames = source.pixels(38, 42)
    assert np.isnan(frames[:2, :, 12:]).all()
    assert np.isnan(frames[2:, 16:]).all()
    np.testing.assert_array_equal(
        frames[:2, :, :12], source.events[0].pixels(38, 40)
    )
    np.testing.assert_array_equal(
        frames[2:, :16], source.events[1].pixels(0, 2)
    )


def test_the_box_with_data_of_2010(radar):
    source = Radar("train", radar, ["2010-08-26"])
    assert source.image_shape == (18, 15, 1) and len(source) == 92
    frame = source.read(10, 11)[0, ..., 0]
    missing = np.zeros((18, 15), bool)
    missing[3, 2:4] = True
    np.testing.assert_array_equal(np.isnan(frame), missing)
    np.testing.assert_allclose(frame[~missing], 1.2, rtol=5e-3)


def test_crops_for_training_and_validation(radar):
    options = {"path": radar, "image_shape": (8, 8), "num_clips": 4}
    train = load("radar", "train", seed=3, **options)
    again = load("radar", "train", seed=3, **options)
    first = train[0][0]
    assert first.shape == (4, 6, 8, 8, 1)
    np.testing.assert_array_equal(first, again[0][0])
    train.on_epoch_end()
    assert not np.array_equal(first, train[0][0], equal_nan=True)
    assert train.augment and len(train.sources) == 11
    validation = load("radar", "validation", **options)
    first = validation[0][0]
    validation.on_epoch_end()
    np.testing.assert_array_equal(first, validation[0][0])
    assert not validation.augment


@pytest.fixture
def moves(monkeypatch):
    """Replace the motion by one that adds the context; list its calls."""
    calls = []

    def to_moving_frame(frames, context):
        calls.append((frames.shape, frames.dtype, context))
        return np.minimum(frames + context / 60, 1)

    monkeypatch.setattr(motion, "to_moving_frame", to_moving_frame)
    return calls


def test_windows_in_the_moving_frame(radar, moves, tmp_path):
    options = {"path": radar, "dates": "2021-02-06", "context": 4, "horizon": 3}
    plain = load("radar", "test", **options)
    options |= {"moving": True, "cache": tmp_path}
    moved = load("radar", "test", **options)
    assert moves == [((7, 16, 14, 1), "float32", 4)] * 15
    assert moved.num_clips == plain.num_clips == 15
    for number in (0, 7, 14):
        expected = plain.clip(number) + 4 / 60
        np.testing.assert_allclose(moved.clip(number), expected, atol=5e-4)
        start, time = plain.starts[number], moved.starts[number]
        assert moved.source.times[time] == plain.source.times[start]
    again = load("radar", "test", **options)  # moved once
    assert len(moves) == 15
    np.testing.assert_array_equal(again[0][1], moved[0][1])
    for other in ({"context": 5, "horizon": 2}, {"stride": 3}):
        load("radar", "test", **{**options, **other})
    assert len(moves) == 15 + 15 + 10
    options |= {"dates": ["2010-08-26", "2021-01-03"], "stride": 20}
    train = load("radar", "train", image_shape=(8, 8), **options)
    assert len(moves) == 40 + 5 + 2
    for source in train.sources:
        assert np.nanmin(source.frames) == 4  # dBZ
    assert len(train.sources) == 2 and train[0][0].shape[1] == 4
    assert train.moving and moved.moving and not plain.moving


def test_wrong_and_missing_files(radar, tmp_path):
    for options, message in (
        ({"dates": "2021-02-01"}, "2021-02-06. Received: dates='2021-02-01'"),
        ({"dates": []}, r"Received: dates=\[\]"),
        ({"image_shape": (8, 8)}, r"split='test', image_shape=\(8, 8\)"),
    ):
        with pytest.raises(ValueError, match=message):
            load("radar", "test", path=radar, **options)
    with pytest.raises(ValueError, match="shuffle=True"):
        load("radar", "train", path=radar, shuffle=True)
    with pytest.raises(ValueError, match="context=30"):
        load("radar", "test", path=radar, moving=True, context=30)
    with pytest.raises(FileNotFoundError, match="missing: knmi_2010.*fmi_2016"):
        Radar("train", tmp_path)
    name = tmp_path / "knmi_2021-02-02_2021-02-04.npz"
    name.write_bytes(b"PK")
    with pytest.raises(OSError, match="Received: .*knmi_2021-02-02"):
        Radar("test", tmp_path, "2021-02-03")
    write_evening(tmp_path, [[0, 0], [0, 0]])
    (tmp_path / "knmi_2021-02-02_2021-02-02.npz").rename(name)
    with pytest.raises(ValueError, match="of 2021-02-03. Received: 2021-02-02"):
        Radar("test", tmp_path, "2021-02-03")
