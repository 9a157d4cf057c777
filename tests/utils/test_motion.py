import numpy as np
import pytest

from msrnn_keras.utils.motion import (
    advect,
    blurred,
    motion_field,
    to_moving_frame,
)

pytestmark = pytest.mark.backend_free


def blobs(frames=8, size=48, velocity=(1, 2)):
    """Blobs that move (down, right) by pixels per frame, (time, …, 1)."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:size, :size]
    clip = np.zeros((frames, size, size, 1), "float32")
    for y, x, width in rng.uniform((-10, -10, 2), (size, size, 4), (25, 3)):
        for time in range(frames):
            square = (rows - y - velocity[0] * time) ** 2
            square += (columns - x - velocity[1] * time) ** 2
            clip[time, ..., 0] += np.exp(-square / (2 * width**2))
    return clip / clip.max()


def uniform(velocity, size):
    """A field of one velocity, (down, right)."""
    return np.ones((2, size, size)) * np.reshape(velocity[::-1], (2, 1, 1))


def test_a_uniform_field_shifts_frames_there_and_back():
    frame = np.random.default_rng(0).random((12, 12, 2)).astype("float32")
    field = uniform((1, 2), 12)
    steps = (-2, 0, 1, 3, 1)
    moved = advect(frame, field, steps)
    assert moved.shape == (5, 12, 12, 2) and moved.dtype == "float32"
    for step, result in zip(steps, moved, strict=True):
        expected = np.full_like(frame, np.nan)
        for row, column in np.ndindex(12, 12):
            source = row - step, column - 2 * step
            if min(source) >= 0 and max(source) < 12:
                expected[row, column] = frame[source]
        np.testing.assert_allclose(result, expected, atol=1e-6)
    one_each = advect(moved[[2, 3]], field, (2, 0))
    known = np.isfinite(one_each[0])
    np.testing.assert_allclose(one_each[0][known], moved[3][known], atol=1e-6)
    np.testing.assert_array_equal(one_each[1], moved[3])
    half = advect(frame, field, (0.5,))[0]
    mean = (frame[1:, 1:] + frame[:-1, 1:]) / 2
    np.testing.assert_allclose(half[1:, 2:], mean[:, :-1], atol=1e-6)


def test_missing_pixels_move_and_neither_grow_nor_get_dry():
    frame = np.ones((20, 20, 1), "float32")
    frame[5:9, 5:9] = np.nan
    moved = advect(frame, uniform((0.4, 0.4), 20), (1, 2, 5))
    for index, low in ((0, 5), (1, 6), (2, 7)):  # by 0.4, 0.8 and 2
        inside = np.isnan(moved[index, 2:, 2:, 0])
        missing = np.argwhere(inside) + 2
        assert (missing.min(), missing.max()) == (low, low + 3)
        assert abs(len(missing) - 16) <= 4
    np.testing.assert_allclose(moved[np.isfinite(moved)], 1, atol=1e-6)


def test_in_the_moving_frame_what_moves_stands_still():
    clip = blobs()
    moving = to_moving_frame(clip, context=4)
    assert moving.shape == clip.shape and moving.dtype == "float32"
    np.testing.assert_array_equal(moving[3], clip[3])
    inside = (slice(None), slice(14, -14), slice(14, -14))
    error = np.abs(moving[inside] - clip[3:4][inside]).mean((1, 2, 3))
    before = np.abs(clip[inside] - clip[3:4][inside]).mean((1, 2, 3))
    assert (
        error[[0, 1, 2, 4, 5, 6, 7]] < 0.2 * before[[0, 1, 2, 4, 5, 6, 7]]
    ).all()
    # What leaves or enters is unknown: rows at the top of the past.
    assert np.isnan(moving[0, 0, :, 0]).all()
    assert np.isnan(moving[7, -1, :, 0]).all()
    later = clip.copy()
    later[4:] = 0
    np.testing.assert_array_equal(to_moving_frame(later, 4)[:4], moving[:4])


def test_where_nothing_is_seen_nothing_moves():
    for images in (np.ones((3, 8, 8)), np.full((3, 8, 8), np.nan)):
        np.testing.assert_array_equal(motion_field(images), np.zeros((2, 8, 8)))
    clip = np.full((4, 8, 8, 1), np.nan, "float32")
    np.testing.assert_array_equal(to_moving_frame(clip, 2), clip)
    clip = blobs()
    clip[1] = np.nan  # a frame that did not arrive
    field = motion_field(clip[..., 0])
    np.testing.assert_allclose(np.median(field, (1, 2)), (2, 1), atol=0.1)


def test_a_blur_grows_with_time_and_missing_pixels_are_not_dry():
    frames = np.full((3, 24, 24, 1), 0.5, "float32")
    frames[:, 5:9, 5:9] = np.nan
    np.testing.assert_allclose(blurred(frames, 0.5), frames, atol=1e-6)
    frames[:, 16, 16] = 1.0
    peaks = blurred(frames, 0.5)[:, 16, 16, 0]
    assert (np.diff(peaks) < 0).all() and peaks[0] < 0.9
    np.testing.assert_array_equal(blurred(frames, 0), frames)
