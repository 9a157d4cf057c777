"""Forecasts of one clip by one or two models, beside persistence."""

import collections
import threading
from typing import Any, NamedTuple

import numpy as np

from msrnn_keras.app.samples import is_rain
from msrnn_keras.baselines import Persistence
from msrnn_keras.evaluation import evaluate

_CACHED = 4  # models in memory


class Models:
    """Presets that are loaded when they are first used.

    Args:
        names: List of names that `zoo.load` takes.
    """

    def __init__(self, names):
        self.names = list(names)
        self._loaded = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, name):
        """Return a model; refuse a name that is not listed."""
        import zoo

        if name not in self.names:
            raise ValueError(
                f"There is no such preset on this page. Received: {name!r}"
            )
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = zoo.load(name)
            self._loaded.move_to_end(name)
            while len(self._loaded) > _CACHED:
                self._loaded.popitem(last=False)
            return self._loaded[name]


class Comparison(NamedTuple):
    """Forecasts of one clip, in pixels, and their scores."""

    past: Any  # (context, height, width, channels)
    truth: Any  # (horizon, …), NaN where unknown; None if nothing is known
    forecasts: dict  # name -> (horizon, …)
    scores: dict  # name -> as `evaluate` gives them; empty without truth
    scaling: Any
    interval: float | None  # seconds
    rain: bool


def check_same_frames(models):
    """Refuse two models that do not forecast the same frames."""
    kinds = [
        (is_rain(x), x.context, x.image_shape[-1], x.trained_on) for x in models
    ]
    if kinds.count(kinds[0]) < len(kinds):
        names = " and ".join(
            str(getattr(x, "loaded_from", None) or x.name) for x in models
        )
        raise ValueError(
            "Two presets are compared on the same frames; choose two of one "
            f"data set. Received: {names}"
        )


def compare(models, clip, horizon):
    """Forecast a clip with some models and score them beside persistence.

    Args:
        models: Dict from names to models of the same frames.
        clip: `Clip` of `msrnn_keras.app.inputs`.
        horizon: Integer, frames to forecast.

    Returns:
        `Comparison`.

    Raises:
        ValueError, TypeError: If the frames do not fit a model.
    """
    past = clip.past[None]
    forecasts = {}
    for name, model in models.items():
        frames = np.asarray(model.forecast(past, horizon=horizon))[0]
        if not np.isfinite(frames).all():
            raise ValueError(
                "The model computed frames that are not finite; choose a "
                f"shorter forecast. Received: NaN or infinity from {name}"
            )
        forecasts[name] = np.clip(frames, 0, 1)
    model = next(iter(models.values()))
    truth, scores = None, {}
    if len(clip.truth):
        missing = horizon - len(clip.truth)
        widths = [(0, missing), (0, 0), (0, 0), (0, 0)]
        truth = np.pad(clip.truth, widths, constant_values=np.nan)
        scored = [_Given(name, past, x) for name, x in forecasts.items()]
        scored.append(Persistence(len(clip.past), horizon))
        pair = past, truth[None]
        scores = {x.name: evaluate(x, pair) for x in scored}
    trained = model.trained_on
    interval = clip.recording.interval
    if interval is None and trained is not None:
        interval = trained.interval
    scaling = clip.recording.scaling
    return Comparison(
        clip.past, truth, forecasts, scores, scaling, interval, is_rain(model)
    )


class _Given:
    """A forecast that is known, as `evaluate` scores models."""

    has_states = False

    def __init__(self, name, past, forecast):
        self.name, self._forecast = name, forecast[None]
        self.context, self.horizon = past.shape[1], len(forecast)

    def predict(self, past, batch_size=None, verbose=0):
        return self._forecast

    predict_all = predict
