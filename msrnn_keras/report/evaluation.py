"""The report of a model: its scores and some of its forecasts."""

import pathlib
import platform
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from msrnn_keras import plots
from msrnn_keras.baselines import Persistence
from msrnn_keras.evaluation import batches_of
from msrnn_keras.models.flow import has_flow, model_flow
from msrnn_keras.plots.labels import labeled_frames
from msrnn_keras.report.clips import clips_of
from msrnn_keras.report.ensemble import ensemble_section
from msrnn_keras.report.page import write_report
from msrnn_keras.utils.checks import filled
from msrnn_keras.utils.files import check_folder
from msrnn_keras.utils.typing import HasInverse, PathLike

_BATCH = 16  # of a data set of arrays
_ENSEMBLE_CLIPS = 32  # whose ensembles are scored
_CLIPS_AT_ONCE = 4  # whose ensembles are forecast together
_CPU_INFO = pathlib.Path("/proc/cpuinfo")
_PANEL_PIXELS = 192  # approximate width of an animation's panel


def evaluation_report(
    path: PathLike,
    model: Any,
    dataset: Iterable[Any] | keras.utils.PyDataset,
    scores: dict[str, dict[str, Any]],
    shown: Collection[int] = (0,),
    radar: bool = False,
    scaling: HasInverse | None = None,
    baselines: Sequence[Any] | None = None,
    interval: float = 1,
    unit: str = "frame",
    extent: Sequence[float] | None = None,
    title: str | None = None,
    setting: Mapping[str, Any] | None = None,
    members: int = 10,
) -> pathlib.Path:
    """Draw forecasts of a few clips and write the report of a model.

    Each clip has a sequence grid, error maps, an animation and the motion, if
    the model learns it. Other than 1 or 3 channels are drawn one by one. The
    report of a model with `noise` has a section "Ensemble", of the clips drawn
    and of the first 32.

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
        members: Integer, members of an ensemble of a model with `noise`.

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
    if getattr(model, "covariates", 0):
        raise ValueError(
            "A report is of models of frames alone; `plots.plot_forecast` "
            "draws a forecast of a model with covariates. "
            f"Received: covariates={model.covariates}"
        )
    if scaling is None:
        scaling = getattr(dataset, "scaling", None)
    if baselines is None:
        baselines = [Persistence(model.context, model.horizon)]
    times = {"interval": interval, "unit": unit}
    data = {"radar": radar, "scaling": scaling, "extent": extent, **times}
    noisy = getattr(model, "noise", False)
    first = _ENSEMBLE_CLIPS if noisy else 0
    chosen, scored = _pick(dataset, shown, model.context, first)
    pictures, animations = _drawn(model, baselines, chosen, **data)
    sections = {}
    if noisy:
        sections["Ensemble"] = ensemble_section(
            _ensembles(model, scored, members),
            _drawn_ensembles(model, chosen, members),
            name=model.name,
            **data,
        )
    return write_report(
        path,
        scores,
        sections=sections,
        pictures=pictures,
        animations=animations,
        title=title or f"Evaluation of {model.name}",
        setting={**describe_machine(), **(setting or {})},
        presets=_presets((model, *baselines)),
        **times,
    )


def _presets(models):
    """Return the presets of models: name -> preset and revision."""
    known = {m.name: getattr(m, "loaded_from", None) for m in models}
    return {name: preset for name, preset in known.items() if preset}


def _drawn(model, baselines, clips, radar, scaling, extent, **times):
    """Return the pictures and the animations of some clips, by title."""
    pictures, animations = {}, {}
    for index, (past, future) in clips.items():
        forecasts = {
            named.name: np.asarray(named.predict(past[None], verbose=0))[0]
            for named in (model, *baselines)
        }
        name = f"Clip {index}"
        for clip in clips_of(name, past, future, forecasts, radar, scaling):
            pictures.update(_pictures(clip, times, extent))
            animations.update(_animation(clip, times))
            if has_flow(model):
                pictures.update(_flow_picture(clip, model, past))
    return pictures, animations


def _pick(dataset, shown, context, first):
    """Return the clips of some indices, index -> (past, future), and the first.

    The first clips are (past, future) with a batch axis, in parts.
    """
    wanted, found, head, start = set(shown), {}, [], 0
    for batch in batches_of(dataset, _BATCH)[0]:
        past, future = map(keras.ops.convert_to_numpy, map(filled, batch))
        past = past[:, :context]
        for index in sorted(wanted - set(found)):
            if start <= index < start + len(past):
                found[index] = past[index - start], future[index - start]
        if start < first:
            head.append((past[: first - start], future[: first - start]))
        start += len(past)
        if wanted <= set(found) and start >= first:
            break
    if wanted - set(found):
        raise ValueError(
            f"`shown` must be indices of the {start} clips. "
            f"Received: shown={tuple(shown)}"
        )
    return {index: found[index] for index in shown}, head


def _ensembles(model, batches, members):
    """Yield (past, future, members) of a few clips at a time."""
    seed = 0
    for past, future in batches:
        for start in range(0, len(past), _CLIPS_AT_ONCE):
            part = slice(start, start + _CLIPS_AT_ONCE)
            forecast = model.forecast(past[part], members=members, seed=seed)
            yield past[part], future[part], np.asarray(forecast)
            seed += 1


def _drawn_ensembles(model, clips, members):
    """Return (past, future, members) of each clip, without a batch axis."""
    drawn = {}
    for index, (past, future) in clips.items():
        forecast = model.forecast(past[None], members=members, seed=0)
        drawn[f"Clip {index}"] = past, future, np.asarray(forecast)[0]
    return drawn


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


def _animation(clip, times):
    clips = (clip.past, clip.future, clip.forecasts)
    scale = max(1, _PANEL_PIXELS // clip.past.shape[2])
    frames = labeled_frames(*clips, **times, scale=scale, colors=clip.colors)
    caption = (
        f"{clip.name}: truth, forecast and error of "
        f"{', '.join(clip.forecasts)}. Blue border: input; orange: forecast."
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "clip.gif"
        plots.save_gif(path, frames)
        return {caption: path.read_bytes()}


def _flow_picture(clip, model, past):
    layer, flow = next(iter(model_flow(model, past).items()))
    caption = f"{clip.name}: motion at the last input frame, {layer}"
    return {caption: plots.plot_flow(flow, clip.past[-1], colors=clip.colors)}


def describe_machine() -> dict[str, str]:
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
