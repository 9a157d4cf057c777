"""Checks of the arguments of SimVP."""

from msrnn_keras.utils import checks

KERNEL_SIZES = (
    *("encoder_kernel_size", "decoder_kernel_size", "inception_kernel_sizes"),
)
POSITIVE = (
    *("filters", "translator_filters", "spatial_layers", "translator_blocks"),
    *("inception_groups", *KERNEL_SIZES),
)
RULES = (
    (("filters",), lambda x: x % 2 == 0, "even"),
    (("spatial_layers", "translator_blocks"), lambda x: x >= 2, "2 or more"),
    (KERNEL_SIZES, lambda x: x % 2 and x > 1, "odd and above 1"),
    (("mlp_ratio",), lambda x: x > 0, "positive"),
    (("drop_path_rate",), lambda x: 0 <= x < 1, "in [0, 1)"),
    (("divergence_weight",), lambda x: x >= 0, "0 or more"),
    (("remat",), lambda x: x in (None, "layer"), "None or 'layer'"),
)


def check_options(options):
    """Refuse sizes and rates with which no model can be built."""

    def values(names):
        for name in names:
            value = options[name]
            for x in value if isinstance(value, tuple) else (value,):
                yield name, x

    for name, value in values(POSITIVE):
        checks.check_positive(name, value)
    for names, valid, wanted in RULES:
        for name, value in values(names):
            if not valid(value):
                raise ValueError(
                    f"`{name}` must be {wanted}. Received: {name}={value!r}"
                )
