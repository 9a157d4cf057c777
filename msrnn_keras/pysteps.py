"""Forecasts as `pysteps` calls its nowcasting methods."""

import functools
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from msrnn_keras.data.scaling import RainRate
from msrnn_keras.models.forecaster import Forecaster
from msrnn_keras.models.lagrangian import Lagrangian
from msrnn_keras.presets.loading import load_preset
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.matching import probability_match

__all__ = ["forecast", "register"]

# Of the data set `radar`: its Z–R relation, dBZ of pixels 0 and 1.
RADAR = RainRate(a=200.0, b=1.6, low=0.0, high=60.0)
DRY = 7.0  # dBZ, below which a pixel is 0
# To mm/h by the scaling, and back.
UNITS = {
    "mm/h": (lambda x, scaling: x, lambda x, scaling: x),
    "dBR": (
        lambda x, scaling: 10.0 ** (x / 10.0),
        lambda x, scaling: 10.0 * np.log10(np.maximum(x, 1e-12)),
    ),
    "dBZ": (
        lambda x, scaling: (10.0 ** (x / 10.0) / scaling.a) ** (1 / scaling.b),
        lambda x, scaling: (
            10.0 * np.log10(scaling.a)
            + 10.0 * scaling.b * np.log10(np.maximum(x, 1e-12))
        ),
    ),
}


def forecast(
    precip: npt.ArrayLike,
    velocity: npt.ArrayLike | None,
    timesteps: int | Sequence[float],
    model: str | Forecaster,
    unit: Literal["mm/h", "dBR", "dBZ"] = "mm/h",
    matched: bool = False,
    scaling: RainRate = RADAR,
    dry: float = DRY,
    measure_time: bool = False,
) -> Any:
    """Forecast precipitation with a model, as a nowcasting method of pysteps.

    The time step and the pixels of `precip` must be those of the frames that
    the model was trained on.

    Args:
        precip: Array (time, height, width), the model's `context` or more last
            observations in `unit`, NaN if missing.
        velocity: Array (2, height, width) of `pysteps.motion`, pixels per time
            step; None means the model's own estimate. Only a `Lagrangian`
            reads it.
        timesteps: Integer, the number of time steps to forecast, or an
            ascending list of whole time steps.
        model: A `Forecaster` of one channel, or a string, the name of a preset
            as in `Forecaster.from_preset`, which is loaded once. A `Lagrangian`
            of a preset leaves inflow NaN, as pysteps does; one of your own
            does so with `fill=None`.
        unit: String: `"mm/h"`, `"dBR"` (10 log10 of mm/h, as of
            `pysteps.utils.dB_transform`) or `"dBZ"`.
        matched: Boolean, whether the forecast has the distribution of values of
            the last observation, see `msrnn_keras.probability_match`.
        scaling: `RainRate`, from mm/h to the pixels of the model.
        dry: Number, dBZ below which a pixel is 0.
        measure_time: Boolean, whether to return the seconds too.

    Returns:
        Array (timesteps, height, width) in `unit`. No value is below the lowest
        of `precip`. With `measure_time`, a tuple of it and the seconds.

    Raises:
        ValueError: If an argument is unsuitable.

    Example:
        >>> register(model="ms-convlstm/radar/small")
        >>> nowcast = pysteps.nowcasts.get_method("msrnn")
        >>> ahead = nowcast(precip, velocity, 12)
    """
    start = time.perf_counter()
    precip = np.asarray(precip, "float32")
    steps = _whole_steps(timesteps)
    _check(precip, velocity, unit)
    model = _load(model) if isinstance(model, str) else model
    to_rain, from_rain = UNITS[unit]
    pixels = scaling(to_rain(precip, scaling))
    least = (dry - scaling.low) / (scaling.high - scaling.low)
    pixels = np.where(pixels < least, 0, pixels).astype("float32")
    past = pixels[None, ..., None]
    if isinstance(model, Lagrangian):
        fields = None if velocity is None else np.asarray(velocity)[None]
        options = {"matched": matched, "fields": fields}
        ahead = model.forecast(past, horizon=steps[-1], **options)
    else:
        ahead = model.forecast(past, horizon=steps[-1])
        if matched:
            ahead = probability_match(ahead, past[:, -1:])
    ahead = ahead[0, np.array(steps) - 1, ..., 0]
    ahead = from_rain(scaling.inverse(ahead), scaling)
    ahead = np.maximum(ahead, np.nanmin(precip))
    return (ahead, time.perf_counter() - start) if measure_time else ahead


def register(name: str = "msrnn", **options: Any) -> None:
    """Make `pysteps.nowcasts.get_method(name)` return `forecast`.

    Args:
        name: String, in small letters.
        **options: Arguments of `forecast`, such as `model`.

    Raises:
        ImportError: If `pysteps` is not installed.

    Example:
        >>> msrnn_keras.pysteps.register(model=model, unit="dBR")
    """
    methods = require("pysteps.nowcasts.interface", "radar")
    methods._nowcast_methods[name] = functools.partial(forecast, **options)


@functools.cache
def _load(name):
    """Return the model of a preset, which leaves inflow NaN."""
    model = load_preset(name)
    if isinstance(model, Lagrangian):
        model.fill = None
    return model


def _whole_steps(timesteps):
    """Return the lead times as a list of positive integers, ascending."""
    if isinstance(timesteps, (int, np.integer)):
        timesteps = range(1, timesteps + 1)
    steps = [int(step) for step in timesteps]
    whole = list(timesteps) == steps and steps == sorted(set(steps))
    if not (steps and whole and steps[0] > 0):
        raise ValueError(
            "`timesteps` must be a positive integer, or an ascending list of "
            f"whole time steps from 1. Received: timesteps={timesteps}"
        )
    return steps


def _check(precip, velocity, unit):
    if unit not in UNITS:
        raise ValueError(
            f"`unit` must be one of {', '.join(UNITS)}. Received: unit={unit!r}"
        )
    if precip.ndim != 3 or np.isnan(precip).all():
        raise ValueError(
            "`precip` must be (time, height, width), with a pixel that is not "
            f"missing. Received: shape {precip.shape}"
        )
    if unit == "mm/h" and np.nanmin(precip) < 0:
        raise ValueError(
            "Rain in mm/h is not negative; for decibels give unit='dBR' or "
            f"unit='dBZ'. Received: {np.nanmin(precip)}"
        )
    shape = (2, *precip.shape[1:])
    if velocity is not None and np.shape(velocity) != shape:
        raise ValueError(
            f"`velocity` must have the shape {shape}. "
            f"Received: shape {np.shape(velocity)}"
        )
