"""Checks of the arguments of SimVP."""

from msrnn_keras.utils import checks


def check_sizes(
    filters,
    translator_filters,
    spatial_layers,
    translator_blocks,
    encoder_kernel_size,
    decoder_kernel_size,
    inception_kernel_sizes,
    inception_groups,
    mlp_ratio,
    drop_path_rate,
    divergence_weight,
    remat,
):
    """Refuse sizes and rates with which no model can be built."""
    kernel_sizes = [
        ("encoder_kernel_size", encoder_kernel_size),
        ("decoder_kernel_size", decoder_kernel_size),
        *(("inception_kernel_sizes", size) for size in inception_kernel_sizes),
    ]
    for name, value in (
        ("filters", filters),
        ("translator_filters", translator_filters),
        ("spatial_layers", spatial_layers),
        ("translator_blocks", translator_blocks),
        ("inception_groups", inception_groups),
        *kernel_sizes,
    ):
        checks.check_positive(name, value)
    for name, value, valid, wanted in (
        ("filters", filters, filters % 2 == 0, "even"),
        ("spatial_layers", spatial_layers, spatial_layers >= 2, "2 or more"),
        (
            "translator_blocks",
            translator_blocks,
            translator_blocks >= 2,
            "2 or more",
        ),
        *(
            (name, size, size % 2 and size > 1, "odd and above 1")
            for name, size in kernel_sizes
        ),
        ("mlp_ratio", mlp_ratio, mlp_ratio > 0, "positive"),
        (
            "drop_path_rate",
            drop_path_rate,
            0 <= drop_path_rate < 1,
            "in [0, 1)",
        ),
        (
            "divergence_weight",
            divergence_weight,
            divergence_weight >= 0,
            "0 or more",
        ),
        ("remat", remat, remat in (None, "layer"), "None or 'layer'"),
    ):
        if not valid:
            raise ValueError(
                f"`{name}` must be {wanted}. Received: {name}={value!r}"
            )
