"""The wiring of one time step: which layers feed which, at what scale."""

import inspect
import math

import keras

from msrnn_keras import layers
from msrnn_keras.cells import (
    ConvRNNCell,
    DecoupledCell,
    GradientHighwayCell,
    MotionCell,
)
from msrnn_keras.models.architectures import CELL_SPECS, CellSpec
from msrnn_keras.utils.names import lookup

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


def lookup_cell(cell):
    """The name of a cell and its row of `CELL_SPECS`.

    Args:
        cell: String, a name in `CELL_SPECS`; or a cell of your own: a
            subclass of `ConvRNNCell` that is registered with Keras, or its
            registered name, `"package>Name"`.

    Returns:
        Tuple `(name, msrnn_keras.models.architectures.Cells)`.

    Raises:
        ValueError: If there is no such cell.

    Example:
    >>> lookup_cell("PredRNN")[0]
    'predrnn'
    """
    name, own = cell, cell
    if isinstance(cell, type):
        name = keras.saving.get_registered_name(cell)
    elif isinstance(cell, str) and ">" in cell:
        own = keras.saving.get_registered_object(cell)
    else:
        return lookup(cell, CELL_SPECS, "cell")
    is_cell = isinstance(own, type) and issubclass(own, ConvRNNCell)
    if not is_cell or ">" not in name:
        raise ValueError(
            "A cell of your own must be a subclass of ConvRNNCell with "
            "@keras.saving.register_keras_serializable(package=…), in a "
            f"module that has been imported. Received: cell={cell!r}"
        )
    return name, CellSpec(own)


def cell_arguments(row):
    """Names of the arguments that the cells of a row of `CELL_SPECS` take."""
    classes = [cell for cell in (row.cell, row.first) if cell]
    if row.motion:
        classes.append(MotionCell)
    return {name for cell in classes for name in _parameters(cell)}


def build_cells(row, depth, policy, **arguments):
    """The cells of a stack, one for each layer.

    Args:
        row: `msrnn_keras.models.architectures.CellSpec`.
        depth: Integer, number of layers.
        policy: `keras.DTypePolicy` of all layers.
        **arguments: Arguments of the cells; a cell is given those it takes.

    Returns:
        List of `ConvRNNCell`, named `layer_0`, `layer_1`, ….
    """
    adapter = None
    if row.decoupling_weight:
        adapter = layers.Conv2D(
            arguments["filters"], 1, dtype=policy, name="adapter"
        )
    cells = []
    for index in range(depth):
        cell_class = row.first if index == 0 and row.first else row.cell
        wrappers = []
        if row.motion and index < depth - 1:
            wrappers.append((MotionCell, _taken(MotionCell, arguments)))
        if row.highway and index == 1:
            wrappers.append((GradientHighwayCell, {}))
        if row.decoupling_weight:
            wrappers.append((DecoupledCell, {"adapter": adapter}))
        taken = _taken(cell_class, arguments)
        name = f"layer_{index}"
        inner = "cell" if wrappers else name
        cell = cell_class(**taken, dtype=policy, name=inner)
        for number, (wrapper, options) in enumerate(wrappers, start=1):
            outer = name if number == len(wrappers) else f"cell_{number}"
            cell = wrapper(cell, **options, dtype=policy, name=outer)
        cells.append(cell)
    return cells


def _parameters(cell_class):
    """Names of the arguments of a cell class that a user may choose."""
    names = inspect.signature(cell_class.__init__).parameters
    return [name for name in names if name not in ("self", "cell", "kwargs")]


def _taken(cell_class, arguments):
    """Those of the arguments that a cell class takes."""
    names = _parameters(cell_class)
    return {name: arguments[name] for name in names if name in arguments}


