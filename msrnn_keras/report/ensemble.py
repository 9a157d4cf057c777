"""The section of a report on the ensembles of a model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from msrnn_keras import metrics, plots
from msrnn_keras.plots.clips import in_units
from msrnn_keras.report import names
from msrnn_keras.report.clips import clips_of
from msrnn_keras.report.page import Section
from msrnn_keras.utils.typing import HasInverse

_RAIN_THRESHOLDS = (0.5, 2.0)  # mm/h
_PIXEL_THRESHOLDS = (0.5,)


def ensemble_section(
    batches: Iterable[Any],
    clips: Mapping[str, Any] | None = None,
    name: str = "Forecast",
    radar: bool = False,
    scaling: HasInverse | None = None,
    thresholds: Sequence[float] | None = None,
    interval: float = 1,
    unit: str = "frame",
    extent: Sequence[float] | None = None,
) -> Section:
    """Score ensembles and draw their calibration and their members.

    The section has the CRPS beside the MAE of the mean, spread and error by
    lead time, the rank histogram, the reliability at each threshold, and for
    each clip to draw its members and the probability of the first threshold.

    Args:
        batches: Iterable of (past, truth, members): arrays (batch, time,
            height, width, channels), and (batch, members, time, height, width,
            channels) with two members or more.
        clips: Dict from names to such triples of one clip each, without the
            batch axis, to draw. None draws the first clip of `batches`.
        name: Name of the model.
        radar: As in `evaluation_report`.
        scaling: As in `evaluation_report`. With `radar`, spread, error and
            thresholds are in mm/h, else in pixels.
        thresholds: List of thresholds. None is 0.5 and 2 mm/h of rain, and 0.5
            of other pixels.
        interval: Time between two frames, in `unit`.
        unit: Name of the unit of time.
        extent: As in `evaluation_report`.

    Returns:
        A section for `write_report(..., sections={"Ensemble": section})`.

    Raises:
        ValueError: If there is no clip, or shapes or values do not fit.

    Example:
        >>> members = model.forecast(past, members=20, seed=0)
        >>> section = ensemble_section([(past, truth, members)])
        >>> write_report("report.html", scores, sections={"Ensemble": section})
    """
    if thresholds is None:
        thresholds = _RAIN_THRESHOLDS if radar else _PIXEL_THRESHOLDS
    tally, drawn = None, clips
    for past, truth, members in batches:
        if tally is None:
            sizes = members.shape[1:3]
            tally = _Tally(*sizes, thresholds, radar, scaling)
        if drawn is None:
            drawn = {"Clip 0": (past[0], truth[0], members[0])}
        tally.update(truth, members)
    if tally is None:
        raise ValueError("`batches` holds no clips. Received: 0 batches")
    times = {"interval": interval, "unit": unit}
    pictures = {}
    for label, triple in drawn.items():
        *frames, ensemble = triple
        drawing = (*frames, {name: ensemble}, radar, scaling)
        for clip in clips_of(label, *drawing):
            maps = _maps(clip, name, thresholds[0], times, extent)
            pictures.update(maps)
    return Section(
        tally.text(), name, tally.cells(), tally.charts(times), pictures
    )


class _Tally:
    """Sums of all scores over batches."""

    def __init__(self, members, horizon, thresholds, radar, scaling):
        self.members, self.clips, self.ranks, self.curves = members, 0, 0, {}
        self.units = "mm/h" if radar else None
        self.scaling = scaling if radar else None
        # Radar frames without a scaling are in mm/h, all others in [0, 1].
        self.clip = not radar or scaling is not None
        pixels = {"num_frames": horizon, "clip": self.clip}
        units = {**pixels, "scaling": self.scaling}
        self.crps, self.mae = metrics.CRPS(**pixels), metrics.MAE(**pixels)
        self.spread = metrics.Spread(**units)
        self.error = metrics.EnsembleRMSE(**units)
        self.ratio = metrics.SpreadSkillRatio(**units)
        self.brier = [metrics.BrierScore(x, **units) for x in thresholds]
        self.reliability = dict.fromkeys(thresholds)

    def update(self, truth, members):
        if self.clip:
            members = np.clip(members, 0.0, 1.0)
        self.mae.update_state(truth, members.mean(axis=1))
        scored = self.crps, self.spread, self.error, self.ratio, *self.brier
        for metric in scored:
            metric.update_state(truth, members)
        seed = self.clips
        self.ranks = self.ranks + metrics.rank_histogram(truth, members, seed)
        rain = in_units(truth, self.scaling), in_units(members, self.scaling)
        for threshold, known in self.reliability.items():
            more = metrics.reliability(*rain, threshold)
            known = more if known is None else known + more
            self.reliability[threshold] = known
        self.clips += len(truth)

    def text(self):
        """Return what the numbers mean."""
        units = f"in {self.units}" if self.units else "for pixels in [0, 1]"
        return (
            f"Clips: {self.clips}, with {self.members} members each. The CRPS "
            "of a single forecast is its MAE. Both are sums over the pixels of "
            "a frame. The spread of a calibrated ensemble is as large as the "
            f"error of its mean; both are {units}."
        )

    def cells(self):
        """Return the row of the table: heading -> text."""
        keys = {
            "CRPS ↓": ("crps", self.crps),
            "MAE of the mean ↓": ("mae", self.mae),
            **{
                f"{names.score_label(m.name)} ↓": (m.name, m)
                for m in self.brier
            },
            "Spread": ("spread", self.spread),
            "RMSE of the mean ↓": ("ensemble_rmse", self.error),
            "Spread / RMSE": ("spread_skill_ratio", self.ratio),
        }
        return {
            heading: names.score_text(key, float(metric.result()))
            for heading, (key, metric) in keys.items()
        }

    def charts(self, times):
        """Return the charts: caption -> figure."""
        crps = {"CRPS": self.crps.curve(), "MAE of the mean": self.mae.curve()}
        charts = {
            "CRPS and MAE of the mean by lead time": plots.plot_curves(
                crps, "Sum over a frame", **times
            ),
            "Spread and error of the mean by lead time": (
                plots.plot_spread_skill(
                    self.spread.curve(),
                    self.error.curve(),
                    units=self.units,
                    **times,
                )
            ),
        }
        if not self.ranks.sum():  # nothing but missing truth
            return charts
        charts["Rank histogram"] = plots.plot_rank_histogram(self.ranks)
        for threshold, result in self.reliability.items():
            figure = plots.plot_reliability(result, self.units)
            event = _event(threshold, self.units)
            charts[f"Reliability of {event}"] = figure
        return charts


def _maps(clip, name, threshold, times, extent):
    """Return the members of a clip and a probability: caption -> figure."""
    members = clip.forecasts[name]
    options = {**times, "extent": extent if clip.colors == "rain" else None}
    maps = {
        f"{clip.name}: members at the last lead time": plots.plot_stamps(
            members, clip.future, clip.past, colors=clip.colors, **options
        )
    }
    if members.shape[-1] == 1:
        units = clip.units if clip.colors == "rain" else None
        caption = f"{clip.name}: probability of {_event(threshold, units)}"
        maps[caption] = plots.plot_exceedance(
            members, threshold, clip.future, units=units, **options
        )
    return maps


def _event(threshold, units):
    return (
        f"{threshold:g} {units} or more" if units else f"{threshold:g} or more"
    )
