import os
import pathlib

import numpy as np
import pytest

from msrnn_keras.data.datasets.cache import cached_array, data_home, file_digest

pytestmark = pytest.mark.backend_free


def test_an_array_is_computed_once_and_mapped(tmp_path):
    made = []

    def make():
        made.append(1)
        return np.arange(6).reshape(2, 3)

    path = tmp_path / "new" / "a.npy"
    for _ in range(2):
        array = cached_array(path, make)
        assert isinstance(array, np.memmap)
        np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])
    assert len(made) == 1
    assert [p.name for p in path.parent.iterdir()] == ["a.npy"]


def test_a_damaged_file_is_replaced(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1000))
    for size in (0, 40, 3000):
        os.truncate(path, size)
        np.testing.assert_array_equal(cached_array(path, lambda: np.ones(4)), 1)


def test_the_digest_depends_on_size_and_time(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12")
    first = file_digest(path)
    assert first == file_digest(str(path))
    os.utime(path, ns=(1, 1))
    second = file_digest(path)
    path.write_bytes(b"123")
    os.utime(path, ns=(1, 1))
    assert len({first, second, file_digest(path)}) == 3


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert data_home("kth") == tmp_path / "datasets" / "kth"
    monkeypatch.delenv("KERAS_HOME")
    expected = pathlib.Path.home() / ".keras" / "datasets" / "kth"
    assert data_home("kth") == expected
    assert data_home("kth", "~/x") == pathlib.Path.home() / "x"
