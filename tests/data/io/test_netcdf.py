import numpy as np
import pytest

from msrnn_keras.data import Clips, MinMax, RainRate, from_netcdf
from tests.recordings import STEP, rain, rain_dataset, times_of, write_netcdf

pytestmark = pytest.mark.backend_free

xarray = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")


@pytest.fixture
def path(tmp_path):
    return write_netcdf(tmp_path / "rain.nc", rain())


def test_packed_values_are_unpacked_and_fill_values_are_missing(path):
    raw = xarray.open_dataset(path, decode_cf=False)["rain"]
    assert raw.dtype == "int16" and (raw == -1).sum() == 8
    source = from_netcdf(path, "rain")
    np.testing.assert_allclose(source.frames[..., 0], rain(), rtol=1e-6)
    assert source.frames.dtype == "float32"
    assert source.image_shape == (8, 9, 1)


def test_what_the_file_says_is_kept(path):
    source = from_netcdf(path, "rain")
    assert source.unit == "mm h-1" and source.scaling == RainRate()
    assert source.interval == 300 and source.segments == [(0, 4)]
    np.testing.assert_array_equal(source.times, times_of(4))
    assert source.metadata["institution"] == "a weather service"
    assert {"crs", "lon", "time_bnds"} <= set(source.coordinates.coords)
    assert set(source.coordinates.data_vars) == {"rain"}


def test_the_only_variable_need_not_be_named(path):
    frames = from_netcdf(path).frames
    np.testing.assert_array_equal(frames, from_netcdf(path, "rain").frames)


def test_a_dataset_in_memory_is_read_as_its_file(path):
    for dataset in (
        rain_dataset(rain()),
        xarray.open_dataset(path, decode_cf=False),
    ):
        source = from_netcdf(dataset)
        np.testing.assert_allclose(source.frames[..., 0], rain(), rtol=1e-6)
        assert source.coordinates["rain"].encoding["grid_mapping"] == "crs"
        assert source.interval == 300


def test_dimensions_in_another_order_and_of_length_1():
    dataset = rain_dataset(rain())
    values = dataset["rain"].expand_dims("level")
    dataset["rain"] = values.transpose("y", "level", "x", "time")
    source = from_netcdf(dataset, "rain")
    np.testing.assert_allclose(source.frames[..., 0], rain())


def test_a_time_without_a_unit_or_values_is_no_date():
    dataset = rain_dataset(rain()).drop_vars(["time", "time_bnds"])
    source = from_netcdf(dataset)
    assert source.times is None and source.interval is None
    source = from_netcdf(dataset.assign_coords(time=[0, 5, 10, 15]))
    assert source.times is None and len(source) == 4
    with pytest.raises(ValueError, match="Received: frame 2 comes"):
        from_netcdf(dataset.assign_coords(time=[0, 5, 11, 16]))


# === Times ===


def test_uneven_times_are_refused_or_split_the_frames(tmp_path):
    times = times_of(6)[[0, 1, 2, 4, 5]]
    path = write_netcdf(tmp_path / "a.nc", rain(5), times=times)
    with pytest.raises(ValueError, match="Received: frame 3, .* comes 600 s"):
        from_netcdf(path)
    source = from_netcdf(path, interval=300)
    assert source.segments == [(0, 3), (3, 5)]
    clips = Clips(source, context=1, horizon=1, teacher_forcing=True)
    assert clips.num_clips == 3
    expected = RainRate()(rain(5)[[3, 4]])[None, ..., None]
    x, y = clips[0]
    np.testing.assert_allclose(np.stack([x[2, 0], y[2, 0]])[None], expected)


def test_other_calendars_are_refused():
    times = xarray.date_range(
        "2020-02-29", periods=4, freq="D", calendar="360_day", use_cftime=True
    )
    dataset = rain_dataset(rain()).drop_vars("time_bnds")
    with pytest.raises(ValueError, match="Received: calendar='360_day'"):
        from_netcdf(dataset.assign_coords(time=times))


# === Scaling ===


def test_another_unit_needs_a_scaling(tmp_path):
    path = write_netcdf(tmp_path / "a.nc", rain() + 250, units="K")
    with pytest.raises(ValueError, match="`scaling` is .* in the unit 'K'"):
        from_netcdf(path)
    source = from_netcdf(path, scaling=MinMax(250, 270))
    expected = rain()[..., None] / 20
    np.testing.assert_allclose(source.pixels(0, 4), expected, atol=1e-6)
    assert source.unit == "K"


# === What is refused ===


def test_the_variable_must_be_clear(path):
    several = rain_dataset(rain())
    several["snow"] = several["rain"]
    with pytest.raises(ValueError, match="variable=None of .*'snow'"):
        from_netcdf(several)
    assert from_netcdf(several, "snow").unit == "mm h-1"
    for name in ("height", "hail", "crs"):
        with pytest.raises(ValueError, match=f"Received: variable='{name}'"):
            from_netcdf(several, name)
    with pytest.raises(ValueError, match="Received: variable=None"):
        from_netcdf(several[["height"]])


def test_other_files_are_refused(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.nc"):
        from_netcdf(tmp_path / "none.nc")
    content = path.read_bytes()
    for cut in (b"", b"not NetCDF", content[: len(content) // 2]):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="cannot be read.*rain.nc"):
            from_netcdf(path)


def test_no_frames_are_refused():
    dataset = rain_dataset(rain()).isel(time=slice(0, 0))
    with pytest.raises(ValueError, match="at least one frame.*'time': 0"):
        from_netcdf(dataset, "rain")


def test_a_single_frame_has_no_interval():
    source = from_netcdf(rain_dataset(rain()).isel(time=[2]))
    assert source.interval is None and len(source) == 1
    np.testing.assert_array_equal(source.times, times_of(1) + 2 * STEP)
