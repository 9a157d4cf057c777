"""Arguments that several subcommands of `msrnn` share."""


def add_preset(command, optional=False, listed=False):
    """Add the arguments that name a preset, as options where optional.

    Where it is not `listed`, the model may be a file or a folder as well.
    """
    model = "such as ms-convlstm"
    if not listed:
        model += "; or a .keras file, a ./folder or hf://USER/NAME"
    if optional:
        command.add_argument("--model", default="ms-convlstm", help=model)
        command.add_argument("--dataset", default="mnist", help="mnist")
    else:
        command.add_argument("model", help=model)
        command.add_argument("dataset", help="such as mnist")
    command.add_argument("--variant", help="such as small; else the best")
    command.add_argument("--revision", help="else the newest")


def load(options):
    """The model of a `.keras` file, of a folder, of the Hub, or a preset.

    Whatever has a `/` in it is a place, for no preset's name has one.
    """
    import zoo
    from msrnn_keras.cli.prediction import load_model

    if options.model.lower().endswith(".keras"):
        return load_model(options.model)
    place = "/" in options.model or "\\" in options.model
    return zoo.load(
        options.model,
        None if place else options.dataset,
        variant=options.variant,
        revision=options.revision,
    )


def load_place(place):
    """Load a model that is named by one text.

    Args:
        place: String: MODEL/DATASET, MODEL/DATASET/VARIANT, a `.keras` file,
            a folder or `hf://USER/NAME`. A preset comes before a folder of
            the same name; `./` in front makes it a folder.

    Returns:
        `keras.Model`.
    """
    import zoo
    from msrnn_keras.cli.prediction import load_model

    if place.lower().endswith(".keras"):
        return load_model(place)
    parts = place.split("/")
    names = {"/".join(name.split("/")[: len(parts)]) for name in zoo.names()}
    if len(parts) > 1 and place in names:
        return zoo.load(*parts)
    return zoo.load(place)


def height_and_width(size):
    """Tuple of integers of a text such as `"64x64"`."""
    height, _, width = size.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(
            f"--size takes HEIGHTxWIDTH, such as 64x64. Received: {size}"
        )
    return int(height), int(width)
