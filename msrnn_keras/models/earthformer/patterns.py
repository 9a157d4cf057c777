"""Cuboid patterns: from a name to the attention layers of a block.

A pattern is a function from the size `(time, height, width)` of a map, and
the numbers in its name, to a list of layers. Capitals in the keys of the
tables are numbers; the same letter is the same number.
"""

import functools
import re
from typing import NamedTuple

LOCAL, DILATED = ("l", "l", "l"), ("d", "d", "d")


class Cuboid(NamedTuple):
    """One layer of self-attention."""

    size: tuple  # (time, height, width)
    strategy: tuple = LOCAL  # "l" (local) or "d" (dilated), for each axis
    shift: tuple = (0, 0, 0)


class CrossCuboid(NamedTuple):
    """One layer of cross-attention."""

    size: tuple  # (height, width)
    strategy: tuple = LOCAL  # for time, height and width
    shift: tuple = (0, 0)
    n_temporal: int = 1  # cuboids along time


def axial(shape):
    """Attend along each axis by itself."""
    time, height, width = shape
    return [Cuboid(x) for x in ((time, 1, 1), (1, height, 1), (1, 1, width))]


def full(shape):
    """Attend to the whole map."""
    return [Cuboid(tuple(shape))]


def divided_space_time(shape):
    """Attend along time, then within each frame."""
    time, height, width = shape
    return [Cuboid((time, 1, 1)), Cuboid((1, height, width))]


def video_swin(shape, frames, pixels):
    """Attend within windows, then within shifted windows."""
    time, height, width = shape
    frames, pixels = min(frames, time), min(pixels, height, width)
    size, half = (frames, pixels, pixels), pixels // 2
    return [Cuboid(size), Cuboid(size, LOCAL, (frames // 2, half, half))]


def spatial_local_global(shape, pixels):
    """Attend along time, within local blocks, then within dilated ones."""
    time, height, width = shape
    if height <= pixels and width <= pixels:
        return divided_space_time(shape)
    size = (1, pixels, pixels)
    return [Cuboid((time, 1, 1)), Cuboid(size), Cuboid(size, DILATED)]


def axial_space_dilated(shape, parts):
    """Attend along each axis; those of a frame in parts, dilated first."""
    time, height, width = shape
    parts = min(parts, height, width)
    layers = [Cuboid((time, 1, 1))]
    for size in ((1, height // parts, 1), (1, 1, width // parts)):
        layers += [Cuboid(size, DILATED), Cuboid(size)]
    return layers


def cross(shape, pixels):
    """Attend to all frames of the same block of pixels."""
    return [CrossCuboid((min(pixels, *shape[1:]),) * 2)]


def cross_local_global(shape, pixels):
    """Attend to local blocks, then to dilated ones."""
    (local,) = cross(shape, pixels)
    return [local, local._replace(strategy=DILATED)]


def cross_heterogeneous(shape, pixels):
    """Attend to local, dilated and shifted blocks."""
    local, dilated = cross_local_global(shape, pixels)
    half = tuple(n // 2 for n in local.size)
    return [local, dilated, local._replace(shift=half)]


SELF_PATTERNS = {
    "axial": axial,
    "full": full,
    "divided_st": divided_space_time,
    "video_swin": lambda shape: video_swin(shape, 2, 4),
    "video_swin_PxM": video_swin,
    "spatial_lg_v1": lambda shape: spatial_local_global(shape, 4),
    "spatial_lg_M": spatial_local_global,
    "axial_space_dilate_K": axial_space_dilated,
}
CROSS_PATTERNS = {
    "cross_KxK": cross,
    "cross_KxK_lg": cross_local_global,
    "cross_KxK_heter": cross_heterogeneous,
}


def find_pattern(name, table):
    """Return the function of a pattern: from the size of a map to layers.

    Raises:
        ValueError: If the table has no such pattern.
    """
    for key, function in table.items():
        seen = set()

        def number(match, seen=seen):
            letter = match.group()
            if letter in seen:
                return f"(?P={letter})"
            seen.add(letter)
            return rf"(?P<{letter}>[1-9]\d*)"

        match = re.fullmatch(re.sub("[A-Z]", number, key), str(name))
        if match:
            numbers = [int(text) for text in match.groups()]
            return functools.partial(_apply, function, numbers)
    raise ValueError(
        f"Unknown cuboid pattern; known are {', '.join(table)}, where "
        f"capitals are numbers. Received: {name!r}"
    )


def _apply(function, numbers, shape):
    """Call the function of a pattern with the numbers in its name."""
    return function(shape, *numbers)
