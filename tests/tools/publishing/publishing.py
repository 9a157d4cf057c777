"""Untrained runs to publish, and replacements for what takes time."""

import contextlib
import json

import numpy as np
import pytest

from msrnn_keras.data import MovingMNIST, sample_digits
from msrnn_keras.data.datasets import moving_mnist
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.presets.registry import Library
from msrnn_keras.training.history import write_history
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE
from tools.publishing.run import read_run

NAME = "ms-convlstm/mnist/tiny"
NAMES = {"model": "ms-convlstm", "dataset": "mnist", "variant": "tiny"}
KEYS = ("mse", "mae", "ssim", "psnr", "mse_unclipped")
ENVIRONMENT = {"backend": "jax", "keras": "3.99", "python": "3.88"}
FILES = {"config.json", "metadata.json", "model.weights.h5"}
FILES |= {"README.md", "forecast.png"}


def history(epochs):
    """Return epochs of which the last but one has the best score."""
    scores = [30.0 - i + (3 if i == epochs - 1 else 0) for i in range(epochs)]
    return [
        {"epoch": i, "seconds": 900.0, "loss": 50.0 - i, "val_mse": score}
        for i, score in enumerate(scores)
    ]


def write_run(folder, text=RECIPE, seed=0, epochs=3):
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(text)
    model = load_recipe(folder / "recipe.toml").build()
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    model.save_weights(folder / "best.weights.h5")
    write_history(folder, history(epochs))
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT))
    return folder


def clips(num_clips=4, split="validation", digit=1):
    digits = np.full((1, 28, 28), digit, "uint8")
    return MovingMNIST(split, num_clips, 3, 2, 2, (32, 32), digits=digits)


def empty_library(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text('{"presets": {}}')
    return Library(folder / "presets", folder / "manifest.json")


@contextlib.contextmanager
def small_mnist():
    """Use the digits of the package, six test and four validation clips."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            moving_mnist, "load_digits", lambda split, _: sample_digits(split)
        )
        patch.setitem(moving_mnist.NUM_CLIPS, "test", 6)
        patch.setitem(moving_mnist.NUM_CLIPS, "validation", 4)
        yield


@contextlib.contextmanager
def few_clips():
    """Use `small_mnist` and accept its test clips as the fixed test set."""
    verified = []
    verify = "tools.publishing.publish.verify_test_set"
    with small_mnist(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, verified.append)
        yield verified


@contextlib.contextmanager
def quick(run):
    """Use `few_clips`, invented scores, and one model for everything."""
    model, scorer = read_run(run).load(), Scorer()

    def draw(path, model, dataset):
        path.write_bytes(b"picture")
        return path

    replaced = {
        "run.Run.load": lambda run: model,
        "candidates.load_folder": lambda folder: model,
        "scoring.evaluate": scorer,
        "publish.draw_forecasts": draw,
    }
    with few_clips(), pytest.MonkeyPatch.context() as patch:
        for name, value in replaced.items():
            patch.setattr(f"tools.publishing.{name}", value)
        yield scorer


def protocols(start):
    return {
        protocol: {key: start + 10 * i + j for j, key in enumerate(KEYS)}
        for i, protocol in enumerate(PROTOCOLS)
    }


class Scorer:
    """Replacement for `evaluate` that records its calls in `asked`.

    All scores are `mse(model, dataset)`.
    """

    def __init__(self, mse=lambda model, dataset: 1.0):
        self.mse, self.asked = mse, []

    def __call__(self, model, dataset, **options):
        self.asked.append((model.name, getattr(dataset, "split", None)))
        scores = dict.fromkeys(KEYS, float(self.mse(model, dataset)))
        curves = dict.fromkeys(KEYS, [scores["mse"]] * model.horizon)
        both = dict.fromkeys(PROTOCOLS, scores)
        return {**both, "curves": curves, "clips": dataset.num_clips}
