import os
import pathlib
import sys

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.data import RainRate, from_video
from tests.recordings import (
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


def test_predict_draws(run, past, tmp_path):
    for name in ("out.png", "out.gif"):
        assert "2 forecast" in run("predict", past, "--out", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A model whose forecasts are neither black nor white."""
    path = tmp_path_factory.mktemp("model") / "Model.keras"
    model = tiny("convlstm", context=2, scales=(1,), kernel_size=1)
    *weights, bias = model.get_weights()
    model.set_weights([*weights, bias + 0.5])
    model.save(path)
    return path


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


def test_predict_refuses_uneven_times(refuse, model_file, tmp_path):
    pytest.importorskip("netCDF4")
    times = times_of(5)[[0, 1, 2, 4]]
    given = write_netcdf(tmp_path / "in.nc", rain(), times=times)
    command = ["predict", given, "--model", model_file, "--fill", 0]
    refuse("frame 3, at", *command, "--out", tmp_path / "out.nc")


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
    empty = write_netcdf(tmp_path / "empty.nc", rain() * np.nan)
    refuse("nothing but NaN in clip 0", "predict", empty, *command[2:])


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


def test_predict_reads_radar_files(run, refuse, model_file, tmp_path):
    for extra in ("pysteps", "pyproj", "xarray", "netCDF4"):
        pytest.importorskip(extra)
    for minute in range(0, 20, 5):
        path = tmp_path / f"a2020-06-01_12{minute:02}.h5"
        write_odim(path, np.full((8, 9), 100 + minute, "uint8"), "DBZH")
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


def test_predict_names_a_missing_extra(refuse, past, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    out = tmp_path / "out.nc"
    refuse("msrnn-keras[netcdf]", "predict", past, "--out", out)


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
    np.savez(tmp_path / "in.npz", frames=frames[:4], times=times[:4])
    refuse("Received: 1 frame(s) after the gap", *command, "--interval", 300)
    run(*command, "--interval", 300, "--last", 1)


def test_predict_divides_sums_by_their_period(run, model_file, tmp_path):
    for extra in ("pysteps", "pyproj", "xarray", "netCDF4"):
        pytest.importorskip(extra)
    for minute in range(0, 20, 5):
        path = tmp_path / f"a2020060112{minute:02}.h5"
        write_odim(path, np.full((8, 9), 10 + minute, "uint8"), "ACRR")
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


def test_predict_never_writes_over_its_input(refuse, past, tmp_path):
    past = pathlib.Path(past)
    content = past.read_bytes()
    (tmp_path / "link.npy").symlink_to(past)
    (tmp_path / "hard.npy").hardlink_to(past)
    (tmp_path / "folder").symlink_to(tmp_path)
    os.mkdir(tmp_path / "other")
    message = "must not be one of the inputs"
    for out in (
        past,
        tmp_path / "other" / ".." / past.name,
        tmp_path / "link.npy",
        tmp_path / "hard.npy",
        tmp_path / "folder" / past.name,
    ):
        refuse(message, "predict", past, "--out", out)
        refuse(message, "predict", out, "--out", past)
        assert past.read_bytes() == content
    assert (tmp_path / "link.npy").is_symlink()


def test_predict_never_writes_over_one_of_its_inputs(refuse, tmp_path):
    names = ["1.png", "2.png"]
    folder = write_images(tmp_path / "in", squares(2), names)
    content = (folder / "2.png").read_bytes()
    (tmp_path / "link.png").symlink_to(folder / "2.png")
    message = "must not be one of the inputs"
    for out in (folder / "2.png", tmp_path / "link.png"):
        refuse(message, "predict", folder, "--out", out)
        command = ["predict", folder / "*.png", "--importer", "fmi_pgm"]
        refuse(message, *command, "--out", out)
    assert (folder / "2.png").read_bytes() == content


def test_predict_refuses_what_it_cannot_do(refuse, past, tmp_path):
    out = tmp_path / "out.npz"
    refuse("no such file", "predict", tmp_path / "none.npy", "--out", out)
    refuse("must end in", "predict", past, "--out", tmp_path / "out.txt")
    nowhere = tmp_path / "nowhere" / "out.npz"
    refuse("folder", "predict", past, "--out", nowhere)
    refuse("horizon=0", "predict", past, "--out", out, "--horizon", 0)
    refuse("Received: 3 frames", "predict", past, "--out", out, "--last", 4)
    refuse("fps", "predict", past, "--out", out, "--fps", 4)
    refuse("`gray` is not for", "predict", past, "--out", out, "--gray")
    refuse(
        "'lstm/mnist'", "predict", past, "--out", out, "--model", "lstm/mnist"
    )
    model = tmp_path / "none.keras"
    refuse("none.keras", "predict", past, "--out", out, "--model", model)
    assert not out.exists()


@pytest.mark.parametrize(
    "frames, message",
    [
        (np.full((3, 32, 32), np.nan), "nothing but NaN in clip 0"),
        (np.zeros((3, 32, 32), "int64"), "Received: dtype=int64"),
        (np.zeros((3, 32, 32, 2)), "1 channel(s)"),
        (np.zeros((32, 32)), "Received: shape=(32, 32)"),
        (np.zeros((0, 32, 32)), "Received: shape=(0, 32, 32, 1)"),
    ],
)
def test_predict_refuses_other_frames(refuse, tmp_path, frames, message):
    np.save(tmp_path / "in.npy", frames)
    out = tmp_path / "out.npz"
    refuse(message, "predict", tmp_path / "in.npy", "--out", out)
    assert not out.exists()


def test_predict_writes_no_frames_that_are_not_finite(refuse, past, tmp_path):
    model = tiny("convlstm", context=2, scales=(1,), kernel_size=1)
    model.set_weights([np.full_like(w, 3e38) for w in model.get_weights()])
    model.save(tmp_path / "model.keras")
    for ending in ("npy", "npz", "png"):
        out = tmp_path / f"out.{ending}"
        options = ["--model", tmp_path / "model.keras", "--out", out]
        refuse("not finite", "predict", past, *options)
        assert not out.exists()


def test_a_preset_for_a_newer_package_is_refused(
    refuse, past, tmp_path, library, monkeypatch
):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.0.1")
    library.load.cache_clear()
    out = tmp_path / "out.npz"
    refuse("Received: msrnn-keras 0.0.1", "predict", past, "--out", out)
