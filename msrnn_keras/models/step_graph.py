"""The graph of one time step: which layers feed which, at what scale."""

import inspect
import math

import keras

from msrnn_keras import layers
from msrnn_keras.cells import (
    ConvRNNCell,
    DecoupledCell,
    GradientHighwayCell,
    MotionCell,
    WrapperCell,
)
from msrnn_keras.cells.convolutions import conv_options
from msrnn_keras.layers.folding import fold_pointwise
from msrnn_keras.layers.space_depth import round_up
from msrnn_keras.models.architectures import CELL_SPECS, CellSpec
from msrnn_keras.utils.names import lookup

SKIPS = ("none", "add", "unet3+", "fc")


def sources(layer, depth, skips):
    """Return the layers whose outputs are added to form the input of a layer.

    Layer l of `depth` mirrors layer depth - 1 - l. A layer (1, 2, …) reads the
    layer before it and, by topology (MS-RNN, 2022, arXiv:2206.03010),

    - "none": nothing else;
    - "add": in the decoder, its mirror (U-Net);
    - "unet3+": in the decoder, its mirror, every layer before that, and all
      deeper layers of the decoder (UNet 3+);
    - "fc": every earlier layer (fully connected).
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
    """Return the name and `CellSpec` of a cell, given by name or class."""
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
            "Your own cell must be a subclass of ConvRNNCell, registered by "
            "@keras.saving.register_keras_serializable(package=…), in a "
            f"module that has been imported. Received: cell={cell!r}"
        )
    return name, CellSpec(own)


def cell_arguments(spec):
    """Return the names of the arguments that the cells of a stack take."""
    classes = [cell for cell in (spec.cell, spec.first) if cell]
    if spec.motion:
        classes.append(MotionCell)
    return {name for cell in classes for name in _parameters(cell)}


def build_cells(spec, depth, policy, **arguments):
    """Build the cells of a stack, `layer_0`, …; each takes its arguments."""
    adapter = None
    if spec.decoupling_weight:
        options = conv_options(arguments, recurrent=True)
        options |= {"dtype": policy, "name": "adapter"}
        adapter = layers.Conv2D(arguments["filters"], 1, **options)
    cells = []
    for index in range(depth):
        cell_class = spec.first if index == 0 and spec.first else spec.cell
        wrappers = []
        if spec.motion and index < depth - 1:
            wrappers.append((MotionCell, _taken(MotionCell, arguments)))
        if spec.highway and index == 1:
            wrappers.append((GradientHighwayCell, {}))
        if spec.decoupling_weight:
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
    """Return the names of the arguments of a cell that a user may choose."""
    names = []
    for base in cell_class.__mro__:
        # A wrapper takes over the other arguments from its cell.
        if base in (WrapperCell, keras.layers.Layer):
            break
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            names.extend(parameters)
            if "kwargs" not in parameters:
                break
    return [name for name in names if name not in ("self", "cell", "kwargs")]


def _taken(cell_class, arguments):
    """Return those of the arguments that a cell takes."""
    names = _parameters(cell_class)
    return {name: arguments[name] for name in names if name in arguments}


class Wiring:
    """The connections of the layers of a stack within a time step."""

    def __init__(
        self,
        cells,
        channels,
        scales,
        skips,
        patch_size,
        policy,
        missing=None,
        residual=False,
        covariates=0,
        noise=False,
    ):
        self.cells, self.scales, self.skips = cells, scales, skips
        self.patch_size, self.policy = patch_size, policy
        self.missing, self.residual = missing, residual
        # Channels of the inputs besides frame and states, by name.
        self.extras = {"covariates": covariates, "noise": int(noise)}
        self.extras = {name: n for name, n in self.extras.items() if n}
        filters = cells[0].filters
        self.embed = layers.Conv2D(filters, 1, dtype=policy, name="embed")
        # In full precision, like everything that becomes the next frame.
        precise = {"dtype": policy.variable_dtype, "name": "head"}
        if residual:  # untrained, the next frame is the given one
            precise["kernel_initializer"] = "zeros"
        self.head = layers.Conv2D(channels * patch_size**2, 1, **precise)
        channels = self.head.filters * (2 if missing == "mask" else 1)
        channels += covariates * patch_size**2
        disturbed = noise and not self._coarsest  # what the embedding gives
        small = scales[0] == 1 and channels + 1 < self.embed.filters
        if small and not disturbed:
            self._fold_embed(channels)
        if noise:
            # Weaker noise is not learned: the members stay equal.
            start = keras.initializers.VarianceScaling()
            options = {"kernel_initializer": start, "name": "noise_mix"}
            self.mix = layers.Conv2D(filters, 1, dtype=policy, **options)
        pairs = zip(scales, cells, strict=True)
        needs = (scale * cell.size_multiple for scale, cell in pairs)
        self.multiple = patch_size * math.lcm(*needs)
        # The layers that the memory m passes, first to last.
        self.memory_path = [i for i, x in enumerate(cells) if x.has_memory]

    def _fold_embed(self, channels):
        """Fold the 1×1 convolution of the frame into the first layer."""
        maps = (None, None, None)
        self.embed.build((*maps, channels))
        self.cells[0].build((*maps, self.embed.filters))
        fold_pointwise(self.embed, self.cells[0])

    def layer_shapes(self, image_shape):
        """Return `(height, width)` of every layer for a frame's."""
        padded = [round_up(n, self.multiple) for n in image_shape[:2]]
        factors = (self.patch_size * scale for scale in self.scales)
        return [
            tuple(None if n is None else n // factor for n in padded)
            for factor in factors
        ]

    def states(self, image_shape):
        """Return `(name, layer, shape, dtype)` of all states, first the m."""
        memory, own = [], []
        for index, size in enumerate(self.layer_shapes(image_shape)):
            cell = self.cells[index]
            names = cell.State._fields
            shapes, dtypes = cell.state_shapes(size), cell.state_dtypes
            states = list(zip(names, shapes, dtypes, strict=True))
            if cell.has_memory:
                m, *states = states
                if index == self.memory_path[0]:
                    memory.append(("m", index, *m[1:]))
            own += [(f"{name}_{index}", index, *x) for name, *x in states]
        return memory + own

    def graph(self, image_shape):
        """Build the model from `[frame, *extras, *states]`.

        Its outputs are the next frame and the new states.
        """
        dtype = self.policy.variable_dtype
        frame = keras.Input(image_shape, name="frame", dtype=dtype)
        extras = {
            name: keras.Input((*image_shape[:2], n), name=name, dtype=dtype)
            for name, n in self.extras.items()
        }
        known = self.states(image_shape)
        states = [
            keras.Input(shape, name=name, dtype=dtype)
            for name, _, shape, dtype in known
        ]
        path = self.memory_path
        memory, place = (states[0], path[0]) if path else (None, None)
        outputs, new_states = [], []
        x = self._before(frame, extras.get("covariates"))
        x = self._resample(x, 1, self.scales[0], "input")
        for index, cell in enumerate(self.cells):
            if index:
                x = self._gather(outputs, index)
            if "noise" in extras and index == self._coarsest:
                x = self._disturb(x, extras["noise"])
            own = [
                state
                for state, (name, layer, *_) in zip(states, known, strict=True)
                if layer == index and name != "m"
            ]
            if cell.has_memory:
                name = f"m_{place}_to_{index}"
                memory = self._move(memory, place, index, name, memory.dtype)
                place = index
                x, (memory, *new) = cell(x, [memory, *own])
            else:
                x, new = cell(x, own)
            outputs.append(x)
            new_states.extend(new)
        x = self._resample(x, self.scales[-1], 1, "output")
        prediction = self._after(x, frame)
        if memory is not None:
            dtype = memory.dtype
            memory = self._move(memory, place, path[0], "m_back", dtype)
            new_states.insert(0, memory)
        outputs = [prediction, *new_states]
        inputs = [frame, *extras.values(), *states]
        return keras.Model(inputs, outputs, name="step")

    @property
    def _coarsest(self):
        """The first layer at the largest scale."""
        return self.scales.index(max(self.scales))

    def _disturb(self, x, noise):
        """Add noise of the pixels, mixed, to the input of a layer."""
        options = {"dtype": self.policy}
        block = self.patch_size * max(self.scales)
        pad = layers.PadToMultiple(self.multiple, name="pad_noise", **options)
        noise = pad(noise)
        if block > 1:
            name = "noise_to_blocks"
            noise = layers.SpaceToDepth(block, name=name, **options)(noise)
        return self._add("add_noise", [x, self.mix(noise)])

    def _before(self, frame, covariates=None):
        """Turn a frame and covariates into the input of the first layer."""
        options, masked = {"dtype": self.policy}, self.missing == "mask"
        options["fill"] = math.nan if masked else 0.0
        x = layers.PadToMultiple(self.multiple, name="pad", **options)(frame)
        options = {"dtype": self.policy, "name": "to_patches"}
        if self.patch_size > 1:
            x = layers.SpaceToDepth(self.patch_size, **options)(x)
        if masked:
            x = layers.MarkMissing(dtype=self.policy, name="mark_missing")(x)
        if covariates is not None:
            options = {"dtype": self.policy, "name": "pad_covariates"}
            known = layers.PadToMultiple(self.multiple, **options)(covariates)
            options["name"] = "covariates_to_patches"
            if self.patch_size > 1:
                known = layers.SpaceToDepth(self.patch_size, **options)(known)
            options["name"] = "add_covariates"
            x = keras.layers.Concatenate(**options)([x, known])
        return self.embed(x)

    def _after(self, x, frame):
        """Turn the output of the last layer into the next frame."""
        x = self.head(x)
        dtype = self.policy.variable_dtype
        if self.patch_size > 1:
            options = {"dtype": dtype, "name": "to_pixels"}
            x = layers.DepthToSpace(self.patch_size, **options)(x)
        x = layers.CropToFrame(dtype=dtype, name="crop")([x, frame])
        if self.residual:
            x = layers.AddToFrame(dtype=dtype, name="residual")([x, frame])
        return x

    def _gather(self, outputs, index):
        """Add the outputs that a layer reads, at its scale."""
        chosen = sources(index, len(self.cells), self.skips)
        maps = [
            self._move(outputs[source], source, index, f"{source}_to_{index}")
            for source in reversed(chosen)
        ]
        if len(maps) == 1:
            return maps[0]
        return self._add(f"skips_to_{index}", maps)

    def _add(self, name, maps):
        """Return the sum of maps."""
        return keras.layers.Add(dtype=self.policy, name=name)(maps)

    def _move(self, x, source, target, name, dtype=None):
        """Resample a map from the scale of one layer to that of another."""
        scales = self.scales[source], self.scales[target]
        return self._resample(x, *scales, name, dtype)

    def _resample(self, x, source, target, name, dtype=None):
        """Resample a map from one scale to another."""
        if source == target:
            return x
        name = f"{'down' if target > source else 'up'}_{name}"
        dtype = dtype or self.policy
        return layers.Resample(source, target, dtype=dtype, name=name)(x)
