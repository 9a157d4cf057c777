"""`msrnn demo`: a published model forecasts digits it never saw."""

import pathlib
import time
from typing import NamedTuple

from msrnn_keras.cli.arguments import add_integers, add_model, load

CLIPS = (
    ("clips", 32, "clips to score"),
    ("shown", 0, "index of the drawn clip"),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "demo", help="forecast unseen digits, score and draw the forecast"
    )
    add_model(command)
    command.add_argument(
        "--out", default=".", help="folder for forecast.png and forecast.gif"
    )
    add_integers(command, CLIPS)
    command.set_defaults(run=run)


def run(options):
    """Run the demonstration and print its scores."""
    from msrnn_keras.evaluation import score_table

    start = time.monotonic()
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

    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The folder does not exist. Received: {str(folder)!r}"
        )
    if not 0 <= shown < clips:
        raise ValueError(
            f"`shown` must be 0 or more, and less than {clips}. "
            f"Received: shown={shown}"
        )
    data = unseen_clips(model, clips)
    baseline = Persistence(model.context, model.horizon)
    scores = {
        named.name: evaluate(named, data, verbose=0)
        for named in (model, baseline)
    }
    past, future = (part[shown] for part in data.arrays())
    forecast = np.clip(model.predict(past[None], verbose=0)[0], 0, 1)
    picture, animation = folder / "forecast.png", folder / "forecast.gif"
    _draw(picture, animation, past, future, forecast)
    return Demo(scores, picture, animation)


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
    """Write the picture and the animation."""
    from msrnn_keras.plots import plot_forecast
    from msrnn_keras.plots.animation import forecast_frames, save_gif
    from msrnn_keras.utils.files import write_atomically

    write_atomically(picture, plot_forecast(past, future, forecast).savefig)
    save_gif(animation, forecast_frames(past, future, forecast))
