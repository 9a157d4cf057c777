"""The scores of models on data sets, kept for the next time."""

import hashlib
import json
from pathlib import Path

import numpy as np

import msrnn_keras
from msrnn_keras.cli.evaluate import RAIN
from msrnn_keras.evaluation import evaluate
from msrnn_keras.utils.files import remove_unfinished, write_atomically

SCORES = "scores.json"


class ScoreBook:
    """Scores that were computed, kept in a file for the next time.

    A score is found again for the same weights (every name, shape and number
    of them), data (size, first and last clip) and version of the package, and
    for nothing else.

    Args:
        path: Path of the file; what cannot be read counts as empty.
        verbose: 1 shows a progress bar, 2 lines, 0 nothing.

    Example:
        book = ScoreBook("runs/small/scores.json")
        scores = book.score(model, digest_weights(path), "test", dataset)
    """

    def __init__(self, path, verbose=0):
        self.path, self.verbose = Path(path), verbose
        remove_unfinished(self.path.parent)

    def score(self, model, identity, split, dataset):
        """The scores of a model on a split, computed where they are not known.

        Args:
            model: Anything that `msrnn_keras.evaluation.evaluate` takes.
            identity: String, the weights' digest, or a baseline's name.
            split: String, `"validation"` or `"test"`.
            dataset: Batches of the split, with `num_clips`.

        Returns:
            Dict, as of `msrnn_keras.evaluation.evaluate`; those of rain have
            POD, FAR, CSI and HSS too.

        Raises:
            ValueError: If a prediction is not finite.
        """
        key = f"{split} {identity} {_digest_data(dataset)}"
        known = self._read()
        if key not in known:
            if self.verbose:
                print(
                    f"Scoring {model.name} on {dataset.num_clips:,} clips of "
                    f"{split}",
                    flush=True,
                )
            known[key] = evaluate(
                model,
                dataset,
                thresholds=thresholds_of(dataset),
                verbose=self.verbose,
            )
            text = json.dumps(known, indent=1)
            write_atomically(self.path, lambda path: path.write_text(text))
        return known[key]

    def _read(self):
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}


def thresholds_of(dataset):
    """The thresholds that a data set's forecasts are scored at, or None.

    Args:
        dataset: A data set of `msrnn_keras.data`.

    Returns:
        Tuple of numbers in mm/h for rain, else None.
    """
    return RAIN if dataset.scaling.unit == "mm/h" else None


def _digest_data(dataset):
    """A hash of a data set's size, its first and its last clip."""
    first, last = dataset[0], dataset[len(dataset) - 1]
    clips = (first[0][0], first[1][0], last[0][-1], last[1][-1])
    sha256 = hashlib.sha256(msrnn_keras.__version__.encode())
    sha256.update(str(dataset.num_clips).encode())
    for clip in clips:
        sha256.update(f"{clip.shape} ".encode())
        sha256.update(np.ascontiguousarray(clip, "float32").tobytes())
    return sha256.hexdigest()
