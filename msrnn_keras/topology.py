"""Which earlier layers feed which later ones: the skip topologies."""

SKIPS = ("none", "add", "unet3+", "fc")


def sources(layer, depth, skips):
    """Layers whose outputs, summed, are the input of a layer.

    The stack is an encoder and a mirrored decoder: layer l of `depth` mirrors
    layer depth - 1 - l. A layer takes the one before it and, by topology:

    - "none": nothing more;
    - "add": in the decoder, its mirror (U-Net);
    - "unet3+": in the decoder, its mirror and every layer before that, and
      all the deeper layers of the decoder (UNet 3+);
    - "fc": every earlier layer (fully connected).

    Args:
        layer: Integer, index of the receiving layer, from 1.
        depth: Integer, number of layers.
        skips: One of "none", "add", "unet3+", "fc".

    Returns:
        Sorted list of layer indices.

    Raises:
        ValueError: If `skips` is not one of the four.

    Example:

    >>> sources(4, depth=6, skips="unet3+")
    [0, 1, 3]

    Reference:
        MS-RNN, 2022, arXiv:2206.03010.
    """
    if skips not in SKIPS:
        raise ValueError(
            f"`skips` must be one of {', '.join(map(repr, SKIPS))}. "
            f"Received: skips={skips!r}"
        )
    mirror = depth - 1 - layer
    chosen = {layer - 1}
    if skips == "fc":
        chosen.update(range(layer))
    elif skips != "none" and mirror < layer:
        chosen.add(mirror)
        if skips == "unet3+":
            chosen.update(range(mirror))
            chosen.update(range(depth // 2, layer))
    return sorted(chosen)
