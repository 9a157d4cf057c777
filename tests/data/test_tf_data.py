import builtins

import keras
import numpy as np
import pytest

from msrnn_keras.data import MovingMNIST, as_tf_data


def make(split="train", **kwargs):
    digits = np.random.default_rng(1).integers(1, 256, (8, 6, 6))
    kwargs = {"num_clips": 5, "batch_size": 2} | kwargs
    return MovingMNIST(
        split,
        context=3,
        horizon=2,
        image_shape=(12, 10),
        digits=digits.astype("uint8"),
        **kwargs,
    )


def assert_same_batches(result, expected):
    assert len(result) == len(expected)
    for (x, y), (expected_x, expected_y) in zip(result, expected, strict=True):
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


def test_same_batches_as_the_data_set():
    pytest.importorskip("tensorflow")
    dataset = make("test", teacher_forcing=True)
    result = dataset.as_tf_data()
    assert_same_batches(list(result.as_numpy_iterator()), list(dataset))


def test_element_spec_and_length():
    pytest.importorskip("tensorflow")
    result = as_tf_data(make(teacher_forcing=True))
    x, y = result.element_spec
    assert x.shape.as_list() == [None, 4, 12, 10, 1]
    assert y.shape.as_list() == [None, 2, 12, 10, 1]
    assert x.dtype.name == y.dtype.name == "float32"
    assert len(result) == 3


def test_a_whole_pass_advances_the_epoch():
    pytest.importorskip("tensorflow")
    dataset = make()
    result = dataset.as_tf_data()
    list(result.take(1))
    assert dataset.epoch == 0
    for epoch in range(2):
        # As Keras reads it: exactly `len(result)` batches, and no more.
        iterator = result.as_numpy_iterator()
        batches = [next(iterator) for _ in range(len(result))]
        expected = make()
        expected.epoch = epoch
        assert_same_batches(batches, list(expected))
    assert dataset.epoch == 2


def test_a_pass_keeps_its_epoch_beside_another_pass():
    pytest.importorskip("tensorflow")
    dataset = make()
    result = dataset.as_tf_data()
    slow, fast = (result.as_numpy_iterator() for _ in range(2))
    first = next(slow)
    list(fast)
    assert dataset.epoch == 1
    assert_same_batches([first, *slow], list(make()))
    assert dataset.epoch == 1


def test_fit_sees_every_epoch_of_clips():
    pytest.importorskip("tensorflow")
    dataset = make(num_clips=20)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", loss=lambda y, prediction: y + 0 * prediction[:, :2])
    history = model.fit(
        dataset.as_tf_data(), epochs=3, shuffle=False, verbose=0
    )
    expected = []
    for dataset.epoch in range(3):
        expected.append(dataset.arrays()[1].mean())
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-5)


def test_without_tensorflow(monkeypatch):
    real_import = builtins.__import__

    def no_tensorflow(name, *args, **kwargs):
        if name == "tensorflow":
            raise ImportError("No module named 'tensorflow'")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_tensorflow)
    with pytest.raises(ImportError, match="pip install tensorflow.*Received:"):
        as_tf_data(make())
