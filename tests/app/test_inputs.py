import numpy as np
import pytest

from msrnn_keras.app.inputs import cut, read_upload
from msrnn_keras.app.limits import Limits
from msrnn_keras.data import from_arrays
from msrnn_keras.data.io.write import write_forecast
from msrnn_keras.plots import save_animation, save_gif

pytestmark = pytest.mark.backend_free


def test_a_gif_is_scaled_and_read_as_far_as_needed(tmp_path, digits, frames):
    path = tmp_path / "a.gif"
    save_gif(path, frames[..., None] / 255.0)
    recording, start = read_upload(path, digits, 2, first=1, side=20)
    assert recording.frames.shape == (5, 16, 20, 1) and start == 0
    recording, _ = read_upload(path, digits, 9, first=2)
    assert recording.frames.shape == (5, 32, 40, 1)
    clip = cut(recording, digits, 9)
    assert len(clip.past) == 3 and len(clip.truth) == 2
    np.testing.assert_allclose(clip.past[0, ..., 0], frames[2] / 255, atol=1e-6)


def test_an_mp4(tmp_path, digits, frames):
    pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    save_animation(path, frames[..., None] / 255.0)
    assert Limits().check_file(path) == path
    recording, _ = read_upload(path, digits, 2, first=1, side=20)
    assert recording.frames.shape == (5, 16, 20, 1)
    assert recording.interval == 0.2


def test_past_and_truth_of_arrays(tmp_path, digits, frames):
    path = tmp_path / "a.npz"
    np.savez(path, frames=frames)
    clip = cut(*read_upload(path, digits, 2)[:1], digits, 2, first=1)
    expected = frames[..., None] / np.float32(255)
    np.testing.assert_array_equal(clip.past, expected[1:4])
    np.testing.assert_array_equal(clip.truth, expected[4:6])
    assert len(clip.recording) == 3
    assert len(cut(from_arrays(frames[:3]), digits, 2).truth) == 0


@pytest.mark.parametrize("first", [5, 7, 100])
def test_too_few_frames(digits, frames, first):
    left = max(0, 7 - first)
    with pytest.raises(ValueError, match=f"Received: {left} of 7 frames"):
        cut(from_arrays(frames), digits, 2, first)


def test_a_gap_ends_the_truth(digits, frames):
    times = np.datetime64("2026-05-01T00:00", "s") + 300 * np.arange(7)
    times[5:] += 300
    recording = from_arrays(frames, 300, times)
    assert len(cut(recording, digits, 4).truth) == 2
    with pytest.raises(ValueError, match="before a gap.* Received: 2 of 7"):
        cut(recording, digits, 4, first=3)


def test_rain_of_arrays_is_in_mm_per_hour(tmp_path, rain, frames):
    path = tmp_path / "rain.npy"
    np.save(path, frames.astype("float32") / 4)
    recording, _ = read_upload(path, rain, 2, grid_step=1)
    assert recording.frames.shape == (7, 16, 20, 1)
    assert recording.unit == "mm/h"
    with pytest.raises(ValueError, match="Received: grid_step=None"):
        read_upload(path, rain, 2)


@pytest.mark.parametrize("first", [0, 2, 4])
def test_a_forecast_of_netcdf_goes_on_after_its_past(
    tmp_path, rain, frames, first
):
    xarray = pytest.importorskip("xarray")
    start = np.datetime64("2026-05-01T00:00", "ns")
    times = start + np.timedelta64(300, "s") * np.arange(7)
    coordinates = {
        "time": times,
        "y": ("y", np.arange(32.0) * 2, {"units": "km"}),
        "x": ("x", np.arange(40.0) * 2, {"units": "km"}),
    }
    rate = frames.astype("float32") / 9
    values = (("time", "y", "x"), rate, {"units": "mm/h"})
    dataset = xarray.Dataset({"rate": values}, coordinates)
    dataset.to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    recording, start = read_upload(tmp_path / "a.nc", rain, 2, first)
    clip = cut(recording, rain, 2, start)
    out = tmp_path / "out.nc"
    ahead = np.full((1, 2, 32, 40, 1), 0.5, "float32")
    write_forecast(out, [clip.recording], clip.past[None], ahead)
    with xarray.open_dataset(out) as written:
        step = np.timedelta64(300, "s")
        expected = times[first + 2] + step * np.array([1, 2])
        np.testing.assert_array_equal(written["time"], expected)
        np.testing.assert_array_equal(written["x"], coordinates["x"][1])
        assert written["rate"].shape == (2, 32, 40)
