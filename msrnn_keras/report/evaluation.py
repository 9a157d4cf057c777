"""The report of a model: its scores and some of its forecasts."""

import pathlib
import platform
import tempfile
from typing import Any, NamedTuple

import keras
import numpy as np

from msrnn_keras import plots
from msrnn_keras.baselines import Persistence
from msrnn_keras.evaluation import batches_of
from msrnn_keras.models.flow import has_flow, model_flow
from msrnn_keras.plots.clips import in_units
from msrnn_keras.report.page import write_report
from msrnn_keras.utils.files import check_folder

_BATCH = 16  # of a data set of arrays
_CPU_INFO = pathlib.Path("/proc/cpuinfo")
_PANEL_PIXELS = 192  # approximate width of an animation's panel


class Clip(NamedTuple):
    """One clip as it is drawn."""

    name: str
    past: Any  # frames: rain in mm/h, all else in [0, 1]
    future: Any
    forecasts: dict  # name -> frames
    colors: str  # "gray" or "rain"
    truth: Any  # `future` in the units of the data
    estimates: dict  # `forecasts` in the units of the data
    units: str | None
    clipped: bool  # whether errors are those of clipped frames


def evaluation_report(
    path,
    model,
    dataset,
    scores,
    shown=(0,),
    radar=False,
    scaling=None,
    baselines=None,
    interval=1,
    unit="frame",
    extent=None,
    title=None,
    setting=None,
):
    """Draw forecasts of a few clips and write the report of a model.

    Each clip has a sequence grid, error maps, an animation and the motion, if
    the model learns it. Other than 1 or 3 channels are drawn one by one.

    Args:
        path: Path of the HTML file.
        model: `MSStack`, or any object with `context`, `horizon`, `predict`.
        dataset: As for `msrnn_keras.evaluation.evaluate`; pixels in [0, 1].
        scores: A dict from the name of each model to its `evaluate(...)`.
        shown: Indices of the clips to draw.
        radar: Whether the data are rain, drawn in radar colors.
        scaling: `Scaling` of the data; None takes `dataset.scaling`, if any.
            Radar frames without it are in mm/h.
        baselines: Models to draw beside it. None is persistence alone.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        extent: Tuple (left, right, bottom, top) of radar maps in km, or None.
        title: Title of the report. None names the model.
        setting: Dict of conditions; it overrides that of `describe_machine`.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        ValueError: If a clip to draw does not exist, or the data do not fit.
        FileNotFoundError: If the folder does not exist.

    Example:
        >>> scores = {"ms-convlstm": evaluate(model, data)}
        >>> evaluation_report("report.html", model, data, scores, shown=(0, 7))
    """
    check_folder(path)
    if scaling is None:
        scaling = getattr(dataset, "scaling", None)
    if baselines is None:
        baselines = [Persistence(model.context, model.horizon)]
    pictures, animations = {}, {}
    times = {"interval": interval, "unit": unit}
    for index, (past, future) in _pick(dataset, shown, model.context).items():
        forecasts = {
            named.name: np.asarray(named.predict(past[None], verbose=0))[0]
            for named in (model, *baselines)
        }
        name = f"Clip {index}"
        for clip in _clips(name, past, future, forecasts, radar, scaling):
            pictures.update(_pictures(clip, times, extent))
            animations.update(_animation(clip))
            if has_flow(model):
                pictures.update(_flow_picture(clip, model, past))
    return write_report(
        path,
        scores,
        pictures=pictures,
        animations=animations,
        title=title or f"Evaluation of {model.name}",
        setting={**describe_machine(), **(setting or {})},
        **times,
    )


def _pick(dataset, shown, context):
    """Return the clips of some indices: index -> (past, future)."""
    wanted, found, first = set(shown), {}, 0
    for past, future in batches_of(dataset, _BATCH)[0]:
        for index in sorted(wanted - set(found)):
            if first <= index < first + len(past):
                pair = (past[index - first], future[index - first])
                past_, future_ = map(keras.ops.convert_to_numpy, pair)
                found[index] = past_[:context], future_
        first += len(past)
        if wanted <= set(found):
            return {index: found[index] for index in shown}
    raise ValueError(
        f"`shown` must be indices of the {first} clips. "
        f"Received: shown={tuple(shown)}"
    )


def _clips(name, past, future, forecasts, radar, scaling):
    """Return the clip as it is drawn, or one clip for each channel."""
    truth = in_units(future, scaling)
    estimates = {k: in_units(x, scaling) for k, x in forecasts.items()}
    units = getattr(scaling, "unit", None)
    if radar:
        past, future, forecasts = in_units(past, scaling), truth, estimates
        units = "mm/h"
    count = past.shape[-1]
    if count == 1 or (count == 3 and not radar):
        parts = {name: slice(None)}
    else:
        parts = {f"{name}, channel {i}": slice(i, i + 1) for i in range(count)}
    return [
        Clip(
            part,
            past[..., chosen],
            future[..., chosen],
            {k: x[..., chosen] for k, x in forecasts.items()},
            "rain" if radar else "gray",
            truth[..., chosen],
            {k: x[..., chosen] for k, x in estimates.items()},
            units,
            scaling is None and not radar,
        )
        for part, chosen in parts.items()
    ]


def _pictures(clip, times, extent):
    plot, options = plots.plot_forecast, times
    if clip.colors == "rain":
        plot, options = plots.plot_radar, {**times, "extent": extent}
    grid = plot(clip.past, clip.future, clip.forecasts, **options)
    errors = plots.plot_errors(
        clip.truth, clip.estimates, **times, units=clip.units, clip=clip.clipped
    )
    return {
        f"{clip.name}: input, truth and forecasts": grid,
        f"{clip.name}: error, forecast minus truth": errors,
    }


def _animation(clip):
    clips = (clip.past, clip.future, clip.forecasts)
    scale = max(1, _PANEL_PIXELS // clip.past.shape[2])
    frames = plots.forecast_frames(*clips, scale, clip.colors)
    panels = ["truth", *clip.forecasts]
    panels += [f"error of {name}" for name in clip.forecasts]
    caption = (
        f"{clip.name}, from left to right: {', '.join(panels)}. "
        "Blue border: input; orange: forecast."
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "clip.gif"
        plots.save_gif(path, frames)
        return {caption: path.read_bytes()}


def _flow_picture(clip, model, past):
    layer, flow = next(iter(model_flow(model, past).items()))
    caption = f"{clip.name}: motion at the last input frame, {layer}"
    return {caption: plots.plot_flow(flow, clip.past[-1], colors=clip.colors)}


def describe_machine():
    """Describe the hardware and the versions in use.

    Returns:
        A dict of strings: "Hardware", "System" and "Versions".

    Example:
    >>> write_report("report.html", scores, setting=describe_machine())
    """
    import msrnn_keras
    from msrnn_keras.cost.measure.device import device_name, version_of

    device, processor = device_name(), _processor()
    hardware = device if device.startswith("CPU") else f"{device}; CPU"
    backend = keras.backend.backend()
    versions = {
        "msrnn-keras": msrnn_keras.__version__,
        "keras": keras.__version__,
        backend: version_of(backend),
        "numpy": version_of("numpy"),
        "Python": platform.python_version(),
    }
    return {
        "Hardware": f"{hardware}, {processor}" if processor else hardware,
        "System": f"{platform.system()} {platform.machine()}",
        "Versions": ", ".join(f"{k} {v}" for k, v in versions.items()),
    }


def _processor():
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()
