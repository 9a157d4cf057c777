"""Units in which forecasts of rain are written."""

import copy

import numpy as np

from msrnn_keras.data.scaling import RainRate

UNITS = {  # the attributes of the CF conventions
    "mm/h": {
        "units": "mm h-1",
        "standard_name": "lwe_precipitation_rate",
        "long_name": "rain rate",
    },
    "dBZ": {
        "units": "dBZ",
        "standard_name": "equivalent_reflectivity_factor",
        "long_name": "reflectivity",
    },
    "mm": {
        "units": "mm",
        "standard_name": "lwe_thickness_of_precipitation_amount",
        "long_name": "rain since the last observed frame",
    },
}

# Names of variables that say what is measured.
_NAMES = {row["standard_name"] for row in UNITS.values()} | {"rainfall_rate"}


def with_unit(grid, unit):
    """Return the coordinates of a recording with another unit of rain."""
    grid = grid.copy()
    ((name, values),) = grid.data_vars.items()
    kept = {k: v for k, v in values.attrs.items() if k == "grid_mapping"}
    values.attrs = UNITS[unit] | kept
    if name in _NAMES:
        grid = grid.rename({name: UNITS[unit]["standard_name"]})
    return grid


def check_unit(unit, recording=None):
    """Refuse a unit, or one to which a recording's values do not convert."""
    if unit not in UNITS:
        raise ValueError(
            f"`unit` must be one of {', '.join(UNITS)}. Received: {unit!r}"
        )
    if recording is None or _is_in(recording, unit):
        return
    if not isinstance(recording.scaling, RainRate):
        raise ValueError(
            "`unit` is for rain in mm/h, whose scaling knows its relation to "
            f"dBZ. Received: values in the unit {recording.unit!r}"
        )
    if unit == "mm" and recording.interval is None:
        raise ValueError(
            "`unit='mm'` needs the interval of the frames in seconds. "
            "Received: interval=None"
        )


def _is_in(recording, unit):
    """Return whether values stay; sums of one interval each do not add up."""
    return recording.unit == unit != "mm"


def in_unit(recording, rates, unit):
    """Convert a forecast of rain rates; one in the unit stays as it is.

    Args:
        recording: `Recording` that the forecast continues, with a `RainRate`.
        rates: Array `(horizon, height, width, channels)` in mm/h.
        unit: String, `"mm/h"`, `"dBZ"` by the Z–R relation of the scaling (dry
            pixels get its `low`), or `"mm"` since the last observed frame: each
            rate is taken to last an interval.

    Returns:
        The recording in the new unit, without its frames, and the values.

    Raises:
        ValueError: If the values do not convert to the unit.

    Example:
    >>> depths = in_unit(rain, rates, "mm")[1]
    """
    check_unit(unit, recording)
    if _is_in(recording, unit):
        return recording, rates
    scaling = recording.scaling
    if unit == "dBZ":
        span = scaling.high - scaling.low
        values = scaling(rates) * span + scaling.low
    elif unit == "mm":
        hours = recording.interval / 3600
        values = np.cumsum(rates, axis=0, dtype="float64") * hours
    else:
        values = rates
    converted = copy.copy(recording)
    converted.unit = UNITS[unit]["units"]
    if recording.coordinates is not None:
        converted.coordinates = with_unit(recording.coordinates, unit)
    return converted, np.asarray(values, "float32")
