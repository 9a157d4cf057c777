import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.losses import FrameL1L2Loss
from tests.reference import assert_close, clips, numpy

NAN = np.nan
CLIPS = clips(2, 5, (8, 9), seed=1)


def make(cell="convlstm", **kwargs):
    keras.utils.set_random_seed(3)
    options = {"image_shape": (8, 9, 1), "context": 3, "horizon": 2}
    options |= {"filters": 4, "scales": (1, 2, 1), "missing": "mask"}
    return msrnn_keras.MSStack(cell, **{**options, **kwargs})


def holed(frames, share=0.3):
    holes = np.random.default_rng(5).random(frames.shape) < share
    return np.where(holes, NAN, frames).astype("float32")


@pytest.mark.parametrize(
    ("cell", "patch_size"),
    [
        ("convlstm", 2),
        pytest.param("preciplstm", 1, marks=pytest.mark.backend_free),
    ],
)
def test_every_way_to_forecast_takes_holes(cell, patch_size):
    model = make(cell, patch_size=patch_size)
    past = holed(CLIPS[:, :3])
    future = model.predict(past, verbose=0)
    assert np.isfinite(future).all()
    assert_close(model.forecast(past), future, atol=1e-6)
    assert_close(model.predict_all(past)[:, -2:], future, atol=1e-6)
    stream = model.stream()
    for frame in past[0]:
        stream.update(frame)
    assert_close(stream.forecast(2), future[0], atol=1e-5)
    assert_close(numpy(model(past)), future, atol=1e-5)


def test_the_loss_counts_valid_pixels_alone_and_training_learns():
    model = make()
    past, future = holed(CLIPS[:, :3]), holed(CLIPS[:, 3:])
    model.compile(keras.optimizers.Adam(1e-2), loss=FrameL1L2Loss())
    predictions = model.predict_all(past)
    truth = np.concatenate([past[:, 1:], future], axis=1)
    error = np.nan_to_num(truth - predictions)
    expected = (error**2 + np.abs(error)).sum((2, 3, 4)).mean()
    losses = [model.train_on_batch(past, future) for _ in range(4)]
    assert losses[0] == pytest.approx(expected, rel=1e-4)
    assert losses[-1] < losses[0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    apart = model.predict(past, verbose=0)
    zeros = model.predict(np.nan_to_num(past), verbose=0)
    assert np.abs(apart - zeros).max() > 1e-4
