"""Scalings between the units of the data and pixels in [0, 1]."""

import math
from collections.abc import Collection
from typing import Self

import keras
import numpy as np
from keras import ops

from msrnn_keras.utils.arguments import check_finite, check_numbers, refused
from msrnn_keras.utils.typing import Config, Tensor


class Scaling:
    """Base class of a mapping to pixels and back; missing values (NaN) stay."""

    unit = ""

    def __call__(self, values: Tensor) -> Tensor:
        """Convert values in `unit` to pixels, clipped to [0, 1]."""
        raise NotImplementedError(f"{type(self)} must define `__call__`.")

    def inverse(self, pixels: Tensor) -> Tensor:
        """Convert pixels, clipped to [0, 1] first, to values in `unit`."""
        raise NotImplementedError(f"{type(self)} must define `inverse`.")

    def get_config(self) -> Config:
        """Return the constructor arguments as a dict."""
        return {}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the scaling of a configuration."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        same = type(self) is type(other)
        return same and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(repr(sorted(self.get_config().items())))


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MinMax(Scaling):
    """Linear scaling: `low` is pixel 0, `high` is pixel 1.

    Args:
        low, high: Numbers, or one per channel, in `unit`.
        unit: String, the unit of the values.

    Raises:
        ValueError: If `high` is not above `low`, or one is not finite.

    Example:
    >>> MinMax(-10, 60, unit="dBZ")(np.array([25.0]))
    array([0.5])
    """

    def __init__(
        self,
        low: float | Collection[float] = 0.0,
        high: float | Collection[float] = 1.0,
        unit: str = "",
    ) -> None:
        for name, value in (("low", low), ("high", high)):
            several = getattr(value, "ndim", 0) or isinstance(
                value, (list, tuple)
            )
            (check_numbers if several else check_finite)(name, value)
        if not isinstance(unit, str):
            raise refused("unit", "a string", unit)
        self._low = np.asarray(low, "float32")
        self._span = np.asarray(high, "float32") - self._low
        self.low, self.high = self._low.tolist(), np.float32(high).tolist()
        self.unit = unit
        if not np.all((self._span > 0) & np.isfinite(self._span)):
            raise ValueError(
                "`high` must be above `low`, and both finite. "
                f"Received: low={low}, high={high}"
            )

    def __call__(self, values: Tensor) -> Tensor:
        xp = _xp(values)
        pixels = xp.divide(xp.subtract(values, self._low), self._span)
        return xp.clip(pixels, 0.0, 1.0)

    def inverse(self, pixels: Tensor) -> Tensor:
        xp = _xp(pixels)
        pixels = xp.multiply(xp.clip(pixels, 0.0, 1.0), self._span)
        return xp.add(pixels, self._low)

    def get_config(self) -> Config:
        return {"low": self.low, "high": self.high, "unit": self.unit}


@keras.saving.register_keras_serializable(package="msrnn_keras")
class RainRate(Scaling):
    """Scaling of rain in mm/h that is linear in reflectivity (dBZ).

    Z = a R^b and dBZ = 10 log10 Z. No rain maps to pixel 0 and back.

    Args:
        a, b: Numbers, factor and exponent of the Z–R relation.
        low, high: Numbers, dBZ of pixels 0 and 1.
        least: Number, dBZ below which rain counts as none, or None.

    Raises:
        ValueError: If `high` is not above `low`, or `a` or `b` not above 0.

    Example:
    >>> RainRate()(np.array([0.0, 1.0, 10.0])).round(3)
    array([0.   , 0.487, 0.69 ])
    """

    unit = "mm/h"

    def __init__(
        self,
        a: float = 256.0,
        b: float = 1.42,
        low: float = -10.0,
        high: float = 60.0,
        least: float | None = None,
    ) -> None:
        least = low if least is None else least
        numbers = {"a": a, "b": b, "low": low, "high": high, "least": least}
        for name, value in numbers.items():
            check_finite(name, value)
        if not low < high:
            raise ValueError(
                f"`high` must be above `low`. Received: low={low}, high={high}"
            )
        if not (a > 0 and b > 0):
            raise ValueError(
                f"`a` and `b` must be above 0. Received: a={a}, b={b}"
            )
        self.a, self.b = float(a), float(b)
        self.low, self.high = float(low), float(high)
        self.least = float(least)

    def __call__(self, values: Tensor) -> Tensor:
        xp = _xp(values)
        low = self.rate(self.low)
        rain = xp.log10(xp.maximum(values, low))
        dbz = 10 * (math.log10(self.a) + self.b * rain)
        pixels = xp.clip((dbz - self.low) / (self.high - self.low), 0.0, 1.0)
        # Rounding of the logarithm would give pixels of about 1e-8 here. Rain
        # of just `least` stays in spite of rounding.
        dry = values <= low
        if self.least > self.low:
            dry = dry | (values < self.rate(self.least) * (1 - 1e-5))
        return xp.where(dry, xp.zeros_like(pixels), pixels)

    def inverse(self, pixels: Tensor) -> Tensor:
        xp = _xp(pixels)
        pixels = xp.clip(pixels, 0.0, 1.0)
        rain = self.rate(pixels * (self.high - self.low) + self.low)
        return xp.where(pixels <= 0, xp.zeros_like(rain), rain)

    def rate(self, dbz: Tensor) -> Tensor:
        """Return the mm/h of dBZ."""
        return 10.0 ** ((dbz / 10 - math.log10(self.a)) / self.b)

    def get_config(self) -> Config:
        names = ("a", "b", "low", "high", "least")
        return {name: getattr(self, name) for name in names}


def _xp(values):
    """Return NumPy for arrays and numbers, `keras.ops` for tensors."""
    plain = (np.ndarray, np.generic, int, float, list, tuple)
    lazy = np.lib.mixins.NDArrayOperatorsMixin  # as `LazyFrames`
    return np if isinstance(values, (*plain, lazy)) else ops
