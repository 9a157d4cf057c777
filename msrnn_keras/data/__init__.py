"""Data sets and readers that give clips as batches `(past, future)`."""

from msrnn_keras.data.clips import Clips
from msrnn_keras.data.converting import TrainedOn, as_trained
from msrnn_keras.data.crops import Crops
from msrnn_keras.data.datasets.catalog import NAMES, load
from msrnn_keras.data.datasets.digits import (
    digits_source,
    load_digits,
    sample_digits,
)
from msrnn_keras.data.datasets.germany import Germany
from msrnn_keras.data.datasets.kth import KTH
from msrnn_keras.data.datasets.moving_mnist import (
    MovingMNIST,
    moving_digits,
    verify_test_set,
)
from msrnn_keras.data.datasets.official_mnist import OfficialMNIST
from msrnn_keras.data.datasets.radar import Radar
from msrnn_keras.data.datasets.sevir import Sevir
from msrnn_keras.data.datasets.taxibj import TaxiBJ
from msrnn_keras.data.epochs import EpochDataset
from msrnn_keras.data.io.forecasts import forecast_dataset
from msrnn_keras.data.io.radar import from_radar
from msrnn_keras.data.io.read import open_recording as open
from msrnn_keras.data.io.recording import Recording, from_arrays
from msrnn_keras.data.io.stores import from_netcdf
from msrnn_keras.data.io.video import from_video
from msrnn_keras.data.scaling import MinMax, RainRate, Scaling
from msrnn_keras.data.sources import ArraySource, Source

__all__ = [
    "NAMES",
    "ArraySource",
    "Clips",
    "Crops",
    "EpochDataset",
    "Germany",
    "KTH",
    "MinMax",
    "MovingMNIST",
    "OfficialMNIST",
    "Radar",
    "RainRate",
    "Recording",
    "Scaling",
    "Sevir",
    "Source",
    "TaxiBJ",
    "TrainedOn",
    "as_trained",
    "digits_source",
    "forecast_dataset",
    "from_arrays",
    "from_netcdf",
    "from_radar",
    "from_video",
    "load",
    "load_digits",
    "moving_digits",
    "open",
    "sample_digits",
    "verify_test_set",
]
