"""The decoupling distance of PredRNN-V2."""

from typing import Any, Self

import keras
from keras import ops

from msrnn_keras.backend.precision import at_least_float32, like
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.cells.wrapper import WrapperCell
from msrnn_keras.utils.typing import Config, Shape, Step, Tensor

SMALLEST = 1e-24  # squared norm below which a map counts as zero


@keras.saving.register_keras_serializable(package="msrnn_keras")
class DecoupledCell(WrapperCell):
    """A cell that measures how similar the additions to its memories are.

    With A a 1×1 convolution, shared by the layers of a stack, and Δc, Δm the
    additions of the step to the cell state and to the memory m,

        d = | cosine over space of (A *1 Δc, A *1 Δm) |

    per sample and channel. `MSStack` adds its mean to the loss, so that the
    two memories learn different things. States: those of the cell, then
    `distance`, `(batch, 1, 1, filters)`, the d of the newest step.

    Args:
        cell: `ConvRNNCell` whose step gives `delta_c` and `delta_m`.
        adapter: `keras.layers.Conv2D`, 1×1, `filters` channels, or None.
        **kwargs: As in `WrapperCell`.

    Example:
    >>> cell = DecoupledCell(STLSTMCell(8))

    Reference: Wang et al., "PredRNN" (V2), 2021, arXiv:2103.09504.
    """

    own_states = own_float32_states = ("distance",)
    needs = ("delta_c", "delta_m")

    def __init__(
        self,
        cell: ConvRNNCell,
        adapter: keras.layers.Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cell, **kwargs)
        n = self.filters
        self.adapter = adapter or self.conv(n, 1, name="adapter", reads=n)

    def own_shapes(self, image_shape: Shape) -> list[Shape]:
        return [(1, 1, self.filters)]

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        super().build(inputs_shape, states_shape)
        if not self.adapter.built:
            self.adapter.build((*inputs_shape[:3], self.filters))

    def step(self, x: Tensor, states: Any) -> Step:
        inner, (before,) = self.split(states)
        output, inner, aux = self.cell.step(x, inner)
        additions = (aux["delta_c"], aux["delta_m"])
        distance = _absolute_cosine(*map(self.adapter, additions))
        return output, self.State(*inner, like(distance, before)), aux

    def get_config(self) -> Config:
        adapter = keras.saving.serialize_keras_object(self.adapter)
        return {**super().get_config(), "adapter": adapter}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        adapter = keras.saving.deserialize_keras_object(config["adapter"])
        return super().from_config({**config, "adapter": adapter})


def _absolute_cosine(a, b):
    """Return |cosine| over space, `(batch, 1, 1, channels)`, of two maps."""
    wide = at_least_float32(a)
    a, b = ops.cast(a, wide), ops.cast(b, wide)

    def over_space(product):
        return ops.sum(product, axis=(1, 2), keepdims=True)

    scale = 1.0
    for x in (a, b):
        scale = scale * ops.rsqrt(ops.maximum(over_space(x * x), SMALLEST))
    return ops.abs(over_space(a * b)) * scale
