import sys

import pytest

from msrnn_keras.data import from_netcdf, from_radar, from_video
from msrnn_keras.data.io.read import open_recording
from msrnn_keras.data.io.write import check_writable
from msrnn_keras.utils.extras import require

pytestmark = pytest.mark.backend_free


def test_a_module_is_imported():
    assert require("json", "radar") is sys.modules["json"]


@pytest.mark.parametrize(
    "module, extra, use",
    [
        ("av", "video", lambda folder: from_video(folder / "a.mp4")),
        ("av", "video", lambda folder: check_writable(folder / "b.mp4")),
        ("xarray", "netcdf", lambda folder: from_netcdf(folder / "a.nc")),
        ("xarray", "netcdf", lambda folder: check_writable(folder / "b.nc")),
        ("xarray", "geo", lambda folder: open_recording(folder / "a.zarr")),
        ("zarr", "geo", lambda folder: open_recording(folder / "a.zarr")),
        ("rioxarray", "geo", lambda folder: open_recording(folder / "a.tif")),
        ("cfgrib", "geo", lambda folder: open_recording(folder / "a.grib2")),
        ("zarr", "geo", lambda folder: check_writable(folder / "b.zarr")),
        ("rasterio", "geo", lambda folder: check_writable(folder / "b.tif")),
        ("pyproj", "radar", lambda folder: from_radar(folder, "fmi_pgm")),
        ("pysteps", "radar", lambda folder: from_radar(folder, "fmi_pgm")),
    ],
)
def test_a_missing_extra_is_named(monkeypatch, tmp_path, module, extra, use):
    for name in ("a.mp4", "a.tif", "a.grib2"):
        (tmp_path / name).touch()
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").touch()
    before = {"pyproj": ["xarray"], "pysteps": ["xarray", "pyproj"]}
    for name in before.get(module, ()):
        pytest.importorskip(name)
    monkeypatch.setitem(sys.modules, module, None)  # as if not installed
    command = rf'pip install "msrnn-keras\[{extra}\]". Received: .*{module}'
    with pytest.raises(ImportError, match=command):
        use(tmp_path)
