"""Models of frames with missing pixels (`missing="mask"`)."""

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.losses import FrameL1L2Loss
from tests.reference import assert_close, numpy

NAN = np.nan
SHAPE = (8, 9, 1)


def make(cell="convlstm", **kwargs):
    keras.utils.set_random_seed(3)
    options = {
        "image_shape": SHAPE,
        "context": 3,
        "horizon": 2,
        "filters": 4,
        "scales": (1, 2, 1),
        "missing": "mask",
    }
    return msrnn_keras.MSStack(cell, **{**options, **kwargs})


def holed(frames, share=0.3):
    holes = np.random.default_rng(5).random(frames.shape) < share
    return np.where(holes, NAN, frames).astype("float32")


@pytest.fixture
def clips():
    return np.random.default_rng(1).random((2, 5, *SHAPE), "float32")


@pytest.mark.parametrize("cell", ["convlstm", "predrnn-v2", "preciplstm"])
@pytest.mark.parametrize("patch_size", [1, 2])
def test_every_way_to_forecast_takes_holes(cell, patch_size, clips):
    model = make(cell, patch_size=patch_size)
    past = holed(clips[:, :3])
    future = model.predict(past, verbose=0)
    assert np.isfinite(future).all()
    assert_close(model.forecast(past), future, atol=1e-6)
    assert_close(model.predict_all(past)[:, -2:], future, atol=1e-6)
    stream = model.stream()
    for frame in past[0]:
        stream.update(frame)
    assert_close(stream.forecast(2), future[0], atol=1e-5)
    called = numpy(model(past))
    assert_close(called, future, atol=1e-5)


def test_the_loss_counts_valid_pixels_alone(clips):
    model = make()
    past, future = holed(clips[:, :3]), holed(clips[:, 3:])
    model.compile(keras.optimizers.SGD(0.0), loss=FrameL1L2Loss())
    predictions = model.predict_all(past)
    truth = np.concatenate([past[:, 1:], future], axis=1)
    error = np.nan_to_num(truth - predictions)
    expected = (error**2 + np.abs(error)).sum((2, 3, 4)).mean()
    given = model.train_on_batch(past, future)
    assert given == pytest.approx(expected, rel=1e-4)


def test_training_on_holes_learns_and_a_hole_is_not_a_zero(clips):
    model = make()
    past, future = holed(clips[:, :3]), holed(clips[:, 3:])
    apart = model.predict(past, verbose=0)
    zeros = model.predict(np.nan_to_num(past), verbose=0)
    assert np.abs(apart - zeros).max() > 1e-4
    model.compile(keras.optimizers.Adam(1e-2), loss=FrameL1L2Loss())
    losses = model.fit(past, future, epochs=4, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_refusals(clips):
    empty = clips[:, :3].copy()
    empty[1] = NAN
    with pytest.raises(ValueError, match="Received: nothing but NaN in clip 1"):
        make().predict(empty, verbose=0)
    with pytest.raises(ValueError, match="masks them.*Received"):
        make(missing=None).predict(holed(clips[:, :3]), verbose=0)
