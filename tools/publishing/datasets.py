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
    grid_step: float | None = None  # km


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
    "radar": DatasetText(
        license="radar composites: CC BY 4.0, KNMI and FMI",
        training=(
            "radar composites at 2 km of the Netherlands (KNMI, 2010-08-26 and "
            "nine evenings of January 2021) and of Finland (FMI, 2016-09-28)"
        ),
        validation=(
            "windows of whole frames for validation (FMI 2017-05-09, KNMI "
            "evening of 2021-01-06)"
        ),
        test="windows of five wet evenings of KNMI, 2021-02-02 to 02-06",
        limits=(
            "Trained on rain over the Netherlands and Finland, most of it of "
            "two days, every 5 minutes at 2 km, as dBZ / 60. Other seasons, "
            "regions, grids and intervals are untested."
        ),
        grid_step=2.0,
    ),
    "recordings": DatasetText(
        license="recordings: the terms of their owner",
        training="recordings of one's own, the first 80 % of the frames",
        validation="windows for validation (the next 10 % of the frames)",
        test="windows of the last 10 % of the frames",
        limits=f"Trained on one collection of recordings. {_OTHER}",
    ),
    "sevir": DatasetText(
        license="SEVIR: the terms of its source, registry.opendata.aws/sevir",
        training="SEVIR, VIL images before 2019-01-01",
        validation="validation clips (2019-01-01 to 2019-06-01)",
        test="clips of SEVIR after 2019-06-01",
        limits=(
            "Trained on vertically integrated liquid over the United States, "
            f"384×384 pixels of 1 km, every 5 minutes. {_OTHER}"
        ),
    ),
}
LICENSES = {name: text.license for name, text in DATASETS.items()}
