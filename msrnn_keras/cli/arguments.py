"""Arguments that several subcommands of `msrnn` share."""

import pathlib

MODEL = "such as ms-convlstm/mnist; or a folder, hf://USER/NAME, a .keras file"


def add_model(command):
    """Add the option that names a trained model."""
    command.add_argument("--model", default="ms-convlstm/mnist", help=MODEL)
    add_revision(command)


def add_revision(command):
    """Add the option that names the revision of a preset."""
    command.add_argument(
        "--revision", help="of the preset; default: the newest"
    )


def add_options(command, *options):
    """Add options without a default, each `(name, type, help text)`."""
    for name, kind, text in options:
        command.add_argument(f"--{name}", type=kind, help=text)


def add_integers(command, options):
    """Add options of integers, each `(name, default, help text)`."""
    for name, default, text in options:
        command.add_argument(
            f"--{name}", type=int, default=default, help=f"{text} ({default})"
        )


def load(name, revision=None):
    """Load a trained model: a preset, a folder, hf://…, or a `.keras` file."""
    import zoo
    from msrnn_keras.models import ms_stack  # noqa: F401, registers the class

    if name.lower().endswith(".keras"):
        return load_file(name)
    options = {} if revision is None else {"revision": revision}
    return zoo.load(name, **options)


def load_file(path):
    """Load a model from a `.keras` file, uncompiled."""
    import keras

    from msrnn_keras.models.ms_stack import MSStack
    from msrnn_keras.utils.weights_file import check_weights_file

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such file. Received: {str(path)!r}"
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(
            f"The file cannot be loaded as a Keras model ({error}). "
            f"Received: {str(path)!r}"
        ) from error
    if not isinstance(model, MSStack):
        raise ValueError(
            "The model must be one of this package. Received: "
            f"{type(model).__name__} in {str(path)!r}"
        )
    check_weights_file(path)
    return model


def height_and_width(size):
    """Return the tuple of integers of a text such as `"64x64"`."""
    height, _, width = size.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(
            f"--size takes HEIGHTxWIDTH, such as 64x64. Received: {size}"
        )
    return int(height), int(width)


def add_cell_options(command):
    """Add the option for arguments of the cell."""
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="an argument of the cell, such as attention_window=30",
    )


def cell_options(pairs):
    """Return the dict of integers of texts such as `"links=10"`."""
    options = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not value.isdecimal():
            raise ValueError(
                f"--set takes NAME=NUMBER, such as links=10. Received: {pair}"
            )
        options[name.replace("-", "_")] = int(value)
    return options
