import warnings

import numpy as np
import pytest

from msrnn_keras.data import digits_source, load_digits
from msrnn_keras.data.datasets import digits as digits_module

pytestmark = pytest.mark.backend_free


@pytest.fixture(autouse=True)
def forget_files():
    """Makes every test read its own files."""
    digits_module._read_mnist.cache_clear()
    digits_module._find_mnist.cache_clear()
    yield
    digits_module._read_mnist.cache_clear()
    digits_module._find_mnist.cache_clear()


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """An empty Keras home, with no network."""

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(digits_module, "ADDRESS", tmp_path.as_uri() + "/none")
    (tmp_path / "datasets").mkdir()
    return tmp_path


def numbered(count, marker):
    """Returns digits that carry their index and a marker in their pixels."""
    digits = np.zeros((count, 28, 28), "uint8")
    digits[:, 0, 0] = np.arange(count) % 256
    digits[:, 0, 1] = np.arange(count) // 256
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


def test_splits_are_parts_of_the_right_ranges(mnist_file):
    train = load_digits("train", mnist_file)
    validation = load_digits("validation", mnist_file)
    test = load_digits("test", mnist_file)
    np.testing.assert_array_equal(indices(train), np.arange(55_000))
    np.testing.assert_array_equal(
        indices(validation), np.arange(55_000, 60_000)
    )
    np.testing.assert_array_equal(indices(test), np.arange(10_000))
    assert set(train[:, 0, 2]) == set(validation[:, 0, 2]) == {1}
    assert set(test[:, 0, 2]) == {2}


def test_path_comes_before_the_cache(keras_home, mnist_file):
    np.savez(
        keras_home / "datasets" / "mnist.npz",
        x_train=numbered(60_000, 7),
        x_test=numbered(10_000, 8),
    )
    assert load_digits("test", mnist_file)[0, 0, 2] == 2
    assert digits_source(mnist_file) == "path"
    assert load_digits("test")[0, 0, 2] == 8
    assert digits_source() == "cache"


def test_download_when_the_cache_is_empty(keras_home, monkeypatch, mnist_file):
    monkeypatch.setattr(digits_module, "ADDRESS", mnist_file.as_uri())
    monkeypatch.setattr(digits_module, "SIZE", mnist_file.stat().st_size)
    assert digits_source() == "download"
    np.testing.assert_array_equal(
        indices(load_digits("validation")), np.arange(55_000, 60_000)
    )
    cache = keras_home / "datasets" / "mnist.npz"
    assert cache.read_bytes() == mnist_file.read_bytes()
    digits_module._find_mnist.cache_clear()
    assert digits_source() == "cache"


@pytest.mark.parametrize("longer", [-1, 1])
def test_a_download_of_another_size_is_not_used(
    keras_home, monkeypatch, mnist_file, longer
):
    path = keras_home / "other.npz"
    path.write_bytes((mnist_file.read_bytes() + b"x")[: longer - 1 or None])
    monkeypatch.setattr(digits_module, "ADDRESS", path.as_uri())
    monkeypatch.setattr(digits_module, "SIZE", mnist_file.stat().st_size)
    assert digits_source() == "sample"


def test_a_damaged_cache_is_passed_over(keras_home):
    (keras_home / "datasets" / "mnist.npz").write_bytes(b"cut off")
    assert digits_source() == "sample"


def test_sample_without_cache_and_network(keras_home):
    assert digits_source() == "sample"
    with pytest.warns(UserWarning, match="1000 train digits that ships"):
        train = load_digits("train")
    with pytest.warns(UserWarning, match="keras.datasets.mnist.load_data"):
        validation = load_digits("validation")
    with pytest.warns(UserWarning, match="500 test"):
        test = load_digits("test")
    parts = [{d.tobytes() for d in part} for part in (train, validation, test)]
    assert [len(part) for part in parts] == [1000, 200, 500]
    assert len(set.union(*parts)) == 1700  # no digit is in two splits
    assert 30 < train.mean() < 36  # MNIST's mean pixel is 33.3


def test_no_warning_with_the_full_set(mnist_file):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_digits("train", mnist_file)


def test_the_file_is_read_once(mnist_file, monkeypatch):
    first = load_digits("train", mnist_file)

    def no_reading(*args, **kwargs):
        raise AssertionError("read again")

    monkeypatch.setattr(np, "load", no_reading)
    assert load_digits("train", mnist_file) is first


def test_shared_digits_cannot_be_changed(mnist_file):
    with pytest.raises(ValueError, match="read-only"):
        load_digits("test", mnist_file)[0] = 0


def test_unknown_split():
    with pytest.raises(ValueError, match="Received: split='valid'$"):
        load_digits("valid")


def test_missing_path_has_no_fallback(keras_home):
    with pytest.raises(FileNotFoundError, match="Received: path=.*gone.npz$"):
        load_digits("train", keras_home / "gone.npz")


def test_wrong_keys(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, images=np.zeros(3))
    with pytest.raises(ValueError, match="`x_train` and `x_test`.*other.npz$"):
        load_digits("train", path)


def test_not_an_npz_file(tmp_path):
    path = tmp_path / "other.npz"
    path.write_text("digits")
    with pytest.raises(ValueError, match="reading it failed.*other.npz$"):
        load_digits("train", path)


@pytest.mark.parametrize(
    "x_test",
    [np.zeros((9_999, 28, 28), "uint8"), np.zeros((10_000, 28, 28), "int16")],
    ids=["count", "dtype"],
)
def test_wrong_arrays(tmp_path, mnist_arrays, x_test):
    path = tmp_path / "other.npz"
    np.savez(path, x_train=mnist_arrays["x_train"], x_test=x_test)
    with pytest.raises(ValueError, match="`x_test` in the MNIST file must be"):
        load_digits("train", path)
