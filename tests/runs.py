"""Small training runs: recipes, digits, and the files of a run."""

import zipfile

import h5py
import numpy as np

from msrnn_keras.data import sample_digits

RECIPE = """\
model = "ms-convlstm"
dataset = "mnist"
variant = "tiny"

[architecture]
image_shape = [32, 32, 1]
context = 2
horizon = 2
filters = 2
scales = [1]
patch_size = 4

[training]
batch_size = 2
epochs = 3
steps_per_epoch = 3
learning_rate = 1e-2
warmup_steps = 2
sampling_steps = 6
validation_clips = 2
loss = "l1_l2"
seed = 1
"""

# All other settings of a recipe.
RICH = (
    RECIPE.replace("seed = 1", "seed = 2")
    + """\
schedule = "one-cycle"
sampling = "reverse"
optimizer = "adamw"
weight_decay = 0.1
global_clipnorm = 50.0
ema = 0.75
precision = "mixed_bfloat16"

[data]
num_digits = 1
"""
)

# A run that can be prolonged and branched off.
STEADY = RECIPE + 'schedule = "constant"\nema = 0.75\n'


def write_mnist(path):
    """Write a file like `mnist.npz` that repeats a few digits."""
    few = {split: sample_digits(split)[:20] for split in ("train", "test")}
    np.savez_compressed(
        path,
        x_train=np.resize(few["train"], (60_000, 28, 28)),
        x_test=np.resize(few["test"], (10_000, 28, 28)),
    )
    return path


def contents(folder):
    """Return the files of a folder: name -> bytes."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def state(checkpoint):
    """Return all numbers in a `.keras` file: weights, counters, optimizer."""
    names = []
    with zipfile.ZipFile(checkpoint) as archive:
        with archive.open("model.weights.h5") as file, h5py.File(file) as h5:
            h5.visit(names.append)
            arrays = {name: h5[name] for name in names}
            return {n: x[()] for n, x in arrays.items() if hasattr(x, "ndim")}
