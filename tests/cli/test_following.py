import os
import signal

import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.cli import following
from msrnn_keras.cli.main import main
from msrnn_keras.data import MinMax, RainRate
from tests.ctrl_c import installed, interrupting
from tests.recordings import times_of, write_netcdf, write_odim
from tests.reference import tiny

pytestmark = pytest.mark.backend_free
SIDE = 16


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    pytest.importorskip("pysteps")
    options = {"scales": (1, 2, 1), "residual": True, "missing": "mask"}
    stack = tiny(context=3, horizon=2, **options)
    path = tmp_path_factory.mktemp("model") / "lagrangian.keras"
    msrnn_keras.Lagrangian(stack).save(path)
    return path


def frame(index):
    """Rain that moves to the right."""
    values = np.zeros((SIDE, SIDE), "float32")
    values[4:10, index : index + 6] = 5 + np.arange(6)
    return values


def drop(folder, index):
    """Write the frame of a time into a folder."""
    pytest.importorskip("netCDF4")
    path = folder / f"{index:02}.nc"
    times = times_of(index + 1)[-1:]
    return write_netcdf(path, frame(index)[None], times=times)


def follow(monkeypatch, model, folder, out, *events, options=()):
    """Run the command; each look at the folder is followed by an event."""
    events = iter(events)

    def sleep(seconds):
        event = next(events)
        if event is not None:
            event()

    monkeypatch.setattr(following, "sleep", sleep)
    command = ["predict", folder, "--follow", "--model", model, "--out", out]
    command += ["--interval", 300, "--format", "npz", *options]
    return main([str(x) for x in command])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stop():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    for index in range(3):
        drop(path, index)
    return path


