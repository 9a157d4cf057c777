import numpy as np
import pytest
from PIL import Image

from msrnn_keras.data import MinMax, from_arrays, from_netcdf, from_video
from msrnn_keras.data.io.read import read_recordings
from msrnn_keras.data.io.write import check_writable, write_forecast
from tests.recordings import map_dataset, rain, rain_dataset, times_of
from tests.runs import contents

RNG = np.random.default_rng(0)
PAST = RNG.random((2, 3, 9, 8, 1), "float32")
AHEAD = RNG.random((2, 4, 9, 8, 1), "float32")


def write(path, past=PAST, forecast=AHEAD, recordings=None, **options):
    if recordings is None:
        recordings = [from_arrays(clip) for clip in past]
    write_forecast(path, recordings, past, forecast, **options)
    return path


def test_arrays_are_in_the_unit_of_the_data(tmp_path):
    for name in ("a.npy", "a.npz"):
        read = read_recordings(write(tmp_path / name))
        np.testing.assert_array_equal([clip.frames for clip in read], AHEAD)
    assert sorted(contents(tmp_path)) == ["a.npy", "a.npz"]
    scaling = MinMax(-10, 60, unit="dBZ")
    values = scaling.inverse(PAST[0])
    source = from_arrays(values, times=times_of(3), scaling=scaling)
    forecast = 1.5 * AHEAD[:1]  # above 1 is 60 dBZ
    path = write(tmp_path / "a.npz", PAST[:1], forecast, [source])
    with np.load(path) as file:
        expected = np.minimum(forecast, 1) * 70 - 10
        np.testing.assert_allclose(file["frames"], expected, rtol=1e-5)
        np.testing.assert_array_equal(file["times"], times_of(7)[3:])
    # 8-bit frames give floats from 0 to 1.
    source = from_arrays(np.zeros((3, 9, 8), "uint8"))
    write(tmp_path / "a.npy", PAST[:1], AHEAD[:1] - 0.5, [source])
    expected = np.clip(AHEAD[:1] - 0.5, 0, 1)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)


def test_netcdf_continues_netcdf(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    source = from_netcdf(rain_dataset(rain()))
    past = source.pixels(0, 4)[None]
    forecast = np.nan_to_num(past[:, :2])
    path = write(tmp_path / "a.nc", past, forecast, [source])
    with xarray.open_dataset(path) as dataset:
        expected = np.nan_to_num(rain()[:2])
        np.testing.assert_allclose(dataset["rain"], expected, rtol=1e-4)
        np.testing.assert_array_equal(dataset["time"], times_of(6)[4:])
    assert list(contents(tmp_path)) == ["a.nc"]
    with pytest.raises(ValueError, match="one clip.*Received: 2 clips"):
        write(tmp_path / "b.nc")


@pytest.mark.parametrize(
    ("suffix", "unit"),
    [(".png", None), (".png", "dBZ"), (".gif", "mm/h"), (".mp4", None)],
)
def test_pictures_show_past_and_forecast(tmp_path, suffix, unit):
    source = from_arrays(PAST[0])
    if unit:
        pytest.importorskip("netCDF4")
        source = from_netcdf(rain_dataset(rain(3, (9, 8)), units=unit))
    past = source.pixels(0, 3)[None]
    path = tmp_path / f"a{suffix}"
    if suffix == ".mp4":
        pytest.importorskip("av")
        pytest.importorskip("imageio")
        write(path, past, AHEAD[:1], [source], fps=12.5)
        video = from_video(path)
        assert len(video) == 3 + 4 and video.interval == 0.08
        # The borders are blue around the past, orange around the forecast.
        red, _, blue = video.frames[:, 1, 1:-1].mean(axis=1).T
        np.testing.assert_array_equal(red > blue, [False] * 3 + [True] * 4)
    else:
        write(path, past, AHEAD[:1], [source])
        with Image.open(path) as image:
            assert image.format == suffix[1:].upper()
            count = getattr(image, "n_frames", 1)
            assert count == (7 if suffix == ".gif" else 1)
    assert list(contents(tmp_path)) == [path.name]


def test_pictures_have_north_at_the_top(tmp_path):
    values = np.zeros((3, 32, 32), "float32")
    values[:, 20:28, 4:12] = 20
    rising = map_dataset(values, "mm/h")
    falling = rising.sortby("lat", ascending=False)
    for turned in (rising, falling, rising.transpose("time", "lon", "lat")):
        source = from_netcdf(turned)
        past = source.pixels(0, 3)[None]
        with Image.open(write(tmp_path / "a.gif", past, past, [source])) as gif:
            picture = np.array(gif.convert("RGB")).astype(int)[3:-3, 3:-3]
        wet = np.abs(picture - picture[-6, -6]).sum(-1) > 30
        down, right = np.argwhere(wet).mean(0) / picture.shape[:2]
        assert abs(down - 8 / 32) < 0.05 and abs(right - 8 / 32) < 0.05
        # Arrays keep the axes of the file.
        path = write(tmp_path / "a.npy", past, past, [source])
        np.testing.assert_allclose(np.load(path)[0], source.frames, rtol=1e-4)


def test_frames_per_second(tmp_path):
    # An animation has the frame rate of its video.
    write(tmp_path / "past.gif", PAST[:1], fps=20)
    source = from_video(tmp_path / "past.gif", gray=True)
    past = source.pixels(0, 3)[None]
    forecast = RNG.random((1, 2, *source.image_shape), "float32")
    path = write(tmp_path / "a.gif", past, forecast, [source])
    assert from_video(path).interval == 0.05
    for name, fps in (("a.npz", 5), ("a.gif", 0), ("a.gif", 60)):
        with pytest.raises(ValueError, match="`fps`.*Received: "):
            check_writable(tmp_path / name, fps=fps)
    check_writable(tmp_path / "a.gif", fps=50)


def test_pictures_need_1_or_3_channels(tmp_path):
    past = RNG.random((1, 3, 9, 8, 2), "float32")
    for suffix in (".png", ".gif"):
        with pytest.raises(ValueError, match="Received: 2 channels"):
            write(tmp_path / f"a{suffix}", past, past)
    write(tmp_path / "a.npy", past, past)
    assert list(contents(tmp_path)) == ["a.npy"]


@pytest.mark.parametrize("refuse", [check_writable, write])
def test_unknown_suffixes_and_missing_folders(tmp_path, refuse):
    for name in ("a", "a.npz.zip"):
        with pytest.raises(ValueError, match=f"one of .npz.*Rec.*{name}"):
            refuse(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="Received: .*nowhere"):
        refuse(tmp_path / "nowhere" / "a.npz")
    assert contents(tmp_path) == {}
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(ValueError, match="a folder. Received: .*a.npy"):
        refuse(tmp_path / "a.npy")
