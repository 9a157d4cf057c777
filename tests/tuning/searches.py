"""Small searches: a space of a second, and clips for it."""

import sys

import numpy as np

from msrnn_keras import tuning

TRIALS = 2


def space(**options):
    options = {
        "cell": "convlstm",
        "filters": (1, 2, 3),
        "kernel_size": 1,
        "scales": ((1,),),
        "skips": "none",
        "patch_size": 4,
        "sampling": ("none", "linear"),
        "sampling_steps": 4,
        "learning_rate": (1e-3, 1e-1),
        "image_shape": (8, 8, 1),
        "context": 2,
        "horizon": 2,
        "seed": 3,
        **options,
    }
    return tuning.MSRNNHyperModel(**options)


def clips(count=4, seed=0):
    """`(x, y)`: all frames but the last, and the last two."""
    shape = (count, 4, 8, 8, 1)
    frames = np.random.default_rng(seed).random(shape, dtype="float32")
    return frames[:, :-1], frames[:, 2:]


def search(folder, hypermodel=None, train=None, **options):
    """A random search of `TRIALS` trials, without a word."""
    options = {
        "method": "random",
        "max_trials": TRIALS,
        "epochs": 2,
        "verbose": 0,
        **options,
    }
    return tuning.tune(
        hypermodel or space(),
        clips() if train is None else train,
        clips(2, seed=1),
        folder,
        **options,
    )


def by_trial(folder):
    """The results by trial, but for the time they took."""
    return {
        result.pop("trial"): {**result, "seconds": None}
        for result in tuning.read_results(folder)
    }


if __name__ == "__main__":
    search(sys.argv[1], verbose=1)
