import sys

import keras
import numpy as np
import pytest

from msrnn_keras.data import ArraySource, Clips, MovingMNIST


@pytest.fixture(autouse=True)
def need_tensorflow(request):
    if "without" not in request.node.name:
        pytest.importorskip("tensorflow")


def make(split="train", **kwargs):
    digits = np.random.default_rng(1).integers(1, 256, (8, 6, 6), "uint8")
    sizes = {"context": 3, "horizon": 2, "image_shape": (12, 10)}
    kwargs = {"num_clips": 5, "batch_size": 2} | kwargs
    return MovingMNIST(split, digits=digits, **sizes, **kwargs)


def assert_same_batches(result, expected):
    assert len(result) == len(expected)
    for (x, y), (expected_x, expected_y) in zip(result, expected, strict=True):
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


def test_same_batches_as_the_data_set():
    dataset = make("test", teacher_forcing=True)
    result = dataset.as_tf_data()
    assert_same_batches(list(result.as_numpy_iterator()), list(dataset))
    frames = np.random.default_rng(0).random((9, 3, 4, 1))
    clips = Clips(ArraySource(frames), 3, 2, 2, shuffle=True)
    expected = list(clips)
    result = clips.as_tf_data().as_numpy_iterator()
    assert_same_batches(list(result), expected)
    assert clips.epoch == 1


def test_element_spec_and_length():
    result = make(teacher_forcing=True).as_tf_data()
    x, y = result.element_spec
    assert x.shape.as_list() == [None, 4, 12, 10, 1]
    assert y.shape.as_list() == [None, 2, 12, 10, 1]
    assert x.dtype.name == y.dtype.name == "float32"
    assert len(result) == 3


def test_a_whole_pass_advances_the_epoch():
    dataset = make()
    result = dataset.as_tf_data()
    list(result.take(1))
    assert dataset.epoch == 0
    for epoch in range(2):
        # Like Keras, read exactly `len(result)` batches.
        iterator = result.as_numpy_iterator()
        batches = [next(iterator) for _ in range(len(result))]
        expected = make()
        expected.epoch = epoch
        assert_same_batches(batches, list(expected))
    assert dataset.epoch == 2


def test_parallel_passes_keep_their_epoch():
    dataset = make()
    result = dataset.as_tf_data()
    slow, fast = (result.as_numpy_iterator() for _ in range(2))
    first = next(slow)
    list(fast)
    assert dataset.epoch == 1
    assert_same_batches([first, *slow], list(make()))
    assert dataset.epoch == 1


def test_fit_sees_the_clips_of_every_epoch():
    dataset = make(num_clips=20)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", loss=lambda y, prediction: y + 0 * prediction[:, :2])
    batches = dataset.as_tf_data()
    history = model.fit(batches, epochs=3, shuffle=False, verbose=0)
    expected = []
    for dataset.epoch in range(3):
        expected.append(dataset.arrays()[1].mean())
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-5)


def test_without_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match="pip install tensorflow.*Received:"):
        make().as_tf_data()
