"""Bounds on a model of a file from anyone, before it takes memory or time."""

import math
from concurrent.futures import ThreadPoolExecutor

import keras

ENTRIES = 100  # of a list
TABLES = 100  # such as a dtype policy
PARAMETERS = 10**9  # of a model without a weights file
PIXELS = 1 << 21  # of all past frames, where the model depends on them
LAYERS = "layers", 100
FRAMES = "frames", 1000
# Arguments, numbers or nested lists of them, and their largest sum.
LIMITS = {
    **dict.fromkeys(("context", "horizon"), FRAMES),
    "members": ("members", 100),
    "image_shape": ("pixels", 1 << 14),
    "spatial_layers": LAYERS,
    "translator_blocks": LAYERS,
    "enc_depth": LAYERS,
    "dec_depth": LAYERS,
    "initial_downsample_conv_layers": LAYERS,
    "final_upsample_conv_layers": LAYERS,
    "initial_downsample_stack_conv_num_conv_list": LAYERS,
}


def check_sizes(arguments, any_size=True):
    """Refuse arguments of a model that take long, whatever its weights."""
    waiting, tables = [("config", arguments)], 0
    while waiting:
        name, value = waiting.pop()
        if name in LIMITS:
            what, most = LIMITS[name]
            _check_most(what, name, _total(value), most)
        if isinstance(value, dict):
            tables += 1
            waiting += value.items()
        elif isinstance(value, list | tuple):
            _check_most("entries", name, len(value), ENTRIES)
            waiting += [("", inner) for inner in value]
    _check_most("tables", "config", tables, TABLES)
    sizes = [*arguments.get("image_shape", ())][:2]
    sizes.append(arguments.get("context"))
    if not any_size and all(isinstance(size, int) for size in sizes):
        count = math.prod(sizes)
        _check_most("pixels in all frames", "image_shape", count, PIXELS)


def weight_shapes(make):
    """Return the shapes of the weights of `make()`, which take no memory."""

    # The variables never get values. Keras lists those without, by thread.
    def build():
        with keras.StatelessScope(initialize_variables=False):
            weights = make().weights
        floats = [w for w in weights if "float" in str(w.dtype)]
        return [tuple(weight.shape) for weight in floats]

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(build).result()


def check_parameters(shapes):
    """Refuse more weights than a memory holds, if no file has them."""
    count = sum(map(math.prod, shapes))
    _check_most("weights", "config", count, PARAMETERS)


def _check_most(what, name, count, most):
    if count > most:
        raise ValueError(
            f"`{name}` of a file may have at most {most:,} {what}. "
            f"Received: {count:,}"
        )


def _total(value):
    """Return the sum of the integers in nested lists."""
    if isinstance(value, list | tuple):
        return sum(map(_total, value))
    return value if isinstance(value, int) else 0
