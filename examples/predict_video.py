# %% [markdown]
"""Forecast a video.

    python -m examples.predict_video
    python -m examples.predict_video street.mp4 --out ahead.mp4 --horizon 20

Reads an mp4, avi, mov, mkv, webm or gif file or a folder of images, forecasts
what comes after the last frame, and writes an animation (gif or mp4) and a
picture of the same name. `--compare` holds the last frames back and shows them
beside the forecast. Without a video, it makes one of moving digits and
compares. All but gif and images needs `pip install "msrnn-keras[video]"`.

The model learned from moving digits, and its forecasts are only as good as the
likeness to them; `fine_tune.py` shows how it learns from other frames.
"""

# %%
import pathlib

import numpy as np

import zoo
from msrnn_keras import data, plots

SIZE = (64, 64)  # to which the frames are resized, pixels
HORIZON = 10


# %%
def make_video(path, frames=10 + HORIZON, seed=0):
    """Write a clip of two moving digits."""
    digits = data.sample_digits("test")
    (clip,) = data.moving_digits(digits, 1, frames, SIZE, seed=seed)
    plots.save_animation(path, clip / 255)


def read_video(path, size=SIZE):
    """The frames, in gray, as an array (time, height, width, 1); and fps."""
    recording = data.from_video(path, size=size, gray=True)
    frames = recording.pixels(0, len(recording))
    return frames, recording.metadata.get("fps", 5)


def hold_back(frames, horizon):
    """The frames but the last ones, and the last ones."""
    if len(frames) <= horizon:
        raise ValueError(
            f"The video must have more than the {horizon} frames that are "
            f"held back to compare with. Received: {len(frames)} frames"
        )
    return frames[:-horizon], frames[-horizon:]


def forecast_video(past, horizon):
    """What the small digits model expects after the frames."""
    model = zoo.load("ms-convlstm/mnist/small")
    return model.forecast(past[None], horizon=horizon)[0]


def frame_error(forecast, future):
    """Mean squared error, summed over the pixels of a frame."""
    error = np.clip(forecast, 0, 1) - future
    return float(np.square(error).sum((1, 2, 3)).mean())


def write(path, past, future, forecast, fps=5):
    """Write an animation, and a picture beside it; returns their paths."""
    path = pathlib.Path(path)
    frames = plots.forecast_frames(past, future, forecast)
    plots.save_animation(path, frames, min(fps, 50))
    picture = path.with_suffix(".png")
    plots.plot_forecast(past, future, forecast).savefig(picture)
    return path, picture


# %% [markdown]
# ## A video of moving digits
#
# The last frames are held back. In the animation the truth is on the left,
# then the forecast, then its error; the border is blue while the input runs
# and orange during the forecast.

# %% tags=["active-ipynb"]
# make_video("digits.gif")
# frames, fps = read_video("digits.gif")
# past, future = hold_back(frames, HORIZON)
# forecast = forecast_video(past, HORIZON)
# print("error:", frame_error(forecast, future))
# print("error of the last frame, repeated:", frame_error(past[-1:], future))
# animation, picture = write("forecast.gif", past, future, forecast, fps)

# %% tags=["active-ipynb"]
# from IPython.display import Image
#
# Image(animation)

# %% tags=["active-ipynb"]
# Image(picture)


# %% tags=["active-py"]
def main(arguments=None):
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", help="else it makes one of digits")
    parser.add_argument("--out", default="forecast.gif", help="a gif or mp4")
    parser.add_argument("--horizon", type=int, default=HORIZON, help="frames")
    parser.add_argument("--compare", action="store_true")
    options = parser.parse_args(arguments)
    source = options.video
    if source is None:
        source = pathlib.Path(options.out).with_name("digits.gif")
        make_video(source, 10 + options.horizon)
    past, fps = read_video(source)
    future = None
    if options.compare or options.video is None:
        past, future = hold_back(past, options.horizon)
    forecast = forecast_video(past, options.horizon)
    if future is not None:
        still = frame_error(past[-1:], future)
        error = frame_error(forecast, future)
        print(f"Error {error:.1f}, of the last frame repeated {still:.1f}")
    written = write(options.out, past, future, forecast, fps)
    print(f"Wrote {' and '.join(map(str, written))}.")


if __name__ == "__main__":
    main()
