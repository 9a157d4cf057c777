"""Fine-tune a trained model on recordings of one's own."""

import contextlib
import time
from typing import Any

import keras
import numpy as np

from msrnn_keras.baselines import OpticalFlow, Persistence, SmoothedFlow
from msrnn_keras.data.clips import Clips
from msrnn_keras.data.converting import as_trained
from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.data.datasets.events import Events, load_events
from msrnn_keras.data.datasets.recordings import part_of
from msrnn_keras.data.io.recording import Recording
from msrnn_keras.data.sources import ArraySource
from msrnn_keras.evaluation import evaluate
from msrnn_keras.metrics import MSE
from msrnn_keras.models.forecaster import Forecaster
from msrnn_keras.models.lagrangian import Lagrangian
from msrnn_keras.utils import motion
from msrnn_keras.utils.arguments import (
    check_above,
    check_count,
    check_positive,
    check_within,
    refused,
)

HELD_OUT = 0.2  # share of all frames, the last ones, for validation
VALIDATION_CLIPS = 10
STEPS = 50  # per epoch
AVERAGING = 0.98  # momentum of the averaged weights


def finetune(
    model: Forecaster,
    recordings: ArraySource | list[ArraySource] | list[Recording],
    max_minutes: float = 10,
    learning_rate: float = 1e-4,
    batch_size: int = 8,
    grid_step: float | None = None,
    seed: int = 0,
    verbose: int = 0,
) -> dict[str, Any]:
    """Continue the training for a few minutes; never make the model worse.

    The last 20 % of the frames, and at least one clip, are for validation. The
    others are for training, on crops of the size of the model's frames, drawn
    more often where it rains. Adam has a constant rate, and the weights are
    averaged over the steps. They change only if that lowers the MSE of the
    validation. A `Lagrangian` is trained in the moving frame.

    Args:
        model: `Forecaster`, such as `zoo.load` gives; trained in place.
        recordings: `Recording` or list of them, in time order. They become
            what the preset was trained on by `data.as_trained`.
        max_minutes: Number, minutes in which the training and the scoring
            before and after it end; at least one step is trained. The scores
            of the baselines come on top.
        learning_rate: Number.
        batch_size: Integer, clips per step.
        grid_step: Number, km between two pixels, see `data.as_trained`.
        seed: Integer, seed of the crops.
        verbose: 1 shows the progress, 0 nothing.

    Returns:
        Dict from "before", "after" (absent if the training diverged) and the
        name of each baseline to its scores on the validation part, as
        `evaluate` returns them; and "kept", whether the new weights are kept.

    Raises:
        ValueError: If the recordings are too short, too small, or of another
            unit, interval or grid.

    Example:
    >>> model = zoo.load("ms-convlstm/radar")
    >>> rain = data.from_radar("radar/*.h5", "odim_hdf5")
    >>> scores = finetune(model, rain)
    """
    batch_size = check_positive("batch_size", batch_size)
    max_minutes = check_above("max_minutes", max_minutes, 0)
    learning_rate = check_within("learning_rate", learning_rate, "(0, inf]")
    seed = check_count("seed", seed, 0)
    if not isinstance(model, Forecaster):
        wanted = "a `Forecaster`, such as `zoo.load` gives"
        raise refused("model", wanted, model)
    end = time.monotonic() + 60 * max_minutes
    recordings = recordings if isinstance(recordings, list) else [recordings]
    if not all(isinstance(x, ArraySource) for x in recordings):
        wanted = "a `Recording`, such as the readers give, or a list of them"
        raise refused("recordings", wanted, recordings)
    recordings = [as_trained(x, model, grid_step) for x in recordings]
    shares = _shares(model, recordings)
    validation = Clips(
        Events(part_of(recordings, "validation", shares)),
        model.context,
        model.horizon,
        batch_size=1,
        num_clips=VALIDATION_CLIPS,
    )
    train = part_of(recordings, "train", shares)
    crops = _crops(model, train, batch_size, seed)
    start = time.monotonic()
    scores = {"before": _score(model, validation)}
    end -= time.monotonic() - start  # the scores after take as long
    inner = model.model if isinstance(model, Lagrangian) else model
    weights = inner.get_weights()
    compiled = (inner.optimizer, inner.loss) if inner.compiled else None
    _train(inner, crops, learning_rate, end, verbose)
    # The data are right, as "before" shows: an error means divergence.
    with contextlib.suppress(ValueError, FloatingPointError):
        scores["after"] = _score(model, validation)
    before, after = (
        scores[key]["forecast"]["mse"] if key in scores else np.inf
        for key in ("before", "after")
    )
    if not after < before:
        inner.set_weights(weights)
    if compiled:
        optimizer, loss = compiled
        fresh = type(optimizer).from_config(optimizer.get_config())
        inner.compile(fresh, loss)
    for baseline in _baselines(model):
        scores[baseline.name] = _score(baseline, validation)
    return {**scores, "kept": bool(after < before)}


def _shares(model, recordings):
    """Return the shares of training, validation and test."""
    clip = model.context + model.horizon
    frames = sum(len(x.frames) for x in recordings)
    if frames < 2 * clip:
        raise ValueError(
            f"Fine-tuning needs {2 * clip} frames, a clip of {clip} (context + "
            f"horizon) for training and one for validation. Received: {frames}"
        )
    held = max(HELD_OUT, clip / frames)
    return 1 - held, held, 0.0


def _crops(model, recordings, batch_size, seed):
    """Return the crops for training."""
    events = Events(recordings)
    sizes = zip(*(x.image_shape[:2] for x in events.events), strict=True)
    smallest = map(min, sizes)
    size = tuple(map(min, smallest, model.image_shape[:2]))
    return load_events(
        events,
        "train",
        size,
        moving=isinstance(model, Lagrangian),
        cache=data_home("recordings", None),
        context=model.context,
        horizon=model.horizon,
        num_clips=batch_size * STEPS,
        batch_size=batch_size,
        seed=seed,
    )


class _Deadline(keras.callbacks.Callback):
    """Stop before the time is over; the first batch compiles."""

    def __init__(self, end):
        super().__init__()
        self.end = end

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() > self.end:
            self.model.stop_training = True


def _train(model, crops, learning_rate, end, verbose):
    adam = keras.optimizers.Adam(
        learning_rate, use_ema=True, ema_momentum=AVERAGING
    )
    model.compile(adam, model.loss if model.compiled else "mse")
    model.fit(
        crops,
        epochs=10**6,
        shuffle=False,
        callbacks=[_Deadline(end)],
        verbose=verbose,
    )


def _score(model, clips):
    return evaluate(model, clips, metrics=[MSE()])


def _baselines(model):
    sizes = model.context, model.horizon
    found = [Persistence(*sizes)]
    try:
        motion.check_installed()
    except ImportError:
        return found
    flow = {"flow_frames": model.context}
    if model.context > 1:
        found += [OpticalFlow(*sizes, **flow), SmoothedFlow(*sizes, **flow)]
    return found
