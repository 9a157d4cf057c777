"""What model cards say of each data set: its licence, its splits, its limits.

The texts of a split name the clips; the card adds how many there are.
"""

from typing import NamedTuple


class DatasetText(NamedTuple):
    """What a card says of a data set, as parts of sentences.

    Args:
        licence: String, the licence or where its terms are.
        training: String, what the model was trained on.
        validation: String, the validation clips.
        test: String, the test clips.
        limits: String, what the data are like, and the model good for.
        needs_path: Boolean, whether `msrnn` needs `--data PATH` for it.
    """

    licence: str
    training: str
    validation: str
    test: str
    limits: str
    needs_path: bool = True


_KTH = "the terms of its source, www.csc.kth.se/cvap/actions"
_KTH_LIMITS = (
    "Trained on {actions} in front of a plain, still background, "
    "seen from aside at 25 frames a second, gray, {size}×{size}. Other "
    "movements, backgrounds that move, colors and frame rates run, but the "
    "forecasts are only as good as the likeness to that. Limbs blur first."
)

DATASETS = {
    "mnist": DatasetText(
        licence="MNIST: CC BY-SA 3.0",
        training=(
            "Moving MNIST, clips made on the fly from the first 55,000 MNIST "
            "training digits (Y. LeCun and C. Cortes)"
        ),
        validation=(
            "validation clips (digits 55,000-59,999 of the training digits)"
        ),
        test=(
            "clips of the fixed test set, "
            '`msrnn_keras.data.MovingMNIST("test")`, drawn with a fixed seed '
            "from the 10,000 MNIST test digits"
        ),
        limits=(
            "Trained on two digits of 28×28 pixels at one speed in frames of "
            "64×64. Other sizes, numbers of objects, speeds or kinds of "
            "images run, but the forecasts are only as good as the likeness "
            "to that."
        ),
        needs_path=False,
    ),
    "taxibj": DatasetText(
        licence="TaxiBJ: the terms of its source, github.com/lucktroy/DeepST",
        training="TaxiBJ, the slots before the last 56 days",
        validation="validation clips (the 28 days before those of the test)",
        test="clips of the last 28 days of TaxiBJ, one from each slot on",
        limits=(
            "Trained on taxis that enter and leave 32×32 cells of Beijing "
            "each half hour, 2013 to 2016, with the least and greatest counts "
            "of the training part as pixels 0 and 1. Other cities, grids, "
            "intervals and years need training of their own. Holidays and "
            "events are not in the input."
        ),
    ),
    "kth": DatasetText(
        licence=f"KTH: {_KTH}",
        training="KTH Actions, persons 1 to 14, all six actions",
        validation="validation clips (persons 15 and 16)",
        test="clips of KTH Actions, persons 17 to 25, that share no frame",
        limits=_KTH_LIMITS.format(
            actions="one person who walks, jogs, runs, boxes, claps or waves",
            size=128,
        ),
    ),
    "kth-msrnn": DatasetText(
        licence=f"KTH: {_KTH}",
        training="KTH Actions, persons 1 to 14, walking, jogging, running",
        validation="validation clips (persons 15 and 16)",
        test=(
            "clips of KTH Actions, persons 17 to 25, walking, jogging and "
            "running, that share no frame"
        ),
        limits=_KTH_LIMITS.format(
            actions="one person who walks, jogs or runs", size=88
        ),
    ),
    "germany": DatasetText(
        licence="RYDL: the terms of Zenodo record 3629951",
        training=(
            "RYDL, radar composites of Germany, 2006 to 2014, the central "
            "512×512 km at 4 km"
        ),
        validation="validation clips (2015)",
        test="clips of RYDL, 2016 and 2017, that share no frame",
        limits=(
            "Trained on rain over Germany, one frame of 128×128 pixels of "
            "4 km each five minutes. Other climates, radars, resolutions and "
            "intervals run, but the forecasts are only as good as the "
            "likeness to that. Heavy rain is rare and forecast too weak. Not "
            "made for warnings."
        ),
    ),
}
LICENSES = {name: text.licence for name, text in DATASETS.items()}
