"""Every cell and architecture once; the shared checks run over these lists."""

from typing import NamedTuple

import msrnn_keras


class CellDescriptor(NamedTuple):
    name: str  # as in `msrnn_keras.cells.CELLS`
    cell: type
    options: dict  # every argument, none at its default


class ArchitectureDescriptor(NamedTuple):
    name: str  # as in `msrnn_keras.architectures.ARCHITECTURES`
    golden: str  # file under tests/golden, without its ending
    options: dict  # arguments of `create` that the file was made with


CELLS = [
    CellDescriptor(
        "convlstm",
        msrnn_keras.ConvLSTMCell,
        {"filters": 3, "kernel_size": 5},
    ),
]
GOLDEN = {
    "image_shape": (16, 16, 1),
    "context": 4,
    "horizon": 3,
    "filters": 4,
}
ARCHITECTURES = [
    ArchitectureDescriptor("convlstm", "convlstm", GOLDEN),
    ArchitectureDescriptor("ms-convlstm", "ms-convlstm", GOLDEN),
]