def test_a_new_file_gives_the_forecast_of_predict(
    model_file, folder, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    events = (lambda: drop(folder, 3), None)
    options = ("--max-forecasts", 2, "--matched", "--unit", "mm")
    args = (monkeypatch, model_file, folder, out, *events)
    assert follow(*args, options=options) == 0
    printed = capsys.readouterr()
    assert printed.err == "" and printed.out.count("Wrote 2 frames") == 2
    assert names(out) == ["20200601T121000.npz", "20200601T121500.npz"]
    values = np.stack([frame(index) for index in range(1, 4)])
    given = write_netcdf(tmp_path / "in.nc", values, times=times_of(4)[1:])
    command = ["predict", given, "--model", model_file, "--matched"]
    command += ["--unit", "mm", "--out", tmp_path / "x.npz"]
    assert main(list(map(str, command))) == 0
    with (
        np.load(out / "20200601T121500.npz") as followed,
        np.load(tmp_path / "x.npz") as expected,
    ):
        assert set(followed.files) == set(expected.files)
        for name in expected.files:
            np.testing.assert_array_equal(followed[name], expected[name])
        assert expected["frames"].max() > 0.1


def test_late_repeated_broken_and_missing_files(
    model_file, folder, tmp_path, monkeypatch, capsys
):
    (folder / "00.nc").unlink()
    whole = drop(folder, 4).read_bytes()
    (folder / "04.nc").unlink()
    looks = []
    real = following.forecast_recordings

    def spy(model, recordings, *args):
        looks.append(recordings[0].read(0, 3))
        return real(model, recordings, *args)

    monkeypatch.setattr(following, "forecast_recordings", spy)

    def write(name, content):
        return lambda: (folder / name).write_bytes(content)

    events = [
        *(lambda: drop(folder, 3), None),  # the first forecast
        *(lambda: drop(folder, 0), None),  # late
        *(write("copy.nc", (folder / "02.nc").read_bytes()), None),  # repeated
        *(write("04.nc", whole[: len(whole) // 2]), None, None),  # half-written
        *(write("04.nc", whole), None),  # complete: the second
        *(write("05.nc", b"broken"), None),
        *(lambda: drop(folder, 6), None),  # one is missing: the third
        stop,
    ]
    out = tmp_path / "out"
    with interrupting():
        status = follow(monkeypatch, model_file, folder, out, *events)
    assert status == 130
    lines = capsys.readouterr().err.splitlines()
    expected = [
        "no forecast: A forecast needs 3 frames",
        "00.nc is skipped: The frame is late or repeated",
        "copy.nc is skipped: The frame is late or repeated",
        "04.nc is broken so far",
        "05.nc is broken so far",
        "1 missing frame(s) after 2020-06-01T12:20:00",
        "05.nc counts as missing",
        "msrnn predict: stopped",
    ]
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start)
    assert names(out) == [f"20200601T12{m}00.npz" for m in (15, 20, 30)]
    expected = ((1, 2, 3), (2, 3, 4), (4, None, 6))
    for seen, last in zip(looks, expected, strict=True):
        for found, index in zip(seen[..., 0], last, strict=True):
            value = np.full((SIDE, SIDE), np.nan)
            value = value if index is None else frame(index)
            np.testing.assert_allclose(found, value, atol=1e-5)


def test_a_file_that_still_changes_is_read_later(
    model_file, folder, tmp_path, monkeypatch
):
    (folder / "02.nc").unlink()
    last = times_of(3)[-1:]

    def write(rain):
        return lambda: write_netcdf(folder / "02.nc", rain[None], times=last)

    out, final = tmp_path / "out", frame(2)
    events = (write(0.1 * final), write(final), None)
    options = ("--max-forecasts", 1)
    seen = []
    real = following.forecast_recordings
    monkeypatch.setattr(
        following,
        "forecast_recordings",
        lambda model, x, *rest: (
            seen.append(x[0].read(2, 3)[0, ..., 0]) or real(model, x, *rest)
        ),
    )
    args = (monkeypatch, model_file, folder, out, *events)
    assert follow(*args, options=options) == 0
    (read,) = seen
    np.testing.assert_allclose(read, final, atol=1e-5)


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_arrays_and_radar_files_become_netcdf(kind, tmp_path, monkeypatch):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("pysteps")
    folder, model = tmp_path / "in", tmp_path / "stack.keras"
    folder.mkdir()
    stack = tiny(context=3, horizon=2, missing="mask")
    stack.save(model)
    pixels = np.stack([frame(index) for index in range(3)]) / 10
    for index, values in enumerate(pixels):
        path = folder / f"a2020060112{5 * index:02}.{kind}"
        if kind == "npz":
            np.savez(path, frames=values[None])
        else:
            write_odim(path, (100 * values).astype("uint8"))
    options = ["--pattern", "a%Y%m%d%H%M*", "--format", "nc", "--once"]
    scaling, unit = MinMax(), "1"
    if kind == "h5":
        options += ["--importer", "odim_hdf5"]
        scaling, unit = RainRate(), "mm/h"
        pixels = scaling(10 * pixels)
    out = tmp_path / "out"
    assert follow(monkeypatch, model, folder, out, options=options) == 0
    expected = scaling.inverse(stack.forecast(pixels[None, ..., None]))
    with xarray.open_dataset(out / "20200601T121000.nc") as ahead:
        (values,) = (x for x in ahead.data_vars.values() if x.ndim == 3)
        np.testing.assert_allclose(values, expected[0, ..., 0], rtol=1e-4)
        np.testing.assert_array_equal(ahead["time"], times_of(5)[3:])
        assert values.attrs["units"] == unit


def test_once_and_sigterm(model_file, folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    before = signal.getsignal(signal.SIGTERM)
    args = monkeypatch, model_file, folder, out
    assert follow(*args, options=["--once"]) == 0
    assert names(out) == ["20200601T121000.npz"]

    def terminate():
        os.kill(os.getpid(), signal.SIGTERM)

    with installed():
        assert follow(*args, terminate) == 143
    assert signal.getsignal(signal.SIGTERM) == before
    assert capsys.readouterr().err.splitlines() == ["msrnn predict: terminated"]


def test_what_follow_refuses(model_file, folder, tmp_path, monkeypatch, capsys):
    args = monkeypatch, model_file, folder
    assert follow(*args, folder) == 2
    assert "among the inputs" in capsys.readouterr().err
    for name in ("01.nc", "02.nc"):
        (folder / name).unlink()
    assert follow(*args, tmp_path / "out", options=["--once"]) == 2
    assert "A forecast needs 3 frames" in capsys.readouterr().err
    (folder / "00.nc").unlink()
    assert follow(*args, tmp_path / "out", options=["--once"]) == 2
    assert "Received: none in" in capsys.readouterr().err
    assert names(tmp_path / "out") == []
