"""Choose between float32 and float16 for the weights of a preset."""

from pathlib import Path
from typing import Any, NamedTuple

from msrnn_keras.presets.loading import load_folder
from msrnn_keras.presets.registry import WEIGHTS
from msrnn_keras.training.folder import digest_weights
from tools.publishing.preset_files import (
    WeightRangeError,
    round_weights,
    write_model,
)

AGREEMENT = 5e-4  # relative: less than half a unit of the third digit


class Candidate(NamedTuple):
    """Weights in one of the two dtypes."""

    dtype: str
    weights: Path  # the file
    model: Any  # loaded as `zoo.load` loads it


def make_candidate(folder, model, names, compile, dtype, full=None):
    """Write weights in a dtype and load them as `zoo.load` does.

    `full` is a float32 weights file to round; None writes the model's weights.
    """
    folder, weights = Path(folder), None
    preset = folder / "preset"
    if full is not None:
        weights = folder / WEIGHTS
        folder.mkdir(parents=True)
        round_weights(full, weights)
    stub = {**names, "input": {}, "scores": {}}
    write_model(preset, model, stub, compile, dtype, weights)
    return Candidate(dtype, preset / WEIGHTS, load_folder(preset))


def choose_dtype(candidate, book, validation):
    """Choose float16 if its validation scores agree with those of float32.

    `candidate(dtype, full=None)` makes one; `full` is a file to round.
    """
    full = candidate("float32")
    expected = _score(full, book, validation)
    try:
        half = candidate("float16", full.weights)
    except WeightRangeError:
        return full, expected
    scores = _score(half, book, validation)
    if agree(scores["forecast"], expected["forecast"]):
        return half, scores
    return full, expected


def agree(scores, expected):
    """Return whether MSE and SSIM agree in their first three digits."""
    return all(
        scores[key] == expected[key]
        or abs(scores[key] - expected[key]) < AGREEMENT * abs(expected[key])
        for key in ("mse", "ssim")
        if expected[key] is not None
    )


def _score(candidate, book, validation):
    digest = digest_weights(candidate.weights)
    return book.score(candidate.model, digest, "validation", validation)
