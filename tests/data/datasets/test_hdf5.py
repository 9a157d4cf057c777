import h5py
import numpy as np
import pytest

from msrnn_keras.data.datasets.hdf5 import array_of, open_hdf5


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros((4, 3))
        file.create_group("group")
        file.create_dataset("packed", data=range(100_000), compression="gzip")
    return tmp_path / "a.h5"


def test_wrong_damaged_and_missing_files(path, tmp_path):
    for name, shape, message in (
        ("group", (None,), "array 'group'. Received: .*a.h5'$"),
        ("data", (None, 4), r"\(any, 4\). Received: \(4, 3\) in .*a.h5'$"),
        ("data", (None,), r"\(any\). Received: \(4, 3\) in .*a.h5'$"),
    ):
        with open_hdf5(path) as file, pytest.raises(ValueError, match=message):
            array_of(file, name, shape)
    whole = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        place = file["packed"].id.get_chunk_info(0).byte_offset
    whole[place : place + 50] = b"\xff" * 50
    for content in (whole, b"not HDF5"):
        path.write_bytes(content)
        with pytest.raises(OSError, match="cut off .*Received: .*a.h5'$"):
            with open_hdf5(path) as file:
                file["packed"][:]
    with pytest.raises(FileNotFoundError, match="Received: .*b.h5'$"):
        open_hdf5(tmp_path / "b.h5").__enter__()
