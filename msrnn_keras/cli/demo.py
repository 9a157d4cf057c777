"""The demonstration: a published model forecasts digits it never saw."""

import pathlib
from typing import NamedTuple

import numpy as np

from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST, sample_digits
from msrnn_keras.evaluation import evaluate
from msrnn_keras.utils.files import write_atomically


class Demo(NamedTuple):
    """What `run_demo` gives back."""

    scores: dict  # name -> scores, as `evaluation.score_table` takes them
    picture: pathlib.Path
    animation: pathlib.Path


def run_demo(model, folder=".", clips=32, shown=0):
    """Forecast moving digits and draw the forecast.

    The digits are those of the MNIST test set that ship with the package.

    Args:
        model: `MSStack` trained on Moving MNIST.
        folder: Path of an existing folder; `forecast.png` and `forecast.gif`
            are written there.
        clips: Integer, clips to score.
        shown: Integer, which of the clips is drawn.

    Returns:
        `Demo`: the scores of the model and of persistence, and the paths of
        the picture and the animation.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If `shown` is not one of the clips.

    Example:
    >>> demo = run_demo(zoo.load("ms-convlstm", "mnist"))
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder does not exist. Received: {str(folder)!r}"
        )
    if not 0 <= shown < clips:
        raise ValueError(
            f"`shown` must be one of the {clips} clips. Received: {shown}"
        )
    data = unseen_clips(model, clips)
    baseline = Persistence(model.context, model.horizon)
    scores = {
        named.name: evaluate(named, data, verbose=0)
        for named in (model, baseline)
    }
    past, future = (part[shown] for part in data.arrays())
    forecast = np.clip(model.predict(past[None], verbose=0)[0], 0, 1)
    picture = folder / "forecast.png"
    animation = folder / "forecast.gif"
    _draw(picture, animation, past, future, forecast)
    return Demo(scores, picture, animation)


def unseen_clips(model, num_clips):
    """Clips of the shipped test digits, as a model takes them.

    Args:
        model: `MSStack`, or anything with its sizes.
        num_clips: Integer.

    Returns:
        `MovingMNIST`.
    """
    return MovingMNIST(
        "test",
        num_clips=num_clips,
        context=model.context,
        horizon=model.horizon,
        image_shape=model.image_shape[:2],
        digits=sample_digits("test"),
    )


def _draw(picture, animation, past, future, forecast):
    from msrnn_keras.plots import plot_forecast
    from msrnn_keras.plots.animation import forecast_frames, save_gif

    write_atomically(picture, plot_forecast(past, future, forecast).savefig)
    save_gif(animation, forecast_frames(past, future, forecast))
