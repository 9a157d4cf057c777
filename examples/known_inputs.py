# %% [markdown]
"""Forecast traffic with the hour and the weekday as known inputs.

    python -m examples.known_inputs
    python -m examples.known_inputs --data TaxiBJ/ --steps 2000

Covariates are channels that enter each time step beside the frame and are known
ahead: here the time of day and whether it is a weekend. The model with them is
trained beside one without, and forecasts the slots after the last one.

`--data` is the folder of the four TaxiBJ files. Without it the example writes
files of the same format, whose flows have a morning rush on working days, so
that the clock says more than the last two hours.
"""

# %%
import argparse
import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np

import msrnn_keras
from msrnn_keras import data
from msrnn_keras.baselines import Persistence
from msrnn_keras.data.datasets.taxibj import FILES, SLOTS, TaxiBJ
from msrnn_keras.evaluation import evaluate, score_table
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.metrics import MAE, MSE

SIZES = {"context": 4, "horizon": 8}
MODEL = {"filters": 32, "patch_size": 4, "scales": (1,), "residual": True}
DAYS = 21  # of each file
TEST_CLIPS = 96
COVARIATES = 7
HALF_HOUR = np.timedelta64(30, "m")


# %% [markdown]
# ## Data in the format of TaxiBJ


# %%
def write_traffic(folder):
    """Write four files with a rush on the mornings of working days."""
    random = np.random.default_rng(0)
    places = random.random((2, 32, 32))
    for number, name in enumerate(FILES):
        start = np.datetime64(f"201{3 + number}-03-01T00:00")
        times = start + HALF_HOUR * np.arange(DAYS * SLOTS)
        hour, weekend = hours_of(times), weekend_of(times)
        busy = 0.5 + 0.5 * ((hour >= 7) & (hour < 9.5) & ~weekend)
        noise = random.random((len(times), 2, 32, 32))
        flows = 200 * busy[:, None, None, None] * places * (0.9 + 0.2 * noise)
        dates = [date_of(time) for time in times]
        with h5py.File(Path(folder) / name, "w") as file:
            file["data"], file["date"] = flows.astype("float32"), dates


def date_of(time):
    """Return a time as TaxiBJ writes it, the day and the slot from 1."""
    day = str(time)[:10].replace("-", "")
    return f"{day}{int(2 * hours_of(time)) + 1:02d}".encode()


# %% [markdown]
# ## The clock as covariates


# %%
def hours_of(times):
    """Return the hours since midnight."""
    return (times - times.astype("datetime64[D]")) / np.timedelta64(1, "h")


def weekend_of(times):
    """Return whether times are on a Saturday or Sunday."""
    days = times.astype("datetime64[D]").astype("int64")
    return (days + 3) % 7 >= 5  # day 0 was a Thursday


def clock(times):
    """Return covariates `(frames, 1, 1, 7)`, the same in every pixel.

    They are waves of 24, 12 and 8 hours and whether it is a weekend.
    """
    angle = 2 * np.pi * hours_of(times) / 24
    waves = [wave(n * angle) for n in range(1, 4) for wave in (np.sin, np.cos)]
    parts = *waves, weekend_of(times)
    return np.stack(parts, axis=-1).astype("float32")[:, None, None]


def clips(source, with_clock, **options):
    """Return the clips of a split of TaxiBJ."""
    covariates = clock(source.times) if with_clock else None
    return data.Clips(source, **SIZES, covariates=covariates, **options)


# %% [markdown]
# ## Train with and without


# %%
def train(source, with_clock, steps):
    """Return a model that was trained on a split for some steps of 16 clips."""
    keras.utils.set_random_seed(0)
    sizes = {"image_shape": source.image_shape, **SIZES, **MODEL}
    count = COVARIATES if with_clock else 0
    model = msrnn_keras.create("convlstm", covariates=count, **sizes)
    model.compile(keras.optimizers.Adam(3e-3), loss=FrameL1L2Loss())
    options = {"num_clips": 16 * steps, "shuffle": True}
    model.fit(clips(source, with_clock, **options), verbose=0)
    return model


def forecast_next(model, source):
    """Return the flows of the slots after the last one, in vehicles."""
    past = source.pixels(len(source) - SIZES["context"], len(source))[None]
    last = source.times[-SIZES["context"] :]
    ahead = last[-1] + HALF_HOUR * np.arange(1, SIZES["horizon"])
    known = clock(np.concatenate([last, ahead]))[None]
    shape = (*known.shape[:2], *past.shape[2:4], COVARIATES)
    known = np.broadcast_to(known, shape)
    return source.scaling.inverse(model.forecast(past, covariates=known))


# %%
def main(arguments=None):
    """Train both models, print their scores and forecast the next slots."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--data", help="folder of the TaxiBJ files")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.data is None:
            write_traffic(folder)
        splits = ("train", "test")
        train_part, test = (TaxiBJ(x, options.data or folder) for x in splits)
        some = {"num_clips": TEST_CLIPS}
        metrics = [MSE(), MAE()]
        persistence = Persistence(*SIZES.values())
        rows = {
            "persistence": evaluate(
                persistence, clips(test, False, **some), metrics
            )
        }
        for name in ("without clock", "with clock"):
            with_clock = name.startswith("with ")
            model = train(train_part, with_clock, options.steps)
            rows[name] = evaluate(
                model, clips(test, with_clock, **some), metrics
            )
        print(score_table(rows, columns=["mse", "mae"]))
        flows = forecast_next(model, test)
    print(f"mean flow of the next slots: {flows.mean(axis=(0, 2, 3, 4))}")
    return {name: row["forecast"]["mse"] for name, row in rows.items()}


if __name__ == "__main__":
    main()
