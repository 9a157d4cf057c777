import sys

import keras
import numpy as np
import pytest

from msrnn_keras.data import ArraySource, Clips, MovingMNIST


@pytest.fixture
def tf():
    return pytest.importorskip("tensorflow")


def make(split="train", **kwargs):
    digits = np.random.default_rng(1).integers(1, 256, (8, 6, 6), "uint8")
    sizes = {"context": 3, "horizon": 2, "image_shape": (12, 10)}
    kwargs = {"num_clips": 5, "batch_size": 2} | kwargs
    return MovingMNIST(split, digits=digits, **sizes, **kwargs)


def make_clips(**kwargs):
    """Return clips whose pixels, times 255, are the index of their frame."""
    frames = np.arange(40, dtype="uint8")[:, None, None, None]
    source = ArraySource(frames, [(0, 9), (9, 13), (13, 40)])
    return Clips(source, 3, 2, batch_size=2, max_queue_size=1, **kwargs)


def shown(frames):
    frames = keras.ops.convert_to_numpy(frames)
    return np.rint(frames[:, 0, 0, 0, 0] * 255).astype("int64").tolist()


def epochs_seen(clips, **kwargs):
    """Return the first target frame of each clip in each epoch of `fit`."""
    epochs = []

    def loss(y, prediction):
        if epochs:
            epochs[-1] += shown(y)
        return keras.ops.mean(y) + 0 * keras.ops.mean(prediction)

    begin = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.append([])
    )
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", loss=loss, run_eagerly=True)
    model.fit(clips, epochs=3, verbose=0, callbacks=[begin], **kwargs)
    return epochs


@pytest.mark.parametrize("workers", [1, 3])
def test_every_epoch_has_every_clip_once(workers):
    clips = make_clips(shuffle=True, workers=workers)
    epochs = epochs_seen(clips, shuffle=False)
    for number, epoch in enumerate(epochs, 1):
        order = np.random.default_rng((0, number)).permutation(28)
        assert epoch == (clips.starts[order] + 3).tolist()
    # By default, `fit` shuffles the batches.
    for epoch in epochs_seen(make_clips(shuffle=True, workers=workers)):
        assert sorted(epoch) == (clips.starts + 3).tolist()


def test_predictions_are_in_order_for_any_number_of_workers():
    model = keras.Sequential([keras.layers.Lambda(lambda x: x[:, :1])])
    clips = make_clips(workers=3)
    assert shown(model.predict(clips, verbose=0)) == clips.starts.tolist()


def fit_means(dataset, **kwargs):
    """Return the mean of the targets that `fit` saw in each epoch."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", loss=lambda y, prediction: y + 0 * prediction[:, :2])
    return model.fit(dataset, verbose=0, **kwargs).history["loss"]


def test_a_resumed_fit_sees_the_same_clips():
    whole = fit_means(make(num_clips=6), epochs=4)
    assert len(set(whole)) == 4
    resumed = make(num_clips=6)
    resumed.epoch = 2
    result = fit_means(resumed, initial_epoch=2, epochs=4)
    np.testing.assert_allclose(result, whole[2:], rtol=1e-5)
    # Keras advances the epoch before `fit`; a callback can set it instead.
    follow = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(resumed, "epoch", epoch)
    )
    options = {"initial_epoch": 1, "epochs": 5, "callbacks": [follow]}
    np.testing.assert_allclose(fit_means(resumed, **options), whole, rtol=1e-5)


def assert_same_batches(result, expected):
    for batch, expected_batch in zip(result, expected, strict=True):
        for part, expected_part in zip(batch, expected_batch, strict=True):
            np.testing.assert_array_equal(part, expected_part)


def test_batches_and_epochs_of_tf_data(tf):
    dataset = make("test", teacher_forcing=True)
    result = dataset.as_tf_data()
    assert len(result) == 3
    for spec, frames in zip(result.element_spec, (4, 2), strict=True):
        assert spec.shape.as_list() == [None, frames, 12, 10, 1]
        assert spec.dtype.name == "float32"
    assert_same_batches(result.as_numpy_iterator(), list(dataset))
    clips = make_clips(shuffle=True)
    expected = list(clips)
    assert_same_batches(clips.as_tf_data().as_numpy_iterator(), expected)
    assert clips.epoch == 1
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
    dataset = make()
    result = dataset.as_tf_data()
    slow, fast = (result.as_numpy_iterator() for _ in range(2))
    first = next(slow)
    list(fast)
    assert dataset.epoch == 1
    assert_same_batches([first, *slow], list(make()))
    assert dataset.epoch == 1


def test_fit_sees_the_clips_of_every_epoch(tf):
    dataset = make(num_clips=20)
    found = fit_means(dataset.as_tf_data(), epochs=3, shuffle=False)
    expected = []
    for dataset.epoch in range(3):
        expected.append(dataset.arrays()[1].mean())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.backend_free
def test_without_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match="pip install tensorflow.*Received:"):
        make().as_tf_data()
