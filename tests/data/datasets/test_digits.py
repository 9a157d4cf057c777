import numpy as np
import pytest

from msrnn_keras.data import digits_source, load_digits
from msrnn_keras.data.datasets import digits as module
from msrnn_keras.utils.fetching import digest


@pytest.fixture(autouse=True)
def forget_files():
    module._read_mnist.cache_clear()
    module._find_mnist.cache_clear()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return the path of MNIST in an empty Keras home, without a network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(module, "ADDRESS", tmp_path.as_uri() + "/none")
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets" / "mnist.npz"


def numbered(count, marker):
    """Return digits with their index and a marker in their pixels."""
    digits = np.zeros((count, 28, 28), "uint8")
    digits[:, 0, 1], digits[:, 0, 0] = np.divmod(np.arange(count), 256)
    digits[:, 0, 2] = marker
    return digits


def indices(digits):
    return digits[:, 0, 0].astype(int) + 256 * digits[:, 0, 1].astype(int)


@pytest.fixture(scope="module")
def mnist_arrays():
    return {"x_train": numbered(60_000, 1), "x_test": numbered(10_000, 2)}


@pytest.fixture(scope="module")
def mnist_file(tmp_path_factory, mnist_arrays):
    path = tmp_path_factory.mktemp("mnist") / "mine.npz"
    np.savez(path, **mnist_arrays)
    return path


@pytest.mark.filterwarnings("error")
def test_ranges_of_the_splits(mnist_file, monkeypatch):
    ranges = {
        "train": (0, 55_000, 1),
        "validation": (55_000, 60_000, 1),
        "test": (0, 10_000, 2),
    }
    for split, (first, last, marker) in ranges.items():
        digits = load_digits(split, mnist_file)
        np.testing.assert_array_equal(indices(digits), np.arange(first, last))
        assert set(digits[:, 0, 2]) == {marker}
    # The file is read once.
    monkeypatch.setattr(np, "load", lambda *args, **kwargs: pytest.fail())
    assert load_digits("test", mnist_file) is digits
    with pytest.raises(ValueError, match="read-only"):
        digits[0] = 0


def test_path_takes_precedence_over_the_cache(cache, mnist_file):
    np.savez(cache, x_train=numbered(60_000, 7), x_test=numbered(10_000, 8))
    assert load_digits("test", mnist_file)[0, 0, 2] == 2
    assert digits_source(mnist_file) == "path"
    assert load_digits("test")[0, 0, 2] == 8
    assert digits_source() == "cache"


def test_download_to_an_empty_cache(cache, monkeypatch, mnist_file):
    monkeypatch.setattr(module, "ADDRESS", mnist_file.as_uri())
    monkeypatch.setattr(module, "SIZE", mnist_file.stat().st_size)
    monkeypatch.setattr(module, "SHA256", digest(mnist_file))
    assert digits_source() == "download"
    assert indices(load_digits("validation"))[0] == 55_000
    assert cache.read_bytes() == mnist_file.read_bytes()
    module._find_mnist.cache_clear()
    assert digits_source() == "cache"


def test_sample_without_cache_and_network(cache):
    cache.write_bytes(b"cut off")
    assert digits_source() == "sample"
    parts = []
    for split, count in (("train", 1000), ("validation", 200), ("test", 500)):
        with pytest.warns(UserWarning, match=f"{count} {split} digits.*load_d"):
            parts.append(load_digits(split))
        assert len(parts[-1]) == count
    unique = {digit.tobytes() for part in parts for digit in part}
    assert len(unique) == 1700  # no digit is in two splits
    assert 30 < parts[0].mean() < 36  # MNIST's mean pixel is 33.3


def test_wrong_split_and_files(tmp_path, mnist_arrays):
    with pytest.raises(ValueError, match="Received: split='valid'$"):
        load_digits("valid")
    path = tmp_path / "other.npz"
    with pytest.raises(FileNotFoundError, match="Received: path=.*other.npz$"):
        load_digits("train", path)
    np.savez(path, images=np.zeros(3))
    with pytest.raises(ValueError, match="`x_train` and `x_test`.*other.npz$"):
        load_digits("train", path)
    path.write_text("digits")
    with pytest.raises(ValueError, match="reading it failed.*other.npz$"):
        load_digits("train", path)
    for count, dtype in ((9_999, "uint8"), (10_000, "int16")):
        x_test = np.zeros((count, 28, 28), dtype)
        np.savez(path, x_train=mnist_arrays["x_train"], x_test=x_test)
        with pytest.raises(ValueError, match="`x_test` in the MNIST file must"):
            load_digits("train", path)
