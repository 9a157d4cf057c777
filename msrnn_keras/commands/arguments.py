"""Arguments that several subcommands of `msrnn` share."""


def add_preset(command, optional=False):
    """Add the arguments that name a preset, as options where optional."""
    if optional:
        for name, default in (("model", "ms-convlstm"), ("dataset", "mnist")):
            command.add_argument(f"--{name}", default=default, help=default)
    else:
        command.add_argument("model", help="such as ms-convlstm")
        command.add_argument("dataset", help="such as mnist")
    command.add_argument("--variant", help="such as small; else the best")
    command.add_argument("--revision", help="else the newest")


def load(options):
    """The model of a `.keras` file, or a preset."""
    import zoo
    from msrnn_keras.prediction import load_model

    if options.model.lower().endswith(".keras"):
        return load_model(options.model)

    return zoo.load(
        options.model,
        options.dataset,
        variant=options.variant,
        revision=options.revision,
    )


def height_and_width(size):
    """Tuple of integers of a text such as `"64x64"`."""
    height, _, width = size.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(
            f"--size takes HEIGHTxWIDTH, such as 64x64. Received: {size}"
        )
    return int(height), int(width)
