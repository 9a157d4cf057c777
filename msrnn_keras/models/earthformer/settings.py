"""The arguments of Earthformer: checks, and the sizes that follow."""

import math
from types import SimpleNamespace
from typing import NamedTuple

from msrnn_keras.models.earthformer.embedding import POSITIONS, InitialState
from msrnn_keras.models.earthformer.parts import ACTIVATIONS
from msrnn_keras.models.earthformer.patterns import (
    CROSS_PATTERNS,
    SELF_PATTERNS,
    CrossCuboid,
    Cuboid,
    find_pattern,
)
from msrnn_keras.models.earthformer.resizing import merged
from msrnn_keras.utils.arguments import (
    check_boolean,
    check_count,
    check_integers,
    check_positive,
    check_within,
)

GROUPS = 16  # of the group normalizations of "conv"
CHOICES = {
    "pos_embed_type": tuple(POSITIONS),
    "padding_type": ("zeros", "ignore"),
    "z_init_method": InitialState.METHODS,
    "initial_downsample_type": ("conv", "stack_conv"),
    "initial_downsample_activation": tuple(ACTIVATIONS),
    "ffn_activation": tuple(ACTIVATIONS),
    "remat": (None, "layer"),
}
POSITIVE = (
    *("base_units", "num_heads", "downsample", "global_dim_ratio"),
    *("output_channels", "initial_downsample_scale"),
)
STACK = "initial_downsample_stack_conv"
BOOLEANS = (
    *("gated_ffn", "separate_global_qkv", "self_attn_use_final_proj"),
    *("dec_self_update_global", "dec_hierarchical_pos_embed"),
)
BOOLEAN_WORDS = "use_", "enc_use_", "dec_use_"
NUMBERS = {
    **dict.fromkeys(("attn_drop", "proj_drop", "ffn_drop"), "[0, 1)"),
    "scale_alpha": "[-10, 10]",
}
COUNTS = (
    *("num_global_vectors", "dec_cross_start"),
    *("initial_downsample_conv_layers", "final_upsample_conv_layers"),
)
DEPTHS = "enc_depth", "dec_depth"
LISTS = (
    *("block_units", f"{STACK}_dim_list"),
    *(f"{STACK}_downscale_list", f"{STACK}_num_conv_list"),
)
OPTIONAL = "dec_cross_last_n_frames", f"{STACK}_num_layers"
# Pattern, then the lists of explicit cuboids: sizes, strategies, shifts, ….
CUBOIDS = {
    "enc": ("enc_attn_patterns", "enc_cuboid_size", "enc_cuboid_strategy")
    + ("enc_shift_size",),
    "dec_self": ("dec_self_attn_patterns", "dec_self_cuboid_size")
    + ("dec_self_cuboid_strategy", "dec_self_shift_size"),
    "dec_cross": ("dec_cross_attn_patterns", "dec_cross_cuboid_hw")
    + ("dec_cross_cuboid_strategy", "dec_cross_shift_hw")
    + ("dec_cross_n_temporal",),
}


class Stage(NamedTuple):
    """A stage of the initial encoder, and of the final decoder."""

    dim: int  # channels
    factor: int  # of downsampling
    convs: int
    final_convs: int
    groups: int  # of the group normalizations


