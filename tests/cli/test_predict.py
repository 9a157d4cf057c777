import pathlib
import sys

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import data
from msrnn_keras.cli.main import main
from msrnn_keras.data import RainRate, from_video
from msrnn_keras.data.io.geotiff import georeference
from tests.disk import full
from tests.recordings import (
    grid_dataset,
    rain,
    squares,
    times_of,
    write_avi,
    write_images,
    write_netcdf,
    write_odim,
)
from tests.reference import tiny


def test_predict_forecasts_from_all_frames(run, library, past, tmp_path):
    out = tmp_path / "out.npz"
    assert "3 forecast frames" in run(
        "predict", past, "--out", out, "--horizon", 3
    )
    model = library.load("ms-convlstm/mnist")
    frames = np.load(past)[None, ..., None]
    with np.load(out) as file:
        forecast = file["frames"]
    expected = np.clip(model.forecast(frames, horizon=3), 0, 1)
    np.testing.assert_array_equal(forecast, expected)


@pytest.mark.backend_free
def test_predict_draws(run, past, tmp_path):
    for name in ("out.png", "out.gif"):
        assert "2 forecast" in run("predict", past, "--out", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


@pytest.mark.backend_free
def test_predict_matched_has_the_values_of_the_last_frame(run, past, tmp_path):
    out = tmp_path / "out.npy"
    run("predict", past, "--out", out, "--horizon", 1, "--matched")
    last = np.sort(np.load(past)[-1].ravel())
    np.testing.assert_allclose(np.sort(np.load(out).ravel()), last, atol=1e-6)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A model whose forecasts are neither black nor white."""
    path = tmp_path_factory.mktemp("model") / "Model.keras"
    model = tiny("convlstm", context=2, scales=(1,), kernel_size=1)
    *weights, bias = model.get_weights()
    model.set_weights([*weights, bias + 0.5])
    model.save(path)
    return path


@pytest.mark.backend_free
def test_predict_goes_on_from_netcdf(run, model_file, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    given = write_netcdf(tmp_path / "in.nc", np.nan_to_num(rain()))
    command = ["predict", given, "--model", model_file, "--variable", "rain"]
    out = tmp_path / "out.nc"
    options = ["--horizon", 2, "--last", 3, "--out", out]
    assert "2 forecast frames" in run(*command, *options)
    model = keras.saving.load_model(model_file)
    pixels = RainRate()(np.nan_to_num(rain())[None, -3:, ..., None])
    expected = RainRate().inverse(model.forecast(pixels, horizon=2))
    assert 0.01 < expected.mean() < 100
    with xarray.open_dataset(given) as past, xarray.open_dataset(out) as ahead:
        np.testing.assert_allclose(
            ahead["rain"], expected[0, ..., 0], rtol=1e-3
        )
        np.testing.assert_array_equal(ahead["time"], times_of(6)[4:])
        for name in ("x", "y", "lon", "crs"):
            np.testing.assert_array_equal(ahead[name], past[name])
        assert ahead["rain"].attrs["grid_mapping"] == "crs"
        assert ahead["rain"].attrs["units"] == past["rain"].attrs["units"]
    sums = tmp_path / "sums.nc"
    run(*command, *options[:-1], sums, "--unit", "mm")
    with xarray.open_dataset(sums) as depths:
        depth = np.cumsum(expected[0, ..., 0], axis=0) / 12
        np.testing.assert_allclose(depths["rain"], depth, rtol=1e-3)
        assert depths["rain"].attrs["units"] == "mm"


@pytest.mark.backend_free
def test_predict_keeps_values_and_georeference(run, model_file, tmp_path):
    for extra in ("zarr", "rioxarray", "netCDF4"):
        pytest.importorskip(extra)
    given = tmp_path / "in.zarr"
    dataset = grid_dataset(np.nan_to_num(rain()))
    dataset.to_zarr(given, consolidated=False)
    command = ["predict", given, "--model", model_file, "--horizon", 2]
    run(*command, "--out", tmp_path / "a.npy")
    (expected,) = np.load(tmp_path / "a.npy")[..., 0]
    assert 0.01 < expected.mean() < 100
    past = data.open(given).coordinates
    for name in ("a.zarr", "a.zarr", "a.tif", "a.nc"):  # replaced once
        run(*command, "--out", tmp_path / name)
        ahead = data.open(tmp_path / name)
        np.testing.assert_array_equal(ahead.frames[..., 0], expected)
        np.testing.assert_array_equal(ahead.times, times_of(6)[4:])
        assert ahead.unit == "mm/h" and ahead.interval == 300
        for axis in "xy":
            np.testing.assert_array_equal(ahead.coordinates[axis], past[axis])
        assert georeference(ahead.coordinates) == georeference(past)
    place = georeference(past)[0]
    assert place["crs"] == "EPSG:3035"
    assert tuple(place["transform"])[:3] == (250, 0, 4.1e6 - 125)
    folders = [x.name for x in tmp_path.iterdir() if x.is_dir()]
    assert sorted(folders) == ["a.zarr", "in.zarr"]
    import rasterio

    for name in ("a.tif", f'ZARR:"{tmp_path}/a.zarr":/rain'):
        with rasterio.open(name if ":" in name else tmp_path / name) as file:
            np.testing.assert_array_equal(file.read(), expected)
            assert file.crs == "EPSG:3035"
            assert file.transform == place["transform"]


@pytest.mark.backend_free
def test_predict_cuts_and_averages(run, refuse, model_file, tmp_path):
    pytest.importorskip("rioxarray")
    given = tmp_path / "in.nc"
    grid_dataset(rain(4, (12, 16))).to_netcdf(given)
    box = [4.1e6, 3.2e6 - 1750, 4.1e6 + 2750, 3.2e6]
    command = ["predict", given, "--model", model_file, "--fill", 0]
    command += ["--out", tmp_path / "a.tif"]
    run(*command, "--bbox", *box, "--resolution", 500)
    options = {"bbox": box, "resolution": 500}
    part = data.open(given, **options)
    assert part.image_shape == (4, 6, 1)
    ahead = data.open(tmp_path / "a.tif")
    for axis in "xy":
        np.testing.assert_array_equal(
            ahead.coordinates[axis], part.coordinates[axis]
        )
    model = keras.saving.load_model(model_file)
    past = np.nan_to_num(part.pixels(0, 4))[None]
    expected = RainRate().inverse(model.forecast(past))
    np.testing.assert_allclose(ahead.frames, expected[0], rtol=1e-5)
    refuse("multiple of the size", *command, "--resolution", 300)
    refuse("within the grid", *command, "--bbox", 0, 0, 1, 1)


@pytest.mark.backend_free
@pytest.mark.filterwarnings("default::UserWarning")
def test_predict_says_what_is_assumed(capsys, model_file, tmp_path):
    pytest.importorskip("rioxarray")
    dataset = grid_dataset(np.nan_to_num(rain())).drop_vars("crs")
    for name, unit in (("y", "degrees_north"), ("x", "degrees_east")):
        degrees = 5 + 0.1 * np.arange(dataset.sizes[name])
        dataset[name] = (name, degrees, {"units": unit})
    dataset.to_netcdf(tmp_path / "in.nc")
    command = ["predict", "in.nc", "--model", model_file, "--out", "a.tif"]
    paths = {"in.nc", "a.tif"}
    command = [str(tmp_path / x if x in paths else x) for x in command]
    assert main(command) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "ellipsoid" in line and "WGS 84" in line


@pytest.mark.backend_free
def test_predict_never_writes_into_its_store(refuse, model_file, tmp_path):
    pytest.importorskip("zarr")
    given = tmp_path / "in.zarr"
    grid_dataset(rain()).to_zarr(given, consolidated=False)
    refuse("must not be one of the inputs", "predict", given, "--out", given)
    (tmp_path / "folder.zarr").mkdir()
    command = ["predict", given, "--out", tmp_path / "folder.zarr"]
    refuse("must not be a folder", *command)
    (tmp_path / "file.zarr").touch()
    command = ["predict", given, "--out", tmp_path / "file.zarr"]
    refuse("is a folder; remove the file", *command)


@pytest.mark.backend_free
def test_predict_fills_what_is_missing(run, refuse, model_file, tmp_path):
    pytest.importorskip("netCDF4")
    given = write_netcdf(tmp_path / "in.nc", rain())
    out = tmp_path / "out.npz"
    command = ["predict", given, "--model", model_file, "--out", out]
    refuse("--fill", *command)
    assert not out.exists()
    run(*command, "--fill", 0)
    with np.load(out) as file:
        assert np.isfinite(file["frames"]).all()
        np.testing.assert_array_equal(file["times"], times_of(7)[4:])
    times = times_of(5)[[0, 1, 2, 4]]
    uneven = write_netcdf(tmp_path / "uneven.nc", rain(), times=times)
    refuse("frame 3, at", "predict", uneven, *command[2:], "--fill", 0)


@pytest.mark.backend_free
def test_predict_reads_and_writes_videos(run, refuse, model_file, tmp_path):
    for extra in ("av", "imageio"):
        pytest.importorskip(extra)
    given = write_avi(tmp_path / "in.avi", squares())
    out = tmp_path / "out.mp4"
    command = ["predict", given, "--model", model_file, "--out", out]
    refuse("--gray", *command)
    options = ["--gray", "--size", "12x16", "--horizon", 2]
    run(*command, *options)
    assert len(from_video(out)) == 8 and from_video(out).interval == 0.04
    refuse("Received: 12", *command, "--gray", "--size", "12")
    given.write_bytes(given.read_bytes()[:-2000])
    refuse("may be cut off", *command, *options)
    (tmp_path / "empty").mkdir()
    refuse("Received: 0 in", "predict", tmp_path / "empty", *command[2:])


def write_radar(folder, pattern, first, quantity):
    """Write four files of radar, 5 minutes apart."""
    for extra in ("pysteps", "pyproj", "xarray", "netCDF4"):
        pytest.importorskip(extra)
    for minute in range(0, 20, 5):
        values = np.full((8, 9), first + minute, "uint8")
        write_odim(folder / pattern.format(minute), values, quantity)


@pytest.mark.backend_free
def test_predict_reads_radar_files(run, refuse, model_file, tmp_path):
    write_radar(tmp_path, "a2020-06-01_12{:02}.h5", 100, "DBZH")
    out = tmp_path / "out.nc"
    command = ["predict", tmp_path / "a*.h5", "--model", model_file]
    command += ["--out", out, "--importer", "odim_hdf5"]
    command += ["--pattern", "a%Y-%m-%d_%H%M.h5"]
    run(*command, "--option", "qty=DBZH")
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(out) as ahead:
        np.testing.assert_array_equal(ahead["time"], times_of(7)[4:])
        assert ahead["equivalent_reflectivity_factor"].attrs["units"] == "dBZ"
    refuse("RATE not found", *command)
    refuse("Received: qty", *command, "--option", "qty")
    refuse("Received: a=b", *command[:6], "--option", "a=b")


@pytest.mark.backend_free
def test_predict_scales_values_by_their_range(run, refuse, past, tmp_path):
    values = 40 * np.load(past) - 20
    np.save(tmp_path / "in.npy", values)
    out = tmp_path / "out.npy"
    command = ["predict", tmp_path / "in.npy", "--out", out]
    refuse("`scaling` is needed", *command)
    run(*command, "--range", "-20", "20")
    forecast = np.load(out)
    run("predict", past, "--out", out)
    np.testing.assert_allclose(forecast, 40 * np.load(out) - 20, atol=1e-3)
    refuse("`high` must be above", *command, "--range", "20", "-20")


@pytest.mark.backend_free
def test_predict_goes_on_after_a_gap(run, refuse, model_file, tmp_path):
    times = times_of(20)[[0, 1, 2, 17, 18]]
    frames = np.random.default_rng(0).random((5, 8, 8)).astype("float32")
    np.savez(tmp_path / "in.npz", frames=frames, times=times)
    out = tmp_path / "out.npz"
    command = ["predict", tmp_path / "in.npz", "--model", model_file]
    command += ["--out", out]
    refuse("--interval", *command)
    run(*command, "--interval", 300)
    model = keras.saving.load_model(model_file)
    expected = np.clip(model.forecast(frames[None, 3:, ..., None]), 0, 1)
    with np.load(out) as file:
        np.testing.assert_allclose(file["frames"], expected, atol=1e-6)
        assert file["times"][0] == times_of(20)[19]


@pytest.mark.backend_free
def test_predict_divides_sums_by_their_period(run, model_file, tmp_path):
    write_radar(tmp_path, "a2020060112{:02}.h5", 10, "ACRR")
    command = ["predict", tmp_path / "a*.h5", "--model", model_file]
    command += ["--importer", "odim_hdf5", "--option", "qty=ACRR"]
    forecasts = []
    for name, given in (
        ("a", ["--period", 3600]),
        ("b", ["--option", "accutime=60", "--option", "interval=300"]),
        ("c", []),  # the interval
    ):
        out = tmp_path / f"{name}.npy"
        run(*command, "--out", out, *given)
        forecasts.append(np.load(out))
    np.testing.assert_array_equal(forecasts[0], forecasts[1])
    assert np.abs(forecasts[2] - forecasts[0]).max() > 1e-3


@pytest.mark.backend_free
def test_predict_never_writes_over_its_input(refuse, past, tmp_path):
    message = "must not be one of the inputs"
    past, link = pathlib.Path(past), tmp_path / "link.npy"
    content = past.read_bytes()
    link.symlink_to(past)
    for out in (past, link):
        refuse(message, "predict", past, "--out", out)
        refuse(message, "predict", out, "--out", past)
    assert past.read_bytes() == content and link.is_symlink()
    folder = write_images(tmp_path / "in", squares(2), ["1.png", "2.png"])
    refuse(message, "predict", folder, "--out", folder / "2.png")
    command = ["predict", folder / "*.png", "--importer", "fmi_pgm"]
    refuse(message, *command, "--out", folder / "2.png")


@pytest.mark.backend_free
def test_predict_refuses_what_it_cannot_do(
    refuse, past, tmp_path, library, monkeypatch
):
    out = tmp_path / "out.npz"
    refuse("no such file", "predict", tmp_path / "none.npy", "--out", out)
    refuse("must end in", "predict", past, "--out", tmp_path / "out.txt")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "xarray", None)
        nc = tmp_path / "out.nc"
        refuse("msrnn-keras[netcdf]", "predict", past, "--out", nc)
    nowhere = tmp_path / "nowhere" / "out.npz"
    refuse("folder", "predict", past, "--out", nowhere)
    for message, *options in (
        ("positive integer. Received: 0", "--horizon", 0),
        ("Received: 3 frames", "--last", 4),
        ("fps", "--fps", 4),
        ("`gray` is not for", "--gray"),
        ("'lstm/mnist'", "--model", "lstm/mnist"),
        ("none.keras", "--model", tmp_path / "none.keras"),
    ):
        refuse(message, "predict", past, "--out", out, *options)
    given = tmp_path / "in.npy"
    for frames, message in (
        (np.full((3, 32, 32), np.nan), "nothing but NaN in clip 0"),
        (np.zeros((32, 32)), "Received: shape=(32, 32)"),
    ):
        np.save(given, frames)
        refuse(message, "predict", given, "--out", out)
    monkeypatch.setattr(msrnn_keras, "__version__", "0.0.1")
    library.load.cache_clear()
    refuse("Received: msrnn-keras 0.0.1", "predict", past, "--out", out)
    assert not out.exists()


@pytest.mark.backend_free
@pytest.mark.parametrize("suffix", ["npz", "npy", "png", "gif"])
def test_a_full_disk_leaves_the_old_forecast(past, tmp_path, refuse, suffix):
    out = tmp_path / f"forecast.{suffix}"
    out.write_bytes(b"old")
    command = ["predict", past, "--out", out]
    with full(500):
        refuse(f"The disk of {tmp_path} is full", *command)
    assert out.read_bytes() == b"old"
    assert not list(tmp_path.glob("tmp-*"))


@pytest.mark.backend_free
def test_predict_writes_members(run, refuse, past, tmp_path):
    model = tiny("convlstm", scales=(1,), noise=True)
    path = tmp_path / "noisy.keras"
    model.save(path)
    given = ("predict", past, "--model", path, "--members", 3, "--seed", 1)
    assert "3 forecast frames" in run(*given, "--out", tmp_path / "out.npy")
    frames = np.load(past)[None, ..., None].astype("float32")
    expected = model.forecast(frames, members=3, seed=1)
    assert np.ptp(expected, axis=1).max() > 0
    forecast = np.load(tmp_path / "out.npy")
    np.testing.assert_allclose(forecast, np.clip(expected, 0, 1), atol=1e-6)
    refuse("members", *given, "--out", tmp_path / "out.png")
    given = ("predict", past, "--members", 3, "--out", tmp_path / "other.npy")
    refuse("no noise", *given)


@pytest.mark.backend_free
def test_predict_writes_members_on_a_grid(run, tmp_path):
    model = tiny("convlstm", scales=(1,), noise=True, image_shape=(6, 7, 1))
    xarray = pytest.importorskip("xarray")
    path = tmp_path / "noisy.keras"
    model.save(path)
    source = write_netcdf(tmp_path / "rain.nc", np.nan_to_num(rain()))
    for name in ("out.nc", "out.zarr"):
        out = tmp_path / name
        given = ("predict", source, "--model", path, "--variable", "rain")
        run(*given, "--members", 2, "--out", out)
        engine = "zarr" if name.endswith("zarr") else "netcdf4"
        with xarray.open_dataset(out, engine=engine) as written:
            values = written["rain"]
            assert values.dims[0] == "realization" and values.shape[0] == 2
            standard = written["realization"].attrs["standard_name"]
            assert standard == "realization"
            assert np.isfinite(values).all()
