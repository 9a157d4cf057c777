import datetime

import numpy as np
import pytest

from msrnn_keras.data import ArraySource, Clips, MinMax, RainRate, from_arrays
from msrnn_keras.data.io.recording import (
    infer_scaling,
    split_at_gaps,
    times_ahead,
)
from msrnn_keras.data.sources import as_times
from tests.recordings import STEP, times_of
from tests.reference import tiny

pytestmark = pytest.mark.backend_free

EVEN = times_of(4).astype("datetime64[s]")
GAP = times_of(6)[[0, 1, 2, 4, 5]]
SECONDS = EVEN.astype("int64")
TEXT = np.datetime_as_string(EVEN)


def read(times, **kwargs):
    return from_arrays(np.zeros((len(times), 2, 2)), times=times, **kwargs)


def test_frames_without_channels_get_one():
    frames = np.random.default_rng(0).random((5, 8, 9))
    source = from_arrays(frames, interval=60)
    assert source.image_shape == (8, 9, 1) and len(source) == 5
    assert source.interval == 60 and source.times is None
    np.testing.assert_allclose(source.pixels(1, 3)[..., 0], frames[1:3], 1e-6)


def test_values_in_a_unit_are_scaled():
    frames = np.array([-10.0, 25.0, 60.0, np.nan]).reshape(4, 1, 1, 1)
    source = from_arrays(frames, scaling=MinMax(-10, 60, unit="dBZ"))
    expected = [0, 0.5, 1, np.nan]
    np.testing.assert_allclose(source.pixels(0, 4).ravel(), expected)
    assert source.unit == "dBZ" and source.metadata == {}


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8", "float16"])
def test_every_float_type(dtype):
    frames = (np.arange(48).reshape(3, 4, 4) / 64).astype("float32")
    pixels = from_arrays(frames.astype(dtype)).pixels(0, 3)
    assert pixels.dtype == np.dtype("float32")
    np.testing.assert_array_equal(pixels[..., 0], frames)


@pytest.mark.parametrize(
    "frames, message",
    [
        (np.zeros((4, 4)), r"\(4, 4\)"),
        (np.zeros((0, 4, 4)), r"\(0, 4, 4, 1\)"),
        (np.zeros((2, 4, 4), "int32"), "dtype=int32"),
        (np.full((2, 4, 4), 7.5), "from 7.5 to 7.5 in the unit ''"),
        (np.full((2, 4, 4), -0.5), "from -0.5 to -0.5"),
    ],
)
def test_bad_frames(frames, message):
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        from_arrays(frames)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_values_are_refused_when_read(value):
    frames = np.zeros((4, 4, 4))
    frames[2, 1, 1] = value
    source = from_arrays(frames, scaling=MinMax(0, 100))
    assert source.pixels(0, 2).shape == (2, 4, 4, 1)
    with np.errstate(over="ignore"):
        with pytest.raises(ValueError, match="finite.*Received: .* frame 2$"):
            source.pixels(1, 4)


