import numpy as np
import pytest

from msrnn_keras.data import ArraySource, MinMax
from msrnn_keras.data.lazy_frames import LazyFrames, map_frames

pytestmark = pytest.mark.backend_free

FRAMES = np.arange(6 * 8 * 9 * 2, dtype="float32").reshape(6, 8, 9, 2)


@pytest.fixture
def lazy():
    """Frames on demand, and the parts that were read."""
    parts = []

    def read(*part):
        parts.append(part)
        return FRAMES[part]

    return LazyFrames(read, FRAMES.shape), parts


def test_slices_of_slices_read_their_part_once(lazy):
    frames, parts = lazy
    part = frames[1:5, 2:, -4:][1:, :3]
    assert part.shape == (3, 3, 4, 2) and len(part) == 3 and not parts
    np.testing.assert_array_equal(part, FRAMES[2:5, 2:5, 5:])
    assert parts == [(slice(2, 5), slice(2, 5), slice(5, 9))]
    assert frames[4:2].shape == (0, 8, 9, 2)


def test_other_indices_and_functions_give_values(lazy):
    frames, parts = lazy
    np.testing.assert_array_equal(frames[-1], FRAMES[-1])
    assert parts == [(slice(5, 6), slice(0, 8), slice(0, 9))]
    np.testing.assert_array_equal(frames[2, 1:3, 4], FRAMES[2, 1:3, 4])
    np.testing.assert_array_equal(frames[::2], FRAMES[::2])
    np.testing.assert_array_equal(frames[..., 1], FRAMES[..., 1])
    np.testing.assert_array_equal(frames > 7, FRAMES > 7)
    np.testing.assert_array_equal(np.maximum(7, frames), np.maximum(7, FRAMES))
    np.testing.assert_array_equal(list(frames), FRAMES)
    assert np.asarray(frames, "float64").dtype == "float64"
    with pytest.raises(IndexError):
        frames[6]


def test_a_source_of_lazy_frames_reads_what_is_asked(lazy):
    frames, parts = lazy
    source = ArraySource(frames, scaling=MinMax(0, 1000))
    assert source.image_shape == (8, 9, 2) and not parts
    np.testing.assert_allclose(source.pixels(2, 4), FRAMES[2:4] / 1000)
    assert parts == [(slice(2, 4), slice(0, 8), slice(0, 9))]


def test_blocks_are_mapped_on_demand(lazy):
    frames, parts = lazy

    def corners(frame):
        return frame[::3, ::3][: len(frame) // 3, : frame.shape[1] // 3]

    for given in (frames, FRAMES):
        mapped = map_frames(given, corners, 3)
        expected = FRAMES[:, :6:3, ::3]
        np.testing.assert_array_equal(mapped, expected)
        part = mapped[1:3, 1:, :2]
        np.testing.assert_array_equal(part, expected[1:3, 1:, :2])
    assert parts[-1] == (slice(1, 3), slice(3, 6), slice(0, 6))
    assert isinstance(mapped, np.ndarray)
    infinite = FRAMES.copy()
    infinite[4, 0, 0] = np.inf
    with pytest.raises(ValueError, match="Received: inf in frame 4"):
        map_frames(infinite, corners, 3)
