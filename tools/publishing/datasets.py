"""Texts of model cards about each data set: license, splits and limits."""

from typing import NamedTuple


class DatasetText(NamedTuple):
    """Texts about a data set, as parts of sentences."""

    license: str
    training: str
    validation: str  # the card adds the number of clips
    test: str  # as above
    limits: str  # whole sentences
    needs_path: bool = True  # whether `msrnn` needs `--data PATH`


_OTHER = "The more the input differs from that, the worse are the forecasts."
_KTH = "the terms of its source, www.csc.kth.se/cvap/actions"
_KTH_LIMITS = (
    "Trained on {actions} in front of a plain, static background, filmed from "
    "the side at 25 frames per second, in gray frames of {size}×{size}. "
    f"{_OTHER} Limbs blur first."
)

DATASETS = {
    "mnist": DatasetText(
        license="MNIST: CC BY-SA 3.0",
        training=(
            "Moving MNIST clips generated on the fly from the first 55,000 "
            "MNIST training digits (Y. LeCun and C. Cortes)"
        ),
        validation=(
            "validation clips (training digits 55,000 to 59,999 of MNIST)"
        ),
        test=(
            "clips of the fixed test set, "
            '`msrnn_keras.data.MovingMNIST("test")`, generated with a fixed '
            "seed from the 10,000 MNIST test digits"
        ),
        limits=(
            "Trained on two digits of 28×28 pixels that move at one speed in "
            f"frames of 64×64. {_OTHER}"
        ),
        needs_path=False,
    ),
    "taxibj": DatasetText(
        license="TaxiBJ: the terms of its source, github.com/lucktroy/DeepST",
        training="TaxiBJ, all time slots before the last 56 days",
        validation="validation clips (the 28 days before the test days)",
        test="clips of the last 28 days of TaxiBJ, one from each time slot",
        limits=(
            "Trained on the numbers of taxis that enter and leave 32×32 cells "
            "of Beijing per half hour, 2013 to 2016. Pixels 0 and 1 are the "
            "lowest and the highest count of the training data. Other cities, "
            "grids, intervals and years need their own training. Holidays and "
            "events are not part of the input."
        ),
    ),
    "kth": DatasetText(
        license=f"KTH: {_KTH}",
        training="KTH Actions, persons 1 to 14, all six actions",
        validation="validation clips (persons 15 and 16)",
        test="clips of KTH Actions, persons 17 to 25, without shared frames",
        limits=_KTH_LIMITS.format(
            actions="one person who walks, jogs, runs, boxes, claps or waves",
            size=128,
        ),
    ),
    "kth-msrnn": DatasetText(
        license=f"KTH: {_KTH}",
        training="KTH Actions, persons 1 to 14, walking, jogging, running",
        validation="validation clips (persons 15 and 16)",
        test=(
            "clips of KTH Actions, persons 17 to 25, walking, jogging and "
            "running, without shared frames"
        ),
        limits=_KTH_LIMITS.format(
            actions="one person who walks, jogs or runs", size=88
        ),
    ),
    "germany": DatasetText(
        license="RYDL: the terms of Zenodo record 3629951",
        training=(
            "RYDL, radar composites of Germany, 2006 to 2014, the central "
            "512×512 km at 4 km"
        ),
        validation="validation clips (2015)",
        test="clips of RYDL, 2016 and 2017, without shared frames",
        limits=(
            "Trained on rain over Germany, frames of 128×128 pixels of 4 km "
            f"every five minutes. {_OTHER} Heavy rain is rare, and its "
            "intensity is underestimated. Not intended for warnings."
        ),
    ),
}
LICENSES = {name: text.license for name, text in DATASETS.items()}
