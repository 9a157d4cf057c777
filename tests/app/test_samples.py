import numpy as np
import pytest

from msrnn_keras.app.samples import digit_of, drawn, sample, synthetic_rain

pytestmark = pytest.mark.backend_free


def test_digits_depend_on_the_seed(digits):
    one, same, other = (sample(digits, 4, seed).frames for seed in (1, 1, 2))
    assert one.shape == (7, 32, 32, 1) and one.dtype == np.uint8
    assert (one == same).all() and (one != other).any()


def test_synthetic_rain_drifts(rain):
    recording = sample(rain, 9, seed=0)
    assert recording.interval == 300 and recording.unit == "mm/h"
    frames = synthetic_rain(12, (64, 48), seed=3)
    assert frames.shape == (12, 64, 48, 1) and frames.dtype == np.float32
    assert 0.05 < (frames > 0).mean() < 1 and 1 < frames.max() < 200
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert (change > 0).all()


def test_a_drawing_becomes_a_digit():
    ink = np.zeros((280, 280))
    ink[20:220, 100:140] = 1.0
    digit = digit_of(ink)
    assert digit.shape == (28, 28) and digit.dtype == np.uint8
    assert (digit[4:24, 12:16] == 255).all() and digit.sum() == 80 * 255


def test_drawn_digits_move(digits, rain):
    ink = np.zeros((50, 50))
    ink[10:40, 10:40] = 1.0
    one = drawn(digits, 4, 0, ink, None).frames
    two = drawn(digits, 4, 0, ink, ink.T).frames
    assert one.shape == two.shape == (7, 32, 32, 1)
    assert (one[0] != one[-1]).any() and (two > 0).sum() > (one > 0).sum()
    with pytest.raises(ValueError, match="Received: empty drawings"):
        drawn(digits, 4, 0, None, np.zeros((9, 9)))
    with pytest.raises(ValueError, match="Received: a preset of rain"):
        drawn(rain, 4, 0, ink)
