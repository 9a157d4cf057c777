"""Models of frames with missing pixels (`missing="mask"`)."""

import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.losses import FrameL1L2Loss

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
    np.testing.assert_allclose(model.forecast(past), future, atol=1e-6)
    np.testing.assert_allclose(
        model.predict_all(past)[:, -2:], future, atol=1e-6
    )
    stream = model.stream()
    for frame in past[0]:
        stream.update(frame)
    np.testing.assert_allclose(stream.forecast(2), future[0], atol=1e-5)
    called = keras.ops.convert_to_numpy(model(past))
    np.testing.assert_allclose(called, future, atol=1e-5)


def test_a_hole_is_not_a_zero(clips):
    model = make()
    zeros = np.nan_to_num(holed(clips[:, :3]))
    apart = model.predict(holed(clips[:, :3]), verbose=0)
    assert np.abs(apart - model.predict(zeros, verbose=0)).max() > 1e-4


def test_what_is_behind_a_hole_changes_no_loss(clips):
    """Holes in x and y carry none, in the warm-up targets neither."""
    losses = []
    for fill in (NAN, 0.7):
        model = make()
        model.compile(keras.optimizers.SGD(0.0), loss=FrameL1L2Loss())
        whole = clips.copy()
        whole[:, 1, :4] = fill
        with_holes = whole.copy()
        with_holes[:, 1, :4] = NAN
        losses.append(
            model.train_on_batch(with_holes[:, :3], with_holes[:, 3:])
        )
    assert losses[0] == pytest.approx(losses[1])
    model = make()
    model.compile(keras.optimizers.SGD(0.0), loss=FrameL1L2Loss())
    assert model.train_on_batch(whole[:, :3], whole[:, 3:]) != losses[0]


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


def test_training_on_holes_learns(clips):
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), loss=FrameL1L2Loss())
    past, future = holed(clips[:, :3]), holed(clips[:, 3:])
    losses = model.fit(past, future, epochs=4, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for weight in model.weights:
        assert np.isfinite(keras.ops.convert_to_numpy(weight)).all()


def test_saved_and_loaded(tmp_path, clips):
    model = make()
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    past = holed(clips[:, :3])
    assert loaded.missing == "mask"
    np.testing.assert_allclose(
        loaded.predict(past, verbose=0), model.predict(past, verbose=0)
    )


def test_refusals(clips):
    with pytest.raises(ValueError, match="missing.*Received: missing='zero'"):
        make(missing="zero")
    empty = clips[:, :3].copy()
    empty[1] = NAN
    with pytest.raises(ValueError, match="Received: nothing but NaN in clip 1"):
        make().predict(empty, verbose=0)
    with pytest.raises(ValueError, match="masks them.*Received"):
        make(missing=None).predict(holed(clips[:, :3]), verbose=0)
