"""Runs that were not trained, to be published, and what that takes."""

import contextlib
import json

import numpy as np
import pytest

from msrnn_keras.data import MovingMNIST, sample_digits
from msrnn_keras.data.datasets import moving_mnist
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.presets.library import Library
from msrnn_keras.training.history import write_history
from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE
from tools.publishing.run import read_run

NAME = "ms-convlstm/mnist/tiny"
KEYS = ("mse", "mae", "ssim", "psnr", "mse_unclipped")
ENVIRONMENT = {"backend": "jax", "keras": "3.99", "python": "3.88"}


def history(epochs):
    """Epochs of which the last but one scored best."""
    return [
        {
            "epoch": i,
            "seconds": 900.0,
            "loss": 50.0 - i,
            "val_mse": 30.0 - i + (3 if i == epochs - 1 else 0),
        }
        for i in range(epochs)
    ]


def write_run(folder, text=RECIPE, seed=0, epochs=3):
    """The folder of a run with random weights and an invented history."""
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
    """Clips of gray squares."""
    digits = np.full((1, 28, 28), digit, "uint8")
    return MovingMNIST(split, num_clips, 3, 2, 2, (32, 32), digits=digits)


def empty_library(folder):
    """A library of no presets, with a manifest of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text('{"presets": {}}')
    return Library(folder / "presets", folder / "manifest.json")


@contextlib.contextmanager
def small_mnist():
    """The digits of the package, six test clips, four to validate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            moving_mnist,
            "load_digits",
            lambda split, path=None: sample_digits(split),
        )
        patch.setitem(moving_mnist.NUM_CLIPS, "test", 6)
        patch.setitem(moving_mnist.NUM_CLIPS, "validation", 4)
        yield


@contextlib.contextmanager
def few_clips():
    """As `small_mnist`; its test clips pass as the fixed ones."""
    verified = []
    with small_mnist(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tools.publishing.publish.verify_test_set", verified.append
        )
        yield verified


@contextlib.contextmanager
def quick(run):
    """As `few_clips`; nothing is scored, and no model built but a run's."""
    model, scorer = read_run(run).load(), Scorer()
    with few_clips(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tools.publishing.run.Run.load", lambda run: model)
        patch.setattr(
            "msrnn_keras.presets.library.load_files",
            lambda *args, **kwargs: model,
        )
        patch.setattr("tools.publishing.scoring.evaluate", scorer)
        patch.setattr("tools.publishing.publish.draw_forecasts", _draw)
        yield scorer


def protocols(start):
    """Scores of both protocols, each number another one."""
    return {
        protocol: {key: start + 10 * i + j for j, key in enumerate(KEYS)}
        for i, protocol in enumerate(PROTOCOLS)
    }


def _draw(path, model, dataset):
    path.write_bytes(b"picture")
    return path


class Scorer:
    """Stands in for `evaluate`: what it was asked, and given scores.

    Args:
        mse: Function of the model and the data set that gives the number all
            scores are.
    """

    def __init__(self, mse=lambda model, dataset: 1.0):
        self.mse, self.asked = mse, []

    def __call__(self, model, dataset, thresholds=None, verbose=0):
        self.asked.append((model.name, getattr(dataset, "split", None)))
        scores = dict.fromkeys(KEYS, float(self.mse(model, dataset)))
        curves = dict.fromkeys(KEYS, [scores["mse"]] * model.horizon)
        return {
            **dict.fromkeys(PROTOCOLS, scores),
            "curves": curves,
            "clips": dataset.num_clips,
        }