class Wiring:
    """How the layers of a stack feed one another within a time step.

    Args:
        cells: List of `ConvRNNCell`, one for each layer.
        image_channels: Integer, channels of a frame.
        scales: Tuple of integers, one for each layer.
        skips: String, the topology.
        patch_size: Integer, pixels.
        policy: `keras.DTypePolicy` of all layers.
        missing: String or None, as of `MSStack`.
    """

    def __init__(
        self,
        cells,
        image_channels,
        scales,
        skips,
        patch_size,
        policy,
        missing=None,
    ):
        self.cells = cells
        self.scales = scales
        self.skips = skips
        self.patch_size = patch_size
        self.policy = policy
        self.missing = missing
        self.embed = layers.Conv2D(
            cells[0].filters, 1, dtype=policy, name="embed"
        )
        # In full precision, as is all that becomes the next frame.
        self.head = layers.Conv2D(
            image_channels * patch_size**2,
            1,
            dtype=policy.variable_dtype,
            name="head",
        )
        channels = self.head.filters * (2 if missing == "mask" else 1)
        if scales[0] == 1 and channels + 1 < self.embed.filters:
            self._fold_embed(channels)
        needs = (
            scale * cell.size_multiple
            for scale, cell in zip(scales, cells, strict=True)
        )
        self.multiple = patch_size * math.lcm(*needs)
        # The layers that the memory m runs through, first to last.
        self.memory_path = [
            index for index, cell in enumerate(cells) if cell.has_memory
        ]

    def _fold_embed(self, channels):
        """Leave the 1×1 convolution of the frame to the first layer's."""
        maps = (None, None, None)
        self.embed.build((*maps, channels))
        self.cells[0].fold_pointwise(self.embed)
        self.cells[0].build((*maps, self.embed.filters))

    def layer_shapes(self, image_shape):
        """`(height, width)` of every layer for a frame's `(height, width)`."""
        return [
            tuple(
                None if n is None else (n + -n % self.multiple) // factor
                for n in image_shape[:2]
            )
            for factor in (self.patch_size * scale for scale in self.scales)
        ]

    def states(self, image_shape):
        """The states of the stack, in the order of the step's graph.

        The memory m comes first, once, at the scale of the first layer it
        runs through; then each layer's own states.

        Args:
            image_shape: Tuple `(height, width, …)` of a frame, pixels.

        Returns:
            List of tuples `(name, layer, shape)`.
        """
        memory, own = [], []
        sizes = self.layer_shapes(image_shape)
        for index, cell in enumerate(self.cells):
            shapes = cell.state_shapes(sizes[index])
            names = list(cell.State._fields)
            if cell.has_memory:
                if index == self.memory_path[0]:
                    memory.append(("m", index, shapes[0]))
                names, shapes = names[1:], shapes[1:]
            for name, shape in zip(names, shapes, strict=True):
                own.append((f"{name}_{index}", index, shape))
        return memory + own

    @property
    def state_dtypes(self):
        """Number formats of the states of the stack, in order."""
        memory, own = [], []
        for index, cell in enumerate(self.cells):
            dtypes = cell.state_dtypes
            if cell.has_memory:
                if index == self.memory_path[0]:
                    memory.append(dtypes[0])
                dtypes = dtypes[1:]
            own.extend(dtypes)
        return memory + own

    def graph(self, image_shape):
        """The functional model of one time step.

        Args:
            image_shape: Tuple `(height, width, channels)` of a frame; height
                and width may be None.

        Returns:
            `keras.Model` from `[frame, *states]` to `[frame, *states]`.
        """
        depth = len(self.cells)
        dtype = self.policy.variable_dtype
        frame = keras.Input(image_shape, name="frame", dtype=dtype)
        names = self.states(image_shape)
        states = [
            keras.Input(shape, name=name, dtype=dtype)
            for (name, _, shape), dtype in zip(
                names, self.state_dtypes, strict=True
            )
        ]
        memory = states[0] if self.memory_path else None
        outputs, new_states = [], []
        x = self._before(frame)
        for index, cell in enumerate(self.cells):
            if index == 0:
                x = self._resample(x, 1, self.scales[0], "input")
            else:
                chosen = sources(index, depth, self.skips)
                x = self._gather(outputs, chosen, index)
            own = [
                state
                for state, (name, layer, _) in zip(states, names, strict=True)
                if layer == index and name != "m"
            ]
            if cell.has_memory:
                memory = self._memory_to(memory, index)
                x, (memory, *new) = cell(x, [memory, *own])
            else:
                x, new = cell(x, own)
            outputs.append(x)
            new_states.extend(new)
        x = self._resample(x, self.scales[-1], 1, "output")
        prediction = self._after(x, frame)
        if memory is not None:
            new_states.insert(0, self._memory_back(memory))
        return keras.Model(
            [frame, *states], [prediction, *new_states], name="step"
        )

    def _memory_to(self, memory, index):
        """The memory at a layer's scale, from the layer before on its path."""
        place = self.memory_path.index(index)
        if place == 0:
            return memory
        source = self.memory_path[place - 1]
        return self._resample(
            memory,
            self.scales[source],
            self.scales[index],
            f"m_{source}_to_{index}",
            memory.dtype,
        )

    def _memory_back(self, memory):
        """The memory at the scale of the first layer of the next step."""
        first, last = self.memory_path[0], self.memory_path[-1]
        return self._resample(
            memory,
            self.scales[last],
            self.scales[first],
            "m_back",
            memory.dtype,
        )

    def _before(self, frame):
        masked = self.missing == "mask"
        x = layers.PadToMultiple(
            self.multiple,
            fill=math.nan if masked else 0.0,
            dtype=self.policy,
            name="pad",
        )(frame)
        if self.patch_size > 1:
            x = layers.SpaceToDepth(
                self.patch_size, dtype=self.policy, name="to_patches"
            )(x)
        if masked:
            x = layers.MarkMissing(dtype=self.policy, name="mark_missing")(x)
        return self.embed(x)

    def _after(self, x, frame):
        x = self.head(x)
        dtype = self.policy.variable_dtype
        if self.patch_size > 1:
            x = layers.DepthToSpace(
                self.patch_size, dtype=dtype, name="to_pixels"
            )(x)
        return layers.CropToFrame(dtype=dtype, name="crop")([x, frame])

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

    def _resample(self, x, source, target, name, dtype=None):
        if source == target:
            return x
        direction = "down" if target > source else "up"
        return layers.Resample(
            source,
            target,
            dtype=dtype or self.policy,
            name=f"{direction}_{name}",
        )(x)
