import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from tests.metrics.scores import clips, gradient_difference, pixel_errors, score


def test_a_step_and_its_mirror_image_are_the_same():
    truth = np.zeros((1, 1, 3, 4, 1))
    truth[..., 2:, :] = 1.0
    assert score("gdl", truth, 1 - truth) == 0
    assert score("gdl", truth, np.zeros_like(truth)) == 3


def test_alpha():
    truth, prediction = clips((1, 2, 6, 5, 1))
    errors = pixel_errors(truth, prediction)
    expected = 0.0
    for axis in (2, 3):
        true = np.abs(np.diff(truth.astype("float64"), axis=axis))
        pred = np.abs(np.diff(truth + errors, axis=axis))
        expected += (np.abs(true - pred) ** 2).sum(axis=(2, 3, 4))
    result = score("gdl", truth, prediction, alpha=2)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    metric = metrics.GDL(alpha=2.0)
    metric.update_state(truth, prediction)
    assert float(metric.result()) == pytest.approx(expected.mean(), rel=1e-5)
    config = keras.saving.serialize_keras_object(metric)
    assert keras.saving.deserialize_keras_object(config).alpha == 2


def test_pairs_with_a_missing_pixel_are_left_out():
    truth, prediction = clips((1, 2, 9, 8, 1))
    expected = gradient_difference(
        truth[:, :1, 3:], pixel_errors(truth, prediction)[:, :1, 3:]
    )
    expected *= (8 * 8 + 9 * 7) / (5 * 8 + 6 * 7)
    truth[0, 0, :3] = np.nan
    truth[0, 1, ::2, ::2] = truth[0, 1, 1::2, 1::2] = np.nan
    result = score("gdl", truth, prediction)
    np.testing.assert_allclose(result, [[expected[0, 0], np.nan]], rtol=1e-5)
    metric = metrics.GDL()
    metric.update_state(truth, prediction)
    assert float(metric.result()) == pytest.approx(expected[0, 0], rel=1e-5)


def test_a_single_pixel_has_no_gradient():
    pixel = np.zeros((1, 1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"Received: .*\(1, 1, 1, 1, 1\)"):
        metrics.frame_gdl(pixel, pixel)
    row = np.zeros((1, 1, 1, 5, 1))
    assert score("gdl", row, row) == 0
