"""The report of a model: its scores, and a few of its forecasts."""

import pathlib
import tempfile
from typing import Any, NamedTuple

import keras
import numpy as np

from msrnn_keras.baselines import Persistence
from msrnn_keras.models.flow import has_flow, model_flow
from msrnn_keras.plots import plot_errors, plot_flow, plot_forecast, plot_radar
from msrnn_keras.plots.animation import forecast_frames, save_animation
from msrnn_keras.plots.clips import in_units
from msrnn_keras.report.page import write_report
from msrnn_keras.report.setting import describe_machine
from msrnn_keras.utils.files import check_folder

_PANEL_PIXELS = 192  # of an animation, about


class Clip(NamedTuple):
    """One clip as it is shown."""

    name: str
    past: Any  # frames: rain in mm/h, all else in [0, 1]
    future: Any
    forecasts: dict  # name -> frames
    colors: str  # "gray" or "rain"
    truth: Any  # `future` in the units of the data
    estimates: dict  # `forecasts` in the units of the data
    units: str | None
    clip: bool  # whether the errors are those of clipped frames


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

    Per clip: the sequence grid and the error maps of the model and the
    baselines, an animation of truth, forecasts and errors, and the motion
    that the model follows where it learns one. Frames whose channels are
    neither 1 nor 3 are shown channel by channel.

    Args:
        path: Path of the HTML file.
        model: `MSStack`, or anything with `context`, `horizon` and `predict`.
        dataset: As of `msrnn_keras.evaluation.evaluate`; pixels in [0, 1].
        scores: A dict from the name of each model to what `evaluate` gave.
        shown: Indices of the clips to draw.
        radar: Whether the data are rain, drawn in the colors of radar.
        scaling: Object with `inverse(frames)`, which turns pixels into the
            units of the data, of rain mm/h. None is `dataset.scaling`, where
            there is one. Without it, radar frames are taken to be in mm/h.
        baselines: Models to draw beside it. None is persistence alone.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        extent: Tuple (left, right, bottom, top) of radar maps, km, or None.
        title: Title of the report; None names the model.
        setting: A dict of what the scores hold for; the versions and the
            hardware at hand are added unless given.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        ValueError: If a clip to draw is not there, or the data do not fit.
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
    """The clips of the given indices: index -> (past, future)."""
    batches = dataset
    if isinstance(dataset, tuple):
        batches = [dataset]
    elif isinstance(dataset, keras.utils.PyDataset):
        batches = (dataset[i] for i in range(dataset.num_batches))
    wanted, found, first = set(shown), {}, 0
    for past, future in batches:
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
    """The clip as it is shown, or one of each of its channels."""
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
    arguments = (clip.past, clip.future, clip.forecasts)
    if clip.colors == "rain":
        grid = plot_radar(*arguments, **times, extent=extent)
    else:
        grid = plot_forecast(*arguments, **times)
    errors = plot_errors(
        clip.truth, clip.estimates, **times, units=clip.units, clip=clip.clip
    )
    return {
        f"{clip.name}: input, truth and forecasts": grid,
        f"{clip.name}: error, forecast minus truth": errors,
    }


def _animation(clip):
    scale = max(1, _PANEL_PIXELS // clip.past.shape[2])
    frames = forecast_frames(
        clip.past, clip.future, clip.forecasts, scale, clip.colors
    )
    panels = ["truth", *clip.forecasts]
    panels += [f"error of {name}" for name in clip.forecasts]
    caption = (
        f"{clip.name}, from left to right: {', '.join(panels)}. "
        "Blue border: input; orange: forecast."
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "clip.gif"
        save_animation(path, frames)
        return {caption: path.read_bytes()}


def _flow_picture(clip, model, past):
    """The motion in the first layer that has one."""
    flows = model_flow(model, past)
    layer, flow = next(iter(flows.items()))
    caption = f"{clip.name}: motion at the last input frame, {layer}"
    return {caption: plot_flow(flow, clip.past[-1], colors=clip.colors)}
