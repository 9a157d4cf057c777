"""The convolutions of a cell: how they are made, initialized and built."""

import inspect
import random
from typing import Any

import keras

from msrnn_keras.layers.convolution import Conv2D, with_new_seeds
from msrnn_keras.utils.typing import Config


def _initializer(given):
    """Return a Keras initializer; Python's random state stays as it is."""
    state = random.getstate()
    try:
        return keras.initializers.get(given)
    finally:
        random.setstate(state)


KINDS = {
    "initializer": _initializer,
    "regularizer": keras.regularizers.get,
    "constraint": keras.constraints.get,
}


class ConvolutionalLayer(keras.layers.Layer):
    """Base class of layers that make their convolutions with `conv`."""

    def __init__(
        self,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        given = {k: v for k, v in locals().items() if k in CONV_ARGUMENTS}
        super().__init__(**kwargs)
        for name, value in given.items():
            setattr(self, name, KINDS[name.split("_")[1]](value))
        # Convolutions that `build` builds. Past `__setattr__`: Keras would
        # track the list.
        vars(self)["_declared"] = []

    def conv(
        self,
        filters: int,
        kernel_size: int | None = None,
        name: str | None = None,
        reads: Any = None,
        **kwargs: Any,
    ) -> Conv2D:
        """Return a 'same' convolution with the arguments of the cell.

        `reads` is what it reads: `"x"` (the input), the name of a state, a
        number of channels, or a tuple of these, concatenated. `build` then
        builds it; None leaves that to the cell. `kernel_size` is the cell's by
        default.
        """
        parts = () if reads is None else reads
        parts = parts if isinstance(parts, tuple) else (parts,)
        recurrent = bool(parts) and "x" not in parts
        options = {"padding": "same", "dtype": self.dtype_policy, "name": name}
        options |= with_new_seeds(self.conv_options(recurrent)) | kwargs
        size = self.kernel_size if kernel_size is None else kernel_size
        conv = Conv2D(int(filters), size, **options)
        if parts and self._declared is None:
            self._build_conv(conv, parts)
        elif parts:
            self._declared.append((conv, parts))
        return conv

    def conv_options(self, recurrent: bool = False) -> Config:
        """Return the arguments of `Conv2D` that a convolution gets."""
        return conv_options(vars(self), recurrent)

    def build_convs(self) -> None:
        """Build the convolutions that say what they read."""
        declared = self._declared or ()
        vars(self)["_declared"] = None
        for conv, parts in declared:
            self._build_conv(conv, parts)

    def _build_conv(self, conv, parts):
        channels = dict(zip(self.State._fields, self.state_size, strict=True))
        channels["x"] = self.input_channels
        unknown = [p for p in parts if isinstance(p, str) and p not in channels]
        if unknown:
            raise ValueError(
                "`reads` must be 'x', the name of a state, a number of "
                f"channels or a tuple of these. Received: reads={parts}"
            )
        count = sum(channels.get(part, part) for part in parts)
        conv.build((None, None, None, count))

    def get_config(self) -> Config:
        values = {name: getattr(self, name) for name in CONV_ARGUMENTS}
        serialized = map(keras.saving.serialize_keras_object, values.values())
        config = dict(zip(values, serialized, strict=True))
        return {**super().get_config(), **config}


CONV_ARGUMENTS = tuple(
    name
    for name in inspect.signature(ConvolutionalLayer.__init__).parameters
    if name not in ("self", "kwargs")
)


def conv_options(arguments, recurrent=False):
    """Return the arguments of `keras.layers.Conv2D` among those of a cell."""
    sources = {"kernel": "recurrent" if recurrent else "kernel", "bias": "bias"}
    return {
        f"{part}_{kind}": arguments[f"{source}_{kind}"]
        for part, source in sources.items()
        for kind in KINDS
        if f"{source}_{kind}" in arguments
    }
