import numpy as np
import pytest

from msrnn_keras.data import Clips, MinMax, RainRate, from_arrays
from msrnn_keras.data.io.recording import (
    infer_scaling,
    split_at_gaps,
    times_ahead,
)
from tests.recordings import STEP, times_of
from tests.reference import tiny

pytestmark = pytest.mark.backend_free

EVEN = times_of(4)
GAP = times_of(6)[[0, 1, 2, 4, 5]]


def test_frames_without_channels_get_one():
    frames = np.random.default_rng(0).random((5, 8, 9))
    source = from_arrays(frames, interval=60)
    assert source.image_shape == (8, 9, 1) and len(source) == 5
    assert source.interval == 60 and source.times is None
    np.testing.assert_allclose(source.pixels(1, 3)[..., 0], frames[1:3], 1e-6)


def test_bytes_are_divided_by_255():
    frames = np.arange(240, dtype="uint8").reshape(5, 4, 4, 3)
    source = from_arrays(frames)
    np.testing.assert_allclose(source.pixels(0, 5), frames / 255, 1e-6)
    assert source.unit == "" and source.metadata == {}


def test_values_in_a_unit_are_scaled():
    frames = np.array([-10.0, 25.0, 60.0, np.nan]).reshape(4, 1, 1, 1)
    source = from_arrays(frames, scaling=MinMax(-10, 60, unit="dBZ"))
    expected = [0, 0.5, 1, np.nan]
    np.testing.assert_allclose(source.pixels(0, 4).ravel(), expected)
    assert source.unit == "dBZ"


def test_a_memory_mapped_array_stays_one(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 4), "uint8"))
    source = from_arrays(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert isinstance(source.frames, np.memmap)


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
def test_other_frames_are_refused(frames, message):
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        from_arrays(frames)


def test_frames_that_are_all_missing_make_a_source():
    assert np.isnan(from_arrays(np.full((2, 4, 4), np.nan)).pixels(0, 2)).all()


# === Times ===


def test_times_give_the_interval():
    source = from_arrays(np.zeros((4, 2, 2)), times=EVEN)
    assert source.interval == 300 and source.segments == [(0, 4)]
    ahead = times_ahead(source, 2)
    np.testing.assert_array_equal(ahead, EVEN[-1] + STEP * np.array([1, 2]))


def test_an_interval_splits_at_gaps():
    source = from_arrays(np.zeros((5, 2, 2)), interval=300, times=GAP)
    assert source.segments == [(0, 3), (3, 5)]
    assert Clips(source, context=1, horizon=1).num_clips == 3


def test_uneven_times_are_refused_at_the_first_of_them():
    message = "frame 3, at 2020-06-01T12:20:00, comes 600 s .* not 300 s"
    with pytest.raises(ValueError, match=f"Received: {message}"):
        from_arrays(np.zeros((5, 2, 2)), times=GAP)
    with pytest.raises(ValueError, match="frame 1, .* comes 900 s .* 300 s"):
        split_at_gaps(times_of(6)[[0, 3, 4, 5]])


@pytest.mark.parametrize("times", [EVEN[::-1], EVEN[[0, 0, 1, 2]]])
def test_times_that_do_not_rise_are_refused(times):
    with pytest.raises(ValueError, match="must rise"):
        split_at_gaps(times)


def test_what_is_not_known_stays_so():
    assert split_at_gaps(None) == (None, None)
    assert split_at_gaps(EVEN[:1]) == (None, None)
    assert split_at_gaps(None, 60) == (60, None)
    assert times_ahead(from_arrays(np.zeros((3, 2, 2))), 2) is None
    with pytest.raises(ValueError, match="Received: interval=0"):
        split_at_gaps(EVEN, 0)
    with pytest.raises(ValueError, match="3 times for 4 frames"):
        from_arrays(np.zeros((4, 2, 2)), times=EVEN[:3])


# === Units ===


@pytest.mark.parametrize("unit", ["mm/h", "mm h-1", "MM H^-1", "mm h**-1"])
def test_rain_rates_are_known(unit):
    assert infer_scaling(unit, np.array([80.0])) == RainRate()


@pytest.mark.parametrize("unit", ["mm", "K", "kg m-2 s-1"])
def test_another_unit_needs_a_scaling(unit):
    with pytest.raises(ValueError, match=f"Received: .* the unit '{unit}'"):
        infer_scaling(unit, np.array([0.5], "float32"))


def test_the_other_scalings():
    assert infer_scaling("dBZ", np.array([80.0])) == MinMax(-10, 60, unit="dBZ")
    assert infer_scaling("1", np.array([0.5])) == MinMax(0, 1, unit="1")
    assert infer_scaling("%", np.zeros(1, "uint8")) == MinMax(0, 255, unit="%")


# === With models ===


def test_a_model_trains_on_a_source_and_forecasts_from_it():
    frames = np.random.default_rng(0).random((9, 16, 16))
    source = from_arrays(frames)
    model = tiny(context=2, horizon=2)
    model.compile("adam", "mse")
    clips = Clips(source, 2, 2, batch_size=4, teacher_forcing=True)
    assert np.isfinite(model.fit(clips, verbose=0).history["loss"]).all()
    assert model.forecast(source.pixels(0, 9)[None]).shape == (1, 2, 16, 16, 1)