def test_frames_may_be_missing():
    assert np.isnan(from_arrays(np.full((2, 4, 4), np.nan)).pixels(0, 2)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_masked_pixels_are_missing(dtype):
    values = np.arange(60).reshape(3, 4, 5) % 50
    frames = np.ma.masked_greater(values.astype(dtype), 40)
    source = from_arrays(frames, scaling=MinMax(0, 100))
    expected = np.where(values > 40, np.nan, values / 100)
    pixels = source.pixels(0, 3)[..., 0]
    np.testing.assert_allclose(pixels, expected, rtol=1e-6)


def test_the_value_under_a_mask_is_ignored():
    frames = np.ma.masked_equal(np.full((2, 4, 4), 0.5), 1e20)
    frames[0, 0, 0] = np.ma.masked
    frames.data[0, 0, 0] = 1e20
    source = from_arrays(frames)
    assert np.isnan(source.pixels(0, 1)[0, 0, 0, 0])
    assert source.pixels(1, 2).max() == 0.5


def test_masked_bytes_are_divided_by_255():
    frames = np.ma.masked_equal(np.array([0, 51, 255], "uint8"), 255)
    frames = frames.reshape(3, 1, 1, 1)
    for source in (from_arrays(frames), ArraySource(frames)):
        pixels = source.pixels(0, 3).ravel()
        np.testing.assert_allclose(pixels, [0, 0.2, np.nan])


def test_an_empty_mask_changes_nothing():
    source = from_arrays(np.ma.masked_array(np.zeros((2, 4, 4), "uint8")))
    assert source.frames.dtype == np.uint8
    assert not isinstance(source.frames, np.ma.MaskedArray)


@pytest.mark.parametrize(
    "times",
    [
        SECONDS,
        SECONDS.tolist(),
        SECONDS.astype(object),
        EVEN - EVEN[0],
        np.ma.masked_array(SECONDS),
        ["noon", "later", "at one", "at two"],
    ],
)
def test_times_without_a_unit_are_refused(times):
    with pytest.raises(ValueError, match=r"astype\('datetime64.*Received: "):
        read(times)


@pytest.mark.parametrize("unit", ["m", "s", "ms", "us", "ns"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_unit_of_datetime64(unit, order):
    source = read(EVEN.astype(f"{order}M8[{unit}]"))
    assert source.interval == 300
    np.testing.assert_array_equal(times_ahead(source, 1), times_of(5)[4:])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("zone, hours", [("", 0), ("Z", 0), ("+02:00", 2)])
def test_text_is_converted_to_utc(zone, hours):
    expected = EVEN - np.timedelta64(hours, "h")
    texts = [time + zone for time in TEXT]
    dates = [datetime.datetime.fromisoformat(text) for text in texts]
    for times in (np.array(texts), np.array(texts, "S"), dates):
        source = read(times)
        np.testing.assert_array_equal(source.times, expected)
        assert source.interval == 300
        assert times_ahead(source, 1) == expected[-1] + STEP


def test_a_masked_time_is_refused():
    times = np.ma.masked_array(EVEN, [0, 0, 1, 0])
    assert np.isnat(as_times(times)[2])
    with pytest.raises(ValueError, match="Received: none for frame 2"):
        read(times)


def test_times_give_the_interval():
    source = read(EVEN)
    assert source.interval == 300 and source.segments == [(0, 4)]
    ahead = times_ahead(source, 2)
    np.testing.assert_array_equal(ahead, EVEN[-1] + STEP * np.array([1, 2]))


def test_an_interval_splits_at_gaps():
    source = read(GAP, interval=300)
    assert source.segments == [(0, 3), (3, 5)]
    assert Clips(source, context=1, horizon=1).num_clips == 3


def test_uneven_times_are_refused():
    message = "frame 3, at 2020-06-01T12:20:00, comes 600 s .* not 300 s"
    with pytest.raises(ValueError, match=f"Received: {message}"):
        read(GAP)
    with pytest.raises(ValueError, match="frame 1, .* comes 900 s .* 300 s"):
        split_at_gaps(times_of(6)[[0, 3, 4, 5]])


@pytest.mark.parametrize(
    "order", [[0, 1, 1, 2], [0, 2, 1, 3], [3, 2, 1, 0], [2, 3, 0, 1]]
)
@pytest.mark.parametrize("interval", [None, 300])
def test_repeated_and_unsorted_times_are_refused(order, interval):
    message = "sort the frames.*Received: frame [12] is not after"
    with pytest.raises(ValueError, match=message):
        split_at_gaps(EVEN[order], interval)


def test_rounded_thirds_of_a_second_add_up():
    times = np.round(np.arange(31) * 1000 / 30).astype("datetime64[ms]")
    source = read(times)
    np.testing.assert_allclose(source.interval, 1 / 30)
    assert source.segments == [(0, 31)]
    ahead = times_ahead(source, 300)[-1] - times[-1]
    assert ahead == np.timedelta64(10, "s")


def test_unknown_intervals_stay_unknown():
    assert split_at_gaps(None) == (None, None)
    assert split_at_gaps(EVEN[:1]) == (None, None)
    assert split_at_gaps(None, 60) == (60, None)
    assert times_ahead(from_arrays(np.zeros((3, 2, 2))), 2) is None
    with pytest.raises(ValueError, match="Received: interval=0"):
        split_at_gaps(EVEN, 0)
    with pytest.raises(ValueError, match="3 times for 4 frames"):
        from_arrays(np.zeros((4, 2, 2)), times=EVEN[:3])


def test_the_scaling_of_a_unit():
    for unit in ("mm/h", "mm h-1", "MM H^-1", "mm h**-1"):
        assert infer_scaling(unit, np.array([80.0])) == RainRate()
    for unit in ("mm", "K", "kg m-2 s-1"):
        with pytest.raises(ValueError, match=f"Received: .* the unit '{unit}'"):
            infer_scaling(unit, np.array([0.5], "float32"))
    assert infer_scaling("dBZ", np.array([80.0])) == MinMax(-10, 60, unit="dBZ")
    assert infer_scaling("1", np.array([0.5])) == MinMax(0, 1, unit="1")
    assert infer_scaling("%", np.zeros(1, "uint8")) == MinMax(0, 255, unit="%")


def test_a_model_trains_and_forecasts_from_a_recording():
    source = from_arrays(np.random.default_rng(0).random((9, 16, 16)))
    model = tiny(context=2, horizon=2)
    model.compile("adam", "mse")
    clips = Clips(source, 2, 2, batch_size=4, teacher_forcing=True)
    assert np.isfinite(model.fit(clips, verbose=0).history["loss"]).all()
    assert model.forecast(source.pixels(0, 9)[None]).shape == (1, 2, 16, 16, 1)
