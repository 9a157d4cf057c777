"""The wiring of one time step: which layers feed which, at what scale."""

import math

import keras

from msrnn_keras import layers

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


class Wiring:
    """How the layers of a stack feed one another within a time step.

    Args:
        cell_class: Class of the cells.
        image_channels: Integer, channels of a frame.
        filters: Integer, channels of every recurrent layer.
        scales: Tuple of integers, one for each layer.
        skips: String, the topology.
        patch_size: Integer, pixels.
        policy: `keras.DTypePolicy` of all layers.
        **cell_options: Further arguments of the cells.
    """

    def __init__(
        self,
        cell_class,
        image_channels,
        filters,
        scales,
        skips,
        patch_size,
        policy,
        **cell_options,
    ):
        self.scales = scales
        self.skips = skips
        self.patch_size = patch_size
        self.policy = policy
        self.cells = [
            cell_class(
                filters, dtype=policy, name=f"layer_{index}", **cell_options
            )
            for index in range(len(scales))
        ]
        self.embed = keras.layers.Conv2D(filters, 1, dtype=policy, name="embed")
        self.head = keras.layers.Conv2D(
            image_channels * patch_size**2, 1, dtype=policy, name="head"
        )
        needs = (
            scale * cell.size_multiple
            for scale, cell in zip(scales, self.cells, strict=True)
        )
        self.multiple = patch_size * math.lcm(*needs)

    def layer_shapes(self, image_shape):
        """`(height, width)` of every layer for a frame's `(height, width)`."""
        return [
            tuple(
                None if n is None else (n + -n % self.multiple) // factor
                for n in image_shape[:2]
            )
            for factor in (self.patch_size * scale for scale in self.scales)
        ]

    def graph(self, image_shape):
        """The functional model of one time step.

        Args:
            image_shape: Tuple `(height, width, channels)` of a frame; height
                and width may be None.

        Returns:
            `keras.Model` from `[frame, *states]` to `[frame, *states]`.
        """
        depth = len(self.cells)
        frame = keras.Input(image_shape, name="frame")
        states = self._state_inputs(image_shape)
        outputs, new_states = [], []
        x = self._before(frame)
        for index, cell in enumerate(self.cells):
            if index == 0:
                x = self._resample(x, 1, self.scales[0], "input")
            else:
                chosen = sources(index, depth, self.skips)
                x = self._gather(outputs, chosen, index)
            x, new = cell(x, states[index])
            outputs.append(x)
            new_states.extend(new)
        x = self._resample(x, self.scales[-1], 1, "output")
        prediction = self._after(x, frame)
        flat = [state for layer in states for state in layer]
        return keras.Model(
            [frame, *flat], [prediction, *new_states], name="step"
        )

    def _state_inputs(self, image_shape):
        return [
            [
                keras.Input(shape, name=f"{field}_{index}")
                for field, shape in zip(
                    cell.State._fields, cell.state_shapes(size), strict=True
                )
            ]
            for index, (cell, size) in enumerate(
                zip(self.cells, self.layer_shapes(image_shape), strict=True)
            )
        ]

    def _before(self, frame):
        x = layers.PadToMultiple(self.multiple, dtype=self.policy, name="pad")(
            frame
        )
        if self.patch_size > 1:
            x = layers.SpaceToDepth(
                self.patch_size, dtype=self.policy, name="to_patches"
            )(x)
        return self.embed(x)

    def _after(self, x, frame):
        x = self.head(x)
        if self.patch_size > 1:
            x = layers.DepthToSpace(
                self.patch_size, dtype=self.policy, name="to_pixels"
            )(x)
        return layers.CropToFrame(dtype=self.policy, name="crop")([x, frame])

    def _gather(self, outputs, chosen, index):
        """The sum of earlier layers' outputs, at a layer's scale."""
        maps = [
            self._resample(
                outputs[source],
                self.scales[source],
                self.scales[index],
                f"{source}_to_{index}",
            )
            for source in reversed(chosen)
        ]
        if len(maps) == 1:
            return maps[0]
        add = keras.layers.Add(dtype=self.policy, name=f"skips_to_{index}")
        return add(maps)

    def _resample(self, x, source, target, name):
        if source == target:
            return x
        direction = "down" if target > source else "up"
        return layers.Resample(
            source, target, dtype=self.policy, name=f"{direction}_{name}"
        )(x)