def tuples(value):
    """Return nested lists as nested tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(map(tuples, value))
    return value


def check_types(options):
    """Return the options with plain types; refuse values of other types."""
    options = dict(options)
    for name, value in options.items():
        if name in BOOLEANS or name.startswith(BOOLEAN_WORDS):
            options[name] = check_boolean(name, value)
        elif name in NUMBERS:
            options[name] = check_within(name, value, NUMBERS[name])
        elif name in COUNTS:
            options[name] = check_count(name, value, 0)
        elif name in DEPTHS or (name in LISTS and value is not None):
            options[name] = check_integers(name, value)
        elif name in OPTIONAL and value is not None:
            options[name] = check_positive(name, value)
        elif name in POSITIVE and value is not None:
            options[name] = check_positive(name, value)
    return options


def complete(options, image_shape, context, horizon):
    """Return checked options as a namespace with the sizes that follow."""
    given = SimpleNamespace(**options)
    for name, known in CHOICES.items():
        _check(getattr(given, name) in known, name, given, f"one of {known}")
    for name in POSITIVE:
        setattr(given, name, check_positive(name, getattr(given, name)))
    given.levels = len(given.enc_depth)
    same = given.levels == len(given.dec_depth) > 0
    _check(same, "dec_depth", given, f"as long as enc_depth={given.enc_depth}")
    _check_rest(given, context)
    given.context, given.horizon = context, horizon
    given.stages = _stages(given)
    given.units = _units(given)
    _set_sizes(given, image_shape[:2])
    given.cuboids = {name: _cuboids(given, name) for name in CUBOIDS}
    return given


def _check(valid, name, given, expected):
    """Refuse an option that is not as expected."""
    if not valid:
        raise ValueError(
            f"`{name}` must be {expected}. "
            f"Received: {name}={getattr(given, name)!r}"
        )


def _check_rest(given, context):
    """Check the options that depend on each other."""
    start, last = given.dec_cross_start, given.dec_cross_last_n_frames
    known = range(given.levels)
    _check(start in known, "dec_cross_start", given, f"in {known}")
    if last is not None:
        expected = f"1 to {context}"
        _check(last <= context, "dec_cross_last_n_frames", given, expected)
    valid = given.global_dim_ratio == 1 or given.separate_global_qkv
    _check(valid, "global_dim_ratio", given, "1 unless separate_global_qkv")


def _stages(given):
    """Return the stages of the initial encoder: channels, factor, convs."""
    base, names = given.base_units, ("dim", "downscale", "num_conv")
    if given.initial_downsample_type == "conv":
        count = given.initial_downsample_conv_layers
        final = given.final_upsample_conv_layers
        valid = base % GROUPS == 0 or not count + final
        _check(valid, "base_units", given, f"a multiple of {GROUPS}")
        stage = (base, given.initial_downsample_scale, count, final, GROUPS)
        return [Stage(*stage)]
    lists = [getattr(given, f"{STACK}_{name}_list") for name in names]
    count = getattr(given, f"{STACK}_num_layers")
    lengths = {len(x) if x else 0 for x in lists}
    if count is not None:
        lengths.add(count)
    if len(lengths) != 1 or 0 in lengths or lists[0][-1] != base:
        raise ValueError(
            f"initial_downsample_type='stack_conv' needs {STACK}_dim_list, "
            "…_downscale_list and …_num_conv_list of …_num_layers integers, "
            f"and base_units as the last of the first. Received: {lists}, "
            f"num_layers={count}, base_units={base}"
        )
    return [
        Stage(dim, factor, n, n, max(1, dim // 4))
        for dim, factor, n in zip(*lists, strict=True)
    ]


def _units(given):
    """Return the channels of each level."""
    factor = given.downsample**given.scale_alpha
    scaled = [
        given.base_units * math.floor(factor**i) for i in range(given.levels)
    ]
    units = scaled if given.block_units is None else list(given.block_units)
    valid = len(units) == given.levels and units[0] == given.base_units
    expected = "one number for each level, base_units first"
    _check(valid, "block_units", given, expected)
    for width in units:
        valid = width % given.num_heads == 0
        _check(valid, "num_heads", given, f"a divisor of all of {units}")
    return units


def _set_sizes(given, size):
    """Set the sizes of maps: before each stage, and at each level."""
    given.stage_sizes = []
    for stage in given.stages:
        given.stage_sizes.append(tuple(size))
        size = merged(size, stage.factor)
    given.sizes = [size]
    for _ in range(given.levels - 1):
        given.sizes.append(merged(given.sizes[-1], given.downsample))


def _cuboids(given, part):
    """Return the attention layers of a block at each level."""
    name, *lists = CUBOIDS[part]
    pattern, explicit = getattr(given, name), [getattr(given, x) for x in lists]
    cross = part == "dec_cross"
    if (pattern is None) == (explicit[0] is None) or (
        pattern is not None and any(x is not None for x in explicit)
    ):
        raise ValueError(
            f"Give either `{name}` or `{lists[0]}` and its like. Received: "
            f"{name}={pattern!r}, {lists[0]}={explicit[0]!r}"
        )
    shapes = [(given.context, *size) for size in given.sizes]
    if pattern is None:
        make = CrossCuboid if cross else Cuboid
        return [_explicit(make, explicit, i) for i in range(given.levels)]
    if not isinstance(pattern, (str, tuple)):
        _check(False, name, given, "a pattern, or one for each level")
    names = [pattern] * given.levels if isinstance(pattern, str) else pattern
    _check(len(names) == given.levels, name, given, "one for each level")
    table = CROSS_PATTERNS if cross else SELF_PATTERNS
    pairs = zip(names, shapes, strict=True)
    return [find_pattern(x, table)(shape) for x, shape in pairs]


def _explicit(make, lists, level):
    """Return the layers of a level of explicit cuboids."""
    # A list of layers is the same for all levels; a list of lists has a list
    # for each level.
    depths = (2, 2, 2, 1)
    values = [
        None if x is None else (x[level] if _depth(x) > depth else x)
        for x, depth in zip(lists, depths, strict=False)
    ]
    count = len(values[0])
    given = {
        field: [x] * count if isinstance(x, int) else x
        for field, x in zip(make._fields, values, strict=False)
        if x is not None
    }
    return [
        make(**{field: x[i] for field, x in given.items()})
        for i in range(count)
    ]


def _depth(value):
    """Return how deep a list is nested."""
    return 1 + _depth(value[0]) if isinstance(value, tuple) else 0
