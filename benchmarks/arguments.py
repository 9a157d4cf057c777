"""Arguments that the benchmarks share."""

SIZES = {
    "size": (64, "side of a frame, pixels"),
    "channels": (1, "channels of a frame"),
    "context": (10, "frames of the past"),
    "horizon": (10, "frames to forecast"),
    "filters": (64, "channels of each layer"),
    "kernel-size": (3, "side of the kernels"),
    "patch-size": (1, "side of the patches that become channels"),
    "batch": (4, "clips of a batch"),
    "steps": (3, "timed calls in each process, after the first"),
}


def add_arguments(parser, repeats):
    """Add the sizes, the precision and the number of repeats."""
    for name, (default, text) in SIZES.items():
        parser.add_argument(
            f"--{name}", type=int, default=default, help=f"{text} ({default})"
        )
    add = parser.add_argument
    text = "of the multi-scale stacks; plain ones have as many layers"
    add("--scales", type=int, nargs="+", help=text)
    add("--precision", default="float32", help="float32")
    add("--remat", help="of our models: step or layer")
    text = f"processes for each figure ({repeats})"
    add("--repeats", type=int, default=repeats, help=text)
    add("--json", help="file for all that was measured")


def model_options(name, options):
    """Return the arguments of `msrnn_keras.create` for a model or a peer."""
    names = ("context", "horizon", "filters", "kernel_size", "patch_size")
    sizes = {
        "image_shape": (options.size, options.size, options.channels),
        **{name: getattr(options, name) for name in names},
        "dtype": options.precision,
    }
    if options.scales:
        multi_scale = name.startswith("ms-")
        ones = [1] * len(options.scales)
        sizes["scales"] = options.scales if multi_scale else ones
    if options.remat:
        sizes["remat"] = options.remat
    return sizes
