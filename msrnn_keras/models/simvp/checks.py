"""Checks of the arguments of SimVP."""

from msrnn_keras.utils.arguments import (
    check_boolean,
    check_integers,
    check_positive,
    check_within,
    refused,
)

SIZES = (
    *("filters", "translator_filters", "inception_groups"),
    *("encoder_kernel_size", "decoder_kernel_size"),
)
MOST = 1000  # layers, blocks and passes
COUNTS = "spatial_layers", "translator_blocks"
KERNELS = "inception_kernel_sizes"
NUMBERS = {
    "mlp_ratio": "(0, 1000]",
    "drop_path_rate": "[0, 1)",
    "divergence_weight": "[0, inf]",
}
RULES = (
    (("filters",), lambda x: x % 2 == 0, "even"),
    (COUNTS, lambda x: x >= 2, "2 or more"),
    (
        ("encoder_kernel_size", "decoder_kernel_size", KERNELS),
        lambda x: x % 2 and x > 1,
        "odd and above 1",
    ),
    (("remat",), lambda x: x in (None, "layer"), "None or 'layer'"),
)


def check_options(options):
    """Return the options; refuse those with which no model can be built."""
    options = dict(options)
    for name in SIZES:
        options[name] = check_positive(name, options[name])
    for name in COUNTS:
        options[name] = check_positive(name, options[name], MOST)
    options[KERNELS] = check_integers(KERNELS, options[KERNELS])
    if not options[KERNELS]:
        raise refused(KERNELS, "one size or more", options[KERNELS])
    for name, interval in NUMBERS.items():
        options[name] = check_within(name, options[name], interval)
    options["original"] = check_boolean("original", options["original"])
    for names, valid, wanted in RULES:
        for name in names:
            value = options[name]
            for x in value if isinstance(value, tuple) else (value,):
                if not valid(x):
                    raise refused(name, wanted, value)
    return options


def check_passes(context, horizon):
    """Refuse a horizon that takes too many passes of the network."""
    if horizon > MOST * context:
        wanted = f"at most {MOST} times `context`, {MOST * context:,}"
        raise refused("horizon", wanted, horizon)
