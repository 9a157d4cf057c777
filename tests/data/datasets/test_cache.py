import os

import numpy as np

from msrnn_keras.data.datasets.cache import cached_array, file_digest


def test_cached_arrays_and_digests(tmp_path):
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
    for size in (0, 40, 3000):  # a damaged file is replaced
        os.truncate(path, size)
        np.testing.assert_array_equal(cached_array(path, lambda: np.ones(4)), 1)
    path = tmp_path / "a"
    path.write_bytes(b"12")
    first = file_digest(path)
    assert first == file_digest(str(path))
    os.utime(path, ns=(1, 1))
    second = file_digest(path)
    path.write_bytes(b"123")
    os.utime(path, ns=(1, 1))
    assert len({first, second, file_digest(path)}) == 3
