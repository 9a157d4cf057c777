import sys
import types

import numpy as np
import pytest

from msrnn_keras.data import OfficialMNIST, load

RNG = np.random.default_rng(0)
CLIPS = RNG.integers(0, 256, (20, 3, 64, 64), "uint8")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    np.save(tmp_path / "mnist_test_seq.npy", CLIPS)
    return tmp_path


def test_tensorflow_datasets_is_used_once(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match="tensorflow-datasets.*Received:"):
        OfficialMNIST()
    asked = []

    def tfds_load(name, split):
        asked.append((name, split))
        return [{"image_sequence": CLIPS[:, i, ..., None]} for i in range(3)]

    fake = types.SimpleNamespace(load=tfds_load, as_numpy=iter)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", fake)
    for _ in range(2):
        source = OfficialMNIST()
        np.testing.assert_array_equal(source.read(20, 40)[..., 0], CLIPS[:, 1])
    assert asked == [("moving_mnist", "test")]


def test_each_clip_once_and_wrong_files(path):
    dataset = load("mnist-official", "test", path=path, batch_size=2)
    assert dataset.num_clips == 3 and dataset.image_shape == (64, 64, 1)
    x, y = dataset.arrays()
    gray = CLIPS.transpose(1, 0, 2, 3)[..., None]
    np.testing.assert_allclose(x, gray[:, :10] / 255, rtol=1e-6)
    np.testing.assert_allclose(y, gray[:, 10:] / 255, rtol=1e-6)
    np.testing.assert_allclose(dataset.inverse(y), gray[:, 10:], atol=1e-4)
    # Shorter clips start with the long ones.
    file = path / "mnist_test_seq.npy"
    dataset = load("mnist-official", "test", path=file, context=4, horizon=2)
    assert dataset.starts.tolist() == [0, 20, 40]
    with pytest.raises(ValueError, match="21 consec.*Received: 20 at most$"):
        load("mnist-official", "test", path=path, horizon=11)
    file = path / "mnist_test_seq.npy"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(OSError, match="Received: .*mnist_test_seq.npy"):
        OfficialMNIST("test", path)
    for wrong in (CLIPS[:19], CLIPS / 255, CLIPS[:, 0], CLIPS[:, :0]):
        np.save(file, wrong)
        with pytest.raises((ValueError, OSError), match="Received: .*seq.npy"):
            OfficialMNIST("test", file)
    with pytest.raises(FileNotFoundError, match="toronto.*Received: .*none'$"):
        OfficialMNIST("test", path / "none")
    with pytest.raises(ValueError, match="Received: split='train'$"):
        load("mnist-official", "train", path=path)
