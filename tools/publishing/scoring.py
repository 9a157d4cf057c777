"""Score models on data sets and cache the scores in a file."""

import hashlib
import json
from pathlib import Path

import numpy as np

import msrnn_keras
from msrnn_keras.evaluation import evaluate
from msrnn_keras.metrics import (
    RAIN_THRESHOLDS,
    EnsembleRMSE,
    Spread,
    default_metrics,
    threshold_metrics,
)
from msrnn_keras.utils.files import remove_unfinished, write_atomically

SCORES = "scores.json"


class ScoreBook:
    """Scores cached in a JSON file; an unreadable file counts as empty.

    A cached score is reused only for the same weights or baseline, the same
    data (size, first and last clip) and the same version of `msrnn_keras`.
    """

    def __init__(self, path, verbose=0):
        self.path, self.verbose = Path(path), verbose
        remove_unfinished(self.path.parent)

    def score(self, model, identity, split, dataset):
        """Return the scores of a model on a split, from the cache if known.

        `identity` is the digest of the weights or the name of a baseline.
        """
        key = f"{split} {identity} {_digest_data(dataset)}"
        known = self._read()
        if key not in known:
            if self.verbose:
                clips = f"{dataset.num_clips:,} {split} clips"
                print(f"Scoring {model.name} on {clips}", flush=True)
            known[key] = _evaluate(model, dataset, self.verbose)
            text = json.dumps(known, indent=1)
            write_atomically(self.path, lambda path: path.write_text(text))
        return known[key]

    def _read(self):
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}


def _evaluate(model, dataset, verbose):
    """Score a model; rain data also get the scores of rain thresholds."""
    rain = dataset.scaling.unit == "mm/h"
    thresholds = RAIN_THRESHOLDS if rain else ()
    noise = getattr(model, "noise", False)
    metrics = default_metrics(noise) + threshold_metrics(thresholds)
    if noise:
        metrics += [Spread(), EnsembleRMSE()]
    return evaluate(model, dataset, metrics=metrics, verbose=verbose)


def _digest_data(dataset):
    """Hash the package version, data size, first clip and last clip."""
    first, last = dataset[0], dataset[len(dataset) - 1]
    clips = (first[0][0], first[1][0], last[0][-1], last[1][-1])
    sha256 = hashlib.sha256(msrnn_keras.__version__.encode())
    sha256.update(str(dataset.num_clips).encode())
    for clip in clips:
        sha256.update(f"{clip.shape} ".encode())
        sha256.update(np.ascontiguousarray(clip, "float32").tobytes())
    return sha256.hexdigest()
