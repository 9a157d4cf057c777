import keras
import numpy as np

from msrnn_keras.layers import AddToFrame, MarkMissing
from tests.gradients import gradients, random
from tests.reference import assert_close, assert_equal

NAN = np.nan


def test_values_and_then_which_are_there():
    x = np.array([[[[0.5, NAN], [NAN, 0.0]]]], "float32")
    assert_equal(MarkMissing()(x), [[[[0.5, 0, 1, 0], [0, 0, 0, 1]]]])
    assert MarkMissing()(keras.Input((5, 4, 3))).shape == (None, 5, 4, 6)


def test_no_gradient_is_nan():
    x = random(1, 2, 2, 1)
    x[0, 0, 0] = NAN
    upstream = random(1, 2, 2, 2)
    (of_x,) = gradients(lambda x: MarkMissing()(x), upstream, x)
    expected = upstream[..., :1].copy()
    expected[0, 0, 0] = 0
    assert_close(of_x, expected)


def test_a_missing_pixel_of_a_frame_is_zero_in_the_sum():
    x, frame = random(1, 2, 2, 1), np.full((1, 2, 2, 1), 0.5, "float32")
    frame[0, 0, 0] = NAN
    expected = x + 0.5
    expected[0, 0, 0] = x[0, 0, 0]
    assert_close(AddToFrame()([x, frame]), expected)
    upstream = random(1, 2, 2, 1)
    of_x, of_frame = gradients(
        lambda x, frame: AddToFrame()([x, frame]), upstream, x, frame
    )
    assert_close(of_x, upstream)
    upstream[0, 0, 0] = 0
    assert_close(of_frame, upstream)
