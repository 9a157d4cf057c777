"""Cutting maps into cuboids, against loops over the definition."""

import itertools

import numpy as np
import pytest

from msrnn_keras.models.earthformer.cuboids import (
    Axis,
    Cuboids,
    attention_mask,
    relative_index,
)
from tests.reference import numpy

# Length of the map, size of a cuboid, strategy, shift.
AXES = {
    "divides": (4, 2, "l", 0),
    "pads": (5, 2, "l", 0),
    "dilated": (5, 2, "d", 1),
    "shifted": (5, 4, "l", 2),
    "shrinks": (3, 4, "l", 2),
    "one": (3, 1, "l", 0),
}
PAIRS = list(itertools.product(AXES, repeat=2))


def cuboids(height, width):
    time = Axis.of(3, 2, "l", 1)
    return Cuboids([time, Axis.of(*AXES[height]), Axis.of(*AXES[width])])


def positions(length, size, strategy="l", shift=0):
    """The original position of each inner place of each block of an axis."""
    if length <= size:
        size, shift = length, 0
    count = -(-length // size)
    padded = size * count
    where = np.arange(padded)
    if strategy == "d":
        return where.reshape(size, count).T
    return ((where + shift) % padded).reshape(count, size)


@pytest.mark.parametrize("height, width", PAIRS)
def test_cut_and_put_back(height, width):
    cut = cuboids(height, width)
    sizes = [3, AXES[height][0], AXES[width][0]]
    x = np.random.default_rng(0).normal(size=(2, *sizes, 4)).astype("float32")
    tokens = numpy(cut.cut(cut.pad_and_shift(x), heads=2))
    assert tokens.shape == (2, cut.count, 2, cut.volume, 2)
    where = [positions(*a) for a in ((3, 2, "l", 1), AXES[height], AXES[width])]
    blocks = itertools.product(*(range(len(w)) for w in where))
    for k, block in enumerate(blocks):
        rows = [w[b] for w, b in zip(where, block, strict=True)]
        for i, place in enumerate(itertools.product(*rows)):
            inside = all(p < n for p, n in zip(place, sizes, strict=True))
            expected = x[:, *place] if inside else np.zeros((2, 4))
            given = tokens[:, k, :, i].reshape(2, 4)
            np.testing.assert_array_equal(given, expected)
            assert cut.real[k, i] == inside
    np.testing.assert_array_equal(numpy(cut.put_back(tokens)), x)


def test_padding_of_a_memory_is_at_the_front():
    cut = Cuboids([Axis(3, 2, 2, at_front=True), Axis.of(1, 1), Axis.of(1, 1)])
    x = np.arange(1, 4, dtype="float32").reshape(1, 3, 1, 1, 1)
    tokens = cut.cut(cut.pad_and_shift(x), heads=1)
    assert numpy(tokens).ravel().tolist() == [0, 1, 2, 3]
    assert cut.real.tolist() == [[False, True], [True, True]]
    np.testing.assert_array_equal(numpy(cut.put_back(tokens)), x)


def test_mask_of_shifted_and_padded_windows():
    axes = [Axis.of(1, 1), Axis.of(1, 1), Axis.of(5, 4, "l", 2)]
    cut = Cuboids(axes)
    # The rolled map is 2 3 4 _ | _ _ 0 1, in regions 0 0 0 0 | 1 1 2 2.
    expected = np.zeros((2, 4, 4), bool)
    expected[0] = expected[1, :2, :2] = expected[1, 2:, 2:] = True
    given = attention_mask(cut, cut, ignore_padding=False)
    np.testing.assert_array_equal(given, expected)
    real = np.array([[1, 1, 1, 0], [0, 0, 1, 1]], bool)
    expected &= real[:, :, None] & real[:, None]
    given = attention_mask(cut, cut, ignore_padding=True)
    np.testing.assert_array_equal(given, expected)


def test_cuboids_without_shift_have_no_mask():
    cut = Cuboids([Axis.of(4, 4), Axis.of(6, 1), Axis.of(5, 2)])
    assert attention_mask(cut, cut, ignore_padding=False) is None
    assert attention_mask(cut, cut, ignore_padding=True) is not None


def test_relative_index():
    box = (2, 3, 2)
    index = relative_index(box, 12, 12)
    grid = list(itertools.product(*map(range, box)))
    for (i, a), (j, b) in itertools.product(enumerate(grid), repeat=2):
        t, h, w = (p - q + n - 1 for p, q, n in zip(a, b, box, strict=True))
        assert index[i, j] == (t * 5 + h) * 3 + w
