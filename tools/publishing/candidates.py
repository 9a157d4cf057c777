"""The weights of a preset in float32 and in float16, and which are kept."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from msrnn_keras.presets.library import Library
from msrnn_keras.presets.registry import WEIGHTS, folder_of
from msrnn_keras.presets.saving import (
    WeightRangeError,
    round_weights,
    write_model,
)
from tools.publishing import manifest

# Less than half a unit of the third digit, whatever the first two are.
AGREEMENT = 5e-4


class Candidate(NamedTuple):
    """Weights in one of the dtypes that a preset may keep them in.

    Args:
        dtype: String, `"float32"` or `"float16"`.
        weights: `pathlib.Path` of the file.
        model: `MSStack`, loaded as a user loads it.
    """

    dtype: str
    weights: Path
    model: Any


def digest_weights(path):
    """Gives the SHA-256 of a weights file's names, types, shapes and numbers.

    Args:
        path: Path of an HDF5 file.

    Returns:
        String of 64 characters.
    """
    sha256 = hashlib.sha256()

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            sha256.update(f"{name} {item.dtype} {item.shape} ".encode())
            sha256.update(item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(visit)
    return sha256.hexdigest()


def make_candidate(folder, model, names, compile, dtype, full=None):
    """Writes weights in a dtype and loads them as `zoo.load` does.

    Args:
        folder: Path of a folder for it.
        model: `MSStack`, trained.
        names: Dict, the preset's `model`, `dataset`, `variant`, `revision`.
        compile: Dict, as of `msrnn_keras.presets.saving.write_preset`.
        dtype: String, `"float32"` or `"float16"`.
        full: Path of a file of float32 weights that are to be rounded to
            float16; None writes those of the model.

    Returns:
        `Candidate`.

    Raises:
        WeightRangeError: If a weight does not fit into float16.
    """
    folder = Path(folder)
    root, listing = folder / "presets", folder / "manifest.json"
    preset = root / folder_of(names)
    stub = {**names, "input": {}, "scores": {}}
    weights = None
    if full is not None:
        weights = folder / WEIGHTS
        folder.mkdir(parents=True)
        round_weights(full, weights)
    write_model(preset, model, stub, compile, dtype, weights)
    text = manifest.render(manifest.generate(root, {"presets": {}}))
    listing.write_text(text, encoding="utf-8")
    loaded = Library(root, listing).load(
        names["model"],
        names["dataset"],
        names["variant"],
        revision=names["revision"],
    )
    return Candidate(dtype, preset / WEIGHTS, loaded)


def choose_dtype(candidate, book, validation):
    """Takes float16 where it forecasts validation as well as float32 does.

    Well enough is that the MSE and the SSIM of the forecast frames differ by
    less than `AGREEMENT` of their size: by less than half a unit of their
    third digit.

    Args:
        candidate: Function of a dtype that gives its `Candidate`; the one in
            float16 is made of the file in float32, its second argument.
        book: `ScoreBook`.
        validation: The validation clips.

    Returns:
        Tuple of the `Candidate` and its validation scores.
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
    """Whether MSE and SSIM are the same in their first three digits.

    Args:
        scores: Dict with `mse` and `ssim`, which may be None.
        expected: Dict of the same.

    Returns:
        Boolean.
    """
    return all(
        scores[key] == expected[key]
        or abs(scores[key] - expected[key]) < AGREEMENT * abs(expected[key])
        for key in ("mse", "ssim")
        if expected[key] is not None
    )


def _score(candidate, book, validation):
    digest = digest_weights(candidate.weights)
    return book.score(candidate.model, digest, "validation", validation)
