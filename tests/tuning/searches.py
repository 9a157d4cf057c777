import numpy as np

from msrnn_keras import tuning

TRIALS = 2


def space(kind=tuning.MSRNNHyperModel, **options):
    searched = {
        "filters": (1, 2, 3),
        "sampling": ("none", "linear"),
        "learning_rate": (1e-3, 1e-1),
    }
    fixed = {
        **{"cell": "convlstm", "kernel_size": 1, "scales": ((1,),)},
        **{"skips": "none", "patch_size": 4, "sampling_steps": 4, "seed": 3},
        **{"image_shape": (8, 8, 1), "context": 2, "horizon": 2},
    }
    return kind(**{**searched, **fixed, **options})


def clips(count=4, seed=0):
    """`(x, y)`: all frames but the last, and the last two."""
    shape = (count, 4, 8, 8, 1)
    frames = np.random.default_rng(seed).random(shape, dtype="float32")
    return frames[:, :-1], frames[:, 2:]


def search(folder, hypermodel=None, train=None, **options):
    usual = {"method": "random", "max_trials": TRIALS, "epochs": 2}
    options = {**usual, "verbose": 0, **options}
    data = clips() if train is None else train, clips(2, seed=1)
    return tuning.tune(hypermodel or space(), *data, folder, **options)


def by_trial(folder):
    """The results by trial, without the time they took."""
    return {
        result.pop("trial"): {**result, "seconds": None}
        for result in tuning.read_results(folder)
    }
