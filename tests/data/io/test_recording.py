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

EVEN = times_of(4).astype("datetime64[s]")
GAP = times_of(6)[[0, 1, 2, 4, 5]]
SECONDS = EVEN.astype("int64")
TEXT = np.datetime_as_string(EVEN)


def read(times, **kwargs):
    return from_arrays(np.zeros((len(times), 2, 2)), times=times, **kwargs)


def test_channels_scaling_and_types():
    frames = np.random.default_rng(0).random((5, 8, 9))
    source = from_arrays(frames, interval=60)
    assert source.image_shape == (8, 9, 1) and len(source) == 5
    assert source.interval == 60 and source.times is None
    np.testing.assert_allclose(source.pixels(1, 3)[..., 0], frames[1:3], 1e-6)
    # Values in a unit are scaled.
    frames = np.array([-10.0, 25.0, 60.0, np.nan]).reshape(4, 1, 1, 1)
    source = from_arrays(frames, scaling=MinMax(-10, 60, unit="dBZ"))
    expected = [0, 0.5, 1, np.nan]
    np.testing.assert_allclose(source.pixels(0, 4).ravel(), expected)
    assert source.unit == "dBZ" and source.metadata == {}
    assert np.isnan(from_arrays(np.full((2, 4, 4), np.nan)).pixels(0, 2)).all()
    frames = (np.arange(48).reshape(3, 4, 4) / 64).astype("float32")
    for dtype in (">f4", "<f4", ">f8", "<f8", "float16"):
        pixels = from_arrays(frames.astype(dtype)).pixels(0, 3)
        assert pixels.dtype == np.dtype("float32")
        np.testing.assert_array_equal(pixels[..., 0], frames)


@np.errstate(over="ignore")
def test_infinite_values_are_refused_when_read():
    for value in (-np.inf, 1e300):
        frames = np.zeros((4, 4, 4))
        frames[2, 1, 1] = value
        source = from_arrays(frames, scaling=MinMax(0, 100))
        assert source.pixels(0, 2).shape == (2, 4, 4, 1)
        with pytest.raises(ValueError, match="finite.*Received: .* frame 2$"):
            source.pixels(1, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_masked_pixels_are_missing(dtype):
    values = np.arange(60).reshape(3, 4, 5) % 50
    frames = np.ma.masked_greater(values.astype(dtype), 40)
    source = from_arrays(frames, scaling=MinMax(0, 100))
    expected = np.where(values > 40, np.nan, values / 100)
    pixels = source.pixels(0, 3)[..., 0]
    np.testing.assert_allclose(pixels, expected, rtol=1e-6)


def test_default_scaling_of_masked_arrays():
    # The value under a mask is ignored.
    frames = np.ma.masked_greater(np.full((1, 4, 4), 0.5), 1)
    frames[0, 0, 0] = np.ma.masked
    frames.data[0, 0, 0] = 1e20
    assert np.nanmax(from_arrays(frames).pixels(0, 1)) == 0.5
    frames = np.ma.masked_equal(np.array([0, 51, 255], "uint8"), 255)
    frames = frames.reshape(3, 1, 1, 1)
    for source in (from_arrays(frames), ArraySource(frames)):
        pixels = source.pixels(0, 3).ravel()
        np.testing.assert_allclose(pixels, [0, 0.2, np.nan])
    source = from_arrays(np.ma.masked_array(np.zeros((2, 4, 4), "uint8")))
    assert source.frames.dtype == np.uint8
    assert not isinstance(source.frames, np.ma.MaskedArray)


def test_times_without_a_unit_and_masked_times_are_refused():
    numbers = SECONDS, SECONDS.tolist(), SECONDS.astype(object)
    for times in (*numbers, EVEN - EVEN[0], ["noon", "later", "one", "two"]):
        with pytest.raises(ValueError, match=r"astype\('datetime.*Received: "):
            read(times)
    times = np.ma.masked_array(EVEN, [0, 0, 1, 0])
    assert np.isnat(as_times(times)[2])
    with pytest.raises(ValueError, match="Received: none for frame 2"):
        read(times)


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


def test_units_and_intervals_of_times():
    for kind in ("<M8[m]", ">M8[s]", "<M8[ms]", ">M8[us]", "<M8[ns]"):
        source = read(EVEN.astype(kind))
        assert source.interval == 300 and source.segments == [(0, 4)]
        np.testing.assert_array_equal(times_ahead(source, 2), times_of(6)[4:])
    source = read(GAP, interval=300)
    assert source.segments == [(0, 3), (3, 5)]
    assert Clips(source, context=1, horizon=1).num_clips == 3
    message = "frame 3, at 2020-06-01T12:20:00, comes 600 s .* not 300 s"
    with pytest.raises(ValueError, match=f"Received: {message}"):
        read(GAP)
    with pytest.raises(ValueError, match="frame 1, .* comes 900 s .* 300 s"):
        split_at_gaps(times_of(6)[[0, 3, 4, 5]])
    message = "sort the frames.*Received: frame [12] is not after"
    for order in ([0, 1, 1, 2], [0, 2, 1, 3], [3, 2, 1, 0]):
        for interval in (None, 300):
            with pytest.raises(ValueError, match=message):
                split_at_gaps(EVEN[order], interval)
    times = np.round(np.arange(31) * 1000 / 30).astype("datetime64[ms]")
    source = read(times)
    np.testing.assert_allclose(source.interval, 1 / 30)
    assert source.segments == [(0, 31)]
    ahead = times_ahead(source, 300)[-1] - times[-1]
    assert ahead == np.timedelta64(10, "s")
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
    for value in (7.5, -0.5):
        message = f"from {value} to {value} in the unit ''"
        with pytest.raises(ValueError, match=f"Received: .*{message}"):
            from_arrays(np.full((2, 4, 4), value))
    assert infer_scaling("dBZ", np.array([80.0])) == MinMax(-10, 60, unit="dBZ")
    assert infer_scaling("1", np.array([0.5])) == MinMax(0, 1, unit="1")
    assert infer_scaling("%", np.zeros(1, "uint8")) == MinMax(0, 255, unit="%")
