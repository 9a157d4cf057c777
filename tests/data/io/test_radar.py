import gzip

import numpy as np
import pytest

from msrnn_keras.data import MinMax, RainRate, from_radar
from msrnn_keras.data.io.forecasts import forecast_dataset
from tests.recordings import PROJ4, times_of, write_odim, write_pgm

pytestmark = pytest.mark.backend_free

pyproj = pytest.importorskip("pyproj")
pytest.importorskip("pysteps")
pytest.importorskip("xarray")

NAMES = ["radar_202006011200.h5", "radar_202006011205.h5", "radar_202006011210"]


def counts(count=3, size=(6, 5)):
    values = np.random.default_rng(0).integers(1, 250, (count, *size))
    values[:, 0, 0], values[:, 1, 1] = 255, 0
    return values.astype("uint8")


@pytest.fixture
def odim(tmp_path):
    # Written last first: the order is that of the times.
    for name, image in reversed(list(zip(NAMES, counts(), strict=True))):
        write_odim(tmp_path / name, image)
    return tmp_path


def test_odim_rain_is_read_in_time_order(odim, capsys):
    source = from_radar(odim, "odim_hdf5")
    expected = counts() * 0.1
    expected[counts() == 255] = np.nan
    np.testing.assert_allclose(source.frames[..., 0], expected, rtol=1e-6)
    assert source.frames.dtype == "float32"
    assert source.scaling == RainRate() and source.unit == "mm/h"
    np.testing.assert_array_equal(source.times, times_of(3))
    assert source.interval == 300
    assert source.metadata["projection"] == PROJ4
    assert capsys.readouterr() == ("", "")


def test_the_grid_is_that_of_the_file(odim):
    grid = from_radar(odim, "odim_hdf5").coordinates
    np.testing.assert_allclose(grid["x"], 500 + 1000 * np.arange(5), atol=1)
    north = -3000000 + 5500 - 1000 * np.arange(6)  # row 0 is the northernmost
    np.testing.assert_allclose(grid["y"], north, atol=1)
    crs = pyproj.CRS.from_cf(grid["crs"].attrs)
    there = pyproj.Transformer.from_crs(PROJ4, crs, always_xy=True)
    np.testing.assert_allclose(there.transform(5e5, -3e6), (5e5, -3e6))


def test_a_forecast_goes_on_in_the_grid(odim, tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    source = from_radar(odim, "odim_hdf5")
    forecast_dataset(source, source.frames[:2]).to_netcdf(tmp_path / "a.nc")
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        assert file["rainfall_rate"].grid_mapping == "crs"
        assert file["rainfall_rate"].units == "mm/h"
        assert file["crs"].grid_mapping_name == "polar_stereographic"
        times = netcdf.num2date(file["time"][:], file["time"].units)
        assert [str(time) for time in times] == [
            "2020-06-01 12:15:00",
            "2020-06-01 12:20:00",
        ]


def test_options_go_to_the_importer(tmp_path):
    for name, image in zip(NAMES, counts(), strict=True):
        write_odim(tmp_path / name, image, "DBZH")
    source = from_radar(tmp_path, "odim_hdf5", qty="DBZH")
    assert source.scaling == MinMax(-10, 60, "dBZ") and source.unit == "dBZ"
    assert source.frames[0, 1, 1, 0] == -30  # nothing detected
    assert np.isnan(source.frames[0, 0, 0, 0])
    with pytest.raises(ValueError, match="RATE not found.*Received: .*radar_"):
        from_radar(tmp_path, "odim_hdf5")


def test_fmi_images_with_a_pattern_of_names(tmp_path):
    names = ["a1_20153_1200.pgm", "b22_20153_1205.pgm", "a3_20153_1210.pgm"]
    for name, image in zip(names, counts(), strict=True):
        write_pgm(tmp_path / name, image)
    (tmp_path / "README").write_text("not an image")
    files = str(tmp_path / "*.pgm")
    source = from_radar(files, "fmi_pgm", pattern="*_%y%j_%H%M.pgm")
    expected = (counts() - 64.0) / 2
    expected[counts() == 255] = np.nan
    np.testing.assert_allclose(source.frames[..., 0], expected)
    np.testing.assert_array_equal(source.times, times_of(3))
    assert source.unit == "dBZ"
    with pytest.raises(ValueError, match="%H%M%S.*Received: 'a1_20153_1200"):
        from_radar(files, "fmi_pgm", pattern="*_%y%j_%H%M%S.pgm")
    with pytest.raises(ValueError, match="Received: '\\*.pgm'"):
        from_radar(files, "fmi_pgm", pattern="*.pgm")


def test_without_times_names_give_the_order(tmp_path):
    paths = []
    for index, image in zip((2, 10, 9), counts(), strict=True):
        paths.append(tmp_path / f"scan{index}.pgm.gz")
        whole = write_pgm(tmp_path / "whole", image).read_bytes()
        paths[-1].write_bytes(gzip.compress(whole))
    files = str(tmp_path / "scan*")
    source = from_radar(files, "fmi_pgm", gzipped=True)
    assert source.times is None and source.interval is None
    expected = (counts()[[0, 2, 1], 3, 3] - 64.0) / 2
    np.testing.assert_allclose(source.frames[:, 3, 3, 0], expected)
    as_listed = from_radar(paths, "fmi_pgm", gzipped=True)
    expected = (counts()[:, 3, 3] - 64.0) / 2
    np.testing.assert_allclose(as_listed.frames[:, 3, 3, 0], expected)


def test_sums_become_rates(odim, monkeypatch):
    from pysteps.io import interface

    def sums(path):
        return (
            np.full((4, 4), 0.5),
            None,
            {"unit": "mm", "accutime": 5.0}
            | {
                "transform": None,
                "zerovalue": 0.0,
                "threshold": 0.1,
            },
        )

    monkeypatch.setitem(interface._importer_methods, "sums", sums)
    source = from_radar(odim, "sums")
    np.testing.assert_allclose(source.frames, 6)
    assert source.unit == "mm/h" and "x" not in source.coordinates


def test_gaps_are_refused_or_split(odim):
    write_odim(odim / "radar_202006011230.h5", counts()[0])
    with pytest.raises(ValueError, match="Received: frame 3, .* 1200 s"):
        from_radar(odim, "odim_hdf5")
    source = from_radar(odim, "odim_hdf5", interval=300)
    assert source.segments == [(0, 3), (3, 4)]


def test_what_cannot_be_read_is_refused(odim, tmp_path):
    with pytest.raises(ValueError, match="fmi_pgm.*Received: 'odim'"):
        from_radar(odim, "odim")
    write_odim(odim / "radar_202006011215.h5", counts(size=(7, 5))[0])
    with pytest.raises(ValueError, match=r"Received: \(7, 5\) in .*1215"):
        from_radar(odim, "odim_hdf5")
    (odim / "radar_202006011215.h5").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="odim_hdf5.*Received: .*1215"):
        from_radar(odim, "odim_hdf5")
    (tmp_path / "empty").mkdir()
    for files in (tmp_path / "empty", str(tmp_path / "*.pgm"), []):
        with pytest.raises(FileNotFoundError, match="at least one file"):
            from_radar(files, "odim_hdf5")
    with pytest.raises(FileNotFoundError, match="no such.*none.h5"):
        from_radar([tmp_path / "none.h5"], "odim_hdf5")
