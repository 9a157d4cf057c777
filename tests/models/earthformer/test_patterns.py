"""Cuboid patterns by name."""

import pytest

from msrnn_keras.models.earthformer.patterns import (
    CROSS_PATTERNS,
    DILATED,
    LOCAL,
    SELF_PATTERNS,
    find_pattern,
)

pytestmark = pytest.mark.backend_free
SHAPE = (3, 8, 12)


@pytest.mark.parametrize(
    "name, layers",
    {
        "axial": [(3, 1, 1), (1, 8, 1), (1, 1, 12)],
        "full": [(3, 8, 12)],
        "divided_st": [(3, 1, 1), (1, 8, 12)],
        "video_swin": [(2, 4, 4), ((2, 4, 4), LOCAL, (1, 2, 2))],
        "video_swin_10x7": [(3, 7, 7), ((3, 7, 7), LOCAL, (1, 3, 3))],
        "video_swin_1x99": [(1, 8, 8), ((1, 8, 8), LOCAL, (0, 4, 4))],
        "spatial_lg_v1": [(3, 1, 1), (1, 4, 4), ((1, 4, 4), DILATED)],
        "spatial_lg_8": [(3, 1, 1), (1, 8, 8), ((1, 8, 8), DILATED)],
        "spatial_lg_12": [(3, 1, 1), (1, 8, 12)],
        "axial_space_dilate_3": [
            (3, 1, 1),
            ((1, 2, 1), DILATED),
            (1, 2, 1),
            ((1, 1, 4), DILATED),
            (1, 1, 4),
        ],
    }.items(),
)
def test_self_patterns(name, layers):
    given = find_pattern(name, SELF_PATTERNS)(SHAPE)
    expected = [
        layer if isinstance(layer[0], tuple) else (layer, LOCAL, (0, 0, 0))
        for layer in layers
    ]
    expected = [x if len(x) == 3 else (*x, (0, 0, 0)) for x in expected]
    assert [tuple(layer) for layer in given] == expected


@pytest.mark.parametrize(
    "name, layers",
    {
        "cross_1x1": [((1, 1), LOCAL, (0, 0), 1)],
        "cross_10x10": [((8, 8), LOCAL, (0, 0), 1)],
        "cross_2x2_lg": [
            ((2, 2), LOCAL, (0, 0), 1),
            ((2, 2), DILATED, (0, 0), 1),
        ],
        "cross_5x5_heter": [
            ((5, 5), LOCAL, (0, 0), 1),
            ((5, 5), DILATED, (0, 0), 1),
            ((5, 5), LOCAL, (2, 2), 1),
        ],
    }.items(),
)
def test_cross_patterns(name, layers):
    given = find_pattern(name, CROSS_PATTERNS)(SHAPE)
    assert [tuple(layer) for layer in given] == layers


@pytest.mark.parametrize(
    "name", ["axial_1", "Axial", "cross_1x2", "video_swin_0x4", "", None]
)
def test_unknown_patterns_are_refused(name):
    for table in (SELF_PATTERNS, CROSS_PATTERNS):
        with pytest.raises(ValueError, match="known are .* Received"):
            find_pattern(name, table)
