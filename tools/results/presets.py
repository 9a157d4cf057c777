"""The presets of Moving MNIST, with what a forecast and a step cost."""

from typing import NamedTuple

import zoo
from msrnn_keras.cost import estimate
from tools.publishing.comparison import MULTI_SCALE, counterpart_of

DATASET = "mnist"
BATCH = 8  # clips of a training step whose memory is estimated


class Result(NamedTuple):
    """The newest revision of a preset."""

    name: str  # "ms-convlstm/mnist/small"
    metadata: dict
    flops: int  # of one forecast of one clip
    memory: int  # bytes of the tensors of a training step

    @property
    def model(self):
        """Name of the architecture."""
        return self.metadata["model"]

    @property
    def variant(self):
        """Name of the variant."""
        return self.metadata["variant"]

    @property
    def label(self):
        """Name in figures."""
        return f"{self.model}, {self.variant}"

    @property
    def folder(self):
        """MODEL/DATASET/VARIANT/REVISION."""
        return f"{self.name}/{self.metadata['revision']}"

    @property
    def is_multi_scale(self):
        """Whether maps have several scales."""
        return self.model.startswith(MULTI_SCALE)

    @property
    def clips(self):
        """Training clips, those of the initial weights included."""
        training = self.metadata["training"]
        return training["clips"] + training.get("earlier_clips", 0)

    @property
    def hours(self):
        """Hours of training, those of the initial weights included."""
        training = self.metadata["training"]
        hours = training.get("cpu_hours") or training["hours"]
        return hours + training.get("earlier_hours", 0)

    def score(self, name="mse", protocol="forecast"):
        """Return a test score."""
        return self.metadata["scores"]["test"][protocol][name]

    def history(self):
        """Return hours of training and validation MSE of each epoch."""
        training, points = self.metadata["training"], []
        hours = training.get("earlier_hours", 0)
        for row in training["history"]:
            hours += (row.get("cpu_seconds") or row["seconds"]) / 3600
            points.append((hours, row["val_mse"]))
        return points


def results():
    """Return the `Result`s of Moving MNIST, the lowest MSE first."""
    found = [_result(name) for name in zoo.names(dataset=DATASET)]
    return sorted(found, key=Result.score)


def pairs(found):
    """Return each multi-scale `Result` with its plain counterpart."""
    by_name = {(x.model, x.variant): x for x in found}
    plain = ((x, (counterpart_of(x.model), x.variant)) for x in found)
    return [
        (x, by_name[name])
        for x, name in plain
        if x.is_multi_scale and name in by_name
    ]


def _result(name):
    """Return the `Result` of the newest revision of a preset."""
    model = zoo.load(name, weights=False)
    return Result(
        name,
        zoo.info(name),
        estimate.forecast_flops(model),
        estimate.training_memory(model, BATCH),
    )
