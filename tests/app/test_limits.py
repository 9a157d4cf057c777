import threading
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from msrnn_keras.app.limits import Limits, Turns, check_side

pytestmark = pytest.mark.backend_free
SMALL = Limits(megabytes=1)


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", bytes(11 * 10**6))


def huge(path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 99, 99)}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)


GARBAGE = {
    "a.txt": ("must end in one of", b"text"),
    "a.gif": ("cannot be read", b"this is no GIF"),
    "b.gif": ("is empty", b""),
    "a.mp4": ("cannot be read", b"this is no video" * 99),
    "a.npz": ("cannot be read", b"PK\3\4 and no more"),
    "b.npz": ("at most 10,000,000 bytes", bomb),
    "a.npy": ("cannot be read", huge),
    "b.npy": ("at most 1 MB", bytes(1_000_001)),
    "a.nc": ("cannot be read", b"CDF\1 and no more"),
    "c.gif": (
        "4096 pixels a side",
        lambda x: Image.new("L", (1, 5000)).save(x),
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_gets_a_sentence(name, tmp_path):
    message, content = GARBAGE[name]
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(ValueError, match=f"{message}.* Received: .*{name}"):
        SMALL.check_file(path)


def test_a_file_within_the_limits(tmp_path, frames):
    np.savez_compressed(tmp_path / "a.npz", frames)
    assert SMALL.check_file(str(tmp_path / "a.npz")) == tmp_path / "a.npz"


def test_arrays_of_netcdf_are_counted_unread(tmp_path):
    xarray = pytest.importorskip("xarray")
    frames = xarray.Variable(
        ("time", "y", "x"), np.zeros((100, 200, 200), "uint8")
    )
    zipped = {"rain": {"zlib": True}}
    xarray.Dataset({"rain": frames}).to_netcdf(
        tmp_path / "a.nc", engine="netcdf4", encoding=zipped
    )
    with pytest.raises(ValueError, match="Received: 16,000,000 bytes in 'a.nc"):
        SMALL.check_file(tmp_path / "a.nc")


def test_large_frames():
    check_side((3, 256, 256, 1))
    with pytest.raises(ValueError, match="256 pixels.* Received: 10×300"):
        check_side((3, 10, 300, 1))


def test_turns_give_results_and_errors():
    turns = Turns(10.0)
    assert turns.run(lambda x: x + 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        turns.run(lambda: 1 / 0)
    assert turns.run(int) == 0


def test_a_forecast_that_takes_too_long():
    turns, end = Turns(0.1), threading.Event()
    with pytest.raises(TimeoutError, match="no result within 0.1 s"):
        turns.run(end.wait)
    with pytest.raises(TimeoutError, match="no turn within 0.1 s"):
        turns.run(int)
    end.set()
    turns.seconds = 10.0
    assert turns.run(int) == 0


def test_the_end_of_the_server_is_an_answer():
    turns, end = Turns(10.0), threading.Event()
    threading.Thread(target=lambda: (time.sleep(0.1), turns.close())).start()
    with pytest.raises(RuntimeError, match="The server ends"):
        turns.run(end.wait)
    end.set()
