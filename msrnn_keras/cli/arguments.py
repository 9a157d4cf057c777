"""Arguments that several subcommands of `msrnn` share."""

import argparse
import contextlib
import math

from msrnn_keras.utils.arguments import MOST

ANY_MODEL = "model: a preset, a folder, hf://USER/NAME or a .keras file"
REVISION = ("--revision", str, "revision of the preset; default: the newest")
MODEL = ("--model", str, ANY_MODEL, "ms-convlstm/mnist"), REVISION
DATA = ("--data", str, "file or folder of the data set")
REQUIRED = {"required": True}
MANY = {"nargs": "+"}


def integer(text, least=1):
    """Return the integer of a text, from `least` on."""
    with contextlib.suppress(ValueError):
        number = int(text)
        if least <= number <= MOST:
            return number
    wanted = "a positive integer" if least == 1 else "an integer, 0 or more"
    raise argparse.ArgumentTypeError(f"it takes {wanted}. Received: {text}")


def natural(text):
    """Return the integer of a text, from 0 on."""
    return integer(text, 0)


def number(text, least=-math.inf):
    """Return the finite number of a text, above `least`."""
    with contextlib.suppress(ValueError):
        value = float(text)
        if math.isfinite(value) and value > least:
            return value
    wanted = "a finite number" if least else "a positive number"
    raise argparse.ArgumentTypeError(f"it takes {wanted}. Received: {text}")


def positive(text):
    """Return the finite number of a text, above 0."""
    return number(text, 0.0)


# What `int` and `float` mean in a table of options.
KINDS = {int: integer, float: positive}
METAVARS = {integer: "N", natural: "N", number: "NUMBER", positive: "NUMBER"}
# Of files of one's own.
READER = (
    ("--variable", str, "variable of a .nc file; default: the only one"),
    ("--interval", float, "seconds between two frames; another step is a gap"),
    (
        "--grid-step",
        float,
        "km between two pixels, if the file does not say; a finer grid than "
        "the preset's is averaged",
    ),
    (
        "--period",
        float,
        "seconds over which a radar file sums, if it does not say",
    ),
    (
        "--importer",
        str,
        "importer of pysteps for radar files, such as odim_hdf5",
    ),
    ("--pattern", str, "where the time is in names: radar_%%Y%%m%%d%%H%%M*"),
)
SET = (
    "--set",
    str,
    "argument of the cell, such as attention_window=30",
    {"action": "append", "default": [], "metavar": "NAME=NUMBER"},
)
LOW_HIGH = {"nargs": 2, "metavar": ("LOW", "HIGH")}


def add_command(commands, name, text, run, *options):
    """Add a subcommand; an option is (flag, type, help[, default or dict])."""
    about = f"{text[0].upper()}{text[1:]}."
    command = commands.add_parser(name, help=text, description=about)
    command.set_defaults(run=run)
    for flag, kind, text, *rest in options:
        kind = KINDS.get(kind, kind)
        given = {"action": "store_true"} if kind is bool else {"type": kind}
        for value in rest:
            if not isinstance(value, dict):
                value = {"default": value}
            given |= value
        if kind in METAVARS:
            given = {"metavar": METAVARS[kind], **given}
        if given.get("default") not in (None, []) and kind is not bool:
            shown = given["default"]
            several = shown if isinstance(shown, list) else [shown]
            text = f"{text}; default: {' '.join(map(str, several))}"
        command.add_argument(flag, help=text, **given)


def load(name, revision=None):
    """Load a trained model: a preset, a folder, hf://…, or a `.keras` file."""
    import zoo

    if name.lower().endswith(".keras"):
        return load_file(name)
    options = {} if revision is None else {"revision": revision}
    return zoo.load(name, **options)


def load_file(path):
    """Load a model from a `.keras` file, uncompiled."""
    import keras

    from msrnn_keras.presets.configuration import register_models
    from msrnn_keras.utils.files import check_file
    from msrnn_keras.utils.weights_file import check_weights_file

    check_file(path)
    register_models()
    try:
        config = _config_of(path)
        shapes = _shapes_of(config)
    except Exception as error:
        raise _not_loaded(path, error) from error
    if shapes is None:
        raise ValueError(
            "The model must be one of this package. Received: "
            f"{config.get('class_name')} in {str(path)!r}"
        )
    check_weights_file(path, shapes)
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise _not_loaded(path, error) from error


def _config_of(path):
    """Return the dict in the configuration of a `.keras` file."""
    import json
    import zipfile

    from msrnn_keras.presets.registry import CONFIG, LARGEST

    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(CONFIG).file_size
        if size > LARGEST:
            raise ValueError(f"{CONFIG} has {size:,} bytes")
        return json.loads(archive.read(CONFIG))


def _shapes_of(config):
    """Return the shapes of the weights, None for a model of another package."""
    from msrnn_keras.models.forecaster import Forecaster
    from msrnn_keras.presets.configuration import find_class
    from msrnn_keras.presets.loading import build_weights
    from msrnn_keras.presets.sizes import check_sizes, weight_shapes

    cls = find_class(config["registered_name"])
    if cls is None or not issubclass(cls, Forecaster):
        return None
    arguments = config["config"]
    check_sizes(arguments, cls.any_size)
    return weight_shapes(lambda: build_weights(cls.from_config(arguments)))


def _not_loaded(path, error):
    return ValueError(
        f"The file cannot be loaded as a Keras model ({error}). "
        f"Received: {str(path)!r}"
    )


def height_and_width(size):
    """Return the tuple of integers of a text such as `"64x64"`."""
    height, _, width = size.lower().partition("x")
    parts = (height, width)
    if not all(part.isdecimal() and 0 < int(part) <= MOST for part in parts):
        raise ValueError(
            f"--size takes HEIGHTxWIDTH, such as 64x64. Received: {size}"
        )
    return int(height), int(width)


def cell_options(pairs):
    """Return the dict of integers of texts such as `"links=10"`."""
    options = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not value.isdecimal() or int(value) > MOST:
            raise ValueError(
                f"--set takes NAME=NUMBER, such as links=10. Received: {pair}"
            )
        options[name.replace("-", "_")] = int(value)
    return options
