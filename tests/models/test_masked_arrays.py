"""A masked pixel (`numpy.ma`) is a missing one, wherever an array enters."""

import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MinMax, from_arrays
from msrnn_keras.data.sources import ArraySource
from msrnn_keras.evaluation import evaluate
from msrnn_keras.losses import FrameL1L2Loss
from tests.reference import assert_close, assert_equal, clips, numpy, short

HIDDEN = 1e20  # netCDF4 and pysteps leave such a number under the mask
PAST, FUTURE = clips(length=4), clips(length=3, seed=1)


def pair(frames):
    """Frames with holes: under a mask, and as NaN."""
    holes = np.random.default_rng(3).random(frames.shape) < 0.2
    masked = np.ma.array(np.where(holes, HIDDEN, frames), mask=holes)
    return masked.astype("float32"), np.where(holes, np.nan, frames)


X_MASKED, X_NAN = pair(PAST)
Y_MASKED, Y_NAN = pair(FUTURE)


@pytest.fixture(scope="module")
def model():
    model = short(missing="mask")
    model.compile(
        keras.optimizers.SGD(0.0), FrameL1L2Loss(), metrics=[metrics.MSE()]
    )
    return model


def test_forecasts(model):
    for call in (
        lambda x: model.predict(x, verbose=0),
        lambda x: model.forecast([x[0], x[1]]),
        lambda x: model.predict_all(x),
        lambda x: model.stream().update(x[:, 0]).forecast(2),
    ):
        assert_equal(call(X_MASKED), call(X_NAN))


def test_training_and_scores_of_keras(model):
    def run(x, y):
        history = model.fit(x, y, validation_data=(x, y), verbose=0).history
        batches = ((x, y) for _ in range(2))
        return [
            *model.evaluate(x, y, verbose=0),
            *(history[name][0] for name in ("loss", "val_loss", "val_mse")),
            *model.evaluate(batches, verbose=0),
            model.train_on_batch(x, y)[0],
        ]

    expected = run(X_NAN, Y_NAN)
    assert np.isfinite(expected).all()
    assert_close(run(X_MASKED, Y_MASKED), expected, rtol=1e-5)


def test_losses_and_metrics():
    for score in (
        FrameL1L2Loss(),
        metrics.MSE().frame_scores,
        metrics.SSIM().frame_scores,
    ):
        given = numpy(score(Y_MASKED, FUTURE))
        assert_equal(given, numpy(score(Y_NAN, FUTURE)))
    still = Persistence(4, 3)
    scores = [metrics.MSE(), metrics.CSI(0.5)]
    expected = evaluate(still, (X_NAN, Y_NAN), scores)
    assert evaluate(still, (X_MASKED, Y_MASKED), scores) == expected
    assert evaluate(still, [(X_MASKED, Y_MASKED)], scores) == expected


@pytest.mark.backend_free
def test_sources():
    rain = np.ma.masked_greater(
        np.array([0.0, 5.0, HIDDEN, 10.0], "float32").reshape(4, 1, 1), 1e6
    )
    right = np.array([0, 0.5, np.nan, 1], "float32").reshape(4, 1, 1, 1)
    for frames in (rain, list(rain)):
        source = from_arrays(frames, scaling=MinMax(0, 10))
        assert_equal(source.pixels(0, 4), right)
    # The range of values that are pixels is that of those not masked.
    assert_equal(from_arrays(rain / 10).pixels(0, 4), right)
    bytes_ = np.ma.array([0, 51, 99, 255], "uint8", mask=[0, 0, 1, 0])
    pixels = from_arrays(bytes_.reshape(4, 1, 1)).pixels(0, 4).ravel()
    assert_close(pixels, np.array([0, 0.2, np.nan, 1]), rtol=1e-6)

    class Variable:
        """As in netCDF4: no masked array, but slices that are."""

        dtype, shape, ndim = np.dtype("float32"), (4, 1, 1, 1), 4

        def __len__(self):
            return 4

        def __getitem__(self, part):
            return rain[..., None][part] / 10

    assert_equal(ArraySource(Variable()).pixels(0, 4), right)
