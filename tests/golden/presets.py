"""Writes what each preset in the repository forecasts, where none is kept.

Run `python -m tests.golden.presets` from the root of the repository once a
preset is published. `forecast` is that of the first unseen clip, to four
decimals.
"""

import numpy as np

import zoo
from msrnn_keras.cli.demo import unseen_clips
from msrnn_keras.presets.registry import MANIFEST, PRESETS, read_manifest
from tests.reference import GOLDEN


def shipped():
    """Return the folders of the Moving-MNIST presets in the repository."""
    return [
        preset.folder
        for preset in read_manifest(MANIFEST)
        if preset.dataset == "mnist" and (PRESETS / preset.folder).is_dir()
    ]


def golden(folder):
    """Path of a preset's forecast."""
    return GOLDEN / f"zoo-{folder.replace('/', '-')}.npz"


def forecast(folder):
    """A preset's forecast of the first unseen clip."""
    model, dataset, variant, revision = folder.split("/")
    loaded = zoo.load(model, dataset, variant, revision=revision)
    past, _ = unseen_clips(loaded, 1).arrays()
    return loaded.predict(past, verbose=0)


def main():
    for folder in shipped():
        if not golden(folder).exists():
            values = np.round(forecast(folder), 4)
            np.savez_compressed(golden(folder), forecast=values)
            print(golden(folder))


if __name__ == "__main__":
    main()
