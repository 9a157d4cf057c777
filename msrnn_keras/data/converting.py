"""Convert recordings to what a preset was trained on."""

import dataclasses
from typing import TypeVar

import keras
import numpy as np

from msrnn_keras.data.datasets.blocks import block_means
from msrnn_keras.data.io.cutting import coarse_grid
from msrnn_keras.data.io.grids import dimensions
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.data.io.units import with_unit
from msrnn_keras.data.lazy_frames import map_frames
from msrnn_keras.data.scaling import RainRate, Scaling
from msrnn_keras.data.sources import ArraySource
from msrnn_keras.utils.arguments import check_within, refused

_Frames = TypeVar("_Frames", bound=ArraySource)

_KILOMETERS = {"m": 1e-3, "meter": 1e-3, "metre": 1e-3, "meters": 1e-3}
_KILOMETERS |= {"metres": 1e-3, "km": 1.0, "kilometer": 1.0, "kilometre": 1.0}


@dataclasses.dataclass(frozen=True)
class TrainedOn:
    """The frames that a preset was trained on: `model.trained_on`.

    Attributes:
        scaling: `Scaling`, from the units of the data to pixels.
        interval: Number, seconds between two frames, or None.
        grid_step: Number, km between two pixels, or None.
    """

    scaling: Scaling
    interval: float | None = None
    grid_step: float | None = None


def as_trained(
    recording: _Frames, model: keras.Model, grid_step: float | None = None
) -> _Frames | Recording:
    """Convert a recording to the pixels that a preset was trained on.

    Rain in mm/h or dBZ gets the scaling of the preset, with its Z–R relation,
    and is averaged over blocks of pixels (as rain rate, over the valid ones,
    missing where more than half are) if its grid is finer. Rain below the
    `least` of the scaling is none, before the average too. For a model that
    knows no unit, such as one of moving digits, the recording is returned as it
    is.

    A recording without an interval is taken to have that of the preset.

    Args:
        recording: `Recording` or another `ArraySource`.
        model: Model that `zoo.load` gave.
        grid_step: Number, km between two pixels of the recording, if the
            coordinates of its file do not say.

    Returns:
        `Recording`, or the recording itself if nothing is to be done.

    Raises:
        ValueError: If interval, unit or grid cannot be converted, or the grid
            step is unknown.

    Example:
    >>> rain = from_arrays(rate, interval=300, scaling=RainRate())  # 1 km
    >>> rain = as_trained(rain, model, grid_step=1)
    >>> model.predict(rain.pixels(0, 6)[None])
    """
    if not hasattr(recording, "frames"):
        wanted = "a `Recording`, as `data.from_arrays` gives"
        raise refused("recording", wanted, recording)
    if grid_step is not None:
        grid_step = check_within("grid_step", grid_step, "(0, inf]")
    trained = getattr(model, "trained_on", None)
    if trained is None or not trained.scaling.unit:
        return recording
    _check_interval(recording, trained)
    block = _block(recording, trained, grid_step)
    if block == 1 and recording.scaling == trained.scaling:
        return recording
    rate = _rates(recording, trained.scaling)

    def convert(frame):
        channels = np.moveaxis(rate(frame), -1, 0)
        return np.stack([block_means(x, block) for x in channels], axis=-1)

    coordinates = getattr(recording, "coordinates", None)
    if coordinates is not None:
        coordinates = coarse_grid(coordinates, block)
        if recording.scaling.unit.lower() == "dbz":
            coordinates = with_unit(coordinates, "mm/h")
    return Recording(
        map_frames(recording.frames, convert, block),
        recording.segments,
        trained.scaling,
        recording.interval,
        recording.times,
        coordinates=coordinates,
        metadata=getattr(recording, "metadata", None),
    )


def _check_interval(recording, trained):
    given, wanted = recording.interval, trained.interval
    if None not in (given, wanted) and abs(given - wanted) > 0.01 * wanted:
        raise ValueError(
            f"The model was trained on frames {wanted:g} s apart; give frames "
            f"at that interval. Received: {given:g} s"
        )


def _block(recording, trained, grid_step):
    """Return how many pixels of a recording make one of the preset."""
    if trained.grid_step is None:
        return 1
    step = _grid_step(recording)
    if None not in (step, grid_step) and not _near(step, grid_step):
        raise ValueError(
            f"The grid of the file has pixels of {step:g} km. "
            f"Received: grid_step={grid_step}"
        )
    step = step if grid_step is None else grid_step
    if step is None:
        raise ValueError(
            f"The model was trained on pixels of {trained.grid_step:g} km, and "
            "the file has no coordinates in m or km: give `grid_step` "
            "(--grid-step), the distance of two pixels in km. "
            "Received: grid_step=None"
        )
    ratio = trained.grid_step / step if step > 0 else 0
    block = round(ratio)
    if block < 1 or not _near(ratio, block):
        raise ValueError(
            f"The model was trained on pixels of {trained.grid_step:g} km; the "
            "grid of the recording must be that, or divide it. "
            f"Received: grid_step={step:g} km"
        )
    return block


def _near(first, second):
    return abs(first - second) <= 0.02 * abs(second)


def _grid_step(recording):
    """Return the grid step of the coordinates in km, None if unknown."""
    grid = getattr(recording, "coordinates", None)
    if grid is None:
        return None
    (values,) = grid.data_vars.values()
    steps = []
    for name in dimensions(grid, values)[1:]:
        units = grid[name].attrs.get("units") if name in grid.coords else None
        if units not in _KILOMETERS or grid[name].size < 2:
            return None
        step = abs(np.diff(grid[name].values).mean())
        steps.append(float(step) * _KILOMETERS[units])
    if not _near(*steps):
        raise ValueError(
            "Pixels must be square. Received: pixels of "
            f"{steps[0]:g}×{steps[1]:g} km"
        )
    return steps[1]


def _rates(recording, scaling):
    """Return a function from the values of a frame to its mm/h."""
    unit = recording.scaling.unit
    if not isinstance(scaling, RainRate) or unit.lower() not in ("mm/h", "dbz"):
        raise ValueError(
            f"The model was trained on values in {scaling.unit}, with "
            f"{scaling.get_config()}. Received: values in {unit!r}, with "
            f"{recording.scaling.get_config()}"
        )

    def rate(values):
        if unit.lower() == "dbz":
            values = scaling.rate(values)
        return scaling.inverse(scaling(values))  # less than `least` is none

    return rate
