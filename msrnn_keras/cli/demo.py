"""`msrnn demo`: a published model forecasts digits it never saw."""

import pathlib
import time
from typing import NamedTuple

from msrnn_keras.cli.arguments import MODEL, add_command, load, natural

OPTIONS = (
    *MODEL,
    ("--out", str, "folder for forecast.png and forecast.gif", "."),
    ("--clips", int, "number of clips to score", 32),
    ("--shown", natural, "number of the clip to draw, from 0", 0),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "forecast unseen digits, score and draw the forecast"
    add_command(commands, "demo", text, run, *OPTIONS)


def run(options):
    """Run the demonstration and print its scores."""
    from msrnn_keras.evaluation import score_table

    start = time.monotonic()
    _check(options.out, options.clips, options.shown)
    model = load(options.model, options.revision)
    demo = run_demo(model, options.out, options.clips, options.shown)
    print(f"{options.clips} clips of digits that the model never saw.")
    print(score_table(demo.scores))
    seconds = time.monotonic() - start
    print(f"Wrote {demo.picture} and {demo.animation} in {seconds:.0f} s.")


class Demo(NamedTuple):
    """The result of `run_demo`."""

    scores: dict  # name -> scores, as `evaluation.score_table` takes them
    picture: pathlib.Path
    animation: pathlib.Path


def run_demo(model, folder=".", clips=32, shown=0):
    """Forecast moving digits of the MNIST test set and draw one forecast."""
    import numpy as np

    from msrnn_keras.baselines import Persistence
    from msrnn_keras.evaluation import evaluate

    picture = _check(folder, clips, shown)
    data = unseen_clips(model, clips)
    rivals = (model, Persistence(model.context, model.horizon))
    scores = {m.name: evaluate(m, data, verbose=1) for m in rivals}
    past, future = (part[shown] for part in data.arrays())
    forecast = np.clip(model.predict(past[None], verbose=0)[0], 0, 1)
    animation = picture.with_suffix(".gif")
    _draw(picture, animation, past, future, forecast)
    return Demo(scores, picture, animation)


def _check(folder, clips, shown):
    """Return the path of the picture; refuse what cannot be drawn."""
    from msrnn_keras.utils.files import check_folder

    picture = pathlib.Path(folder, "forecast.png")
    check_folder(picture)
    if not 0 <= shown < clips:
        raise ValueError(
            f"`shown` must be 0 or more, and less than {clips}. "
            f"Received: shown={shown}"
        )
    return picture


def unseen_clips(model, num_clips):
    """Return clips of the shipped test digits, of the model's sizes."""
    from msrnn_keras.data import MovingMNIST, sample_digits

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
    from msrnn_keras.utils.files import write_atomically

    write_atomically(picture, plot_forecast(past, future, forecast).savefig)
    save_gif(animation, forecast_frames(past, future, forecast))
